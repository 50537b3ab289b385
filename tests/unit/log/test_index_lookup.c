#include "broker/log/index_lookup.h"
#include "tests/lib/test.h"

static struct offset_entry offsets[] = {{9, 100}, {19, 200}, {29, 300}};
static struct time_entry times[] = {{1000, 9}, {2000, 19}};

static struct segment_index
all(void)
{
    struct segment_index x = {0};
    x.offsets.v = offsets, x.offsets.n = 3;
    x.times.v = times, x.times.n = 2;
    return x;
}

static void
the_floor_is_the_last_at_or_below(void **state)
{
    (void)state;
    struct segment_index x = all(), none = {0};
    assert_null(index_floor(&x, 8));
    assert_int_equal(index_floor(&x, 9)->position, 100);
    assert_int_equal(index_floor(&x, 28)->position, 200);
    assert_int_equal(index_floor(&x, INT32_MAX)->position, 300);
    assert_null(index_floor(&none, 5));
}

static void
positions_have_a_floor_and_a_ceiling(void **state)
{
    (void)state;
    struct segment_index x = all(), none = {0};
    assert_null(index_floor_position(&x, 99));
    assert_int_equal(index_floor_position(&x, 200)->offset, 19);
    assert_int_equal(index_ceiling_position(&x, 0)->offset, 9);
    assert_int_equal(index_ceiling_position(&x, 200)->offset, 19);
    assert_int_equal(index_ceiling_position(&x, 201)->offset, 29);
    assert_null(index_ceiling_position(&x, 301));
    assert_null(index_ceiling_position(&none, 0));
}

static void
a_time_is_looked_for_strictly_before(void **state)
{
    (void)state;
    struct segment_index x = all();
    assert_null(index_before_time(&x, 1000));
    assert_int_equal(index_before_time(&x, 1001)->offset, 9);
    assert_int_equal(index_before_time(&x, 2000)->offset, 9);
    assert_int_equal(index_before_time(&x, INT64_MAX)->offset, 19);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_floor_is_the_last_at_or_below),
        cmocka_unit_test(positions_have_a_floor_and_a_ceiling),
        cmocka_unit_test(a_time_is_looked_for_strictly_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
