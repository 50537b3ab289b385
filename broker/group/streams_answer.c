/* What members of a streams group are told: their tasks, and where the application's state can be asked for. */
#include "broker/base/check.h"
#include "broker/group/streams_group.h"

typedef struct k_streams_group_heartbeat_response response;
typedef struct k_streams_group_heartbeat_response_task_ids told_tasks;
typedef struct k_streams_group_heartbeat_response_topic_partition told_partitions;
typedef struct k_streams_group_heartbeat_response_endpoint_to_partitions told_endpoint;

static told_tasks *
told_set(struct arena *a, const struct task_set *s, int32_t *ret_n)
{
    told_tasks *v = ARENA_ARRAY(a, told_tasks, s->n);
    int32_t *partitions = ARENA_ARRAY(a, int32_t, s->n);
    *ret_n = 0;
    for (int64_t i = 0, end; i < s->n; i = end) {
        end = task_run_end(s, i);
        v[(*ret_n)++] = (told_tasks){.subtopology_id = arena_dup(a, s->v[i].subtopology),
                                     .partitions = &partitions[i],
                                     .partitions_n = (int32_t)(end - i)};
        for (int64_t k = i; k < end; k++) partitions[k] = s->v[k].partition;
    }
    return v;
}

void
fill_streams_tasks(struct coordinator_call *call, response *res, const struct tasks *t)
{
    struct arena *a = call->arena;
    res->active_tasks = told_set(a, &t->of[TASK_ACTIVE], &res->active_tasks_n);
    res->standby_tasks = told_set(a, &t->of[TASK_STANDBY], &res->standby_tasks_n);
    res->warmup_tasks = told_set(a, &t->of[TASK_WARMUP], &res->warmup_tasks_n);
}

/* ---- endpoints (interactive queries) ---- */

/* A task has the partition of its number of each source topic that has so many. */
static void
add_partitions(const struct group *g, struct arena *a, struct slice topic, const struct task_set *s,
               int64_t from, int64_t end, told_partitions *to)
{
    const struct image_topic *t = image_topic(g->shard->owner->base.image, topic);
    *to = (told_partitions){.topic = arena_dup(a, topic),
                            .partitions = ARENA_ARRAY(a, int32_t, end - from)};
    for (int64_t i = from; t && i < end; i++)
        if (s->v[i].partition < t->partitions_n)
            to->partitions[to->partitions_n++] = s->v[i].partition;
}

static told_partitions *
partitions_of_tasks(const struct group *g, struct arena *a, const struct task_set *s,
                    int32_t *ret_n)
{
    const struct configured *c = &g->streams->configured;
    int64_t most = 0;
    for (int64_t i = 0; i < s->n; i = task_run_end(s, i)) {
        const struct configured_subtopology *sub = configured_find(c, s->v[i].subtopology);
        if (sub) most += sub->from->source_topics_n + sub->from->repartition_source_topics_n;
    }
    told_partitions *v = ARENA_ARRAY(a, told_partitions, most);
    *ret_n = 0;
    for (int64_t i = 0, end; i < s->n; i = end) {
        const struct configured_subtopology *sub = configured_find(c, s->v[i].subtopology);
        end = task_run_end(s, i);
        for (int32_t k = 0; sub && k < sub->from->source_topics_n; k++)
            add_partitions(g, a, sub->from->source_topics[k], s, i, end, &v[(*ret_n)++]);
        for (int32_t k = 0; sub && k < sub->from->repartition_source_topics_n; k++)
            add_partitions(g, a, sub->from->repartition_source_topics[k].name, s, i, end,
                           &v[(*ret_n)++]);
    }
    return v;
}

static void
fill_endpoint(const struct group *g, struct arena *a, const streams_spec *spec,
              const struct tasks *t, told_endpoint *to)
{
    *to = (told_endpoint){
        .user_endpoint = {arena_dup(a, spec->user_endpoint->host), spec->user_endpoint->port}};
    to->active_partitions =
        partitions_of_tasks(g, a, &t->of[TASK_ACTIVE], &to->active_partitions_n);
    to->standby_partitions =
        partitions_of_tasks(g, a, &t->of[TASK_STANDBY], &to->standby_partitions_n);
}

void
fill_streams_endpoints(const struct group *g, struct coordinator_call *call, response *res,
                       struct slice own_id, const streams_spec *own, const struct tasks *own_tasks)
{
    int32_t n;
    struct arena *a = call->arena;
    struct streams_view *v = streams_views(g, a, NULL, own_id, &n);
    res->partitions_by_user_endpoint = ARENA_ARRAY(a, told_endpoint, n + 1);
    res->partitions_by_user_endpoint_n = 0;
    for (int32_t i = 0; i < n; i++) {
        const struct streams_member *m = streams_member(g, v[i].id);
        if (m->spec.user_endpoint)
            fill_endpoint(g, a, &m->spec, &m->now.assigned,
                          &res->partitions_by_user_endpoint[res->partitions_by_user_endpoint_n++]);
    }
    if (own->user_endpoint)
        fill_endpoint(g, a, own, own_tasks,
                      &res->partitions_by_user_endpoint[res->partitions_by_user_endpoint_n++]);
}
