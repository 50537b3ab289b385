#include "tests/lib/test.h"

#include "broker/base/search.h"
#include "broker/base/slice.h"

static void
finds_the_first_that_is_not_below(void **state)
{
    (void)state;
    static const int64_t v[] = {2, 4, 4, 6};
    static const struct {
        int64_t n, sought, at;
    } rows[] = {{0, 4, 0}, {1, 2, 0}, {1, 3, 1}, {4, 1, 0}, {4, 2, 0},
                {4, 3, 1}, {4, 4, 1}, {4, 5, 3}, {4, 6, 3}, {4, 7, 4}};
    for (int k = 0; k < ARRAY_LEN(rows); k++) {
        LOWER_BOUND(at, rows[k].n, i, v[i] < rows[k].sought);
        assert_int_equal(at, rows[k].at);
    }
}

/* As many as an index of that type can have, of which none is there to be looked at. */
static void
counts_of_any_size_do_not_overflow(void **state)
{
    (void)state;
    LOWER_BOUND(of_32, INT32_MAX, i, i < INT32_MAX - 1);
    assert_int_equal(of_32, INT32_MAX - 1);
    LOWER_BOUND(of_64, INT64_MAX, i, true);
    assert_int_equal(of_64, INT64_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_first_that_is_not_below),
        cmocka_unit_test(counts_of_any_size_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
