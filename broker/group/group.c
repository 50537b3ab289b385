#include "broker/group/group.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/coordinator/group_setting.h"
#include "broker/group/embedded.h"
#include "broker/group/share_group.h"
#include "broker/group/streams_group.h"
#include "broker/protocol/codec.h"
#include "errors.h"

#define FROM(s) (1u << GROUP_##s)

/* Each state with those from which it may come. */
static const struct {
    char name[20];
    uint32_t from;
} states[] = {
    [GROUP_EMPTY] = {"Empty", FROM(PREPARING)},
    [GROUP_PREPARING] = {"PreparingRebalance", FROM(STABLE) | FROM(COMPLETING) | FROM(EMPTY)},
    [GROUP_COMPLETING] = {"CompletingRebalance", FROM(PREPARING)},
    [GROUP_STABLE] = {"Stable", FROM(COMPLETING)},
    [GROUP_DEAD] = {"Dead", FROM(EMPTY) | FROM(PREPARING) | FROM(COMPLETING) | FROM(STABLE)},
};

typedef struct k_join_group_request_join_group_request_protocol asked;

struct slice
group_state_name(enum group_state s)
{
    return slice_cstr(states[s].name);
}

void
group_set_text(struct group *g, struct slice *to, struct slice text)
{
    struct slice copy = mem_dup(group_mem(g), text);
    mem_free_slice(group_mem(g), *to);
    *to = copy;
}

static void
note_state(struct group *g)
{
    NOTE(group_env(g), NOTE_GROUP_STATE, g->id, group_state_name(g->state), g->generation,
         g->members_n, NOTE_GROUP_CLASSIC + (int32_t)g->state);
}

bool
group_state_may_follow(enum group_state from, enum group_state to)
{
    return states[to].from >> from & 1;
}

void
group_move(struct group *g, enum group_state to)
{
    CHECK(group_state_may_follow(g->state, to));
    g->previous = g->state;
    g->state = to;
    g->state_since_ms = env_wall_ms(group_env(g));
    CHECK(g->joining_n >= 0 && g->joining_n <= g->members_n);
    CHECK(to != GROUP_EMPTY || g->members_n == 0);
    CHECK(to != GROUP_COMPLETING || g->members_n > 0);
    CHECK(to != GROUP_STABLE || g->members_n > 0);
    note_state(g);
}

/* ---- groups of a shard ---- */

static bool
group_eq(const struct map_node *n, const void *key)
{
    return slice_eq(CONTAINER_OF(n, const struct group, by_id)->id, *(const struct slice *)key);
}

struct group *
group_find(struct shard *s, struct slice id)
{
    struct map_node *n = map_find(&s->groups, map_hash(&s->groups, id), group_eq, &id);
    return n ? CONTAINER_OF(n, struct group, by_id) : NULL;
}

struct group *
group_new(struct shard *s, struct slice id)
{
    struct env *env = s->owner->base.env;
    struct mem *mem = groups_mem(s->owner);
    struct group *g = MEM_NEW(mem, struct group);
    g->shard = s;
    g->id = mem_dup(mem, id);
    g->serial = ++s->owner->groups_n;
    g->state_since_ms = env_wall_ms(env);
    list_init(&g->members);
    list_init(&g->pending);
    g->join_timer.due = group_join_due;
    g->sync_timer.due = group_sync_due;
    map_insert(&s->groups, &g->by_id, map_hash(&s->groups, g->id));
    return g;
}

void
group_free(struct group *g)
{
    struct mem *mem = group_mem(g);
    struct env *env = group_env(g);
    timer_cancel(env, &g->join_timer);
    timer_cancel(env, &g->sync_timer);
    group_forget_write(g);
    LIST_EACH(&g->members, m, struct member, node) group_remove_member(m, K_ERR_UNKNOWN_MEMBER_ID);
    LIST_EACH(&g->pending, p, struct pending_member, node) group_remove_pending(p);
    CHECK(g->members_n == 0 && g->joining_n == 0);
    consumer_release(g);
    share_group_release(g);
    streams_release(g);
    while (g->offsets.n) group_remove_offset(g, g->offsets.n - 1);
    VEC_RELEASE(mem, &g->offsets);
    map_remove(&g->shard->groups, &g->by_id);
    mem_free_slice(mem, g->id);
    mem_free_slice(mem, g->protocol_type);
    mem_free_slice(mem, g->protocol);
    mem_free_slice(mem, g->leader);
    MEM_DELETE(mem, g);
}

void
group_end(struct group *g, int16_t err)
{
    group_move(g, GROUP_DEAD);
    LIST_EACH(&g->members, m, struct member, node) group_remove_member(m, err);
    group_free(g);
}

