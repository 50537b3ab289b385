/* What excuses a loss: each test is one chronicle, and one record that is missed. Brokers 1, 2 and 3, all in sync and
 * led by 1; the record at offset 40 was sent at 100 and acknowledged at 101. */
#include <stdio.h>

#include "sim/check/check.h"
#include "tests/lib/test.h"

struct case_ {
    struct mem mem;
    struct chronicle c;
    struct check_topic topic;
    struct check_facts facts;
    struct claim claim;
    struct writer why;
};

#define MS 1000000LL

static void
placed(struct case_ *t, int64_t at, int32_t leader, int32_t epoch, struct chronicle_ids in_sync)
{
    struct happening one = happening_new(HAPPENED_PLACED, at * MS);
    one.topic = S("orders"), one.partition = 0;
    one.leader = leader, one.leader_epoch = epoch, one.in_sync = in_sync;
    chronicle_add(&t->c, &one);
}
#define IDS(...) ((struct chronicle_ids){sizeof((int[]){__VA_ARGS__}) / sizeof(int), {__VA_ARGS__}})

static void
begin(struct case_ *t)
{
    memset(t, 0, sizeof *t);
    test_mem_init(&t->mem);
    chronicle_init(&t->c, &t->mem);
    t->topic = (struct check_topic){.replicas = 3, .min_isr = 2, .elr = true};
    t->facts = (struct check_facts){.topics = &t->topic, .topics_n = 1, .chronicle = &t->c};
    t->claim = (struct claim){.topic = &t->topic,
                              .name = S("orders"),
                              .offset = 40,
                              .begun_ns = 100 * MS,
                              .owed_ns = 101 * MS,
                              .acks = -1,
                              .idempotent = true,
                              .leader = 1};
    placed(t, 1, 1, 0, IDS(1, 2, 3));
}
#define BEGIN \
    (void)state; \
    struct case_ t; \
    begin(&t)

static void
gone(struct case_ *t, int64_t at, int32_t node, int64_t from, int64_t to, const char *what)
{
    struct happening one = happening_new(HAPPENED_COPIES_GONE, at * MS);
    one.topic = S("orders"), one.partition = 0, one.node = node;
    one.from = from, one.to = to, one.what = slice_cstr(what);
    one.by_power = what[0] == 'l';
    chronicle_add(&t->c, &one);
}
static void
tail_lost(struct case_ *t, int64_t at, int32_t node)
{
    gone(t, at, node, 38, 45, "lost its unsynced tail");
}
static void
wiped(struct case_ *t, int64_t at, int32_t node)
{
    gone(t, at, node, 0, INT64_MAX, "was wiped");
}
static void
node_event(struct case_ *t, enum happening_kind kind, int64_t at, int32_t node)
{
    struct happening one = happening_new(kind, at * MS);
    one.node = node;
    chronicle_add(&t->c, &one);
}
static void
ended(struct case_ *t, int64_t at, int32_t node)
{
    node_event(t, HAPPENED_ENDED, at, node);
}
static void
started(struct case_ *t, int64_t at, int32_t node)
{
    node_event(t, HAPPENED_STARTED, at, node);
}
static void
unclean_set(struct case_ *t, int64_t at, struct slice topic, bool is_on)
{
    struct happening one = happening_new(HAPPENED_UNCLEAN_SET, at * MS);
    one.topic = topic, one.is_on = is_on;
    chronicle_add(&t->c, &one);
}
static void
unclean_asked(struct case_ *t, int64_t at, int32_t partition)
{
    struct happening one = happening_new(HAPPENED_UNCLEAN_ASKED, at * MS);
    one.topic = S("orders"), one.partition = partition;
    chronicle_add(&t->c, &one);
}
static void
trouble(struct case_ *t, int64_t at, int64_t until)
{
    struct happening one = happening_new(HAPPENED_TROUBLE, at * MS);
    one.what = S("cut b1 > p1"), one.until_ns = until * MS;
    chronicle_add(&t->c, &one);
}

static bool
asks(struct case_ *t, enum rule rule)
{
    t->why = writer_mem(&t->mem);
    return permission_of(&t->facts, &t->claim, rule, &t->why);
}

