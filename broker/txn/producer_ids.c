#include "broker/txn/producer_ids.h"

#include "broker/base/check.h"
#include "broker/protocol/codec.h"
#include "apis.h"
#include "errors.h"

#define VERSION 0
#define WAIT_MS 30000

struct producer_ids {
    struct env *env;
    struct controller_link link;
    struct link_call call;
    struct k_allocate_producer_ids_request request;
    bool asking;
    int32_t node_id;
    int64_t broker_epoch;
    int64_t next, end;        /* of the present block */
    int64_t spare, spare_end; /* the block after it */
    struct list waiting;
};

struct producer_ids *
producer_ids_new(struct env *env, struct raft *raft, int32_t node_id, int64_t timeout_ms)
{
    struct producer_ids *ids = MEM_NEW(&env->mem, struct producer_ids);
    ids->env = env;
    ids->node_id = node_id;
    ids->broker_epoch = -1;
    list_init(&ids->waiting);
    controller_link_init(&ids->link, env, raft, S("producer-ids"), timeout_ms);
    return ids;
}

void
producer_ids_stop(struct producer_ids *ids)
{
    controller_link_stop(&ids->link);
}

void
producer_ids_kick(struct producer_ids *ids)
{
    controller_link_kick(&ids->link);
}

void
producer_ids_set_epoch(struct producer_ids *ids, int64_t broker_epoch)
{
    ids->broker_epoch = broker_epoch;
}

static bool
take_producer_id(struct producer_ids *ids, int64_t *ret)
{
    if (ids->next == ids->end) {
        ids->next = ids->spare;
        ids->end = ids->spare_end;
        ids->spare = ids->spare_end = 0;
    }
    if (ids->next == ids->end) return false;
    *ret = ids->next++;
    return true;
}

static void
serve_id_waiters(struct producer_ids *ids, int16_t err)
{
    while (!list_is_empty(&ids->waiting)) {
        int64_t id = -1;
        if (!err && !take_producer_id(ids, &id)) return;
        struct producer_id_waiter *w =
            LIST_ENTRY(list_pop_front(&ids->waiting), struct producer_id_waiter, node);
        w->done(w, err, id);
    }
}

static void ask_for_id_block(struct producer_ids *ids);

static void
id_block_answered(struct link_call *c, int16_t err, struct slice body)
{
    struct producer_ids *ids = CONTAINER_OF(c, struct producer_ids, call);
    struct k_allocate_producer_ids_response res;
    if (!link_take_answer(c, K_MSG_ALLOCATE_PRODUCER_IDS_RESPONSE, body, &ids->env->scratch, &res,
                          &res.error_code, &err))
        return;
    ids->asking = false;
    if (!err) {
        ids->spare = res.producer_id_start;
        ids->spare_end = res.producer_id_start + res.producer_id_len;
    }
    /* A client tries again on this one. */
    serve_id_waiters(ids, err ? K_ERR_COORDINATOR_LOAD_IN_PROGRESS : 0);
    if (!list_is_empty(&ids->waiting)) ask_for_id_block(ids); /* more of them than a block has */
}

static void
ask_for_id_block(struct producer_ids *ids)
{
    if (ids->asking || ids->spare != ids->spare_end) return;
    ids->asking = true;
    codec_default(K_MSG_ALLOCATE_PRODUCER_IDS_REQUEST, &ids->request);
    ids->request.broker_id = ids->node_id;
    ids->request.broker_epoch = ids->broker_epoch;
    ids->call.api_key = K_API_ALLOCATE_PRODUCER_IDS;
    ids->call.version = VERSION;
    ids->call.request = &ids->request;
    ids->call.deadline_ns = env_now_ns(ids->env) + WAIT_MS * NS_PER_MS;
    ids->call.done = id_block_answered;
    link_send(&ids->link, &ids->call);
}

void
producer_ids_next(struct producer_ids *ids, struct producer_id_waiter *w)
{
    int64_t id;
    bool have = take_producer_id(ids, &id);
    /* The next block is fetched when a tenth of this one is left. */
    if (!have || ids->end - ids->next < 100) ask_for_id_block(ids);
    if (have) w->done(w, 0, id);
    else list_push_back(&ids->waiting, &w->node);
}
