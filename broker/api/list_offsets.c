/* ListOffsets, OffsetForLeaderEpoch: questions about where a log stands. */
#include "broker/api/handlers.h"
#include "broker/api/lookup.h"
#include "broker/base/check.h"
#include "broker/protocol/codec.h"

enum {
    OFFSET_LATEST = -1,
    OFFSET_EARLIEST = -2,
    OFFSET_MAX_TIMESTAMP = -3,   /* KIP-734 */
    OFFSET_EARLIEST_LOCAL = -4,  /* KIP-405: nothing is tiered, so as EARLIEST */
    OFFSET_LATEST_TIERED = -5,   /* KIP-1005: there is none */
    OFFSET_EARLIEST_PENDING = -6 /* KIP-1023: nothing waits to be tiered */
};

struct listing;

#define DEBUGGING_REPLICA (-2)

struct part {
    struct listing *listing;
    struct log_lookup lookup;
    bool end_known;
    struct k_list_offsets_response_list_offsets_partition_response *answer;
};

struct listing {
    struct request *r;
    struct k_list_offsets_response response;
    int32_t left;
};

static void
list_offsets_part_done(struct listing *l)
{
    CHECK(l->left > 0);
    if (--l->left == 0) request_answer(l->r, &l->response);
}

/* A field that old versions lack and that must not be set there. */
static void
set_epoch(struct part *part, int32_t epoch)
{
    if (part->listing->r->version >= 4) part->answer->leader_epoch = epoch;
}

static int16_t
end_unknown(const struct part *part)
{
    return part->listing->r->version >= 5 ? K_ERR_OFFSET_NOT_AVAILABLE : K_ERR_LEADER_NOT_AVAILABLE;
}

static void
list_offsets_looked_up(struct log_lookup *lk)
{
    struct part *part = CONTAINER_OF(lk, struct part, lookup);
    if (lk->err == LOG_OK && lk->offset < 0 && !part->end_known) {
        part->answer->error_code = end_unknown(part); /* it may be among what is not visible yet */
    } else if (lk->err == LOG_OK) {
        part->answer->offset = lk->offset;
        part->answer->timestamp = lk->found_timestamp;
        set_epoch(part, lk->leader_epoch);
    } else {
        part->answer->error_code =
            lk->err == LOG_E_CLOSED ? K_ERR_NOT_LEADER_OR_FOLLOWER : K_ERR_KAFKA_STORAGE_ERROR;
    }
    list_offsets_part_done(part->listing);
}

static void
set_offset(struct part *part, struct partition *p, int64_t offset)
{
    part->answer->offset = offset;
    set_epoch(part, offset >= 0 ? commitlog_epoch_at(&p->log, offset) : -1);
}

/* The version of ListOffsets that introduced it; -1: there is no such special offset. */
static int16_t
special_since(int64_t timestamp)
{
    switch (timestamp) {
    case OFFSET_LATEST:
    case OFFSET_EARLIEST: return 1;
    case OFFSET_MAX_TIMESTAMP: return 7;
    case OFFSET_EARLIEST_LOCAL: return 8;
    case OFFSET_LATEST_TIERED: return 9;
    case OFFSET_EARLIEST_PENDING: return 11;
    default: return -1;
    }
}

/* True: answered at once. */
static bool
list_part(struct part *part, struct partition *p, const struct k_list_offsets_request *q,
          int64_t timestamp)
{
    bool is_follower = q->replica_id >= 0;
    int64_t limit = partition_read_limit(p, is_follower, q->isolation_level == 1);
    /* KIP-207: a new leader's watermark may lie behind what a client has seen of the old one's; until
     * it has passed the epoch's start the end is not known. */
    bool end_known = is_follower || p->high_watermark >= p->epoch_start ||
                     commitlog_written_end(&p->log) == p->high_watermark;
    int16_t since = timestamp < 0 ? special_since(timestamp) : 1;
    if (since < 0 || part->listing->r->version < since) {
        part->answer->error_code = K_ERR_UNSUPPORTED_VERSION;
        return true;
    }
    switch (timestamp) {
    case OFFSET_EARLIEST:
    case OFFSET_EARLIEST_LOCAL: set_offset(part, p, commitlog_start(&p->log)); return true;
    case OFFSET_LATEST_TIERED:
    case OFFSET_EARLIEST_PENDING: return true;
    case OFFSET_LATEST:
        if (!end_known) {
            part->answer->error_code = end_unknown(part);
            return true;
        }
        set_offset(part, p, limit);
        set_epoch(part, p->leader_epoch);
        return true;
    }
    part->end_known = end_known;
    part->lookup = (struct log_lookup){
        .done = list_offsets_looked_up,
        .timestamp = timestamp == OFFSET_MAX_TIMESTAMP ? LOG_TIMESTAMP_MAX : timestamp,
        .limit = limit};
    commitlog_lookup(&p->log, &part->lookup);
    return false;
}

