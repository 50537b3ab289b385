#include "broker/streams/configure.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/base/search.h"
#include "broker/base/sort.h"
#include "errors.h"

/* One topic that the topology names, wherever it does. */
struct wanted_topic {
    struct slice name;
    int32_t there;              /* partitions that it has; 0: it is not there */
    int32_t decided;            /* that it shall have; 0: not decided yet */
    bool is_fixed;              /* a repartition topic with a number of its own … */
    bool is_flexible;           /* … or without */
    const topology_topic *info; /* as the application wants it; NULL: it is not its own */
};

/* Topics are known by their numbers, in the order of their names. */
struct configuring {
    const topology *t;
    struct arena *a;
    struct wanted_topic *topics;
    int32_t topics_n;
    int32_t **sources, **sinks; /* of each subtopology; sources: external ones first */
    struct configured *ret;
};

/* ---- words ---- */

/* The first three of them, and how many there are more. */
static void
fmt_topics(struct writer *w, const struct slice *v, int32_t n)
{
    for (int32_t i = 0; i < MIN(n, 3); i++) {
        if (i) fmt_str(w, ", ");
        fmt_slice(w, v[i]);
    }
    if (n <= 3) return;
    fmt_str(w, " and ");
    fmt_i64(w, n - 3);
    fmt_str(w, " additional topics");
}

static void
say(struct configuring *c, enum streams_status status, struct writer *why)
{
    c->ret->status = status;
    c->ret->why = arena_dup(c->a, writer_slice(why));
    writer_release(why);
}

static void
refuse_topology(struct configuring *c, struct slice why)
{
    c->ret->err = K_ERR_STREAMS_INVALID_TOPOLOGY;
    c->ret->why = why;
}

/* Nothing more is to be found out: something is in the way. */
static bool
is_over(const struct configuring *c)
{
    return c->ret->err || c->ret->status != STREAMS_READY;
}

/* ---- numbers of topics ---- */

static int32_t
number_of(const struct configuring *c, struct slice name)
{
    LOWER_BOUND(at, c->topics_n, i, slice_cmp(c->topics[i].name, name) < 0);
    CHECK(at < c->topics_n && slice_eq(c->topics[at].name, name));
    return at;
}

static int64_t
gather_names(const topology *t, struct slice *v)
{
    int64_t n = 0;
    for (int32_t i = 0; i < t->subtopologies_n; i++) {
        const subtopology *s = &t->subtopologies[i];
        for (int32_t k = 0; k < s->source_topics_n; k++, n++)
            if (v) v[n] = s->source_topics[k];
        for (int32_t k = 0; k < s->repartition_source_topics_n; k++, n++)
            if (v) v[n] = s->repartition_source_topics[k].name;
        for (int32_t k = 0; k < s->repartition_sink_topics_n; k++, n++)
            if (v) v[n] = s->repartition_sink_topics[k];
        for (int32_t k = 0; k < s->state_changelog_topics_n; k++, n++)
            if (v) v[n] = s->state_changelog_topics[k].name;
    }
    return n;
}

static int32_t
sources_n(const subtopology *s)
{
    return s->source_topics_n + s->repartition_source_topics_n;
}

static void
number_topics(struct configuring *c, topic_partitions *partitions_of, const void *ctx)
{
    const topology *t = c->t;
    int64_t n = gather_names(t, NULL);
    struct slice *names = ARENA_ARRAY(c->a, struct slice, n);
    (void)gather_names(t, names);
    n = slices_sort_unique(names, n, ARENA_ARRAY(c->a, struct slice, n));
    c->topics = ARENA_ARRAY(c->a, struct wanted_topic, n);
    c->topics_n = (int32_t)n;
    for (int64_t i = 0; i < n; i++)
        c->topics[i] =
            (struct wanted_topic){.name = names[i], .there = partitions_of(ctx, names[i])};
    c->sources = ARENA_ARRAY(c->a, int32_t *, t->subtopologies_n);
    c->sinks = ARENA_ARRAY(c->a, int32_t *, t->subtopologies_n);
    for (int32_t i = 0; i < t->subtopologies_n; i++) {
        const subtopology *s = &t->subtopologies[i];
        int32_t at = 0;
        c->sources[i] = ARENA_ARRAY(c->a, int32_t, sources_n(s));
        c->sinks[i] = ARENA_ARRAY(c->a, int32_t, s->repartition_sink_topics_n);
        for (int32_t k = 0; k < s->source_topics_n; k++)
            c->sources[i][at++] = number_of(c, s->source_topics[k]);
        for (int32_t k = 0; k < s->repartition_source_topics_n; k++) {
            const topology_topic *r = &s->repartition_source_topics[k];
            struct wanted_topic *w = &c->topics[c->sources[i][at++] = number_of(c, r->name)];
            w->is_fixed |= r->partitions != 0;
            w->is_flexible |= r->partitions == 0;
            w->info = r;
            if (r->partitions != 0) w->decided = r->partitions;
        }
        for (int32_t k = 0; k < s->repartition_sink_topics_n; k++)
            c->sinks[i][k] = number_of(c, s->repartition_sink_topics[k]);
    }
}

