/* Credentials of SCRAM are set, changed and taken away: what is answered, and what the image has then. */
#include "tests/unit/controller/fixture.h"

typedef struct k_alter_user_scram_credentials_request_scram_credential_upsertion upsertion;
typedef struct k_alter_user_scram_credentials_request_scram_credential_deletion deletion;
typedef struct k_alter_user_scram_credentials_response response;

static upsertion
give(struct slice user, int8_t mechanism, int32_t iterations, struct slice keys)
{
    upsertion u;
    codec_default_struct(K_STRUCT_ALTER_USER_SCRAM_CREDENTIALS_REQUEST_SCRAM_CREDENTIAL_UPSERTION,
                         &u);
    u.name = user;
    u.mechanism = mechanism;
    u.iterations = iterations;
    u.salt = S("salt");
    u.salted_password = keys;
    return u;
}

static deletion
take(struct slice user, int8_t mechanism)
{
    deletion d;
    codec_default_struct(K_STRUCT_ALTER_USER_SCRAM_CREDENTIALS_REQUEST_SCRAM_CREDENTIAL_DELETION,
                         &d);
    d.name = user;
    d.mechanism = mechanism;
    return d;
}

static const response *
alter(upsertion *u, int32_t u_n, deletion *d, int32_t d_n)
{
    struct k_alter_user_scram_credentials_request r;
    codec_default(K_MSG_ALTER_USER_SCRAM_CREDENTIALS_REQUEST, &r);
    r.upsertions = u, r.upsertions_n = u_n;
    r.deletions = d, r.deletions_n = d_n;
    return answer_to(K_API_ALTER_USER_SCRAM_CREDENTIALS, 0, &r);
}

static void
a_credential_is_set_changed_and_taken_away(void **state)
{
    (void)state;
    activate();
    upsertion u = give(S("alice"), 1, 4096, S("storedserver"));
    assert_int_equal(alter(&u, 1, NULL, 0)->results[0].error_code, K_ERR_NONE);
    const struct image_scram *s = image_scram(&w.committed, S("alice"), 1);
    assert_non_null(s);
    assert_slice(s->stored_key, "stored");
    assert_slice(s->server_key, "server");
    assert_slice(s->salt, "salt");
    assert_int_equal(s->iterations, 4096);
    assert_null(image_scram(&w.committed, S("alice"), 2));
    assert_null(image_scram(&w.committed, S("alic"), 1));

    u = give(S("alice"), 1, 16384, S("STOREDSERVER"));
    assert_int_equal(alter(&u, 1, NULL, 0)->results[0].error_code, K_ERR_NONE);
    assert_slice(image_scram(&w.committed, S("alice"), 1)->stored_key, "STORED");
    assert_int_equal(w.committed.scrams.n, 1);

    deletion d = take(S("alice"), 1);
    assert_int_equal(alter(NULL, 0, &d, 1)->results[0].error_code, K_ERR_NONE);
    assert_null(image_scram(&w.committed, S("alice"), 1));
    const response *again = alter(NULL, 0, &d, 1);
    assert_int_equal(again->results[0].error_code, K_ERR_RESOURCE_NOT_FOUND);
    assert_slice(again->results[0].error_message,
                 "Attempt to delete a user credential that does not exist");
}

/* The texts are those of Apache Kafka 4.4. */
static void
what_is_wrong_is_told_for_each_user(void **state)
{
    (void)state;
    activate();
    upsertion u[] = {
        give(S("few"), 1, 4095, S("ab")),   give(S("many"), 2, 16385, S("ab")),
        give(S(""), 1, 4096, S("ab")),      give(S("odd"), 3, 4096, S("ab")),
        give(S("twice"), 1, 4096, S("ab")), give(S("twice"), 2, 4096, S("ab")),
        give(S("good"), 2, 4096, S("ab")),
    };
    const response *r = alter(u, ARRAY_LEN(u), NULL, 0);
    static const struct {
        const char *user, *why;
        int16_t err;
    } wanted[] = {
        {"few", "Too few iterations", K_ERR_UNACCEPTABLE_CREDENTIAL},
        {"many", "Too many iterations", K_ERR_UNACCEPTABLE_CREDENTIAL},
        {"", "Username must not be empty", K_ERR_UNACCEPTABLE_CREDENTIAL},
        {"odd", "Unknown SCRAM mechanism", K_ERR_UNSUPPORTED_SASL_MECHANISM},
        {"twice", "A user credential cannot be altered twice in the same request",
         K_ERR_DUPLICATE_RESOURCE},
        {"good", NULL, K_ERR_NONE},
    };
    assert_int_equal(r->results_n, ARRAY_LEN(wanted));
    for (int32_t i = 0; i < r->results_n; i++) {
        assert_true(slice_eq(r->results[i].user, slice_cstr(wanted[i].user)));
        assert_int_equal(r->results[i].error_code, wanted[i].err);
        assert_true(!wanted[i].why ||
                    slice_eq(r->results[i].error_message, slice_cstr(wanted[i].why)));
    }
    assert_int_equal(w.committed.scrams.n, 1);
    assert_non_null(image_scram(&w.committed, S("good"), 2));
}

static void
credentials_outlive_the_controller(void **state)
{
    (void)state;
    activate();
    upsertion u[] = {give(S("b"), 1, 4096, S("ab")), give(S("a"), 2, 4096, S("cd"))};
    alter(u, 2, NULL, 0);
    u[0] = give(S("a"), 1, 4096, S("ef"));
    alter(u, 1, NULL, 0);
    controller_resign(w.c);
    activate();
    const struct image *im = controller_image(w.c);
    assert_int_equal(im->scrams.n, 3);
    assert_slice(im->scrams.v[0].user, "a");
    assert_int_equal(im->scrams.v[0].mechanism, 1);
    assert_int_equal(im->scrams.v[1].mechanism, 2);
    assert_slice(im->scrams.v[2].user, "b");
    assert_slice(image_scram(im, S("a"), 2)->stored_key, "c");
}

int
main(void)
{
    fixture_use();
    const struct CMUnitTest tests[] = {
        TEST(a_credential_is_set_changed_and_taken_away),
        TEST(what_is_wrong_is_told_for_each_user),
        TEST(credentials_outlive_the_controller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
