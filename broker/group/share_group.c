#include "broker/group/member_epoch.h"
#include "broker/group/share_group.h"

#include "broker/base/check.h"
#include "errors.h"

/* Kafka's group begins with 0, which is raised before anybody is assigned anything. */
void
share_group_begin(struct group *g)
{
    struct mem *mem = group_mem(g);
    CHECK(!g->share && !g->consumer && g->members_n == 0);
    g->share = MEM_NEW(mem, struct share_group);
    map_init(&g->share->members, mem, g->shard->groups.key);
    list_init(&g->share->held);
}

struct slice
share_group_state_name(const struct group *g)
{
    return g->share->members.n == 0 ? S("Empty") : S("Stable");
}

void
share_group_note(struct group *g)
{
    const struct share_group *sg = g->share;
    NOTE(group_env(g), NOTE_GROUP_STATE, g->id, share_group_state_name(g), sg->epoch,
         (int32_t)sg->members.n, NOTE_GROUP_SHARE + (sg->members.n > 0));
}

bool
share_group_subscribes(const struct group *g, struct slice topic)
{
    MAP_EACH(&g->share->members, m, struct share_member, by_id)
        for (int32_t i = 0; i < m->spec.subscribed_topic_names_n; i++)
            if (slice_eq(m->spec.subscribed_topic_names[i], topic)) return true;
    return false;
}

/* ---- members ---- */

static bool
share_member_eq(const struct map_node *n, const void *key)
{
    const struct share_member *m = CONTAINER_OF(n, const struct share_member, by_id);
    return slice_eq(m->id, *(const struct slice *)key);
}

struct share_member *
share_member(const struct group *g, struct slice id)
{
    const struct map *members = &g->share->members;
    struct map_node *n = map_find(members, map_hash(members, id), share_member_eq, &id);
    return n ? CONTAINER_OF(n, struct share_member, by_id) : NULL;
}

/* When a record could not be written. */
#define FENCE_AGAIN_MS 500

static void
share_session_due(struct timer *t)
{
    struct share_member *m = CONTAINER_OF(t, struct share_member, session);
    struct group *g = m->group;
    struct env *env = group_env(g);
    struct batch_builder b;
    shard_builder(&g->shard->base, &b);
    record_share_fence(&b, m);
    if (shard_write_silently_folded(&g->shard->base, &b))
        timer_arm(env, t, env_now_ns(env) + FENCE_AGAIN_MS * NS_PER_MS);
    else share_group_note(g);
}

struct share_member *
share_member_get(struct group *g, struct slice id)
{
    struct share_member *m = share_member(g, id);
    if (m) return m;
    m = MEM_NEW(group_mem(g), struct share_member);
    m->group = g;
    m->id = mem_dup(group_mem(g), id);
    m->session.due = share_session_due;
    map_insert(&g->share->members, &m->by_id, map_hash(&g->share->members, m->id));
    return m;
}

void
share_member_remove(struct share_member *m)
{
    struct group *g = m->group;
    struct mem *mem = group_mem(g);
    timer_cancel(group_env(g), &m->session);
    tp_set_free(mem, &m->assigned);
    tp_set_free(mem, &m->target);
    consumer_spec_free(mem, &m->spec);
    map_remove(&g->share->members, &m->by_id);
    mem_free_slice(mem, m->id);
    MEM_DELETE(mem, m);
    if (g->share->members.n == 0) g->state_since_ms = env_wall_ms(group_env(g));
}

void
share_member_heard(struct share_member *m)
{
    struct env *env = group_env(m->group);
    int64_t ms = group_config_i64(m->group, K_GCFG_SHARE_SESSION_TIMEOUT_MS);
    timer_arm(env, &m->session, env_now_ns(env) + ms * NS_PER_MS);
}

void
share_group_activate(struct group *g)
{
    MAP_EACH(&g->share->members, m, struct share_member, by_id) share_member_heard(m);
}

struct consumer_view *
share_views(const struct group *g, struct arena *a, struct slice id, const consumer_spec *spec,
            const struct tp_set *target, struct slice without, int32_t *ret_n)
{
    const struct map *members = &g->share->members;
    struct consumer_view *v = ARENA_ARRAY(a, struct consumer_view, members->n + 1);
    int32_t n = 0;
    MAP_EACH(members, m, struct share_member, by_id) {
        if (slice_eq(m->id, without) || (spec && slice_eq(m->id, id))) continue;
        v[n++] = (struct consumer_view){m->id, &m->spec, &m->target};
    }
    if (spec) v[n++] = (struct consumer_view){id, spec, target};
    consumer_views_sort(v, n, ARENA_ARRAY(a, struct consumer_view, n));
    *ret_n = n;
    return v;
}

struct tp_set
share_subscribed(const struct group *g, struct arena *a, const struct consumer_view *v, int32_t n)
{
    const struct image *im = g->shard->owner->base.image;
    struct tp_set s = {0};
    for (int32_t i = 0; i < n; i++) {
        int64_t ids_n, most = 0;
        const struct uuid *ids = consumer_topic_ids(g, a, v[i].spec, &ids_n);
        for (int64_t k = 0; k < ids_n; k++) most += image_topic_by_id(im, ids[k])->partitions_n;
        struct tp_set own = {ARENA_ARRAY(a, struct tp, most), 0};
        for (int64_t k = 0; k < ids_n; k++) {
            const struct image_topic *t = image_topic_by_id(im, ids[k]);
            for (int32_t p = 0; p < t->partitions_n; p++)
                if (t->partitions[p]) own.v[own.n++] = (struct tp){ids[k], p, 0};
        }
        tp_set_sort(&own, ARENA_ARRAY(a, struct tp, own.n));
        if (!tp_set_is_subset(&own, &s)) s = tp_set_or(a, &s, &own);
    }
    return s;
}

/* ---- members that go ---- */

void
record_share_fence(struct batch_builder *b, const struct share_member *m)
{
    const struct group *g = m->group;
    struct arena a;
    int32_t n;
    arena_init(&a, &group_env(g)->mem, 0);
    record_share_member_gone(b, g, m->id);
    struct consumer_view *v = share_views(g, &a, SLICE_NULL, NULL, NULL, m->id, &n);
    record_share_epoch(b, g, epoch_after(g->share->epoch), consumer_metadata_hash(g, &a, v, n));
    arena_release(&a);
}

/* ---- the end ---- */

void
share_group_release(struct group *g)
{
    struct share_group *sg = g->share;
    struct mem *mem = group_mem(g);
    if (!sg) return;
    share_init_end(g, K_ERR_NOT_COORDINATOR);
    MAP_EACH(&sg->members, m, struct share_member, by_id) share_member_remove(m);
    tp_set_free(mem, &sg->initializing);
    tp_set_free(mem, &sg->initialized);
    map_release(&sg->members);
    MEM_DELETE(mem, sg);
    g->share = NULL;
}

void
share_group_forget_blank(struct group *g)
{
    const struct share_group *sg = g->share;
    if (sg->members.n > 0 || sg->epoch > 0 || sg->init || sg->initializing.n > 0) return;
    share_group_release(g);
    group_free(g);
}
