/* Compacted topics: of each key the last record must be there, unless it is a tombstone and these may go. */
#include "sim/check/check.h"
#include "tests/lib/test.h"

struct made {
    struct mem mem;
    struct history h;
    int64_t now_ns, end;
    uint64_t value[20]; /* by offset */
    struct check_topic topic;
    const struct chronicle *chronicle;
    int32_t p, reader;
};

static int64_t
made_now(void *ctx)
{
    struct made *m = ctx;
    return m->now_ns += 1000;
}

static void
begin(struct made *m, bool tombstones_go)
{
    *m = (struct made){.topic = {.is_compacted = true, .tombstones_go = tombstones_go}};
    test_mem_init(&m->mem);
    history_init(&m->h, &m->mem, made_now, m);
    m->p = history_process(&m->h, S("p1"));
    m->reader = history_process(&m->h, S("reader"));
    (void)history_topic(&m->h, S("orders"));
}

static void
sent_with(struct made *m, int64_t key, bool is_tombstone, enum history_outcome outcome)
{
    struct history_op op = history_op_new(HISTORY_SEND, m->p, 0, 0);
    op.value = history_next_value(&m->h, m->p);
    op.key = key;
    op.is_tombstone = is_tombstone;
    op.acks = -1;
    op.idempotent = true;
    m->value[m->end] = op.value;
    int64_t number = history_invoke(&m->h, &op);
    int64_t offset = outcome == HISTORY_OK ? m->end : -1;
    history_complete(&m->h, number, outcome, outcome == HISTORY_OK ? 0 : 7, 0, offset);
    m->end++;
}

static void
put(struct made *m, int64_t key)
{
    sent_with(m, key, false, HISTORY_OK);
}

static void delete (struct made *m, int64_t key)
{
    sent_with(m, key, true, HISTORY_OK);
}

/* The final read has what lies at these offsets ("0 3 4"); node -1: from the leader. */
static void
final_read_of(struct made *m, const char *offsets, int32_t node)
{
    struct history_op op = history_op_new(HISTORY_ASSIGN, m->reader, 0, 0);
    op.offset = 0;
    op.node = node;
    op.is_final = true;
    (void)history_add(&m->h, &op, HISTORY_OK, NULL, 0);
    struct history_read r[20];
    int64_t n = 0;
    for (const char *c = offsets; *c; c++)
        if (*c != ' ') r[n++] = (struct history_read){*c - '0', m->value[*c - '0'], 0};
    op.kind = HISTORY_POLL;
    op.offset = -1;
    (void)history_add(&m->h, &op, HISTORY_OK, r, n);
    op.kind = HISTORY_FINAL_END;
    op.offset = m->end;
    (void)history_add(&m->h, &op, HISTORY_OK, NULL, 0);
}

/* Somebody has read what lies there. */
static void
polled(struct made *m, int64_t offset)
{
    struct history_op op = history_op_new(HISTORY_POLL, m->reader, 0, 0);
    struct history_read r = {offset, m->value[offset], 0};
    (void)history_add(&m->h, &op, HISTORY_OK, &r, 1);
}

/* The rules that it breaks, "lost lost"; and the end. */
static void
judged(struct made *m, const char *want)
{
    struct check_facts f = {.topics = &m->topic, .topics_n = 1, .chronicle = m->chronicle};
    struct check_result r;
    const char *left = want;
    check_history(&m->mem, &m->h, &f, &r);
    for (int64_t i = 0; i < r.anomalies.v.n; i++) {
        const char *got = rule_spelling(r.anomalies.v.v[i].rule);
        if (r.anomalies.v.v[i].allowed) continue;
        size_t n = strlen(got);
        if (strncmp(left, got, n) != 0) fail_msg("%s broken, wanted: %s", got, left);
        left += n;
        left += *left == ' ';
    }
    assert_string_equal(left, "");
    check_result_release(&r);
    history_release(&m->h);
    assert_int_equal(m->mem.used_bytes, 0);
    mem_release(&m->mem);
}

static void
what_a_later_record_of_its_key_replaces_may_be_gone(void **state)
{
    (void)state;
    struct made m;
    begin(&m, false);
    put(&m, 0), put(&m, 1), put(&m, 0), put(&m, 2);
    final_read_of(&m, "1 2 3", -1);
    judged(&m, "");
}

static void
the_last_one_of_a_key_is_lost(void **state)
{
    (void)state;
    struct made m;
    begin(&m, true);
    put(&m, 0), put(&m, 1), put(&m, 0), put(&m, 2);
    final_read_of(&m, "0 3", -1); /* of key 0 the first instead of the last; key 1 not at all */
    judged(&m, "lost lost");
}

