/* ListTransactions, DescribeTransactions (KIP-664). */
#include "broker/protocol/codec.h"
#include "broker/txn/shard.h"
#include "errors.h"

/* Kafka gives a state's name to what is no state here: an abort that fences is PrepareAbort at once. */
#define PASSING_STATE S("PrepareEpochFence")

struct txn_filter {
    const struct k_list_transactions_request *q;
    uint32_t states; /* bits; all when none is asked for */
    int64_t now_ms;
};

static bool
has_producer(const struct k_list_transactions_request *q, int64_t producer_id)
{
    for (int32_t i = 0; i < q->producer_id_filters_n; i++)
        if (q->producer_id_filters[i] == producer_id) return true;
    return q->producer_id_filters_n == 0;
}

static bool
is_wanted(const struct txn_filter *f, const struct txn *t)
{
    const struct txn_data *d = &t->data;
    if (d->state == TXN_DEAD || !(f->states & 1u << d->state)) return false;
    if (!has_producer(f->q, d->producer_id)) return false;
    return f->q->duration_filter < 0 || f->now_ms - d->started_ms > f->q->duration_filter;
}

/* Names of states that do not exist are given back. */
static uint32_t
states_asked_for(const struct k_list_transactions_request *q, struct arena *a,
                 struct k_list_transactions_response *ret)
{
    uint32_t states = q->state_filters_n == 0 ? UINT32_MAX : 0;
    ret->unknown_state_filters = ARENA_ARRAY(a, struct slice, q->state_filters_n);
    for (int32_t i = 0; i < q->state_filters_n; i++) {
        int s = 0;
        while (s < TXN_STATES_N &&
               !slice_eq(txn_state_name((enum txn_state)s), q->state_filters[i]))
            s++;
        if (s < TXN_STATES_N) states |= 1u << s;
        else if (slice_eq(q->state_filters[i], PASSING_STATE)) continue;
        else ret->unknown_state_filters[ret->unknown_state_filters_n++] = q->state_filters[i];
    }
    return states;
}

static bool
any_is_loading(const struct txns *ts)
{
    for (int64_t i = 0; i < ts->base.shards.n; i++)
        if (ts->base.shards.v[i]->state == SHARD_LOADING) return true;
    return false;
}

void
txns_list(struct txns *ts, const struct k_list_transactions_request *q, struct arena *a,
          struct k_list_transactions_response *ret)
{
    codec_default(K_MSG_LIST_TRANSACTIONS_RESPONSE, ret);
    if (any_is_loading(ts)) {
        ret->error_code = K_ERR_COORDINATOR_LOAD_IN_PROGRESS;
        return;
    }
    struct txn_filter f = {q, states_asked_for(q, a, ret), txns_now_ms(ts)};
    int64_t n = 0;
    for (int64_t i = 0; i < ts->base.shards.n; i++) n += txn_shard_of(ts->base.shards.v[i])->txns.n;
    ret->transaction_states =
        codec_array(a, K_STRUCT_LIST_TRANSACTIONS_RESPONSE_TRANSACTION_STATE, n);
    for (int64_t i = 0; i < ts->base.shards.n; i++) {
        MAP_EACH(&txn_shard_of(ts->base.shards.v[i])->txns, t, struct txn, by_id) {
            if (!is_wanted(&f, t)) continue;
            struct k_list_transactions_response_transaction_state *s =
                &ret->transaction_states[ret->transaction_states_n++];
            s->transactional_id = arena_dup(a, t->id);
            s->producer_id = t->data.producer_id;
            s->transaction_state = txn_state_name(t->data.state);
        }
    }
}

void
txns_describe(struct txns *ts, struct slice id, struct arena *a,
              struct k_describe_transactions_response_transaction_state *ret)
{
    int16_t err = 0;
    ret->transactional_id = id;
    struct txn_shard *s = id.n ? txns_shard(ts, id, &err) : NULL;
    struct txn *t = s ? txn_find(s, id) : NULL;
    if (id.n == 0) err = K_ERR_INVALID_REQUEST;
    else if (s && (!t || t->data.state == TXN_DEAD)) err = K_ERR_TRANSACTIONAL_ID_NOT_FOUND;
    ret->error_code = err;
    if (err) return;
    ret->transaction_state = txn_state_name(t->data.state);
    ret->transaction_timeout_ms = t->data.timeout_ms;
    ret->transaction_start_time_ms = t->data.started_ms;
    ret->producer_id = t->data.producer_id;
    ret->producer_epoch = t->data.epoch;
    const struct txn_partitions *ps = &t->partitions;
    ret->topics = codec_array(a, K_STRUCT_DESCRIBE_TRANSACTIONS_RESPONSE_TOPIC_DATA, ps->v.n);
    for (int64_t i = 0, end; i < ps->v.n; i = end) {
        end = txn_partitions_topic_end(ps, i);
        struct k_describe_transactions_response_topic_data *to = &ret->topics[ret->topics_n++];
        to->topic = arena_dup(a, ps->v.v[i].topic);
        to->partitions = ARENA_ARRAY(a, int32_t, end - i);
        for (int64_t k = i; k < end; k++) to->partitions[to->partitions_n++] = ps->v.v[k].index;
    }
}
