#include "tests/lib/test.h"
#include "visualize/scale.h"

#define S1 1000000000LL

static struct mem mem;

static int
setup(void **state)
{
    (void)state;
    test_mem_init(&mem);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    mem_release(&mem);
    return 0;
}

static void
time_is_linear_where_something_happens_all_the_time(void **state)
{
    (void)state;
    int64_t at[9];
    struct scale s;
    for (int i = 0; i < 9; i++) at[i] = (i + 1) * S1;
    scale_make(&s, &mem, 0, 10 * S1, at, 9, 100, 1100);
    assert_int_equal(s.kept.n, 1);
    for (int i = 0; i <= 10; i++) assert_int_equal(scale_x(&s, i * S1), 100 + 100 * i);
    scale_release(&s);
}

static void
a_long_silence_is_cut_and_both_sides_keep_one_scale(void **state)
{
    (void)state;
    const int64_t at[] = {1 * S1, 2 * S1, 100 * S1, 101 * S1};
    struct scale s;
    scale_make(&s, &mem, 0, 102 * S1, at, 4, 0, 1000);
    assert_int_equal(s.kept.n, 2);
    assert_int_equal(s.kept.v[1].x0 - s.kept.v[0].x1, SCALE_CUT_PX);
    int64_t before = scale_x(&s, 2 * S1) - scale_x(&s, 1 * S1);
    int64_t after = scale_x(&s, 101 * S1) - scale_x(&s, 100 * S1);
    assert_in_range(before, after - 1, after + 1);
    assert_true(before > 50);
    assert_int_equal(scale_x(&s, 50 * S1), (s.kept.v[0].x1 + s.kept.v[1].x0) / 2);
    scale_release(&s);
}

static void
x_never_goes_back_and_stays_between_the_ends(void **state)
{
    (void)state;
    const int64_t at[] = {S1 / 2, 3 * S1, 20 * S1, 21 * S1, 70 * S1};
    struct scale s;
    scale_make(&s, &mem, 0, 90 * S1, at, 5, 10, 900);
    int64_t last = 10;
    for (int64_t t = -S1; t < 95 * S1; t += S1 / 7) {
        int64_t x = scale_x(&s, t);
        assert_true(x >= last && x <= 900);
        last = x;
    }
    assert_int_equal(last, 900);
    assert_int_equal(scale_x(&s, 90 * S1), 900);
    scale_release(&s);
}

static void
moments_are_never_within_a_cut(void **state)
{
    (void)state;
    const int64_t at[] = {5 * S1, 30 * S1, 31 * S1, 77 * S1};
    struct scale s;
    scale_make(&s, &mem, 0, 100 * S1, at, 4, 0, 1000);
    assert_true(s.kept.n > 1);
    for (int i = 0; i < 4; i++) assert_true(scale_shows(&s, at[i]));
    assert_false(scale_shows(&s, 50 * S1));
    assert_false(scale_shows(&s, -1));
    assert_false(scale_shows(&s, 101 * S1));
    scale_release(&s);
}

static void
ticks_are_one_two_or_five_times_a_power_of_ten(void **state)
{
    (void)state;
    const struct {
        int64_t length, tick;
    } t[] = {{10 * S1, S1}, {12 * S1, 2 * S1}, {30 * S1, 5 * S1}, {S1 / 100, S1 / 1000}};
    for (int i = 0; i < 4; i++) {
        struct scale s;
        int64_t at[20];
        for (int k = 0; k < 20; k++) at[k] = t[i].length / 20 * k;
        scale_make(&s, &mem, 0, t[i].length, at, 20, 0, 1000);
        assert_int_equal(s.kept.n, 1);
        assert_int_equal(scale_tick_ns(&s, 10), t[i].tick);
        scale_release(&s);
    }
}

static void
a_run_without_length_can_be_drawn(void **state)
{
    (void)state;
    struct scale s;
    scale_make(&s, &mem, 5, 5, NULL, 0, 7, 90);
    assert_in_range(scale_x(&s, 5), 7, 90);
    assert_true(scale_tick_ns(&s, 10) > 0);
    scale_release(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(time_is_linear_where_something_happens_all_the_time, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_long_silence_is_cut_and_both_sides_keep_one_scale, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(x_never_goes_back_and_stays_between_the_ends, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(moments_are_never_within_a_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(ticks_are_one_two_or_five_times_a_power_of_ten, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_run_without_length_can_be_drawn, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
