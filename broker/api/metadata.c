/* Metadata, DescribeCluster, DescribeTopicPartitions: the cluster as clients see it. Brokers are named
 * by their endpoints on the listener by which the request came. */
#include "broker/api/forwarder.h"
#include "broker/api/handlers.h"
#include "broker/api/lookup.h"
#include "broker/base/check.h"
#include "broker/base/sort.h"
#include "broker/controller/topic_name.h"
#include "broker/protocol/codec.h"

static int32_t *
ids_copy(struct arena *a, struct ids ids)
{
    int32_t *v = ARENA_ARRAY(a, int32_t, MAX(ids.n, 1));
    if (ids.n) memcpy(v, ids.v, (size_t)ids.n * sizeof *v);
    return v;
}

static bool
broker_is_alive(const struct image *im, int32_t id)
{
    const struct image_broker *b = image_broker(im, id);
    return b && !b->is_fenced;
}

/* Replicas on brokers that are fenced or unknown. */
static int32_t *
offline_replicas(struct server *s, struct arena *a, const struct image_partition *p, int32_t *ret_n)
{
    int32_t *v = ARENA_ARRAY(a, int32_t, MAX(p->replicas.n, 1)), n = 0;
    for (int32_t i = 0; i < p->replicas.n; i++)
        if (!broker_is_alive(s->image, p->replicas.v[i])) v[n++] = p->replicas.v[i];
    *ret_n = n;
    return v;
}

static void
metadata_fill_partition(struct request *r, const struct image_partition *p,
                        struct k_metadata_response_metadata_response_partition *m)
{
    struct server *s = r->server;
    m->partition_index = p->index;
    m->leader_id = p->leader;
    m->leader_epoch = p->leader_epoch;
    m->replica_nodes = ids_copy(&r->arena, p->replicas);
    m->replica_nodes_n = p->replicas.n;
    m->isr_nodes = ids_copy(&r->arena, p->isr);
    m->isr_nodes_n = p->isr.n;
    m->offline_replicas = offline_replicas(s, &r->arena, p, &m->offline_replicas_n);
    if (p->leader == NO_LEADER || !broker_is_alive(s->image, p->leader))
        m->error_code = K_ERR_LEADER_NOT_AVAILABLE;
    else if (!lookup_endpoint(r, p->leader)) m->error_code = K_ERR_LISTENER_NOT_FOUND;
    if (m->error_code) m->leader_id = NO_LEADER;
}

static void
fill_topic(struct request *r, const struct image_topic *t,
           struct k_metadata_response_metadata_response_topic *m)
{
    m->name = t->name;
    m->topic_id = t->id;
    m->is_internal = topic_name_is_internal(t->name);
    const struct k_metadata_request *q = r->message;
    if (q->include_topic_authorized_operations) m->topic_authorized_operations = LOOKUP_TOPIC_OPS;
    m->partitions = codec_array(&r->arena, K_STRUCT_METADATA_RESPONSE_METADATA_RESPONSE_PARTITION,
                                t->partitions_n);
    for (int32_t i = 0; i < t->partitions_n; i++)
        if (t->partitions[i])
            metadata_fill_partition(r, t->partitions[i], &m->partitions[m->partitions_n++]);
}

static void
unknown_id(int16_t version, struct uuid id, struct k_metadata_response_metadata_response_topic *m)
{
    m->name = version < 12 ? SLICE_EMPTY : SLICE_NULL;
    m->topic_id = id;
    m->error_code = K_ERR_UNKNOWN_TOPIC_ID;
}

static void
unknown_topic(struct request *r, struct slice name,
              struct k_metadata_response_metadata_response_topic *m)
{
    const struct k_metadata_request *request = r->message;
    m->name = name;
    if (!lookup_is_valid_topic(name)) {
        m->error_code = K_ERR_INVALID_TOPIC_EXCEPTION;
        return;
    }
    m->error_code = K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
    bool wanted = r->version < 4 || request->allow_auto_topic_creation;
    if (wanted && config_bool(r->server->config, K_CFG_AUTO_CREATE_TOPICS_ENABLE))
        forwarder_create_topic(r->server->forwarder, name);
}

