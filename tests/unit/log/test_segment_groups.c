#include "tests/lib/test.h"

#include "broker/log/segment_groups.h"

static void
neighbours_go_together_as_long_as_they_fit(void **state)
{
    (void)state;
    struct group_segment v[] = {
        {0, 10, 40, 8, 12}, {10, 20, 60, 8, 12}, {20, 30, 1, 8, 12}, {30, 40, 200, 8, 12}};
    assert_int_equal(segment_group_end(v, 4, 0, 100, 1000), 2);
    assert_int_equal(segment_group_end(v, 4, 2, 100, 1000), 3);
    assert_int_equal(segment_group_end(v, 4, 3, 100, 1000), 4); /* alone, though too large */
    assert_int_equal(segment_group_end(v, 4, 0, 1000, 1000), 4);
    assert_int_equal(segment_group_end(v, 4, 0, 1000, 24), 2); /* the time index */
}

static void
offsets_stay_within_32_bits_of_the_base(void **state)
{
    (void)state;
    int64_t far = (int64_t)INT32_MAX + 1;
    struct group_segment v[] = {{0, 10, 1, 0, 0}, {10, far, 1, 0, 0}, {far, far + 1, 1, 0, 0}};
    assert_int_equal(segment_group_end(v, 3, 0, 100, 100), 2);
    v[2].size_bytes = 0; /* without batches there is no offset */
    assert_int_equal(segment_group_end(v, 3, 0, 100, 100), 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_go_together_as_long_as_they_fit),
        cmocka_unit_test(offsets_stay_within_32_bits_of_the_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
