#include "sim/workload/copy.h"

#include "broker/base/check.h"
#include "sim/workload/value.h"

/* A copy, and its number in the history. */
struct copy_send {
    struct send send;
    struct copier *copier;
    int64_t op;
};

struct copier {
    struct env *env;
    struct client *client;
    struct member_args *args;
    void *owner;
    struct txn_session *session;
    struct txn_op op;
    struct copy_piece piece;
    struct txn_offsets offsets;
    void (*inited)(void *owner);
    void (*ended)(void *owner, enum txn_end end);
    int32_t process, topic, txn;
    VEC(struct copy_send) sends; /* of this transaction */
    int64_t ended_n;
    int64_t commit; /* the commit's number in the history; -1: none yet */
    uint8_t *value;
};

/* ---- the end ---- */

static enum history_outcome
outcome_of_end(enum txn_end end)
{
    return end == TXN_UNKNOWN ? HISTORY_INFO : end == TXN_COMMITTED ? HISTORY_OK : HISTORY_FAIL;
}

static void
end_copies(struct copier *c)
{
    struct history *h = c->args->history;
    enum history_outcome all = outcome_of_end(c->op.end);
    for (int64_t i = 0; i < c->sends.n; i++) {
        const struct copy_send *one = &c->sends.v[i];
        bool is_there = one->send.result == SEND_OK || all != HISTORY_OK;
        int16_t error = one->send.error ? one->send.error : c->op.error;
        h->ops.v[one->op].node = one->send.node_id;
        if (is_there && all == HISTORY_OK) history_note_topic(h, one->op, one->send.topic_id);
        history_complete(h, one->op, is_there ? all : HISTORY_FAIL, error, one->send.partition,
                         one->send.offset);
        c->args->copied += is_there && all == HISTORY_OK;
    }
    if (c->commit >= 0)
        history_complete(h, c->commit, all, c->op.error, c->piece.partition, c->piece.next.offset);
    c->sends.n = 0;
}

static void
copy_ended(struct txn_op *op)
{
    struct copier *c = CONTAINER_OF(op, struct copier, op);
    end_copies(c);
    c->args->txns_committed += op->end == TXN_COMMITTED;
    c->args->txns_aborted += op->end == TXN_ABORTED;
    c->args->txns_unknown += op->end == TXN_UNKNOWN;
    c->args->fenced = txn_session_is_fenced(c->session);
    c->ended(c->owner, op->end);
}

static void
finish_copy(struct copier *c, bool commit)
{
    c->op.done = copy_ended;
    txn_session_finish(c->session, &c->op, commit);
}

/* ---- the offset ---- */

/* One that is refused as replaced aborts, and so does every so-many-th. */
static void
offset_sent(struct txn_op *op)
{
    struct copier *c = CONTAINER_OF(op, struct copier, op);
    int64_t every = c->args->copy.abort_every;
    if (op->error && txn_session_must_init(c->session)) copy_ended(op); /* fenced: it has no end */
    else finish_copy(c, !op->error && (every == 0 || c->txn % every != 0));
}

static void
send_offset(struct copier *c)
{
    struct copy_piece *p = &c->piece;
    struct history_op op = history_op_new(HISTORY_COMMIT, c->process, p->topic, p->partition);
    op.node = p->group;
    op.key = p->generation;
    op.acks = COMMIT_IN_TXN;
    op.offset = p->next.offset;
    op.is_of_any_life = true; /* TxnOffsetCommit 5 has names */
    c->commit = history_invoke(c->args->history, &op);
    c->op.done = offset_sent;
    const struct membership_params *m = &c->args->membership;
    c->offsets = (struct txn_offsets){.group_id = m->group_id,
                                      .member_id = p->member_id,
                                      .instance_id = m->instance_id,
                                      .generation = p->generation,
                                      .v = &p->next,
                                      .n = 1};
    txn_session_send_offsets(c->session, &c->op, &c->offsets);
}

/* ---- the copies ---- */

