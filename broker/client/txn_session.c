#include "broker/client/outcome.h"
#include "broker/client/txn_internal.h"

struct txn_params
txn_params_default(void)
{
    return (struct txn_params){.timeout_ms = 60000, .give_up_ms = 60000, .version_max = 2};
}

/* ---- the end of a call ---- */

static void
tell_op(struct task *task)
{
    struct txn_session *t = CONTAINER_OF(task, struct txn_session, tell);
    struct txn_op *op = t->op;
    t->op = NULL;
    op->done(op);
}

void
txn_op_done(struct txn_session *t, int16_t error, enum txn_end end)
{
    timer_cancel(t->env, &t->again);
    t->step = TXN_IDLE;
    t->op->error = error;
    t->op->end = end;
    defer(t->env, &t->tell);
}

bool
txn_is_fencing(int16_t error)
{
    return error == K_ERR_PRODUCER_FENCED || error == K_ERR_INVALID_PRODUCER_EPOCH ||
           error == K_ERR_INVALID_PRODUCER_ID_MAPPING;
}

/* Whoever asked is told, and has to begin anew. */
void
txn_op_failed(struct txn_session *t, int16_t error)
{
    enum txn_end end = t->commit_sent ? TXN_UNKNOWN : TXN_ABORTED;
    t->is_ready = false;
    if (txn_is_fencing(error)) t->is_fenced = true;
    txn_op_done(t, error, end);
}

/* ---- who coordinates ---- */

static const void *
find_coordinator_build(struct ask *a, int16_t version)
{
    struct txn_session *t = CONTAINER_OF(a, struct txn_session, find);
    return client_find_build(t->c, 1, &t->params.transactional_id, version);
}

void
txn_ask_later(struct txn_session *t)
{
    t->attempts++;
    timer_arm(t->env, &t->again, env_now_ns(t->env) + client_backoff_ns(t->c, t->attempts));
}

static void
txn_found(struct ask *a, enum env_err err, const void *response, struct buf *from)
{
    struct txn_session *t = CONTAINER_OF(a, struct txn_session, find);
    struct peer *found = client_found_peer(t->c, a, err, response);
    (void)from;
    if (found) t->coordinator = found;
    if (t->step == TXN_IDLE || t->step == TXN_FLUSHING || t->step == TXN_COMMITTING_OFFSETS) return;
    if (t->coordinator) txn_ask(t);
    else txn_ask_later(t);
}

static void
find_coordinator(struct txn_session *t)
{
    if (!t->find.pending) ask_send(t->c, client_any_peer(t->c), FOR_CONTROL, &t->find);
}

/* ---- asking it ---- */

/* What to do about an error that passes; true: it was done. */
static bool
txn_try_again(struct txn_session *t, enum env_err err, int16_t error)
{
    bool moved = err || error == K_ERR_NOT_COORDINATOR || error == K_ERR_COORDINATOR_NOT_AVAILABLE;
    bool busy = error == K_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
                error == K_ERR_CONCURRENT_TRANSACTIONS || error == K_ERR_REQUEST_TIMED_OUT;
    if (!moved && !busy) return false;
    if (moved) t->coordinator = NULL;
    if (env_now_ns(t->env) >= t->give_up_ns) txn_op_failed(t, K_ERR_REQUEST_TIMED_OUT);
    else txn_ask_later(t);
    return true;
}

static const void *
init_txn_build(struct txn_session *t)
{
    struct k_init_producer_id_request *r =
        ARENA_NEW(&t->env->scratch, struct k_init_producer_id_request);
    codec_default(K_MSG_INIT_PRODUCER_ID_REQUEST, r);
    r->transactional_id = t->params.transactional_id;
    r->transaction_timeout_ms = (int32_t)MIN(t->params.timeout_ms, INT32_MAX);
    return r;
}

