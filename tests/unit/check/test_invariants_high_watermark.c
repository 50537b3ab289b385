/* How far a log is committed, who is counted on for that, and what clients may be given. */
#include "tests/unit/check/tales.h"

static void
a_high_watermark_beyond_the_log(void **state)
{
    BEGIN;
    high_watermark(&s, 1, 11, 0, false);
    assert_told(&s, RULE_HIGH_WATERMARK_BOUNDS);
}

/* b2 has 0 to 9 and 12, for a cleaning took 10 and 11, and is cut at 11: there it ends. */
static void
cut_in_a_gap(struct tale *s)
{
    invariants_compacted(s->v, S("orders"));
    append(s, 1, 12, 0, 700, false);
    say(s, 1, NOTE_LOG_TRUNCATE, ORDERS, SLICE_NULL, 11, 0, 0, 0, 0);
}

static void
a_compacted_log_that_is_cut_in_a_gap_ends_there(void **state)
{
    BEGIN;
    cut_in_a_gap(&s);
    high_watermark(&s, 1, 11, 0, false);
    assert_silent(&s);
}

static void
a_high_watermark_beyond_a_cut_in_a_gap(void **state)
{
    BEGIN;
    cut_in_a_gap(&s);
    high_watermark(&s, 1, 12, 0, false);
    assert_told(&s, RULE_HIGH_WATERMARK_BOUNDS);
}

static void
a_leaders_high_watermark_goes_back(void **state)
{
    BEGIN;
    high_watermark(&s, 0, 9, 0, true);
    assert_told(&s, RULE_HIGH_WATERMARK_MONOTONIC);
}

/* b1 tells on whom it counts. */
static void
counts_on(struct tale *s, enum note_kind kind, struct slice ids)
{
    say(s, 0, kind, ORDERS, ids, 0, 1, 2, 0, 0);
}

static void
a_leader_does_not_count_on_one_that_it_let_in(void **state)
{
    BEGIN;
    decide(&s, 1, 0, 1, false, S("replicas=1,2,3 isr=1,2 elr= last="));
    counts_on(&s, NOTE_PARTITION_ISR, S("1,2"));
    decide(&s, 1, 0, 2, false, S("replicas=1,2,3 isr=1,2,3 elr= last="));
    assert_slice(invariants_anomalies(s.v)->v.v[0].story,
                 "k1: broker 1 leads without counting on 3 of its ISR");
    assert_told(&s, RULE_ISR_SUPERSET);
}

static void
a_leader_forgets_what_it_asked_for(void **state)
{
    BEGIN;
    decide(&s, 1, 0, 1, false, S("replicas=1,2,3 isr=1,2 elr= last="));
    counts_on(&s, NOTE_PARTITION_ISR_PENDING, S("1,2 -> 1,2,3"));
    decide(&s, 1, 0, 2, false, S("replicas=1,2,3 isr=1,2,3 elr= last="));
    assert_int_equal(invariants_anomalies(s.v)->v.n, 0);
    counts_on(&s, NOTE_PARTITION_ISR, S("1,2"));
    assert_told(&s, RULE_ISR_SUPERSET);
}

static void
a_leader_that_asks_for_less_counts_on_all_until_it_is_granted(void **state)
{
    BEGIN;
    counts_on(&s, NOTE_PARTITION_ISR_PENDING, S("1,2,3 -> 1,2"));
    decide(&s, 1, 0, 1, false, S("replicas=1,2,3 isr=1,2 elr= last="));
    counts_on(&s, NOTE_PARTITION_ISR, S("1,2"));
    assert_silent(&s);
}

static void
a_leader_that_is_none_any_more_counts_on_whom_it_likes(void **state)
{
    BEGIN;
    counts_on(&s, NOTE_PARTITION_ISR, S("1,2,3"));
    decide(&s, 2, 1, 1, false, S("replicas=1,2,3 isr=2,3 elr= last="));
    counts_on(&s, NOTE_PARTITION_ISR, S("1"));
    assert_silent(&s);
}

static void
fetched(struct tale *s, int32_t id, int32_t epoch, int64_t end)
{
    invariants_fetched(s->v, S("orders"), 0, id, epoch, end);
}

