#include "broker/client/internal.h"

#define DEBUGGING_REPLICA (-2) /* any replica answers, not only the leader */

struct lookup_state {
    struct ask ask;
    struct lookup *lookup;
    struct client *c;
    struct timer again;
    struct slice topic;
    int32_t partition, attempts, node_id; /* node_id -1: the leader */
    int64_t at_ms, deadline_ns;
    bool read_committed;
};

static void
lookup_complete(struct lookup_state *st, int16_t error)
{
    struct lookup *l = st->lookup;
    struct mem *mem = &st->c->env->mem;
    l->error = error;
    l->state = NULL;
    timer_cancel(st->c->env, &st->again);
    mem_free_slice(mem, st->topic);
    MEM_DELETE(mem, st);
    l->done(l);
}

static const void *
lookup_build(struct ask *a, int16_t version)
{
    struct lookup_state *st = CONTAINER_OF(a, struct lookup_state, ask);
    struct arena *scratch = &st->c->env->scratch;
    struct k_list_offsets_request *r = ARENA_NEW(scratch, struct k_list_offsets_request);
    struct part *part = client_part(st->c, st->topic, st->partition);
    codec_default(K_MSG_LIST_OFFSETS_REQUEST, r);
    r->replica_id = st->node_id < 0 ? -1 : DEBUGGING_REPLICA;
    r->isolation_level = st->read_committed && version >= 2;
    r->timeout_ms = version >= 10 ? (int32_t)MIN(a->timeout_ms, INT32_MAX) : 0;
    r->topics_n = 1;
    r->topics = codec_array(scratch, K_STRUCT_LIST_OFFSETS_REQUEST_LIST_OFFSETS_TOPIC, 1);
    r->topics->name = st->topic;
    r->topics->partitions_n = 1;
    r->topics->partitions =
        codec_array(scratch, K_STRUCT_LIST_OFFSETS_REQUEST_LIST_OFFSETS_PARTITION, 1);
    r->topics->partitions->partition_index = st->partition;
    r->topics->partitions->timestamp = st->at_ms;
    r->topics->partitions->current_leader_epoch = part && version >= 4 ? part->leader_epoch : -1;
    return r;
}

static const struct k_list_offsets_response_list_offsets_partition_response *
lookup_find(const struct lookup_state *st, const struct k_list_offsets_response *r)
{
    for (int32_t i = 0; i < r->topics_n; i++)
        for (int32_t j = 0; j < r->topics[i].partitions_n; j++)
            if (slice_eq(r->topics[i].name, st->topic) &&
                r->topics[i].partitions[j].partition_index == st->partition)
                return &r->topics[i].partitions[j];
    return NULL;
}

static void
lookup_again(struct lookup_state *st, int16_t error)
{
    int64_t now = env_now_ns(st->c->env);
    if (now >= st->deadline_ns || (error != K_ERR_NONE && !k_err_is_retriable(error))) {
        lookup_complete(st, error ? error : K_ERR_REQUEST_TIMED_OUT);
        return;
    }
    client_refresh(st->c);
    st->lookup->error = error;
    st->attempts++;
    timer_arm(st->c->env, &st->again,
              MIN(now + client_backoff_ns(st->c, st->attempts), st->deadline_ns));
}

static void
lookup_answered(struct ask *a, enum env_err err, const void *response, struct buf *from)
{
    struct lookup_state *st = CONTAINER_OF(a, struct lookup_state, ask);
    (void)from;
    const struct k_list_offsets_response_list_offsets_partition_response *r =
        err ? NULL : lookup_find(st, response);
    if (!r || r->error_code) {
        lookup_again(st, err ? K_ERR_NETWORK_EXCEPTION
                         : r ? r->error_code
                             : K_ERR_UNKNOWN_SERVER_ERROR);
        return;
    }
    st->lookup->offset = r->offset;
    st->lookup->timestamp = r->timestamp;
    st->lookup->leader_epoch = r->leader_epoch;
    lookup_complete(st, K_ERR_NONE);
}

static void
lookup_try(struct timer *t)
{
    struct lookup_state *st = CONTAINER_OF(t, struct lookup_state, again);
    int64_t left_ms = (st->deadline_ns - env_now_ns(st->c->env)) / NS_PER_MS;
    int32_t leader = client_leader(st->c, st->topic, st->partition);
    struct peer *p = client_peer(st->c, st->node_id < 0 ? leader : st->node_id);
    if (left_ms <= 0 || !p) {
        lookup_again(st, st->lookup->error);
        return;
    }
    st->ask.timeout_ms = MIN(left_ms, st->c->params.request_timeout_ms);
    ask_send(st->c, p, FOR_CONTROL, &st->ask);
}

void
client_list_offsets(struct client *c, struct lookup *l, struct slice topic, int32_t partition,
                    int64_t at_ms, bool read_committed, int64_t timeout_ms)
{
    client_list_offsets_of(c, l, topic, partition, -1, at_ms, read_committed, timeout_ms);
}

void
client_list_offsets_of(struct client *c, struct lookup *l, struct slice topic, int32_t partition,
                       int32_t node_id, int64_t at_ms, bool read_committed, int64_t timeout_ms)
{
    CHECK(!l->state);
    struct lookup_state *st = l->state = MEM_NEW(&c->env->mem, struct lookup_state);
    st->lookup = l;
    st->c = c;
    st->topic = mem_dup(&c->env->mem, topic);
    st->partition = partition;
    st->node_id = node_id;
    st->at_ms = at_ms;
    st->read_committed = read_committed;
    st->deadline_ns = env_now_ns(c->env) + timeout_ms * NS_PER_MS;
    st->again.due = lookup_try;
    st->ask = (struct ask){.api_key = K_API_LIST_OFFSETS,
                           .version_min = 1,
                           .version_max = 10,
                           .build = lookup_build,
                           .done = lookup_answered};
    l->error = K_ERR_NONE;
    l->offset = l->timestamp = -1;
    l->leader_epoch = -1;
    client_want_topic(c, topic);
    timer_arm(c->env, &st->again, env_now_ns(c->env));
}
