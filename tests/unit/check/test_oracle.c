#include <stdio.h>

#include "sim/check/check.h"
#include "tests/unit/check/streams.h"

static void
settle(struct tale *t)
{
    tale_begin(t, true);
    for (int64_t i = 0; i < 10; i++) produce(t, 0, i, 0, 7, -1);
}

#define BEGIN \
    (void)state; \
    struct tale t; \
    settle(&t)

/* b2 leads epoch 1 with ISR {2, 3}; its log is as it is, up to hw. */
static void
b2_leads(struct tale *t, bool unclean, struct slice text, int64_t hw)
{
    decide(t, 2, 1, 1, unclean, text);
    role(t, 1, LEADER, 2, 1);
    high_watermark(t, 1, hw, 1, true);
}

static struct anomalies
conclude(struct tale *t)
{
    struct anomalies a;
    anomalies_init(&a, &t->mem);
    oracle_finish(t->o, &a);
    return a;
}

static void
assert_lost(struct tale *t, int64_t offset, enum loss loss, const char *cause)
{
    struct anomalies a = conclude(t);
    assert_int_equal(a.v.n, 1);
    assert_int_equal(a.v.v[0].rule, RULE_LOST);
    assert_int_equal(a.v.v[0].offset, offset);
    assert_string_equal(loss_spelling(a.v.v[0].loss), loss_spelling(loss));
    assert_int_equal(a.v.v[0].allowed, loss != LOSS_BUG);
    if (!strstr((const char *)a.v.v[0].story.p, cause))
        printf("%s\n", (const char *)a.v.v[0].story.p);
    assert_non_null(strstr((const char *)a.v.v[0].story.p, cause));
    tale_end(t);
}

#define AFTER_B1 S("replicas=1,2,3 isr=2,3 elr= last=")

static void
nothing_is_lost_by_a_clean_failover(void **state)
{
    BEGIN;
    life(&t, 0, LIFE_CRASH);
    b2_leads(&t, false, AFTER_B1, 10);
    produce(&t, 1, 10, 1, 6, -1);
    assert_int_equal(conclude(&t).v.n, 0);
    tale_end(&t);
}

static void
what_the_leader_alone_had_is_lost_as_acks_1_permits(void **state)
{
    BEGIN;
    produce(&t, 0, 10, 0, 0, 1);
    life(&t, 0, LIFE_CRASH);
    b2_leads(&t, false, AFTER_B1, 10);
    assert_lost(&t, 10, LOSS_ALLOWED, "election of b2 in epoch 1, whose log ended at 10");
}

static void
what_an_old_leader_acknowledged_names_the_new_one(void **state)
{
    BEGIN;
    b2_leads(&t, false, AFTER_B1, 10);
    produce(&t, 0, 10, 0, 0, 1);
    say(&t, 0, NOTE_LOG_TRUNCATE, ORDERS, SLICE_NULL, 10, 11, 0, 0, 0);
    assert_lost(&t, 10, LOSS_ALLOWED,
                "election of b2 in epoch 1, of which the leader of epoch 0 did not hear");
}

/* b1 is alone in sync, and has the tenth alone. */
static void
b2_is_elected_uncleanly(struct tale *t)
{
    decide(t, 1, 0, 1, false, S("replicas=1,2,3 isr=1 elr= last="));
    produce(t, 0, 10, 0, 0, -1);
    life(t, 0, LIFE_CRASH);
    decide(t, 2, 1, 2, true, S("replicas=1,2,3 isr=2 elr= last="));
    high_watermark(t, 1, 10, 1, true);
}

static void
an_unclean_election_permits_it_too(void **state)
{
    BEGIN;
    oracle_unclean_is(t.o, S("orders"), true);
    b2_is_elected_uncleanly(&t);
    assert_lost(&t, 10, LOSS_ALLOWED, "permitted because: b2 was elected uncleanly");
}

static void
an_operators_request_permits_it_too(void **state)
{
    BEGIN;
    oracle_unclean_asked(t.o, t.now_ns, S("orders"), 0);
    b2_is_elected_uncleanly(&t);
    assert_lost(&t, 10, LOSS_ALLOWED, "permitted because: b2 was elected uncleanly");
}

/* The cluster thought of it by itself: the last known leader, or a mistake. */
/* b2 dies before it hears that it leads; when it is back it is elected in order, for nobody else may lead by then. */
static void
b2_is_elected_uncleanly_and_leads_later(struct tale *t)
{
    produce(t, 0, 10, 0, 0, -1);
    decide(t, 1, 0, 1, false, S("replicas=1,2,3 isr=1 elr= last="));
    life(t, 0, LIFE_CRASH);
    decide(t, 2, 1, 2, true, S("replicas=1,2,3 isr=2 elr= last="));
    life(t, 1, LIFE_CRASH);
    decide(t, -1, 2, 3, false, S("replicas=1,2,3 isr= elr= last=2"));
    recovered(t, 1, 10);
    decide(t, 2, 3, 4, false, S("replicas=1,2,3 isr=2 elr= last="));
    role(t, 1, LEADER, 2, 3);
    high_watermark(t, 1, 10, 3, true);
}

