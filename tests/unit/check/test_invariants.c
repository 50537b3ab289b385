#include <stdio.h>

#include "tests/unit/check/streams.h"

static void
settle(struct tale *s)
{
    tale_begin(s, false);
    for (int64_t i = 0; i < 10; i++) produce(s, 0, i, 0, 7, -1);
}

/* Of the record that was produced last. */
static uint32_t
last_crc(const struct tale *s)
{
    return (uint32_t)s->h.ops.v[s->h.ops.n - 1].value * 7;
}

static void
assert_told(struct tale *s, enum rule rule)
{
    const struct anomalies *a = invariants_anomalies(s->v);
    for (int64_t i = 0; i < a->v.n; i++)
        if (a->v.n != 1)
            printf("  %s: %.*s\n", rule_spelling(a->v.v[i].rule), (int)a->v.v[i].story.n,
                   (const char *)a->v.v[i].story.p);
    assert_int_equal(a->v.n, 1);
    assert_string_equal(rule_spelling(a->v.v[0].rule), rule_spelling(rule));
    tale_end(s);
}

static void
assert_silent(struct tale *s)
{
    assert_int_equal(invariants_anomalies(s->v)->v.n, 0);
    tale_end(s);
}

#define BEGIN \
    (void)state; \
    struct tale s; \
    settle(&s)

static void
replication_failover_and_truncation_are_no_breach(void **state)
{
    BEGIN;
    append(&s, 0, 10, 0, 999, true); /* by the old leader alone */
    life(&s, 0, LIFE_CRASH);
    decide(&s, 2, 1, 1, false, S("replicas=1,2,3 isr=2,3 elr= last="));
    role(&s, 1, LEADER, 2, 1), role(&s, 2, FOLLOWER, 2, 1);
    produce(&s, 1, 10, 1, 6, -1);
    life(&s, 0, LIFE_START);
    recovered(&s, 0, 11);
    role(&s, 0, FOLLOWER, 2, 1);
    say(&s, 0, NOTE_LOG_TRUNCATE, ORDERS, SLICE_NULL, 10, 11, 0, 0, 0);
    append(&s, 0, 10, 1, last_crc(&s), false);
    assert_silent(&s);
}

static void
two_leaders_in_one_epoch(void **state)
{
    BEGIN;
    role(&s, 1, LEADER, 2, 0);
    assert_slice(invariants_anomalies(s.v)->v.v[0].story,
                 "b2: leads epoch 0, which b1 led already");
    assert_told(&s, RULE_ELECTION_SAFETY);
}

static void
other_records_at_the_same_offset_and_epoch(void **state)
{
    BEGIN;
    append(&s, 0, 10, 0, 500, true);
    append(&s, 1, 10, 0, 501, false);
    assert_told(&s, RULE_LOG_MATCHING);
}

static void
the_same_batch_behind_another_one(void **state)
{
    BEGIN;
    append(&s, 0, 10, 0, 500, true);
    decide(&s, 2, 1, 1, false, S("replicas=1,2,3 isr=1,2,3 elr= last="));
    role(&s, 1, LEADER, 2, 1);
    append(&s, 1, 10, 1, 600, true);
    append(&s, 1, 11, 1, 601, true);
    append(&s, 0, 11, 1, 601, false); /* behind its own 10 of epoch 0 */
    assert_told(&s, RULE_LOG_MATCHING);
}

/* b2 leads without b1, and takes 10; it deletes all below `start`, takes 11, and b1 copies that. */
static void
copy_behind_a_tail(struct tale *s, int64_t start)
{
    append(s, 0, 10, 0, 500, true); /* the tail of b1 alone */
    decide(s, 2, 1, 1, false, S("replicas=1,2,3 isr=2,3 elr= last="));
    role(s, 1, LEADER, 2, 1);
    append(s, 1, 10, 1, 600, true);
    append(s, 2, 10, 1, 600, false);
    say(s, 1, NOTE_LOG_START, ORDERS, SLICE_NULL, start, 0, 0, 0, 0);
    append(s, 1, 11, 1, 601, true);
    append(s, 0, 11, 1, 601, false);
}

static void
a_tail_below_the_leaders_log_start_is_compared_with_nothing(void **state)
{
    BEGIN;
    copy_behind_a_tail(&s, 11);
    assert_silent(&s);
}

static void
a_tail_that_the_leader_has_not_deleted_is_compared(void **state)
{
    BEGIN;
    copy_behind_a_tail(&s, 10);
    assert_told(&s, RULE_LOG_MATCHING);
}

/* b1 cuts its tail to where the log of its leader begins, and is in sync before that beginning comes along. */
static void
comes_back_with_a_tail(struct tale *s, int64_t start)
{
    append(s, 0, 10, 0, 500, true);
    append(s, 0, 11, 0, 501, true);
    decide(s, 2, 1, 1, false, S("replicas=1,2,3 isr=2,3 elr= last="));
    role(s, 1, LEADER, 2, 1), role(s, 0, FOLLOWER, 2, 1), role(s, 2, FOLLOWER, 2, 1);
    append(s, 1, 10, 1, 600, true);
    append(s, 2, 10, 1, 600, false);
    high_watermark(s, 1, 11, 1, true);
    say(s, 1, NOTE_LOG_START, ORDERS, SLICE_NULL, start, 0, 0, 0, 0);
    say(s, 0, NOTE_LOG_TRUNCATE, ORDERS, SLICE_NULL, 11, 12, 0, 0, 0);
    decide(s, 2, 1, 2, false, S("replicas=1,2,3 isr=1,2,3 elr= last="));
}