static void
assert_owed(struct case_ *t)
{
    if (asks(t, RULE_LOST)) printf("  excused: %.*s\n", (int)t->why.n, (const char *)t->why.p);
    assert_false(asks(t, RULE_LOST));
    mem_release(&t->mem);
}

static void
assert_excused(struct case_ *t, const char *why)
{
    assert_true(asks(t, RULE_LOST));
    if (!slice_eq(writer_slice(&t->why), slice_cstr(why)))
        printf("  because: %.*s\n", (int)t->why.n, (const char *)t->why.p);
    assert_true(slice_eq(writer_slice(&t->why), slice_cstr(why)));
    mem_release(&t->mem);
}

/* ---- acks=all ---- */

static void
without_faults_everything_is_owed(void **state)
{
    BEGIN;
    assert_owed(&t);
}

static void
without_a_chronicle_everything_is_owed(void **state)
{
    BEGIN;
    t.facts.chronicle = NULL;
    assert_owed(&t);
}

static void
when_all_in_sync_lost_it_it_is_excused_by_each(void **state)
{
    BEGIN;
    tail_lost(&t, 200, 2);
    wiped(&t, 300, 3);
    tail_lost(&t, 400, 1);
    assert_excused(&t, "b2 lost its unsynced tail at 0.200s, b3 was wiped at 0.300s, b1 lost its "
                       "unsynced tail at 0.400s");
}

static void
one_copy_that_was_not_destroyed_is_owed(void **state)
{
    BEGIN;
    tail_lost(&t, 200, 2);
    wiped(&t, 300, 3);
    assert_owed(&t);
}

static void
a_misdirected_write_may_be_that_of_a_later_record(void **state)
{
    BEGIN;
    gone(&t, 50, 1, 30, INT64_MAX, CHRONICLE_MISDIRECTED);
    tail_lost(&t, 200, 2);
    tail_lost(&t, 300, 3);
    assert_excused(&t,
                   "b1 wrote to the wrong place at 0.050s, b2 lost its unsynced tail at 0.200s, b3 "
                   "lost its unsynced tail at 0.300s");
}

/* Who is alone in sync when the record is acknowledged has a whole copy, though a write of its disk is to go astray. */
static void
a_write_that_may_yet_be_misdirected_has_destroyed_nothing_yet(void **state)
{
    BEGIN;
    t.topic.min_isr = 1;
    gone(&t, 50, 1, 30, INT64_MAX, CHRONICLE_MISDIRECTED);
    placed(&t, 100, 1, 0, IDS(1));
    gone(&t, 200, 1, 0, 30, "was wiped"); /* as far as the disk could be read */
    assert_excused(&t, "b1 wrote to the wrong place at 0.050s");
}

static void
only_a_disk_that_lies_excuses_bytes_that_are_no_record(void **state)
{
    BEGIN;
    t.claim.offset = 40;
    t.claim.owed_ns = 500 * MS;
    wiped(&t, 100, 1);
    tail_lost(&t, 200, 2);
    assert_false(asks(&t, RULE_CORRUPT));
    mem_release(&t.mem);
}

static void
bytes_that_are_no_record_are_excused_where_and_after_a_disk_rotted(void **state)
{
    BEGIN;
    t.claim.owed_ns = 500 * MS;
    gone(&t, 300, 1, 38, 60, CHRONICLE_ROT);
    t.claim.offset = 40;
    assert_true(asks(&t, RULE_CORRUPT));
    t.claim.offset = 37;
    assert_false(asks(&t, RULE_CORRUPT));
    t.claim.offset = 40;
    t.claim.owed_ns = 200 * MS;
    assert_false(asks(&t, RULE_CORRUPT));
    mem_release(&t.mem);
}

static void
faults_before_the_record_excuse_nothing(void **state)
{
    BEGIN;
    for (int32_t id = 1; id <= 3; id++) tail_lost(&t, 90, id);
    assert_owed(&t);
}

