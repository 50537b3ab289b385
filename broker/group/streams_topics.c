/* A streams group and the topics that there are: what its topology comes to, when that is something new, and who shall have
 * which tasks then. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/base/sort.h"
#include "broker/coordinator/group_setting.h"
#include "broker/group/streams_group.h"

/* ---- topics ---- */

static int32_t
partitions_in_image(const void *ctx, struct slice topic)
{
    const struct image_topic *t = image_topic(ctx, topic);
    return t ? t->partitions_n : 0;
}

static int64_t
gather_topics(const topology *t, struct slice *v)
{
    int64_t n = 0;
    for (int32_t i = 0; i < t->subtopologies_n; i++) {
        const subtopology *s = &t->subtopologies[i];
        for (int32_t k = 0; k < s->source_topics_n; k++, n++)
            if (v) v[n] = s->source_topics[k];
        for (int32_t k = 0; k < s->repartition_source_topics_n; k++, n++)
            if (v) v[n] = s->repartition_source_topics[k].name;
        for (int32_t k = 0; k < s->state_changelog_topics_n; k++, n++)
            if (v) v[n] = s->state_changelog_topics[k].name;
    }
    return n;
}

/* Of all that can change an assignment: the topics' ids and how many partitions they have. It is compared with what we
 * wrote ourselves; Kafka's differs for the same topics: when a coordinator of the other kind takes over, the group is
 * assigned anew once. */
static int64_t
metadata_hash(const struct group *g, const topology *t)
{
    static const struct siphash_key key = {0x6b61666b612d3130, 0x3731206d65746164};
    const struct image *im = g->shard->owner->base.image;
    struct arena *a = &group_env(g)->scratch;
    int64_t n = gather_topics(t, NULL);
    struct slice *v = ARENA_ARRAY(a, struct slice, n);
    (void)gather_topics(t, v);
    n = slices_sort_unique(v, n, ARENA_ARRAY(a, struct slice, n));
    struct writer w = writer_mem(&group_env(g)->mem);
    for (int64_t i = 0; i < n; i++) {
        const struct image_topic *it = image_topic(im, v[i]);
        if (!it) continue;
        writer_bytes(&w, slice(it->id.b, sizeof it->id.b));
        writer_i32(&w, it->partitions_n);
    }
    int64_t hash = w.n ? (int64_t)siphash(key, writer_slice(&w)) : 0;
    writer_release(&w);
    return hash;
}

void
streams_configure(struct group *g, const topology *t)
{
    struct streams_group *sg = g->streams;
    struct groups *gs = g->shard->owner;
    arena_release(&sg->configured_arena);
    arena_init(&sg->configured_arena, group_mem(g), 0);
    /* What is configured refers to the topology; a request's goes with the request. */
    topology *kept = t == sg->topology ? sg->topology : topology_copy(t, &sg->configured_arena);
    CHECK(kept != NULL);
    topology_configure(kept, partitions_in_image, gs->base.image, &sg->configured_arena,
                       &sg->configured);
    sg->configured_hash = metadata_hash(g, kept);
    sg->is_configured = true;
    sg->seen_topics = gs->topics_n;
}

/* ---- settings ---- */

struct assignment_settings
streams_settings(const struct group *g, struct arena *a)
{
    const struct coordinator *c = &g->shard->owner->base;
    struct assignment_settings s = {.n = 1};
    char digits[24];
    struct writer w = writer_fixed(digits, sizeof digits);
    fmt_i64(&w, group_setting_i64(c, g->id, K_GCFG_STREAMS_NUM_STANDBY_REPLICAS));
    s.keys[0] = S("num.standby.replicas");
    s.values[0] = arena_dup(a, writer_slice(&w));
    struct slice tags = group_setting_text(c, g->id, K_GCFG_STREAMS_RACK_AWARE_ASSIGNMENT_TAGS);
    if (tags.n > 0) {
        s.keys[1] = S("rack.aware.assignment.tags");
        s.values[1] = tags;
        s.n = 2;
    }
    return s;
}

bool
assignment_settings_eq(const struct assignment_settings *a, const struct assignment_settings *b)
{
    if (a->n != b->n) return false;
    for (int32_t i = 0; i < a->n; i++)
        if (!slice_eq(a->keys[i], b->keys[i]) || !slice_eq(a->values[i], b->values[i]))
            return false;
    return true;
}

/* ---- members ---- */

static int
streams_view_order(const void *a, const void *b, const void *ctx)
{
    const struct streams_view *x = a, *y = b;
    (void)ctx;
    return slice_cmp(x->id, y->id);
}

struct streams_view *
streams_views(const struct group *g, struct arena *a, const struct streams_view *changed,
              struct slice without, int32_t *ret_n)
{
    const struct map *members = &g->streams->members;
    struct streams_view *v = ARENA_ARRAY(a, struct streams_view, members->n + 1);
    int32_t n = 0;
    MAP_EACH(members, m, struct streams_member, by_id) {
        if (slice_eq(m->id, without) || (changed && slice_eq(m->id, changed->id))) continue;
        v[n++] = (struct streams_view){m->id, &m->spec, &m->target, &m->offsets};
    }
    if (changed) v[n++] = *changed;
    merge_sort(v, n, (int64_t)sizeof *v, streams_view_order, NULL,
               ARENA_ARRAY(a, struct streams_view, n));
    *ret_n = n;
    return v;
}

/* ---- assigning ---- */

/* While a topic is missing nobody has anything. */
static struct tasks *
streams_make_targets(const struct group *g, struct arena *a, const struct streams_view *v,
                     int32_t n)
{
    const struct configured *c = &g->streams->configured;
    bool is_ready = g->streams->is_configured && !c->err && c->status == STREAMS_READY;
    struct tasks *ret = ARENA_ARRAY(a, struct tasks, n);
    struct sticky_member *in = ARENA_ARRAY(a, struct sticky_member, n);
    if (!is_ready) return ret;
    for (int32_t i = 0; i < n; i++)
        in[i] = (struct sticky_member){.process_id = v[i].spec->process_id,
                                       .had = *v[i].target,
                                       .offsets = v[i].offsets->v,
                                       .offsets_n = v[i].offsets->n};
    assign_tasks(a, c->subtopologies, c->subtopologies_n,
                 (int32_t)group_config_i64(g, K_GCFG_STREAMS_NUM_STANDBY_REPLICAS), in, n);
    for (int32_t i = 0; i < n; i++) ret[i] = in[i].ret;
    return ret;
}

void
record_streams_assignment(struct batch_builder *b, const struct group *g, struct arena *a,
                          const struct streams_view *v, int32_t n, int32_t epoch,
                          struct slice own_id, bool own_is_new, struct tasks *ret_own)
{
    struct tasks *targets = streams_make_targets(g, a, v, n);
    for (int32_t i = 0; i < n; i++) {
        bool is_own = slice_eq(v[i].id, own_id);
        if ((is_own && own_is_new) || !tasks_eq(&targets[i], v[i].target))
            record_streams_target(b, g, v[i].id, &targets[i]);
        if (is_own) *ret_own = targets[i];
    }
    record_streams_assigned(b, g, epoch, env_wall_ms(group_env(g)));
}