static void
a_tail_below_the_leaders_log_start_is_not_owed(void **state)
{
    BEGIN;
    comes_back_with_a_tail(&s, 11);
    high_watermark(&s, 0, 11, 1, false);
    assert_silent(&s);
}

static void
a_tail_that_the_leader_has_not_deleted_is_not_in_sync(void **state)
{
    BEGIN;
    comes_back_with_a_tail(&s, 10);
    assert_told(&s, RULE_ISR_HOLDS_COMMITTED);
}

static void
a_gap_in_a_log(void **state)
{
    BEGIN;
    append(&s, 1, 12, 0, 500, false);
    assert_told(&s, RULE_LOG_CONTIGUOUS);
}

static void
a_leader_cuts_its_own_log(void **state)
{
    BEGIN;
    append(&s, 0, 10, 0, 500, true);
    say(&s, 0, NOTE_LOG_TRUNCATE, ORDERS, SLICE_NULL, 10, 11, 0, 0, 0);
    assert_told(&s, RULE_LEADER_APPENDS_ONLY);
}

static void
a_follower_in_sync_cuts_what_is_committed(void **state)
{
    BEGIN;
    say(&s, 1, NOTE_LOG_TRUNCATE, ORDERS, SLICE_NULL, 8, 10, 0, 0, 0);
    assert_told(&s, RULE_COMMITTED_TRUNCATED);
}

static void
a_leader_without_committed_records(void **state)
{
    BEGIN;
    life(&s, 1, LIFE_CRASH);
    life(&s, 1, LIFE_START);
    recovered(&s, 1, 7);
    decide(&s, 2, 1, 1, false, S("replicas=1,2,3 isr=2,3 elr= last="));
    role(&s, 1, LEADER, 2, 1);
    assert_told(&s, RULE_LEADER_COMPLETENESS);
}

static void
uncleanly_elected(struct tale *s)
{
    decide(s, 1, 0, 1, false, S("replicas=1,2,3 isr=1,3 elr= last="));
    decide(s, 2, 1, 2, true, S("replicas=1,2,3 isr=2 elr= last="));
    role(s, 1, LEADER, 2, 1);
    append(s, 1, 7, 1, 700, true);
    high_watermark(s, 1, 8, 1, true);
}

static void
an_unclean_leader_without_committed_records_is_no_breach(void **state)
{
    BEGIN;
    invariants_unclean_is(s.v, S("orders"), true);
    life(&s, 1, LIFE_CRASH);
    life(&s, 1, LIFE_START);
    recovered(&s, 1, 7);
    uncleanly_elected(&s);
    assert_silent(&s);
}

/* b1 died with all, and comes back when b2, which had lost its tail, has committed others. */
static void
come_back_with_what_was_given_up(struct tale *s, bool is_permitted)
{
    invariants_unclean_is(s->v, S("orders"), is_permitted);
    life(s, 0, LIFE_CRASH);
    life(s, 1, LIFE_CRASH);
    life(s, 1, LIFE_START);
    recovered(s, 1, 7);
    uncleanly_elected(s);
    for (int64_t i = 8; i < 12; i++)
        append(s, 1, i, 1, (uint32_t)(700 + i), true), high_watermark(s, 1, i + 1, 1, true);
    life(s, 0, LIFE_START);
    recovered(s, 0, 10);
    high_watermark(s, 0, 10, 0, false);
}

static void
a_follower_comes_back_with_what_was_given_up(void **state)
{
    BEGIN;
    come_back_with_what_was_given_up(&s, true);
    assert_silent(&s);
}

static void
a_follower_comes_back_after_an_election_that_nobody_permitted(void **state)
{
    BEGIN;
    come_back_with_what_was_given_up(&s, false);
    assert_true(
        anomalies_count(invariants_anomalies(s.v), RULE_COMMITTED_CHANGED, WITNESS_INVARIANT) > 0);
    tale_end(&s);
}

static void
that_a_controller_calls_it_unclean_excuses_nothing(void **state)
{
    BEGIN;
    decide(&s, 1, 0, 1, false, S("replicas=1,2,3 isr=1,3 elr= last="));
    decide(&s, 2, 1, 2, true, S("replicas=1,2,3 isr=2 elr= last="));
    assert_told(&s, RULE_LEADER_ELIGIBLE);
}