static void
faults_of_other_offsets_excuse_nothing(void **state)
{
    BEGIN;
    for (int32_t id = 1; id <= 3; id++) gone(&t, 200, id, 41, 60, "lost its unsynced tail");
    for (int32_t id = 1; id <= 3; id++) gone(&t, 300, id, 10, 40, "lost its unsynced tail");
    assert_owed(&t);
}

static void
faults_of_other_partitions_excuse_nothing(void **state)
{
    BEGIN;
    t.claim.partition = 1;
    placed(&t, 2, 1, 0, IDS(1, 2, 3));
    t.c.v.v[1].partition = 1;
    for (int32_t id = 1; id <= 3; id++) tail_lost(&t, 200, id);
    assert_owed(&t);
}

static void
crashes_and_cuts_excuse_nothing(void **state)
{
    BEGIN;
    trouble(&t, 90, 900);
    for (int32_t id = 1; id <= 3; id++) ended(&t, 200, id), started(&t, 300, id);
    placed(&t, 400, 2, 1, IDS(2));
    assert_owed(&t);
}

static void
who_has_left_the_isr_counts_no_more(void **state)
{
    BEGIN;
    placed(&t, 150, 1, 0, IDS(1, 2));
    tail_lost(&t, 200, 1);
    tail_lost(&t, 210, 2);
    assert_excused(&t, "b1 lost its unsynced tail at 0.200s, b2 lost its unsynced tail at 0.210s");
}

static void
one_destroyed_copy_is_less_than_min_insync_replicas(void **state)
{
    BEGIN;
    placed(&t, 150, 1, 0,
           IDS(1)); /* nobody died: with ELR somebody else must still be able to lead */
    tail_lost(&t, 200, 1);
    assert_owed(&t);
}

static void
without_elr_the_last_in_sync_may_take_it_along(void **state)
{
    BEGIN;
    t.topic.elr = false;
    placed(&t, 150, 1, 0, IDS(1));
    tail_lost(&t, 200, 1);
    assert_excused(&t, "b1 lost its unsynced tail at 0.200s");
}

static void
who_died_and_is_believed_no_more_has_its_copy_still(void **state)
{
    BEGIN;
    ended(&t, 150, 2), started(&t, 160, 2);
    placed(&t, 170, 1, 0, IDS(1));
    tail_lost(&t, 200, 1);
    assert_owed(&t);
}

/* All lose power at once, b2 keeps everything, and b1, the last leader that is known, is elected. In which order the
 * brokers are missed, and come back, makes no difference. */
static void
one_whole_copy_in_a_dark_room_is_owed_whoever_is_missed_first(void **state)
{
    static const int32_t orders[][3] = {{1, 2, 3}, {1, 3, 2}, {2, 1, 3},
                                        {2, 3, 1}, {3, 1, 2}, {3, 2, 1}};
    for (int i = 0; i < 6; i++) {
        BEGIN;
        const int32_t *out = orders[i];
        ended(&t, 200, 1), ended(&t, 200, 2), ended(&t, 200, 3);
        tail_lost(&t, 200, 1), tail_lost(&t, 200, 3);
        placed(&t, 300, 1, 0, IDS(out[1], out[2]));
        placed(&t, 310, -1, 1, IDS(out[2]));
        placed(&t, 320, -1, 1, (struct chronicle_ids){0});
        for (int32_t id = 1; id <= 3; id++) started(&t, 400, id);
        placed(&t, 410, 1, 2, IDS(1));
        placed(&t, 420, 1, 2, IDS(1, 2, 3));
        assert_owed(&t);
    }
}

static void
a_dark_room_that_took_all_copies_is_excused(void **state)
{
    BEGIN;
    ended(&t, 200, 1), ended(&t, 200, 2), ended(&t, 200, 3);
    tail_lost(&t, 200, 1), tail_lost(&t, 200, 2), tail_lost(&t, 200, 3);
    placed(&t, 300, 1, 0, IDS(1, 3));
    placed(&t, 320, -1, 1, (struct chronicle_ids){0});
    placed(&t, 410, 1, 2, IDS(1));
    assert_excused(
        &t, "b1 lost its unsynced tail at 0.200s, b2 lost its unsynced tail at 0.200s, b3 lost "
            "its unsynced tail at 0.200s");
}