static void
fill_brokers(struct request *r, struct k_metadata_response *res)
{
    const struct image *im = r->server->image;
    res->brokers =
        codec_array(&r->arena, K_STRUCT_METADATA_RESPONSE_METADATA_RESPONSE_BROKER, im->brokers.n);
    for (int64_t i = 0; i < im->brokers.n; i++) {
        const struct image_broker *b = im->brokers.v[i];
        const struct image_endpoint *ep = image_endpoint(b, r->listener->name);
        if (b->is_fenced || !ep) continue;
        struct k_metadata_response_metadata_response_broker *m = &res->brokers[res->brokers_n++];
        m->node_id = b->id;
        m->host = ep->host;
        m->port = ep->port;
        m->rack = b->rack;
    }
}

/* Clients may not reach the controllers, so they are given a broker that forwards; the first that
 * lives, so that the answer does not change from request to request. */
static int32_t
a_broker(const struct image *im)
{
    for (int64_t i = 0; i < im->brokers.n; i++)
        if (!im->brokers.v[i]->is_fenced) return im->brokers.v[i]->id;
    return -1;
}

typedef struct k_metadata_response_metadata_response_topic metadata_topic;

static void
all_topics(struct request *r, struct k_metadata_response *res)
{
    const struct image *im = r->server->image;
    res->topics =
        codec_array(&r->arena, K_STRUCT_METADATA_RESPONSE_METADATA_RESPONSE_TOPIC, im->topics.n);
    res->topics_n = (int32_t)im->topics.n;
    for (int64_t i = 0; i < im->topics.n; i++) fill_topic(r, im->topics.v[i], &res->topics[i]);
}

/* Each topic once, however often it is named: a short request must not make us write the same
 * partitions a million times. */
static void
asked_topics(struct request *r, struct k_metadata_response *res)
{
    const struct k_metadata_request *q = r->message;
    const struct image *im = r->server->image;
    struct slice *names = REQUEST_ARRAY(r, struct slice, MAX(q->topics_n, 1));
    struct slice *spare = REQUEST_ARRAY(r, struct slice, MAX(q->topics_n, 1));
    int64_t n = 0;
    res->topics =
        codec_array(&r->arena, K_STRUCT_METADATA_RESPONSE_METADATA_RESPONSE_TOPIC, q->topics_n);
    for (int32_t i = 0; i < q->topics_n; i++) {
        const struct k_metadata_request_metadata_request_topic *asked = &q->topics[i];
        bool by_id = !uuid_is_zero(asked->topic_id);
        const struct image_topic *t = by_id ? image_topic_by_id(im, asked->topic_id) : NULL;
        if (by_id && !t) unknown_id(r->version, asked->topic_id, &res->topics[res->topics_n++]);
        else names[n++] = t ? t->name : asked->name;
    }
    n = slices_sort_unique(names, n, spare);
    for (int64_t i = 0; i < n; i++) {
        const struct image_topic *t = image_topic(im, names[i]);
        metadata_topic *m = &res->topics[res->topics_n++];
        if (t) fill_topic(r, t, m);
        else unknown_topic(r, names[i], m);
    }
}

void
handle_metadata(struct server *s, struct request *r)
{
    const struct k_metadata_request *q = r->message;
    const struct image *im = s->image;
    struct k_metadata_response res;
    codec_default(K_MSG_METADATA_RESPONSE, &res);
    fill_brokers(r, &res);
    res.cluster_id = s->cluster_id;
    res.controller_id = a_broker(im);
    if (q->include_cluster_authorized_operations)
        res.cluster_authorized_operations = LOOKUP_CLUSTER_OPS;
    bool all = q->topics_n < 0 || (r->version == 0 && q->topics_n == 0);
    if (all) all_topics(r, &res);
    else asked_topics(r, &res);
    request_answer(r, &res);
}

/* ---- DescribeCluster (KIP-700, KIP-919) ---- */

