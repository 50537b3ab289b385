/* partition_life.c: which lives and roles may follow one another, said here once more as sentences. */
#include "tests/lib/test.h"

#include "broker/replica/partition_life.h"

static void
a_deleted_partition_never_lives_again(void **state)
{
    (void)state;
    for (int to = 0; to < PARTITION_LIVES; to++) {
        assert_int_equal(partition_life_may_follow(PARTITION_DOOMED, to), to == PARTITION_DROPPED);
        assert_false(partition_life_may_follow(PARTITION_DROPPED, to));
    }
}

static void
nothing_is_dropped_in_the_middle_of_an_operation_on_its_log(void **state)
{
    (void)state;
    assert_false(partition_life_may_follow(PARTITION_CUTTING, PARTITION_DROPPED));
    assert_false(partition_life_may_follow(PARTITION_ASIDE, PARTITION_DROPPED));
    assert_true(partition_life_may_follow(PARTITION_CUTTING, PARTITION_DOOMED));
    assert_true(partition_life_may_follow(PARTITION_ASIDE, PARTITION_DOOMED));
    assert_true(partition_life_may_follow(PARTITION_OPENING, PARTITION_DOOMED));
}

static void
a_log_is_cut_only_while_it_is_open_and_one_cut_at_a_time(void **state)
{
    (void)state;
    for (int from = 0; from < PARTITION_LIVES; from++)
        assert_int_equal(partition_life_may_follow(from, PARTITION_CUTTING),
                         from == PARTITION_OPEN);
}

static void
an_open_log_is_not_opened_again(void **state)
{
    (void)state;
    for (int from = 0; from < PARTITION_LIVES; from++)
        assert_int_equal(partition_life_may_follow(from, PARTITION_OPENING),
                         from == PARTITION_ASIDE);
}

static void
roles_are_taken_over_only_while_the_log_is_open(void **state)
{
    (void)state;
    for (int life = 0; life < PARTITION_LIVES; life++) {
        assert_int_equal(partition_role_begins_in(life, PARTITION_LEADER), life == PARTITION_OPEN);
        assert_int_equal(partition_role_begins_in(life, PARTITION_FOLLOWER),
                         life == PARTITION_OPEN);
        assert_true(partition_role_begins_in(life, PARTITION_NONE));
        assert_true(partition_role_begins_in(life, PARTITION_OFFLINE));
    }
}

static void
a_follower_stays_one_through_a_cut_and_a_leader_never_cuts(void **state)
{
    (void)state;
    assert_true(partition_role_lasts_in(PARTITION_CUTTING, PARTITION_FOLLOWER));
    assert_false(partition_role_lasts_in(PARTITION_CUTTING, PARTITION_LEADER));
    assert_false(partition_role_lasts_in(PARTITION_DOOMED, PARTITION_FOLLOWER));
    for (int role = 0; role < PARTITION_ROLES; role++)
        assert_true(partition_role_lasts_in(PARTITION_OPEN, role));
}

static void
a_failed_log_serves_in_no_role_again(void **state)
{
    (void)state;
    assert_false(partition_role_may_follow(PARTITION_OFFLINE, PARTITION_LEADER));
    assert_false(partition_role_may_follow(PARTITION_OFFLINE, PARTITION_FOLLOWER));
    assert_true(partition_role_may_follow(PARTITION_OFFLINE, PARTITION_NONE)); /* deleted */
    for (int from = 0; from < PARTITION_ROLES; from++)
        assert_true(partition_role_may_follow(from, PARTITION_OFFLINE));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deleted_partition_never_lives_again),
        cmocka_unit_test(nothing_is_dropped_in_the_middle_of_an_operation_on_its_log),
        cmocka_unit_test(a_log_is_cut_only_while_it_is_open_and_one_cut_at_a_time),
        cmocka_unit_test(an_open_log_is_not_opened_again),
        cmocka_unit_test(roles_are_taken_over_only_while_the_log_is_open),
        cmocka_unit_test(a_follower_stays_one_through_a_cut_and_a_leader_never_cuts),
        cmocka_unit_test(a_failed_log_serves_in_no_role_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