/* b3 leaves while b1 and b2 have it, and keeps its copy; then these two lose theirs. */
static void
who_left_while_enough_had_it_is_not_counted_on(void **state)
{
    BEGIN;
    ended(&t, 150, 3);
    placed(&t, 160, 1, 0, IDS(1, 2));
    tail_lost(&t, 200, 1), tail_lost(&t, 200, 2);
    assert_excused(&t, "b1 lost its unsynced tail at 0.200s, b2 lost its unsynced tail at 0.200s");
}

static void
who_left_when_too_few_others_had_it_is_counted_on(void **state)
{
    BEGIN;
    tail_lost(&t, 150, 1);
    placed(&t, 160, 2, 1, IDS(1, 2)); /* b3 is missed, has it still, and only b2 besides */
    tail_lost(&t, 200, 2);
    assert_owed(&t);
}

static void
who_came_back_into_sync_has_it_again(void **state)
{
    BEGIN;
    placed(&t, 102, 1, 0, IDS(1, 2));
    tail_lost(&t, 150, 2), started(&t, 160, 2);
    placed(&t, 170, 1, 0, IDS(1));
    placed(&t, 180, 1, 0, IDS(1, 2));
    tail_lost(&t, 200, 1);
    assert_owed(&t);
}

static void
nobody_in_sync_and_nobody_eligible_is_no_excuse(void **state)
{
    BEGIN;
    placed(&t, 150, -1, 1, (struct chronicle_ids){0});
    tail_lost(&t, 160, 3);
    placed(&t, 170, 3, 2, IDS(3));
    assert_owed(&t);
}

static void
of_unknown_places_as_many_as_min_insync_replicas_must_be_gone(void **state)
{
    BEGIN;
    t.c.v.n = 0;
    tail_lost(&t, 200, 2);
    assert_false(asks(&t, RULE_LOST));
    tail_lost(&t, 300, 1);
    assert_excused(&t, "b2 lost its unsynced tail at 0.200s, b1 lost its unsynced tail at 0.300s");
}

/* ---- elections ---- */

static void
an_election_that_the_cluster_thought_of_excuses_nothing(void **state)
{
    BEGIN;
    placed(&t, 150, -1, 1, IDS(1));
    placed(&t, 160, 3, 2, IDS(3)); /* the last known leader, or so it believes */
    assert_owed(&t);
}

static void
an_unclean_election_excuses_where_the_setting_permits(void **state)
{
    BEGIN;
    unclean_set(&t, 0, SLICE_NULL, true);
    placed(&t, 150, 1, 0, IDS(1, 2));
    placed(&t, 160, 3, 1, IDS(3));
    assert_excused(&t, "b3 was elected at 0.160s from outside ISR and ELR, as "
                       "unclean.leader.election.enable permits");
}

static void
the_setting_alone_excuses_nothing(void **state)
{
    BEGIN;
    unclean_set(&t, 0, SLICE_NULL, true);
    placed(&t, 150, 2, 1, IDS(2, 3));
    assert_owed(&t);
}

static void
the_topic_has_the_last_word(void **state)
{
    BEGIN;
    unclean_set(&t, 0, SLICE_NULL, true);
    unclean_set(&t, 0, S("orders"), false);
    placed(&t, 150, 1, 0, IDS(1, 2));
    placed(&t, 160, 3, 1, IDS(3));
    assert_owed(&t);
}

static void
an_unclean_election_before_the_record_excuses_nothing(void **state)
{
    BEGIN;
    unclean_set(&t, 0, SLICE_NULL, true);
    placed(&t, 50, 3, 1, IDS(3));
    placed(&t, 60, 1, 2, IDS(1, 2, 3));
    assert_owed(&t);
}

static void
what_the_unclean_leader_acknowledged_itself_is_owed(void **state)
{
    BEGIN;
    unclean_set(&t, 0, SLICE_NULL, true);
    placed(&t, 90, 1, 0, IDS(1, 2));
    placed(&t, 100, 3, 1, IDS(3)); /* while the send was under way */
    t.claim.leader = 3;
    t.claim.owed_ns = 120 * MS;
    assert_owed(&t);
}

