/* The group coordinator's APIs that wait: each request becomes a call of the coordinator, which answers
 * when it can. */
#include "broker/api/handlers.h"
#include "broker/api/named_parts.h"
#include "broker/api/waiting_call.h"
#include "broker/base/check.h"
#include "broker/group/groups.h"
#include "broker/protocol/codec.h"

void
handle_join_group(struct server *s, struct request *r)
{
    groups_join(s->groups, r->message, waiting_call_new(r));
}

void
handle_sync_group(struct server *s, struct request *r)
{
    groups_sync(s->groups, r->message, waiting_call_new(r));
}

void
handle_heartbeat(struct server *s, struct request *r)
{
    groups_heartbeat(s->groups, r->message, waiting_call_new(r));
}

void
handle_leave_group(struct server *s, struct request *r)
{
    groups_leave(s->groups, r->message, waiting_call_new(r));
}

void
handle_offset_commit(struct server *s, struct request *r)
{
    groups_commit(s->groups, r->message, waiting_call_new(r));
}

void
handle_offset_delete(struct server *s, struct request *r)
{
    groups_offset_delete(s->groups, r->message, waiting_call_new(r));
}

/* ---- ConsumerGroupHeartbeat ---- */

static bool
is_protocol_on(const struct server *s, struct slice protocol)
{
    const struct config *c = s->config;
    int32_t n = config_list_n(c, K_CFG_GROUP_COORDINATOR_REBALANCE_PROTOCOLS);
    bool is_on = false;
    for (int32_t i = 0; i < n; i++)
        is_on |=
            slice_eq(config_list_at(c, K_CFG_GROUP_COORDINATOR_REBALANCE_PROTOCOLS, i), protocol);
    return is_on;
}

/* Where group.version is finalised with 1 (Kafka's default), and not switched off. */
bool
serves_consumer_groups(const struct server *s)
{
    return is_protocol_on(s, S("consumer")) &&
           image_feature_level(s->image, S("group.version")) >= 1;
}

/* Likewise with streams.version. */
bool
serves_streams_groups(const struct server *s)
{
    return is_protocol_on(s, S("streams")) &&
           image_feature_level(s->image, S("streams.version")) >= 1;
}

/* Without an answer librdkafka would wait for one for ever. */
void
handle_consumer_group_heartbeat(struct server *s, struct request *r)
{
    if (serves_consumer_groups(s)) {
        groups_consumer_heartbeat(s->groups, r->message, waiting_call_new(r));
        return;
    }
    struct k_consumer_group_heartbeat_response res;
    codec_default(K_MSG_CONSUMER_GROUP_HEARTBEAT_RESPONSE, &res);
    res.error_code = K_ERR_UNSUPPORTED_VERSION;
    request_answer(r, &res);
}

/* ---- ShareGroupHeartbeat ---- */

void
handle_share_group_heartbeat(struct server *s, struct request *r)
{
    if (serves_share_groups(s)) {
        groups_share_heartbeat(s->groups, r->message, waiting_call_new(r));
        return;
    }
    struct k_share_group_heartbeat_response res;
    codec_default(K_MSG_SHARE_GROUP_HEARTBEAT_RESPONSE, &res);
    res.error_code = K_ERR_UNSUPPORTED_VERSION;
    request_answer(r, &res);
}

/* ---- StreamsGroupHeartbeat, StreamsGroupTopologyDescriptionUpdate ---- */

void
handle_streams_group_heartbeat(struct server *s, struct request *r)
{
    if (serves_streams_groups(s)) {
        groups_streams_heartbeat(s->groups, r->message, waiting_call_new(r));
        return;
    }
    struct k_streams_group_heartbeat_response res;
    codec_default(K_MSG_STREAMS_GROUP_HEARTBEAT_RESPONSE, &res);
    res.error_code = K_ERR_UNSUPPORTED_VERSION;
    request_answer(r, &res);
}

/* Descriptions are kept by a plugin, and there are none: nobody is asked for one (topology_description_required). */
void
handle_streams_group_topology_description_update(struct server *s, struct request *r)
{
    struct k_streams_group_topology_description_update_response res;
    (void)s;
    codec_default(K_MSG_STREAMS_GROUP_TOPOLOGY_DESCRIPTION_UPDATE_RESPONSE, &res);
    res.error_code = K_ERR_UNSUPPORTED_VERSION;
    res.error_message =
        S("The broker has no streams group topology description plugin configured.");
    request_answer(r, &res);
}

/* ---- DeleteGroups: several deletions, one answer ---- */

struct deleting {
    struct request *r;
    struct k_delete_groups_response response;
    int32_t waiting;
};

struct deleting_one {
    struct coordinator_call call;
    struct deleting *of;
    struct k_delete_groups_response_deletable_group_result *result;
};

static void
deleted_one(struct coordinator_call *c, const void *response)
{
    struct deleting_one *one = CONTAINER_OF(c, struct deleting_one, call);
    *one->result = *(const struct k_delete_groups_response_deletable_group_result *)response;
    CHECK(one->of->waiting > 0);
    if (--one->of->waiting == 0) request_answer(one->of->r, &one->of->response);
}

/* Each name once, where it stands first: Kafka has them in a set. */
static struct slice *
different_names(struct server *s, struct request *r, const struct slice *names, int32_t *n)
{
    struct named_parts all;
    struct slice *ret = REQUEST_ARRAY(r, struct slice, MAX(*n, 1));
    int32_t kept = 0;
    named_parts_init(&all, &r->arena, env_map_key(s->env));
    for (int32_t i = 0; i < *n; i++)
        if (named_parts_add(&all, names[i], 0)->times == 1) ret[kept++] = names[i];
    named_parts_release(&all);
    *n = kept;
    return ret;
}

void
handle_delete_groups(struct server *s, struct request *r)
{
    const struct k_delete_groups_request *q = r->message;
    struct deleting *d = REQUEST_NEW(r, struct deleting);
    d->r = r;
    codec_default(K_MSG_DELETE_GROUPS_RESPONSE, &d->response);
    int32_t n = MAX(q->groups_names_n, 0);
    struct slice *names = different_names(s, r, q->groups_names, &n);
    d->response.results_n = n;
    d->response.results =
        codec_array(&r->arena, K_STRUCT_DELETE_GROUPS_RESPONSE_DELETABLE_GROUP_RESULT, n);
    d->waiting = n;
    if (n == 0) request_answer(r, &d->response);
    for (int32_t i = 0; i < n; i++) {
        struct deleting_one *one = REQUEST_NEW(r, struct deleting_one);
        one->of = d;
        one->result = &d->response.results[i];
        one->call = *waiting_call_new(r);
        one->call.done = deleted_one;
        groups_delete(s->groups, names[i], &one->call);
    }
}
