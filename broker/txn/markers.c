/* Telling partitions how a transaction ended. Each broker that leads some of them is sent the markers of all
 * transactions that have ended meanwhile, one request at a time; what fails is tried again at its partition's
 * present leader until it is written, or until this broker coordinates the transaction no more. */
#include "broker/base/check.h"
#include "broker/protocol/codec.h"
#include "broker/txn/marker_answer.h"
#include "broker/txn/shard.h"
#include "apis.h"
#include "errors.h"

#define RESEND_NS (100 * NS_PER_MS)
#define ENTRIES_MAX 1000 /* in one request */
#define NOBODY (-1)      /* the destination of partitions that have no leader */

typedef struct k_write_txn_markers_request markers_request;
typedef struct k_write_txn_markers_request_writable_txn_marker request_marker;
typedef struct k_write_txn_markers_request_writable_txn_marker_topic request_topic;
typedef struct k_write_txn_markers_response markers_response;

/* One transaction's markers for one broker. */
struct marker_entry {
    struct list node;
    int32_t broker_id; /* NOBODY: it has no leader at present */
    int32_t shard;
    struct slice id;
    uint64_t serial;
    int32_t coordinator_epoch;
    int64_t producer_id;
    int16_t producer_epoch;
    int16_t version;
    bool commit;
    struct txn_partitions partitions;
};

struct destination {
    struct list node;
    struct txns *ts;
    int32_t broker_id;
    struct list queued, sent;
    bool is_asking;
    struct call call;
    struct marker_write local;
    struct arena arena; /* the request's, while one is under way */
    struct task begin;
};

static void
entry_free(struct marker_entry *e, struct mem *mem)
{
    list_remove(&e->node);
    txn_partitions_release(&e->partitions, mem);
    mem_free_slice(mem, e->id);
    MEM_DELETE(mem, e);
}

/* The transaction that the entry is of, unless this broker does not coordinate it any more, or it went on. */
static struct txn *
txn_of_entry(struct txns *ts, const struct marker_entry *e)
{
    struct txn_shard *s = txn_shard_of(ts->base.shards.v[e->shard]);
    if (s->base.state != SHARD_ACTIVE || s->base.leader_epoch != e->coordinator_epoch) return NULL;
    struct txn *t = txn_find(s, e->id);
    bool is_it = t && t->serial == e->serial && txn_state_is_prepared(t->data.state) &&
                 t->data.producer_id == e->producer_id && t->data.epoch == e->producer_epoch;
    return is_it ? t : NULL;
}

static void
resend_soon(struct txns *ts)
{
    if (ts->base.stopped || timer_is_armed(&ts->resend_timer)) return;
    timer_arm(ts->base.env, &ts->resend_timer, env_now_ns(ts->base.env) + RESEND_NS);
}

/* ---- the end of a transaction ---- */

/* It could not be said that it is complete: too few replicas are in sync, for now. */
static void
completion_written(struct txn_write *w, int16_t err)
{
    struct txn_shard *s = txn_shard_of(w->write.shard);
    struct txn *t = txn_find(s, w->id);
    if (!err || !t || t->serial != w->serial || !txn_state_is_prepared(t->data.state)) return;
    if (t->writing == w) { /* it takes long: how it ends is told later */
        MARK(s->owner->base.env, COMPLETION_LATE);
        w->answer = completion_written;
        return;
    }
    list_remove(&t->completing);
    list_push_back(&s->owner->completing, &t->completing);
    resend_soon(s->owner);
}

static void
maybe_complete(struct txn *t)
{
    if (t->partitions.v.n > 0 || t->writing) return;
    list_remove(&t->completing);
    struct txn_data next = txn_completed(&t->data, txns_now_ms(t->shard->owner));
    txn_write_next(t, &next, NULL, completion_written, NULL, NULL);
}

/* ---- sending ---- */

static void destination_begin(struct task *task);

static struct destination *
destination_get(struct txns *ts, int32_t broker_id)
{
    LIST_EACH(&ts->destinations, it, struct destination, node)
        if (it->broker_id == broker_id) return it;
    struct destination *d = MEM_NEW(&ts->base.env->mem, struct destination);
    d->ts = ts;
    d->broker_id = broker_id;
    d->begin.run = destination_begin;
    list_init(&d->queued);
    list_init(&d->sent);
    list_push_back(&ts->destinations, &d->node);
    return d;
}

static int32_t
leader_of(const struct txns *ts, const struct txn_partition *p, bool *ret_exists)
{
    const struct image_topic *t = image_topic(ts->base.image, p->topic);
    const struct image_partition *ip = t ? image_topic_partition(t, p->index) : NULL;
    *ret_exists = ip != NULL;
    return ip && ip->leader >= 0 ? ip->leader : NOBODY;
}