static void
a_record_without_key_is_lost_whatever_comes_later(void **state)
{
    (void)state;
    struct made m;
    begin(&m, true);
    put(&m, -1), put(&m, -1);
    final_read_of(&m, "1", -1);
    judged(&m, "lost");
}

static void
a_tombstone_may_go_with_its_key_or_is_lost(void **state)
{
    (void)state;
    struct made m;
    begin(&m, true);
    put(&m, 0), delete (&m, 0), put(&m, 1);
    final_read_of(&m, "2", -1);
    judged(&m, "");
    begin(&m, false);
    put(&m, 0), delete (&m, 0), put(&m, 1);
    final_read_of(&m, "2", -1);
    judged(&m, "lost lost"); /* with nothing behind it, so is what it deleted */
}

static void
a_value_that_outlives_its_tombstone_is_resurrected(void **state)
{
    (void)state;
    struct made m;
    begin(&m, true);
    put(&m, 0), delete (&m, 0), put(&m, 1);
    final_read_of(&m, "0 2", -1);
    judged(&m, "resurrected");
    begin(&m, true);
    put(&m, 0), delete (&m, 0), put(&m, 0); /* it was written again */
    final_read_of(&m, "0 2", -1);
    judged(&m, "");
}

/* Nobody knows whether it is there. */
static void
an_unknown_tombstone_excuses_and_accuses_nobody(void **state)
{
    (void)state;
    struct made m;
    begin(&m, true);
    put(&m, 0), sent_with(&m, 0, true, HISTORY_INFO), put(&m, 1);
    final_read_of(&m, "2", -1);
    judged(&m, "");
    begin(&m, true);
    put(&m, 0), sent_with(&m, 0, true, HISTORY_INFO), put(&m, 1);
    final_read_of(&m, "0 2", -1);
    judged(&m, "");
}

/* With acks=0 nobody is told where a record lies: so a later one of its key, or a tombstone, must be known to be there
 * to excuse it; that its key was never deleted excuses nothing. */
static void
a_record_whose_place_nobody_knows_is_lost_as_ever(void **state)
{
    (void)state;
    for (int deleted = 0; deleted < 2; deleted++) {
        struct made m;
        begin(&m, true);
        put(&m, 0), sent_with(&m, 1, deleted, HISTORY_OK), put(&m, 2);
        m.h.ops.v[0].acks = m.h.ops.v[1].acks = 0;
        m.h.ops.v[0].offset = m.h.ops.v[1].offset = -1;
        final_read_of(&m, "2", -1);
        judged(&m, deleted ? "lost" : "lost lost");
    }
}

/* … and a tombstone that is acknowledged so may lie behind any record of its key. */
static void
a_tombstone_whose_place_nobody_knows_excuses(void **state)
{
    (void)state;
    struct made m;
    begin(&m, true);
    put(&m, 0), delete (&m, 0), put(&m, 1);
    m.h.ops.v[1].acks = 0, m.h.ops.v[1].offset = -1;
    final_read_of(&m, "2", -1);
    judged(&m, "");
}

static void
replicas_may_be_cleaned_differently(void **state)
{
    (void)state;
    struct made m;
    begin(&m, false);
    put(&m, 0), put(&m, 1), put(&m, 0), put(&m, 2);
    final_read_of(&m, "0 1 2 3", -1);
    final_read_of(&m, "1 2 3", 2);
    judged(&m, "");
    begin(&m, false);
    put(&m, 0), put(&m, 1), put(&m, 0), put(&m, 2);
    final_read_of(&m, "0 1 2 3", -1);
    final_read_of(&m, "0 2 3", 2);
    judged(&m, "replica-differs");
}

/* The leader was read before its cleaning, the replica after it. */
static void
of_a_record_that_lies_there_twice_the_last_stays(void **state)
{
    (void)state;
    struct made m;
    begin(&m, false);
    put(&m, 0), put(&m, 1);
    m.value[2] = m.value[1];
    m.end = 3;
    final_read_of(&m, "0 1 2", -1);
    final_read_of(&m, "0 2", 2);
    judged(&m, "duplicate");
    begin(&m, false);
    put(&m, 0), put(&m, 1);
    m.value[2] = m.value[1];
    m.end = 3;
    final_read_of(&m, "0 1 2", -1);
    final_read_of(&m, "0 1", 2);
    judged(&m, "duplicate replica-differs");
}