static void
list_topic(struct listing *l, const struct k_list_offsets_request *q,
           const struct k_list_offsets_request_list_offsets_topic *t,
           struct k_list_offsets_response_list_offsets_topic_response *answer)
{
    struct request *r = l->r;
    answer->name = t->name;
    answer->partitions_n = t->partitions_n;
    answer->partitions = codec_array(
        &r->arena, K_STRUCT_LIST_OFFSETS_RESPONSE_LIST_OFFSETS_PARTITION_RESPONSE, t->partitions_n);
    for (int32_t k = 0; k < t->partitions_n; k++) {
        struct part *part = REQUEST_NEW(r, struct part);
        part->listing = l;
        part->answer = &answer->partitions[k];
        part->answer->partition_index = t->partitions[k].partition_index;
        int16_t err = 0;
        struct partition *p =
            lookup_partition(r->server, UUID_ZERO, t->name, t->partitions[k].partition_index, &err);
        if (p) err = partition_check_leader(p, t->partitions[k].current_leader_epoch);
        /* As in Kafka: who says that he looks into things may ask any replica. */
        if (err == K_ERR_NOT_LEADER_OR_FOLLOWER && p && p->role == PARTITION_FOLLOWER &&
            q->replica_id == DEBUGGING_REPLICA)
            err = 0;
        part->answer->error_code = err;
        l->left++;
        if (err || list_part(part, p, q, t->partitions[k].timestamp)) l->left--;
    }
}

void
handle_list_offsets(struct server *s, struct request *r)
{
    (void)s;
    const struct k_list_offsets_request *q = r->message;
    struct listing *l = REQUEST_NEW(r, struct listing);
    l->r = r;
    l->left = 1;
    codec_default(K_MSG_LIST_OFFSETS_RESPONSE, &l->response);
    l->response.topics_n = q->topics_n;
    l->response.topics = codec_array(
        &r->arena, K_STRUCT_LIST_OFFSETS_RESPONSE_LIST_OFFSETS_TOPIC_RESPONSE, q->topics_n);
    for (int32_t i = 0; i < q->topics_n; i++)
        list_topic(l, q, &q->topics[i], &l->response.topics[i]);
    list_offsets_part_done(l);
}

/* ---- OffsetForLeaderEpoch (KIP-101, KIP-320) ---- */

static void
epoch_end_of(struct server *s, struct slice topic,
             const struct k_offset_for_leader_epoch_request_offset_for_leader_partition *qp,
             struct k_offset_for_leader_epoch_response_epoch_end_offset *answer)
{
    int16_t err = 0;
    struct partition *p = lookup_partition(s, UUID_ZERO, topic, qp->partition, &err);
    if (p) err = partition_check_leader(p, qp->current_leader_epoch);
    answer->partition = qp->partition;
    answer->error_code = err;
    if (err) return;
    struct epoch_end end =
        commitlog_epoch_end(&p->log, qp->leader_epoch, commitlog_assigned_end(&p->log));
    answer->leader_epoch = end.epoch;
    answer->end_offset = end.epoch < 0 ? -1 : end.end_offset;
}

void
handle_offset_for_leader_epoch(struct server *s, struct request *r)
{
    const struct k_offset_for_leader_epoch_request *q = r->message;
    struct k_offset_for_leader_epoch_response res;
    codec_default(K_MSG_OFFSET_FOR_LEADER_EPOCH_RESPONSE, &res);
    res.topics_n = q->topics_n;
    res.topics = codec_array(
        &r->arena, K_STRUCT_OFFSET_FOR_LEADER_EPOCH_RESPONSE_OFFSET_FOR_LEADER_TOPIC_RESULT,
        q->topics_n);
    for (int32_t i = 0; i < q->topics_n; i++) {
        res.topics[i].topic = q->topics[i].topic;
        res.topics[i].partitions_n = q->topics[i].partitions_n;
        res.topics[i].partitions =
            codec_array(&r->arena, K_STRUCT_OFFSET_FOR_LEADER_EPOCH_RESPONSE_EPOCH_END_OFFSET,
                        q->topics[i].partitions_n);
        for (int32_t k = 0; k < q->topics[i].partitions_n; k++)
            epoch_end_of(s, q->topics[i].topic, &q->topics[i].partitions[k],
                         &res.topics[i].partitions[k]);
    }
    request_answer(r, &res);
}
