/* sasl.jaas.config: what Java's parser takes is taken, what it refuses is refused, and no password is told. */
#include "tests/lib/test.h"

#include "broker/base/fmt.h"
#include "broker/security/jaas.h"
#include "broker/security/mechanism.h"
#include "tests/unit/security/fixture.h"

static struct jaas jaas;

static void
an_entry_has_a_module_and_options(void **state)
{
    (void)state;
    assert_true(jaas_parse(S("org.apache.kafka.common.security.plain.PlainLoginModule required \n"
                             "  username=\"broker\" password='it\\'s' // both\n"
                             "  user_alice=\"a\\\"b\\\\c\\x\\101\" /* more */ "
                             "user_alice-2.b=wonder user_broker=\"\";\n"),
                           &arena, &jaas, &said));
    assert_true(slice_eq(jaas.module, sasl_mechanism_module(SASL_PLAIN)));
    assert_int_equal(jaas.options_n, 5);
    assert_slice(jaas_option(&jaas, S("username")), "broker");
    assert_slice(jaas_option(&jaas, S("password")), "it's");
    assert_slice(jaas_user(&jaas, S("alice")), "a\"b\\cxA");
    assert_slice(jaas_user(&jaas, S("alice-2.b")), "wonder");
    assert_slice(jaas_user(&jaas, S("broker")), "");
    assert_null(jaas_user(&jaas, S("mallory")).p);
    assert_null(jaas_option(&jaas, S("user_")).p);
}

static void
of_two_options_the_last_counts(void **state)
{
    (void)state;
    assert_true(jaas_parse(S("m OPTIONAL user_a=\"1\" user_a=\"2\";"), &arena, &jaas, &said));
    assert_slice(jaas_user(&jaas, S("a")), "2");
    assert_slice(jaas_option(&jaas, S("user_a")), "2");
}

static void
a_mistake_is_told_without_the_value(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        ";",
        "m",
        "m perhaps a=\"hunter2\";",
        "m required a=\"hunter2\"",
        "m required a=\"hunter2",
        "m required a=\"hunter2\n\";",
        "m required a hunter2;",
        "m required a=;",
        "m required a=1hunter2;",
        "m required =\"hunter2\";",
        "m required a=\"hunter2\" ,;",
        "m required a=\"hunter2\"; n required b=\"hunter2\";",
        "m required a=\"hunter2\" /* ;",
    };
    for (int i = 0; i < ARRAY_LEN(bad); i++) {
        said.n = 0;
        assert_false(jaas_parse(slice_cstr(bad[i]), &arena, &jaas, &said));
        assert_true(said.n > 0);
        for (int64_t k = 0; k < said.n; k++)
            assert_false(slice_starts(slice_sub(writer_slice(&said), k, 99), S("hunter2")));
    }
}

static void
what_it_takes_is_bounded_by_the_text(void **state)
{
    (void)state;
    struct writer w = writer_mem(&mem);
    fmt_str(&w, "m required");
    for (int i = 0; i < 20000; i++) fmt_str(&w, " a=\"\"");
    fmt_str(&w, ";");
    int64_t before = mem.used_bytes;
    assert_true(jaas_parse(writer_slice(&w), &arena, &jaas, &said));
    assert_int_equal(jaas.options_n, 20000);
    assert_in_range(mem.used_bytes - before, 0, 16 * w.n);
}

static void
mechanisms_have_names(void **state)
{
    (void)state;
    for (enum sasl_mechanism m = 0; m < SASL_MECHANISMS_N; m++) {
        assert_int_equal(sasl_mechanism_find(sasl_mechanism_name(m)), m);
        assert_int_equal(sasl_mechanism_of_prefix(sasl_mechanism_name(m)), SASL_MECHANISMS_N);
    }
    assert_int_equal(sasl_mechanism_find(S("plain")), SASL_MECHANISMS_N);
    assert_int_equal(sasl_mechanism_find(S("GSSAPI")), SASL_MECHANISMS_N);
    assert_int_equal(sasl_mechanism_of_prefix(S("scram-sha-512")), SASL_SCRAM_SHA_512);
    assert_int_equal(sasl_mechanism_of_prefix(S("plai")), SASL_MECHANISMS_N);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_entry_has_a_module_and_options),
        CASE(of_two_options_the_last_counts),
        CASE(a_mistake_is_told_without_the_value),
        CASE(what_it_takes_is_bounded_by_the_text),
        CASE(mechanisms_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
