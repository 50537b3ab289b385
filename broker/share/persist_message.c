#include "broker/share/persist_message.h"

#include "broker/base/check.h"
#include "broker/protocol/codec.h"
#include "apis.h"
#include "errors.h"

/* Any since that of flexible messages would do. */
#define LIST_OFFSETS_VERSION 7
#define LATEST (-1)

int16_t
persist_api(enum persist_kind kind)
{
    switch (kind) {
    case PERSIST_INITIALIZE: return K_API_INITIALIZE_SHARE_GROUP_STATE;
    case PERSIST_READ: return K_API_READ_SHARE_GROUP_STATE;
    case PERSIST_WRITE: return K_API_WRITE_SHARE_GROUP_STATE;
    case PERSIST_DELETE: return K_API_DELETE_SHARE_GROUP_STATE;
    case PERSIST_SUMMARY: return K_API_READ_SHARE_GROUP_STATE_SUMMARY;
    case PERSIST_LOG_END: return K_API_LIST_OFFSETS;
    }
    return -1;
}

int16_t
persist_version(enum persist_kind kind)
{
    if (kind == PERSIST_LOG_END) return LIST_OFFSETS_VERSION;
    return kind == PERSIST_WRITE || kind == PERSIST_SUMMARY ? 1 : 0;
}

/* ---- requests ---- */