/* As it is; or as it shall be. */
static int32_t
count_of(const struct configuring *c, int32_t topic)
{
    const struct wanted_topic *w = &c->topics[topic];
    return w->there ? w->there : w->decided;
}

/* ---- 1. source topics: an application cannot make them ---- */

static void
require_sources(struct configuring *c)
{
    struct slice *missing = ARENA_ARRAY(c->a, struct slice, c->topics_n);
    bool *is_source = ARENA_ARRAY(c->a, bool, c->topics_n);
    int32_t n = 0;
    for (int32_t i = 0; i < c->t->subtopologies_n; i++)
        for (int32_t k = 0; k < c->t->subtopologies[i].source_topics_n; k++)
            is_source[c->sources[i][k]] = true;
    for (int32_t i = 0; i < c->topics_n; i++)
        if (is_source[i] && !c->topics[i].there) missing[n++] = c->topics[i].name;
    if (n == 0) return;
    struct writer w = writer_mem(c->a->mem);
    fmt_str(&w, "Source topics ");
    fmt_topics(&w, missing, n);
    fmt_str(&w, " are missing.");
    say(c, STREAMS_MISSING_SOURCE_TOPICS, &w);
}

/* ---- 2. repartition topics ---- */

/* What a subtopology writes has as many partitions as the most that it reads; 0: that is not known yet. Repartition
 * topics count as they shall be, not as they may be there. */
static int32_t
fed_by(const struct configuring *c, int32_t sub)
{
    const subtopology *s = &c->t->subtopologies[sub];
    int32_t most = 0;
    for (int32_t k = 0; k < sources_n(s); k++) {
        const struct wanted_topic *w = &c->topics[c->sources[sub][k]];
        int32_t n = k < s->source_topics_n ? w->there : w->decided;
        most = MAX(most, n);
    }
    return most;
}

/* One subtopology's sinks are others' sources: round after round, until nothing is open, or nothing comes of it (a
 * loop without a way in). */
static void
decide_repartitions(struct configuring *c)
{
    bool is_open = true, moves = true;
    while (is_open && moves) {
        is_open = moves = false;
        for (int32_t i = 0; i < c->t->subtopologies_n; i++) {
            int32_t n = fed_by(c, i);
            for (int32_t k = 0; k < c->t->subtopologies[i].repartition_sink_topics_n; k++) {
                struct wanted_topic *w = &c->topics[c->sinks[i][k]];
                if (w->decided) continue;
                w->decided = n;
                is_open |= n == 0;
                moves |= n != 0;
            }
        }
    }
    if (is_open) {
        refuse_topology(c, S("Failed to compute number of partitions for all repartition topics. "
                             "There may be loops in the topology that cannot be resolved."));
        return;
    }
    for (int32_t i = 0; i < c->topics_n; i++)
        if ((c->topics[i].is_fixed || c->topics[i].is_flexible) && !c->topics[i].decided) {
            refuse_topology(
                c, S("Failed to compute number of partitions for all repartition topics, because "
                     "a repartition source topic is never used as a sink topic."));
            return;
        }
}

/* ---- 3. topics whose records are joined by their partition ---- */

struct copartitioned {
    int32_t *v; /* numbers of topics, each once */
    int32_t n;
    bool has_external;
};

