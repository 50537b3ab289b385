#include <stdio.h>
#include <time.h>

#include "tests/unit/check/histories.h"

static struct check_result
judge(struct made *m, const struct check_facts *facts)
{
    static const struct check_facts none;
    struct check_result r;
    check_history(&m->mem, &m->h, facts ? facts : &none, &r);
    return r;
}

static void
print_all(const struct check_result *r)
{
    for (int64_t i = 0; i < r->anomalies.v.n && i < 20; i++) {
        const struct anomaly *a = &r->anomalies.v.v[i];
        printf("  %s @%lld: %.*s\n", rule_spelling(a->rule), (long long)a->offset, (int)a->story.n,
               (const char *)a->story.p);
    }
}

/* Exactly this rule, exactly once; the story is given back. */
static void
assert_only(struct made *m, enum rule rule, int64_t offset)
{
    struct check_result r = judge(m, NULL);
    if (r.anomalies.v.n != 1 || r.anomalies.v.v[0].rule != rule) print_all(&r);
    assert_int_equal(r.anomalies.v.n, 1);
    assert_string_equal(rule_spelling(r.anomalies.v.v[0].rule), rule_spelling(rule));
    if (offset >= 0) assert_int_equal(r.anomalies.v.v[0].offset, offset);
    assert_false(r.anomalies.v.v[0].allowed);
    assert_true(r.anomalies.v.v[0].story.n > 0);
    check_result_release(&r);
    made_release(m);
}

static void
correct_histories_raise_no_alarm(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct made m;
        made_init(&m, seed, 300);
        struct check_result r = judge(&m, NULL);
        if (r.anomalies.v.n) print_all(&r);
        assert_int_equal(r.anomalies.v.n, 0);
        assert_true(r.has_final && r.is_conclusive);
        assert_int_equal(r.read, m.log_n);
        assert_int_equal(r.counts.produced, 300);
        assert_int_equal(r.counts.acknowledged + r.counts.unknown + r.counts.failed, 300);
        made_release(&m);
    }
}

static void
unread_by_the_final_readers(struct made *m, int64_t offset)
{
    made_unread(m, m->f, offset);
    made_unread(m, m->f2, offset);
}

static void
an_acknowledged_record_missing_at_the_end_is_lost(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 3, 300);
    int64_t offset = made_acked(&m, 100)->offset;
    unread_by_the_final_readers(&m, offset);
    assert_only(&m, RULE_LOST, offset);
}

static void
a_lost_tail_is_lost_too(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 4, 300);
    struct history_op *last = made_last_acked(&m);
    int64_t offset = last->offset;
    for (int64_t at = m.log_n - 1; at > offset; at--) assert_true(m.log[at] != last->value);
    unread_by_the_final_readers(&m, offset);
    assert_only(&m, RULE_LOST, offset);
}

static void
a_record_of_unknown_fate_that_was_read_and_is_gone_is_read_lost(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 5, 300);
    struct history_op *op = made_acked(&m, 50);
    int64_t offset = op->offset;
    op->outcome = HISTORY_INFO;
    op->offset = -1;
    unread_by_the_final_readers(&m, offset);
    assert_only(&m, RULE_READ_LOST, offset);
}

static void
a_value_in_two_places_is_a_duplicate(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 6, 300);
    int64_t from = made_acked(&m, 20)->offset, to = -1;
    /* In place of one of unknown fate, which nobody misses. */
    for (int64_t i = 0; i < m.h.ops.n && to < 0; i++) {
        struct history_op *op = &m.h.ops.v[i];
        if (op->kind != HISTORY_SEND || op->outcome != HISTORY_INFO) continue;
        for (int64_t at = from + 1; at < m.log_n; at++)
            if (m.log[at] == op->value) to = at;
    }
    assert_true(to > from);
    int32_t readers[] = {m.c[0], m.c[1], m.f, m.f2};
    for (int r = 0; r < 4; r++) made_read_at(&m, readers[r], to)->value = m.log[from];
    assert_only(&m, RULE_DUPLICATE, to);
}

