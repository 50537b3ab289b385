/* The quorum: votes, what is committed there, and what a voter may forget. */
#include "tests/unit/check/tales.h"

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(committed_by_a_minority),
        cmocka_unit_test(what_a_voter_told_before_its_disk_was_replaced_counts),
        cmocka_unit_test(what_a_replaced_disk_had_not_synced_counts_for_nothing),
        cmocka_unit_test(a_replaced_disk_counts_for_nothing_that_came_after),
        cmocka_unit_test(the_quorum_commits_by_counting_copies_of_an_earlier_epoch),
        cmocka_unit_test(a_leader_of_the_quorum_lacks_what_an_earlier_one_committed),
        cmocka_unit_test(who_learns_late_that_it_won_lacks_what_later_ones_committed),
        cmocka_unit_test(who_learns_late_that_it_won_lacks_what_earlier_ones_committed),
        cmocka_unit_test(decisions_that_are_told_late),
        cmocka_unit_test(two_leaders_of_the_quorum),
        cmocka_unit_test(applied_before_it_was_committed),
        cmocka_unit_test(a_vote_that_was_told_is_changed_after_a_crash),
        cmocka_unit_test(a_vote_that_nobody_heard_of_may_be_forgotten),
        cmocka_unit_test(a_voter_leads_with_a_majority),
        cmocka_unit_test(a_voter_leads_with_its_own_vote_alone),
        cmocka_unit_test(a_vote_in_another_epoch_does_not_bind),
        cmocka_unit_test(an_empty_disk_knows_of_no_vote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
