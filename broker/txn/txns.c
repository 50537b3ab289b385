#include "broker/txn/shard.h"

#include "broker/base/check.h"
#include "broker/protocol/codec.h"
#include "broker/txn/end_rule.h"
#include "broker/txn/init_rule.h"
#include "errors.h"

int16_t
txns_version(const struct txns *ts)
{
    return image_feature_level(ts->base.image, S("transaction.version"));
}

/* ---- transactional ids ---- */

struct txn_shard *
txns_shard(struct txns *ts, struct slice id, int16_t *ret_err)
{
    struct coordinator_shard *s = coordinator_shard_of(&ts->base, id, ret_err);
    return s ? txn_shard_of(s) : NULL;
}

static bool
txn_has_id(const struct map_node *node, const void *key)
{
    return slice_eq(CONTAINER_OF(node, const struct txn, by_id)->id, *(const struct slice *)key);
}

struct txn *
txn_find(struct txn_shard *s, struct slice id)
{
    struct map_node *n = map_find(&s->txns, map_hash(&s->txns, id), txn_has_id, &id);
    return n ? CONTAINER_OF(n, struct txn, by_id) : NULL;
}

static void
txn_note(const struct txn *t)
{
    NOTE(t->shard->owner->base.env, NOTE_TXN_STATE, t->id, txn_state_name(t->data.state),
         t->data.producer_id, t->data.epoch,
         t->data.state == TXN_PREPARE_ABORT ? t->ended_by : NOTE_TXN_END_ASKED);
}

struct txn *
txn_new(struct txn_shard *s, struct slice id, const struct txn_data *d)
{
    struct mem *mem = txns_mem(s->owner);
    struct txn *t = MEM_NEW(mem, struct txn);
    t->shard = s;
    t->id = mem_dup(mem, id);
    t->serial = ++s->owner->serials_n;
    t->data = *d;
    map_insert(&s->txns, &t->by_id, map_hash(&s->txns, id));
    return t;
}

void
txn_free(struct txn *t)
{
    struct mem *mem = txn_mem(t);
    list_remove(&t->ongoing);
    list_remove(&t->completing);
    map_remove(&t->shard->txns, &t->by_id);
    txn_partitions_release(&t->partitions, mem);
    mem_free_slice(mem, t->id);
    MEM_DELETE(mem, t);
}

void
txn_set(struct txn *t, const struct txn_data *d)
{
    t->data = *d;
    bool listed = list_is_linked(&t->ongoing);
    if (d->state == TXN_ONGOING && !listed) list_push_back(&t->shard->ongoing, &t->ongoing);
    if (d->state != TXN_ONGOING) list_remove(&t->ongoing);
}

void
txn_move(struct txn *t, const struct txn_data *d)
{
    CHECK(txn_state_may_move(t->data.state, d->state));
    txn_set(t, d);
    txn_note(t);
}

/* ---- InitProducerId ---- */

struct initing {
    struct producer_id_waiter waiter;
    struct txns *ts;
    const struct k_init_producer_id_request *q;
    struct coordinator_call *call;
    int64_t fresh_id; /* NO_PRODUCER_ID: not asked for yet */
};

static void
answer_init(struct txns *ts, struct coordinator_call *c, int16_t err, const struct txn_data *d)
{
    struct k_init_producer_id_response *res =
        ARENA_NEW(c->arena, struct k_init_producer_id_response);
    codec_default(K_MSG_INIT_PRODUCER_ID_RESPONSE, res);
    res->error_code = err;
    res->producer_id = err ? NO_PRODUCER_ID : d->producer_id;
    res->producer_epoch = (int16_t)(err ? NO_PRODUCER_EPOCH : d->epoch);
    coordinator_answer(&ts->base, c, res);
}

static void
init_written(struct txn_write *w, int16_t err)
{
    answer_init(txn_shard_of(w->write.shard)->owner, w->call, err, &w->next);
}

/* Its predecessor's transaction is aborted first; the client asks again. The epoch of the abort is given to nobody,
 * so the second time it is raised again. */
static void
init_aborted(struct txn_write *w, int16_t err)
{
    answer_init(txn_shard_of(w->write.shard)->owner, w->call,
                err ? err : K_ERR_CONCURRENT_TRANSACTIONS, NULL);
}

