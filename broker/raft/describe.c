/* DescribeQuorum (KIP-836, 853): who leads, and how far the others are. Only the leader knows. */
#include "broker/raft/state.h"

static struct k_describe_quorum_response_replica_state
replica_state_of(int32_t id, struct uuid directory_id, int64_t end, int64_t fetch_ms,
                 int64_t caught_up_ms)
{
    return (struct k_describe_quorum_response_replica_state){.replica_id = id,
                                                             .replica_directory_id = directory_id,
                                                             .log_end_offset = end,
                                                             .last_fetch_timestamp = fetch_ms,
                                                             .last_caught_up_timestamp =
                                                                 caught_up_ms};
}

/* A voter's directory is told as the voters' set has it: not at all with kraft.version 0. */
static void
describe_voters(struct raft *r, struct k_describe_quorum_response_partition_data *d)
{
    int64_t now_ms = env_wall_ms(r->env);
    d->current_voters_n = (int32_t)r->voters.n;
    d->current_voters =
        codec_array(&r->env->scratch, K_STRUCT_DESCRIBE_QUORUM_RESPONSE_REPLICA_STATE, r->voters.n);
    for (int64_t i = 0; i < r->voters.n; i++) {
        const struct raft_voter *v = &r->voters.v[i];
        const struct member *m = member_by_id(r, v->id);
        d->current_voters[i] = v->id == r->cfg.node_id
                                 ? replica_state_of(v->id, v->directory_id,
                                                    commitlog_assigned_end(&r->log), now_ms, now_ms)
                                 : replica_state_of(v->id, v->directory_id, m->end_offset,
                                                    m->last_fetch_ms, m->caught_up_ms);
    }
}

static void
add_observers(struct raft *r, struct k_describe_quorum_response_partition_data *d)
{
    int32_t n = 0;
    LIST_EACH(&r->observers, o, struct observer, node) n++;
    d->observers =
        codec_array(&r->env->scratch, K_STRUCT_DESCRIBE_QUORUM_RESPONSE_REPLICA_STATE, n);
    LIST_EACH(&r->observers, o, struct observer, node)
        d->observers[d->observers_n++] = replica_state_of(
            o->key.id, o->key.directory_id, o->end_offset, o->last_fetch_ms, o->caught_up_ms);
}

static void
add_nodes(struct raft *r, struct k_describe_quorum_response *p)
{
    struct arena *a = &r->env->scratch;
    p->nodes_n = (int32_t)r->voters.n;
    p->nodes = codec_array(a, K_STRUCT_DESCRIBE_QUORUM_RESPONSE_NODE, r->voters.n);
    for (int64_t i = 0; i < r->voters.n; i++) {
        const struct raft_voter *v = &r->voters.v[i];
        struct k_describe_quorum_response_node *n = &p->nodes[i];
        n->node_id = v->id;
        n->listeners_n = 1;
        n->listeners = codec_array(a, K_STRUCT_DESCRIBE_QUORUM_RESPONSE_LISTENER, 1);
        n->listeners[0].name = v->listener;
        n->listeners[0].host = v->host;
        n->listeners[0].port = (uint16_t)v->port;
    }
}

/* Versions before KIP-853 have no room for them, and a value there would be refused. */
static void
drop_directories(struct k_describe_quorum_response_partition_data *d)
{
    for (int32_t i = 0; i < d->current_voters_n; i++)
        d->current_voters[i].replica_directory_id = UUID_ZERO;
    for (int32_t i = 0; i < d->observers_n; i++) d->observers[i].replica_directory_id = UUID_ZERO;
}

static void
describe_answer_error(struct raft *r, struct raft_answer *a,
                      const struct k_describe_quorum_request *q, int16_t version, int16_t err,
                      struct slice text)
{
    struct arena *s = &r->env->scratch;
    struct k_describe_quorum_response p;
    codec_default(K_MSG_DESCRIBE_QUORUM_RESPONSE, &p);
    p.topics_n = q->topics_n;
    p.topics = codec_array(s, K_STRUCT_DESCRIBE_QUORUM_RESPONSE_TOPIC_DATA, q->topics_n);
    for (int32_t i = 0; i < q->topics_n; i++) {
        int32_t n = q->topics[i].partitions_n;
        p.topics[i].topic_name = q->topics[i].topic_name;
        p.topics[i].partitions_n = n;
        p.topics[i].partitions =
            codec_array(s, K_STRUCT_DESCRIBE_QUORUM_RESPONSE_PARTITION_DATA, n);
        for (int32_t j = 0; j < n; j++) {
            p.topics[i].partitions[j].partition_index = q->topics[i].partitions[j].partition_index;
            p.topics[i].partitions[j].error_code = err;
            if (version >= 2) p.topics[i].partitions[j].error_message = text;
        }
    }
    a->done(a, &p);
}

static bool
asks_for_our_quorum(const struct k_describe_quorum_request *q)
{
    return q->topics_n == 1 && q->topics[0].partitions_n == 1 &&
           slice_eq(q->topics[0].topic_name, RAFT_TOPIC) &&
           q->topics[0].partitions[0].partition_index == 0;
}

void
raft_handle_describe_quorum(struct raft *r, struct raft_answer *a,
                            const struct k_describe_quorum_request *q, int16_t version)
{
    if (!asks_for_our_quorum(q)) {
        describe_answer_error(r, a, q, version, K_ERR_UNKNOWN_TOPIC_OR_PARTITION,
                              S("This server does not host this topic-partition."));
        return;
    }
    if (r->state != RAFT_LEADER) {
        describe_answer_error(
            r, a, q, version, K_ERR_NOT_LEADER_OR_FOLLOWER,
            S("For requests intended only for the leader, this error indicates that the "
              "broker is not the current leader."));
        return;
    }
    struct arena *s = &r->env->scratch;
    struct k_describe_quorum_response p;
    codec_default(K_MSG_DESCRIBE_QUORUM_RESPONSE, &p);
    p.topics_n = 1;
    p.topics = codec_array(s, K_STRUCT_DESCRIBE_QUORUM_RESPONSE_TOPIC_DATA, 1);
    p.topics[0].topic_name = RAFT_TOPIC;
    p.topics[0].partitions_n = 1;
    p.topics[0].partitions = codec_array(s, K_STRUCT_DESCRIBE_QUORUM_RESPONSE_PARTITION_DATA, 1);
    struct k_describe_quorum_response_partition_data *d = &p.topics[0].partitions[0];
    d->leader_id = r->election.leader_id;
    d->leader_epoch = r->election.epoch;
    d->high_watermark = r->high_watermark;
    describe_voters(r, d);
    add_observers(r, d);
    if (version >= 2) add_nodes(r, &p);
    else drop_directories(d);
    a->done(a, &p);
}
