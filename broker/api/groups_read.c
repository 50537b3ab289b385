/* The group coordinator's APIs that answer at once: finding it, offsets, descriptions. */
#include "broker/api/forwarder.h"
#include "broker/api/handlers.h"
#include "broker/api/lookup.h"
#include "broker/base/check.h"
#include "broker/group/groups.h"
#include "broker/protocol/codec.h"
#include "broker/share/shares.h"
#include "broker/txn/txns.h"

/* READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS: all that can be done to a group. */
#define GROUP_OPERATIONS (1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11)

/* ---- FindCoordinator ---- */

enum { KEY_GROUP = 0, KEY_TRANSACTION = 1, KEY_SHARE = 2 };

typedef struct k_find_coordinator_response_coordinator coordinator;

static int16_t
find_leader(struct request *r, struct slice key, int8_t type, coordinator *ret)
{
    struct server *s = r->server;
    struct slice topic = SLICE_NULL;
    if (type == KEY_GROUP) topic = GROUPS_TOPIC;
    else if (type == KEY_TRANSACTION) topic = TXNS_TOPIC;
    else if (type == KEY_SHARE && r->version >= 6 && share_key_is_valid(key)) topic = SHARES_TOPIC;
    if (!topic.p) return K_ERR_INVALID_REQUEST;
    const struct image_topic *t = image_topic(s->image, topic);
    if (!t) {
        forwarder_create_topic(s->forwarder, topic);
        return K_ERR_COORDINATOR_NOT_AVAILABLE;
    }
    const struct image_partition *p =
        image_topic_partition(t, coordinator_partition(key, MAX(t->partitions_n, 1)));
    const struct image_broker *b = p ? image_broker(s->image, p->leader) : NULL;
    const struct image_endpoint *ep = b && !b->is_fenced ? lookup_endpoint(r, b->id) : NULL;
    if (!ep) return K_ERR_COORDINATOR_NOT_AVAILABLE;
    ret->node_id = b->id;
    ret->host = ep->host;
    ret->port = ep->port;
    return 0;
}

/* What a person reads when a client gives up. */
static struct slice
coordinator_text(int16_t code)
{
    switch (code) {
    case 0: return SLICE_EMPTY;
    case K_ERR_COORDINATOR_NOT_AVAILABLE: return S("The coordinator is not available.");
    case K_ERR_INVALID_REQUEST:
        return S("The key type must be 0 (group), 1 (transaction) or, from version 6 on, 2 "
                 "(\"group:topic id:partition\").");
    default: return k_err_name(code);
    }
}

static void
find_one_coordinator(struct request *r, struct slice key, int8_t type, coordinator *ret)
{
    ret->key = key;
    ret->node_id = -1;
    ret->port = -1;
    ret->host = SLICE_EMPTY;
    ret->error_code = find_leader(r, key, type, ret);
    ret->error_message = coordinator_text(ret->error_code);
}

void
handle_find_coordinator(struct server *s, struct request *r)
{
    (void)s;
    const struct k_find_coordinator_request *q = r->message;
    struct k_find_coordinator_response res;
    codec_default(K_MSG_FIND_COORDINATOR_RESPONSE, &res);
    if (r->version >= 4) {
        res.coordinators_n = q->coordinator_keys_n;
        res.coordinators = codec_array(&r->arena, K_STRUCT_FIND_COORDINATOR_RESPONSE_COORDINATOR,
                                       q->coordinator_keys_n);
        for (int32_t i = 0; i < q->coordinator_keys_n; i++)
            find_one_coordinator(r, q->coordinator_keys[i], q->key_type, &res.coordinators[i]);
    } else {
        coordinator c;
        codec_default_struct(K_STRUCT_FIND_COORDINATOR_RESPONSE_COORDINATOR, &c);
        find_one_coordinator(r, q->key, q->key_type, &c);
        res.error_code = c.error_code;
        res.error_message = c.error_code ? c.error_message : S("NONE"); /* as Kafka here */
        res.node_id = c.node_id;
        res.host = c.host;
        res.port = c.port;
    }
    request_answer(r, &res);
}

/* ---- OffsetFetch ---- */

typedef struct k_offset_fetch_response fetch_response;
typedef struct k_offset_fetch_response_offset_fetch_response_group fetched_group;
typedef struct k_offset_fetch_request_offset_fetch_request_group asked_group;

/* Up to version 7 a request is about one group; it is asked as a batch of one. */
static asked_group
as_batch(struct request *r, const struct k_offset_fetch_request *q)
{
    asked_group g;
    codec_default_struct(K_STRUCT_OFFSET_FETCH_REQUEST_OFFSET_FETCH_REQUEST_GROUP, &g);
    g.group_id = q->group_id;
    g.topics_n = q->topics_n;
    if (q->topics_n < 0) return g;
    g.topics = codec_array(&r->arena, K_STRUCT_OFFSET_FETCH_REQUEST_OFFSET_FETCH_REQUEST_TOPICS,
                           q->topics_n);
    for (int32_t i = 0; i < q->topics_n; i++) {
        g.topics[i].name = q->topics[i].name;
        g.topics[i].partition_indexes = q->topics[i].partition_indexes;
        g.topics[i].partition_indexes_n = q->topics[i].partition_indexes_n;
    }
    return g;
}