/* Nobody is eligible any more, and the last known leader has lost its tail: what it lacks others have. */
static void
a_last_known_leader_without_what_another_has_is_a_breach(void **state)
{
    BEGIN;
    decide(&s, -1, 1, 1, false, S("replicas=1,2,3 isr= elr=1,2 last="));
    life(&s, 1, LIFE_CRASH);
    life(&s, 1, LIFE_START);
    recovered(&s, 1, 7);
    decide(&s, -1, 1, 2, false, S("replicas=1,2,3 isr= elr= last=2"));
    decide(&s, 2, 2, 3, true, S("replicas=1,2,3 isr=2 elr= last="));
    role(&s, 1, LEADER, 2, 2);
    assert_told(&s, RULE_LEADER_COMPLETENESS);
}

/* b2 was eligible until it came back from its death; b1 led last. Nobody is eligible, and b2 is the first to be there. */
static void
chooses_who_was_eligible_before(struct tale *s, bool is_permitted, int64_t end)
{
    invariants_unclean_is(s->v, S("orders"), is_permitted);
    decide(s, -1, 1, 1, false, S("replicas=1,2,3 isr= elr=1,2 last="));
    life(s, 0, LIFE_CRASH);
    life(s, 1, LIFE_CRASH);
    life(s, 1, LIFE_START);
    recovered(s, 1, end);
    decide(s, -1, 1, 2, false, S("replicas=1,2,3 isr= elr= last=1"));
    decide(s, 2, 2, 3, true, S("replicas=1,2,3 isr=2 elr= last="));
}

static void
an_unclean_election_may_choose_who_was_eligible_before(void **state)
{
    BEGIN;
    chooses_who_was_eligible_before(&s, true, 10);
    assert_silent(&s);
}

/* b1 has all, and may come back: that makes no promise of what b2 lacks. */
static void
what_an_unclean_election_costs_is_given_up(void **state)
{
    BEGIN;
    chooses_who_was_eligible_before(&s, true, 7);
    role(&s, 1, LEADER, 2, 2);
    high_watermark(&s, 1, 7, 2, true);
    append(&s, 1, 7, 2, 4711, true);
    high_watermark(&s, 1, 8, 2, true);
    assert_silent(&s);
}

static void
without_permission_only_the_last_known_leader_may_be_chosen(void **state)
{
    BEGIN;
    chooses_who_was_eligible_before(&s, false, 10);
    assert_told(&s, RULE_LEADER_ELIGIBLE);
}

/* b3 dies outside of the ISR and starts again; what its leader asked for before lets it in. */
static void
dies_and_is_let_in(struct tale *s, bool registers_first)
{
    decide(s, 1, 0, 1, false, S("replicas=1,2,3 isr=1,2 elr= last="));
    life(s, 2, LIFE_CRASH);
    life(s, 2, LIFE_START);
    recovered(s, 2, 10);
    if (registers_first) {
        say(s, 3, NOTE_BROKER_REGISTERED, SLICE_EMPTY, SLICE_EMPTY, 3, 23, 99, 1, 1);
        say(s, 3, NOTE_BROKER_UNFENCED, SLICE_EMPTY, SLICE_EMPTY, 3, 23, 2, 0, 0);
    }
    decide(s, 1, 0, 2, false, S("replicas=1,2,3 isr=1,2,3 elr= last="));
    decide(s, -1, 1, 3, false, S("replicas=1,2,3 isr= elr=3 last=2"));
    decide(s, 2, 2, 4, true, S("replicas=1,2,3 isr=2 elr= last="));
}

static void
whose_new_process_nobody_knew_of_is_not_eligible(void **state)
{
    BEGIN;
    dies_and_is_let_in(&s, false);
    assert_silent(&s);
}

static void
whose_new_process_came_into_the_isr_is_eligible(void **state)
{
    BEGIN;
    dies_and_is_let_in(&s, true);
    assert_told(&s, RULE_LEADER_ELIGIBLE);
}

static void
decide_bills(struct tale *s, int32_t leader, int32_t epoch, struct slice text)
{
    say(s, 3, NOTE_PARTITION_CHANGE, S("bills-0"), text, leader, epoch, epoch, 0, 0);
}

/* b3 dies; a topic is made with it; b2 is the last who leads it. */
static void
dies_before_a_topic_is_made(struct tale *s, bool registers_first)
{
    life(s, 2, LIFE_CRASH);
    life(s, 2, LIFE_START);
    life(s, 2, LIFE_FATAL); /* stopped in order, before it was known again */
    if (registers_first)
        say(s, 3, NOTE_BROKER_REGISTERED, SLICE_EMPTY, SLICE_EMPTY, 3, 23, 99, 1, 1);
    decide_bills(s, 2, 0, S("replicas=1,2,3 isr=1,2,3 elr= last="));
    decide_bills(s, -1, 1, S("replicas=1,2,3 isr= elr=3 last=2"));
    decide_bills(s, 2, 2, S("replicas=1,2,3 isr=2 elr= last="));
}

static void
who_was_dead_unheard_when_a_topic_was_made_is_not_eligible(void **state)
{
    BEGIN;
    dies_before_a_topic_is_made(&s, false);
    assert_silent(&s);
}

static void
who_was_back_when_a_topic_was_made_is_eligible(void **state)
{
    BEGIN;
    dies_before_a_topic_is_made(&s, true);
    assert_told(&s, RULE_LEADER_ELIGIBLE);
}