static struct marker_entry *
entry_for(struct txn *t, struct list *made, int32_t broker_id)
{
    struct txns *ts = t->shard->owner;
    LIST_EACH(made, it, struct marker_entry, node)
        if (it->broker_id == broker_id) return it;
    struct marker_entry *e = MEM_NEW(txns_mem(ts), struct marker_entry);
    *e = (struct marker_entry){.broker_id = broker_id,
                               .shard = t->shard->base.index,
                               .id = mem_dup(txns_mem(ts), t->id),
                               .serial = t->serial,
                               .coordinator_epoch = t->shard->base.leader_epoch,
                               .producer_id = t->data.producer_id,
                               .producer_epoch = t->data.epoch,
                               .version = t->data.client_version,
                               .commit = t->data.state == TXN_PREPARE_COMMIT};
    list_push_back(made, &e->node);
    return e;
}

/* Sorts partitions of the transaction by their leaders. Those that are deleted have no need of a marker. */
static void
markers_send(struct txn *t, const struct txn_partitions *ps)
{
    struct txns *ts = t->shard->owner;
    struct list made;
    list_init(&made);
    for (int64_t i = ps->v.n - 1; i >= 0; i--) {
        bool exists;
        struct txn_partition p = ps->v.v[i];
        int32_t leader = leader_of(ts, &p, &exists);
        if (exists)
            txn_partitions_add(&entry_for(t, &made, leader)->partitions, txns_mem(ts), p.topic,
                               p.index);
        else txn_partitions_remove(&t->partitions, txn_mem(t), p.topic, p.index);
    }
    for (struct list *n; (n = list_pop_front(&made)) != NULL;) {
        struct marker_entry *e = LIST_ENTRY(n, struct marker_entry, node);
        if (e->broker_id == NOBODY) {
            list_push_back(&ts->resend, &e->node);
            resend_soon(ts);
            continue;
        }
        struct destination *d = destination_get(ts, e->broker_id);
        list_push_back(&d->queued, &e->node);
        defer(ts->base.env, &d->begin);
    }
    maybe_complete(t);
}

void
markers_begin(struct txn *t)
{
    markers_send(t, &t->partitions);
}

static void
resend_due(struct timer *timer)
{
    struct txns *ts = CONTAINER_OF(timer, struct txns, resend_timer);
    struct list now;
    list_init(&now);
    for (struct list *n; (n = list_pop_front(&ts->resend)) != NULL;) list_push_back(&now, n);
    for (struct list *n; (n = list_pop_front(&now)) != NULL;) {
        struct marker_entry *e = LIST_ENTRY(n, struct marker_entry, node);
        struct txn *t = txn_of_entry(ts, e);
        if (t) MARK(ts->base.env, MARKERS_AGAIN);
        if (t) markers_send(t, &e->partitions);
        entry_free(e, txns_mem(ts));
    }
    for (struct list *n; (n = list_pop_front(&ts->completing)) != NULL;) list_push_back(&now, n);
    for (struct list *n; (n = list_pop_front(&now)) != NULL;)
        maybe_complete(LIST_ENTRY(n, struct txn, completing));
}

/* ---- what the leader answers ---- */

static const struct k_write_txn_markers_response_writable_txn_marker_result *
result_of(const markers_response *res, int64_t producer_id)
{
    for (int32_t i = 0; res && i < res->markers_n; i++)
        if (res->markers[i].producer_id == producer_id) return &res->markers[i];
    return NULL;
}

static void
take_partition_answer(struct txn *t, struct marker_entry *e, struct slice topic, int32_t index,
                      int16_t err)
{
    struct mem *mem = txn_mem(t);
    switch (marker_answer(err)) {
    case MARKER_AGAIN: return;
    case MARKER_OBSOLETE:
        /* Nothing more is sent: who has taken over sends its own. */
        NOTE(t->shard->base.owner->env, NOTE_LOG_MESSAGE, t->id,
             S("its markers are refused: it has another coordinator"), 2);
        txn_partitions_remove(&e->partitions, mem, topic, index);
        return;
    case MARKER_IS_WRITTEN:
        txn_partitions_remove(&e->partitions, mem, topic, index);
        txn_partitions_remove(&t->partitions, mem, topic, index);
    }
}

/* What is not in the answer is sent again. */
static void
take_entry_answer(struct txns *ts, struct marker_entry *e, const markers_response *res)
{
    struct txn *t = txn_of_entry(ts, e);
    if (!t) {
        entry_free(e, txns_mem(ts));
        return;
    }
    const struct k_write_txn_markers_response_writable_txn_marker_result *r =
        result_of(res, e->producer_id);
    for (int32_t i = 0; r && i < r->topics_n; i++)
        for (int32_t k = 0; k < r->topics[i].partitions_n; k++)
            take_partition_answer(t, e, r->topics[i].name,
                                  r->topics[i].partitions[k].partition_index,
                                  r->topics[i].partitions[k].error_code);
    if (e->partitions.v.n > 0) {
        list_push_back(&ts->resend, &e->node);
        resend_soon(ts);
    } else {
        entry_free(e, txns_mem(ts));
    }
    maybe_complete(t);
}

