/* Copies of a log: what may differ between them, what may be cut, and what a name stands for that is given again; and syncs. */
#include "tests/unit/check/tales.h"

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

/* Its disk had written to the wrong place: behind that nothing can be read. */
static void
a_follower_may_cut_what_its_disk_has_damaged(void **state)
{
    BEGIN;
    invariants_spoilt(s.v, 1);
    say(&s, 1, NOTE_LOG_TRUNCATE, ORDERS, SLICE_NULL, 8, 10, 0, 0, 0);
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
        cmocka_unit_test(a_follower_may_cut_what_its_disk_has_damaged),
        cmocka_unit_test(a_topic_that_is_made_again_has_only_the_name_of_the_old_one),
        cmocka_unit_test(two_leaders_of_a_topic_that_was_made_again),
        cmocka_unit_test(other_records_in_a_topic_that_was_made_again),
        cmocka_unit_test(one_sync_syncs_each_file_once),
        cmocka_unit_test(a_sync_ends_with_its_process),
        cmocka_unit_test(a_sync_that_goes_on_with_new_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
