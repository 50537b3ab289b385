#include "tests/lib/test.h"

#include "broker/replica/read_replica.h"

#define LEADER(id, where) \
    { \
        .broker_id = id, .is_leader = true, .rack = S(where) \
    }
#define FOLLOWER(id, where, start, end) \
    { \
        .broker_id = id, .rack = S(where), .log_start = start, .log_end = end \
    }

static void
the_leader_serves_who_has_no_rack_or_is_in_its_own(void **state)
{
    (void)state;
    struct read_candidate v[] = {LEADER(1, "a"), FOLLOWER(2, "a", 0, 10), FOLLOWER(3, "b", 0, 10)};
    assert_int_equal(read_replica_choose(v, 3, SLICE_EMPTY, 5), -1);
    assert_int_equal(read_replica_choose(v, 3, S("a"), 5), -1);
    assert_int_equal(read_replica_choose(v, 3, S("c"), 5), -1);
    v[1].rack = SLICE_NULL;
    assert_int_equal(read_replica_choose(v, 2, S("b"), 5), -1);
}

static void
a_follower_in_the_readers_rack_serves_what_it_has(void **state)
{
    (void)state;
    struct read_candidate v[] = {LEADER(1, "a"), FOLLOWER(2, "b", 3, 10), FOLLOWER(3, "c", 0, 99)};
    assert_int_equal(read_replica_choose(v, 3, S("b"), 3), 1);
    assert_int_equal(read_replica_choose(v, 3, S("b"), 10), 1);
    assert_int_equal(read_replica_choose(v, 3, S("b"), 2), -1);
    assert_int_equal(read_replica_choose(v, 3, S("b"), 11), -1);
    v[1].log_end = -1; /* not known yet */
    assert_int_equal(read_replica_choose(v, 3, S("b"), 3), -1);
}

static void
of_several_the_one_that_is_furthest_on(void **state)
{
    (void)state;
    struct read_candidate v[] = {LEADER(1, "a"), FOLLOWER(2, "b", 0, 10), FOLLOWER(3, "b", 0, 12),
                                 FOLLOWER(4, "b", 0, 12)};
    assert_int_equal(read_replica_choose(v, 4, S("b"), 5), 2);
    assert_int_equal(read_replica_choose(v, 4, S("b"), 11), 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_leader_serves_who_has_no_rack_or_is_in_its_own),
        cmocka_unit_test(a_follower_in_the_readers_rack_serves_what_it_has),
        cmocka_unit_test(of_several_the_one_that_is_furthest_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