static void try_init(struct initing *in);

static void
init_got_id(struct producer_id_waiter *w, int16_t err, int64_t id)
{
    struct initing *in = CONTAINER_OF(w, struct initing, waiter);
    in->fresh_id = id;
    if (err) answer_init(in->ts, in->call, err, NULL);
    else try_init(in);
}

static void
init_ask_id(struct initing *in)
{
    in->waiter.done = init_got_id;
    producer_ids_next(in->ts->params.ids, &in->waiter);
}

static struct init_request
init_request_of(const struct k_init_producer_id_request *q)
{
    return (struct init_request){q->producer_id, q->producer_epoch, q->transaction_timeout_ms};
}

static void
init_known(struct initing *in, struct txn *t)
{
    struct txns *ts = in->ts;
    int64_t now_ms = txns_now_ms(ts);
    struct init_request q = init_request_of(in->q);
    if (t->writing) {
        answer_init(ts, in->call, K_ERR_CONCURRENT_TRANSACTIONS, NULL);
        return;
    }
    struct init_decision d = txn_init(&t->data, &q, now_ms);
    switch (d.verdict) {
    case INIT_REFUSED: answer_init(ts, in->call, d.err, NULL); return;
    case INIT_ABORT_FIRST:
        MARK(ts->base.env, TXN_OF_PREDECESSOR);
        d.next = txn_fenced(&t->data, txns_version(ts), now_ms);
        t->ended_by = NOTE_TXN_END_REPLACED;
        txn_write_next(t, &d.next, NULL, init_aborted, in->call, NULL);
        return;
    case INIT_NEW_ID:
        if (in->fresh_id == NO_PRODUCER_ID) {
            init_ask_id(in);
            return;
        }
        d.next = txn_init_with_id(&t->data, &q, in->fresh_id, now_ms);
        break;
    case INIT_READY: break;
    }
    txn_write_next(t, &d.next, NULL, init_written, in->call, NULL);
}

static void
try_init(struct initing *in)
{
    struct txns *ts = in->ts;
    int16_t err;
    struct txn_shard *s = txns_shard(ts, in->q->transactional_id, &err);
    struct txn *t = s ? txn_find(s, in->q->transactional_id) : NULL;
    if (!s) {
        answer_init(ts, in->call, err, NULL);
    } else if (!t && !env_has_room(ts->base.env, PURSE_TXNS)) {
        answer_init(ts, in->call, K_ERR_COORDINATOR_NOT_AVAILABLE, NULL);
    } else if (!t && in->fresh_id == NO_PRODUCER_ID) {
        init_ask_id(in);
    } else {
        struct txn_data d =
            txn_data_new(in->fresh_id, in->q->transaction_timeout_ms, txns_now_ms(ts));
        if (!t) {
            t = txn_new(s, in->q->transactional_id, &d);
            txn_note(t);
        }
        init_known(in, t);
    }
}

void
txns_init_producer(struct txns *ts, const struct k_init_producer_id_request *q,
                   struct coordinator_call *c)
{
    int32_t max_ms = (int32_t)config_i64(ts->base.config, K_CFG_TRANSACTION_MAX_TIMEOUT_MS);
    int16_t err = 0;
    if (q->transactional_id.n == 0) err = K_ERR_INVALID_REQUEST;
    else if (q->transaction_timeout_ms <= 0 || q->transaction_timeout_ms > max_ms)
        err = K_ERR_INVALID_TRANSACTION_TIMEOUT;
    if (err) {
        answer_init(ts, c, err, NULL);
        return;
    }
    struct initing *in = ARENA_NEW(c->arena, struct initing);
    *in = (struct initing){.ts = ts, .q = q, .call = c, .fresh_id = NO_PRODUCER_ID};
    try_init(in);
}

/* ---- EndTxn ---- */

struct ending {
    struct producer_id_waiter waiter;
    struct txns *ts;
    const struct k_end_txn_request *q;
    struct coordinator_call *call;
    int64_t fresh_id;
};

static void
answer_end(struct txns *ts, struct coordinator_call *c, int16_t err, const struct txn_data *d)
{
    struct k_end_txn_response *res = ARENA_NEW(c->arena, struct k_end_txn_response);
    codec_default(K_MSG_END_TXN_RESPONSE, res);
    res->error_code = err;
    /* KIP-890: what the producer is from now on. */
    if (!err && c->version >= 5) {
        res->producer_id = d->producer_id;
        res->producer_epoch = d->epoch;
    }
    coordinator_answer(&ts->base, c, res);
}