static void
what_an_unclean_election_has_decided_stands_when_another_comes_to_lead_by_it(void **state)
{
    BEGIN;
    oracle_unclean_is(t.o, S("orders"), true);
    b2_is_elected_uncleanly_and_leads_later(&t);
    assert_lost(&t, 10, LOSS_ALLOWED, "permitted because: b2 was elected uncleanly");
}

static void
nor_does_it_excuse_if_nobody_permitted_it(void **state)
{
    BEGIN;
    b2_is_elected_uncleanly_and_leads_later(&t);
    assert_lost(&t, 10, LOSS_BUG, "not permitted: ");
}

static void
an_unclean_election_that_nobody_permitted_is_a_bug(void **state)
{
    BEGIN;
    oracle_unclean_is(t.o, SLICE_NULL, true);
    oracle_unclean_is(t.o, S("orders"), false);
    b2_is_elected_uncleanly(&t);
    assert_lost(&t, 10, LOSS_BUG, "not permitted: b1 had it and might have led");
}

/* b2 is elected while it is down, and never comes to lead; what undoes the record comes later. */
static void
an_election_of_one_who_never_led_explains_nothing(void **state)
{
    BEGIN;
    oracle_unclean_is(t.o, SLICE_NULL, true);
    produce(&t, 0, 10, 0, 4, -1);
    life(&t, 0, LIFE_CRASH);
    decide(&t, 2, 1, 1, false, AFTER_B1);
    decide(&t, -1, 2, 2, false, S("replicas=1,2,3 isr= elr=3 last="));
    decide(&t, 2, 3, 3, true, S("replicas=1,2,3 isr=2 elr= last="));
    role(&t, 1, LEADER, 2, 3);
    high_watermark(&t, 1, 10, 3, true);
    say(&t, 2, NOTE_LOG_TRUNCATE, ORDERS, SLICE_NULL, 10, 11, 0, 0, 0);
    assert_lost(&t, 10, LOSS_ALLOWED, "unclean election of b2");
}

static void
a_leader_without_what_another_candidate_has_is_a_bug(void **state)
{
    BEGIN;
    produce(&t, 0, 10, 0, 4, -1); /* b2, in the ISR, has not got it */
    life(&t, 0, LIFE_CRASH);
    b2_leads(&t, false, AFTER_B1, 10);
    say(&t, 2, NOTE_LOG_TRUNCATE, ORDERS, SLICE_NULL, 10, 11, 0, 0, 0);
    assert_lost(&t, 10, LOSS_BUG, "truncation of b3 to offset 10");
}

static void
a_copy_outside_isr_and_elr_is_not_recovered(void **state)
{
    BEGIN;
    decide(&t, 1, 0, 1, false, S("replicas=1,2,3 isr=1,2 elr= last="));
    produce(&t, 0, 10, 0, 6, -1);
    life(&t, 0, LIFE_POWER);
    life(&t, 1, LIFE_POWER);
    recovered(&t, 1, 0);
    b2_leads(&t, false, S("replicas=1,2,3 isr=2 elr= last="), 0);
    struct anomalies a = conclude(&t);
    assert_int_equal(a.v.n, 11);
    for (int64_t i = 0; i < 11; i++) assert_int_equal(a.v.v[i].loss, LOSS_NOT_RECOVERED);
    tale_end(&t);
}

static void
no_copy_left_is_physics(void **state)
{
    BEGIN;
    for (int32_t i = 0; i < 3; i++) {
        say(&t, i, NOTE_LOG_SYNCED, ORDERS, SLICE_NULL, 9, 0, 0, 0, 0);
        life(&t, i, LIFE_POWER);
    }
    recovered(&t, 1, 9);
    b2_leads(&t, false, AFTER_B1, 9);
    assert_lost(&t, 9, LOSS_PHYSICS, "permitted because: b1 lost its unsynced tail at ");
}

static void
wiped(struct tale *t, int32_t node)
{
    life(t, node, LIFE_CRASH);
    oracle_wiped(t->o, t->now_ns, node);
}