bool
group_is_blank(const struct group *g)
{
    return !g->consumer && !g->share && !g->streams && g->offsets.n == 0 && !g->protocol_type.p &&
           list_is_empty(&g->pending) && g->state == GROUP_EMPTY && g->generation == 0;
}

struct slice
group_is_none(struct arena *a, struct slice id, const char *what)
{
    struct writer w = writer_mem(a->mem);
    fmt_str(&w, "Group ");
    fmt_slice(&w, id);
    fmt_str(&w, what);
    struct slice why = arena_dup(a, writer_slice(&w));
    writer_release(&w);
    return why;
}

bool
group_has_nobody(const struct group *g)
{
    if (g->share) return g->share->members.n == 0;
    if (g->streams) return g->streams->members.n == 0;
    return g->consumer ? g->consumer->members.n == 0 : g->state == GROUP_EMPTY;
}

int64_t
group_config_i64(const struct group *g, int32_t gcfg)
{
    return group_setting_i64(&g->shard->owner->base, g->id, gcfg);
}

/* ---- members ---- */

struct member *
group_member(struct group *g, struct slice id)
{
    LIST_EACH(&g->members, m, struct member, node)
        if (slice_eq(m->id, id)) return m;
    return NULL;
}

struct member *
group_static_member(struct group *g, struct slice instance_id)
{
    if (!instance_id.p) return NULL;
    LIST_EACH(&g->members, m, struct member, node)
        if (slice_eq(m->instance_id, instance_id)) return m;
    return NULL;
}

struct pending_member *
group_pending(struct group *g, struct slice id)
{
    LIST_EACH(&g->pending, p, struct pending_member, node)
        if (slice_eq(p->id, id)) return p;
    return NULL;
}

void
group_remove_pending(struct pending_member *p)
{
    struct mem *mem = group_mem(p->group);
    timer_cancel(p->group->shard->owner->base.env, &p->timer);
    list_remove(&p->node);
    mem_free_slice(mem, p->id);
    MEM_DELETE(mem, p);
}

struct member *
group_add_member(struct group *g, struct slice id, struct slice instance_id, struct slice client_id,
                 struct slice client_host)
{
    struct mem *mem = group_mem(g);
    struct member *m = MEM_NEW(mem, struct member);
    m->group = g;
    m->id = mem_dup(mem, id);
    m->instance_id = mem_dup(mem, instance_id);
    m->client_id = mem_dup(mem, client_id);
    m->client_host = mem_dup(mem, client_host);
    m->assignment = mem_dup(mem, SLICE_EMPTY);
    m->session.due = group_session_due;
    list_push_back(&g->members, &m->node);
    g->members_n++;
    if (!g->leader.p) group_set_text(g, &g->leader, id);
    return m;
}

static void
clear_protocols(struct member *m)
{
    struct mem *mem = group_mem(m->group);
    for (int64_t i = 0; i < m->protocols.n; i++) {
        mem_free_slice(mem, m->protocols.v[i].name);
        mem_free_slice(mem, m->protocols.v[i].metadata);
    }
    m->protocols.n = 0;
}

void
member_set_protocols(struct member *m, const asked *v, int32_t n)
{
    struct mem *mem = group_mem(m->group);
    clear_protocols(m);
    for (int32_t i = 0; i < n; i++) {
        struct group_protocol p = {mem_dup(mem, v[i].name), mem_dup(mem, v[i].metadata)};
        VEC_PUSH(mem, &m->protocols, p);
    }
}

void
member_set_assignment(struct member *m, struct slice assignment)
{
    group_set_text(m->group, &m->assignment, assignment.p ? assignment : SLICE_EMPTY);
}

void
member_set_id(struct member *m, struct slice id)
{
    struct group *g = m->group;
    if (group_is_leader(g, m)) group_set_text(g, &g->leader, id);
    group_set_text(g, &m->id, id);
}

/* The next leader is the member that has been there longest. */
static void
pass_leadership(struct group *g)
{
    struct member *first = LIST_FIRST(&g->members, struct member, node);
    group_set_text(g, &g->leader, first ? first->id : SLICE_NULL);
}

void
group_remove_member(struct member *m, int16_t err)
{
    struct group *g = m->group;
    struct mem *mem = group_mem(g);
    if (m->joining) {
        group_answer_join(g, m->joining, err, m->id);
        m->joining = NULL;
        g->joining_n--;
    }
    CHECK(g->joining_n >= 0 && g->members_n > 0);
    if (m->syncing) group_answer_sync(g, m->syncing, err, SLICE_EMPTY);
    timer_cancel(group_env(g), &m->session);
    bool was_leader = group_is_leader(g, m);
    list_remove(&m->node);
    g->members_n--;
    if (was_leader) pass_leadership(g);
    clear_protocols(m);
    VEC_RELEASE(mem, &m->protocols);
    mem_free_slice(mem, m->id);
    mem_free_slice(mem, m->instance_id);
    mem_free_slice(mem, m->client_id);
    mem_free_slice(mem, m->client_host);
    mem_free_slice(mem, m->assignment);
    MEM_DELETE(mem, m);
}