/* Exchanges two neighbours of one producer in all polls, and what was acknowledged of them. */
static void
records_of_one_producer_swapped_are_reordered(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 7, 300);
    struct history_op *a, *b;
    int64_t i = 10;
    do a = made_acked(&m, i), b = made_acked(&m, ++i);
    while (a->process != b->process || b->offset != a->offset + 1);
    int64_t at = a->offset;
    int32_t readers[] = {m.c[0], m.c[1], m.f, m.f2};
    for (int r = 0; r < 4; r++) {
        made_read_at(&m, readers[r], at)->value = b->value;
        made_read_at(&m, readers[r], at + 1)->value = a->value;
    }
    a->offset = at + 1, b->offset = at;
    assert_only(&m, RULE_REORDERED, at);
}

static void
an_acknowledged_offset_where_the_record_is_not_is_inconsistent(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 8, 300);
    made_acked(&m, 60)->offset += 1;
    assert_only(&m, RULE_INCONSISTENT_OFFSET, made_acked(&m, 60)->offset);
}

static void
two_values_read_at_one_offset_are_inconsistent(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 9, 300);
    made_read_at(&m, m.c[1], 17)->value = m.log[18];
    assert_only(&m, RULE_INCONSISTENT_OFFSET, 17);
}

static void
a_record_kept_from_a_consumer_is_a_skip(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 10, 300);
    made_unread(&m, m.c[0], 33);
    assert_only(&m, RULE_POLL_SKIP, 33);
}

static void
the_first_record_kept_from_a_consumer_is_a_skip(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 10, 300);
    made_unread(&m, m.c[0], 0);
    assert_only(&m, RULE_POLL_SKIP, 0);
}

static void
a_consumer_taken_back_is_nonmonotonic(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 11, 300);
    made_poll(&m, m.c[0], m.log_n - 1, m.log_n, false, -1);
    assert_only(&m, RULE_NONMONOTONIC_POLL, m.log_n - 1);
}

static void
going_back_by_assignment_or_after_truncation_is_no_anomaly(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 11, 300);
    made_mark(&m, HISTORY_TRUNCATION, m.c[0], 5, false, -1);
    made_poll(&m, m.c[0], 5, m.log_n, false, -1);
    made_read_all(&m, m.c[0], false, -1);
    struct check_result r = judge(&m, NULL);
    assert_int_equal(r.anomalies.v.n, 0);
    made_release(&m);
}

static void
a_forged_value_is_a_phantom(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 12, 300);
    made_read_at(&m, m.c[0], 40)->value = history_value(m.p[0], 100000);
    assert_only(&m, RULE_PHANTOM, 40);
}

static void
a_failed_send_that_was_read_is_told(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 13, 300);
    struct history_op *op = made_acked(&m, 44);
    int64_t offset = op->offset;
    op->outcome = HISTORY_FAIL;
    op->offset = -1;
    assert_only(&m, RULE_FAILED_READ, offset);
}

/* Two sends that were acknowledged, of one producer, are made one transaction. */
static void
put_into_txn(struct made *m, struct history_op *a, struct history_op *b)
{
    assert_int_equal(a->process, b->process);
    for (struct history_op *op = a; op <= b; op++)
        if (op->kind == HISTORY_SEND && op->process == a->process)
            op->leader_epoch = op == a || op == b ? 7 : -1;
    (void)m;
}

static struct history_op *
next_acked_of(struct made *m, const struct history_op *of)
{
    for (struct history_op *op = (struct history_op *)(uintptr_t)of + 1;
         op < m->h.ops.v + m->h.ops.n; op++)
        if (op->kind == HISTORY_SEND && op->process == of->process && op->outcome == HISTORY_OK &&
            op->offset >= 0)
            return op;
    fail();
    return NULL;
}