static void
faults_before_the_record_excuse_nothing(void **state)
{
    BEGIN;
    wiped(&t, 2);
    life(&t, 2, LIFE_START), recovered(&t, 2, 0);
    for (int64_t i = 0; i < 10; i++) append(&t, 2, i, 0, (uint32_t)t.h.ops.v[i].value * 7, false);
    produce(&t, 0, 10, 0, 2, -1); /* b3, in the ISR, never gets it */
    life(&t, 0, LIFE_CRASH);
    decide(&t, 3, 1, 1, false, S("replicas=1,2,3 isr=2,3 elr= last="));
    role(&t, 2, LEADER, 3, 1);
    high_watermark(&t, 2, 10, 1, true);
    assert_lost(&t, 10, LOSS_BUG, "b3 might lead and never had it");
}

static void
a_log_that_the_broker_cuts_itself_is_no_excuse(void **state)
{
    BEGIN;
    for (int32_t i = 0; i < 3; i++) life(&t, i, LIFE_CRASH), recovered(&t, i, 9);
    b2_leads(&t, false, S("replicas=1,2,3 isr=1,2,3 elr= last="), 9);
    assert_lost(&t, 9, LOSS_BUG, "b2 left it out when it recovered");
}

/* The tenth record is spoilt on all disks, one more is written, and then what is behind the first `kept` is cut off. If a write went
 * astray, what comes behind the hole lies nowhere, either; if a disk rots, it does, but recovery goes no further. */
static void
spoil_and_recover(struct tale *t, bool is_astray, int64_t kept)
{
    struct found f[10];
    for (int64_t i = 0; i < 10; i++)
        f[i] = (struct found){i, i, 0, (uint32_t)t->h.ops.v[i].value * 7};
    for (int32_t i = 0; i < 3; i++) {
        if (is_astray) oracle_went_astray(t->o, t->now_ns, i, ORDERS, 9);
        else oracle_destroyed(t->o, t->now_ns, i, ORDERS, f, 9, false);
    }
    produce(t, 0, 10, 0, 7, -1);
    for (int32_t i = 0; i < 3; i++) {
        life(t, i, LIFE_CRASH);
        oracle_found(t->o, i, ORDERS, f, kept);
        recovered(t, i, kept);
    }
    b2_leads(t, false, S("replicas=1,2,3 isr=1,2,3 elr= last="), kept);
}

static void
what_lies_behind_a_spoilt_place_is_damaged(void **state)
{
    for (int is_astray = 0; is_astray <= 1; is_astray++) {
        BEGIN;
        spoil_and_recover(&t, is_astray, 9);
        struct anomalies a = conclude(&t);
        assert_int_equal(a.counts[RULE_LOST], 2);
        for (int64_t i = 0; i < a.v.n; i++) {
            assert_string_equal(loss_spelling(a.v.v[i].loss), loss_spelling(LOSS_PHYSICS));
            assert_int_equal(a.v.v[i].offset, 9 + i);
        }
        tale_end(&t);
    }
}

static void
what_lies_before_a_spoilt_place_is_owed(void **state)
{
    for (int is_astray = 0; is_astray <= 1; is_astray++) {
        BEGIN;
        spoil_and_recover(&t, is_astray, 8);
        struct anomalies a = conclude(&t);
        int64_t bugs = 0;
        for (int64_t i = 0; i < a.v.n; i++) {
            bool is_bug = a.v.v[i].loss == LOSS_BUG;
            if (is_bug) assert_int_equal(a.v.v[i].offset, 8);
            bugs += is_bug;
        }
        assert_int_equal(bugs, 1);
        tale_end(&t);
    }
}

/* Its hole is cut off, and the record was fetched anew. */
static void
what_was_copied_again_after_the_hole_was_cut_off_is_whole(void **state)
{
    BEGIN;
    oracle_went_astray(t.o, t.now_ns, 1, ORDERS, 9);
    say(&t, 1, NOTE_LOG_TRUNCATE, ORDERS, SLICE_NULL, 9, 10, 0, 0, 0);
    append(&t, 1, 9, 0, (uint32_t)t.h.ops.v[9].value * 7, false);
    life(&t, 0, LIFE_CRASH);
    oracle_wiped(t.o, t.now_ns, 0);
    life(&t, 2, LIFE_CRASH);
    oracle_wiped(t.o, t.now_ns, 2);
    decide(&t, 3, 1, 1, false, S("replicas=1,2,3 isr=2,3 elr= last="));
    recovered(&t, 2, 0);
    role(&t, 2, LEADER, 3, 1);
    struct anomalies a = conclude(&t);
    assert_int_equal(a.counts[RULE_LOST], 10);
    for (int64_t i = 0; i < a.v.n; i++)
        assert_string_equal(loss_spelling(a.v.v[i].loss), loss_spelling(LOSS_BUG));
    tale_end(&t);
}

