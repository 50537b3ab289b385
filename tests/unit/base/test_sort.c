#include "tests/lib/test.h"

#include "broker/base/sort.h"

#define N 1000

static void
texts_are_sorted_and_stand_once(void **state)
{
    (void)state;
    struct slice v[] = {S("b"), S("a"), S(""), S("b"), S("aa"), S("a"), S("b")}, spare[7];
    assert_int_equal(slices_sort_unique(v, 7, spare), 4);
    assert_true(slice_eq(v[0], S("")));
    assert_true(slice_eq(v[1], S("a")));
    assert_true(slice_eq(v[2], S("aa")));
    assert_true(slice_eq(v[3], S("b")));
}

static void
any_number_in_any_order_is_sorted(void **state)
{
    (void)state;
    static uint8_t text[N][2];
    static struct slice v[N], spare[N];
    for (int64_t n = 0; n < N; n += 1 + n / 3) {
        for (int64_t i = 0; i < n; i++) {
            int64_t k = (n - i) * 7919 % N; /* each once: 7919 and 1000 have no common factor */
            text[i][0] = (uint8_t)(k >> 8), text[i][1] = (uint8_t)k;
            v[i] = slice(text[i], 2);
        }
        assert_int_equal(slices_sort_unique(v, n, spare), n);
        for (int64_t i = 1; i < n; i++) assert_true(slice_cmp(v[i - 1], v[i]) < 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_sorted_and_stand_once),
        cmocka_unit_test(any_number_in_any_order_is_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