static void
describe_node(struct request *r, const struct image_broker *b, struct slice listener,
              struct k_describe_cluster_response *res)
{
    const struct image_endpoint *ep = image_endpoint(b, listener);
    if (!ep) return;
    struct k_describe_cluster_response_describe_cluster_broker *m = &res->brokers[res->brokers_n++];
    m->broker_id = b->id;
    m->host = ep->host;
    m->port = ep->port;
    m->rack = b->rack;
    m->is_fenced = b->is_fenced;
    (void)r;
}

void
handle_describe_cluster(struct server *s, struct request *r)
{
    const struct k_describe_cluster_request *q = r->message;
    struct k_describe_cluster_response res;
    codec_default(K_MSG_DESCRIBE_CLUSTER_RESPONSE, &res);
    bool wants_controllers = q->endpoint_type == 2;
    if (q->endpoint_type != 1 && !wants_controllers) {
        res.error_code = K_ERR_UNSUPPORTED_ENDPOINT_TYPE;
        res.error_message = S("Endpoint type must be 1 (brokers) or 2 (controllers)");
        request_answer(r, &res);
        return;
    }
    if (wants_controllers != (r->listener->kind == LISTENER_CONTROLLER)) {
        res.error_code = K_ERR_MISMATCHED_ENDPOINT_TYPE;
        res.error_message =
            wants_controllers
                ? S("The request was sent to an endpoint of type BROKER, but we wanted "
                    "an endpoint of type CONTROLLER")
                : S("The request was sent to an endpoint of type CONTROLLER, but we "
                    "wanted an endpoint of type BROKER");
        request_answer(r, &res);
        return;
    }
    res.cluster_id = s->cluster_id;
    res.endpoint_type = q->endpoint_type;
    if (q->include_cluster_authorized_operations)
        res.cluster_authorized_operations = LOOKUP_CLUSTER_OPS;
    const struct image *im = s->image;
    int64_t n = wants_controllers ? im->controllers.n : im->brokers.n;
    res.brokers =
        codec_array(&r->arena, K_STRUCT_DESCRIBE_CLUSTER_RESPONSE_DESCRIBE_CLUSTER_BROKER, n);
    for (int64_t i = 0; i < n; i++) {
        const struct image_broker *b = wants_controllers ? im->controllers.v[i] : im->brokers.v[i];
        if (!wants_controllers && b->is_fenced && !q->include_fenced_brokers) continue;
        describe_node(r, b, r->listener->name, &res);
    }
    res.controller_id = wants_controllers ? raft_leader_id(s->raft) : a_broker(im);
    request_answer(r, &res);
}

/* ---- DescribeTopicPartitions (KIP-966) ---- */

typedef struct k_describe_topic_partitions_response_describe_topic_partitions_response_topic
    described_topic;
typedef struct k_describe_topic_partitions_response_describe_topic_partitions_response_partition
    described_partition;

static void
describe_partition(struct request *r, const struct image_partition *p, described_partition *m)
{
    struct arena *a = &r->arena;
    m->partition_index = p->index;
    m->leader_id = p->leader;
    m->leader_epoch = p->leader_epoch;
    m->replica_nodes = ids_copy(a, p->replicas), m->replica_nodes_n = p->replicas.n;
    m->isr_nodes = ids_copy(a, p->isr), m->isr_nodes_n = p->isr.n;
    m->eligible_leader_replicas = ids_copy(a, p->elr), m->eligible_leader_replicas_n = p->elr.n;
    m->last_known_elr = ids_copy(a, p->last_known_elr), m->last_known_elr_n = p->last_known_elr.n;
    m->offline_replicas = offline_replicas(r->server, a, p, &m->offline_replicas_n);
    if (p->leader == NO_LEADER || !broker_is_alive(r->server->image, p->leader)) {
        m->error_code = K_ERR_LEADER_NOT_AVAILABLE;
        m->leader_id = NO_LEADER;
    }
}

