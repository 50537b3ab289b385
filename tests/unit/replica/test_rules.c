#include "tests/lib/test.h"

#include "broker/replica/fetch_backoff.h"
#include "broker/replica/hw_advance.h"
#include "broker/replica/isr_decision.h"
#include "broker/replica/low_watermark.h"
#include "broker/replica/truncation.h"
#include "errors.h"

static void
the_high_watermark_is_the_least_end_of_the_maximal_isr(void **state)
{
    (void)state;
    struct replica_view v[] = {
        {.broker_id = 1, .log_end = 10, .in_isr = true, .in_maximal_isr = true},
        {.broker_id = 2, .log_end = 8, .in_isr = true, .in_maximal_isr = true},
        {.broker_id = 3, .log_end = 5},
    };
    assert_int_equal(hw_advance(3, v, 3, false), 8);
    v[2].in_maximal_isr = true; /* asked for, not yet committed */
    assert_int_equal(hw_advance(3, v, 3, false), 5);
    v[2].in_maximal_isr = false;
    v[2].joining = true;
    assert_int_equal(hw_advance(3, v, 3, false), 5);
}

static void
the_high_watermark_never_goes_back_and_freezes_below_min_isr(void **state)
{
    (void)state;
    struct replica_view v[] = {
        {.broker_id = 1, .log_end = 10, .in_isr = true, .in_maximal_isr = true},
        {.broker_id = 2, .log_end = 4, .in_isr = true, .in_maximal_isr = true},
    };
    assert_int_equal(hw_advance(7, v, 2, false), 7);
    assert_int_equal(hw_advance(2, v, 1, true), 2);
}

static void
a_follower_that_keeps_pace_under_load_counts_as_caught_up(void **state)
{
    (void)state;
    struct follower_progress f = {.log_end = -1, .leader_end_then = -1};
    follower_fetched(&f, 10, 0, 15, 1, 100);
    follower_fetched(&f, 15, 0, 20, 1, 200); /* had at 100's end 15: caught up at 100 */
    assert_int_equal(f.caught_up_ns, 100);
    assert_false(follower_is_out_of_sync(&f, 20, 130, 50));
    assert_true(follower_is_out_of_sync(&f, 20, 151, 50));
    follower_fetched(&f, 20, 0, 20, 1, 300);
    assert_int_equal(f.caught_up_ns, 300);
    assert_false(follower_is_out_of_sync(&f, 20, 100000, 50));
}

/* Nothing was written for an hour, and it was there all that time. */
static void
a_follower_of_a_log_that_rested_is_not_late_with_the_first_record(void **state)
{
    (void)state;
    struct follower_progress f = {.log_end = -1, .leader_end_then = -1};
    follower_fetched(&f, 10, 0, 10, 1, 100);
    assert_true(follower_is_out_of_sync(&f, 11, 3600, 50));
    follower_polled(&f, 3599);
    assert_false(follower_is_out_of_sync(&f, 11, 3600, 50));
    assert_true(follower_is_out_of_sync(&f, 11, 3650, 50));
    follower_polled(&f, 3000); /* it does not go back */
    assert_int_equal(f.caught_up_ns, 3599);
    assert_int_equal(f.log_end, 10);
}

static void
a_follower_joins_past_watermark_and_epoch_start(void **state)
{
    (void)state;
    struct follower_progress f = {.log_end = 10};
    assert_true(follower_may_join(&f, 10, 10));
    assert_false(follower_may_join(&f, 11, 10));
    assert_false(follower_may_join(&f, 9, 11));
    f.log_end = -1;
    assert_false(follower_may_join(&f, -5, -5));
}

static void
a_fetch_diverges_when_the_leader_ends_that_epoch_earlier(void **state)
{
    (void)state;
    assert_false(fetch_diverges((struct epoch_end){3, 10}, 3, 10));
    assert_true(fetch_diverges((struct epoch_end){3, 9}, 3, 10));
    assert_true(fetch_diverges((struct epoch_end){2, 20}, 3, 10));
}

static void
a_follower_cuts_where_the_epochs_part(void **state)
{
    (void)state;
    struct epoch_end none = {-1, -1};
    assert_int_equal(truncation_offset((struct epoch_end){3, 8}, (struct epoch_end){3, 12}, 12, 5),
                     8);
    assert_int_equal(truncation_offset((struct epoch_end){3, 8}, (struct epoch_end){2, 6}, 12, 5),
                     6);
    assert_int_equal(truncation_offset(none, (struct epoch_end){2, 6}, 12, 5), 5);
    assert_int_equal(truncation_offset((struct epoch_end){3, 8}, none, 12, 5), 8);
    assert_int_equal(truncation_on_becoming_follower(12, 5), 12);
}