bool
member_has_protocols(const struct member *m, const asked *v, int32_t n)
{
    if (m->protocols.n != n) return false;
    for (int32_t i = 0; i < n; i++)
        if (!slice_eq(m->protocols.v[i].name, v[i].name) ||
            !slice_eq(m->protocols.v[i].metadata, v[i].metadata))
            return false;
    return true;
}

static const struct group_protocol *
find_protocol(const struct member *m, struct slice name)
{
    for (int64_t i = 0; i < m->protocols.n; i++)
        if (slice_eq(m->protocols.v[i].name, name)) return &m->protocols.v[i];
    return NULL;
}

struct slice
member_metadata(const struct member *m, struct slice protocol)
{
    const struct group_protocol *p = find_protocol(m, protocol);
    return p ? p->metadata : SLICE_EMPTY;
}

void
member_heard(struct member *m)
{
    struct env *env = m->group->shard->owner->base.env;
    timer_arm(env, &m->session, env_now_ns(env) + (int64_t)m->session_timeout_ms * NS_PER_MS);
}

/* ---- what members have in common ---- */

bool
group_is_leader(const struct group *g, const struct member *m)
{
    return slice_eq(g->leader, m->id);
}

int16_t
group_check_member(struct group *g, struct slice id, struct slice instance_id)
{
    if (instance_id.p) {
        struct member *m = group_static_member(g, instance_id);
        if (!m) return K_ERR_UNKNOWN_MEMBER_ID;
        return slice_eq(m->id, id) ? 0 : K_ERR_FENCED_INSTANCE_ID;
    }
    return group_member(g, id) ? 0 : K_ERR_UNKNOWN_MEMBER_ID;
}

static bool
all_have(struct group *g, struct slice protocol)
{
    LIST_EACH(&g->members, m, struct member, node)
        if (!find_protocol(m, protocol)) return false;
    return true;
}

bool
group_supports(struct group *g, struct slice protocol_type, const asked *v, int32_t n)
{
    if (g->members_n == 0) return protocol_type.n > 0 && n > 0;
    if (!slice_eq(g->protocol_type, protocol_type)) return false;
    for (int32_t i = 0; i < n; i++)
        if (all_have(g, v[i].name)) return true;
    return false;
}

/* Each member votes for the first of its protocols that all have. */
static int32_t
votes_for(struct group *g, struct slice protocol)
{
    int32_t votes = 0;
    LIST_EACH(&g->members, m, struct member, node)
        for (int64_t i = 0; i < m->protocols.n; i++) {
            if (!all_have(g, m->protocols.v[i].name)) continue;
            votes += slice_eq(m->protocols.v[i].name, protocol);
            break;
        }
    return votes;
}

struct slice
group_select_protocol(struct group *g)
{
    const struct member *first = LIST_FIRST(&g->members, struct member, node);
    struct slice best = SLICE_NULL;
    int32_t most = 0;
    for (int64_t i = 0; first && i < first->protocols.n; i++) {
        int32_t n = votes_for(g, first->protocols.v[i].name);
        if (n > most) most = n, best = first->protocols.v[i].name;
    }
    return best;
}

int32_t
group_rebalance_timeout_ms(const struct group *g)
{
    int32_t ms = 0;
    LIST_EACH(&g->members, m, struct member, node) ms = MAX(ms, m->rebalance_timeout_ms);
    return ms;
}

/* 1, 0, or -1: it is not a consumer's subscription. */
static int
subscribes(struct group *g, const struct member *m, struct slice topic)
{
    subscription sub;
    if (!subscription_read(member_metadata(m, g->protocol), &group_env(g)->scratch, &sub))
        return -1;
    for (int32_t i = 0; i < sub.topics_n; i++)
        if (slice_eq(sub.topics[i], topic)) return 1;
    return 0;
}

bool
group_subscribes(struct group *g, struct slice topic)
{
    if (g->consumer) return consumer_subscribes(g, topic);
    if (g->share) return share_group_subscribes(g, topic);
    if (g->streams) return streams_subscribes(g, topic);
    LIST_EACH(&g->members, m, struct member, node)
        if (subscribes(g, m, topic) != 0) return true;
    return false;
}