/* b2 lost its tail with all others, is elected, and hears of it only when it has been elected once more. */
static void
a_leader_that_was_superseded_unheard_changes_nothing_committed(void **state)
{
    BEGIN;
    for (int32_t i = 0; i < 3; i++) life(&s, i, LIFE_POWER), recovered(&s, i, 7);
    life(&s, 1, LIFE_START);
    decide(&s, -1, 1, 1, false, S("replicas=1,2,3 isr= elr= last=2"));
    decide(&s, 2, 2, 2, true, S("replicas=1,2,3 isr=2 elr= last="));
    decide(&s, -1, 3, 3, false, S("replicas=1,2,3 isr= elr=2 last="));
    decide(&s, 2, 4, 4, false, S("replicas=1,2,3 isr=2 elr= last="));
    role(&s, 1, LEADER, 2, 2);
    append(&s, 1, 7, 2, 700, true);
    high_watermark(&s, 1, 8, 2, true);
    role(&s, 1, LEADER, 2, 4);
    high_watermark(&s, 1, 8, 4, true);
    assert_silent(&s);
}

/* b1 alone is in sync, and goes on when b2 has been elected from outside. */
static void
goes_on_after_an_unclean_election(struct tale *s)
{
    invariants_unclean_is(s->v, S("orders"), true);
    decide(s, 1, 0, 1, false, S("replicas=1,2,3 isr=1 elr= last="));
    decide(s, 2, 1, 2, true, S("replicas=1,2,3 isr=2 elr= last="));
    role(s, 1, LEADER, 2, 1);
    append(s, 0, 10, 0, 500, true);
    high_watermark(s, 0, 11, 0, true);
    append(s, 1, 10, 1, 600, true);
    high_watermark(s, 1, 11, 1, true);
}

static void
what_a_leader_commits_that_an_unclean_election_has_deposed_is_given_up(void **state)
{
    BEGIN;
    goes_on_after_an_unclean_election(&s);
    assert_silent(&s);
}

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

static void
a_leader_epoch_goes_back(void **state)
{
    BEGIN;
    role(&s, 1, FOLLOWER, 3, 4);
    role(&s, 1, FOLLOWER, 1, 3);
    assert_told(&s, RULE_EPOCH_WENT_BACK);
}

static void
decisions_that_must_not_be(void **state)
{
    static const struct {
        enum rule rule;
        int32_t leader, epoch, partition_epoch;
        const char *text;
    } cases[] = {
        {RULE_LEADER_IN_ISR, 2, 1, 1, "replicas=1,2,3 isr=1,3 elr= last="},
        {RULE_ISR_ELR, 1, 0, 1, "replicas=1,2,3 isr=1,2,4 elr= last="},
        {RULE_ISR_ELR, 1, 0, 1, "replicas=1,2,3 isr=1,2 elr=2 last="},
        {RULE_ISR_ELR, 1, 0, 1, "replicas=1,2,3 isr=1,2 elr=3 last="},
        {RULE_PARTITION_EPOCH_INCREASES, 2, 0, 1, "replicas=1,2,3 isr=1,2,3 elr= last="},
        {RULE_PARTITION_EPOCH_INCREASES, 1, 1, 0, "replicas=1,2,3 isr=1,2,3 elr= last="},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tale s;
        settle(&s);
        decide(&s, cases[i].leader, cases[i].epoch, cases[i].partition_epoch, false,
               slice_cstr(cases[i].text));
        assert_told(&s, cases[i].rule);
    }
}

static void
a_leader_from_outside_isr_and_elr(void **state)
{
    BEGIN;
    decide(&s, 1, 0, 1, false, S("replicas=1,2,3 isr=1 elr=2 last="));
    decide(&s, 3, 1, 2, false, S("replicas=1,2,3 isr=3 elr= last="));
    assert_told(&s, RULE_LEADER_ELIGIBLE);
}

/* The decision in between, by which 3 came into the ISR, was not told by the one who took it. */
static void
a_new_controller_tells_two_decisions_at_once(void **state)
{
    BEGIN;
    decide(&s, 1, 0, 1, false, S("replicas=1,2,3 isr=1 elr=2 last="));
    decide(&s, 3, 1, 3, false, S("replicas=1,2,3 isr=1,3 elr= last="));
    assert_silent(&s);
}

static void
a_fenced_broker_comes_into_the_isr(void **state)
{
    BEGIN;
    say(&s, 3, NOTE_BROKER_FENCED, SLICE_EMPTY, SLICE_EMPTY, 3, 13, 0, 0, 0);
    decide(&s, 1, 0, 1, false, S("replicas=1,2,3 isr=1,2 elr= last="));
    decide(&s, 1, 0, 2, false, S("replicas=1,2,3 isr=1,2,3 elr= last="));
    assert_told(&s, RULE_ISR_FENCED);
}

