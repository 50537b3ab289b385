#include "tests/lib/test.h"

#include "broker/base/java_hash.h"

static void
java_strings_hash_over_utf16_units(void **state)
{
    (void)state;
    assert_int_equal(java_string_hash(S("")), 0);
    assert_int_equal(java_string_hash(S("a")), 97);
    assert_int_equal(java_string_hash(S("connect-cluster")), 1440343063);
    /* U+1F600 is the pair d83d de00. */
    assert_int_equal(java_string_hash(S("\xf0\x9f\x98\x80")), 0xd83d * 31 + 0xde00);
    assert_int_equal(java_string_hash(S("\xce\xbb")), 0x3bb);
}

static void
the_absolute_value_of_the_least_number_is_zero(void **state)
{
    (void)state;
    assert_int_equal(java_string_hash(S("polygenelubricants")), INT32_MIN);
    assert_int_equal(java_abs(INT32_MIN), 0);
    assert_int_equal(java_abs(-5), 5);
    assert_int_equal(java_abs(5), 5);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(java_strings_hash_over_utf16_units),
        cmocka_unit_test(the_absolute_value_of_the_least_number_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