/* The decision is durable: that is the end for the producer, whatever becomes of this coordinator. */
static void
end_written(struct txn_write *w, int16_t err)
{
    struct txn_data completed = txn_completed(&w->next, w->next.updated_ms);
    answer_end(txn_shard_of(w->write.shard)->owner, w->call, err, &completed);
}

static void try_end(struct ending *e);

static void
end_got_id(struct producer_id_waiter *w, int16_t err, int64_t id)
{
    struct ending *e = CONTAINER_OF(w, struct ending, waiter);
    e->fresh_id = id;
    if (err) answer_end(e->ts, e->call, err, NULL);
    else try_end(e);
}

static void
end_known(struct ending *e, struct txn *t)
{
    struct txns *ts = e->ts;
    struct end_request q = {.producer_id = e->q->producer_id,
                            .epoch = e->q->producer_epoch,
                            .commit = e->q->committed,
                            .version = (int16_t)(e->call->version >= 5 ? 2 : 0)};
    struct end_decision d = txn_end(t ? &t->data : NULL, &q);
    if (d.verdict == END_REFUSED) {
        answer_end(ts, e->call, d.err, NULL);
    } else if (t->writing) {
        answer_end(ts, e->call, K_ERR_CONCURRENT_TRANSACTIONS, NULL);
    } else if (d.verdict == END_IS_DONE) {
        MARK(ts->base.env, TXN_END_REPEATED);
        answer_end(ts, e->call, 0, &t->data);
    } else if (d.verdict == END_PREPARE_WITH_NEW_ID && e->fresh_id == NO_PRODUCER_ID) {
        e->waiter.done = end_got_id;
        producer_ids_next(ts->params.ids, &e->waiter);
    } else {
        int64_t next_id = d.verdict == END_PREPARE ? NO_PRODUCER_ID : e->fresh_id;
        struct txn_data next =
            txn_prepared(&t->data, q.commit, q.version, next_id, txns_now_ms(ts));
        t->ended_by = NOTE_TXN_END_ASKED;
        txn_write_next(t, &next, NULL, end_written, e->call, NULL);
    }
}

static void
try_end(struct ending *e)
{
    int16_t err;
    struct txn_shard *s = txns_shard(e->ts, e->q->transactional_id, &err);
    if (s) end_known(e, txn_find(s, e->q->transactional_id));
    else answer_end(e->ts, e->call, err, NULL);
}

void
txns_end(struct txns *ts, const struct k_end_txn_request *q, struct coordinator_call *c)
{
    if (q->transactional_id.n == 0) {
        answer_end(ts, c, K_ERR_INVALID_REQUEST, NULL);
        return;
    }
    struct ending *e = ARENA_NEW(c->arena, struct ending);
    *e = (struct ending){.ts = ts, .q = q, .call = c, .fresh_id = NO_PRODUCER_ID};
    try_end(e);
}

/* ---- AddPartitionsToTxn, AddOffsetsToTxn ---- */

static void
tell_added(struct task *task)
{
    struct txns *ts = CONTAINER_OF(task, struct txns, added_task);
    for (struct list *n; (n = list_pop_front(&ts->added)) != NULL;) {
        struct txn_adding *a = LIST_ENTRY(n, struct txn_adding, node);
        a->done(a);
    }
}

static void
answer_add(struct txns *ts, struct txn_adding *a, int16_t err)
{
    for (int32_t i = 0; err && i < a->partitions_n; i++) a->errs[i] = err;
    list_push_back(&ts->added, &a->node);
    defer(ts->base.env, &ts->added_task);
}

static void
add_written(struct txn_write *w, int16_t err)
{
    answer_add(txn_shard_of(w->write.shard)->owner, w->call, err);
}

/* KIP-890: a client up to version 1 must have added it before it wrote. */
static void
verify_partitions(struct txns *ts, const struct txn *t, struct txn_adding *a)
{
    for (int32_t i = 0; i < a->partitions_n; i++)
        if (!txn_partitions_has(&t->partitions, a->partitions[i].topic, a->partitions[i].index))
            a->errs[i] = K_ERR_TRANSACTION_ABORTABLE;
    answer_add(ts, a, 0);
}

