#include "broker/group/classic_member.h"

#include "broker/base/check.h"
#include "broker/group/embedded.h"
#include "errors.h"

typedef struct k_consumer_group_member_metadata_value_classic_protocol classic_protocol;
typedef struct k_join_group_request join_request;
typedef struct k_join_group_response join_response;
typedef struct k_sync_group_request sync_request;
typedef struct k_sync_group_response sync_response;
typedef struct k_consumer_group_heartbeat_request request;

/* From this version on a member joins with an id that the coordinator gave it (KIP-394). */
#define KNOWN_ID_VERSION 4
#define NULL_PROTOCOL_VERSION 7

/* ---- protocols ---------------------------------------------------------------------------------- */

static const classic_protocol *
find_protocol(const struct consumer_member *m, struct slice name)
{
    for (int32_t i = 0; i < m->spec.classic_member_metadata->supported_protocols_n; i++)
        if (slice_eq(m->spec.classic_member_metadata->supported_protocols[i].name, name))
            return &m->spec.classic_member_metadata->supported_protocols[i];
    return NULL;
}

struct slice
classic_metadata(const struct consumer_member *m, struct slice protocol)
{
    const classic_protocol *p = find_protocol(m, protocol);
    return p ? p->metadata : SLICE_EMPTY;
}

static bool
counts(const struct consumer_member *m, struct consumer_member *const *without, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        if (without[i] == m) return false;
    return m->spec.classic_member_metadata != NULL;
}

static bool
all_have(const struct group *g, struct consumer_member *const *without, int32_t n,
         struct slice name)
{
    MAP_EACH(&g->consumer->members, m, struct consumer_member, by_id)
        if (counts(m, without, n) && !find_protocol(m, name)) return false;
    return true;
}

const struct slice *
classic_protocol_of_all(const struct group *g, struct consumer_member *const *without, int32_t n)
{
    MAP_EACH(&g->consumer->members, m, struct consumer_member, by_id) {
        if (!counts(m, without, n)) continue;
        for (int32_t i = 0; i < m->spec.classic_member_metadata->supported_protocols_n; i++) {
            const classic_protocol *p = &m->spec.classic_member_metadata->supported_protocols[i];
            if (all_have(g, without, n, p->name)) return &p->name;
        }
        break; /* what all have, the first has */
    }
    return NULL;
}

static bool
supports(const struct group *g, const join_request *q)
{
    if (!slice_eq(q->protocol_type, S("consumer"))) return false;
    for (int32_t i = 0; i < q->protocols_n; i++)
        if (all_have(g, NULL, 0, q->protocols[i].name)) return true;
    return false;
}

/* ---- who it is ---------------------------------------------------------------------------------- */

static int16_t
find_member(const struct group *g, struct slice id, struct slice instance_id,
            struct consumer_member **ret)
{
    *ret = instance_id.p ? consumer_static_member(g, instance_id) : consumer_member(g, id);
    if (!*ret) return K_ERR_UNKNOWN_MEMBER_ID;
    return slice_eq((*ret)->id, id) ? 0 : K_ERR_FENCED_INSTANCE_ID;
}

/* A consumer of the new protocol does not speak this one. */
static int16_t
find_classic(const struct group *g, struct slice id, struct slice instance_id, int32_t generation,
             struct consumer_member **ret)
{
    int16_t err = find_member(g, id, instance_id, ret);
    if (err) return err;
    if (!(*ret)->spec.classic_member_metadata) return K_ERR_UNKNOWN_MEMBER_ID;
    return (*ret)->epoch == generation ? 0 : K_ERR_ILLEGAL_GENERATION;
}

/* From when it is asked to join again, and from when it has joined. */
static void
expect(struct consumer_member *m)
{
    struct env *env = group_env(m->group);
    timer_arm(env, &m->rebalance, env_now_ns(env) + m->spec.rebalance_timeout_ms * NS_PER_MS);
}

void
classic_expect_sync(struct consumer_member *m)
{
    expect(m);
}

/* ---- JoinGroup ---------------------------------------------------------------------------------- */

static void
refuse_with_id(struct groups *gs, struct coordinator_call *call, int16_t err,
               struct slice member_id)
{
    join_response *res = ARENA_NEW(call->arena, join_response);
    codec_default(K_MSG_JOIN_GROUP_RESPONSE, res);
    res->error_code = err;
    if (call->version >= NULL_PROTOCOL_VERSION) res->protocol_name = SLICE_NULL;
    res->member_id = arena_dup(call->arena, member_id);
    groups_answer(gs, call, res);
}

