/* A round: JoinGroup, and SyncGroup with the leader's assignment. */
#include "broker/client/membership_internal.h"

/* A join waits for all others; whoever is slower than this is left behind by the coordinator. */
#define JOIN_SLACK_MS 5000

static void
try_later(struct membership *m)
{
    m->failures++;
    m->state = MEMBER_JOINING;
    timer_arm(m->env, &m->join_again, env_now_ns(m->env) + client_backoff_ns(m->c, m->failures));
}

/* Of both requests; true: this ends the round here. */
static bool
has_failed(struct membership *m, int16_t error)
{
    switch (error) {
    case K_ERR_NONE: return false;
    case K_ERR_UNKNOWN_MEMBER_ID: membership_lose(m, true); return true;
    case K_ERR_ILLEGAL_GENERATION: membership_lose(m, false); return true;
    case K_ERR_REBALANCE_IN_PROGRESS:
    case K_ERR_COORDINATOR_LOAD_IN_PROGRESS: try_later(m); return true;
    default: break;
    }
    if (membership_is_of_coordinator(error)) {
        try_later(m);
        membership_forget_coordinator(m);
    } else {
        membership_refuse(m, error);
    }
    return true;
}

/* ---- SyncGroup ------------------------------------------------------------------------------------ */

static const void *
sync_build(struct ask *a, int16_t version)
{
    struct membership *m = CONTAINER_OF(a, struct membership, sync);
    struct arena *scratch = &m->env->scratch;
    struct k_sync_group_request *r = ARENA_NEW(scratch, struct k_sync_group_request);
    codec_default(K_MSG_SYNC_GROUP_REQUEST, r);
    r->group_id = m->params.group_id;
    r->generation_id = m->generation;
    r->member_id = m->id;
    if (version >= 3) r->group_instance_id = m->params.instance_id;
    if (version >= 5) {
        r->protocol_type = S("consumer");
        r->protocol_name = membership_assignor_name(m->params.assignor);
    }
    if (m->is_leader && !m->joined->skip_assignment) {
        r->assignments = membership_assign(m, m->joined, scratch);
        r->assignments_n = m->joined->members_n;
    }
    /* A static leader that is back goes on with what it had given out, and watches from now on (KIP-814). What the
     * topics got more of while it was away it does not learn; neither does Kafka's. */
    if (m->is_leader && m->joined->skip_assignment) {
        membership_count(m, m->joined, scratch);
        m->holds_back = true;
    }
    return r;
}

/* What moves in a cooperative round is nobody's until its owner lets go of it and joins again (KIP-429). A static owner
 * that dies or is lost before it does comes back with nothing to let go of, and is told its part of the round that was
 * (KIP-345): nobody asks for the second round. So the leader asks, once whoever is dead would have been missed. A static
 * leader that is back itself does not know what it had held back. Kafka's clients leave such partitions to nobody until
 * somebody comes or goes. */
static void
await_second_round(struct membership *m)
{
    timer_cancel(m->env, &m->second_round_due);
    if (m->is_leader && m->holds_back && membership_is_cooperative(m))
        timer_arm(m->env, &m->second_round_due,
                  env_now_ns(m->env) + m->params.session_timeout_ms * NS_PER_MS);
}

static void
second_round(struct timer *t)
{
    struct membership *m = CONTAINER_OF(t, struct membership, second_round_due);
    if (m->is_leader && (m->state == MEMBER_STABLE || m->state == MEMBER_ASSIGNED))
        membership_want_round(m);
}

static void
synced(struct ask *a, enum env_err err, const void *response, struct buf *from)
{
    struct membership *m = CONTAINER_OF(a, struct membership, sync);
    (void)from;
    const struct k_sync_group_response *r = response;
    if (m->state != MEMBER_SYNCING) {
        if (m->state == MEMBER_JOINING) membership_join(m);
        return;
    }
    if (has_failed(m, err ? K_ERR_NETWORK_EXCEPTION : r->error_code)) return;
    if (!membership_take_assignment(m, r->assignment)) {
        membership_refuse(m, K_ERR_INCONSISTENT_GROUP_PROTOCOL);
        return;
    }
    m->failures = 0;
    membership_heard(m, a);
    m->state = MEMBER_ASSIGNED;
    await_second_round(m);
    timer_arm(m->env, &m->poll_due,
              env_now_ns(m->env) + m->params.max_poll_interval_ms * NS_PER_MS);
    membership_begin_beats(m);
    membership_ops_go(m);
    m->params.ops->wants_poll(m->params.owner);
}

static void
sync_up(struct membership *m)
{
    m->state = MEMBER_SYNCING;
    m->sync = (struct ask){.api_key = K_API_SYNC_GROUP,
                           .version_max = 5,
                           .timeout_ms = m->params.max_poll_interval_ms + JOIN_SLACK_MS,
                           .build = sync_build,
                           .done = synced};
    ask_send(m->c, m->coordinator, FOR_GROUP, &m->sync);
}