static bool
has_them_all(const struct txn *t, const struct txn_adding *a)
{
    bool all = t->data.state == TXN_ONGOING;
    for (int32_t i = 0; all && i < a->partitions_n; i++)
        all = txn_partitions_has(&t->partitions, a->partitions[i].topic, a->partitions[i].index);
    return all;
}

static void
add_partitions(struct txns *ts, struct txn *t, struct txn_adding *a)
{
    struct mem *mem = txns_mem(ts);
    struct txn_partitions all = {0};
    txn_partitions_copy(&all, mem, &t->partitions);
    for (int32_t i = 0; i < a->partitions_n; i++)
        txn_partitions_add(&all, mem, a->partitions[i].topic, a->partitions[i].index);
    struct txn_data next = txn_moved_on(&t->data, a->client_version, txns_now_ms(ts));
    txn_write_next(t, &next, &all, add_written, a, NULL);
}

void
txns_add(struct txns *ts, struct txn_adding *a)
{
    int16_t err = 0;
    struct txn_shard *s = NULL;
    struct txn *t = NULL;
    if (a->transactional_id.n == 0) err = K_ERR_INVALID_REQUEST;
    else s = txns_shard(ts, a->transactional_id, &err);
    if (s) {
        t = txn_find(s, a->transactional_id);
        err = txn_may_add(t ? &t->data : NULL, &a->q);
        if (!err && t->writing && !a->q.verify_only) err = K_ERR_CONCURRENT_TRANSACTIONS;
    }
    if (err) answer_add(ts, a, err);
    else if (a->q.verify_only) verify_partitions(ts, t, a);
    else if (has_them_all(t, a)) answer_add(ts, a, 0);
    else if (!env_has_room(ts->base.env, PURSE_TXNS))
        answer_add(ts, a, K_ERR_COORDINATOR_NOT_AVAILABLE);
    else add_partitions(ts, t, a);
}

/* ---- what the runtime asks for ---- */

static struct coordinator_shard *
txns_new_shard(struct coordinator *c)
{
    struct txn_shard *s = MEM_NEW(&c->env->mem, struct txn_shard);
    s->owner = CONTAINER_OF(c, struct txns, base);
    map_init(&s->txns, coordinator_mem(c), env_map_key(c->env));
    list_init(&s->ongoing);
    return &s->base;
}

/* What was decided is carried out: the one who decided it may be gone. What its log says of the time before is no news; where
 * that has led to is. */
static void
activate_txns(struct coordinator_shard *base)
{
    MAP_EACH(&txn_shard_of(base)->txns, t, struct txn, by_id) {
        txn_note(t);
        if (!txn_state_is_prepared(t->data.state)) continue;
        MARK(base->owner->env, TXN_INHERITED);
        markers_begin(t);
    }
}

static void
forget_txns(struct coordinator_shard *base)
{
    MAP_EACH(&txn_shard_of(base)->txns, t, struct txn, by_id) txn_free(t);
}

static const struct coordinator_kind txn_kind = {
    .topic = TXNS_TOPIC_NAME,
    .purse = PURSE_TXNS,
    .write_timeout_ms = K_CFG_REQUEST_TIMEOUT_MS,
    .shard_new = txns_new_shard,
    .fold = txn_fold,
    .activate = activate_txns,
    .unload = forget_txns,
    .duties = {{K_CFG_TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS, txns_abort_late},
               {K_CFG_TRANSACTION_REMOVE_EXPIRED_TRANSACTION_CLEANUP_INTERVAL_MS, txns_expire}},
};

/* ---- beginning and end ---- */

struct txns *
txns_new(const struct txns_params *p)
{
    struct txns *ts = MEM_NEW(&p->env->mem, struct txns);
    ts->params = *p;
    list_init(&ts->added);
    ts->added_task.run = tell_added;
    coordinator_init(&ts->base, &txn_kind, p->env, p->config, p->image);
    markers_init(ts);
    return ts;
}

void
txns_role_changed(struct txns *ts, struct partition *p)
{
    coordinator_role_changed(&ts->base, p);
}

void
txns_stop(struct txns *ts)
{
    coordinator_stop(&ts->base);
    markers_stop(ts);
}