static void
a_leader_counts_on_what_it_was_told(void **state)
{
    BEGIN;
    append(&s, 0, 10, 0, 500, true);
    append(&s, 1, 10, 0, 500, false);
    append(&s, 2, 10, 0, 500, false);
    fetched(&s, 2, 0, 11), fetched(&s, 3, 0, 11), fetched(&s, 3, 0, 10);
    high_watermark(&s, 0, 11, 0, true);
    assert_silent(&s);
}

/* They have it, but b3 has not told. */
static void
a_leader_counts_on_what_it_was_not_told(void **state)
{
    BEGIN;
    append(&s, 0, 10, 0, 500, true);
    append(&s, 1, 10, 0, 500, false);
    append(&s, 2, 10, 0, 500, false);
    fetched(&s, 2, 0, 11), fetched(&s, 3, 0, 10);
    high_watermark(&s, 0, 11, 0, true);
    assert_slice(invariants_anomalies(s.v)->v.v[0].story,
                 "b1: called all below 11 committed, of which 3 of its ISR has not told that it "
                 "has it");
    assert_told(&s, RULE_COUNTED_UNHEARD);
}

static void
what_was_told_the_leader_before_counts_no_more(void **state)
{
    BEGIN;
    append(&s, 0, 10, 0, 500, true);
    append(&s, 1, 10, 0, 500, false);
    append(&s, 2, 10, 0, 500, false);
    fetched(&s, 3, 0, 11);
    decide(&s, 2, 1, 1, false, S("replicas=1,2,3 isr=2,3 elr= last="));
    role(&s, 1, LEADER, 2, 1), role(&s, 2, FOLLOWER, 2, 1);
    high_watermark(&s, 1, 11, 1, true);
    assert_told(&s, RULE_COUNTED_UNHEARD);
}

/* b2 leads epoch 1 with offset 11 as its first; its high watermark is yet at 10, and b1 has come to 10. */
static void
who_has_not_come_to_the_start_of_the_epoch_is_not_let_in(void **state)
{
    BEGIN;
    append(&s, 0, 10, 0, 500, true);
    append(&s, 1, 10, 0, 500, false);
    append(&s, 2, 10, 0, 500, false);
    decide(&s, 2, 1, 1, false, S("replicas=1,2,3 isr=2,3 elr= last="));
    role(&s, 1, LEADER, 2, 1), role(&s, 2, FOLLOWER, 2, 1);
    append(&s, 1, 11, 1, 600, true);
    fetched(&s, 1, 1, 10);
    say(&s, 1, NOTE_PARTITION_ISR_PENDING, ORDERS, S("2,3 -> 2,3,1"), 1, 1, 0, 0, 0);
    assert_slice(invariants_anomalies(s.v)->v.v[0].story,
                 "b2: wants 1 in its ISR, which has not told that it has all below 11");
    assert_told(&s, RULE_COUNTED_UNHEARD);
}

static void
what_is_given_to_clients_is_committed(void **state)
{
    BEGIN;
    append(&s, 0, 10, 0, 500, true);
    invariants_polled(s.v, 5, S("orders"), 0, 9);
    assert_int_equal(invariants_anomalies(s.v)->v.n, 0);
    invariants_polled(s.v, 5, S("orders"), 0, 10);
    assert_slice(invariants_anomalies(s.v)->v.v[0].story,
                 "a client was given offset 10, and all that was committed lies below 10");
    assert_told(&s, RULE_READ_UNCOMMITTED);
}

/* It was, when it was given, though an election that may lose records took it back meanwhile. */
static void
what_was_committed_once_may_have_been_given(void **state)
{
    BEGIN;
    invariants_unclean_is(s.v, S("orders"), true);
    life(&s, 1, LIFE_CRASH);
    life(&s, 1, LIFE_START);
    recovered(&s, 1, 7);
    uncleanly_elected(&s);
    invariants_polled(s.v, 5, S("orders"), 0, 9);
    assert_silent(&s);
}