static void
a_broker_epoch_given_twice(void **state)
{
    BEGIN;
    say(&s, 3, NOTE_BROKER_REGISTERED, SLICE_EMPTY, SLICE_EMPTY, 3, 13, 22, 1, 0);
    assert_told(&s, RULE_BROKER_EPOCH_INCREASES);
}

static void
a_process_that_registers_again_keeps_its_epoch(void **state)
{
    BEGIN;
    say(&s, 3, NOTE_BROKER_REGISTERED, SLICE_EMPTY, SLICE_EMPTY, 3, 13, 21, 1, 0);
    assert_silent(&s);
}

/* k1 leads epoch 1 of the quorum; five records are durable on all three and committed. */
static void
settle_quorum(struct tale *s)
{
    for (int32_t n = 3; n < 6; n++) {
        say(s, n, NOTE_LOG_RECOVERED, META, SLICE_NULL, 0, 0, 0, 1, 0);
        say(s, n, NOTE_RAFT_STATE, META, SLICE_NULL, n == 3 ? RAFT_LEADS : RAFT_FOLLOWS, 1, 101,
            n == 3 ? 101 : -1, 0);
        for (int64_t i = 0; i < 5; i++)
            say(s, n, NOTE_LOG_APPEND, META, SLICE_NULL, i, i, 1, i * 3, n == 3);
        say(s, n, NOTE_LOG_SYNCED, META, SLICE_NULL, 5, 0, 0, 0, 0);
    }
    say(s, 3, NOTE_RAFT_HW, META, SLICE_NULL, 5, 1, 0, 0, 0);
    say(s, 0, NOTE_METADATA_APPLIED, META, SLICE_NULL, 4, 1, 0, 0, 0);
    assert_int_equal(invariants_anomalies(s->v)->v.n, 0);
}

static void
committed_by_a_minority(void **state)
{
    BEGIN;
    settle_quorum(&s);
    say(&s, 3, NOTE_LOG_APPEND, META, SLICE_NULL, 5, 5, 1, 77, 1);
    say(&s, 3, NOTE_LOG_SYNCED, META, SLICE_NULL, 6, 0, 0, 0, 0);
    say(&s, 4, NOTE_LOG_APPEND, META, SLICE_NULL, 5, 5, 1, 77, 0); /* not synced */
    say(&s, 3, NOTE_RAFT_HW, META, SLICE_NULL, 6, 1, 0, 0, 0);
    assert_told(&s, RULE_QUORUM_MAJORITY);
}

/* k1 appends a sixth record, k2 copies it and loses its disk; then k1 commits it. */
static void
commit_with_a_wiped_voter(struct tale *s, bool is_synced)
{
    settle_quorum(s);
    for (int32_t n = 3; n < 5; n++)
        say(s, n, NOTE_LOG_APPEND, META, SLICE_NULL, 5, 5, 1, 77, n == 3);
    say(s, 3, NOTE_LOG_SYNCED, META, SLICE_NULL, 6, 0, 0, 0, 0);
    if (is_synced) say(s, 4, NOTE_LOG_SYNCED, META, SLICE_NULL, 6, 0, 0, 0, 0);
    life(s, 4, LIFE_CRASH);
    invariants_wiped(s->v, s->now_ns, 4);
    say(s, 3, NOTE_RAFT_HW, META, SLICE_NULL, 6, 1, 0, 0, 0);
}

static void
what_a_voter_told_before_its_disk_was_replaced_counts(void **state)
{
    BEGIN;
    commit_with_a_wiped_voter(&s, true);
    assert_silent(&s);
}

static void
what_a_replaced_disk_had_not_synced_counts_for_nothing(void **state)
{
    BEGIN;
    commit_with_a_wiped_voter(&s, false);
    assert_told(&s, RULE_QUORUM_MAJORITY);
}

static void
a_replaced_disk_counts_for_nothing_that_came_after(void **state)
{
    BEGIN;
    commit_with_a_wiped_voter(&s, true);
    say(&s, 3, NOTE_LOG_APPEND, META, SLICE_NULL, 6, 6, 1, 78, 1);
    say(&s, 3, NOTE_LOG_SYNCED, META, SLICE_NULL, 7, 0, 0, 0, 0);
    say(&s, 3, NOTE_RAFT_HW, META, SLICE_NULL, 7, 1, 0, 0, 0);
    assert_told(&s, RULE_QUORUM_MAJORITY);
}

/* Raft, figure 8: five records of epoch 2 on all disks are not committed by a leader of epoch 3 before one of its own is. */
static void
the_quorum_commits_by_counting_copies_of_an_earlier_epoch(void **state)
{
    BEGIN;
    settle_quorum(&s);
    for (int32_t n = 3; n < 6; n++) {
        say(&s, n, NOTE_LOG_APPEND, META, SLICE_NULL, 5, 5, 2, 98, n == 3);
        say(&s, n, NOTE_LOG_SYNCED, META, SLICE_NULL, 6, 0, 0, 0, 0);
    }
    say(&s, 4, NOTE_RAFT_STATE, META, SLICE_NULL, RAFT_LEADS, 3, 102, 102, 0);
    say(&s, 4, NOTE_RAFT_HW, META, SLICE_NULL, 6, 3, 0, 0, 0);
    assert_told(&s, RULE_QUORUM_MAJORITY);
}

