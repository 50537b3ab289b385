#include "tests/lib/test.h"

#include "broker/base/slice.h"

static void
null_and_empty_differ(void **state)
{
    (void)state;
    assert_false(slice_eq(SLICE_NULL, SLICE_EMPTY));
    assert_true(slice_eq(SLICE_NULL, SLICE_NULL));
    assert_true(slice_eq(SLICE_EMPTY, slice("x", 0)));
    assert_int_equal(slice_cmp(SLICE_NULL, SLICE_EMPTY), -1);
    assert_int_equal(slice_cmp(SLICE_EMPTY, SLICE_NULL), 1);
    assert_int_equal(slice_cmp(SLICE_NULL, SLICE_NULL), 0);
}

static void
order_is_by_unsigned_bytes_then_length(void **state)
{
    (void)state;
    static const struct slice sorted[] = {
        {(const uint8_t *)"", 0},     {(const uint8_t *)"\0", 1},   {(const uint8_t *)"a", 1},
        {(const uint8_t *)"aa", 2},   {(const uint8_t *)"b", 1},    {(const uint8_t *)"\x7f", 1},
        {(const uint8_t *)"\x80", 1}, {(const uint8_t *)"\xff", 1},
    };
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < 8; k++) {
            int c = slice_cmp(sorted[i], sorted[k]);
            assert_int_equal(c, i < k ? -1 : i > k ? 1 : 0);
            assert_int_equal(slice_eq(sorted[i], sorted[k]), i == k);
        }
}

static void
prefixes_and_suffixes_are_found(void **state)
{
    (void)state;
    assert_true(slice_starts(S("orders-0"), S("orders")));
    assert_true(slice_starts(S("orders"), S("")));
    assert_false(slice_starts(S("or"), S("orders")));
    assert_false(slice_starts(S("xorders"), S("orders")));
    assert_true(slice_ends(S("0.log"), S(".log")));
    assert_false(slice_ends(S("log"), S(".log")));
    assert_false(slice_ends(SLICE_NULL, S("")));
}

static void
sub_is_clipped_to_what_is_there(void **state)
{
    (void)state;
    assert_slice(slice_sub(S("orders"), 2, 3), "der");
    assert_slice(slice_sub(S("orders"), 4, 100), "rs");
    assert_slice(slice_sub(S("orders"), 100, 3), "");
    assert_slice(slice_sub(S("orders"), -5, 2), "or");
    assert_slice(slice_sub(S("orders"), 2, -1), "");
    assert_slice(slice_sub(S("orders"), 1, INT64_MAX), "rders");
}

static void
find_and_trim_know_the_ends(void **state)
{
    (void)state;
    assert_int_equal(slice_find(S("a=b=c"), '=', 0), 1);
    assert_int_equal(slice_find(S("a=b=c"), '=', 2), 3);
    assert_int_equal(slice_find(S("a=b=c"), '=', 4), -1);
    assert_slice(slice_trim(S(" \t a b \r\n")), "a b");
    assert_slice(slice_trim(S(" \n ")), "");
}

static void
numbers_are_read_to_the_last_digit_or_not_at_all(void **state)
{
    (void)state;
    int64_t v = 7;
    assert_true(slice_to_i64(S("9223372036854775807"), &v));
    assert_true(v == INT64_MAX);
    assert_true(slice_to_i64(S("-9223372036854775808"), &v));
    assert_true(v == INT64_MIN);
    assert_true(slice_to_i64(S("+0042"), &v));
    assert_int_equal(v, 42);
    static const char *const bad[] = {"",
                                      "-",
                                      "+",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "1 ",
                                      " 1",
                                      "1a",
                                      "0x1",
                                      "99999999999999999999",
                                      "--1",
                                      "1.0"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        v = 7;
        assert_false(slice_to_i64(slice_cstr(bad[i]), &v));
        assert_int_equal(v, 7);
    }
    assert_false(slice_to_i64(SLICE_NULL, &v));
}

static void
a_path_has_the_directory_that_it_stands_in(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"data/logs", "data"},   {"/logs", "/"}, {"logs", "."}, {"a/b/c", "a/b"},
        {"data/logs//", "data"}, {"/", "/"},     {"", "."}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(slice_eq(path_parent(slice_cstr(cases[i][0])), slice_cstr(cases[i][1])));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_and_empty_differ),
        cmocka_unit_test(order_is_by_unsigned_bytes_then_length),
        cmocka_unit_test(prefixes_and_suffixes_are_found),
        cmocka_unit_test(sub_is_clipped_to_what_is_there),
        cmocka_unit_test(find_and_trim_know_the_ends),
        cmocka_unit_test(a_path_has_the_directory_that_it_stands_in),
        cmocka_unit_test(numbers_are_read_to_the_last_digit_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
