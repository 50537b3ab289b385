/* Transactions: some records to all partitions in turn, then commit or abort, then the next ones. */
#include "sim/workload/value.h"
#include "sim/workload/workload.h"

#include "broker/base/check.h"

#define AGAIN_NS (200 * NS_PER_MS)

struct txn_maker;

/* A send of the present transaction, and its number in the history. */
struct txn_send {
    struct send send;
    struct txn_maker *maker;
    int64_t op;
};

struct txn_maker {
    struct produce_args *args;
    struct env *env;
    struct client *client;
    struct txn_session *session;
    struct txn_op op;
    struct timer tick;
    int32_t process, topic, txn;
    struct txn_send *sends; /* as many as a transaction has */
    int64_t sends_n, ended_n;
    int64_t begun_ns;
    uint8_t *value;
};

static int64_t
true_now(const struct txn_maker *m)
{
    return m->args->history->now(m->args->history->ctx);
}

static bool
is_over(const struct txn_maker *m)
{
    const struct produce_args *a = m->args;
    return a->stop || a->fenced || (a->count > 0 && a->sent >= a->count) ||
           true_now(m) >= a->until_ns;
}

static void
next_in(struct txn_maker *m, int64_t ns)
{
    m->args->done = is_over(m);
    if (!m->args->done) timer_arm(m->env, &m->tick, env_now_ns(m->env) + ns);
}

/* ---- the end of a transaction ---- */

static enum history_outcome
outcome_of(const struct txn_maker *m, const struct send *s)
{
    if (m->op.end == TXN_UNKNOWN) return HISTORY_INFO;
    return m->op.end == TXN_COMMITTED && s->result == SEND_OK ? HISTORY_OK : HISTORY_FAIL;
}

static void
count_send(struct produce_args *a, enum history_outcome outcome)
{
    a->acknowledged += outcome == HISTORY_OK;
    a->failed += outcome == HISTORY_FAIL;
    a->unknown += outcome == HISTORY_INFO;
    a->pending--;
}

static void
end_sends(struct txn_maker *m)
{
    struct produce_args *a = m->args;
    for (int64_t i = 0; i < m->sends_n; i++) {
        const struct txn_send *one = &m->sends[i];
        enum history_outcome outcome = outcome_of(m, &one->send);
        a->history->ops.v[one->op].node = one->send.node_id;
        if (outcome == HISTORY_OK) history_note_topic(a->history, one->op, one->send.topic_id);
        history_complete(a->history, one->op, outcome,
                         one->send.error ? one->send.error : m->op.error, one->send.partition,
                         one->send.offset);
        count_send(a, outcome);
    }
    m->sends_n = 0;
}

static void
txn_ended(struct txn_op *op)
{
    struct txn_maker *m = CONTAINER_OF(op, struct txn_maker, op);
    struct produce_args *a = m->args;
    end_sends(m);
    a->txns_committed += op->end == TXN_COMMITTED;
    a->txns_aborted += op->end == TXN_ABORTED;
    a->txns_unknown += op->end == TXN_UNKNOWN;
    a->fenced = txn_session_is_fenced(m->session);
    a->stats = *producer_stats(txn_session_producer(m->session));
    int64_t wait = a->interval_ns * a->txn_records - (true_now(m) - m->begun_ns);
    next_in(m, MAX(wait, 0));
}

static void
send_ended(struct send *s)
{
    struct txn_maker *m = CONTAINER_OF(s, struct txn_send, send)->maker;
    const struct produce_args *a = m->args;
    if (++m->ended_n < m->sends_n) return;
    bool abort = a->abort_every > 0 && m->txn % a->abort_every == 0;
    txn_session_finish(m->session, &m->op, !abort);
}

/* ---- a transaction ---- */