/* k2 leads epoch 3 and commits a sixth record with k1. */
static void
commit_in_epoch_3(struct tale *s)
{
    say(s, 4, NOTE_RAFT_STATE, META, SLICE_NULL, RAFT_LEADS, 3, 102, 102, 0);
    say(s, 4, NOTE_LOG_APPEND, META, SLICE_NULL, 5, 5, 3, 99, 1);
    say(s, 3, NOTE_LOG_APPEND, META, SLICE_NULL, 5, 5, 3, 99, 0);
    for (int32_t n = 3; n < 5; n++) say(s, n, NOTE_LOG_SYNCED, META, SLICE_NULL, 6, 0, 0, 0, 0);
    say(s, 4, NOTE_RAFT_HW, META, SLICE_NULL, 6, 3, 0, 0, 0);
    assert_int_equal(invariants_anomalies(s->v)->v.n, 0);
}

static void
a_leader_of_the_quorum_lacks_what_an_earlier_one_committed(void **state)
{
    BEGIN;
    settle_quorum(&s);
    commit_in_epoch_3(&s);
    say(&s, 5, NOTE_RAFT_STATE, META, SLICE_NULL, RAFT_LEADS, 4, 103, 103, 0);
    assert_told(&s, RULE_LEADER_COMPLETENESS);
}

/* k3 was elected in epoch 2, stood still, and reads only now that it had won. */
static void
who_learns_late_that_it_won_lacks_what_later_ones_committed(void **state)
{
    BEGIN;
    settle_quorum(&s);
    commit_in_epoch_3(&s);
    say(&s, 5, NOTE_RAFT_STATE, META, SLICE_NULL, RAFT_LEADS, 2, 103, 103, 0);
    assert_silent(&s);
}

static void
who_learns_late_that_it_won_lacks_what_earlier_ones_committed(void **state)
{
    BEGIN;
    settle_quorum(&s);
    commit_in_epoch_3(&s);
    say(&s, 5, NOTE_LOG_TRUNCATE, META, SLICE_NULL, 5, 0, 0, 0, 0);
    say(&s, 5, NOTE_LOG_RECOVERED, META, SLICE_NULL, 0, 4, 0, 1, 0);
    say(&s, 5, NOTE_RAFT_STATE, META, SLICE_NULL, RAFT_LEADS, 2, 103, 103, 0);
    assert_told(&s, RULE_LEADER_COMPLETENESS);
}

/* What it tells of brokers and partitions is what held then. */
static void
decisions_that_are_told_late(void **state)
{
    BEGIN;
    say(&s, 3, NOTE_PARTITION_CHANGE, ORDERS, S("replicas=1,2,3 isr=1,2,3 elr= last="), 1, 2, 9, 0,
        20);
    say(&s, 4, NOTE_PARTITION_CHANGE, ORDERS, S("replicas=1,2,3 isr=2,3 elr= last="), 2, 1, 4, 0,
        15);
    say(&s, 3, NOTE_BROKER_REGISTERED, SLICE_EMPTY, SLICE_EMPTY, 3, 40, 22, 1, 40);
    say(&s, 4, NOTE_BROKER_REGISTERED, SLICE_EMPTY, SLICE_EMPTY, 3, 30, 21, 1, 35);
    assert_silent(&s);
}

static void
two_leaders_of_the_quorum(void **state)
{
    BEGIN;
    settle_quorum(&s);
    say(&s, 4, NOTE_RAFT_STATE, META, SLICE_NULL, RAFT_LEADS, 1, 102, 102, 0);
    assert_told(&s, RULE_ELECTION_SAFETY);
}

static void
applied_before_it_was_committed(void **state)
{
    BEGIN;
    settle_quorum(&s);
    say(&s, 0, NOTE_METADATA_APPLIED, META, SLICE_NULL, 5, 1, 0, 0, 0);
    assert_told(&s, RULE_APPLIED_COMMITTED);
}

static void
vote(struct tale *s, int32_t epoch, int32_t id, bool tell)
{
    say(s, 5, NOTE_RAFT_STATE, META, SLICE_NULL, 1, epoch, -1, id, 0);
    if (tell) invariants_vote_told(s->v, s->now_ns, 5, id, epoch);
}

static void
a_vote_that_was_told_is_changed_after_a_crash(void **state)
{
    BEGIN;
    settle_quorum(&s);
    vote(&s, 2, 101, true);
    life(&s, 5, LIFE_CRASH);
    vote(&s, 2, 102, true);
    assert_told(&s, RULE_ONE_VOTE);
}

static void
a_vote_that_nobody_heard_of_may_be_forgotten(void **state)
{
    BEGIN;
    settle_quorum(&s);
    vote(&s, 2, 101, false);
    life(&s, 5, LIFE_CRASH);
    vote(&s, 2, 102, true);
    vote(&s, 3, 101, true);
    assert_silent(&s);
}