static void
what_a_deposed_leader_acknowledged_is_excused(void **state)
{
    BEGIN;
    unclean_set(&t, 0, SLICE_NULL, true);
    placed(&t, 50, 1, 0, IDS(1));
    placed(&t, 90, 3, 1, IDS(3)); /* b1 does not know, and acknowledges alone */
    assert_true(asks(&t, RULE_LOST));
    t.claim.leader = 3;
    assert_owed(&t);
}

static void
an_operators_request_excuses_for_its_partition(void **state)
{
    BEGIN;
    placed(&t, 150, 1, 0, IDS(1, 2));
    unclean_asked(&t, 155, 0);
    placed(&t, 160, 3, 1, IDS(3));
    assert_excused(&t, "b3 was elected at 0.160s from outside ISR and ELR, as an operator asked");
}

static void
a_request_for_another_partition_excuses_nothing(void **state)
{
    BEGIN;
    placed(&t, 150, 1, 0, IDS(1, 2));
    unclean_asked(&t, 155, 1);
    placed(&t, 160, 3, 1, IDS(3));
    assert_owed(&t);
}

static void
an_old_request_excuses_no_later_election(void **state)
{
    BEGIN;
    unclean_asked(&t, 105, 0);
    placed(&t, 150, 1, 0, IDS(1, 2));
    placed(&t, 11000, 3, 1, IDS(3));
    assert_owed(&t);
}

/* ---- flushing ---- */

static void
what_is_flushed_each_time_no_power_loss_takes(void **state)
{
    BEGIN;
    t.topic.flush_messages = 1;
    for (int32_t id = 1; id <= 3; id++) tail_lost(&t, 200, id);
    assert_false(asks(&t, RULE_LOST));
    for (int32_t id = 1; id <= 3; id++) wiped(&t, 300, id);
    assert_excused(&t, "b1 was wiped at 0.300s, b2 was wiped at 0.300s, b3 was wiped at 0.300s");
}

static void
flush_messages_bounds_what_a_power_loss_takes(void **state)
{
    BEGIN;
    t.topic.flush_messages = 10;
    for (int32_t id = 1; id <= 3; id++) gone(&t, 200, id, 38, 45, "lost its unsynced tail");
    assert_true(asks(&t, RULE_LOST));
    t.c.v.n = 1;
    for (int32_t id = 1; id <= 3; id++) gone(&t, 200, id, 38, 5000, "lost its unsynced tail");
    assert_owed(&t);
}

static void
flush_ms_bounds_how_long_a_power_loss_may_take_it(void **state)
{
    BEGIN;
    t.topic.flush_ms = 1000;
    for (int32_t id = 1; id <= 3; id++) tail_lost(&t, 900, id);
    assert_true(asks(&t, RULE_LOST));
    t.c.v.n = 1;
    for (int32_t id = 1; id <= 3; id++) tail_lost(&t, 60000, id);
    assert_owed(&t);
}

static void
flush_set(struct case_ *t, int64_t at, int64_t messages, int64_t ms)
{
    struct happening one = happening_new(HAPPENED_FLUSH_SET, at * MS);
    one.topic = S("orders"), one.flush_messages = messages, one.flush_ms = ms;
    chronicle_add(&t->c, &one);
}

/* Before it was acknowledged, after it, and at last the other way round, which helps nobody who was acknowledged before. */
static void
a_flush_that_is_given_up_counts_from_then_on(void **state)
{
    static const struct {
        int64_t first, at, then;
        bool is_owed;
    } cases[] = {{1, 50, 10, false}, {1, 50, 0, false},   {1, 150, 10, true},
                 {1, 150, 0, true},  {10, 150, 1, false}, {0, 50, 1, false}};
    for (int64_t i = 0; i < ARRAY_LEN(cases); i++) {
        BEGIN;
        t.topic.flush_messages = cases[i].first;
        flush_set(&t, cases[i].at, cases[i].then, -1);
        for (int32_t id = 1; id <= 3; id++) tail_lost(&t, 200, id);
        assert_int_equal(asks(&t, RULE_LOST), !cases[i].is_owed);
    }
}