static void
markers_answered(struct destination *d, const markers_response *res)
{
    struct list now;
    list_init(&now);
    for (struct list *n; (n = list_pop_front(&d->sent)) != NULL;) list_push_back(&now, n);
    for (struct list *n; (n = list_pop_front(&now)) != NULL;)
        take_entry_answer(d->ts, LIST_ENTRY(n, struct marker_entry, node), res);
    arena_release(&d->arena);
    d->is_asking = false;
    defer(d->ts->base.env, &d->begin);
}

static void
remote_answered(struct call *call, enum env_err err, struct slice body, struct buf *from)
{
    struct destination *d = CONTAINER_OF(call, struct destination, call);
    markers_response res;
    (void)from;
    bool good = err == ENV_OK && call_decode(call, body, &d->arena, &res);
    markers_answered(d, good ? &res : NULL);
}

static void
local_answered(struct marker_write *w, const markers_response *res)
{
    markers_answered(CONTAINER_OF(w, struct destination, local), res);
}

/* ---- the request ---- */

static void
fill_marker(const struct marker_entry *e, struct arena *a, request_marker *m)
{
    const struct txn_partitions *ps = &e->partitions;
    m->producer_id = e->producer_id;
    m->producer_epoch = e->producer_epoch;
    m->transaction_result = e->commit;
    m->coordinator_epoch = e->coordinator_epoch;
    m->transaction_version = (int8_t)e->version;
    m->topics =
        codec_array(a, K_STRUCT_WRITE_TXN_MARKERS_REQUEST_WRITABLE_TXN_MARKER_TOPIC, ps->v.n);
    for (int64_t i = 0, end; i < ps->v.n; i = end) {
        end = txn_partitions_topic_end(ps, i);
        request_topic *t = &m->topics[m->topics_n++];
        t->name = arena_dup(a, ps->v.v[i].topic);
        t->partition_indexes = ARENA_ARRAY(a, int32_t, end - i);
        for (int64_t k = i; k < end; k++)
            t->partition_indexes[t->partition_indexes_n++] = ps->v.v[k].index;
    }
}

/* Every queued transaction that is still coordinated here, each once: an answer is told apart by producer id. */
static markers_request *
take_queued(struct destination *d)
{
    struct arena *a = &d->arena;
    int32_t n = 0;
    LIST_EACH(&d->queued, e, struct marker_entry, node) n++;
    markers_request *q = ARENA_NEW(a, markers_request);
    codec_default(K_MSG_WRITE_TXN_MARKERS_REQUEST, q);
    q->markers =
        codec_array(a, K_STRUCT_WRITE_TXN_MARKERS_REQUEST_WRITABLE_TXN_MARKER, MIN(n, ENTRIES_MAX));
    LIST_EACH(&d->queued, e, struct marker_entry, node) {
        if (q->markers_n == ENTRIES_MAX) break;
        if (!txn_of_entry(d->ts, e)) {
            entry_free(e, txns_mem(d->ts));
            continue;
        }
        list_remove(&e->node);
        list_push_back(&d->sent, &e->node);
        fill_marker(e, a, &q->markers[q->markers_n++]);
    }
    return q;
}

static bool
send_remote(struct destination *d, const markers_request *q)
{
    int64_t timeout_ms = config_i64(d->ts->base.config, K_CFG_REQUEST_TIMEOUT_MS);
    struct channel *to = broker_channel(&d->ts->marker_channels, d->broker_id);
    if (!to) return false;
    d->call.done = remote_answered;
    return channel_call(to, &d->call, K_API_WRITE_TXN_MARKERS, 2, q, timeout_ms, NULL);
}

static void
destination_begin(struct task *task)
{
    struct destination *d = CONTAINER_OF(task, struct destination, begin);
    struct txns *ts = d->ts;
    if (d->is_asking || list_is_empty(&d->queued) || ts->base.stopped) return;
    d->is_asking = true;
    arena_init(&d->arena, &ts->base.env->mem, 0);
    markers_request *q = take_queued(d);
    if (q->markers_n == 0) {
        arena_release(&d->arena);
        d->is_asking = false;
    } else if (d->broker_id == ts->params.node_id) {
        d->local = (struct marker_write){.done = local_answered, .request = q, .arena = &d->arena};
        ts->params.write_markers(ts->params.owner, &d->local);
    } else if (!send_remote(d, q)) {
        markers_answered(d, NULL);
    }
}

/* ---- beginning and end ---- */

void
markers_init(struct txns *ts)
{
    broker_channels_init(&ts->marker_channels, ts->base.env, ts->base.image, ts->params.listener,
                         ts->params.login, S("transaction-markers"));
    list_init(&ts->destinations);
    list_init(&ts->resend);
    list_init(&ts->completing);
    ts->resend_timer.due = resend_due;
}

void
markers_stop(struct txns *ts)
{
    timer_cancel(ts->base.env, &ts->resend_timer);
    broker_channels_stop(&ts->marker_channels);
}