static bool
is_repartition(const struct configuring *c, int32_t topic)
{
    return c->topics[topic].is_fixed || c->topics[topic].is_flexible;
}

static void
add_copartitioned(const struct configuring *c, struct copartitioned *to, int32_t topic)
{
    for (int32_t i = 0; i < to->n; i++)
        if (to->v[i] == topic) return;
    to->v[to->n++] = topic;
    to->has_external |= !is_repartition(c, topic);
}

static struct copartitioned
copartitioned_of(const struct configuring *c, int32_t sub, const copartition_group *g)
{
    const subtopology *s = &c->t->subtopologies[sub];
    struct copartitioned ret = {
        .v = ARENA_ARRAY(c->a, int32_t, g->source_topics_n + g->repartition_source_topics_n)};
    for (int32_t i = 0; i < g->source_topics_n; i++)
        add_copartitioned(c, &ret, c->sources[sub][g->source_topics[i]]);
    for (int32_t i = 0; i < g->repartition_source_topics_n; i++)
        add_copartitioned(c, &ret,
                          c->sources[sub][s->source_topics_n + g->repartition_source_topics[i]]);
    return ret;
}

static void
say_unequal(struct configuring *c, const struct copartitioned *g)
{
    struct writer w = writer_mem(c->a->mem);
    bool *is_in = ARENA_ARRAY(c->a, bool, c->topics_n);
    const char *between = "";
    for (int32_t i = 0; i < g->n; i++)
        is_in[g->v[i]] = !g->has_external || !is_repartition(c, g->v[i]);
    fmt_str(&w, "Following topics do not have the same number of partitions: [{");
    for (int32_t i = 0; i < c->topics_n; i++) {
        if (!is_in[i]) continue;
        fmt_str(&w, between);
        fmt_slice(&w, c->topics[i].name);
        fmt_char(&w, '=');
        fmt_i64(&w, count_of(c, i));
        between = ", ";
    }
    fmt_str(&w, "}]");
    say(c, STREAMS_INCORRECTLY_PARTITIONED_TOPICS, &w);
}

/* The number that decides: that of external topics, else one that is fixed, else the largest. 0: it is said that
 * they differ. */
static int32_t
deciding_count(struct configuring *c, const struct copartitioned *g)
{
    int32_t decides = 0, most = 0;
    for (int32_t i = 0; i < g->n; i++) {
        const struct wanted_topic *w = &c->topics[g->v[i]];
        int32_t n = count_of(c, g->v[i]);
        bool binds = g->has_external ? !is_repartition(c, g->v[i]) : w->is_fixed;
        most = MAX(most, n);
        if (!binds) continue;
        if (decides && n != decides) {
            say_unequal(c, g);
            return 0;
        }
        decides = n;
    }
    return decides ? decides : most;
}

static void
make_equal(struct configuring *c, const struct copartitioned *g)
{
    int32_t n = g->n ? deciding_count(c, g) : 0;
    for (int32_t i = 0; i < g->n && !is_over(c); i++) {
        struct wanted_topic *t = &c->topics[g->v[i]];
        int32_t had = count_of(c, g->v[i]);
        if (!is_repartition(c, g->v[i])) continue;
        t->decided = n;
        if (!t->is_fixed || had == n) continue;
        struct writer w = writer_mem(c->a->mem);
        fmt_str(&w, "Number of partitions [");
        fmt_i64(&w, had);
        fmt_str(&w, "] of repartition topic [");
        fmt_slice(&w, t->name);
        fmt_str(&w, "] doesn't match number of partitions [");
        fmt_i64(&w, n);
        fmt_str(&w, "] of the source topic.");
        say(c, STREAMS_INCORRECTLY_PARTITIONED_TOPICS, &w);
    }
}

static void
enforce_copartitions(struct configuring *c)
{
    for (int32_t i = 0; i < c->t->subtopologies_n; i++)
        for (int32_t k = 0; k < c->t->subtopologies[i].copartition_groups_n; k++) {
            struct copartitioned g =
                copartitioned_of(c, i, &c->t->subtopologies[i].copartition_groups[k]);
            make_equal(c, &g);
            if (is_over(c)) return;
        }
}

