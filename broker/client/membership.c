#include "broker/client/membership.h"

#include "broker/client/membership_internal.h"

struct membership_params
membership_params_default(void)
{
    return (struct membership_params){.assignor = ASSIGNOR_RANGE,
                                      .session_timeout_ms = 45000,
                                      .heartbeat_interval_ms = 3000,
                                      .max_poll_interval_ms = 300000};
}

int32_t
membership_generation(const struct membership *m)
{
    return m->generation < 0 || membership_has_no_rounds(m) ? m->generation : m->target_generation;
}

struct slice
membership_member_id(const struct membership *m)
{
    return m->id;
}

/* ---- the coordinator ------------------------------------------------------------------------------ */

static const void *
find_build(struct ask *a, int16_t version)
{
    struct membership *m = CONTAINER_OF(a, struct membership, find);
    return client_find_build(m->c, 0, &m->params.group_id, version);
}

static void
found(struct ask *a, enum env_err err, const void *response, struct buf *from)
{
    struct membership *m = CONTAINER_OF(a, struct membership, find);
    struct peer *peer = client_found_peer(m->c, a, err, response);
    (void)from;
    if (peer) m->coordinator = peer;
    if (m->state == MEMBER_OUT) return;
    if (!peer) {
        timer_arm(m->env, &m->find_again, env_now_ns(m->env) + client_backoff_ns(m->c, 1));
        return;
    }
    if (m->state == MEMBER_JOINING || m->state == MEMBER_SYNCING) membership_join(m);
    membership_begin_beats(m);
    membership_ops_go(m);
}

static void
find_now(struct timer *t)
{
    struct membership *m = CONTAINER_OF(t, struct membership, find_again);
    if (m->find.pending) return;
    m->find = (struct ask){.api_key = K_API_FIND_COORDINATOR,
                           .version_max = 4,
                           .timeout_ms = m->c->params.request_timeout_ms,
                           .build = find_build,
                           .done = found};
    ask_send(m->c, client_any_peer(m->c), FOR_CONTROL, &m->find);
}

void
membership_find(struct membership *m)
{
    if (!m->coordinator && !m->find.pending && !timer_is_armed(&m->find_again))
        timer_arm(m->env, &m->find_again, env_now_ns(m->env));
}

void
membership_forget_coordinator(struct membership *m)
{
    m->coordinator = NULL;
    membership_find(m);
}

/* ---- heartbeats ----------------------------------------------------------------------------------- */

static bool
beats(const struct membership *m)
{
    return m->generation >= 0 && (m->state == MEMBER_ASSIGNED || m->state == MEMBER_GIVING_UP ||
                                  m->state == MEMBER_STABLE);
}

static const void *
beat_build(struct ask *a, int16_t version)
{
    struct membership *m = CONTAINER_OF(a, struct membership, beat);
    struct k_heartbeat_request *r = ARENA_NEW(&m->env->scratch, struct k_heartbeat_request);
    codec_default(K_MSG_HEARTBEAT_REQUEST, r);
    r->group_id = m->params.group_id;
    r->generation_id = m->generation;
    r->member_id = m->id;
    if (version >= 3) r->group_instance_id = m->params.instance_id;
    return r;
}

void
membership_heard(struct membership *m, const struct ask *a)
{
    m->heard_ns = MAX(m->heard_ns, a->asked_ns);
}

int64_t
membership_came_back_ns(const struct membership *m)
{
    return m->came_back_ns;
}

static void
beat_answered(struct ask *a, enum env_err err, const void *response, struct buf *from)
{
    struct membership *m = CONTAINER_OF(a, struct membership, beat);
    (void)from;
    const struct k_heartbeat_response *r = response;
    int16_t error = err ? K_ERR_NETWORK_EXCEPTION : r->error_code;
    if (!beats(m) || m->is_beat_void) return;
    if (error == K_ERR_NONE || error == K_ERR_REBALANCE_IN_PROGRESS) membership_heard(m, a);
    switch (error) {
    case K_ERR_NONE: break;
    case K_ERR_REBALANCE_IN_PROGRESS: membership_want_round(m); break;
    case K_ERR_ILLEGAL_GENERATION: membership_lose(m, false); break;
    case K_ERR_UNKNOWN_MEMBER_ID: membership_lose(m, true); break;
    case K_ERR_FENCED_INSTANCE_ID: membership_refuse(m, error); break;
    default:
        if (membership_is_of_coordinator(error)) membership_forget_coordinator(m);
        break;
    }
}

static void
membership_beat(struct timer *t)
{
    struct membership *m = CONTAINER_OF(t, struct membership, beat_due);
    if (!beats(m)) return;
    timer_arm(m->env, t, env_now_ns(m->env) + m->interval_ms * NS_PER_MS);
    if (membership_has_no_rounds(m)) {
        membership_consumer_beat(m);
        return;
    }
    if (!m->coordinator) membership_find(m);
    if (!m->coordinator || m->beat.pending) return;
    m->is_beat_void = false;
    m->beat = (struct ask){.api_key = K_API_HEARTBEAT,
                           .version_max = 4,
                           .timeout_ms =
                               MIN(m->c->params.request_timeout_ms, m->params.session_timeout_ms),
                           .build = beat_build,
                           .done = beat_answered};
    ask_send(m->c, m->coordinator, FOR_GROUP, &m->beat);
}