static void
what_the_disk_kept_no_power_loss_took(void **state)
{
    BEGIN;
    struct found f[10];
    for (int64_t i = 0; i < 10; i++)
        f[i] = (struct found){i, i, 0, (uint32_t)t.h.ops.v[i].value * 7};
    for (int32_t i = 0; i < 3; i++) {
        life(&t, i, LIFE_POWER);
        oracle_destroyed(t.o, t.now_ns, i, ORDERS, f, 10, true);
        oracle_found(t.o, i, ORDERS, f, 9);
        recovered(&t, i, 9);
    }
    b2_leads(&t, false, S("replicas=1,2,3 isr=1,2,3 elr= last="), 9);
    assert_lost(&t, 9, LOSS_BUG, "b2 left it out when it recovered");
}

/* Of a transaction's marker nobody sent anything, and of 32 bits some are equal by chance. */
static void
a_marker_with_the_checksum_of_a_batch_is_not_that_batch(void **state)
{
    BEGIN;
    uint64_t value = t.h.ops.v[3].value;
    oracle_sent(t.o, 0, 4711, 150, &value, 1);
    append(&t, 0, 10, 0, 4711, true);
    high_watermark(&t, 0, 11, 0, true);
    assert_int_equal(conclude(&t).v.n, 0);
    tale_end(&t);
}

/* b1 writes a batch anew, and to the wrong place: nobody can read which values it has. */
static int64_t
write_unread(struct tale *t)
{
    oracle_rewritten(t->o, S("orders"));
    struct history_op op = history_op_new(HISTORY_SEND, t->process, t->topic, 0);
    op.value = history_next_value(&t->h, t->process);
    op.acks = 1;
    op.node = 1;
    int64_t number = history_invoke(&t->h, &op);
    append(t, 0, 10, 0, 4711, true);
    return number;
}

static void
acknowledge_unread(struct tale *t)
{
    int64_t number = write_unread(t);
    history_complete(&t->h, number, HISTORY_OK, 0, 0, 10);
}

static void
what_was_written_anew_to_the_wrong_place_is_lost_as_acks_1_permits(void **state)
{
    BEGIN;
    struct found f[10];
    for (int64_t i = 0; i < 10; i++)
        f[i] = (struct found){i, i, 0, (uint32_t)t.h.ops.v[i].value * 7};
    acknowledge_unread(&t);
    oracle_destroyed(t.o, t.now_ns, 0, ORDERS, f, 10, false);
    assert_lost(&t, 10, LOSS_ALLOWED, "b1 was damaged on its disk");
}

/* The answer is under way for longer than its record lives. */
static void
what_was_written_anew_and_is_gone_before_its_answer_comes_was_there(void **state)
{
    BEGIN;
    int64_t number = write_unread(&t);
    wiped(&t, 0);
    history_complete(&t.h, number, HISTORY_OK, 0, 0, 10);
    b2_leads(&t, false, AFTER_B1, 10);
    assert_lost(&t, 10, LOSS_ALLOWED, "b2 was elected without it at ");
}

static void
what_was_written_anew_and_cut_by_nobodys_fault_is_owed(void **state)
{
    BEGIN;
    acknowledge_unread(&t);
    say(&t, 0, NOTE_LOG_TRUNCATE, ORDERS, SLICE_NULL, 10, 0, 0, 0, 0);
    assert_lost(&t, 10, LOSS_BUG, "not permitted: b1 had it");
}

/* b2 and b3 are missed, and only one copy is left without them: theirs are counted on still. */
static void
fewer_copies_than_the_promise_counts_on_are_no_excuse(void **state)
{
    BEGIN;
    oracle_topic(t.o, S("orders"), 2, false);
    for (int32_t i = 0; i < 3; i++) say(&t, i, NOTE_LOG_SYNCED, ORDERS, SLICE_NULL, 9, 0, 0, 0, 0);
    decide(&t, 1, 0, 1, false, S("replicas=1,2,3 isr=1 elr= last="));
    life(&t, 0, LIFE_POWER);
    recovered(&t, 0, 9);
    decide(&t, 1, 1, 2, false, S("replicas=1,2,3 isr=1 elr= last="));
    role(&t, 0, LEADER, 1, 1);
    high_watermark(&t, 0, 9, 1, true);
    assert_lost(&t, 9, LOSS_BUG,
                "b1 lost its unsynced tail at 0.108s, b2 had it and might have led");
}

/* All lose power. `keeper`, if any, has everything on its disk; the others lack the last record. The brokers are missed
 * in this order, and the last leader that is known is elected. */