static void
session_inited(struct txn_session *t, const struct k_init_producer_id_response *r)
{
    if (r->error_code) {
        txn_op_failed(t, r->error_code);
        return;
    }
    int16_t level = t->ask.link->txn_level;
    t->version = (int16_t)(level >= 2 && t->params.version_max >= 2 ? 2 : 1);
    t->is_ready = true;
    producer_set_identity(t->p, r->producer_id, r->producer_epoch, t->version);
    txn_op_done(t, K_ERR_NONE, TXN_ABORTED);
}

static const void *
end_txn_build(struct txn_session *t)
{
    struct k_end_txn_request *r = ARENA_NEW(&t->env->scratch, struct k_end_txn_request);
    codec_default(K_MSG_END_TXN_REQUEST, r);
    r->transactional_id = t->params.transactional_id;
    r->producer_id = t->p->pid;
    r->producer_epoch = t->p->epoch;
    r->committed = t->commits;
    return r;
}

static void
end_txn_answered(struct txn_session *t, const struct k_end_txn_response *r, int16_t version)
{
    if (r->error_code) {
        txn_op_failed(t, r->error_code);
        return;
    }
    bool failed = t->p->txn_must_abort;
    if (version >= 5) producer_set_identity(t->p, r->producer_id, r->producer_epoch, 2);
    /* By version 1 the epoch stays: what is still on its way could come into the next transaction (KIP-360). */
    else if (failed) t->is_ready = false;
    txn_op_done(t, t->commits == t->wants_commit ? K_ERR_NONE : K_ERR_TRANSACTION_ABORTABLE,
                t->commits ? TXN_COMMITTED : TXN_ABORTED);
}

static const void *
txn_build(struct ask *a, int16_t version)
{
    struct txn_session *t = CONTAINER_OF(a, struct txn_session, ask);
    (void)version;
    if (t->step == TXN_ADDING_OFFSETS) return txn_add_offsets_build(t);
    return t->step == TXN_INITIALISING ? init_txn_build(t) : end_txn_build(t);
}

static int16_t
answer_error(const struct txn_session *t, const void *response)
{
    if (t->step == TXN_ADDING_OFFSETS)
        return ((const struct k_add_offsets_to_txn_response *)response)->error_code;
    return t->step == TXN_INITIALISING
             ? ((const struct k_init_producer_id_response *)response)->error_code
             : ((const struct k_end_txn_response *)response)->error_code;
}

static void
txn_answered(struct ask *a, enum env_err err, const void *response, struct buf *from)
{
    struct txn_session *t = CONTAINER_OF(a, struct txn_session, ask);
    (void)from;
    int16_t error = err ? K_ERR_NETWORK_EXCEPTION : answer_error(t, response);
    bool in_doubt = a->sent && coordinator_leaves_doubt(error);
    if (in_doubt && t->step == TXN_ENDING && t->commits) t->commit_sent = true;
    if (txn_try_again(t, err, error)) return;
    if (t->step == TXN_ADDING_OFFSETS) txn_offsets_added(t, error);
    else if (t->step == TXN_INITIALISING) session_inited(t, response);
    else end_txn_answered(t, response, a->version);
}

static struct ask
ask_of_step(const struct txn_session *t)
{
    if (t->step == TXN_ADDING_OFFSETS)
        return (struct ask){.api_key = K_API_ADD_OFFSETS_TO_TXN, .version_max = 4};
    if (t->step == TXN_INITIALISING)
        return (struct ask){.api_key = K_API_INIT_PRODUCER_ID, .version_max = 5};
    return (struct ask){.api_key = K_API_END_TXN,
                        .version_min = (int16_t)(t->version >= 2 ? 5 : 0),
                        .version_max = (int16_t)(t->version < 2 ? 4 : 5)};
}

void
txn_ask(struct txn_session *t)
{
    if (t->step == TXN_COMMITTING_OFFSETS) {
        txn_offsets_ask(t);
        return;
    }
    if (!t->coordinator) {
        find_coordinator(t);
        return;
    }
    struct ask of = ask_of_step(t);
    t->ask = (struct ask){.api_key = of.api_key,
                          .version_min = of.version_min,
                          .version_max = of.version_max,
                          .timeout_ms = t->p->params.request_timeout_ms,
                          .build = txn_build,
                          .done = txn_answered};
    ask_send(t->c, t->coordinator, FOR_CONTROL, &t->ask);
}