void
classic_refuse_join(struct groups *gs, struct coordinator_call *call, int16_t err)
{
    refuse_with_id(gs, call, err, SLICE_EMPTY);
}

/* The same as a heartbeat of the new protocol would say. */
static void
fill_request(const join_request *q, const subscription *sub, const struct tp_set *owned,
             struct arena *a, request *to)
{
    codec_default(K_MSG_CONSUMER_GROUP_HEARTBEAT_REQUEST, to);
    to->group_id = q->group_id;
    to->member_id = q->member_id;
    to->instance_id = q->group_instance_id;
    to->rack_id = sub->rack_id.n ? sub->rack_id : SLICE_NULL;
    to->rebalance_timeout_ms =
        q->rebalance_timeout_ms >= 0 ? q->rebalance_timeout_ms : q->session_timeout_ms;
    to->subscribed_topic_names = sub->topics;
    to->subscribed_topic_names_n = sub->topics_n;
    to->topic_partitions =
        ARENA_ARRAY(a, struct k_consumer_group_heartbeat_request_topic_partitions, owned->n);
    int32_t *indexes = ARENA_ARRAY(a, int32_t, owned->n);
    to->topic_partitions_n = (int32_t)owned->n;
    for (int64_t i = 0; i < owned->n; i++) {
        indexes[i] = owned->v[i].index;
        to->topic_partitions[i] = (struct k_consumer_group_heartbeat_request_topic_partitions){
            owned->v[i].topic, &indexes[i], 1};
    }
}

static bool
is_id_required(const join_request *q, int16_t version)
{
    return q->member_id.n == 0 && !q->group_instance_id.p && version >= KNOWN_ID_VERSION;
}

static struct slice
new_id(struct group *g, struct coordinator_call *call)
{
    char text[UUID_TEXT_BYTES];
    uuid_print(env_random_uuid_of(group_env(g), STREAM_MEMBER_ID), text);
    return arena_dup(call->arena, slice(text, sizeof text));
}

void
classic_join(struct group *g, const join_request *q, struct coordinator_call *call)
{
    struct groups *gs = g->shard->owner;
    const struct image *im = gs->base.image;
    struct arena *a = call->arena;
    subscription sub;
    int16_t err = 0;
    bool is_unknown = q->member_id.n == 0;
    struct slice id = is_unknown ? new_id(g, call) : q->member_id;
    if (!supports(g, q) || !subscription_read(q->protocols[0].metadata, a, &sub))
        err = K_ERR_INCONSISTENT_GROUP_PROTOCOL;
    else if (is_id_required(q, call->version)) err = K_ERR_MEMBER_ID_REQUIRED;
    if (err) {
        refuse_with_id(gs, call, err, err == K_ERR_MEMBER_ID_REQUIRED ? id : q->member_id);
        return;
    }
    struct tp_set owned = subscription_owned(&sub, im, a);
    request *as_beat = ARENA_NEW(a, request);
    fill_request(q, &sub, &owned, a, as_beat);
    as_beat->member_id = id;
    struct classic_joiner joiner = {.q = q, .is_unknown = is_unknown};
    consumer_heartbeat_of_classic(g, as_beat, call, &joiner);
}

/* ---- SyncGroup ---------------------------------------------------------------------------------- */

static void
refuse_sync(struct groups *gs, struct coordinator_call *call, int16_t err)
{
    sync_response *res = ARENA_NEW(call->arena, sync_response);
    codec_default(K_MSG_SYNC_GROUP_RESPONSE, res);
    res->error_code = err;
    groups_answer(gs, call, res);
}

static bool
names_another(struct slice asked, struct slice ours)
{
    return asked.p && !slice_eq(asked, ours);
}

static int16_t
check_sync(struct group *g, const sync_request *q, struct consumer_member **ret)
{
    int16_t err = find_classic(g, q->member_id, q->group_instance_id, q->generation_id, ret);
    if (err) return err;
    const struct consumer_member *m = *ret;
    if (names_another(q->protocol_type, S("consumer")) ||
        names_another(q->protocol_name,
                      m->spec.classic_member_metadata->supported_protocols[0].name))
        return K_ERR_INCONSISTENT_GROUP_PROTOCOL;
    /* Who has something to give up has joined already, and shall be told of it. */
    bool is_behind = g->consumer->assignment_epoch > m->epoch && m->state != MEMBER_REVOKING;
    return is_behind ? K_ERR_REBALANCE_IN_PROGRESS : 0;
}