void
membership_begin_beats(struct membership *m)
{
    if (!beats(m) || timer_is_armed(&m->beat_due)) return;
    timer_arm(m->env, &m->beat_due, env_now_ns(m->env) + m->interval_ms * NS_PER_MS);
}

/* ---- losing and leaving --------------------------------------------------------------------------- */

static void
forget_membership(struct membership *m, bool forget_id)
{
    m->generation = m->target_generation = -1;
    m->is_leader = false;
    m->is_beat_void = true;
    membership_streams_end(m);
    if (!forget_id) return;
    mem_free_slice(&m->env->mem, m->id);
    m->id = SLICE_NULL;
}

/* Who is giving something up goes on with that, and then joins as a new one. */
void
membership_lose(struct membership *m, bool forget_id)
{
    if (m->state == MEMBER_OUT) return;
    forget_membership(m, forget_id);
    m->is_lost = true;
    if (m->state == MEMBER_GIVING_UP) return;
    m->state = MEMBER_IDLE;
    m->params.ops->wants_poll(m->params.owner);
}

void
membership_refuse(struct membership *m, int16_t error)
{
    if (m->state == MEMBER_OUT) return;
    forget_membership(m, true);
    m->state = MEMBER_OUT;
    m->params.ops->refused(m->params.owner, error);
}

void
membership_want_round(struct membership *m)
{
    if (m->wants_round) return;
    m->wants_round = true;
    if (m->state == MEMBER_STABLE) m->params.ops->wants_poll(m->params.owner);
}

static const void *
leave_build(struct ask *a, int16_t version)
{
    struct membership *m = CONTAINER_OF(a, struct membership, leave);
    struct arena *scratch = &m->env->scratch;
    struct k_leave_group_request *r = ARENA_NEW(scratch, struct k_leave_group_request);
    codec_default(K_MSG_LEAVE_GROUP_REQUEST, r);
    r->group_id = m->params.group_id;
    if (version < 3) {
        r->member_id = m->id;
        return r;
    }
    r->members_n = 1;
    r->members = codec_array(scratch, K_STRUCT_LEAVE_GROUP_REQUEST_MEMBER_IDENTITY, 1);
    r->members->member_id = m->id;
    return r;
}

static void
has_left(struct ask *a, enum env_err err, const void *response, struct buf *from)
{
    struct membership *m = CONTAINER_OF(a, struct membership, leave);
    (void)err, (void)response, (void)from;
    if (m->state == MEMBER_OUT) m->params.ops->left(m->params.owner);
}

/* True: a request is under way. */
static bool
say_farewell(struct membership *m)
{
    if (membership_has_no_rounds(m)) return membership_consumer_leave(m, has_left);
    if (!m->coordinator || !m->id.n || m->params.instance_id.p || m->leave.pending) return false;
    m->leave = (struct ask){.api_key = K_API_LEAVE_GROUP,
                            .version_max = 5,
                            .timeout_ms = m->c->params.request_timeout_ms,
                            .build = leave_build,
                            .done = has_left};
    ask_send(m->c, m->coordinator, FOR_GROUP, &m->leave);
    return true;
}

void
membership_leave(struct membership *m)
{
    if (m->state == MEMBER_OUT) return;
    m->state = MEMBER_OUT;
    timer_cancel(m->env, &m->beat_due);
    timer_cancel(m->env, &m->poll_due);
    timer_cancel(m->env, &m->join_again);
    if (!say_farewell(m)) m->params.ops->left(m->params.owner);
}

/* The owner has not asked for too long (KIP-62): others go on with what it has. */
static void
overslept(struct timer *t)
{
    struct membership *m = CONTAINER_OF(t, struct membership, poll_due);
    if (m->state != MEMBER_STABLE && m->state != MEMBER_ASSIGNED) return;
    (void)say_farewell(m);
    membership_lose(m, !m->leave.pending);
}

/* ---- the owner's turn ----------------------------------------------------------------------------- */

static bool
has_topic_partition(const struct topic_partition *v, int64_t n, const struct topic_partition *one)
{
    for (int64_t i = 0; i < n; i++)
        if (topic_partition_eq(&v[i], one)) return true;
    return false;
}

/* Those of a that are not in b. */
static int32_t
partitions_without(struct arena *arena, const struct topic_partition *a, int64_t a_n,
                   const struct topic_partition *b, int64_t b_n, struct topic_partition **ret)
{
    int32_t n = 0;
    *ret = ARENA_ARRAY(arena, struct topic_partition, a_n + 1);
    for (int64_t i = 0; i < a_n; i++)
        if (!has_topic_partition(b, b_n, &a[i])) (*ret)[n++] = a[i];
    return n;
}

