#include "broker/group/streams_group.h"

#include "broker/base/check.h"
#include "errors.h"

struct slice
streams_state_name(enum streams_state s)
{
    switch (s) {
    case STREAMS_EMPTY: return S("Empty");
    case STREAMS_NOT_READY: return S("NotReady");
    case STREAMS_ASSIGNING: return S("Assigning");
    case STREAMS_RECONCILING: return S("Reconciling");
    case STREAMS_STABLE: return S("Stable");
    }
    return SLICE_EMPTY;
}

enum streams_state
streams_state(const struct group *g)
{
    const struct streams_group *sg = g->streams;
    if (sg->members.n == 0) return STREAMS_EMPTY;
    if (!sg->topology || sg->topology->epoch != sg->validated_epoch) return STREAMS_NOT_READY;
    if (sg->epoch > sg->assignment_epoch) return STREAMS_ASSIGNING;
    MAP_EACH(&sg->members, m, struct streams_member, by_id)
        if (m->now.state != STREAMS_MEMBER_STABLE || m->now.epoch != sg->assignment_epoch)
            return STREAMS_RECONCILING;
    return STREAMS_STABLE;
}

void
streams_note(struct group *g, enum streams_state was)
{
    enum streams_state s = streams_state(g);
    if (s == was) return;
    NOTE(group_env(g), NOTE_GROUP_STATE, g->id, streams_state_name(s), g->streams->epoch,
         (int32_t)g->streams->members.n, NOTE_GROUP_STREAMS + (int32_t)s);
}

/* 0 is said by who joins; a member of a group in which nothing was ever assigned has this one. */
#define FIRST_EPOCH 1

void
streams_begin(struct group *g)
{
    struct mem *mem = group_mem(g);
    struct siphash_key key = g->shard->groups.key;
    CHECK(!g->streams && !g->consumer && !g->share && g->members_n == 0);
    struct streams_group *sg = MEM_NEW(mem, struct streams_group);
    sg->epoch = sg->assignment_epoch = FIRST_EPOCH;
    sg->validated_epoch = sg->stored_description_epoch = sg->failed_description_epoch = -1;
    sg->settings.n = -1;
    sg->initial_delay.due = streams_initial_delay_due;
    map_init(&sg->members, mem, key);
    map_init(&sg->held, mem, key);
    arena_init(&sg->topology_arena, mem, 0);
    arena_init(&sg->configured_arena, mem, 0);
    g->streams = sg;
}

bool
streams_subscribes(const struct group *g, struct slice topic)
{
    const struct streams_group *sg = g->streams;
    return sg->members.n > 0 && sg->topology && topology_reader_of(sg->topology, topic);
}

/* ---- what members say of themselves ---- */

static void
free_streams_spec(struct mem *mem, streams_spec *s)
{
    mem_free_slice(mem, s->instance_id);
    mem_free_slice(mem, s->rack_id);
    mem_free_slice(mem, s->client_id);
    mem_free_slice(mem, s->client_host);
    mem_free_slice(mem, s->process_id);
    if (s->user_endpoint) mem_free_slice(mem, s->user_endpoint->host);
    mem_free(mem, s->user_endpoint, s->user_endpoint ? (int64_t)sizeof *s->user_endpoint : 0);
    for (int32_t i = 0; i < s->client_tags_n; i++) {
        mem_free_slice(mem, s->client_tags[i].key);
        mem_free_slice(mem, s->client_tags[i].value);
    }
    mem_free(mem, s->client_tags, s->client_tags_n * (int64_t)sizeof *s->client_tags);
    *s = (streams_spec){0};
}

void
streams_member_set_spec(struct streams_member *m, const streams_spec *from)
{
    struct mem *mem = group_mem(m->group);
    int32_t n = from->client_tags_n;
    streams_spec to = {.instance_id = mem_dup(mem, from->instance_id),
                       .rack_id = mem_dup(mem, from->rack_id),
                       .client_id = mem_dup(mem, from->client_id),
                       .client_host = mem_dup(mem, from->client_host),
                       .rebalance_timeout_ms = from->rebalance_timeout_ms,
                       .topology_epoch = from->topology_epoch,
                       .process_id = mem_dup(mem, from->process_id),
                       .client_tags_n = n};
    if (from->user_endpoint) {
        to.user_endpoint = mem_alloc(mem, (int64_t)sizeof *to.user_endpoint);
        to.user_endpoint->host = mem_dup(mem, from->user_endpoint->host);
        to.user_endpoint->port = from->user_endpoint->port;
    }
    if (n) to.client_tags = mem_alloc(mem, n * (int64_t)sizeof *to.client_tags);
    for (int32_t i = 0; i < n; i++)
        to.client_tags[i] = (streams_tag){mem_dup(mem, from->client_tags[i].key),
                                          mem_dup(mem, from->client_tags[i].value)};
    free_streams_spec(mem, &m->spec);
    m->spec = to;
}

static void
free_task_offsets(struct mem *mem, struct task_offsets *s)
{
    for (int64_t i = 0; i < s->n; i++) mem_free_slice(mem, s->v[i].subtopology);
    mem_free(mem, s->v, s->n * (int64_t)sizeof *s->v);
    *s = (struct task_offsets){0};
}

