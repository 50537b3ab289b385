/* commit_offset.c, check_quorum.c: what a leader may conclude from who has fetched what, and when. */
#include "tests/lib/test.h"

#include "broker/raft/rules.h"

static void
what_a_majority_has_is_committed(void **state)
{
    (void)state;
    static const struct {
        int64_t ends[5];
        int32_t n;
        int64_t epoch_start, before, after;
    } rows[] = {
        {{10}, 1, 4, 0, 10},
        {{10, 0}, 2, 4, 0, 0},
        {{10, 7}, 2, 4, 0, 7},
        {{10, 7, 0}, 3, 4, 0, 7},
        {{10, 10, 0}, 3, 4, 0, 10},
        {{10, 0, 0}, 3, 4, 0, 0},
        {{9, 5, 8, 7, 6}, 5, 4, 0, 7},
        {{9, 8, 3, 2}, 4, 0, 0, 3},
        /* A leader that is no voter has no end of its own among them. */
        {{0}, 0, 4, 3, 3},
    };
    for (int i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(
            commit_offset(rows[i].ends, rows[i].n, rows[i].epoch_start, rows[i].before),
            rows[i].after);
}

static void
nothing_of_an_earlier_epoch_is_committed_by_counting(void **state)
{
    (void)state;
    /* The leader's own epoch starts at 10; all three have everything before it. */
    assert_int_equal(commit_offset((const int64_t[]){10, 10, 10}, 3, 10, 6), 6);
    assert_int_equal(commit_offset((const int64_t[]){11, 10, 10}, 3, 10, 6), 6);
    assert_int_equal(commit_offset((const int64_t[]){11, 11, 10}, 3, 10, 6), 11);
}

static void
the_high_watermark_never_falls(void **state)
{
    (void)state;
    assert_int_equal(commit_offset((const int64_t[]){20, 3, 3}, 3, 1, 12), 12);
}

static void
a_leader_resigns_when_a_majority_is_silent(void **state)
{
    (void)state;
    assert_int_equal(check_quorum(NULL, 0, true, 30), TIME_NEVER);
    assert_int_equal(check_quorum((const int64_t[]){100}, 1, true, 30), 130);
    /* Of three, one other is enough: the latest counts. */
    assert_int_equal(check_quorum((const int64_t[]){100, 200}, 2, true, 30), 230);
    assert_int_equal(check_quorum((const int64_t[]){100, 100}, 2, true, 30), 130);
    assert_int_equal(check_quorum((const int64_t[]){400, 100, 300, 200}, 4, true, 30), 330);
    /* A leader that is not a voter needs the majority without itself. */
    assert_int_equal(check_quorum((const int64_t[]){400, 100, 300}, 3, false, 30), 330);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_majority_has_is_committed),
        cmocka_unit_test(nothing_of_an_earlier_epoch_is_committed_by_counting),
        cmocka_unit_test(the_high_watermark_never_falls),
        cmocka_unit_test(a_leader_resigns_when_a_majority_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