static void
half_a_transaction_is_torn_and_the_rest_unseen(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 21, 300);
    struct history_op *a = made_acked(&m, 60), *b = next_acked_of(&m, a);
    put_into_txn(&m, a, b);
    unread_by_the_final_readers(&m, b->offset);
    struct check_result r = judge(&m, NULL);
    assert_int_equal(r.anomalies.counts[RULE_TORN], 1);
    assert_int_equal(r.anomalies.counts[RULE_UNSEEN], 1);
    assert_int_equal(r.anomalies.v.n, 2);
    check_result_release(&r);
    made_release(&m);
}

static void
a_whole_transaction_that_is_not_there_is_not_torn(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 22, 300);
    struct history_op *a = made_acked(&m, 60), *b = next_acked_of(&m, a);
    put_into_txn(&m, a, b);
    unread_by_the_final_readers(&m, a->offset);
    unread_by_the_final_readers(&m, b->offset);
    struct check_result r = judge(&m, NULL);
    assert_int_equal(r.anomalies.counts[RULE_TORN], 0);
    assert_int_equal(r.anomalies.counts[RULE_UNSEEN], 2);
    check_result_release(&r);
    made_release(&m);
}

/* Who reads uncommitted records is given what is aborted later. */
static void
an_aborted_transaction_may_be_read_uncommitted_and_be_gone(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 23, 300);
    struct history_op *a = made_acked(&m, 60);
    int64_t offset = a->offset;
    put_into_txn(&m, a, a);
    a->outcome = HISTORY_FAIL;
    unread_by_the_final_readers(&m, offset);
    struct check_result r = judge(&m, NULL);
    if (r.anomalies.v.n) print_all(&r);
    assert_int_equal(r.anomalies.v.n, 0);
    check_result_release(&r);
    made_release(&m);
}

static void
bytes_that_are_no_record_are_corrupt(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 14, 300);
    made_mark(&m, HISTORY_CORRUPT, m.c[1], 7, false, -1);
    assert_only(&m, RULE_CORRUPT, 7);
}

static void
an_end_that_goes_back_is_told(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 15, 300);
    made_mark(&m, HISTORY_END, m.c[0], m.log_n, false, -1);
    made_mark(&m, HISTORY_END, m.c[0], m.log_n - 3, false, -1);
    assert_only(&m, RULE_END_WENT_BACK, m.log_n - 3);
}

static void
an_older_leader_may_tell_a_lower_end(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 15, 300);
    made_mark(&m, HISTORY_END, m.c[0], m.log_n, false, -1);
    made_mark(&m, HISTORY_END, m.c[0], m.log_n - 3, false, -1);
    m.h.ops.v[m.h.ops.n - 1].leader_epoch = 0;
    struct check_result r = judge(&m, NULL);
    assert_int_equal(r.anomalies.v.n, 0);
    made_release(&m);
}

static void
a_replica_without_a_record_differs(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 16, 300);
    made_unread(&m, m.f2, m.log_n - 1);
    assert_only(&m, RULE_REPLICA_DIFFERS, m.log_n - 1);
}

static void
a_final_read_without_its_end_is_unreadable(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 17, 300);
    for (int64_t i = 0; i < m.h.ops.n; i++)
        if (m.h.ops.v[i].kind == HISTORY_FINAL_END) m.h.ops.v[i].kind = HISTORY_ASSIGN;
    assert_only(&m, RULE_UNREADABLE, -1);
}

static void
without_a_final_read_a_hole_between_what_was_read_is_lost(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 18, 300);
    for (int64_t i = 0; i < m.h.ops.n; i++)
        if (m.h.ops.v[i].is_final)
            m.h.ops.v[i].reads_n = 0, m.h.ops.v[i].kind = HISTORY_TRUNCATION,
            m.h.ops.v[i].is_final = false;
    int64_t offset = made_acked(&m, 80)->offset;
    made_unread(&m, m.c[0], offset);
    made_unread(&m, m.c[1], offset);
    assert_only(&m, RULE_LOST, offset);
}