/* A message of one topic with one partition: api is its name in small letters. */
#define ONE_OF(api, API, TOPIC, part_t, PART) \
    struct k_##api##_request *q = ARENA_NEW(a, struct k_##api##_request); \
    codec_default(K_MSG_##API##_REQUEST, q); \
    q->group_id = p->group; \
    q->topics_n = 1; \
    q->topics = codec_array(a, K_STRUCT_##API##_REQUEST_##TOPIC, 1); \
    q->topics[0].topic_id = p->topic; \
    q->topics[0].partitions_n = 1; \
    q->topics[0].partitions = codec_array(a, K_STRUCT_##API##_REQUEST_##PART, 1); \
    struct k_##api##_request_##part_t *d = &q->topics[0].partitions[0]; \
    d->partition = p->partition

static void *
initialize_request(const struct persist *p, struct arena *a)
{
    ONE_OF(initialize_share_group_state, INITIALIZE_SHARE_GROUP_STATE, INITIALIZE_STATE_DATA,
           partition_data, PARTITION_DATA);
    d->state_epoch = p->state_epoch;
    d->start_offset = p->start_offset;
    return q;
}

static void *
read_request(const struct persist *p, struct arena *a)
{
    ONE_OF(read_share_group_state, READ_SHARE_GROUP_STATE, READ_STATE_DATA, partition_data,
           PARTITION_DATA);
    d->leader_epoch = p->leader_epoch;
    return q;
}

static void *
write_request(const struct persist *p, struct arena *a)
{
    ONE_OF(write_share_group_state, WRITE_SHARE_GROUP_STATE, WRITE_STATE_DATA, partition_data,
           PARTITION_DATA);
    d->state_epoch = p->state_epoch;
    d->leader_epoch = p->leader_epoch;
    d->start_offset = p->start_offset;
    d->delivery_complete_count = p->done_n;
    d->state_batches_n = p->batches_n;
    d->state_batches =
        codec_array(a, K_STRUCT_WRITE_SHARE_GROUP_STATE_REQUEST_STATE_BATCH, p->batches_n);
    for (int32_t i = 0; i < p->batches_n; i++) {
        d->state_batches[i].first_offset = p->batches[i].first;
        d->state_batches[i].last_offset = p->batches[i].last;
        d->state_batches[i].delivery_state = (int8_t)p->batches[i].state;
        d->state_batches[i].delivery_count = p->batches[i].count;
    }
    return q;
}

static void *
delete_request(const struct persist *p, struct arena *a)
{
    ONE_OF(delete_share_group_state, DELETE_SHARE_GROUP_STATE, DELETE_STATE_DATA, partition_data,
           PARTITION_DATA);
    return q;
}

static void *
summary_request(const struct persist *p, struct arena *a)
{
    ONE_OF(read_share_group_state_summary, READ_SHARE_GROUP_STATE_SUMMARY, READ_STATE_SUMMARY_DATA,
           partition_data, PARTITION_DATA);
    d->leader_epoch = p->leader_epoch;
    return q;
}

/* The leader is known, so the topic is. */
static void *
log_end_request(const struct persist *p, const struct image *im, struct arena *a)
{
    struct k_list_offsets_request *q = ARENA_NEW(a, struct k_list_offsets_request);
    const struct image_topic *t = image_topic_by_id(im, p->topic);
    codec_default(K_MSG_LIST_OFFSETS_REQUEST, q);
    q->replica_id = -1;
    q->topics_n = 1;
    q->topics = codec_array(a, K_STRUCT_LIST_OFFSETS_REQUEST_LIST_OFFSETS_TOPIC, 1);
    q->topics[0].name = t->name;
    q->topics[0].partitions_n = 1;
    q->topics[0].partitions =
        codec_array(a, K_STRUCT_LIST_OFFSETS_REQUEST_LIST_OFFSETS_PARTITION, 1);
    q->topics[0].partitions[0].partition_index = p->partition;
    q->topics[0].partitions[0].timestamp = LATEST;
    return q;
}

void *
persist_request(const struct persist *p, const struct image *im, struct arena *a)
{
    switch (p->kind) {
    case PERSIST_INITIALIZE: return initialize_request(p, a);
    case PERSIST_READ: return read_request(p, a);
    case PERSIST_WRITE: return write_request(p, a);
    case PERSIST_DELETE: return delete_request(p, a);
    case PERSIST_SUMMARY: return summary_request(p, a);
    case PERSIST_LOG_END: return log_end_request(p, im, a);
    }
    return NULL;
}

/* ---- answers ---- */

/* The one partition of a response; NULL: it is not about that. */
#define ONE_IN(api, part_t) \
    const struct k_##api##_response *res = response; \
    const struct k_##api##_response_##part_t *d = NULL; \
    if (res->results_n == 1 && res->results[0].partitions_n == 1) \
        d = &res->results[0].partitions[0]; \
    if (!d || d->partition != p->partition) return K_ERR_UNKNOWN_SERVER_ERROR

static int16_t
take_initialized(const struct persist *p, const void *response)
{
    ONE_IN(initialize_share_group_state, partition_result);
    return d->error_code;
}

static int16_t
take_written(const struct persist *p, const void *response)
{
    ONE_IN(write_share_group_state, partition_result);
    return d->error_code;
}

static int16_t
take_deleted(const struct persist *p, const void *response)
{
    ONE_IN(delete_share_group_state, partition_result);
    return d->error_code;
}

/* What is no state of a record is left out: it is then given out again. */
static int16_t
take_read(struct persist *p, const void *response, struct arena *a)
{
    ONE_IN(read_share_group_state, partition_result);
    p->state_epoch = d->state_epoch;
    p->start_offset = d->start_offset;
    p->batches = ARENA_ARRAY(a, struct state_batch, d->state_batches_n);
    p->batches_n = 0;
    for (int32_t i = 0; i < d->state_batches_n; i++) {
        const struct k_read_share_group_state_response_state_batch *b = &d->state_batches[i];
        if (!delivery_is_kept(b->delivery_state)) continue;
        p->batches[p->batches_n++] =
            (struct state_batch){b->first_offset, b->last_offset,
                                 (enum delivery_state)b->delivery_state, b->delivery_count};
    }
    return d->error_code;
}

static int16_t
take_summary(struct persist *p, const void *response)
{
    ONE_IN(read_share_group_state_summary, partition_result);
    p->state_epoch = d->state_epoch;
    p->leader_epoch = d->leader_epoch;
    p->start_offset = d->start_offset;
    p->done_n = d->delivery_complete_count;
    return d->error_code;
}

static int16_t
take_log_end(struct persist *p, const void *response)
{
    const struct k_list_offsets_response *res = response;
    if (res->topics_n != 1 || res->topics[0].partitions_n != 1) return K_ERR_UNKNOWN_SERVER_ERROR;
    p->start_offset = res->topics[0].partitions[0].offset;
    return res->topics[0].partitions[0].error_code;
}

int16_t
persist_take_answer(struct persist *p, const void *response, struct arena *a)
{
    switch (p->kind) {
    case PERSIST_INITIALIZE: return take_initialized(p, response);
    case PERSIST_READ: return take_read(p, response, a);
    case PERSIST_WRITE: return take_written(p, response);
    case PERSIST_DELETE: return take_deleted(p, response);
    case PERSIST_SUMMARY: return take_summary(p, response);
    case PERSIST_LOG_END: return take_log_end(p, response);
    }
    return K_ERR_UNKNOWN_SERVER_ERROR;
}
