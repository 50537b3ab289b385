/* The transaction coordinator's APIs: each request becomes a call of the coordinator. */
#include "broker/api/handlers.h"
#include "broker/api/lookup.h"
#include "broker/api/waiting_call.h"
#include "broker/base/check.h"
#include "broker/controller/topic_name.h"
#include "broker/group/groups.h"
#include "broker/log/producer_state.h"
#include "broker/protocol/codec.h"
#include "broker/txn/txns.h"

/* What clients were told before there was PRODUCER_FENCED. */
static int16_t
fenced_before(int16_t since, int16_t version, int16_t err)
{
    return err == K_ERR_PRODUCER_FENCED && version < since ? K_ERR_INVALID_PRODUCER_EPOCH : err;
}

/* ---- EndTxn ---- */

static void
end_answered(struct coordinator_call *c, const void *response)
{
    struct request *r = request_of_call(c);
    struct k_end_txn_response res = *(const struct k_end_txn_response *)response;
    res.error_code = fenced_before(2, r->version, res.error_code);
    request_answer(r, &res);
}

void
handle_end_txn(struct server *s, struct request *r)
{
    struct coordinator_call *c = waiting_call_new(r);
    c->done = end_answered;
    txns_end(s->txns, r->message, c);
}

/* ---- AddPartitionsToTxn ---- */

typedef struct k_add_partitions_to_txn_request_add_partitions_to_txn_topic add_topic;
typedef struct k_add_partitions_to_txn_request_add_partitions_to_txn_transaction add_txn;
typedef struct k_add_partitions_to_txn_response_add_partitions_to_txn_topic_result add_topic_result;

struct add_request_call;

/* One transaction of it. */
struct add_one {
    struct txn_adding adding;
    struct add_request_call *of;
    add_topic_result *results;
    const add_topic *topics;
    int32_t topics_n;
};

struct add_request_call {
    struct request *r;
    struct k_add_partitions_to_txn_response response;
    int32_t left;
};

static void
add_answer(struct add_request_call *call)
{
    CHECK(call->left > 0);
    if (--call->left == 0) request_answer(call->r, &call->response);
}

static void
fill_add_results(struct add_one *one)
{
    int32_t n = 0;
    for (int32_t i = 0; i < one->topics_n; i++)
        for (int32_t k = 0; k < one->topics[i].partitions_n; k++, n++)
            one->results[i].results_by_partition[k].partition_error_code =
                fenced_before(2, one->of->r->version, one->adding.errs[n]);
}

static void
added_one(struct txn_adding *a)
{
    struct add_one *one = CONTAINER_OF(a, struct add_one, adding);
    fill_add_results(one);
    add_answer(one->of);
}

static add_topic_result *
blank_results(struct request *r, const add_topic *topics, int32_t topics_n)
{
    add_topic_result *to = codec_array(
        &r->arena, K_STRUCT_ADD_PARTITIONS_TO_TXN_RESPONSE_ADD_PARTITIONS_TO_TXN_TOPIC_RESULT,
        topics_n);
    for (int32_t i = 0; i < topics_n; i++) {
        to[i].name = topics[i].name;
        to[i].results_by_partition_n = topics[i].partitions_n;
        to[i].results_by_partition = codec_array(
            &r->arena,
            K_STRUCT_ADD_PARTITIONS_TO_TXN_RESPONSE_ADD_PARTITIONS_TO_TXN_PARTITION_RESULT,
            topics[i].partitions_n);
        for (int32_t k = 0; k < topics[i].partitions_n; k++)
            to[i].results_by_partition[k].partition_index = topics[i].partitions[k];
    }
    return to;
}

/* What is wrong with adding this partition. Internal topics are other brokers' to add: a client's offsets come there by
 * AddOffsetsToTxn. */
static int16_t
add_check_partition(struct request *r, struct slice topic, int32_t partition)
{
    if (r->version < 4 && topic_name_is_internal(topic)) return K_ERR_TOPIC_AUTHORIZATION_FAILED;
    return lookup_image_partition(r->server, UUID_ZERO, topic, partition)
             ? K_ERR_NONE
             : K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
}