static void
dark_room(struct tale *t, int32_t keeper, const int32_t *missed)
{
    struct found f[10];
    char text[64];
    for (int64_t i = 0; i < 10; i++)
        f[i] = (struct found){i, i, 0, (uint32_t)t->h.ops.v[i].value * 7};
    oracle_topic(t->o, S("orders"), 2, false);
    for (int32_t i = 0; i < 3; i++) {
        say(t, i, NOTE_LOG_SYNCED, ORDERS, SLICE_NULL, 9, 0, 0, 0, 0);
        life(t, i, LIFE_POWER);
        oracle_destroyed(t->o, t->now_ns, i, ORDERS, f, i == keeper ? 10 : 9, true);
    }
    snprintf(text, sizeof text, "replicas=1,2,3 isr=%d,%d elr= last=", MIN(missed[1], missed[2]),
             MAX(missed[1], missed[2]));
    decide(t, missed[1], 1, 1, false, slice_cstr(text));
    snprintf(text, sizeof text, "replicas=1,2,3 isr= elr=%d last=1", missed[2]);
    decide(t, -1, 2, 2, false, slice_cstr(text));
    decide(t, -1, 2, 3, false, S("replicas=1,2,3 isr= elr= last=1"));
    recovered(t, 0, 9);
    decide(t, 1, 3, 4, true, S("replicas=1,2,3 isr=1 elr= last="));
    role(t, 0, LEADER, 1, 3);
    high_watermark(t, 0, 9, 3, true);
}

static void
one_whole_copy_in_a_dark_room_is_owed_whoever_is_missed_first(void **state)
{
    static const int32_t orders[][3] = {{1, 2, 3}, {1, 3, 2}, {2, 1, 3},
                                        {2, 3, 1}, {3, 1, 2}, {3, 2, 1}};
    for (int i = 0; i < 6; i++) {
        BEGIN;
        dark_room(&t, 1, orders[i]);
        assert_lost(&t, 9, LOSS_BUG, "b2 had it and might have led");
    }
}

static void
a_dark_room_that_took_all_copies_is_physics(void **state)
{
    static const int32_t order[] = {2, 1, 3};
    BEGIN;
    dark_room(&t, -1, order);
    assert_lost(&t, 9, LOSS_PHYSICS, "b3 lost its unsynced tail");
}

static void
a_flush_for_each_message_leaves_a_power_loss_nothing(void **state)
{
    BEGIN;
    oracle_topic(t.o, S("orders"), 2, true);
    for (int32_t i = 0; i < 3; i++) {
        say(&t, i, NOTE_LOG_SYNCED, ORDERS, SLICE_NULL, 9, 0, 0, 0, 0);
        life(&t, i, LIFE_POWER);
    }
    recovered(&t, 1, 9);
    b2_leads(&t, false, AFTER_B1, 9);
    assert_lost(&t, 9, LOSS_BUG, "though it should have flushed it");
}

static void
a_flush_that_was_given_up_later_has_been_all_the_same(void **state)
{
    for (int is_later = 0; is_later < 2; is_later++) {
        BEGIN;
        int64_t told_ns = t.h.ops.v[9].complete_ns;
        oracle_topic(t.o, S("orders"), 2, true);
        oracle_flushes_less(t.o, told_ns + (is_later ? 1 : -1), S("orders"));
        for (int32_t i = 0; i < 3; i++) {
            say(&t, i, NOTE_LOG_SYNCED, ORDERS, SLICE_NULL, 9, 0, 0, 0, 0);
            life(&t, i, LIFE_POWER);
        }
        recovered(&t, 1, 9);
        b2_leads(&t, false, AFTER_B1, 9);
        assert_lost(&t, 9, is_later ? LOSS_BUG : LOSS_PHYSICS, "lost its unsynced tail");
    }
}

static void
acks_1_is_owed_as_long_as_its_leader_leads(void **state)
{
    BEGIN;
    produce(&t, 0, 10, 0, 0, 1);
    wiped(&t, 2);
    say(&t, 0, NOTE_LOG_TRUNCATE, ORDERS, SLICE_NULL, 10, 11, 0, 0, 0);
    assert_lost(&t, 10, LOSS_BUG, "not permitted: ");
}

static void
what_is_found_on_a_disk_again_is_not_lost(void **state)
{
    BEGIN;
    struct found f[10];
    for (int64_t i = 0; i < 10; i++)
        f[i] = (struct found){i, i, 0, (uint32_t)t.h.ops.v[i].value * 7};
    for (int32_t i = 0; i < 3; i++) life(&t, i, LIFE_POWER);
    oracle_found(t.o, 1, ORDERS, f, 10);
    recovered(&t, 1, 10);
    b2_leads(&t, false, AFTER_B1, 10);
    assert_int_equal(conclude(&t).v.n, 0);
    tale_end(&t);
}