/* The topics that are asked for, in the order in which a cursor goes through them. */
static struct slice *
asked_names(struct request *r, int64_t *ret_n)
{
    const struct k_describe_topic_partitions_request *q = r->message;
    const struct image *im = r->server->image;
    bool all = q->topics_n == 0;
    int64_t n = all ? im->topics.n : q->topics_n;
    struct slice *names = REQUEST_ARRAY(r, struct slice, MAX(n, 1));
    struct slice *spare = REQUEST_ARRAY(r, struct slice, MAX(n, 1));
    for (int64_t i = 0; i < n; i++) names[i] = all ? im->topics.v[i]->name : q->topics[i].name;
    *ret_n = all ? n : slices_sort_unique(names, n, spare);
    return names;
}

/* It comes from an answer, and goes back with the same question. */
static bool
cursor_is_valid(const struct request *r, const struct slice *names, int64_t n)
{
    const struct k_describe_topic_partitions_request *q = r->message;
    if (q->cursor->partition_index < 0) return false;
    bool found = q->topics_n == 0;
    for (int64_t i = 0; i < n && !found; i++) found = slice_eq(names[i], q->cursor->topic_name);
    return found;
}

/* True: the limit is reached, the cursor says where to go on. */
static bool
describe_topic_partitions(struct request *r, const struct image_topic *t, int32_t first,
                          int64_t *left, described_topic *m,
                          struct k_describe_topic_partitions_response *res)
{
    struct arena *a = &r->arena;
    m->topic_id = t->id;
    m->is_internal = topic_name_is_internal(t->name);
    m->partitions = codec_array(
        a, K_STRUCT_DESCRIBE_TOPIC_PARTITIONS_RESPONSE_DESCRIBE_TOPIC_PARTITIONS_RESPONSE_PARTITION,
        MIN(t->partitions_n, *left));
    for (int32_t k = first; k < t->partitions_n; k++) {
        if (!t->partitions[k]) continue;
        if (*left == 0) {
            res->next_cursor = ARENA_NEW(a, struct k_describe_topic_partitions_response_cursor);
            res->next_cursor->topic_name = t->name;
            res->next_cursor->partition_index = k;
            return true;
        }
        describe_partition(r, t->partitions[k], &m->partitions[m->partitions_n++]);
        (*left)--;
    }
    return false;
}

void
handle_describe_topic_partitions(struct server *s, struct request *r)
{
    const struct k_describe_topic_partitions_request *q = r->message;
    struct k_describe_topic_partitions_response res;
    codec_default(K_MSG_DESCRIBE_TOPIC_PARTITIONS_RESPONSE, &res);
    int64_t left = MIN(MAX(q->response_partition_limit, 1),
                       config_i64(s->config, K_CFG_MAX_REQUEST_PARTITION_SIZE_LIMIT));
    int64_t n;
    const struct slice *names = asked_names(r, &n);
    res.topics = codec_array(
        &r->arena,
        K_STRUCT_DESCRIBE_TOPIC_PARTITIONS_RESPONSE_DESCRIBE_TOPIC_PARTITIONS_RESPONSE_TOPIC, n);
    bool is_full = false, bad_cursor = q->cursor && !cursor_is_valid(r, names, n);
    for (int64_t i = 0; i < n && !is_full; i++) {
        int order = q->cursor ? slice_cmp(names[i], q->cursor->topic_name) : 1;
        if (order < 0 && !bad_cursor) continue;
        described_topic *m = &res.topics[res.topics_n++];
        const struct image_topic *t = image_topic(s->image, names[i]);
        m->name = names[i];
        if (bad_cursor) {
            m->error_code = K_ERR_INVALID_REQUEST;
            continue;
        }
        m->topic_authorized_operations = LOOKUP_TOPIC_OPS;
        if (!t)
            m->error_code = lookup_is_valid_topic(names[i]) ? K_ERR_UNKNOWN_TOPIC_OR_PARTITION
                                                            : K_ERR_INVALID_TOPIC_EXCEPTION;
        else
            is_full = describe_topic_partitions(r, t, order == 0 ? q->cursor->partition_index : 0,
                                                &left, m, &res);
        if (is_full && m->partitions_n == 0) res.topics_n--; /* the cursor names it */
    }
    request_answer(r, &res);
}
