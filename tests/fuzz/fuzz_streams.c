/* A streams application out of any bytes: subtopologies that read each other's repartition topics, topics with or without
 * partitions, and members with tasks that they claim to have had. What passes the check can be configured, and its tasks can be
 * assigned: each is active at one member, its copies are at others, and who assigns once more comes to the same. */
#include "broker/base/check.h"
#include "broker/base/bytes.h"
#include "broker/streams/assign_tasks.h"
#include "broker/streams/configure.h"
#include "broker/streams/topology.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/test.h"

#define PARTS_MAX 8
#define NAMES 8
#define MEMBERS_MAX 5
#define STANDBYS_MAX 2

struct application {
    struct arena *a;
    struct reader in;
    topology t;
    int8_t partitions[NAMES]; /* of the topics; below 1: it is not there */
};

static int32_t
choose(struct application *p, int32_t n)
{
    return (uint8_t)reader_i8(&p->in) % n;
}

/* "a" … are topics of others, "A" … its own. */
static struct slice
topic_name(int32_t n, bool is_own)
{
    static const char names[] = "abcdefghABCDEFGH";
    return slice(names + n + (is_own ? NAMES : 0), 1);
}

static struct slice *
choose_names(struct application *p, bool is_own, int32_t *ret_n)
{
    int32_t n = choose(p, 4);
    struct slice *v = ARENA_ARRAY(p->a, struct slice, n);
    for (int32_t i = 0; i < n; i++) v[i] = topic_name(choose(p, NAMES), is_own);
    *ret_n = n;
    return v;
}

static topology_topic *
choose_topics(struct application *p, int32_t *ret_n)
{
    struct slice *names = choose_names(p, true, ret_n);
    topology_topic *v = ARENA_ARRAY(p->a, topology_topic, *ret_n);
    for (int32_t i = 0; i < *ret_n; i++)
        v[i] = (topology_topic){.name = names[i], .partitions = choose(p, 4)};
    return v;
}

static int16_t *
choose_places(struct application *p, int32_t *ret_n)
{
    int32_t n = choose(p, 3);
    int16_t *v = ARENA_ARRAY(p->a, int16_t, n);
    for (int32_t i = 0; i < n; i++) v[i] = (int16_t)(choose(p, 4) - (choose(p, 16) == 0));
    *ret_n = n;
    return v;
}

static void
choose_part(struct application *p, subtopology *s, int32_t number)
{
    static const char ids[] = "01234567";
    s->subtopology_id = slice(ids + (choose(p, 16) ? number : 0), 1);
    s->source_topics = choose_names(p, false, &s->source_topics_n);
    s->repartition_sink_topics = choose_names(p, true, &s->repartition_sink_topics_n);
    s->repartition_source_topics = choose_topics(p, &s->repartition_source_topics_n);
    s->state_changelog_topics = choose_topics(p, &s->state_changelog_topics_n);
    s->copartition_groups_n = choose(p, 3);
    s->copartition_groups = ARENA_ARRAY(p->a, copartition_group, s->copartition_groups_n);
    for (int32_t i = 0; i < s->copartition_groups_n; i++) {
        copartition_group *g = &s->copartition_groups[i];
        g->source_topics = choose_places(p, &g->source_topics_n);
        g->repartition_source_topics = choose_places(p, &g->repartition_source_topics_n);
    }
}

static int32_t
partitions_of(const void *ctx, struct slice topic)
{
    const struct application *p = ctx;
    return topic.p[0] >= 'a' ? MAX(p->partitions[topic.p[0] - 'a'], 0) : 0;
}

/* ---- its members ---- */

static struct task_set
choose_tasks(struct application *p, const struct configured *c)
{
    int64_t n = choose(p, 6);
    struct task_set s = {ARENA_ARRAY(p->a, struct streams_task, n), n};
    for (int64_t i = 0; i < n; i++)
        s.v[i] = (struct streams_task){c->subtopologies[choose(p, c->subtopologies_n)].id,
                                       choose(p, 12), 0};
    task_set_sort(&s, ARENA_ARRAY(p->a, struct streams_task, n));
    return s;
}