/* ---- JoinGroup ------------------------------------------------------------------------------------ */

static const void *
join_build(struct ask *a, int16_t version)
{
    struct membership *m = CONTAINER_OF(a, struct membership, join);
    struct arena *scratch = &m->env->scratch;
    struct k_join_group_request *r = ARENA_NEW(scratch, struct k_join_group_request);
    codec_default(K_MSG_JOIN_GROUP_REQUEST, r);
    r->group_id = m->params.group_id;
    r->session_timeout_ms = (int32_t)MIN(m->params.session_timeout_ms, INT32_MAX);
    r->rebalance_timeout_ms = (int32_t)MIN(m->params.max_poll_interval_ms, INT32_MAX);
    r->member_id = m->id;
    if (version >= 5) r->group_instance_id = m->params.instance_id;
    r->protocol_type = S("consumer");
    r->protocols_n = 1;
    r->protocols = codec_array(scratch, K_STRUCT_JOIN_GROUP_REQUEST_JOIN_GROUP_REQUEST_PROTOCOL, 1);
    r->protocols->name = membership_assignor_name(m->params.assignor);
    r->protocols->metadata = membership_subscription(m, scratch);
    return r;
}

static void
keep_id(struct membership *m, struct slice id)
{
    struct slice old = m->id;
    m->id = mem_dup(&m->env->mem, id);
    mem_free_slice(&m->env->mem, old);
}

/* The leader's copy of what the members said lives until the next round. */
static void
keep_members(struct membership *m, const struct k_join_group_response *r)
{
    arena_release(&m->join_arena);
    arena_init(&m->join_arena, &m->env->mem, 0);
    struct k_join_group_response *copy = ARENA_NEW(&m->join_arena, struct k_join_group_response);
    *copy = *r;
    copy->members = ARENA_ARRAY(
        &m->join_arena, struct k_join_group_response_join_group_response_member, r->members_n + 1);
    for (int32_t i = 0; i < r->members_n; i++) {
        struct slice instance = r->members[i].group_instance_id;
        copy->members[i].member_id = arena_dup(&m->join_arena, r->members[i].member_id);
        copy->members[i].metadata = arena_dup(&m->join_arena, r->members[i].metadata);
        copy->members[i].group_instance_id =
            instance.p ? arena_dup(&m->join_arena, instance) : SLICE_NULL;
    }
    m->joined = copy;
}

static void
join_answered(struct ask *a, enum env_err err, const void *response, struct buf *from)
{
    struct membership *m = CONTAINER_OF(a, struct membership, join);
    (void)from;
    const struct k_join_group_response *r = response;
    if (m->state != MEMBER_JOINING) return;
    int16_t error = err ? K_ERR_NETWORK_EXCEPTION : r->error_code;
    if (error == K_ERR_MEMBER_ID_REQUIRED) { /* KIP-394 */
        keep_id(m, r->member_id);
        membership_join(m);
        return;
    }
    if (has_failed(m, error)) return;
    /* Another answer said meanwhile that the group has moved: found() joins where it is now. */
    if (!m->coordinator) return;
    keep_id(m, r->member_id);
    int64_t now = env_now_ns(m->env), session_ns = m->params.session_timeout_ms * NS_PER_MS;
    if (r->generation_id != m->generation)
        m->came_back_ns = m->heard_ns && now - m->heard_ns >= session_ns ? now : 0;
    membership_heard(m, a);
    m->generation = r->generation_id;
    m->is_leader = slice_eq(r->leader, r->member_id);
    m->is_beat_void = true;
    keep_members(m, r);
    sync_up(m);
}

/* Which partitions there are must be known, for a leader gives them out. */
static bool
knows_topics(const struct membership *m)
{
    for (int32_t i = 0; i < m->params.topics_n; i++)
        if (client_partitions_n(m->c, m->params.topics[i]) < 0) return false;
    return true;
}

void
membership_join(struct membership *m)
{
    if (m->state == MEMBER_SYNCING || m->join.pending || m->sync.pending) return;
    if (timer_is_armed(&m->join_again) || !knows_topics(m)) return;
    if (!m->coordinator) {
        membership_find(m);
        return;
    }
    if (membership_has_no_rounds(m)) {
        membership_consumer_join(m);
        return;
    }
    m->join = (struct ask){.api_key = K_API_JOIN_GROUP,
                           .version_min = 1,
                           .version_max = 9,
                           .timeout_ms = m->params.max_poll_interval_ms + JOIN_SLACK_MS,
                           .build = join_build,
                           .done = join_answered};
    ask_send(m->c, m->coordinator, FOR_GROUP, &m->join);
}

static void
join_now(struct timer *t)
{
    struct membership *m = CONTAINER_OF(t, struct membership, join_again);
    if (m->state == MEMBER_JOINING) membership_join(m);
}

void
membership_join_init(struct membership *m)
{
    m->join_again.due = join_now;
    m->second_round_due.due = second_round;
    arena_init(&m->join_arena, &m->env->mem, 0);
}