/* It lay at 0 and again at 1, which was told; at 2 there is a later record of its key. */
static void
moved_though(bool idempotent, const char *final, const char *want)
{
    struct made m;
    begin(&m, false);
    put(&m, 0), put(&m, 1);
    m.value[1] = m.value[0];
    m.h.ops.v[0].offset = 1;
    m.h.ops.v[0].idempotent = idempotent;
    m.h.ops.v[1].offset = -1;
    m.h.ops.v[1].outcome = HISTORY_FAIL;
    put(&m, 0);
    final_read_of(&m, final, -1);
    judged(&m, want);
}

/* A replica that was away copies what its leader has cleaned, and has the first copy still. */
static void
the_first_copy_may_stay_where_a_later_record_replaced_the_second(void **state)
{
    (void)state;
    moved_though(false, "0 2", "");
    moved_though(true, "0 2", "inconsistent-offset");
    moved_though(false, "0", "inconsistent-offset lost"); /* nothing has replaced it */
}

static void
what_is_not_compacted_is_lost_as_ever(void **state)
{
    (void)state;
    struct made m;
    begin(&m, true);
    m.topic = (struct check_topic){0};
    put(&m, 0), put(&m, 0);
    final_read_of(&m, "1", -1);
    judged(&m, "lost");
}

static void
in_sync_at(struct chronicle *c, int64_t at_ns, int32_t n)
{
    struct happening one = happening_new(HAPPENED_PLACED, at_ns);
    one.topic = S("orders");
    one.partition = 0;
    one.leader = 1;
    for (int32_t i = 0; i < n; i++) one.in_sync.v[one.in_sync.n++] = i + 1;
    chronicle_add(c, &one);
}

/* b3 is away from before the deletion for so long; tombstones stay for five milliseconds. */
static void
judged_with_one_away(int64_t away_ns, const char *want)
{
    struct made m;
    struct mem mem;
    struct chronicle c;
    test_mem_init(&mem);
    chronicle_init(&c, &mem);
    in_sync_at(&c, 0, 3);
    in_sync_at(&c, 10, 2);
    in_sync_at(&c, 10 + away_ns, 3);
    begin(&m, true);
    m.topic.tombstones_ms = 5;
    m.chronicle = &c;
    put(&m, 0), delete (&m, 0), put(&m, 1);
    final_read_of(&m, "0 2", -1);
    judged(&m, want);
    chronicle_release(&c);
    mem_release(&mem);
}

static void
who_was_away_for_longer_than_tombstones_stay_may_have_missed_one(void **state)
{
    (void)state;
    judged_with_one_away(8000000, "");
    judged_with_one_away(4000000, "resurrected");
}

/* b1 acknowledges with acks=1 that a key is deleted, and b2 is elected without that. */
static void
judged_with_a_tombstone_of_one(bool was_read, const char *want)
{
    struct made m;
    struct mem mem;
    struct chronicle c;
    test_mem_init(&mem);
    chronicle_init(&c, &mem);
    in_sync_at(&c, 0, 3);
    begin(&m, true);
    put(&m, 0), delete (&m, 0), put(&m, 1);
    m.h.ops.v[1].acks = 1;
    m.h.ops.v[1].node = 1;
    if (was_read) polled(&m, 1);
    struct happening two = happening_new(HAPPENED_PLACED, made_now(&m));
    two.topic = S("orders");
    two.partition = 0;
    two.leader = 2;
    two.leader_epoch = 1;
    two.in_sync = (struct chronicle_ids){2, {2, 3}};
    chronicle_add(&c, &two);
    m.chronicle = &c;
    final_read_of(&m, "0 2", -1);
    judged(&m, want);
    chronicle_release(&c);
    mem_release(&mem);
}

static void
a_tombstone_that_might_be_lost_may_leave_its_key(void **state)
{
    (void)state;
    judged_with_a_tombstone_of_one(false, "");
    judged_with_a_tombstone_of_one(true, "resurrected");
}

/* A record of unknown fate is known by its value where it lies, and is of no other partition. */
static void
a_record_of_another_partition_is_not_resurrected_here(void **state)
{
    (void)state;
    struct made m;
    begin(&m, true);
    put(&m, 0), delete (&m, 0);
    struct history_op op = history_op_new(HISTORY_SEND, m.p, 0, -1);
    op.value = history_next_value(&m.h, m.p);
    op.key = 0;
    op.acks = -1;
    int64_t number = history_invoke(&m.h, &op);
    history_complete(&m.h, number, HISTORY_INFO, 7, -1, -1);
    put(&m, 1);
    final_read_of(&m, "2", -1);
    struct history_read r = {0, op.value, 0};
    struct history_op poll = history_op_new(HISTORY_ASSIGN, m.reader, 0, 1);
    poll.offset = 0;
    poll.is_final = true;
    (void)history_add(&m.h, &poll, HISTORY_OK, NULL, 0);
    poll.kind = HISTORY_POLL;
    poll.offset = -1;
    (void)history_add(&m.h, &poll, HISTORY_OK, &r, 1);
    poll.kind = HISTORY_FINAL_END;
    poll.offset = 1;
    (void)history_add(&m.h, &poll, HISTORY_OK, NULL, 0);
    judged(&m, "");
}

