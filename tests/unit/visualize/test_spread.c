#include "tests/lib/test.h"

#include "visualize/spread.h"

static void
what_has_room_stays_where_it_belongs(void **state)
{
    (void)state;
    struct spread_one v[] = {{100, 10}, {120, 10}, {200, 10}};
    spread(v, 3, 0, 1000);
    assert_int_equal(v[0].x, 100);
    assert_int_equal(v[1].x, 120);
    assert_int_equal(v[2].x, 200);
}

static void
what_is_close_stands_around_its_middle(void **state)
{
    (void)state;
    struct spread_one v[] = {{100, 10}, {100, 10}, {103, 10}, {300, 10}};
    spread(v, 4, 0, 1000);
    assert_int_equal(v[0].x, 81);
    assert_int_equal(v[1].x, 101);
    assert_int_equal(v[2].x, 121);
    assert_int_equal(v[3].x, 300);
}

/* Wider ones need more room; at an edge all move, and at both what is in the middle, too. */
static void
nothing_stands_over_another_or_beyond_the_edge(void **state)
{
    (void)state;
    for (int64_t step = 0; step < 30; step++) {
        struct spread_one v[16];
        for (int i = 0; i < 16; i++) v[i] = (struct spread_one){150 + i * step, i % 3 ? 10 : 11};
        spread(v, 16, 100, 450);
        assert_true(v[0].x >= 100 && v[15].x <= 450);
        for (int i = 1; i < 16; i++) assert_true(v[i].x - v[i - 1].x >= v[i].half + v[i - 1].half);
    }
}

/* Those that belong to the right are not pushed to the left of others. */
static void
their_order_stays(void **state)
{
    (void)state;
    struct spread_one v[] = {{400, 10}, {405, 10}, {410, 10}, {415, 10}};
    spread(v, 4, 0, 420);
    for (int i = 1; i < 4; i++) assert_true(v[i].x > v[i - 1].x);
    assert_int_equal(v[3].x, 420);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_room_stays_where_it_belongs),
        cmocka_unit_test(what_is_close_stands_around_its_middle),
        cmocka_unit_test(nothing_stands_over_another_or_beyond_the_edge),
        cmocka_unit_test(their_order_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