static void
a_wiped_disk_takes_all_copies_on_it(void **state)
{
    BEGIN;
    for (int32_t i = 0; i < 3; i++) life(&t, i, LIFE_CRASH), oracle_wiped(t.o, t.now_ns, i);
    recovered(&t, 1, 0);
    b2_leads(&t, false, AFTER_B1, 0);
    struct anomalies a = conclude(&t);
    assert_int_equal(a.v.n, 10);
    for (int64_t i = 0; i < 10; i++) assert_int_equal(a.v.v[i].loss, LOSS_PHYSICS);
    tale_end(&t);
}

static void
what_was_removed_below_the_high_watermark_is_not_lost(void **state)
{
    BEGIN;
    say(&t, 0, NOTE_LOG_START, ORDERS, SLICE_NULL, 4, 0, 0, 0, 0);
    assert_int_equal(oracle_removed_to(t.o, S("orders"), 0), 4);
    assert_int_equal(conclude(&t).v.n, 0);
    tale_end(&t);
}

static void
what_was_removed_above_it_is(void **state)
{
    BEGIN;
    produce(&t, 0, 10, 0, 0, 1); /* nobody else has it: the high watermark is 10 */
    say(&t, 0, NOTE_LOG_START, ORDERS, SLICE_NULL, 11, 0, 0, 0, 0);
    assert_int_equal(oracle_removed_to(t.o, S("orders"), 0), 0);
    assert_int_equal(conclude(&t).v.n, 11);
    tale_end(&t);
}

static void
a_batch_that_was_appended_twice_is_a_duplicate(void **state)
{
    BEGIN;
    append(&t, 0, 10, 0, (uint32_t)t.h.ops.v[4].value * 7, true);
    high_watermark(&t, 0, 11, 0, true);
    struct anomalies a = conclude(&t);
    assert_int_equal(a.v.n, 1);
    assert_int_equal(a.v.v[0].rule, RULE_DUPLICATE);
    assert_int_equal(a.v.v[0].offset, 10);
    assert_true(a.v.v[0].value == t.h.ops.v[4].value);
    tale_end(&t);
}

/* Who read in time has met both, who came later has not. */
static void
a_duplicate_whose_first_place_was_removed_may_have_been_met(void **state)
{
    BEGIN;
    append(&t, 0, 10, 0, (uint32_t)t.h.ops.v[4].value * 7, true);
    high_watermark(&t, 0, 11, 0, true);
    say(&t, 0, NOTE_LOG_START, ORDERS, SLICE_NULL, 5, 0, 0, 0, 0);
    assert_int_equal(conclude(&t).v.n, 0);
    const struct anomalies *perhaps = oracle_perhaps(t.o);
    assert_int_equal(perhaps->counts[RULE_DUPLICATE], 1);
    assert_int_equal(perhaps->v.v[0].offset, 10);
    assert_true(perhaps->v.v[0].value == t.h.ops.v[4].value);
    tale_end(&t);
}

static void
a_duplicate_of_which_nothing_was_removed_must_be_met(void **state)
{
    BEGIN;
    append(&t, 0, 10, 0, (uint32_t)t.h.ops.v[4].value * 7, true);
    high_watermark(&t, 0, 11, 0, true);
    say(&t, 0, NOTE_LOG_START, ORDERS, SLICE_NULL, 4, 0, 0, 0, 0);
    assert_int_equal(conclude(&t).v.n, 1);
    assert_int_equal(oracle_perhaps(t.o)->v.n, 0);
    tale_end(&t);
}

static void
a_record_that_lies_elsewhere_than_was_said_is_inconsistent(void **state)
{
    BEGIN;
    struct history_op op = history_op_new(HISTORY_SEND, t.process, t.topic, 0);
    op.value = t.h.ops.v[3].value;
    op.acks = -1;
    history_complete(&t.h, history_invoke(&t.h, &op), HISTORY_OK, 0, 0, 6);
    struct anomalies a = conclude(&t);
    assert_int_equal(a.v.n, 1);
    assert_int_equal(a.v.v[0].rule, RULE_INCONSISTENT_OFFSET);
    tale_end(&t);
}

static void
poll(struct tale *t, int64_t offset, int32_t epoch)
{
    struct history_op op = history_op_new(HISTORY_POLL, t->process, t->topic, 0);
    struct history_read r = {offset, 1, epoch};
    (void)history_add(&t->h, &op, HISTORY_OK, &r, 1);
}

static void
two_epochs_given_out_at_one_offset_are_inconsistent(void **state)
{
    BEGIN;
    produce(&t, 0, 10, 0, 0, 1);
    poll(&t, 10, 0);
    poll(&t, 10, 0);
    b2_leads(&t, true, S("replicas=1,2,3 isr=2 elr= last="), 10);
    produce(&t, 1, 10, 1, 4, -1);
    poll(&t, 10, 1);
    struct anomalies a = conclude(&t);
    assert_int_equal(a.counts[RULE_INCONSISTENT_OFFSET], 1);
    assert_int_equal(a.counts[RULE_LOST], 1);
    assert_int_equal(a.v.n, 2);
    tale_end(&t);
}