static void
sends_must_end_and_succeed_once_all_is_healed(void **state)
{
    (void)state;
    struct made m;
    struct check_facts facts = {.serves_after_ns = 1000000, .clients_live = true};
    made_init(&m, 19, 300);
    struct history_op healed = history_op_new(HISTORY_HEALED, -1, -1, -1);
    (void)history_add(&m.h, &healed, HISTORY_OK, NULL, 0);
    struct history_op op = history_op_new(HISTORY_SEND, m.p[0], m.topic, 0);
    op.value = history_next_value(&m.h, m.p[0]);
    (void)history_complete(&m.h, history_invoke(&m.h, &op), HISTORY_FAIL, 19, 0, -1);
    m.now_ns += 2000000;
    op.value = history_next_value(&m.h, m.p[0]);
    (void)history_complete(&m.h, history_invoke(&m.h, &op), HISTORY_FAIL, 19, 0, -1);
    op.value = history_next_value(&m.h, m.p[0]);
    (void)history_invoke(&m.h, &op);
    struct check_result r = judge(&m, &facts);
    assert_int_equal(r.anomalies.v.n, 2);
    assert_int_equal(r.anomalies.counts[RULE_NOT_SERVING], 1);
    assert_int_equal(r.anomalies.counts[RULE_UNANSWERED], 1);
    made_release(&m);
}

/* The first ten are deleted: the final readers do not get them, one consumer was slower than that. */
static void
what_was_removed_is_not_lost(void **state)
{
    (void)state;
    int64_t to[] = {10}, too_few[] = {9};
    struct check_topic topic = {.replicas = 3, .min_isr = 2, .removed_to = to, .removed_n = 1};
    struct check_facts facts = {.topics = &topic, .topics_n = 1};
    for (int i = 0; i < 2; i++) {
        struct made m;
        made_init(&m, 22, 300);
        for (int64_t at = 0; at < 10; at++) unread_by_the_final_readers(&m, at);
        for (int64_t at = 4; at < 10; at++) made_unread(&m, m.c[0], at);
        if (i == 1) topic.removed_to = too_few;
        struct check_result r = judge(&m, &facts);
        if (i == 0 && r.anomalies.v.n) print_all(&r);
        assert_int_equal(r.anomalies.v.n > 0, i == 1);
        for (int64_t k = 0; k < r.anomalies.v.n; k++)
            assert_int_equal(r.anomalies.v.v[k].offset, 9);
        check_result_release(&r);
        made_release(&m);
    }
}

/* The cluster is asked for it when it ought to serve, whatever the bound is. */
static void
a_send_of_the_end_must_succeed(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 19, 300);
    struct history_op op = history_op_new(HISTORY_SEND, m.p[0], m.topic, 0);
    op.is_final = true;
    op.value = history_next_value(&m.h, m.p[0]);
    (void)history_complete(&m.h, history_invoke(&m.h, &op), HISTORY_INFO, 7, 0, -1);
    struct check_result r = judge(&m, NULL);
    assert_int_equal(r.counts.produced, 300);
    check_result_release(&r);
    assert_only(&m, RULE_NOT_SERVING, -1);
}

/* An administrator was not told what became of his deletion: the quorum has committed it. */
static void
a_topic_that_is_deleted_takes_nothing_at_the_end(void **state)
{
    (void)state;
    static const struct {
        int64_t deleted_ns, made_ns; /* before the last send (below 0: after it; 0: not at all) */
        bool is_owed;
    } cases[] = {{5000, 0, false}, {5000, 4000, true}, {-1000000, 0, true}};
    for (int64_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct made m;
        struct chronicle c;
        made_init(&m, 19, 300);
        chronicle_init(&c, &m.mem);
        m.now_ns += 10000;
        struct history_op op = history_op_new(HISTORY_SEND, m.p[0], m.topic, 0);
        op.is_final = true;
        op.value = history_next_value(&m.h, m.p[0]);
        struct happening deleted = happening_new(HAPPENED_DELETED, m.now_ns - cases[i].deleted_ns);
        struct happening made = happening_new(HAPPENED_MADE, m.now_ns - cases[i].made_ns);
        deleted.topic = made.topic = S("orders");
        chronicle_add(&c, &deleted);
        if (cases[i].made_ns) chronicle_add(&c, &made);
        (void)history_complete(&m.h, history_invoke(&m.h, &op), HISTORY_FAIL, 3, 0, -1);
        struct check_result r = judge(&m, &(struct check_facts){.chronicle = &c});
        assert_int_equal(r.anomalies.counts[RULE_NOT_SERVING], cases[i].is_owed);
        check_result_release(&r);
        chronicle_release(&c);
        made_release(&m);
    }
}