static void
the_greatest_numbers_of_a_flush_count(void **state)
{
    BEGIN;
    t.topic.flush_messages = 10;
    flush_set(&t, 150, 4000, -1);
    for (int32_t id = 1; id <= 3; id++) gone(&t, 200, id, 38, 5000, "lost its unsynced tail");
    assert_true(asks(&t, RULE_LOST));
    begin(&t);
    t.topic.flush_ms = 1000;
    flush_set(&t, 150, -1, 90000);
    for (int32_t id = 1; id <= 3; id++) tail_lost(&t, 60000, id);
    assert_true(asks(&t, RULE_LOST));
}

/* ---- acks=1 and acks=0 ---- */

static void
acks_1_is_owed_as_long_as_its_leader_leads(void **state)
{
    BEGIN;
    t.claim.acks = 1;
    ended(&t, 200, 1), started(&t, 210, 1);
    placed(&t, 205, -1, 1, IDS(1));
    placed(&t, 220, 1, 2, IDS(1));
    tail_lost(&t, 300, 2);
    trouble(&t, 90, 400);
    assert_owed(&t);
}

static void
acks_1_may_go_with_its_leader(void **state)
{
    BEGIN;
    t.claim.acks = 1;
    placed(&t, 200, 2, 1, IDS(2, 3));
    assert_excused(&t, "acks=1, and b2 was elected at 0.200s, while only b1 had to have it");
}

static void
acks_1_may_go_with_its_leaders_disk(void **state)
{
    BEGIN;
    t.claim.acks = 1;
    tail_lost(&t, 200, 1);
    assert_excused(&t, "acks=1, and b1 lost its unsynced tail at 0.200s");
}

static void
acks_1_of_a_leader_that_was_elected_after_the_change_is_owed(void **state)
{
    BEGIN;
    t.claim.acks = 1;
    t.claim.leader = 2;
    placed(&t, 50, 2, 1, IDS(2, 3));
    assert_owed(&t);
}

static void
what_was_read_is_owed_whatever_the_acks(void **state)
{
    BEGIN;
    t.claim.is_committed = true;
    placed(&t, 200, 2, 1, IDS(2, 3));
    tail_lost(&t, 300, 1);
    for (int16_t acks = 0; acks <= 1; acks++) {
        t.claim.acks = acks;
        assert_false(asks(&t, RULE_LOST));
        assert_false(asks(&t, RULE_READ_LOST));
        assert_false(asks(&t, RULE_INCONSISTENT_OFFSET));
        assert_false(asks(&t, RULE_POLL_SKIP));
        assert_false(asks(&t, RULE_NONMONOTONIC_POLL));
        assert_false(asks(&t, RULE_END_WENT_BACK));
    }
    assert_owed(&t);
}

static void
acks_0_is_owed_where_nothing_happened(void **state)
{
    BEGIN;
    t.claim.acks = 0;
    trouble(&t, 40000, 41000); /* long after */
    assert_owed(&t);
}

static void
acks_0_may_go_with_its_connection(void **state)
{
    BEGIN;
    t.claim.acks = 0;
    trouble(&t, 50, 150);
    assert_excused(&t, "acks=0, and cut b1 > p1 at 0.050s");
}

static void
acks_0_of_long_after_the_trouble_is_owed(void **state)
{
    BEGIN;
    t.claim.acks = 0;
    t.claim.begun_ns = 60000 * MS, t.claim.owed_ns = 60001 * MS;
    trouble(&t, 50, 150);
    assert_owed(&t);
}

/* ---- the rest ---- */

static void
without_idempotence_no_offset_may_have_two_records(void **state)
{
    BEGIN;
    t.claim.idempotent = false;
    assert_true(asks(&t, RULE_DUPLICATE));
    assert_true(asks(&t, RULE_REORDERED));
    assert_false(asks(&t, RULE_INCONSISTENT_OFFSET));
    assert_owed(&t);
}