/* Its reader was given it before the power went, and told of it after. */
static void
what_a_power_loss_took_on_its_way_to_a_reader_was_given_out(void **state)
{
    for (int compacted = 0; compacted < 2; compacted++) {
        BEGIN;
        if (compacted) oracle_compacted(t.o, S("orders"), true);
        produce(&t, 0, 10, 0, 0, 1);
        life(&t, 0, LIFE_POWER);
        poll(&t, 10, 0);
        b2_leads(&t, true, S("replicas=1,2,3 isr=2 elr= last="), 10);
        produce(&t, 1, 10, 1, 4, -1);
        poll(&t, 10, 1);
        decide(&t, -1, 2, 2, false,
               S("replicas=1,2,3 isr=2 elr= last=")); /* it has no disks to look at */
        assert_int_equal(conclude(&t).counts[RULE_INCONSISTENT_OFFSET], 1);
        tale_end(&t);
    }
}

static void
what_was_read_must_stay_even_with_acks_1(void **state)
{
    BEGIN;
    produce(&t, 0, 10, 0, 4, 1); /* b3 has it, too */
    poll(&t, 10, 0);
    life(&t, 0, LIFE_CRASH);
    b2_leads(&t, false, AFTER_B1, 10);
    assert_lost(&t, 10, LOSS_BUG, "and read by somebody");
}

static void
witnesses_must_name_the_same_records(void **state)
{
    BEGIN;
    struct anomalies a, b, none;
    struct writer w = writer_mem(&t.mem);
    struct anomaly one = {
        .rule = RULE_LOST, .topic = S("orders"), .value = 7, .name = S("p1:7"), .offset = 3};
    anomalies_init(&a, &t.mem), anomalies_init(&b, &t.mem), anomalies_init(&none, &t.mem);
    anomalies_add(&a, &one);
    one.witness = WITNESS_ORACLE, one.offset = -1;
    anomalies_add(&b, &one);
    assert_true(witnesses_agree(&a, &b, &none, &w));
    one.rule = RULE_POLL_SKIP;
    anomalies_add(&b, &one); /* the other cannot know */
    assert_true(witnesses_agree(&a, &b, &none, &w));
    one.rule = RULE_LOST, one.value = 8;
    anomalies_add(&b, &one);
    assert_false(witnesses_agree(&a, &b, &none, &w));
    assert_true(w.n > 0);
    assert_true(witnesses_agree(&a, &b, &b, &w)); /* neither must name what may not have been met */
    assert_true(witnesses_agree(&b, &a, &b, &w));
    tale_end(&t);
}

/* ---- topics of one name, one after the other ---- */

static const struct uuid former_id = {{1}}, present_id = {{2}};

static void
opens(struct tale *t, int32_t node, struct uuid id)
{
    char text[UUID_TEXT_BYTES + 1] = {0};
    uuid_print(id, text);
    say(t, node, NOTE_LOG_RECOVERED, ORDERS, slice_cstr(text), 0, 0, 0, 1, 0);
}

/* Three records are in the former one, which is deleted; five in the one that has its name now. b3 has not heard of it. */
static void
made_again(struct tale *t)
{
    tale_begin(t, true);
    oracle_topic_turns(t->o, 1, S("orders"), former_id, 0, true);
    t->h.topics.v[t->topic].id = former_id;
    decide(t, 1, 0, 0, false, S("replicas=1,2,3 isr=1,2,3 elr= last="));
    for (int32_t i = 0; i < 3; i++) opens(t, i, former_id);
    for (int64_t i = 0; i < 3; i++) produce(t, 0, i, 0, 7, -1);
    oracle_topic_turns(t->o, t->now_ns, S("orders"), former_id, 50, false);
    oracle_topic_turns(t->o, t->now_ns, S("orders"), present_id, 60, true);
    say(t, 3, NOTE_PARTITION_CHANGE, ORDERS, S("replicas=1,2,3 isr=1,2,3 elr= last="), 1, 0, 0, 0,
        60);
    t->topic = history_topic_of(&t->h, S("orders"), present_id);
    for (int32_t i = 0; i < 2; i++) opens(t, i, present_id);
    for (int64_t i = 0; i < 5; i++) produce(t, 0, i, 0, 3, -1);
}

static void
what_a_deleted_topic_had_is_owed_no_more(void **state)
{
    (void)state;
    struct tale t;
    made_again(&t);
    assert_int_equal(conclude(&t).v.n, 0);
    tale_end(&t);
}

