/* Metadata, DescribeCluster, DescribeTopicPartitions: the cluster as clients see it. Brokers are named
 * by their endpoints on the listener by which the request came. */
#include "broker/api/forwarder.h"
#include "broker/api/handlers.h"
#include "broker/api/lookup.h"
#include "broker/base/check.h"
#include "broker/controller/topic_name.h"
#include "broker/protocol/codec.h"

static bool
is_valid_name(struct slice name)
{
    struct writer ignored = writer_fixed(NULL, 0);
    return topic_name_check(name, &ignored);
}

static int32_t *
ids_copy(struct arena *a, struct ids ids)
{
    int32_t *v = ARENA_ARRAY(a, int32_t, MAX(ids.n, 1));
    if (ids.n) memcpy(v, ids.v, (size_t)ids.n * sizeof *v);
    return v;
}

static bool
is_alive(const struct image *im, int32_t id)
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
        if (!is_alive(s->image, p->replicas.v[i])) v[n++] = p->replicas.v[i];
    *ret_n = n;
    return v;
}

static void
fill_partition(struct request *r, const struct image_partition *p,
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
    if (p->leader == NO_LEADER || !is_alive(s->image, p->leader))
        m->error_code = K_ERR_LEADER_NOT_AVAILABLE;
    else if (!lookup_endpoint(r, p->leader))
        m->error_code = K_ERR_LISTENER_NOT_FOUND;
    if (m->error_code) m->leader_id = NO_LEADER;
}

static void
fill_topic(struct request *r, const struct image_topic *t,
           struct k_metadata_response_metadata_response_topic *m)
{
    m->name = t->name;
    m->topic_id = t->id;
    m->is_internal = lookup_is_internal_topic(t->name);
    m->partitions = codec_array(&r->arena, K_STRUCT_METADATA_RESPONSE_METADATA_RESPONSE_PARTITION,
                                t->partitions_n);
    for (int32_t i = 0; i < t->partitions_n; i++)
        if (t->partitions[i]) fill_partition(r, t->partitions[i], &m->partitions[m->partitions_n++]);
}

static void
unknown_topic(struct request *r, const struct k_metadata_request_metadata_request_topic *q,
              struct k_metadata_response_metadata_response_topic *m)
{
    const struct k_metadata_request *request = r->message;
    m->name = q->name;
    m->topic_id = q->topic_id;
    if (!uuid_is_zero(q->topic_id)) {
        m->error_code = K_ERR_UNKNOWN_TOPIC_ID;
        return;
    }
    if (!is_valid_name(q->name)) {
        m->error_code = K_ERR_INVALID_TOPIC_EXCEPTION;
        return;
    }
    m->error_code = K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
    bool wanted = r->version < 4 || request->allow_auto_topic_creation;
    if (wanted && config_bool(r->server->config, K_CFG_AUTO_CREATE_TOPICS_ENABLE))
        forwarder_create_topic(r->server->forwarder, q->name);
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
    bool all = q->topics_n < 0 || (r->version == 0 && q->topics_n == 0);
    int64_t n = all ? im->topics.n : q->topics_n;
    res.topics = codec_array(&r->arena, K_STRUCT_METADATA_RESPONSE_METADATA_RESPONSE_TOPIC, n);
    for (int64_t i = 0; i < n; i++) {
        struct k_metadata_response_metadata_response_topic *m = &res.topics[res.topics_n++];
        if (all) {
            fill_topic(r, im->topics.v[i], m);
            continue;
        }
        const struct image_topic *t = uuid_is_zero(q->topics[i].topic_id)
                                          ? image_topic(im, q->topics[i].name)
                                          : image_topic_by_id(im, q->topics[i].topic_id);
        if (t)
            fill_topic(r, t, m);
        else
            unknown_topic(r, &q->topics[i], m);
    }
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
    res.cluster_id = s->cluster_id;
    res.endpoint_type = q->endpoint_type;
    bool wants_controllers = q->endpoint_type == 2;
    if (wants_controllers != (r->listener->kind == LISTENER_CONTROLLER)) {
        res.error_code = K_ERR_MISMATCHED_ENDPOINT_TYPE;
        res.error_message = wants_controllers
                                ? S("The request was sent to an endpoint of type BROKER, but we wanted "
                                    "an endpoint of type CONTROLLER")
                                : S("The request was sent to an endpoint of type CONTROLLER, but we "
                                    "wanted an endpoint of type BROKER");
        request_answer(r, &res);
        return;
    }
    const struct image *im = s->image;
    int64_t n = wants_controllers ? im->controllers.n : im->brokers.n;
    res.brokers = codec_array(
        &r->arena, K_STRUCT_DESCRIBE_CLUSTER_RESPONSE_DESCRIBE_CLUSTER_BROKER, n);
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
    if (p->leader == NO_LEADER || !is_alive(r->server->image, p->leader)) {
        m->error_code = K_ERR_LEADER_NOT_AVAILABLE;
        m->leader_id = NO_LEADER;
    }
}

