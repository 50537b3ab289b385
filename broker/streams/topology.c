#include "broker/streams/topology.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/base/search.h"
#include "broker/base/sort.h"
#include "broker/controller/topic_name.h"
#include "broker/protocol/codec.h"
#include "errors.h"

typedef struct k_streams_group_heartbeat_request_topology asked_topology;
typedef struct k_streams_group_heartbeat_request_subtopology asked_subtopology;
typedef struct k_streams_group_heartbeat_request_topic_info asked_topic;

/* ---- from a request ---- */

static topology_topic *
topics_of_request(const asked_topic *q, int32_t n, struct arena *a)
{
    topology_topic *ret = ARENA_ARRAY(a, topology_topic, n);
    for (int32_t i = 0; i < n; i++) {
        int32_t configs_n = q[i].topic_configs_n;
        ret[i] =
            (topology_topic){.name = q[i].name,
                             .partitions = q[i].partitions,
                             .replication_factor = q[i].replication_factor,
                             .topic_configs_n = configs_n,
                             .topic_configs = ARENA_ARRAY(a, topology_topic_config, configs_n)};
        for (int32_t k = 0; k < configs_n; k++)
            ret[i].topic_configs[k] =
                (topology_topic_config){q[i].topic_configs[k].key, q[i].topic_configs[k].value};
    }
    return ret;
}

static void
subtopology_of_request(const asked_subtopology *q, struct arena *a, subtopology *to)
{
    *to = (subtopology){
        .subtopology_id = q->subtopology_id,
        .source_topics = q->source_topics,
        .source_topics_n = q->source_topics_n,
        .source_topic_regex = q->source_topic_regex,
        .source_topic_regex_n = q->source_topic_regex_n,
        .state_changelog_topics =
            topics_of_request(q->state_changelog_topics, q->state_changelog_topics_n, a),
        .state_changelog_topics_n = q->state_changelog_topics_n,
        .repartition_sink_topics = q->repartition_sink_topics,
        .repartition_sink_topics_n = q->repartition_sink_topics_n,
        .repartition_source_topics =
            topics_of_request(q->repartition_source_topics, q->repartition_source_topics_n, a),
        .repartition_source_topics_n = q->repartition_source_topics_n,
        .copartition_groups = ARENA_ARRAY(a, copartition_group, q->copartition_groups_n),
        .copartition_groups_n = q->copartition_groups_n,
    };
    for (int32_t i = 0; i < q->copartition_groups_n; i++)
        to->copartition_groups[i] = (copartition_group){
            .source_topics = q->copartition_groups[i].source_topics,
            .source_topics_n = q->copartition_groups[i].source_topics_n,
            .source_topic_regex = q->copartition_groups[i].source_topic_regex,
            .source_topic_regex_n = q->copartition_groups[i].source_topic_regex_n,
            .repartition_source_topics = q->copartition_groups[i].repartition_source_topics,
            .repartition_source_topics_n = q->copartition_groups[i].repartition_source_topics_n};
}

/* By id. */
static int
subtopology_order(const void *a, const void *b, const void *ctx)
{
    const subtopology *x = a, *y = b;
    (void)ctx;
    return slice_cmp(x->subtopology_id, y->subtopology_id);
}

static void
sort_subtopologies(subtopology *v, int32_t n, struct arena *a)
{
    merge_sort(v, n, (int64_t)sizeof *v, subtopology_order, NULL, ARENA_ARRAY(a, subtopology, n));
}

void
topology_of_request(const asked_topology *q, struct arena *a, topology *ret)
{
    int32_t n = q->subtopologies_n;
    codec_default(K_MSG_STREAMS_GROUP_TOPOLOGY_VALUE, ret);
    ret->epoch = q->epoch;
    ret->subtopologies = ARENA_ARRAY(a, subtopology, n);
    ret->subtopologies_n = n;
    for (int32_t i = 0; i < n; i++)
        subtopology_of_request(&q->subtopologies[i], a, &ret->subtopologies[i]);
    sort_subtopologies(ret->subtopologies, n, a);
}

topology *
topology_copy(const topology *t, struct arena *a)
{
    struct writer w = writer_mem(a->mem);
    topology *ret = ARENA_NEW(a, topology);
    (void)codec_write(K_MSG_STREAMS_GROUP_TOPOLOGY_VALUE, 0, t, &w, NULL);
    struct reader r = reader(arena_dup(a, writer_slice(&w)));
    bool ok = codec_decode(K_MSG_STREAMS_GROUP_TOPOLOGY_VALUE, 0, &r, a, ret);
    writer_release(&w);
    if (!ok) return NULL;
    sort_subtopologies(ret->subtopologies, ret->subtopologies_n, a);
    return ret;
}

/* ---- finding ---- */

const subtopology *
topology_reader_of(const topology *t, struct slice topic)
{
    for (int32_t i = 0; i < t->subtopologies_n; i++) {
        const subtopology *s = &t->subtopologies[i];
        for (int32_t k = 0; k < s->source_topics_n; k++)
            if (slice_eq(s->source_topics[k], topic)) return s;
        for (int32_t k = 0; k < s->repartition_source_topics_n; k++)
            if (slice_eq(s->repartition_source_topics[k].name, topic)) return s;
    }
    return NULL;
}