/* All or nothing: if one cannot be, the others are not attempted. False: refused. */
static bool
add_take_partitions(struct add_one *one)
{
    struct request *r = one->of->r;
    struct txn_adding *a = &one->adding;
    int32_t n = 0, missing = 0;
    for (int32_t i = 0; i < one->topics_n; i++) n += one->topics[i].partitions_n;
    struct txn_partition *ps = REQUEST_ARRAY(r, struct txn_partition, n);
    a->errs = REQUEST_ARRAY(r, int16_t, n);
    a->partitions = ps;
    for (int32_t i = 0; i < one->topics_n; i++) {
        for (int32_t k = 0; k < one->topics[i].partitions_n; k++) {
            struct txn_partition p = {one->topics[i].name, one->topics[i].partitions[k]};
            int16_t err = add_check_partition(r, p.topic, p.index);
            a->errs[a->partitions_n] = err ? err : K_ERR_OPERATION_NOT_ATTEMPTED;
            missing += err != 0;
            ps[a->partitions_n++] = p;
        }
    }
    if (missing) return false;
    memset(a->errs, 0, (size_t)n * sizeof *a->errs);
    return true;
}

static void
add_one_txn(struct add_request_call *call, const add_txn *t, add_topic_result *results)
{
    struct request *r = call->r;
    struct add_one *one = REQUEST_NEW(r, struct add_one);
    *one = (struct add_one){
        .of = call, .results = results, .topics = t->topics, .topics_n = t->topics_n};
    one->adding.done = added_one;
    one->adding.transactional_id = t->transactional_id;
    one->adding.q = (struct add_request){t->producer_id, t->producer_epoch, t->verify_only};
    /* Brokers add for clients of version 2; those before it add for themselves. */
    one->adding.client_version = (int16_t)(r->version >= 4 ? 2 : 0);
    call->left++;
    if (add_take_partitions(one)) {
        txns_add(r->server->txns, &one->adding);
    } else {
        fill_add_results(one);
        call->left--;
    }
}

void
handle_add_partitions_to_txn(struct server *s, struct request *r)
{
    const struct k_add_partitions_to_txn_request *q = r->message;
    struct add_request_call *call = REQUEST_NEW(r, struct add_request_call);
    (void)s;
    call->r = r;
    call->left = 1;
    codec_default(K_MSG_ADD_PARTITIONS_TO_TXN_RESPONSE, &call->response);
    if (r->version < 4) {
        add_txn t = {.transactional_id = q->v3_and_below_transactional_id,
                     .producer_id = q->v3_and_below_producer_id,
                     .producer_epoch = q->v3_and_below_producer_epoch,
                     .topics = q->v3_and_below_topics,
                     .topics_n = q->v3_and_below_topics_n};
        call->response.results_by_topic_v3_and_below_n = t.topics_n;
        call->response.results_by_topic_v3_and_below = blank_results(r, t.topics, t.topics_n);
        add_one_txn(call, &t, call->response.results_by_topic_v3_and_below);
        add_answer(call);
        return;
    }
    call->response.results_by_transaction_n = q->transactions_n;
    call->response.results_by_transaction =
        codec_array(&r->arena, K_STRUCT_ADD_PARTITIONS_TO_TXN_RESPONSE_ADD_PARTITIONS_TO_TXN_RESULT,
                    q->transactions_n);
    for (int32_t i = 0; i < q->transactions_n; i++) {
        struct k_add_partitions_to_txn_response_add_partitions_to_txn_result *to =
            &call->response.results_by_transaction[i];
        const add_txn *t = &q->transactions[i];
        to->transactional_id = t->transactional_id;
        to->topic_results_n = t->topics_n;
        to->topic_results = blank_results(r, t->topics, t->topics_n);
        add_one_txn(call, t, to->topic_results);
    }
    add_answer(call);
}

/* ---- AddOffsetsToTxn: the group's partition of __consumer_offsets is added ---- */

struct add_offsets {
    struct txn_adding adding;
    struct request *r;
    struct txn_partition partition;
    int16_t err;
};

static void
add_offsets_answer(struct request *r, int16_t err)
{
    struct k_add_offsets_to_txn_response res;
    codec_default(K_MSG_ADD_OFFSETS_TO_TXN_RESPONSE, &res);
    res.error_code = fenced_before(2, r->version, err);
    request_answer(r, &res);
}

static void
offsets_added(struct txn_adding *a)
{
    struct add_offsets *ao = CONTAINER_OF(a, struct add_offsets, adding);
    add_offsets_answer(ao->r, ao->err);
}