static void
from_batch(struct request *r, const fetched_group *g, fetch_response *res)
{
    res->error_code = g->error_code;
    res->topics_n = g->topics_n;
    res->topics = codec_array(&r->arena, K_STRUCT_OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_TOPIC,
                              g->topics_n);
    for (int32_t i = 0; i < g->topics_n; i++) {
        int32_t n = g->topics[i].partitions_n;
        res->topics[i].name = g->topics[i].name;
        res->topics[i].partitions_n = n;
        res->topics[i].partitions = codec_array(
            &r->arena, K_STRUCT_OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_PARTITION, n);
        for (int32_t k = 0; k < n; k++) {
            res->topics[i].partitions[k].partition_index =
                g->topics[i].partitions[k].partition_index;
            res->topics[i].partitions[k].committed_offset =
                g->topics[i].partitions[k].committed_offset;
            res->topics[i].partitions[k].committed_leader_epoch =
                g->topics[i].partitions[k].committed_leader_epoch;
            res->topics[i].partitions[k].metadata = g->topics[i].partitions[k].metadata;
            res->topics[i].partitions[k].error_code = g->topics[i].partitions[k].error_code;
        }
    }
}

/* Version 1 has no place for the group's error: each partition carries it. */
static void
spread_error(struct request *r, const struct k_offset_fetch_request *q, fetch_response *res)
{
    if (r->version >= 2 || !res->error_code) return;
    res->topics_n = q->topics_n;
    res->topics = codec_array(&r->arena, K_STRUCT_OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_TOPIC,
                              q->topics_n);
    for (int32_t i = 0; i < q->topics_n; i++) {
        int32_t n = q->topics[i].partition_indexes_n;
        res->topics[i].name = q->topics[i].name;
        res->topics[i].partitions_n = n;
        res->topics[i].partitions = codec_array(
            &r->arena, K_STRUCT_OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_PARTITION, n);
        for (int32_t k = 0; k < n; k++) {
            res->topics[i].partitions[k].partition_index = q->topics[i].partition_indexes[k];
            res->topics[i].partitions[k].committed_offset = -1;
            res->topics[i].partitions[k].error_code = res->error_code;
        }
    }
}

/* Of one partition of the groups' topic: whether those who ask for what is stable may be told what lies there. */
struct offsets_check {
    struct still_leads still;
    struct offsets_asked *asked;
    const struct partition *partition;
    bool is_open, is_unproven;
};

/* Offsets that are to be stable, while it is found out whether they still count. */
struct offsets_asked {
    struct request *r;
    struct offsets_check *checks;
    int32_t checks_n, open_n;
};

static void answer_offset_fetch(struct server *s, struct request *r, const struct offsets_asked *a);

static void
offsets_checked(struct still_leads *c, bool is_proven)
{
    struct offsets_check *check = CONTAINER_OF(c, struct offsets_check, still);
    struct offsets_asked *a = check->asked;
    check->is_open = false;
    check->is_unproven = !is_proven;
    if (--a->open_n == 0) answer_offset_fetch(a->r->server, a->r, a);
}

static struct offsets_check *
find_check(const struct offsets_asked *a, const struct partition *p)
{
    for (int32_t i = 0; i < a->checks_n; i++)
        if (a->checks[i].partition == p) return &a->checks[i];
    return NULL;
}

/* A coordinator that was superseded while it stood still would tell a member of the new one's group to begin where others are
 * through long since: work would be done twice, and in transactions copied twice, for its commit comes to the new coordinator and is in
 * order there. Apache Kafka answers at once. Here whoever asks for stable offsets (as consumers do) is answered when it is sure that
 * nobody else coordinates the group; administrators' tools, which do not, as before. */
static void
begin_check(struct server *s, struct offsets_asked *a, struct slice group_id)
{
    int16_t err = 0;
    struct partition *p = groups_partition_of(s->groups, group_id, &err);
    if (!p || find_check(a, p)) return;
    struct offsets_check *c = &a->checks[a->checks_n++];
    *c = (struct offsets_check){.still.done = offsets_checked, .asked = a, .partition = p};
    c->is_open = !still_leads(s, p, &c->still);
    a->open_n += c->is_open;
}

/* Who is not heard of in time may have been elected: then it is as with a transaction that is open. */
static bool
is_unproven(struct server *s, const struct offsets_asked *a, struct slice group_id)
{
    int16_t err = 0;
    const struct partition *p = groups_partition_of(s->groups, group_id, &err);
    const struct offsets_check *c = a && p ? find_check(a, p) : NULL;
    return c && c->is_unproven;
}

static void
answer_group(struct server *s, struct request *r, const struct offsets_asked *a,
             const asked_group *q, fetched_group *ret)
{
    bool wants_stable = ((const struct k_offset_fetch_request *)r->message)->require_stable;
    enum offsets_wanted what = !wants_stable                  ? OFFSETS_COMMITTED
                             : is_unproven(s, a, q->group_id) ? OFFSETS_UNPROVEN
                                                              : OFFSETS_STABLE;
    groups_fetch(s->groups, q, r->version, what, &r->arena, ret);
}