static void
admin(struct made *m, int32_t what, enum history_outcome outcome)
{
    struct history_op op = history_op_new(HISTORY_ADMIN, m->c[0], m->topic, -1);
    op.key = what;
    (void)history_add(&m->h, &op, outcome, NULL, 0);
}

/* Deleted and made again, it owes only what was sent to the new one: of that, too, a record is lost. */
static void
a_topic_that_was_made_again_owes_what_is_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct made m;
        made_init(&m, 24, 20);
        int64_t old_n = m.log_n;
        if (i < 3) admin(&m, ADMIN_DELETE, i == 2 ? HISTORY_FAIL : HISTORY_OK);
        if (i < 3) admin(&m, ADMIN_CREATE, i == 2 ? HISTORY_FAIL : HISTORY_OK);
        m.log = mem_alloc(&m.mem, 20 * 8);
        m.log_n = 0;
        for (int k = 0; k < 20; k++) made_send(&m);
        for (int64_t k = 0; k < m.h.ops.n; k++)
            if (m.h.ops.v[k].is_final) m.h.ops.v[k].is_final = false;
        m.h.ops.v[m.h.ops.n - 1].outcome = HISTORY_OK;
        m.f = history_process(&m.h, S("g"));
        int64_t all = m.log_n;
        if (i == 1) m.log_n -= 5;
        made_read_all(&m, m.f, true, -1);
        struct check_result r = judge(&m, NULL);
        if (i == 0) {
            if (r.anomalies.v.n) print_all(&r);
            assert_int_equal(r.anomalies.v.n, 0);
        } else {
            assert_true(r.anomalies.counts[RULE_LOST] > 0);
            assert_true(i != 1 || r.anomalies.counts[RULE_LOST] <= all - m.log_n);
            assert_true(i == 1 || r.anomalies.counts[RULE_LOST] > old_n / 2);
        }
        check_result_release(&r);
        made_release(&m);
    }
}

/* Nobody told the administrator that it was done: that the topic was deleted, and made again, stands in the chronicle. */
static void
what_became_of_a_topic_need_not_have_been_told(void **state)
{
    (void)state;
    for (int is_known = 0; is_known < 2; is_known++) {
        struct made m;
        struct chronicle c;
        made_init(&m, 24, 20);
        chronicle_init(&c, &m.mem);
        admin(&m, ADMIN_DELETE, HISTORY_FAIL);
        struct happening deleted = happening_new(HAPPENED_DELETED, m.now_ns);
        struct happening made = happening_new(HAPPENED_MADE, m.now_ns);
        admin(&m, ADMIN_CREATE, HISTORY_INFO);
        deleted.topic = made.topic = S("orders");
        if (is_known) chronicle_add(&c, &deleted), chronicle_add(&c, &made);
        m.log = mem_alloc(&m.mem, 20 * 8);
        m.log_n = 0;
        for (int k = 0; k < 20; k++) made_send(&m);
        for (int64_t k = 0; k < m.h.ops.n; k++) m.h.ops.v[k].is_final = false;
        m.f = history_process(&m.h, S("g"));
        made_read_all(&m, m.f, true, -1);
        struct check_result r = judge(&m, &(struct check_facts){.chronicle = &c});
        if (is_known && r.anomalies.v.n) print_all(&r);
        assert_int_equal(r.anomalies.v.n == 0, is_known);
        check_result_release(&r);
        chronicle_release(&c);
        made_release(&m);
    }
}

