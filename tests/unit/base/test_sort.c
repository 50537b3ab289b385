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

struct numbered {
    int key, number;
};

static int
by_key(const void *a, const void *b, const void *ctx)
{
    const struct numbered *x = a, *y = b;
    const int *sign = ctx;
    return *sign * (x->key - y->key);
}

static void
equals_stay_in_their_order(void **state)
{
    (void)state;
    static const int up = 1, down = -1;
    struct numbered v[100], spare[100];
    for (int i = 0; i < 100; i++) v[i] = (struct numbered){i * 37 % 7, i};
    merge_sort(v, 100, (int64_t)sizeof *v, by_key, &up, spare);
    for (int i = 1; i < 100; i++)
        assert_true(v[i - 1].key < v[i].key ||
                    (v[i - 1].key == v[i].key && v[i - 1].number < v[i].number));
    assert_int_equal(merge_sort_unique(v, 100, (int64_t)sizeof *v, by_key, &down, spare), 7);
    for (int i = 0; i < 7; i++) assert_int_equal(v[i].key, 6 - i);
    /* The first of each. */
    assert_int_equal(v[6].number, 0);
    assert_int_equal(merge_sort_unique(v, 0, (int64_t)sizeof *v, by_key, &up, spare), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_sorted_and_stand_once),
        cmocka_unit_test(any_number_in_any_order_is_sorted),
        cmocka_unit_test(equals_stay_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