static void
leads_epoch_2(struct tale *s)
{
    say(s, 4, NOTE_RAFT_STATE, META, SLICE_NULL, RAFT_LEADS, 2, 102, 102, 0);
}

static void
a_voter_leads_with_a_majority(void **state)
{
    BEGIN;
    settle_quorum(&s);
    invariants_vote_told(s.v, s.now_ns, 4, 102, 2);
    invariants_vote_told(s.v, s.now_ns, 5, 102, 2);
    invariants_wiped(s.v, s.now_ns, 5); /* it has voted all the same */
    leads_epoch_2(&s);
    assert_silent(&s);
}

/* k1 voted for it in the epoch before. */
static void
a_voter_leads_with_its_own_vote_alone(void **state)
{
    BEGIN;
    settle_quorum(&s);
    invariants_vote_told(s.v, s.now_ns, 3, 102, 1);
    invariants_vote_told(s.v, s.now_ns, 4, 102, 2);
    leads_epoch_2(&s);
    assert_slice(invariants_anomalies(s.v)->v.v[0].story, "k2: leads epoch 2; 1 voted for it");
    assert_told(&s, RULE_ELECTED_BY_FEW);
}

static void
a_vote_in_another_epoch_does_not_bind(void **state)
{
    BEGIN;
    settle_quorum(&s);
    vote(&s, 2, 101, false);
    invariants_vote_told(s.v, s.now_ns, 5, 101, 1);
    life(&s, 5, LIFE_CRASH);
    vote(&s, 2, 102, true);
    assert_silent(&s);
}

static void
an_empty_disk_knows_of_no_vote(void **state)
{
    BEGIN;
    settle_quorum(&s);
    vote(&s, 2, 101, true);
    life(&s, 5, LIFE_CRASH);
    invariants_wiped(s.v, s.now_ns, 5);
    vote(&s, 2, 102, true);
    assert_silent(&s);
}

/* orders is deleted and made again; b1 and b2 have opened the new log, b3 has not heard of it. */
#define NEW_ID S("AAAAAAAAAAAAAAAAAAAAAw")

static void
make_again(struct tale *s)
{
    say(s, 3, NOTE_TOPIC_DELETED, S("orders"), SLICE_EMPTY, 1, 0, 0, 0, 0);
    for (int32_t i = 0; i < 2; i++) say(s, i, NOTE_LOG_RECOVERED, ORDERS, NEW_ID, 0, 0, 0, 1, 0);
    say(s, 0, NOTE_PARTITION_ROLE, ORDERS, NEW_ID, LEADER, 1, 0, 0, 0);
    append(s, 0, 0, 0, 900, true);
}

static void
a_topic_that_is_made_again_has_only_the_name_of_the_old_one(void **state)
{
    BEGIN;
    make_again(&s);
    append(&s, 1, 0, 0, 900, false);
    high_watermark(&s, 0, 1, 0, true);
    append(&s, 2, 10, 0, 777, true); /* of the old one */
    assert_silent(&s);
}

static void
two_leaders_of_a_topic_that_was_made_again(void **state)
{
    BEGIN;
    make_again(&s);
    say(&s, 1, NOTE_PARTITION_ROLE, ORDERS, NEW_ID, LEADER, 2, 0, 0, 0);
    assert_told(&s, RULE_ELECTION_SAFETY);
}

static void
other_records_in_a_topic_that_was_made_again(void **state)
{
    BEGIN;
    make_again(&s);
    append(&s, 1, 0, 0, 901, false);
    assert_told(&s, RULE_LOG_MATCHING);
}

static void
file_synced(struct tale *s, const char *path)
{
    invariants_file_synced(s->v, 0, 0, slice_cstr(path));
}

static void
one_sync_syncs_each_file_once(void **state)
{
    static const char first[] = "data/orders-0/00000000000000000000.log",
                      second[] = "data/orders-0/00000000000000000007.log",
                      other[] = "data/orders-1/00000000000000000000.log";
    BEGIN;
    for (int i = 0; i < 3; i++) {
        say(&s, 0, NOTE_LOG_SYNC, ORDERS, SLICE_NULL, 10, 0, 0, 0, 0);
        file_synced(&s, first), file_synced(&s, second);
        file_synced(&s, other), file_synced(&s, other); /* nobody has said that a sync began */
    }
    assert_silent(&s);
}

static void
a_sync_ends_with_its_process(void **state)
{
    BEGIN;
    say(&s, 0, NOTE_LOG_SYNC, ORDERS, SLICE_NULL, 10, 0, 0, 0, 0);
    file_synced(&s, "data/orders-0/00000000000000000007.log");
    life(&s, 0, LIFE_POWER);
    life(&s, 0, LIFE_START);
    file_synced(&s, "data/orders-0/00000000000000000007.log"); /* recovery's own */
    assert_silent(&s);
}