/* Who leads a topic that is deleted goes on until it hears of it: what it commits then, nobody follows. */
static void
what_a_deleted_topic_gives_is_nobodys_concern(void **state)
{
    BEGIN;
    say(&s, 0, NOTE_TOPIC_DELETED, S("orders"), SLICE_NULL, 0, 0, 0, 0, 0);
    invariants_polled(s.v, 5, S("orders"), 0, 10);
    assert_silent(&s);
}

static void
a_log_that_was_cut_fully_begins_anew(void **state)
{
    BEGIN;
    role(&s, 2, FOLLOWER, 1, 0);
    say(&s, 2, NOTE_LOG_TRUNCATE, ORDERS, SLICE_NULL, 40, 10, 0, 0, 0);
    high_watermark(&s, 2, 40, 0, false);
    append(&s, 2, 40, 0, 900, false);
    assert_int_equal(invariants_anomalies(s.v)->v.n, 0);
    tale_end(&s);
}

static void
committed_before_a_member_of_the_isr_has_written_it(void **state)
{
    BEGIN;
    append(&s, 0, 10, 0, 500, true);
    append(&s, 1, 10, 0, 500, false);
    say(&s, 2, NOTE_LOG_APPEND, ORDERS, SLICE_NULL, 10, 10, 0, 500, false);
    high_watermark(&s, 0, 11, 0, true);
    assert_told(&s, RULE_ISR_HOLDS_COMMITTED);
}

static void
committed_without_a_member_of_the_isr(void **state)
{
    BEGIN;
    append(&s, 0, 10, 0, 500, true);
    append(&s, 1, 10, 0, 500, false);
    high_watermark(&s, 0, 11, 0, true);
    assert_told(&s, RULE_ISR_HOLDS_COMMITTED);
}

static void
a_leader_may_know_of_a_decision_before_us(void **state)
{
    BEGIN;
    say(&s, 0, NOTE_PARTITION_ISR, ORDERS, S("1,2"), 0, 1, 2, 0, 0);
    append(&s, 0, 10, 0, 500, true);
    append(&s, 1, 10, 0, 500, false);
    high_watermark(&s, 0, 11, 0, true);
    assert_silent(&s);
}

static void
another_record_committed_at_the_same_offset(void **state)
{
    BEGIN;
    append(&s, 0, 10, 0, 500, true), append(&s, 1, 10, 0, 500, false),
        append(&s, 2, 10, 0, 500, false);
    high_watermark(&s, 0, 11, 0, true);
    life(&s, 1, LIFE_CRASH);
    recovered(&s, 1, 10);
    append(&s, 1, 10, 1, 501, false);
    high_watermark(&s, 1, 11, 1, false);
    assert_told(&s, RULE_COMMITTED_CHANGED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_high_watermark_beyond_the_log),
        cmocka_unit_test(a_compacted_log_that_is_cut_in_a_gap_ends_there),
        cmocka_unit_test(a_high_watermark_beyond_a_cut_in_a_gap),
        cmocka_unit_test(a_leaders_high_watermark_goes_back),
        cmocka_unit_test(a_leader_does_not_count_on_one_that_it_let_in),
        cmocka_unit_test(a_leader_forgets_what_it_asked_for),
        cmocka_unit_test(a_leader_that_asks_for_less_counts_on_all_until_it_is_granted),
        cmocka_unit_test(a_leader_that_is_none_any_more_counts_on_whom_it_likes),
        cmocka_unit_test(a_leader_counts_on_what_it_was_told),
        cmocka_unit_test(a_leader_counts_on_what_it_was_not_told),
        cmocka_unit_test(what_was_told_the_leader_before_counts_no_more),
        cmocka_unit_test(who_has_not_come_to_the_start_of_the_epoch_is_not_let_in),
        cmocka_unit_test(what_is_given_to_clients_is_committed),
        cmocka_unit_test(what_was_committed_once_may_have_been_given),
        cmocka_unit_test(what_a_deleted_topic_gives_is_nobodys_concern),
        cmocka_unit_test(a_log_that_was_cut_fully_begins_anew),
        cmocka_unit_test(committed_before_a_member_of_the_isr_has_written_it),
        cmocka_unit_test(committed_without_a_member_of_the_isr),
        cmocka_unit_test(a_leader_may_know_of_a_decision_before_us),
        cmocka_unit_test(another_record_committed_at_the_same_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