static void
again_due(struct timer *timer)
{
    struct txn_session *t = CONTAINER_OF(timer, struct txn_session, again);
    if (env_now_ns(t->env) >= t->give_up_ns) txn_op_failed(t, K_ERR_REQUEST_TIMED_OUT);
    else txn_ask(t);
}

void
txn_session_call(struct txn_session *t, struct txn_op *op, enum txn_step step)
{
    CHECK(!t->op && t->step == TXN_IDLE);
    t->op = op;
    t->step = step;
    t->attempts = 0;
    t->commit_sent = false;
    t->give_up_ns = env_now_ns(t->env) + t->params.give_up_ms * NS_PER_MS;
}

/* ---- version 1: partitions are added before they are written to ---- */

static const void *
add_build(struct ask *a, int16_t version)
{
    struct txn_session *t = CONTAINER_OF(a, struct txn_session, add);
    struct arena *scratch = &t->env->scratch;
    struct k_add_partitions_to_txn_request *r =
        ARENA_NEW(scratch, struct k_add_partitions_to_txn_request);
    int32_t n = 0;
    (void)version;
    codec_default(K_MSG_ADD_PARTITIONS_TO_TXN_REQUEST, r);
    r->v3_and_below_transactional_id = t->params.transactional_id;
    r->v3_and_below_producer_id = t->p->pid;
    r->v3_and_below_producer_epoch = t->p->epoch;
    LIST_EACH(&t->p->parts, part, struct ppart, node) n += part->txn == PART_ADDING;
    r->v3_and_below_topics =
        codec_array(scratch, K_STRUCT_ADD_PARTITIONS_TO_TXN_REQUEST_ADD_PARTITIONS_TO_TXN_TOPIC, n);
    LIST_EACH(&t->p->parts, part, struct ppart, node) {
        if (part->txn != PART_ADDING) continue;
        struct k_add_partitions_to_txn_request_add_partitions_to_txn_topic *to = NULL;
        for (int32_t i = 0; i < r->v3_and_below_topics_n; i++)
            if (slice_eq(r->v3_and_below_topics[i].name, part->topic->name))
                to = &r->v3_and_below_topics[i];
        if (!to) {
            to = &r->v3_and_below_topics[r->v3_and_below_topics_n++];
            to->name = part->topic->name;
            to->partitions = ARENA_ARRAY(scratch, int32_t, n);
        }
        to->partitions[to->partitions_n++] = part->index;
    }
    return r;
}

static int16_t
add_error(const struct k_add_partitions_to_txn_response *r)
{
    for (int32_t i = 0; i < r->results_by_topic_v3_and_below_n; i++)
        for (int32_t k = 0; k < r->results_by_topic_v3_and_below[i].results_by_partition_n; k++) {
            int16_t err =
                r->results_by_topic_v3_and_below[i].results_by_partition[k].partition_error_code;
            if (err && err != K_ERR_OPERATION_NOT_ATTEMPTED) return err;
        }
    return K_ERR_NONE;
}

static void
parts_become(struct txn_session *t, enum part_txn from, enum part_txn to)
{
    LIST_EACH(&t->p->parts, part, struct ppart, node)
        if (part->txn == from) part->txn = to;
}

static void
added(struct ask *a, enum env_err err, const void *response, struct buf *from)
{
    struct txn_session *t = CONTAINER_OF(a, struct txn_session, add);
    int16_t error = err ? K_ERR_NETWORK_EXCEPTION : add_error(response);
    (void)from;
    if (!error) {
        t->add_attempts = 0;
        parts_become(t, PART_ADDING, PART_IS_ADDED);
        defer(t->env, &t->p->pump);
        return;
    }
    parts_become(t, PART_ADDING, PART_IS_OUT);
    if (err || error == K_ERR_NOT_COORDINATOR || error == K_ERR_COORDINATOR_NOT_AVAILABLE)
        t->coordinator = NULL;
    else if (!k_err_is_retriable(error)) t->p->txn_must_abort = true;
    /* Nothing was sent in it that would have to be ended: there is no other request that could tell. */
    if (txn_is_fencing(error)) t->is_fenced = true, t->is_ready = false;
    t->add_attempts++;
    timer_arm(t->env, &t->add_again, env_now_ns(t->env) + client_backoff_ns(t->c, t->add_attempts));
}