static void
a_sync_that_goes_on_with_new_work(void **state)
{
    BEGIN;
    say(&s, 0, NOTE_LOG_SYNC, ORDERS, SLICE_NULL, 10, 0, 0, 0, 0);
    file_synced(&s, "data/orders-0/00000000000000000007.log");
    file_synced(&s, "data/orders-0/00000000000000000007.log");
    assert_told(&s, RULE_SYNC_ENDS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replication_failover_and_truncation_are_no_breach),
        cmocka_unit_test(two_leaders_in_one_epoch),
        cmocka_unit_test(other_records_at_the_same_offset_and_epoch),
        cmocka_unit_test(the_same_batch_behind_another_one),
        cmocka_unit_test(a_tail_below_the_leaders_log_start_is_compared_with_nothing),
        cmocka_unit_test(a_tail_that_the_leader_has_not_deleted_is_compared),
        cmocka_unit_test(a_tail_below_the_leaders_log_start_is_not_owed),
        cmocka_unit_test(a_tail_that_the_leader_has_not_deleted_is_not_in_sync),
        cmocka_unit_test(a_gap_in_a_log),
        cmocka_unit_test(a_leader_cuts_its_own_log),
        cmocka_unit_test(a_follower_in_sync_cuts_what_is_committed),
        cmocka_unit_test(a_leader_without_committed_records),
        cmocka_unit_test(an_unclean_leader_without_committed_records_is_no_breach),
        cmocka_unit_test(a_follower_comes_back_with_what_was_given_up),
        cmocka_unit_test(a_follower_comes_back_after_an_election_that_nobody_permitted),
        cmocka_unit_test(that_a_controller_calls_it_unclean_excuses_nothing),
        cmocka_unit_test(a_last_known_leader_without_what_another_has_is_a_breach),
        cmocka_unit_test(an_unclean_election_may_choose_who_was_eligible_before),
        cmocka_unit_test(what_an_unclean_election_costs_is_given_up),
        cmocka_unit_test(without_permission_only_the_last_known_leader_may_be_chosen),
        cmocka_unit_test(whose_new_process_nobody_knew_of_is_not_eligible),
        cmocka_unit_test(whose_new_process_came_into_the_isr_is_eligible),
        cmocka_unit_test(who_was_dead_unheard_when_a_topic_was_made_is_not_eligible),
        cmocka_unit_test(who_was_back_when_a_topic_was_made_is_eligible),
        cmocka_unit_test(a_leader_that_was_superseded_unheard_changes_nothing_committed),
        cmocka_unit_test(what_a_leader_commits_that_an_unclean_election_has_deposed_is_given_up),
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
        cmocka_unit_test(a_log_that_was_cut_fully_begins_anew),
        cmocka_unit_test(committed_before_a_member_of_the_isr_has_written_it),
        cmocka_unit_test(committed_without_a_member_of_the_isr),
        cmocka_unit_test(a_leader_may_know_of_a_decision_before_us),
        cmocka_unit_test(another_record_committed_at_the_same_offset),
        cmocka_unit_test(a_leader_epoch_goes_back),
        cmocka_unit_test(decisions_that_must_not_be),
        cmocka_unit_test(a_leader_from_outside_isr_and_elr),
        cmocka_unit_test(a_new_controller_tells_two_decisions_at_once),
        cmocka_unit_test(a_fenced_broker_comes_into_the_isr),
        cmocka_unit_test(a_broker_epoch_given_twice),
        cmocka_unit_test(a_process_that_registers_again_keeps_its_epoch),
        cmocka_unit_test(committed_by_a_minority),
        cmocka_unit_test(what_a_voter_told_before_its_disk_was_replaced_counts),
        cmocka_unit_test(what_a_replaced_disk_had_not_synced_counts_for_nothing),
        cmocka_unit_test(a_replaced_disk_counts_for_nothing_that_came_after),
        cmocka_unit_test(two_leaders_of_the_quorum),
        cmocka_unit_test(the_quorum_commits_by_counting_copies_of_an_earlier_epoch),
        cmocka_unit_test(a_leader_of_the_quorum_lacks_what_an_earlier_one_committed),
        cmocka_unit_test(who_learns_late_that_it_won_lacks_what_later_ones_committed),
        cmocka_unit_test(who_learns_late_that_it_won_lacks_what_earlier_ones_committed),
        cmocka_unit_test(decisions_that_are_told_late),
        cmocka_unit_test(applied_before_it_was_committed),
        cmocka_unit_test(a_vote_that_was_told_is_changed_after_a_crash),
        cmocka_unit_test(a_vote_that_nobody_heard_of_may_be_forgotten),
        cmocka_unit_test(a_vote_in_another_epoch_does_not_bind),
        cmocka_unit_test(a_voter_leads_with_a_majority),
        cmocka_unit_test(a_voter_leads_with_its_own_vote_alone),
        cmocka_unit_test(a_topic_that_is_made_again_has_only_the_name_of_the_old_one),
        cmocka_unit_test(two_leaders_of_a_topic_that_was_made_again),
        cmocka_unit_test(other_records_in_a_topic_that_was_made_again),
        cmocka_unit_test(an_empty_disk_knows_of_no_vote),
        cmocka_unit_test(one_sync_syncs_each_file_once),
        cmocka_unit_test(a_sync_that_goes_on_with_new_work),
        cmocka_unit_test(a_sync_ends_with_its_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