static void
send_in_txn(struct txn_maker *m, int32_t partitions)
{
    struct produce_args *a = m->args;
    struct txn_send *one = &m->sends[m->sends_n];
    int32_t partition = a->partition >= 0 ? a->partition : (int32_t)(a->sent % partitions);
    struct history_op op = history_op_new(HISTORY_SEND, m->process, m->topic, partition);
    uint8_t room[VALUE_KEY_MAX];
    op.value = history_next_value(a->history, m->process);
    if (a->keys > 0) op.key = history_value_n(op.value) % a->keys;
    op.acks = a->producer.acks;
    op.idempotent = true;
    op.is_tombstone = a->tombstones > 0 && history_value_n(op.value) % a->tombstones == 0;
    op.leader_epoch = m->txn;
    value_write(op.value, m->value, a->value_bytes);
    *one = (struct txn_send){.send.done = send_ended, .maker = m};
    struct slice value = slice(m->value, a->value_bytes);
    struct record_header id = {S(VALUE_HEADER), value};
    struct producer_record r = {.topic = a->topic,
                                .partition = partition,
                                .key = value_key(op.key, room),
                                .value = op.is_tombstone ? SLICE_NULL : value,
                                .headers = &id,
                                .headers_n = op.is_tombstone ? 1 : 0,
                                .timestamp = -1};
    if (!producer_send(txn_session_producer(m->session), &one->send, &r)) return;
    one->op = history_invoke(a->history, &op);
    m->sends_n++;
    a->sent++;
    a->pending++;
}

static void
begin_one(struct txn_maker *m)
{
    struct produce_args *a = m->args;
    int32_t partitions = client_partitions_n(m->client, a->topic);
    if (partitions <= 0) {
        next_in(m, AGAIN_NS);
        return;
    }
    txn_session_begin(m->session);
    m->txn++;
    m->begun_ns = true_now(m);
    m->sends_n = m->ended_n = 0;
    m->op.done = txn_ended;
    for (int64_t i = 0; i < a->txn_records; i++) send_in_txn(m, partitions);
    if (m->sends_n == 0) txn_session_finish(m->session, &m->op, true);
}

static void
inited(struct txn_op *op)
{
    struct txn_maker *m = CONTAINER_OF(op, struct txn_maker, op);
    m->args->fenced = txn_session_is_fenced(m->session);
    next_in(m, op->error ? AGAIN_NS : 0);
}

static void
tick_due(struct timer *t)
{
    struct txn_maker *m = CONTAINER_OF(t, struct txn_maker, tick);
    if (is_over(m)) {
        m->args->done = true;
    } else if (txn_session_must_init(m->session)) {
        m->op.done = inited;
        txn_session_init(m->session, &m->op);
    } else {
        begin_one(m);
    }
}

void
transact_start(struct env *env, void *produce_args)
{
    struct txn_maker *m = env->machine = MEM_NEW(&env->mem, struct txn_maker);
    struct produce_args *a = m->args = produce_args;
    struct txn_params tp = txn_params_default();
    m->env = env;
    m->process = history_process(a->history, a->name);
    m->topic = history_topic(a->history, a->topic);
    m->value = mem_alloc(&env->mem, a->value_bytes);
    m->sends = mem_alloc(&env->mem, a->txn_records * (int64_t)sizeof *m->sends);
    m->tick.due = tick_due;
    /* Of an instance before this one there are some, too. */
    m->txn = (int32_t)(a->txns_committed + a->txns_aborted + a->txns_unknown) + a->lives * 1000000;
    a->lives++;
    tp.transactional_id = a->transactional_id;
    tp.timeout_ms = a->txn_timeout_ms;
    tp.version_max = a->txn_version_max;
    m->client = client_new(env, &a->client);
    CHECK(m->client && a->value_bytes >= VALUE_BYTES_MIN);
    m->session = txn_session_new(m->client, &a->producer, &tp);
    CHECK(m->session);
    client_want_topic(m->client, a->topic);
    a->pending = 0;
    a->done = a->fenced = false;
    int64_t wait = MAX(0, a->from_ns - true_now(m));
    timer_arm(env, &m->tick, env_now_ns(env) + wait);
}