static void
add_again_due(struct timer *timer)
{
    struct txn_session *t = CONTAINER_OF(timer, struct txn_session, add_again);
    defer(t->env, &t->p->pump);
}

/* The producer has batches for partitions that are not part of the transaction. */
static void
wants_parts(void *owner)
{
    struct txn_session *t = owner;
    if (t->add.pending || timer_is_armed(&t->add_again)) return;
    if (!t->coordinator) {
        find_coordinator(t);
        timer_arm(t->env, &t->add_again, env_now_ns(t->env) + client_backoff_ns(t->c, 1));
        return;
    }
    parts_become(t, PART_IS_WANTED, PART_ADDING);
    t->add = (struct ask){.api_key = K_API_ADD_PARTITIONS_TO_TXN,
                          .version_max = 3,
                          .timeout_ms = t->p->params.request_timeout_ms,
                          .build = add_build,
                          .done = added};
    ask_send(t->c, t->coordinator, FOR_CONTROL, &t->add);
}

/* ---- the calls ---- */

static void
txn_flushed(struct producer *p, void *ctx)
{
    struct txn_session *t = ctx;
    if (p->txn_must_abort) t->commits = false;
    if (!p->txn_touched) { /* nobody knows of it */
        txn_op_done(t, t->commits == t->wants_commit ? K_ERR_NONE : K_ERR_TRANSACTION_ABORTABLE,
                    t->commits ? TXN_COMMITTED : TXN_ABORTED);
        return;
    }
    t->step = TXN_ENDING;
    txn_ask(t);
}

void
txn_session_init(struct txn_session *t, struct txn_op *op)
{
    txn_session_call(t, op, TXN_INITIALISING);
    if (t->is_fenced) txn_op_done(t, K_ERR_PRODUCER_FENCED, TXN_ABORTED);
    else txn_ask(t);
}

void
txn_session_begin(struct txn_session *t)
{
    CHECK(t->is_ready && t->step == TXN_IDLE);
    producer_begin_txn(t->p);
}

void
txn_session_finish(struct txn_session *t, struct txn_op *op, bool commit)
{
    txn_session_call(t, op, TXN_FLUSHING);
    t->wants_commit = t->commits = commit;
    /* What has not gone out need not. */
    if (!commit && t->p->pending > 0) t->p->txn_must_abort = true;
    producer_flush(t->p, txn_flushed, t);
}

bool
txn_session_must_init(const struct txn_session *t)
{
    return !t->is_ready;
}

bool
txn_session_is_fenced(const struct txn_session *t)
{
    return t->is_fenced;
}

struct producer *
txn_session_producer(struct txn_session *t)
{
    return t->p;
}

struct txn_session *
txn_session_new(struct client *c, const struct producer_params *producer,
                const struct txn_params *params)
{
    if (!params->transactional_id.n || !producer->idempotent) return NULL;
    struct producer *p = producer_new(c, producer);
    if (!p) return NULL;
    struct txn_session *t = MEM_NEW(&c->env->mem, struct txn_session);
    t->c = c;
    t->env = c->env;
    t->p = p;
    t->params = *params;
    t->params.transactional_id = mem_dup(&c->env->mem, params->transactional_id);
    t->tell.run = tell_op;
    t->again.due = again_due;
    t->add_again.due = add_again_due;
    t->find = (struct ask){.api_key = K_API_FIND_COORDINATOR,
                           .version_max = 4,
                           .timeout_ms = producer->request_timeout_ms,
                           .build = find_coordinator_build,
                           .done = txn_found};
    txn_offsets_init(t);
    producer_make_transactional(p, t->params.transactional_id, wants_parts, t);
    return t;
}