void
streams_member_set_offsets(struct streams_member *m, struct task_offsets *to,
                           const struct task_offsets *from)
{
    struct mem *mem = group_mem(m->group);
    struct task_offsets copy = {.n = from->n};
    if (from->n) copy.v = mem_alloc(mem, from->n * (int64_t)sizeof *copy.v);
    for (int64_t i = 0; i < from->n; i++) {
        copy.v[i] = from->v[i];
        copy.v[i].subtopology = mem_dup(mem, from->v[i].subtopology);
    }
    free_task_offsets(mem, to);
    *to = copy;
}

/* ---- who has what ---- */

static bool
held_task_eq(const struct map_node *n, const void *key)
{
    return task_cmp(&CONTAINER_OF(n, const struct held_task, by_task)->task, key) == 0;
}

static uint64_t
task_hash(const struct map *m, const struct streams_task *t)
{
    return map_hash_i64(m, (int64_t)map_hash(m, t->subtopology), t->partition);
}

static struct held_task *
find_held(const struct group *g, const struct streams_task *t)
{
    const struct map *m = &g->streams->held;
    struct map_node *n = map_find(m, task_hash(m, t), held_task_eq, t);
    return n ? CONTAINER_OF(n, struct held_task, by_task) : NULL;
}

static void
take_tasks(struct streams_member *m, const struct tasks *s)
{
    struct mem *mem = group_mem(m->group);
    struct map *held = &m->group->streams->held;
    for (int r = 0; r < TASK_ROLES_N; r++)
        for (int64_t i = 0; i < s->of[r].n; i++) {
            const struct streams_task *t = &s->of[r].v[i];
            struct held_task *h = find_held(m->group, t);
            struct task_holder holder = {m, (enum task_role)r};
            if (!h) {
                h = MEM_NEW(mem, struct held_task);
                h->task = (struct streams_task){mem_dup(mem, t->subtopology), t->partition, 0};
                map_insert(held, &h->by_task, task_hash(held, &h->task));
            }
            VEC_PUSH(mem, &h->holders, holder);
        }
}

static void
drop_tasks(struct streams_member *m, const struct tasks *s)
{
    struct mem *mem = group_mem(m->group);
    for (int r = 0; r < TASK_ROLES_N; r++)
        for (int64_t i = 0; i < s->of[r].n; i++) {
            struct held_task *h = find_held(m->group, &s->of[r].v[i]);
            CHECK(h != NULL);
            for (int64_t k = h->holders.n - 1; k >= 0; k--)
                if (h->holders.v[k].member == m && (int)h->holders.v[k].role == r)
                    VEC_REMOVE_AT(&h->holders, k);
            if (h->holders.n) continue;
            map_remove(&m->group->streams->held, &h->by_task);
            VEC_RELEASE(mem, &h->holders);
            mem_free_slice(mem, h->task.subtopology);
            MEM_DELETE(mem, h);
        }
}

void
streams_member_set_current(struct streams_member *m, const struct streams_current *now)
{
    struct mem *mem = group_mem(m->group);
    drop_tasks(m, &m->now.assigned);
    drop_tasks(m, &m->now.revoking);
    m->now.state = now->state;
    m->now.epoch = now->epoch;
    m->now.previous_epoch = now->previous_epoch;
    tasks_keep(mem, &m->now.assigned, &now->assigned);
    /* A log in which a task stands in both is not one of ours. */
    struct arena *a = &group_env(m->group)->scratch;
    struct tasks revoking;
    for (int r = 0; r < TASK_ROLES_N; r++)
        revoking.of[r] = task_set_minus(a, &now->revoking.of[r], &now->assigned.of[r]);
    tasks_keep(mem, &m->now.revoking, &revoking);
    take_tasks(m, &m->now.assigned);
    take_tasks(m, &m->now.revoking);
}

bool
streams_task_is_held(const struct group *g, const struct streams_member *by,
                     struct slice process_id, const struct streams_task *t, enum task_role role)
{
    const struct held_task *h = find_held(g, t);
    for (int64_t i = 0; h && i < h->holders.n; i++) {
        const struct task_holder *holder = &h->holders.v[i];
        if (holder->member == by) continue;
        bool both_active = role == TASK_ACTIVE && holder->role == TASK_ACTIVE;
        if (both_active || slice_eq(holder->member->spec.process_id, process_id)) return true;
    }
    return false;
}

/* ---- members ---- */

static bool
streams_member_eq(const struct map_node *n, const void *key)
{
    const struct streams_member *m = CONTAINER_OF(n, const struct streams_member, by_id);
    return slice_eq(m->id, *(const struct slice *)key);
}

struct streams_member *
streams_member(const struct group *g, struct slice id)
{
    const struct map *members = &g->streams->members;
    struct map_node *n = map_find(members, map_hash(members, id), streams_member_eq, &id);
    return n ? CONTAINER_OF(n, struct streams_member, by_id) : NULL;
}

