/* What checkpoints know of records whose files have vanished. */
#include "tests/lib/test.h"

#include "broker/replica/missing_records.h"

static int64_t
end_of(int64_t start, int64_t end, int64_t synced, int64_t high_watermark, int64_t files_to)
{
    struct known_of_log k = {.was_there = true,
                             .start = start,
                             .end = end,
                             .synced = synced,
                             .high_watermark = high_watermark,
                             .files_to = files_to};
    return missing_records_end(&k);
}

static void
an_empty_log_is_missed_by_whatever_knew_of_records(void **state)
{
    (void)state;
    assert_int_equal(end_of(0, 0, 0, 0, 0), 0);
    assert_int_equal(end_of(0, 0, 50, 0, 0), 50);
    assert_int_equal(end_of(0, 0, 50, 70, 0), 70);
    assert_int_equal(end_of(0, 0, 50, 70, 80), 80);
    assert_int_equal(end_of(30, 30, 30, 30, 30), 0); /* retention took everything */
}

static void
of_a_log_with_records_only_what_was_synced_is_missed(void **state)
{
    (void)state;
    assert_int_equal(end_of(0, 40, 40, 70, 0), 0); /* a power loss took what was not synced */
    assert_int_equal(end_of(0, 40, 50, 0, 0), 50);
}

static void
without_the_directory_the_checkpoints_may_speak_of_another_topic(void **state)
{
    (void)state;
    struct known_of_log k = {.synced = 50, .high_watermark = 50, .files_to = 50};
    assert_int_equal(missing_records_end(&k), 0);
}

static void
a_log_that_was_stopped_in_order_is_missed_by_whatever_knew_more(void **state)
{
    (void)state;
    struct known_of_log k = {.was_there = true, .stopped_in_order = true, .end = 40, .synced = 40};
    assert_int_equal(missing_records_end(&k), 0);
    k.files_to = 60;
    assert_int_equal(missing_records_end(&k), 60);
    k.high_watermark = 70;
    assert_int_equal(missing_records_end(&k), 70);
    k.stopped_in_order = false;
    assert_int_equal(missing_records_end(&k), 0);
}

static void
what_no_log_can_have_is_not_believed(void **state)
{
    (void)state;
    assert_int_equal(end_of(0, 0, INT64_MAX, 70, 0), 70);
    assert_int_equal(end_of(0, 0, 0, INT64_MAX, 0), 0);
}

static void
a_leader_goes_on_where_the_log_had_ended(void **state)
{
    (void)state;
    assert_int_equal(missing_records_skip(0, 0, 50), MISSING_BEGIN);
    assert_int_equal(missing_records_skip(0, 0, 0), MISSING_NONE);
    assert_int_equal(missing_records_skip(0, 40, 50), MISSING_FILL);
    assert_int_equal(missing_records_skip(0, 50, 50), MISSING_NONE);
    assert_int_equal(missing_records_skip(60, 60, 50), MISSING_NONE);
}

static void
a_follower_cuts_at_a_hole_only_if_its_leader_has_what_was_there(void **state)
{
    (void)state;
    assert_int_equal(hole_step(20, -1), HOLE_ASK_AGAIN);
    assert_int_equal(hole_step(20, 10), HOLE_CUT);
    assert_int_equal(hole_step(20, 19), HOLE_CUT);
    assert_int_equal(hole_step(20, 20), HOLE_IS_THERE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_log_is_missed_by_whatever_knew_of_records),
        cmocka_unit_test(of_a_log_with_records_only_what_was_synced_is_missed),
        cmocka_unit_test(without_the_directory_the_checkpoints_may_speak_of_another_topic),
        cmocka_unit_test(a_log_that_was_stopped_in_order_is_missed_by_whatever_knew_more),
        cmocka_unit_test(what_no_log_can_have_is_not_believed),
        cmocka_unit_test(a_leader_goes_on_where_the_log_had_ended),
        cmocka_unit_test(a_follower_cuts_at_a_hole_only_if_its_leader_has_what_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