static void
what_has_its_name_now_owes_its_own(void **state)
{
    (void)state;
    struct tale t;
    made_again(&t);
    say(&t, 0, NOTE_LOG_TRUNCATE, ORDERS, SLICE_NULL, 4, 5, 0, 0, 0);
    assert_lost(&t, 4, LOSS_BUG, "b2 had it and might have led");
}

/* It acknowledges still: that is the former one's, and goes with it. A controller that stood still tells of that, too. */
static void
who_has_not_heard_of_the_end_promises_nothing_for_the_next(void **state)
{
    (void)state;
    struct tale t;
    made_again(&t);
    int32_t present = t.topic;
    t.topic = history_topic_of(&t.h, S("orders"), former_id);
    produce(&t, 2, 3, 0, 0, 1);
    say(&t, 4, NOTE_PARTITION_CHANGE, ORDERS, S("replicas=1,2,3 isr=3 elr= last="), 3, 1, 2, 0, 40);
    t.topic = present;
    produce(&t, 0, 5, 0, 3, -1);
    assert_int_equal(conclude(&t).v.n, 0);
    tale_end(&t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_by_a_clean_failover),
        cmocka_unit_test(what_the_leader_alone_had_is_lost_as_acks_1_permits),
        cmocka_unit_test(what_an_old_leader_acknowledged_names_the_new_one),
        cmocka_unit_test(an_unclean_election_permits_it_too),
        cmocka_unit_test(an_operators_request_permits_it_too),
        cmocka_unit_test(
            what_an_unclean_election_has_decided_stands_when_another_comes_to_lead_by_it),
        cmocka_unit_test(nor_does_it_excuse_if_nobody_permitted_it),
        cmocka_unit_test(an_unclean_election_that_nobody_permitted_is_a_bug),
        cmocka_unit_test(an_election_of_one_who_never_led_explains_nothing),
        cmocka_unit_test(a_leader_without_what_another_candidate_has_is_a_bug),
        cmocka_unit_test(a_copy_outside_isr_and_elr_is_not_recovered),
        cmocka_unit_test(no_copy_left_is_physics),
        cmocka_unit_test(faults_before_the_record_excuse_nothing),
        cmocka_unit_test(a_log_that_the_broker_cuts_itself_is_no_excuse),
        cmocka_unit_test(what_the_disk_kept_no_power_loss_took),
        cmocka_unit_test(what_lies_behind_a_spoilt_place_is_damaged),
        cmocka_unit_test(what_lies_before_a_spoilt_place_is_owed),
        cmocka_unit_test(what_was_copied_again_after_the_hole_was_cut_off_is_whole),
        cmocka_unit_test(a_marker_with_the_checksum_of_a_batch_is_not_that_batch),
        cmocka_unit_test(what_was_written_anew_to_the_wrong_place_is_lost_as_acks_1_permits),
        cmocka_unit_test(what_was_written_anew_and_is_gone_before_its_answer_comes_was_there),
        cmocka_unit_test(what_was_written_anew_and_cut_by_nobodys_fault_is_owed),
        cmocka_unit_test(fewer_copies_than_the_promise_counts_on_are_no_excuse),
        cmocka_unit_test(one_whole_copy_in_a_dark_room_is_owed_whoever_is_missed_first),
        cmocka_unit_test(a_dark_room_that_took_all_copies_is_physics),
        cmocka_unit_test(a_flush_for_each_message_leaves_a_power_loss_nothing),
        cmocka_unit_test(a_flush_that_was_given_up_later_has_been_all_the_same),
        cmocka_unit_test(acks_1_is_owed_as_long_as_its_leader_leads),
        cmocka_unit_test(what_is_found_on_a_disk_again_is_not_lost),
        cmocka_unit_test(a_wiped_disk_takes_all_copies_on_it),
        cmocka_unit_test(what_was_removed_below_the_high_watermark_is_not_lost),
        cmocka_unit_test(what_was_removed_above_it_is),
        cmocka_unit_test(a_batch_that_was_appended_twice_is_a_duplicate),
        cmocka_unit_test(a_duplicate_whose_first_place_was_removed_may_have_been_met),
        cmocka_unit_test(a_duplicate_of_which_nothing_was_removed_must_be_met),
        cmocka_unit_test(a_record_that_lies_elsewhere_than_was_said_is_inconsistent),
        cmocka_unit_test(two_epochs_given_out_at_one_offset_are_inconsistent),
        cmocka_unit_test(what_a_power_loss_took_on_its_way_to_a_reader_was_given_out),
        cmocka_unit_test(what_was_read_must_stay_even_with_acks_1),
        cmocka_unit_test(witnesses_must_name_the_same_records),
        cmocka_unit_test(what_a_deleted_topic_had_is_owed_no_more),
        cmocka_unit_test(what_has_its_name_now_owes_its_own),
        cmocka_unit_test(who_has_not_heard_of_the_end_promises_nothing_for_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
