/* Offsets that are committed with a transaction: what a member has read and what it has written become visible together
 * (KIP-447). By version 1 the transaction's coordinator is told first, by version 2 the group's coordinator does that (KIP-890). */
#include "broker/client/txn_internal.h"

/* The transaction cannot be committed any more; its end is the owner's to ask for. */
static void
offsets_failed(struct txn_session *t, int16_t error)
{
    t->p->txn_must_abort = true;
    if (txn_is_fencing(error)) txn_op_failed(t, error);
    else txn_op_done(t, error, TXN_ABORTED);
}

const void *
txn_add_offsets_build(struct txn_session *t)
{
    struct k_add_offsets_to_txn_request *r =
        ARENA_NEW(&t->env->scratch, struct k_add_offsets_to_txn_request);
    codec_default(K_MSG_ADD_OFFSETS_TO_TXN_REQUEST, r);
    r->transactional_id = t->params.transactional_id;
    r->producer_id = t->p->pid;
    r->producer_epoch = t->p->epoch;
    r->group_id = t->offsets->group_id;
    t->p->txn_touched = true;
    return r;
}

void
txn_offsets_added(struct txn_session *t, int16_t error)
{
    if (error) {
        offsets_failed(t, error);
        return;
    }
    t->step = TXN_COMMITTING_OFFSETS;
    t->attempts = 0;
    txn_offsets_ask(t);
}

/* ---- at the group's coordinator ---- */

static const void *
find_group_build(struct ask *a, int16_t version)
{
    struct txn_session *t = CONTAINER_OF(a, struct txn_session, find_group);
    return client_find_build(t->c, 0, &t->offsets->group_id, version);
}

static void
group_found(struct ask *a, enum env_err err, const void *response, struct buf *from)
{
    struct txn_session *t = CONTAINER_OF(a, struct txn_session, find_group);
    (void)from;
    t->group_coordinator = client_found_peer(t->c, a, err, response);
    if (t->step != TXN_COMMITTING_OFFSETS) return;
    if (t->group_coordinator) txn_offsets_ask(t);
    else txn_ask_later(t);
}

static void
fill_offset_topics(struct k_txn_offset_commit_request *r, const struct txn_offsets *o,
                   struct arena *a, int16_t version)
{
    r->topics = codec_array(a, K_STRUCT_TXN_OFFSET_COMMIT_REQUEST_TXN_OFFSET_COMMIT_REQUEST_TOPIC,
                            o->n + 1);
    for (int32_t i = 0, n; i < o->n; i += n) {
        struct k_txn_offset_commit_request_txn_offset_commit_request_topic *t =
            &r->topics[r->topics_n++];
        n = group_offsets_run(o->v, o->n, i);
        t->name = o->v[i].topic;
        t->partitions_n = n;
        t->partitions = codec_array(
            a, K_STRUCT_TXN_OFFSET_COMMIT_REQUEST_TXN_OFFSET_COMMIT_REQUEST_PARTITION, n);
        for (int32_t j = 0; j < n; j++) {
            t->partitions[j].partition_index = o->v[i + j].partition;
            t->partitions[j].committed_offset = o->v[i + j].offset;
            if (version >= 2) t->partitions[j].committed_leader_epoch = o->v[i + j].leader_epoch;
            t->partitions[j].committed_metadata = SLICE_EMPTY;
        }
    }
}

/* Who reads is named with its generation, so that the coordinator can refuse one that was replaced. */
static const void *
commit_offsets_build(struct ask *ask, int16_t version)
{
    struct txn_session *t = CONTAINER_OF(ask, struct txn_session, commit_offsets);
    const struct txn_offsets *o = t->offsets;
    struct arena *a = &t->env->scratch;
    struct k_txn_offset_commit_request *r = ARENA_NEW(a, struct k_txn_offset_commit_request);
    codec_default(K_MSG_TXN_OFFSET_COMMIT_REQUEST, r);
    r->transactional_id = t->params.transactional_id;
    r->group_id = o->group_id;
    r->producer_id = t->p->pid;
    r->producer_epoch = t->p->epoch;
    if (version >= 3) {
        r->generation_id_or_member_epoch = o->generation;
        r->member_id = o->member_id.p ? o->member_id : SLICE_EMPTY;
        r->group_instance_id = o->instance_id;
    }
    fill_offset_topics(r, o, a, version);
    t->p->txn_touched = true;
    return r;
}

static int16_t
offsets_error(const struct k_txn_offset_commit_response *r)
{
    for (int32_t i = 0; i < r->topics_n; i++)
        for (int32_t j = 0; j < r->topics[i].partitions_n; j++)
            if (r->topics[i].partitions[j].error_code) return r->topics[i].partitions[j].error_code;
    return K_ERR_NONE;
}

static void
offsets_committed(struct ask *a, enum env_err err, const void *response, struct buf *from)
{
    struct txn_session *t = CONTAINER_OF(a, struct txn_session, commit_offsets);
    int16_t error = err ? K_ERR_NETWORK_EXCEPTION : offsets_error(response);
    bool moved = err || error == K_ERR_NOT_COORDINATOR || error == K_ERR_COORDINATOR_NOT_AVAILABLE;
    (void)from;
    if (moved) t->group_coordinator = NULL;
    if (error && k_err_is_retriable(error)) {
        if (env_now_ns(t->env) < t->give_up_ns) txn_ask_later(t);
        else offsets_failed(t, K_ERR_REQUEST_TIMED_OUT);
    } else if (error) {
        offsets_failed(t, error);
    } else {
        txn_op_done(t, K_ERR_NONE, TXN_ABORTED);
    }
}

void
txn_offsets_ask(struct txn_session *t)
{
    if (!t->group_coordinator) {
        if (!t->find_group.pending)
            ask_send(t->c, client_any_peer(t->c), FOR_CONTROL, &t->find_group);
        return;
    }
    t->commit_offsets = (struct ask){.api_key = K_API_TXN_OFFSET_COMMIT,
                                     .version_min = (int16_t)(t->version >= 2 ? 5 : 0),
                                     .version_max = (int16_t)(t->version >= 2 ? 5 : 4),
                                     .timeout_ms = t->p->params.request_timeout_ms,
                                     .build = commit_offsets_build,
                                     .done = offsets_committed};
    ask_send(t->c, t->group_coordinator, FOR_CONTROL, &t->commit_offsets);
}

void
txn_session_send_offsets(struct txn_session *t, struct txn_op *op, const struct txn_offsets *o)
{
    CHECK(t->p->in_txn && o->n > 0);
    bool same = slice_eq(t->group_id, o->group_id);
    if (!same) {
        mem_free_slice(&t->env->mem, t->group_id);
        t->group_id = mem_dup(&t->env->mem, o->group_id);
        t->group_coordinator = NULL;
    }
    t->offsets = o;
    txn_session_call(t, op, t->version >= 2 ? TXN_COMMITTING_OFFSETS : TXN_ADDING_OFFSETS);
    if (t->p->txn_must_abort) txn_op_done(t, K_ERR_TRANSACTION_ABORTABLE, TXN_ABORTED);
    else txn_ask(t);
}

void
txn_offsets_init(struct txn_session *t)
{
    t->find_group = (struct ask){.api_key = K_API_FIND_COORDINATOR,
                                 .version_max = 4,
                                 .timeout_ms = t->p->params.request_timeout_ms,
                                 .build = find_group_build,
                                 .done = group_found};
}