void
handle_add_offsets_to_txn(struct server *s, struct request *r)
{
    const struct k_add_offsets_to_txn_request *q = r->message;
    /* Whoever asks for the group's coordinator, later, has the topic made. */
    const struct image_topic *t = image_topic(s->image, GROUPS_TOPIC);
    int32_t n =
        t ? t->partitions_n : (int32_t)config_i64(s->config, K_CFG_OFFSETS_TOPIC_NUM_PARTITIONS);
    if (n == 0) {
        add_offsets_answer(r, K_ERR_COORDINATOR_NOT_AVAILABLE);
        return;
    }
    struct add_offsets *ao = REQUEST_NEW(r, struct add_offsets);
    *ao = (struct add_offsets){.r = r,
                               .partition = {GROUPS_TOPIC, coordinator_partition(q->group_id, n)}};
    ao->adding = (struct txn_adding){.done = offsets_added,
                                     .transactional_id = q->transactional_id,
                                     .q = {q->producer_id, q->producer_epoch, false},
                                     .partitions = &ao->partition,
                                     .partitions_n = 1,
                                     .errs = &ao->err};
    txns_add(s->txns, &ao->adding);
}

/* ---- DescribeTransactions, DescribeProducers (KIP-664) ---- */

void
handle_describe_transactions(struct server *s, struct request *r)
{
    const struct k_describe_transactions_request *q = r->message;
    struct k_describe_transactions_response res;
    codec_default(K_MSG_DESCRIBE_TRANSACTIONS_RESPONSE, &res);
    res.transaction_states_n = q->transactional_ids_n;
    res.transaction_states =
        codec_array(&r->arena, K_STRUCT_DESCRIBE_TRANSACTIONS_RESPONSE_TRANSACTION_STATE,
                    q->transactional_ids_n);
    for (int32_t i = 0; i < q->transactional_ids_n; i++)
        txns_describe(s->txns, q->transactional_ids[i], &r->arena, &res.transaction_states[i]);
    request_answer(r, &res);
}

typedef struct k_describe_producers_response_partition_response producers_answer;

static void
describe_producers(struct request *r, struct slice topic, producers_answer *to)
{
    int16_t err = 0;
    struct partition *p = lookup_partition(r->server, UUID_ZERO, topic, to->partition_index, &err);
    if (p) err = partition_check_leader(p, -1);
    to->error_code = err;
    if (err) return;
    const struct producer_state *state = p->log.producers;
    to->active_producers = codec_array(
        &r->arena, K_STRUCT_DESCRIBE_PRODUCERS_RESPONSE_PRODUCER_STATE, state ? state->map.n : 0);
    if (!state) return;
    MAP_EACH(&state->map, it, struct producer, node) {
        const struct producer_window *w = &it->window;
        struct k_describe_producers_response_producer_state *out =
            &to->active_producers[to->active_producers_n++];
        out->producer_id = w->producer_id;
        out->producer_epoch = w->epoch;
        out->last_sequence = w->n ? w->batch[w->n - 1].last_sequence : -1;
        out->last_timestamp = it->last_timestamp;
        out->coordinator_epoch = it->coordinator_epoch;
        out->current_txn_start_offset = it->txn_first_offset;
    }
}

void
handle_describe_producers(struct server *s, struct request *r)
{
    const struct k_describe_producers_request *q = r->message;
    struct k_describe_producers_response res;
    (void)s;
    codec_default(K_MSG_DESCRIBE_PRODUCERS_RESPONSE, &res);
    res.topics_n = q->topics_n;
    res.topics =
        codec_array(&r->arena, K_STRUCT_DESCRIBE_PRODUCERS_RESPONSE_TOPIC_RESPONSE, q->topics_n);
    for (int32_t i = 0; i < q->topics_n; i++) {
        res.topics[i].name = q->topics[i].name;
        res.topics[i].partitions_n = q->topics[i].partition_indexes_n;
        res.topics[i].partitions =
            codec_array(&r->arena, K_STRUCT_DESCRIBE_PRODUCERS_RESPONSE_PARTITION_RESPONSE,
                        q->topics[i].partition_indexes_n);
        for (int32_t k = 0; k < q->topics[i].partition_indexes_n; k++) {
            res.topics[i].partitions[k].partition_index = q->topics[i].partition_indexes[k];
            describe_producers(r, q->topics[i].name, &res.topics[i].partitions[k]);
        }
    }
    request_answer(r, &res);
}