static void
what_a_deleted_topic_held_is_a_phantom_in_its_namesake(void **state)
{
    (void)state;
    for (int is_deleted = 0; is_deleted < 2; is_deleted++) {
        struct made m;
        uint64_t old = 0;
        made_init(&m, 24, 20);
        for (int64_t k = 0; k < m.h.ops.n && !old; k++)
            if (m.h.ops.v[k].kind == HISTORY_SEND && m.h.ops.v[k].outcome == HISTORY_OK)
                old = m.h.ops.v[k].value;
        if (is_deleted) admin(&m, ADMIN_DELETE, HISTORY_OK);
        if (is_deleted) admin(&m, ADMIN_CREATE, HISTORY_OK);
        m.log = mem_alloc(&m.mem, 30 * 8);
        m.log_n = 0;
        for (int k = 0; k < 20; k++) made_send(&m);
        for (int64_t k = 0; k < m.h.ops.n; k++) m.h.ops.v[k].is_final = false;
        m.log[m.log_n++] = old;
        m.f = history_process(&m.h, S("g"));
        made_read_all(&m, m.f, true, -1);
        struct check_result r = judge(&m, NULL);
        assert_int_equal(r.anomalies.counts[RULE_PHANTOM], is_deleted);
        check_result_release(&r);
        made_release(&m);
    }
}

static void
everything_lost_is_lost_and_not_inconclusive(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 20, 50);
    for (int64_t i = 0; i < m.h.ops.n; i++) m.h.ops.v[i].reads_n = 0;
    struct check_result r = judge(&m, NULL);
    assert_true(r.is_conclusive);
    assert_int_equal(r.read, 0);
    assert_int_equal(r.anomalies.counts[RULE_LOST], r.counts.acknowledged);
    made_release(&m);
}

static void
only_a_run_without_an_acknowledgement_is_inconclusive(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 20, 50);
    for (int64_t i = 0; i < m.h.ops.n; i++)
        if (m.h.ops.v[i].outcome == HISTORY_OK && m.h.ops.v[i].kind == HISTORY_SEND)
            m.h.ops.v[i].outcome = HISTORY_INFO;
    struct check_result r = judge(&m, NULL);
    assert_false(r.is_conclusive);
    assert_true(r.read > 0);
    made_release(&m);
}

/* Both in sync lose it after it was acknowledged; and the same faults, when they came before it, or to others. */
static void
a_loss_is_told_with_what_took_its_copies(void **state)
{
    (void)state;
    static const struct {
        int32_t first, second;
        int64_t later_by;
        bool allowed;
    } cases[] = {{1, 2, 1, true}, {1, 2, -2, false}, {1, 3, 1, false}, {1, 1, 1, false}};
    for (int i = 0; i < ARRAY_LEN(cases); i++) {
        struct made m;
        struct chronicle c;
        struct check_topic topic = {.replicas = 3, .min_isr = 2, .elr = true};
        struct check_facts facts = {.topics = &topic, .topics_n = 1, .chronicle = &c};
        made_init(&m, 23, 300);
        chronicle_init(&c, &m.mem);
        const struct history_op *op = made_acked(&m, 100);
        struct happening placed = happening_new(HAPPENED_PLACED, 0);
        placed.topic = S("orders"), placed.partition = 0, placed.leader = 1;
        placed.in_sync = (struct chronicle_ids){2, {1, 2}};
        chronicle_add(&c, &placed);
        int64_t at_ns = cases[i].later_by > 0 ? op->complete_ns + 1 : op->invoke_ns - 1;
        for (int k = 0; k < 2; k++) {
            struct happening gone = happening_new(HAPPENED_COPIES_GONE, at_ns);
            gone.topic = S("orders"), gone.partition = 0, gone.from = op->offset;
            gone.node = k ? cases[i].second : cases[i].first;
            gone.what = S("was wiped");
            chronicle_add(&c, &gone);
        }
        unread_by_the_final_readers(&m, op->offset);
        struct check_result r = judge(&m, &facts);
        assert_int_equal(r.anomalies.v.n, 1);
        const struct anomaly *a = &r.anomalies.v.v[0];
        assert_int_equal(a->rule, RULE_LOST);
        assert_int_equal(a->allowed, cases[i].allowed);
        assert_int_equal(a->why.n > 0, cases[i].allowed);
        const char *told = strstr((const char *)a->story.p, "permitted because: b1 was wiped at ");
        assert_int_equal(told != NULL, cases[i].allowed);
        assert_true(!told || strstr(told, ", b2 was wiped at "));
        check_result_release(&r);
        made_release(&m);
    }
}