static int
by_name(const struct slice *a, const struct slice *b)
{
    return slice_cmp(*a, *b);
}

/* Insertion sort: requests name few topics, and those that name all come sorted. */
static void
sort_names(struct slice *v, int32_t n)
{
    for (int32_t i = 1; i < n; i++) {
        struct slice x = v[i];
        int32_t k = i;
        for (; k > 0 && by_name(&x, &v[k - 1]) < 0; k--) v[k] = v[k - 1];
        v[k] = x;
    }
}

void
handle_describe_topic_partitions(struct server *s, struct request *r)
{
    const struct k_describe_topic_partitions_request *q = r->message;
    struct k_describe_topic_partitions_response res;
    codec_default(K_MSG_DESCRIBE_TOPIC_PARTITIONS_RESPONSE, &res);
    int64_t limit = MIN(MAX(q->response_partition_limit, 1),
                        config_i64(s->config, K_CFG_MAX_REQUEST_PARTITION_SIZE_LIMIT));
    bool all = q->topics_n == 0;
    int32_t n = all ? (int32_t)s->image->topics.n : q->topics_n;
    struct slice *names = ARENA_ARRAY(&r->arena, struct slice, MAX(n, 1));
    for (int32_t i = 0; i < n; i++)
        names[i] = all ? s->image->topics.v[i]->name : q->topics[i].name;
    if (!all) sort_names(names, n);
    res.topics = codec_array(
        &r->arena,
        K_STRUCT_DESCRIBE_TOPIC_PARTITIONS_RESPONSE_DESCRIBE_TOPIC_PARTITIONS_RESPONSE_TOPIC, n);
    for (int32_t i = 0; i < n && !res.next_cursor; i++) {
        if (q->cursor && slice_cmp(names[i], q->cursor->topic_name) < 0) continue;
        const struct image_topic *t = image_topic(s->image, names[i]);
        described_topic *m = &res.topics[res.topics_n++];
        m->name = names[i];
        if (!t) {
            m->error_code = !is_valid_name(names[i]) ? K_ERR_INVALID_TOPIC_EXCEPTION
                                                         : K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
            continue;
        }
        m->topic_id = t->id;
        m->is_internal = lookup_is_internal_topic(t->name);
        int32_t first =
            q->cursor && slice_eq(names[i], q->cursor->topic_name) ? q->cursor->partition_index : 0;
        m->partitions = codec_array(
            &r->arena,
            K_STRUCT_DESCRIBE_TOPIC_PARTITIONS_RESPONSE_DESCRIBE_TOPIC_PARTITIONS_RESPONSE_PARTITION,
            t->partitions_n);
        for (int32_t k = MAX(first, 0); k < t->partitions_n; k++) {
            if (limit-- == 0) {
                res.next_cursor = ARENA_NEW(&r->arena,
                                            struct k_describe_topic_partitions_response_cursor);
                res.next_cursor->topic_name = t->name;
                res.next_cursor->partition_index = k;
                break;
            }
            if (t->partitions[k])
                describe_partition(r, t->partitions[k], &m->partitions[m->partitions_n++]);
        }
    }
    request_answer(r, &res);
}