/* The texts of all of them are the parameters' own: what is not subscribed to is never taken over. */
static void
end_round(struct membership *m)
{
    struct topic_partition *added, *gone;
    struct arena *scratch = &m->env->scratch;
    int32_t added_n =
        partitions_without(scratch, m->target.v, m->target.n, m->owned.v, m->owned.n, &added);
    int32_t gone_n =
        partitions_without(scratch, m->owned.v, m->owned.n, m->target.v, m->target.n, &gone);
    m->owned.n = 0;
    for (int64_t i = 0; i < m->target.n; i++) VEC_PUSH(&m->env->mem, &m->owned, m->target.v[i]);
    for (int32_t i = 0; i < gone_n; i++) VEC_PUSH(&m->env->mem, &m->going, gone[i]);
    m->state = gone_n ? MEMBER_GIVING_UP : MEMBER_STABLE;
    m->params.ops->assigned(m->params.owner, m->generation, m->owned.v, (int32_t)m->owned.n, added,
                            added_n);
    if (gone_n) m->params.ops->revoked(m->params.owner, gone, gone_n);
}

static void
begin_round(struct membership *m)
{
    m->wants_round = false;
    if (membership_has_no_rounds(m) || membership_is_cooperative(m) || !m->owned.n) {
        m->state = MEMBER_JOINING;
        membership_join(m);
        return;
    }
    struct topic_partition *all;
    int32_t n = partitions_without(&m->env->scratch, m->owned.v, m->owned.n, NULL, 0, &all);
    m->owned.n = 0;
    m->state = MEMBER_GIVING_UP;
    m->params.ops->revoked(m->params.owner, all, n);
}

static void
tell_lost_partitions(struct membership *m)
{
    struct topic_partition *all;
    int32_t n = partitions_without(&m->env->scratch, m->owned.v, m->owned.n, NULL, 0, &all);
    m->owned.n = 0;
    m->is_lost = false;
    if (n) m->params.ops->lost(m->params.owner, all, n);
}

void
membership_poll(struct membership *m)
{
    if (m->state == MEMBER_OUT || m->state == MEMBER_GIVING_UP) return;
    timer_arm(m->env, &m->poll_due,
              env_now_ns(m->env) + m->params.max_poll_interval_ms * NS_PER_MS);
    if (m->is_lost) tell_lost_partitions(m);
    if (m->state == MEMBER_ASSIGNED) end_round(m);
    else if (m->state == MEMBER_IDLE || (m->state == MEMBER_STABLE && m->wants_round))
        begin_round(m);
}

void
membership_rejoin(struct membership *m)
{
    if (m->state != MEMBER_GIVING_UP) return;
    m->going.n = 0;
    if (membership_has_no_rounds(m) && m->generation >= 0) {
        membership_consumer_gave_up(m);
        return;
    }
    m->state = MEMBER_IDLE;
    membership_poll(m);
}

/* ---- life ----------------------------------------------------------------------------------------- */

/* The leader gave out what there was; now there is more. */
static void
metadata_changed(struct client_watcher *w)
{
    struct membership *m = CONTAINER_OF(w, struct membership, watcher);
    if (m->state == MEMBER_JOINING) membership_join(m);
    if (m->params.protocol == GROUP_PROTOCOL_STREAMS) membership_streams_look(m);
    if (!m->is_leader || m->state != MEMBER_STABLE) return;
    for (int64_t i = 0; i < m->counted.n; i++) {
        struct counted_topic *t = &m->counted.v[i];
        int32_t n = client_partitions_n(m->c, t->topic);
        if (t->partitions_n < 0) t->partitions_n = n;
        if (n > t->partitions_n) membership_want_round(m);
    }
}

static void
copy_params(struct membership *m, const struct membership_params *p)
{
    struct mem *mem = &m->env->mem;
    struct slice *topics = mem_alloc(mem, (p->topics_n + 1) * (int64_t)sizeof *topics);
    m->params = *p;
    m->params.group_id = mem_dup(mem, p->group_id);
    m->params.instance_id = p->instance_id.p ? mem_dup(mem, p->instance_id) : SLICE_NULL;
    for (int32_t i = 0; i < p->topics_n; i++) topics[i] = mem_dup(mem, p->topics[i]);
    m->params.topics = topics;
}

struct membership *
membership_new(struct client *c, const struct membership_params *p)
{
    struct membership *m = MEM_NEW(&client_env(c)->mem, struct membership);
    m->c = c;
    m->env = client_env(c);
    copy_params(m, p);
    m->id = SLICE_NULL;
    m->generation = m->target_generation = -1;
    m->interval_ms = p->heartbeat_interval_ms;
    m->find_again.due = find_now;
    m->beat_due.due = membership_beat;
    m->poll_due.due = overslept;
    m->watcher.changed = metadata_changed;
    list_init(&m->ops);
    membership_join_init(m);
    client_watch(c, &m->watcher);
    for (int32_t i = 0; i < p->topics_n; i++) client_want_topic(c, m->params.topics[i]);
    return m;
}