static void
copy_sent(struct send *s)
{
    struct copier *c = CONTAINER_OF(s, struct copy_send, send)->copier;
    if (++c->ended_n < c->sends.n) return;
    bool all = true;
    for (int64_t i = 0; i < c->sends.n; i++) all = all && c->sends.v[i].send.result == SEND_OK;
    if (all) send_offset(c);
    else finish_copy(c, false);
}

static bool
send_copy(struct copier *c, struct copy_send *one, const struct history_read *from,
          int32_t partition)
{
    struct copy_params *p = &c->args->copy;
    struct history_op op = history_op_new(HISTORY_SEND, c->process, c->topic, partition);
    op.value = history_next_value(c->args->history, c->process);
    op.acks = p->producer.acks;
    op.idempotent = true;
    op.leader_epoch = c->txn;
    value_write(op.value, c->value, p->value_bytes);
    *one = (struct copy_send){.send.done = copy_sent, .copier = c};
    struct producer_record r = {.topic = p->to,
                                .partition = partition,
                                .value = slice(c->value, p->value_bytes),
                                .timestamp = -1};
    if (!producer_send(txn_session_producer(c->session), &one->send, &r)) return false;
    one->op = history_invoke_made(c->args->history, &op, from);
    return true;
}

void
copier_copy(struct copier *c, const struct copy_piece *piece,
            void (*then)(void *owner, enum txn_end end))
{
    int32_t partitions = client_partitions_n(c->client, c->args->copy.to);
    c->piece = *piece;
    c->ended = then;
    c->commit = -1;
    c->ended_n = 0;
    c->txn++;
    txn_session_begin(c->session);
    /* Sends are where the producer finds them: they must not move. */
    c->sends.n = 0;
    for (int64_t i = 0; i < piece->reads_n; i++) (void)VEC_ADD(&c->env->mem, &c->sends);
    bool all = partitions > 0;
    int64_t n = 0;
    while (all && n < piece->reads_n) {
        int32_t to = (int32_t)(piece->reads[n].offset % partitions);
        all = send_copy(c, &c->sends.v[n], &piece->reads[n], to);
        n += all;
    }
    c->sends.n = n;
    if (n == 0) finish_copy(c, false);
}

/* ---- beginning ---- */

static void
copier_inited(struct txn_op *op)
{
    struct copier *c = CONTAINER_OF(op, struct copier, op);
    c->args->fenced = txn_session_is_fenced(c->session);
    c->inited(c->owner);
}

bool
copier_is_ready(const struct copier *c)
{
    return !txn_session_must_init(c->session) &&
           client_partitions_n(c->client, c->args->copy.to) > 0;
}

void
copier_init(struct copier *c, void (*then)(void *owner))
{
    c->inited = then;
    c->op.done = copier_inited;
    if (txn_session_must_init(c->session)) txn_session_init(c->session, &c->op);
    else then(c->owner); /* the topic is not known yet */
}

struct copier *
copier_new(struct env *env, struct client *client, struct member_args *args, int32_t process,
           void *owner)
{
    struct copier *c = MEM_NEW(&env->mem, struct copier);
    struct txn_params tp = txn_params_default();
    CHECK(args->copy.value_bytes >= VALUE_BYTES_MIN);
    c->env = env;
    c->client = client;
    c->args = args;
    c->owner = owner;
    c->process = process;
    c->topic = history_topic(args->history, args->copy.to);
    c->value = mem_alloc(&env->mem, args->copy.value_bytes);
    /* Of an instance before this one there are some, too. */
    c->txn = (int32_t)(args->txns_committed + args->txns_aborted + args->txns_unknown) +
             args->lives * 1000000;
    args->lives++;
    args->fenced = false;
    tp.transactional_id = args->copy.transactional_id;
    tp.timeout_ms = args->copy.timeout_ms;
    tp.version_max = args->copy.version_max;
    c->session = txn_session_new(client, &args->copy.producer, &tp);
    CHECK(c->session);
    client_want_topic(client, args->copy.to);
    return c;
}
