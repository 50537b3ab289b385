/* SCRAM's messages: those of RFC 7677, and what Kafka's parsers refuse. */
#include "tests/lib/test.h"

#include "broker/security/base64.h"
#include "broker/security/scram_message.h"
#include "tests/unit/security/fixture.h"

#define NONCE "rOprNGfwEbeRWgbNEkqO"
#define BOTH NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
#define SALT "W22ZaJ0SNY7soEsUEjb6gQ=="
#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

static void
the_clients_first_is_read_and_written(void **state)
{
    (void)state;
    struct scram_client_first m;
    assert_true(scram_read_client_first(S("n,,n=user,r=" NONCE), &arena, &m));
    assert_slice(m.header, "n,,");
    assert_slice(m.bare, "n=user,r=" NONCE);
    assert_slice(m.user, "user");
    assert_slice(m.nonce, NONCE);
    assert_null(m.authorisation_id.p);
    assert_false(m.is_for_token);
    scram_write_client_first(&said, S("user"), S(NONCE));
    assert_slice(writer_slice(&said), "n,,n=user,r=" NONCE);
}

static void
names_may_have_commas_and_equals_signs(void **state)
{
    (void)state;
    struct scram_client_first m;
    assert_true(scram_read_client_first(S("n,a=x=2Cy,m=z,n=a=3Db=2C,r=1,who=me,tokenauth=true"),
                                        &arena, &m));
    assert_slice(m.header, "n,a=x=2Cy,");
    assert_slice(m.authorisation_id, "x,y");
    assert_slice(m.user, "a=b,");
    assert_slice(m.bare, "m=z,n=a=3Db=2C,r=1,who=me,tokenauth=true");
    assert_true(m.is_for_token);
    scram_write_client_first(&said, S("a=b,"), S("1"));
    assert_slice(writer_slice(&said), "n,,n=a=3Db=2C,r=1");
}

static void
a_first_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "n",
        "n,",
        "n,,",
        "n,,n=user",
        "n,,n=,r=1",
        "n,,r=1,n=user",
        "n,,n=user,r=",
        "n,,n=user,r=a b",
        "n,,n=user,r=\x7f",
        "n,,n=us=er,r=1",
        "n,,n=us=2cer,r=1",
        "n,,n=us\xc3\xa9r,r=1",
        "n,a=,n=user,r=1",
        "n,b=x,n=user,r=1",
        "y,,n=user,r=1",
        "p=tls-unique,,n=user,r=1",
        "n,,m=,n=user,r=1",
        "n,,n=user,r=1,",
        "n,,n=user,r=1,x",
        "n,,n=user,r=1,x1=y",
        "n,,n=user,r=1,x=",
    };
    struct scram_client_first m;
    for (int i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(scram_read_client_first(slice_cstr(bad[i]), &arena, &m));
    assert_false(scram_read_client_first(slice("n,,n=us\0er,r=1", 14), &arena, &m));
}

static void
the_servers_first_is_read_and_written(void **state)
{
    (void)state;
    struct scram_server_first m;
    assert_true(scram_read_server_first(S("r=" BOTH ",s=" SALT ",i=4096"), &arena, &m));
    assert_slice(m.nonce, BOTH);
    assert_int_equal(m.salt.n, 16);
    assert_int_equal(m.iterations, 4096);
    scram_write_server_first(&said, &m);
    assert_slice(writer_slice(&said), "r=" BOTH ",s=" SALT ",i=4096");
    static const char *const bad[] = {
        "r=" BOTH ",s=" SALT,
        "r=" BOTH ",s=W22,i=4096",
        "r=" BOTH ",s=" SALT ",i=4095",
        "r=" BOTH ",s=" SALT ",i=0",
        "r=" BOTH ",s=" SALT ",i=1e9",
        "r=" BOTH ",s=" SALT ",i=2000000000",
        "e=invalid-proof",
        "s=" SALT ",r=1,i=4096",
    };
    for (int i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(scram_read_server_first(slice_cstr(bad[i]), &arena, &m));
}

static void
the_clients_last_is_read_and_written(void **state)
{
    (void)state;
    struct scram_client_final m;
    struct slice text = S("c=biws,r=" BOTH ",p=" PROOF);
    assert_true(scram_read_client_final(text, &arena, &m));
    assert_slice(m.binding, "n,,");
    assert_slice(m.nonce, BOTH);
    assert_int_equal(m.proof.n, 32);
    assert_slice(m.without_proof, "c=biws,r=" BOTH);
    scram_write_client_final(&said, m.nonce);
    scram_write_proof(&said, m.proof);
    assert_true(slice_eq(writer_slice(&said), text));
    assert_true(scram_read_client_final(S("c=biws,r=1,x=y,p=" PROOF), &arena, &m));
    assert_slice(m.without_proof, "c=biws,r=1,x=y");
    static const char *const bad[] = {
        "",
        "c=biws",
        "c=biws,r=1",
        "c=biws,r=1,p=",
        "c=biw,r=1,p=" PROOF,
        "c=biws,r=1,p=" PROOF ",x=y",
        "c=biws,r=1,p=dHz",
        "r=1,c=biws,p=" PROOF,
        "c=biws,r=1,,p=" PROOF,
    };
    for (int i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(scram_read_client_final(slice_cstr(bad[i]), &arena, &m));
}

static void
the_servers_last_is_a_signature_or_none(void **state)
{
    (void)state;
    struct slice signature;
    assert_true(scram_read_server_final(S("v=" PROOF), &arena, &signature));
    assert_int_equal(signature.n, 32);
    scram_write_server_final(&said, signature);
    assert_slice(writer_slice(&said), "v=" PROOF);
    assert_false(scram_read_server_final(S("e=other-error"), &arena, &signature));
    assert_false(scram_read_server_final(SLICE_EMPTY, &arena, &signature));
}

static void
base64_has_one_spelling(void **state)
{
    (void)state;
    struct slice s;
    assert_true(base64_read(S("Zm9v"), &arena, &s));
    assert_slice(s, "foo");
    assert_true(base64_read(S("Zm8="), &arena, &s));
    assert_slice(s, "fo");
    assert_true(base64_read(S("Zg=="), &arena, &s));
    assert_slice(s, "f");
    assert_true(base64_read(SLICE_EMPTY, &arena, &s));
    assert_int_equal(s.n, 0);
    static const char *const bad[] = {
        "Zm9", "Zm9=", "Zh==", "Z===", "====", "Zm9v=", "Zm-v", "Zm 9", "=m9v"};
    for (int i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(base64_read(slice_cstr(bad[i]), &arena, &s));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_clients_first_is_read_and_written),
        CASE(names_may_have_commas_and_equals_signs),
        CASE(a_first_that_is_none_is_refused),
        CASE(the_servers_first_is_read_and_written),
        CASE(the_clients_last_is_read_and_written),
        CASE(the_servers_last_is_a_signature_or_none),
        CASE(base64_has_one_spelling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