struct streams_member *
streams_static_member(const struct group *g, struct slice instance_id)
{
    if (!instance_id.p) return NULL;
    MAP_EACH(&g->streams->members, m, struct streams_member, by_id)
        if (slice_eq(m->spec.instance_id, instance_id)) return m;
    return NULL;
}

struct streams_member *
streams_member_get(struct group *g, struct slice id)
{
    struct streams_member *m = streams_member(g, id);
    if (m) return m;
    struct mem *mem = group_mem(g);
    m = MEM_NEW(mem, struct streams_member);
    m->group = g;
    m->id = mem_dup(mem, id);
    m->session.due = streams_session_due;
    m->rebalance.due = streams_rebalance_due;
    map_insert(&g->streams->members, &m->by_id, map_hash(&g->streams->members, m->id));
    return m;
}

void
streams_member_remove(struct streams_member *m)
{
    struct group *g = m->group;
    struct mem *mem = group_mem(g);
    timer_cancel(group_env(g), &m->session);
    timer_cancel(group_env(g), &m->rebalance);
    drop_tasks(m, &m->now.assigned);
    drop_tasks(m, &m->now.revoking);
    tasks_free(mem, &m->now.assigned);
    tasks_free(mem, &m->now.revoking);
    tasks_free(mem, &m->target);
    free_task_offsets(mem, &m->offsets);
    free_task_offsets(mem, &m->end_offsets);
    free_streams_spec(mem, &m->spec);
    map_remove(&g->streams->members, &m->by_id);
    mem_free_slice(mem, m->id);
    MEM_DELETE(mem, m);
    if (g->streams->members.n > 0) return;
    g->state_since_ms = env_wall_ms(group_env(g));
    /* It was about those who are gone. */
    streams_set_shutdown(g, SLICE_NULL);
}

/* ---- the group's own ---- */

void
streams_set_topology(struct group *g, const topology *t)
{
    struct streams_group *sg = g->streams;
    arena_release(&sg->topology_arena);
    arena_release(&sg->configured_arena);
    arena_init(&sg->topology_arena, group_mem(g), 0);
    arena_init(&sg->configured_arena, group_mem(g), 0);
    sg->topology = t ? topology_copy(t, &sg->topology_arena) : NULL;
    sg->configured = (struct configured){.status = STREAMS_READY};
    sg->is_configured = false;
}

static void
free_settings(struct mem *mem, struct assignment_settings *s)
{
    for (int32_t i = 0; i < s->n; i++) {
        mem_free_slice(mem, s->keys[i]);
        mem_free_slice(mem, s->values[i]);
    }
    s->n = -1;
}

void
streams_set_settings(struct group *g, const struct assignment_settings *from)
{
    struct mem *mem = group_mem(g);
    struct assignment_settings to = {.n = from->n};
    for (int32_t i = 0; i < from->n; i++) {
        to.keys[i] = mem_dup(mem, from->keys[i]);
        to.values[i] = mem_dup(mem, from->values[i]);
    }
    free_settings(mem, &g->streams->settings);
    g->streams->settings = to;
}

void
streams_set_shutdown(struct group *g, struct slice member_id)
{
    struct slice copy = mem_dup(group_mem(g), member_id);
    mem_free_slice(group_mem(g), g->streams->shutdown_by);
    g->streams->shutdown_by = copy;
}

/* ---- time-outs ---- */

static void
arm_member(struct streams_member *m, struct timer *t, int64_t ms)
{
    struct env *env = group_env(m->group);
    timer_arm(env, t, env_now_ns(env) + ms * NS_PER_MS);
}

void
streams_member_heard(struct streams_member *m)
{
    arm_member(m, &m->session, group_config_i64(m->group, K_GCFG_STREAMS_SESSION_TIMEOUT_MS));
}

/* From when it is told to close something, until it has, or leaves for a while. */
void
streams_member_watch(struct streams_member *m)
{
    bool is_watched = timer_is_armed(&m->rebalance);
    bool is_asked = m->now.state == STREAMS_MEMBER_REVOKING && m->now.epoch != EPOCH_LEAVE_STATIC;
    if (!is_asked) timer_cancel(group_env(m->group), &m->rebalance);
    else if (!is_watched) arm_member(m, &m->rebalance, m->spec.rebalance_timeout_ms);
}

void
streams_activate(struct group *g)
{
    MAP_EACH(&g->streams->members, m, struct streams_member, by_id) {
        streams_member_heard(m);
        streams_member_watch(m);
    }
}

/* ---- the end ---- */

void
streams_release(struct group *g)
{
    struct streams_group *sg = g->streams;
    struct mem *mem = group_mem(g);
    if (!sg) return;
    timer_cancel(group_env(g), &sg->initial_delay);
    MAP_EACH(&sg->members, m, struct streams_member, by_id) streams_member_remove(m);
    CHECK(sg->held.n == 0);
    streams_set_shutdown(g, SLICE_NULL);
    free_settings(mem, &sg->settings);
    arena_release(&sg->topology_arena);
    arena_release(&sg->configured_arena);
    map_release(&sg->members);
    map_release(&sg->held);
    MEM_DELETE(mem, sg);
    g->streams = NULL;
}
