/* PLAIN's one token, and whom it lets in. */
#include "tests/lib/test.h"

#include "broker/security/plain.h"
#include "broker/security/secret.h"
#include "tests/unit/security/fixture.h"

static struct jaas users;

static int
set_up_users(void **state)
{
    set_up(state);
    assert_true(jaas_parse(S("m required user_alice=\"wonder\" user_=\"nobody\" user_bob=\"\";"),
                           &arena, &users, &said));
    return 0;
}

static void
a_token_has_three_parts(void **state)
{
    (void)state;
    struct plain_token t = {0};
    assert_int_equal(plain_read(S("z\0alice\0wonder"), &t), 3);
    assert_slice(t.authorisation_id, "z");
    assert_slice(t.user, "alice");
    assert_slice(t.password, "wonder");
    assert_int_equal(plain_read(S("\0\0"), &t), 3);
    assert_int_equal(t.user.n + t.password.n + t.authorisation_id.n, 0);
    assert_int_equal(plain_read(SLICE_EMPTY, &t), 1);
    assert_int_equal(plain_read(S("alice\0wonder"), &t), 2);
    assert_int_equal(plain_read(S("\0alice\0wonder\0"), &t), 4);
    assert_int_equal(plain_read(S("\0\0\0\0\0\0\0"), &t), 4);
}

#define TOKEN(text) text, sizeof(text) - 1
#define NO "Authentication failed: "

/* The texts are those of Apache Kafka 4.4. */
static void
he_who_knows_the_password_is_let_in(void **state)
{
    (void)state;
    static const struct {
        const char *token;
        int64_t n;
        const char *refusal;
    } rows[] = {
        {TOKEN("\0alice\0wonder"), NULL},
        {TOKEN("alice\0alice\0wonder"), NULL},
        {TOKEN("bob\0alice\0wonder"),
         NO "Client requested an authorization id that is different from username"},
        {TOKEN("\0alice\0wonde"), NO "Invalid username or password"},
        {TOKEN("\0alice\0wonder "), NO "Invalid username or password"},
        {TOKEN("\0alice\0wonderwonder"), NO "Invalid username or password"},
        {TOKEN("\0Alice\0wonder"), NO "Invalid username or password"},
        {TOKEN("\0mallory\0mallory"), NO "Invalid username or password"},
        {TOKEN("\0alice\0"), NO "password not specified"},
        {TOKEN("\0\0nobody"), NO "username not specified"},
        {TOKEN("\0bob\0x"), NO "Invalid username or password"},
    };
    for (int i = 0; i < ARRAY_LEN(rows); i++) {
        struct plain_token t;
        assert_int_equal(plain_read(slice(rows[i].token, rows[i].n), &t), 3);
        struct slice refusal = plain_check(&t, &users);
        assert_true(slice_eq(refusal, slice_cstr(rows[i].refusal)));
    }
}

static void
a_secret_that_is_forgotten_is_overwritten(void **state)
{
    (void)state;
    uint8_t room[] = "wonder";
    secret_forget(slice(room, 5));
    assert_memory_equal(room, "\0\0\0\0\0r", 6);
    secret_forget(SLICE_NULL);
}

static void
secrets_are_equal_as_a_whole(void **state)
{
    (void)state;
    assert_true(secret_eq(S("wonder"), S("wonder")));
    assert_true(secret_eq(SLICE_EMPTY, SLICE_EMPTY));
    assert_false(secret_eq(S("wonder"), S("Wonder")));
    assert_false(secret_eq(S("wonder"), S("wondeR")));
    assert_false(secret_eq(S("abab"), S("ab")));
    assert_false(secret_eq(SLICE_EMPTY, S("ab")));
    assert_false(secret_eq(S("ab"), SLICE_EMPTY));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up_users, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_token_has_three_parts),
        CASE(he_who_knows_the_password_is_let_in),
        CASE(secrets_are_equal_as_a_whole),
        CASE(a_secret_that_is_forgotten_is_overwritten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
