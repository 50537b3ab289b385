/* election_timeout.c, election_backoff.c, successor_backoff.c */
#include "tests/lib/test.h"

#include "broker/raft/rules.h"

static void
the_time_out_is_drawn_from_once_to_twice(void **state)
{
    (void)state;
    assert_int_equal(election_timeout(1000, 0), 1000);
    assert_int_equal(election_timeout(1000, 999), 1999);
    assert_int_equal(election_timeout(1000, 1000), 1000);
    assert_int_equal(election_timeout(1000, UINT64_MAX), 1000 + (int64_t)(UINT64_MAX % 1000));
}

static void
lost_elections_wait_longer_up_to_a_ceiling(void **state)
{
    (void)state;
    for (uint64_t draw = 0; draw < 5000; draw++) {
        assert_in_range(election_backoff(1000, 1, draw), 50, 100);
        assert_in_range(election_backoff(1000, 3, draw), 50, 400);
        assert_in_range(election_backoff(1000, 63, draw), 50, 1000);
    }
    assert_int_equal(election_backoff(1000, 1, 1), 100);
    assert_int_equal(election_backoff(20, 1, 1), 20);
}

static void
the_first_successor_stands_at_once(void **state)
{
    (void)state;
    assert_int_equal(successor_backoff(1000, 0, 4), 0);
    assert_int_equal(successor_backoff(1000, 1, 4), 250);
    assert_int_equal(successor_backoff(1000, 2, 4), 500);
    assert_int_equal(successor_backoff(1000, 3, 4), 1000);
    assert_int_equal(successor_backoff(1000, 0, 1), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_time_out_is_drawn_from_once_to_twice),
        cmocka_unit_test(lost_elections_wait_longer_up_to_a_ceiling),
        cmocka_unit_test(the_first_successor_stands_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