/* Sent again without idempotence it lies further on, too; of one key the cleaner leaves the last. */
static void
of_two_copies_of_a_record_the_last_may_be_left(void **state)
{
    (void)state;
    for (int idempotent = 0; idempotent < 2; idempotent++) {
        struct made m;
        begin(&m, true);
        put(&m, 0), put(&m, 1), put(&m, 2);
        for (int i = 0; i < 3; i++) m.h.ops.v[i].idempotent = idempotent;
        m.value[3] = m.value[0];
        m.end = 4;
        final_read_of(&m, "1 2 3", -1);
        judged(&m, idempotent ? "inconsistent-offset reordered reordered" : "");
    }
}

/* By a member that has the partition from the beginning, and commits behind it. */
static void
worked_on(struct made *m, const char *offsets)
{
    struct history_op op = history_op_new(HISTORY_PROCESS, m->reader, 0, 0);
    struct history_read r[20];
    int64_t n = 0;
    for (const char *c = offsets; *c; c++)
        if (*c != ' ') r[n++] = (struct history_read){*c - '0', m->value[*c - '0'], 0};
    op.node = history_group(&m->h, S("g"));
    op.key = 1;
    op.acks = COMMIT_AFTER;
    (void)history_add(&m->h, &op, HISTORY_OK, r, n);
    op.kind = HISTORY_COMMIT;
    op.offset = r[n - 1].offset + 1;
    (void)history_add(&m->h, &op, HISTORY_OK, NULL, 0);
}

/* The log that the group read was clean, the one of the final reading is not. */
static void
a_group_may_miss_what_was_replaced_before_it_came(void **state)
{
    (void)state;
    struct made m;
    begin(&m, false);
    put(&m, 1), put(&m, 0), put(&m, 0);
    worked_on(&m, "0 2");
    final_read_of(&m, "0 1 2", -1);
    judged(&m, "");
    begin(&m, false);
    put(&m, 1), put(&m, 0), put(&m, 2);
    worked_on(&m, "0 2");
    put(&m, 0); /* too late */
    worked_on(&m, "3");
    final_read_of(&m, "0 1 2 3", -1);
    judged(&m, "unprocessed");
    begin(&m, false);
    put(&m, 1), put(&m, 0), sent_with(&m, 0, false, HISTORY_FAIL), put(&m, 2);
    worked_on(&m, "0 3");
    final_read_of(&m, "0 1 3", -1);
    judged(&m, "unprocessed");
    begin(&m, false);
    put(&m, 1), put(&m, -1), put(&m, -1); /* without key nothing is replaced */
    worked_on(&m, "0 2");
    final_read_of(&m, "0 1 2", -1);
    judged(&m, "unprocessed");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_later_record_of_its_key_replaces_may_be_gone),
        cmocka_unit_test(the_last_one_of_a_key_is_lost),
        cmocka_unit_test(a_record_without_key_is_lost_whatever_comes_later),
        cmocka_unit_test(a_tombstone_may_go_with_its_key_or_is_lost),
        cmocka_unit_test(a_value_that_outlives_its_tombstone_is_resurrected),
        cmocka_unit_test(who_was_away_for_longer_than_tombstones_stay_may_have_missed_one),
        cmocka_unit_test(a_tombstone_that_might_be_lost_may_leave_its_key),
        cmocka_unit_test(a_record_of_another_partition_is_not_resurrected_here),
        cmocka_unit_test(an_unknown_tombstone_excuses_and_accuses_nobody),
        cmocka_unit_test(replicas_may_be_cleaned_differently),
        cmocka_unit_test(of_a_record_that_lies_there_twice_the_last_stays),
        cmocka_unit_test(a_record_whose_place_nobody_knows_is_lost_as_ever),
        cmocka_unit_test(a_tombstone_whose_place_nobody_knows_excuses),
        cmocka_unit_test(of_two_copies_of_a_record_the_last_may_be_left),
        cmocka_unit_test(the_first_copy_may_stay_where_a_later_record_replaced_the_second),
        cmocka_unit_test(what_is_not_compacted_is_lost_as_ever),
        cmocka_unit_test(a_group_may_miss_what_was_replaced_before_it_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