static void
choose_members(struct application *p, const struct configured *c, struct sticky_member *v,
               int32_t n)
{
    static const char processes[] = "PQR";
    for (int32_t i = 0; i < n; i++) {
        v[i] = (struct sticky_member){.process_id = slice(processes + choose(p, 3), 1)};
        v[i].had.of[TASK_ACTIVE] = choose_tasks(p, c);
        v[i].had.of[TASK_STANDBY] = choose_tasks(p, c);
    }
}

static int32_t
count_holders(const struct sticky_member *v, int32_t n, enum task_role role, struct slice id,
              int32_t partition)
{
    int32_t holders = 0;
    for (int32_t i = 0; i < n; i++)
        holders += task_set_find(&v[i].ret.of[role], id, partition) != NULL;
    return holders;
}

static void
check_assigned(const struct configured *c, const struct sticky_member *v, int32_t n)
{
    int64_t tasks = 0, given = 0;
    for (int32_t s = 0; s < c->subtopologies_n; s++)
        for (int32_t k = 0; k < c->subtopologies[s].tasks_n; k++, tasks++)
            CHECK(count_holders(v, n, TASK_ACTIVE, c->subtopologies[s].id, k) == 1);
    for (int32_t i = 0; i < n; i++) {
        const struct tasks *t = &v[i].ret;
        given += t->of[TASK_ACTIVE].n;
        CHECK(t->of[TASK_WARMUP].n == 0);
        for (int64_t k = 0; k < t->of[TASK_STANDBY].n; k++) {
            const struct streams_task *copy = &t->of[TASK_STANDBY].v[k];
            CHECK(configured_find(c, copy->subtopology)->is_stateful);
            CHECK(!task_set_find(&t->of[TASK_ACTIVE], copy->subtopology, copy->partition));
            CHECK(count_holders(v, n, TASK_STANDBY, copy->subtopology, copy->partition) <=
                  STANDBYS_MAX);
        }
    }
    CHECK(given == tasks);
}

static void
assign(struct application *p, const struct configured *c)
{
    struct sticky_member v[MEMBERS_MAX] = {0};
    int32_t n = 1 + choose(p, MEMBERS_MAX), standbys = choose(p, STANDBYS_MAX + 1);
    choose_members(p, c, v, n);
    assign_tasks(p->a, c->subtopologies, c->subtopologies_n, standbys, v, n);
    check_assigned(c, v, n);
    struct sticky_member again[MEMBERS_MAX] = {0};
    for (int32_t i = 0; i < n; i++)
        again[i] = (struct sticky_member){.process_id = v[i].process_id, .had = v[i].ret};
    assign_tasks(p->a, c->subtopologies, c->subtopologies_n, standbys, again, n);
    for (int32_t i = 0; i < n; i++) CHECK(tasks_eq(&v[i].ret, &again[i].ret));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem mem;
    struct arena a;
    struct slice why;
    struct configured c;
    test_mem_init(&mem);
    arena_init(&a, &mem, 256 << 20);
    struct application p = {.a = &a, .in = reader(slice(data, (int64_t)size))};
    for (int32_t i = 0; i < NAMES; i++) p.partitions[i] = (int8_t)(choose(&p, 6) - 1);
    p.t.subtopologies_n = 1 + choose(&p, PARTS_MAX);
    p.t.subtopologies = ARENA_ARRAY(&a, subtopology, p.t.subtopologies_n);
    for (int32_t i = 0; i < p.t.subtopologies_n; i++) choose_part(&p, &p.t.subtopologies[i], i);
    if (topology_check(&p.t, &a, &why) == 0) {
        topology_configure(&p.t, partitions_of, &p, &a, &c);
        CHECK(!c.err || c.why.n > 0);
        if (!c.err && c.subtopologies_n > 0) assign(&p, &c);
    }
    mem_release(&mem);
    return 0;
}