/* ---- what is wrong with it ---- */

struct checking {
    struct arena *arena;
    struct writer why;
    int64_t topics_n;
};

static void
check_topic(struct checking *c, struct slice name)
{
    c->topics_n++;
    if (c->why.n) return;
    if (topic_name_is_internal(name)) {
        fmt_str(&c->why, "Use of Kafka internal topics ");
        fmt_slice(&c->why, name);
        fmt_str(&c->why, " in a Kafka Streams topology is prohibited.");
    } else {
        struct writer detail = writer_mem(c->arena->mem);
        if (!topic_name_check(name, &detail)) {
            fmt_str(&c->why, "Topic names ");
            fmt_slice(&c->why, name);
            fmt_str(&c->why, " are not valid topic names.");
        }
        writer_release(&detail);
    }
}

static bool
has_bad_index(const int16_t *v, int32_t n, int32_t end)
{
    for (int32_t i = 0; i < n; i++)
        if (v[i] < 0 || v[i] >= end) return true;
    return false;
}

static void
check_copartitions(struct checking *c, const subtopology *s)
{
    for (int32_t i = 0; i < s->copartition_groups_n; i++) {
        const copartition_group *g = &s->copartition_groups[i];
        bool is_bad = g->source_topic_regex_n > 0 ||
                      has_bad_index(g->source_topics, g->source_topics_n, s->source_topics_n) ||
                      has_bad_index(g->repartition_source_topics, g->repartition_source_topics_n,
                                    s->repartition_source_topics_n);
        c->topics_n += g->source_topics_n + g->repartition_source_topics_n;
        if (!is_bad || c->why.n) continue;
        fmt_str(&c->why, "A copartition group of subtopology ");
        fmt_slice(&c->why, s->subtopology_id);
        fmt_str(&c->why, " names a topic by a number that the subtopology does not have.");
    }
}

static void
check_changelog(struct checking *c, const topology_topic *t)
{
    check_topic(c, t->name);
    if (t->partitions == 0 || c->why.n) return;
    fmt_str(&c->why, "Changelog topic ");
    fmt_slice(&c->why, t->name);
    fmt_str(&c->why, " must have an undefined partition count, but it is set to ");
    fmt_i64(&c->why, t->partitions);
    fmt_str(&c->why, ".");
}

static void
check_repartition(struct checking *c, const topology_topic *t)
{
    check_topic(c, t->name);
    if (t->partitions >= 0 || c->why.n) return;
    fmt_str(&c->why, "Repartition topic ");
    fmt_slice(&c->why, t->name);
    fmt_str(&c->why, " must have a partition count of 0 (undefined) or more, but it is set to ");
    fmt_i64(&c->why, t->partitions);
    fmt_str(&c->why, ".");
}

static void
check_subtopology(struct checking *c, const subtopology *s)
{
    for (int32_t i = 0; i < s->source_topics_n; i++) check_topic(c, s->source_topics[i]);
    for (int32_t i = 0; i < s->repartition_sink_topics_n; i++)
        check_topic(c, s->repartition_sink_topics[i]);
    for (int32_t i = 0; i < s->repartition_source_topics_n; i++)
        check_repartition(c, &s->repartition_source_topics[i]);
    for (int32_t i = 0; i < s->state_changelog_topics_n; i++)
        check_changelog(c, &s->state_changelog_topics[i]);
    check_copartitions(c, s);
    if (c->why.n || s->source_topics_n > 0 || s->repartition_source_topics_n > 0) return;
    fmt_str(&c->why, "No source topics found for subtopology ");
    fmt_slice(&c->why, s->subtopology_id);
}

static void
check_all(struct checking *c, const topology *t)
{
    if (t->epoch < 0) fmt_str(&c->why, "Topology epoch must be non-negative.");
    if (t->subtopologies_n > SUBTOPOLOGIES_MAX) {
        fmt_str(&c->why, "The topology has more than ");
        fmt_i64(&c->why, SUBTOPOLOGIES_MAX);
        fmt_str(&c->why, " subtopologies.");
    }
    if (c->why.n) return;
    for (int32_t i = 0; i < t->subtopologies_n && !c->why.n; i++) {
        const subtopology *s = &t->subtopologies[i];
        check_subtopology(c, s);
        if (i == 0 || c->why.n) continue;
        if (slice_eq(t->subtopologies[i - 1].subtopology_id, s->subtopology_id)) {
            fmt_str(&c->why, "Two subtopologies have the id ");
            fmt_slice(&c->why, s->subtopology_id);
        }
    }
    if (c->why.n) return;
    if (c->topics_n <= TOPOLOGY_TOPICS_MAX) return;
    fmt_str(&c->why, "The topology names topics more than ");
    fmt_i64(&c->why, TOPOLOGY_TOPICS_MAX);
    fmt_str(&c->why, " times.");
}

int16_t
topology_check(const topology *t, struct arena *a, struct slice *ret_why)
{
    struct checking c = {.arena = a, .why = writer_mem(a->mem)};
    check_all(&c, t);
    if (c.why.n) *ret_why = arena_dup(a, writer_slice(&c.why));
    bool is_bad = c.why.n > 0;
    writer_release(&c.why);
    return is_bad ? K_ERR_STREAMS_INVALID_TOPOLOGY : 0;
}