static void
nothing_permits_phantoms(void **state)
{
    BEGIN;
    for (int32_t id = 1; id <= 3; id++) wiped(&t, 200, id);
    assert_false(asks(&t, RULE_PHANTOM));
    assert_false(asks(&t, RULE_FAILED_READ));
    assert_false(asks(&t, RULE_CORRUPT));
    mem_release(&t.mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_faults_everything_is_owed),
        cmocka_unit_test(without_a_chronicle_everything_is_owed),
        cmocka_unit_test(when_all_in_sync_lost_it_it_is_excused_by_each),
        cmocka_unit_test(one_copy_that_was_not_destroyed_is_owed),
        cmocka_unit_test(faults_before_the_record_excuse_nothing),
        cmocka_unit_test(a_misdirected_write_may_be_that_of_a_later_record),
        cmocka_unit_test(a_write_that_may_yet_be_misdirected_has_destroyed_nothing_yet),
        cmocka_unit_test(only_a_disk_that_lies_excuses_bytes_that_are_no_record),
        cmocka_unit_test(bytes_that_are_no_record_are_excused_where_and_after_a_disk_rotted),
        cmocka_unit_test(faults_of_other_offsets_excuse_nothing),
        cmocka_unit_test(faults_of_other_partitions_excuse_nothing),
        cmocka_unit_test(crashes_and_cuts_excuse_nothing),
        cmocka_unit_test(who_has_left_the_isr_counts_no_more),
        cmocka_unit_test(one_destroyed_copy_is_less_than_min_insync_replicas),
        cmocka_unit_test(without_elr_the_last_in_sync_may_take_it_along),
        cmocka_unit_test(who_died_and_is_believed_no_more_has_its_copy_still),
        cmocka_unit_test(one_whole_copy_in_a_dark_room_is_owed_whoever_is_missed_first),
        cmocka_unit_test(a_dark_room_that_took_all_copies_is_excused),
        cmocka_unit_test(who_left_while_enough_had_it_is_not_counted_on),
        cmocka_unit_test(who_left_when_too_few_others_had_it_is_counted_on),
        cmocka_unit_test(who_came_back_into_sync_has_it_again),
        cmocka_unit_test(nobody_in_sync_and_nobody_eligible_is_no_excuse),
        cmocka_unit_test(of_unknown_places_as_many_as_min_insync_replicas_must_be_gone),
        cmocka_unit_test(an_election_that_the_cluster_thought_of_excuses_nothing),
        cmocka_unit_test(an_unclean_election_excuses_where_the_setting_permits),
        cmocka_unit_test(the_setting_alone_excuses_nothing),
        cmocka_unit_test(the_topic_has_the_last_word),
        cmocka_unit_test(an_unclean_election_before_the_record_excuses_nothing),
        cmocka_unit_test(what_the_unclean_leader_acknowledged_itself_is_owed),
        cmocka_unit_test(what_a_deposed_leader_acknowledged_is_excused),
        cmocka_unit_test(an_operators_request_excuses_for_its_partition),
        cmocka_unit_test(a_request_for_another_partition_excuses_nothing),
        cmocka_unit_test(an_old_request_excuses_no_later_election),
        cmocka_unit_test(what_is_flushed_each_time_no_power_loss_takes),
        cmocka_unit_test(flush_messages_bounds_what_a_power_loss_takes),
        cmocka_unit_test(a_flush_that_is_given_up_counts_from_then_on),
        cmocka_unit_test(the_greatest_numbers_of_a_flush_count),
        cmocka_unit_test(flush_ms_bounds_how_long_a_power_loss_may_take_it),
        cmocka_unit_test(acks_1_is_owed_as_long_as_its_leader_leads),
        cmocka_unit_test(acks_1_may_go_with_its_leader),
        cmocka_unit_test(acks_1_may_go_with_its_leaders_disk),
        cmocka_unit_test(acks_1_of_a_leader_that_was_elected_after_the_change_is_owed),
        cmocka_unit_test(what_was_read_is_owed_whatever_the_acks),
        cmocka_unit_test(acks_0_is_owed_where_nothing_happened),
        cmocka_unit_test(acks_0_may_go_with_its_connection),
        cmocka_unit_test(acks_0_of_long_after_the_trouble_is_owed),
        cmocka_unit_test(without_idempotence_no_offset_may_have_two_records),
        cmocka_unit_test(nothing_permits_phantoms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