static void
a_million_records_are_judged_in_a_second(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 21, 300000); /* read four times: 1.2 million */
    struct timespec a, b;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    struct check_result r = judge(&m, NULL);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    int64_t us = (b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000;
    printf("  %lld records in %lld us\n", (long long)r.counts.read, (long long)us);
    assert_int_equal(r.anomalies.v.n, 0);
    assert_true(us < 10000000);
    made_release(&m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(correct_histories_raise_no_alarm),
        cmocka_unit_test(an_acknowledged_record_missing_at_the_end_is_lost),
        cmocka_unit_test(a_lost_tail_is_lost_too),
        cmocka_unit_test(a_record_of_unknown_fate_that_was_read_and_is_gone_is_read_lost),
        cmocka_unit_test(a_value_in_two_places_is_a_duplicate),
        cmocka_unit_test(records_of_one_producer_swapped_are_reordered),
        cmocka_unit_test(an_acknowledged_offset_where_the_record_is_not_is_inconsistent),
        cmocka_unit_test(two_values_read_at_one_offset_are_inconsistent),
        cmocka_unit_test(a_record_kept_from_a_consumer_is_a_skip),
        cmocka_unit_test(the_first_record_kept_from_a_consumer_is_a_skip),
        cmocka_unit_test(a_consumer_taken_back_is_nonmonotonic),
        cmocka_unit_test(going_back_by_assignment_or_after_truncation_is_no_anomaly),
        cmocka_unit_test(a_forged_value_is_a_phantom),
        cmocka_unit_test(a_failed_send_that_was_read_is_told),
        cmocka_unit_test(half_a_transaction_is_torn_and_the_rest_unseen),
        cmocka_unit_test(a_whole_transaction_that_is_not_there_is_not_torn),
        cmocka_unit_test(an_aborted_transaction_may_be_read_uncommitted_and_be_gone),
        cmocka_unit_test(bytes_that_are_no_record_are_corrupt),
        cmocka_unit_test(an_end_that_goes_back_is_told),
        cmocka_unit_test(an_older_leader_may_tell_a_lower_end),
        cmocka_unit_test(a_replica_without_a_record_differs),
        cmocka_unit_test(a_final_read_without_its_end_is_unreadable),
        cmocka_unit_test(without_a_final_read_a_hole_between_what_was_read_is_lost),
        cmocka_unit_test(sends_must_end_and_succeed_once_all_is_healed),
        cmocka_unit_test(what_was_removed_is_not_lost),
        cmocka_unit_test(a_send_of_the_end_must_succeed),
        cmocka_unit_test(a_topic_that_is_deleted_takes_nothing_at_the_end),
        cmocka_unit_test(a_topic_that_was_made_again_owes_what_is_its_own),
        cmocka_unit_test(what_became_of_a_topic_need_not_have_been_told),
        cmocka_unit_test(what_a_deleted_topic_held_is_a_phantom_in_its_namesake),
        cmocka_unit_test(everything_lost_is_lost_and_not_inconclusive),
        cmocka_unit_test(only_a_run_without_an_acknowledgement_is_inconclusive),
        cmocka_unit_test(a_loss_is_told_with_what_took_its_copies),
        cmocka_unit_test(a_million_records_are_judged_in_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