static void
no_leader_can_have_it_cut_below_0(void **state)
{
    (void)state;
    struct epoch_end none = {-1, -1}, wrong = {3, -7};
    assert_int_equal(truncation_offset(wrong, (struct epoch_end){3, 12}, 12, 5), 0);
    assert_int_equal(truncation_offset(wrong, none, 12, 5), 0);
}

static void
records_are_gone_when_every_live_replica_begins_behind_them(void **state)
{
    (void)state;
    struct replica_start v[] = {{.log_start = 90, .is_live = true}, {.log_start = 0}};
    assert_int_equal(low_watermark(100, NULL, 0), 100);
    assert_int_equal(low_watermark(100, v, 2), 90);
    assert_int_equal(low_watermark(80, v, 2), 80);
    v[1].is_live = true;
    assert_int_equal(low_watermark(100, v, 2), 0);
    v[1].log_start = -1; /* has not told yet */
    assert_int_equal(low_watermark(100, v, 2), -1);
}

static void
a_follower_waits_less_at_first_for_a_leader_that_has_not_heard(void **state)
{
    (void)state;
    static const int16_t soon[] = {K_ERR_UNKNOWN_TOPIC_OR_PARTITION, K_ERR_UNKNOWN_TOPIC_ID,
                                   K_ERR_UNKNOWN_LEADER_EPOCH, K_ERR_NOT_LEADER_OR_FOLLOWER};
    for (size_t i = 0; i < sizeof soon / sizeof *soon; i++) {
        assert_int_equal(fetch_backoff_ms(soon[i], 0, 1000), 25);
        assert_int_equal(fetch_backoff_ms(soon[i], 1, 1000), 50);
        assert_int_equal(fetch_backoff_ms(soon[i], 5, 1000), 800);
        assert_int_equal(fetch_backoff_ms(soon[i], 6, 1000), 1000);
        assert_int_equal(fetch_backoff_ms(soon[i], INT32_MAX, 1000), 1000);
        assert_int_equal(fetch_backoff_ms(soon[i], 0, 10), 10);
    }
    assert_int_equal(fetch_backoff_ms(K_ERR_KAFKA_STORAGE_ERROR, 0, 1000), 1000);
    /* It knows a later epoch: asking again in this one is in vain. */
    assert_int_equal(fetch_backoff_ms(K_ERR_FENCED_LEADER_EPOCH, 0, 1000), 1000);
    assert_int_equal(fetch_backoff_ms(K_ERR_NONE, 0, 0), 1); /* never in the same moment for ever */
}

static void
an_empty_log_may_begin_before_what_it_asked_for(void **state)
{
    (void)state;
    assert_true(begins_within_batch(877, 877, 870, 880));
    assert_true(begins_within_batch(877, 877, 870, 877));
    assert_false(begins_within_batch(877, 877, 870, 876)); /* none of it is wanted */
    assert_false(begins_within_batch(877, 877, 877, 880)); /* it follows */
    assert_false(begins_within_batch(877, 877, 880, 890)); /* a gap */
    assert_false(begins_within_batch(800, 877, 870, 880)); /* it overlaps with what is there */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_high_watermark_is_the_least_end_of_the_maximal_isr),
        cmocka_unit_test(the_high_watermark_never_goes_back_and_freezes_below_min_isr),
        cmocka_unit_test(a_follower_that_keeps_pace_under_load_counts_as_caught_up),
        cmocka_unit_test(a_follower_of_a_log_that_rested_is_not_late_with_the_first_record),
        cmocka_unit_test(a_follower_joins_past_watermark_and_epoch_start),
        cmocka_unit_test(a_fetch_diverges_when_the_leader_ends_that_epoch_earlier),
        cmocka_unit_test(a_follower_cuts_where_the_epochs_part),
        cmocka_unit_test(no_leader_can_have_it_cut_below_0),
        cmocka_unit_test(records_are_gone_when_every_live_replica_begins_behind_them),
        cmocka_unit_test(a_follower_waits_less_at_first_for_a_leader_that_has_not_heard),
        cmocka_unit_test(an_empty_log_may_begin_before_what_it_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