/* ---- 4. changelogs and tasks ---- */

static void
count_tasks(struct configuring *c)
{
    int32_t n = c->t->subtopologies_n;
    int64_t tasks = 0;
    struct configured_subtopology *v = ARENA_ARRAY(c->a, struct configured_subtopology, n);
    for (int32_t i = 0; i < n; i++) {
        const subtopology *s = &c->t->subtopologies[i];
        v[i].id = s->subtopology_id;
        v[i].from = s;
        v[i].is_stateful = s->state_changelog_topics_n > 0;
        for (int32_t k = 0; k < sources_n(s); k++)
            v[i].tasks_n = MAX(v[i].tasks_n, count_of(c, c->sources[i][k]));
        for (int32_t k = 0; k < s->state_changelog_topics_n; k++) {
            const topology_topic *info = &s->state_changelog_topics[k];
            struct wanted_topic *w = &c->topics[number_of(c, info->name)];
            w->decided = v[i].tasks_n;
            w->info = info;
        }
        tasks += v[i].tasks_n;
    }
    if (tasks > TOPOLOGY_TASKS_MAX) {
        refuse_topology(c, S("The topology would have more than 200000 tasks."));
        return;
    }
    c->ret->subtopologies = v;
    c->ret->subtopologies_n = n;
}

/* ---- 5. what is missing ---- */

static void
say_wrong_size(struct configuring *c, const struct wanted_topic *t)
{
    struct writer w = writer_mem(c->a->mem);
    fmt_str(&w, "Existing topic ");
    fmt_slice(&w, t->name);
    fmt_str(&w, " has different number of partitions: expected ");
    fmt_i64(&w, t->decided);
    fmt_str(&w, ", found ");
    fmt_i64(&w, t->there);
    say(c, STREAMS_INCORRECTLY_PARTITIONED_TOPICS, &w);
}

static void
find_missing(struct configuring *c)
{
    struct configured *ret = c->ret;
    struct slice *names = ARENA_ARRAY(c->a, struct slice, c->topics_n);
    ret->missing = ARENA_ARRAY(c->a, struct internal_topic, c->topics_n);
    for (int32_t i = 0; i < c->topics_n && !is_over(c); i++) {
        const struct wanted_topic *w = &c->topics[i];
        const topology_topic *info = w->info;
        if (!info) continue;
        if (w->there && w->there != w->decided) say_wrong_size(c, w);
        if (w->there) continue;
        names[ret->missing_n] = w->name;
        ret->missing[ret->missing_n++] =
            (struct internal_topic){.name = w->name,
                                    .partitions = w->decided,
                                    .replication_factor = info->replication_factor,
                                    .configs = info->topic_configs,
                                    .configs_n = info->topic_configs_n};
    }
    if (is_over(c)) {
        ret->subtopologies_n = ret->missing_n = 0;
        return;
    }
    if (ret->missing_n == 0) return;
    struct writer w = writer_mem(c->a->mem);
    fmt_str(&w, "Internal topics are missing: ");
    fmt_topics(&w, names, ret->missing_n);
    say(c, STREAMS_MISSING_INTERNAL_TOPICS, &w);
}

/* ---- all of it ---- */

void
topology_configure(const topology *t, topic_partitions *partitions_of, const void *ctx,
                   struct arena *a, struct configured *ret)
{
    struct configuring c = {.t = t, .a = a, .ret = ret};
    *ret = (struct configured){.status = STREAMS_READY};
    number_topics(&c, partitions_of, ctx);
    require_sources(&c);
    if (!is_over(&c)) decide_repartitions(&c);
    if (!is_over(&c)) enforce_copartitions(&c);
    if (!is_over(&c)) count_tasks(&c);
    if (!is_over(&c)) find_missing(&c);
}

const struct configured_subtopology *
configured_find(const struct configured *c, struct slice subtopology_id)
{
    LOWER_BOUND(at, c->subtopologies_n, i, slice_cmp(c->subtopologies[i].id, subtopology_id) < 0);
    bool is_there = at < c->subtopologies_n && slice_eq(c->subtopologies[at].id, subtopology_id);
    return is_there ? &c->subtopologies[at] : NULL;
}
