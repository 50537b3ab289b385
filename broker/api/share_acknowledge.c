/* ShareAcknowledge (KIP-932): what ShareFetch does besides fetching. */
#include "broker/api/handlers.h"
#include "broker/api/lookup.h"
#include "broker/api/share_acks.h"
#include "broker/api/share_session.h"
#include "broker/base/check.h"
#include "broker/protocol/codec.h"
#include "broker/share/share_config.h"
#include "errors.h"

typedef struct k_share_acknowledge_request ack_request;
typedef struct k_share_acknowledge_response ack_response;
typedef struct k_share_acknowledge_response_share_acknowledge_topic_response ack_topic;
typedef struct k_share_acknowledge_response_partition_data ack_partition;

struct acknowledging {
    struct request *r;
    const ack_request *q;
    struct share_acks acks;
    struct buf *member; /* a reference */
    struct task answer;
};

/* What comes after the acknowledgements of a session's last request. */
static void
end_session(struct acknowledging *k)
{
    struct server *s = k->r->server;
    if (k->q->share_session_epoch != SHARE_SESSION_ENDS) return;
    struct share_session *ss =
        share_session_find(&s->share_sessions, k->q->group_id, buf_slice(k->member));
    if (ss) share_session_end(ss);
}

static void
fill_ack_leader(struct acknowledging *k, const struct share_acks_part *p, ack_partition *to,
                ack_response *res)
{
    const struct image_partition *ip =
        lookup_image_partition(k->r->server, p->topic, SLICE_NULL, p->partition);
    /* The schema says 0 where nothing is said, which is a broker's id: nobody is -1. */
    to->current_leader.leader_id = ip ? ip->leader : -1;
    to->current_leader.leader_epoch = ip ? ip->leader_epoch : -1;
    const struct image_endpoint *ep;
    const struct image_broker *b = ip ? lookup_living(k->r, ip->leader, &ep) : NULL;
    if (!b) return;
    for (int32_t i = 0; i < res->node_endpoints_n; i++)
        if (res->node_endpoints[i].node_id == ip->leader) return;
    struct k_share_acknowledge_response_node_endpoint *n =
        &res->node_endpoints[res->node_endpoints_n++];
    n->node_id = ip->leader;
    n->host = ep->host;
    n->port = ep->port;
    n->rack = b->rack;
}

static void
acknowledge_answer(struct task *t)
{
    struct acknowledging *k = CONTAINER_OF(t, struct acknowledging, answer);
    struct server *s = k->r->server;
    struct arena *a = &k->r->arena;
    struct share_config c = {s->share_parts.params.settings, k->q->group_id};
    ack_response res;
    end_session(k);
    codec_default(K_MSG_SHARE_ACKNOWLEDGE_RESPONSE, &res);
    res.acquisition_lock_timeout_ms = (int32_t)share_lock_ms(&c);
    res.responses = codec_array(
        a, K_STRUCT_SHARE_ACKNOWLEDGE_RESPONSE_SHARE_ACKNOWLEDGE_TOPIC_RESPONSE, k->q->topics_n);
    res.node_endpoints =
        codec_array(a, K_STRUCT_SHARE_ACKNOWLEDGE_RESPONSE_NODE_ENDPOINT, k->acks.parts_n);
    for (int32_t i = 0; i < k->acks.parts_n; i++) {
        const struct share_acks_part *p = &k->acks.parts[i];
        ack_topic *to = res.responses_n ? &res.responses[res.responses_n - 1] : NULL;
        if (!to || !uuid_eq(to->topic_id, p->topic)) {
            to = &res.responses[res.responses_n++];
            to->topic_id = p->topic;
            to->partitions = codec_array(a, K_STRUCT_SHARE_ACKNOWLEDGE_RESPONSE_PARTITION_DATA,
                                         k->acks.parts_n - i);
        }
        ack_partition *d = &to->partitions[to->partitions_n++];
        d->partition_index = p->partition;
        d->error_code = p->err;
        if (p->err == K_ERR_NOT_LEADER_OR_FOLLOWER) fill_ack_leader(k, p, d, &res);
    }
    buf_unref(k->member);
    request_answer(k->r, &res);
}

static void
all_acked(struct share_acks *acks)
{
    struct acknowledging *k = CONTAINER_OF(acks, struct acknowledging, acks);
    defer(k->r->server->env, &k->answer);
}

static void
gather_acknowledged(struct acknowledging *k)
{
    const ack_request *q = k->q;
    struct arena *a = &k->r->arena;
    int32_t n = 0;
    for (int32_t i = 0; i < q->topics_n; i++) n += q->topics[i].partitions_n;
    k->acks.done = all_acked;
    share_acks_init(&k->acks, k->r, n);
    for (int32_t i = 0; i < q->topics_n; i++)
        for (int32_t j = 0; j < q->topics[i].partitions_n; j++) {
            const struct k_share_acknowledge_request_acknowledge_partition *from =
                &q->topics[i].partitions[j];
            if (from->acknowledgement_batches_n <= 0) continue;
            struct share_acks_part *p =
                share_acks_add(&k->acks, &q->topics[i].topic_id, from->partition_index);
            p->batches_n = from->acknowledgement_batches_n;
            p->batches = ARENA_ARRAY(a, struct ack_batch, p->batches_n);
            for (int32_t b = 0; b < p->batches_n; b++)
                p->batches[b] =
                    (struct ack_batch){from->acknowledgement_batches[b].first_offset,
                                       from->acknowledgement_batches[b].last_offset,
                                       from->acknowledgement_batches[b].acknowledge_types,
                                       from->acknowledgement_batches[b].acknowledge_types_n};
        }
    share_acks_gathered(&k->acks);
}

static int16_t
take_ack_session(struct acknowledging *k)
{
    const ack_request *q = k->q;
    struct share_session *s =
        share_session_find(&k->r->server->share_sessions, q->group_id, q->member_id);
    if (q->share_session_epoch == SHARE_SESSION_BEGINS) return K_ERR_INVALID_SHARE_SESSION_EPOCH;
    int16_t err = share_session_check(s ? s->epoch : -1, q->share_session_epoch);
    if (err) return err;
    if (q->share_session_epoch != SHARE_SESSION_ENDS) s->epoch = share_session_next_epoch(s->epoch);
    k->member = buf_ref(s->member);
    return 0;
}

void
handle_share_acknowledge(struct server *s, struct request *r)
{
    struct acknowledging *k = REQUEST_NEW(r, struct acknowledging);
    *k = (struct acknowledging){.r = r, .q = r->message};
    k->answer.run = acknowledge_answer;
    int16_t err = serves_share_groups(s) ? 0 : K_ERR_UNSUPPORTED_VERSION;
    if (!err && (k->q->group_id.n == 0 || k->q->member_id.n == 0)) err = K_ERR_INVALID_REQUEST;
    if (!err) err = take_ack_session(k);
    if (err) {
        ack_response res;
        codec_default(K_MSG_SHARE_ACKNOWLEDGE_RESPONSE, &res);
        res.error_code = err;
        request_answer(r, &res);
        return;
    }
    gather_acknowledged(k);
    struct share_config c = {s->share_parts.params.settings, k->q->group_id};
    share_acks_begin(&k->acks, &s->share_parts, k->q->group_id, buf_slice(k->member),
                     k->q->is_renew_ack && share_may_renew(&c));
    if (k->acks.left == 0) all_acked(&k->acks);
}
