/* ListOffsets, OffsetForLeaderEpoch: questions about where a log stands. */
#include "broker/api/handlers.h"
#include "broker/api/lookup.h"
#include "broker/api/named_parts.h"
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

/* What Kafka looks at before it looks for the partition. */
static int16_t
list_check(const struct request *r, const struct named_part *named, int64_t timestamp)
{
    int16_t since = timestamp < 0 ? special_since(timestamp) : 1;
    /* Which of the two is meant nobody can say, and there is one answer for a partition. */
    if (named->times > 1) return K_ERR_INVALID_REQUEST;
    return since < 0 || r->version < since ? K_ERR_UNSUPPORTED_VERSION : K_ERR_NONE;
}

static void
list_named(struct part *part, struct named_part *named, const struct k_list_offsets_request *q,
           const struct k_list_offsets_request_list_offsets_partition *qp)
{
    struct request *r = part->listing->r;
    struct partition *p = NULL;
    int16_t err = list_check(r, named, qp->timestamp);
    if (!err) p = lookup_partition(r->server, UUID_ZERO, named->topic->name, named->index, &err);
    if (p) err = partition_check_leader(p, qp->current_leader_epoch);
    /* As in Kafka: who says that he looks into things may ask any replica. */
    if (err == K_ERR_NOT_LEADER_OR_FOLLOWER && p && p->role == PARTITION_FOLLOWER &&
        q->replica_id == DEBUGGING_REPLICA)
        err = 0;
    part->answer->error_code = err;
    part->listing->left++;
    if (err || list_part(part, p, q, qp->timestamp)) part->listing->left--;
}

/* Room for it in the answer, behind others of its topic. */
static struct part *
list_new_part(struct listing *l, struct named_part *named)
{
    struct k_list_offsets_response_list_offsets_topic_response *t = named->topic->answer;
    struct part *part = REQUEST_NEW(l->r, struct part);
    if (!t) {
        t = named->topic->answer = &l->response.topics[l->response.topics_n++];
        t->name = named->topic->name;
        t->partitions = codec_array(&l->r->arena,
                                    K_STRUCT_LIST_OFFSETS_RESPONSE_LIST_OFFSETS_PARTITION_RESPONSE,
                                    named->topic->parts_n);
    }
    part->listing = l;
    part->answer = &t->partitions[t->partitions_n++];
    part->answer->partition_index = named->index;
    return part;
}

static void
list_all(struct listing *l, const struct named_parts *all, const struct k_list_offsets_request *q)
{
    for (int32_t i = 0; i < q->topics_n; i++) {
        for (int32_t k = 0; k < q->topics[i].partitions_n; k++) {
            const struct k_list_offsets_request_list_offsets_partition *qp =
                &q->topics[i].partitions[k];
            struct named_part *named =
                named_parts_find(all, q->topics[i].name, qp->partition_index);
            if (!named->is_answered) list_named(list_new_part(l, named), named, q, qp);
            named->is_answered = true;
        }
    }
}

void
handle_list_offsets(struct server *s, struct request *r)
{
    const struct k_list_offsets_request *q = r->message;
    struct listing *l = REQUEST_NEW(r, struct listing);
    struct named_parts all;
    l->r = r;
    l->left = 1;
    codec_default(K_MSG_LIST_OFFSETS_RESPONSE, &l->response);
    named_parts_init(&all, &r->arena, env_map_key(s->env));
    for (int32_t i = 0; i < q->topics_n; i++)
        for (int32_t k = 0; k < q->topics[i].partitions_n; k++)
            (void)named_parts_add(&all, q->topics[i].name,
                                  q->topics[i].partitions[k].partition_index);
    l->response.topics = codec_array(
        &r->arena, K_STRUCT_LIST_OFFSETS_RESPONSE_LIST_OFFSETS_TOPIC_RESPONSE, all.topics.n);
    list_all(l, &all, q);
    named_parts_release(&all);
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