void
classic_sync(struct group *g, const sync_request *q, struct coordinator_call *call)
{
    struct groups *gs = g->shard->owner;
    struct consumer_member *m;
    int16_t err = check_sync(g, q, &m);
    if (err) {
        if (err == K_ERR_REBALANCE_IN_PROGRESS && !timer_is_armed(&m->rebalance)) expect(m);
        refuse_sync(gs, call, err);
        return;
    }
    sync_response *res = ARENA_NEW(call->arena, sync_response);
    codec_default(K_MSG_SYNC_GROUP_RESPONSE, res);
    res->protocol_type = q->protocol_type;
    res->protocol_name = q->protocol_name;
    res->assignment = assignment_write(
        &m->assigned, gs->base.image,
        m->spec.classic_member_metadata->supported_protocols[0].metadata, call->arena);
    timer_cancel(group_env(g), &m->rebalance);
    consumer_member_heard(m);
    struct batch_builder none;
    shard_builder(&g->shard->base, &none);
    (void)group_answer_written(g, &none, call, res, refuse_sync);
}

/* ---- Heartbeat ---------------------------------------------------------------------------------- */

/* Somebody has not yet given up what the member shall have. */
static bool
waits_for_others(const struct consumer_member *m)
{
    for (int64_t i = 0; i < m->target.n; i++) {
        const struct consumer_member *owner = consumer_owner(m->group, &m->target.v[i]);
        if (owner && owner != m) return true;
    }
    return false;
}

int16_t
classic_heartbeat(struct group *g, const struct k_heartbeat_request *q)
{
    struct consumer_member *m;
    int16_t err = find_classic(g, q->member_id, q->group_instance_id, q->generation_id, &m);
    if (err) return err;
    consumer_member_heard(m);
    bool must_join = m->epoch < g->consumer->assignment_epoch || m->state == MEMBER_REVOKING ||
                     (m->state == MEMBER_WAITING && !waits_for_others(m)) ||
                     consumer_must_assign(g);
    if (!must_join) return 0;
    if (!timer_is_armed(&m->rebalance)) expect(m);
    return K_ERR_REBALANCE_IN_PROGRESS;
}

/* ---- LeaveGroup --------------------------------------------------------------------------------- */

static void
refuse_leave(struct groups *gs, struct coordinator_call *call, int16_t err)
{
    struct k_leave_group_response *res = ARENA_NEW(call->arena, struct k_leave_group_response);
    codec_default(K_MSG_LEAVE_GROUP_RESPONSE, res);
    res->error_code = err;
    groups_answer(gs, call, res);
}

static int16_t
find_leaver(const struct group *g, const struct k_leave_group_request_member_identity *who,
            struct consumer_member **ret)
{
    *ret = consumer_static_member(g, who->group_instance_id);
    if (who->member_id.n > 0 || !who->group_instance_id.p)
        return find_member(g, who->member_id, who->group_instance_id, ret);
    return *ret ? 0 : K_ERR_UNKNOWN_MEMBER_ID;
}

void
classic_leave(struct group *g, const struct k_leave_group_request_member_identity *v, int32_t n,
              struct k_leave_group_response *res, struct coordinator_call *call)
{
    struct groups *gs = g->shard->owner;
    struct consumer_member **gone = ARENA_ARRAY(call->arena, struct consumer_member *, n);
    int32_t gone_n = 0;
    res->members = codec_array(call->arena, K_STRUCT_LEAVE_GROUP_RESPONSE_MEMBER_RESPONSE, n);
    res->members_n = n;
    for (int32_t i = 0; i < n; i++) {
        struct consumer_member *m;
        res->members[i].member_id = v[i].member_id;
        res->members[i].group_instance_id = v[i].group_instance_id;
        res->members[i].error_code = find_leaver(g, &v[i], &m);
        bool again = false;
        for (int32_t k = 0; k < gone_n; k++) again |= gone[k] == m;
        if (!res->members[i].error_code && !again) gone[gone_n++] = m;
    }
    if (call->version < 3) {
        res->error_code = n ? res->members[0].error_code : 0;
        res->members_n = 0;
    }
    if (gone_n == 0) groups_answer(gs, call, res);
    else consumer_fence_answered(g, gone, gone_n, call, res, refuse_leave);
}
