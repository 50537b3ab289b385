/* fetch_position.c, divergence_cut.c: how a follower finds the end of what it shares with the leader. */
#include "tests/lib/test.h"

#include "broker/raft/rules.h"

static void
a_prefix_is_valid_anything_else_diverges(void **state)
{
    (void)state;
    /* The leader's log: epoch 1 at [0, 10), epoch 3 at [10, 20). */
    static const struct {
        struct log_end follower, known;
        enum fetch_verdict verdict;
    } rows[] = {
        {{0, 0}, {0, 0}, FETCH_VALID},      {{1, 5}, {1, 10}, FETCH_VALID},
        {{1, 10}, {1, 10}, FETCH_VALID},    {{1, 11}, {1, 10}, FETCH_DIVERGED},
        {{2, 12}, {1, 10}, FETCH_DIVERGED}, {{3, 20}, {3, 20}, FETCH_VALID},
        {{3, 21}, {3, 20}, FETCH_DIVERGED}, {{4, 22}, {3, 20}, FETCH_DIVERGED},
    };
    for (int i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(fetch_position(rows[i].follower, rows[i].known, 0, 20), rows[i].verdict);
}

static void
before_the_log_only_a_snapshot_helps(void **state)
{
    (void)state;
    struct log_end known = {3, 20};
    assert_int_equal(fetch_position((struct log_end){0, 0}, known, 5, 20), FETCH_SNAPSHOT);
    assert_int_equal(fetch_position((struct log_end){1, 5}, known, 5, 20), FETCH_SNAPSHOT);
    assert_int_equal(fetch_position((struct log_end){3, 15}, known, 5, 20), FETCH_VALID);
}

static void
a_follower_cuts_where_the_logs_may_agree(void **state)
{
    (void)state;
    static const struct {
        struct log_end diverging, ours;
        int64_t cut;
    } rows[] = {
        {{1, 10}, {1, 12}, 10}, /* both have epoch 1, ours goes on */
        {{1, 10}, {1, 8}, 8},   /* ours is shorter; what follows of ours is of a later epoch */
        {{3, 20}, {2, 14}, 14}, /* we have no epoch 3: nothing above our epoch 2 can be shared */
        {{1, 10}, {0, 0}, 0},
    };
    for (int i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(divergence_cut(rows[i].diverging, rows[i].ours), rows[i].cut);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_prefix_is_valid_anything_else_diverges),
        cmocka_unit_test(before_the_log_only_a_snapshot_helps),
        cmocka_unit_test(a_follower_cuts_where_the_logs_may_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
