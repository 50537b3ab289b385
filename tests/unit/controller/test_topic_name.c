#include "tests/lib/test.h"

#include "broker/controller/topic_name.h"

static char why[512];

static bool
check(struct slice name)
{
    struct writer w = writer_fixed(why, sizeof why - 1);
    bool good = topic_name_check(name, &w);
    why[w.n] = '\0';
    return good;
}

static void
ordinary_names_may_be_used(void **state)
{
    (void)state;
    assert_true(check(S("orders")));
    assert_true(check(S("a.b_c-D9")));
    assert_true(check(S("...")));
    char longest[249];
    memset(longest, 'x', sizeof longest);
    assert_true(check(slice(longest, 249)));
    assert_string_equal(why, "");
}

static void
others_are_refused_with_a_reason(void **state)
{
    (void)state;
    assert_false(check(S("")));
    assert_string_equal(why, "Topic name is invalid: the empty string is not allowed");
    assert_false(check(S(".")));
    assert_string_equal(why, "Topic name is invalid: '.' is not allowed");
    assert_false(check(S("..")));
    assert_false(check(S("a b")));
    assert_string_equal(why, "Topic name is invalid: 'a b' contains one or more characters other "
                             "than ASCII alphanumerics, '.', '_' and '-'");
    assert_false(check(S("a\0b")));
    assert_false(check(S("\303\244")));
    char too_long[250];
    memset(too_long, 'x', sizeof too_long);
    assert_false(check(slice(too_long, 250)));
    assert_non_null(strstr(why, "longer than the max allowed length 249"));
}

static void
dots_and_underscores_collide(void **state)
{
    (void)state;
    assert_true(topic_names_collide(S("a.b"), S("a_b")));
    assert_true(topic_names_collide(S("a.b_c"), S("a_b.c")));
    assert_false(topic_names_collide(S("a.b"), S("a-b")));
    assert_false(topic_names_collide(S("a.b"), S("a_bc")));
    assert_true(topic_name_can_collide(S("a_b")));
    assert_false(topic_name_can_collide(S("ab-c")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_names_may_be_used),
        cmocka_unit_test(others_are_refused_with_a_reason),
        cmocka_unit_test(dots_and_underscores_collide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