void
handle_offset_fetch(struct server *s, struct request *r)
{
    const struct k_offset_fetch_request *q = r->message;
    struct offsets_asked *a = REQUEST_NEW(r, struct offsets_asked);
    const struct image_topic *t = image_topic(s->image, GROUPS_TOPIC);
    int32_t n = r->version >= 8 ? q->groups_n : 1;
    *a = (struct offsets_asked){.r = r};
    a->checks = REQUEST_ARRAY(r, struct offsets_check, MIN(n, t ? t->partitions_n : 0));
    for (int32_t i = 0; q->require_stable && i < n; i++)
        begin_check(s, a, r->version >= 8 ? q->groups[i].group_id : q->group_id);
    if (a->open_n == 0) answer_offset_fetch(s, r, a);
}

static void
answer_offset_fetch(struct server *s, struct request *r, const struct offsets_asked *a)
{
    const struct k_offset_fetch_request *q = r->message;
    fetch_response res;
    codec_default(K_MSG_OFFSET_FETCH_RESPONSE, &res);
    if (r->version >= 8) {
        res.groups_n = q->groups_n;
        res.groups = codec_array(
            &r->arena, K_STRUCT_OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_GROUP, q->groups_n);
        for (int32_t i = 0; i < q->groups_n; i++)
            answer_group(s, r, a, &q->groups[i], &res.groups[i]);
    } else {
        asked_group one = as_batch(r, q);
        fetched_group got;
        codec_default_struct(K_STRUCT_OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_GROUP, &got);
        answer_group(s, r, a, &one, &got);
        from_batch(r, &got, &res);
        spread_error(r, q, &res);
    }
    request_answer(r, &res);
}

/* ---- ConsumerGroupDescribe, ShareGroupDescribe, StreamsGroupDescribe ---- */

/* The three differ in their types, in what must be switched on, and in who describes: `describe` is an expression that fills `to`
 * for the group `id`. */
#define DESCRIBE_EACH(r, kind, KIND, is_served, describe) \
    const struct k_##kind##_group_describe_request *q = (r)->message; \
    struct k_##kind##_group_describe_response res; \
    codec_default(K_MSG_##KIND##_GROUP_DESCRIBE_RESPONSE, &res); \
    res.groups_n = q->group_ids_n; \
    res.groups = codec_array( \
        &(r)->arena, K_STRUCT_##KIND##_GROUP_DESCRIBE_RESPONSE_DESCRIBED_GROUP, q->group_ids_n); \
    for (int32_t i = 0; i < q->group_ids_n; i++) { \
        struct slice id = q->group_ids[i]; \
        struct k_##kind##_group_describe_response_described_group *to = &res.groups[i]; \
        if (is_served) { \
            describe; \
        } else { \
            to->group_id = id; \
            to->error_code = K_ERR_UNSUPPORTED_VERSION; \
        } \
        if (q->include_authorized_operations && !to->error_code) \
            to->authorized_operations = GROUP_OPERATIONS; \
    } \
    request_answer((r), &res)

void
handle_consumer_group_describe(struct server *s, struct request *r)
{
    DESCRIBE_EACH(r, consumer, CONSUMER, serves_consumer_groups(s),
                  groups_consumer_describe(s->groups, id, &r->arena, to));
}

void
handle_share_group_describe(struct server *s, struct request *r)
{
    DESCRIBE_EACH(r, share, SHARE, serves_share_groups(s),
                  groups_share_describe(s->groups, id, &r->arena, to));
}

void
handle_streams_group_describe(struct server *s, struct request *r)
{
    DESCRIBE_EACH(
        r, streams, STREAMS, serves_streams_groups(s),
        groups_streams_describe(s->groups, id, q->include_topology_description, &r->arena, to));
}

/* ---- DescribeGroups, ListGroups ---- */

void
handle_describe_groups(struct server *s, struct request *r)
{
    const struct k_describe_groups_request *q = r->message;
    struct k_describe_groups_response res;
    codec_default(K_MSG_DESCRIBE_GROUPS_RESPONSE, &res);
    res.groups_n = q->groups_n;
    res.groups =
        codec_array(&r->arena, K_STRUCT_DESCRIBE_GROUPS_RESPONSE_DESCRIBED_GROUP, q->groups_n);
    for (int32_t i = 0; i < q->groups_n; i++) {
        groups_describe(s->groups, q->groups[i], r->version, &r->arena, &res.groups[i]);
        if (q->include_authorized_operations && !res.groups[i].error_code)
            res.groups[i].authorized_operations = GROUP_OPERATIONS;
    }
    request_answer(r, &res);
}

void
handle_list_groups(struct server *s, struct request *r)
{
    struct k_list_groups_response res;
    codec_default(K_MSG_LIST_GROUPS_RESPONSE, &res);
    groups_list(s->groups, r->message, &r->arena, &res);
    request_answer(r, &res);
}
