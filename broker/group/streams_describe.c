/* StreamsGroupDescribe: what is known of a streams group. */
#include "broker/base/check.h"
#include "broker/group/streams_group.h"
#include "broker/protocol/codec.h"
#include "errors.h"

typedef struct k_streams_group_describe_response_described_group described;
typedef struct k_streams_group_describe_response_member described_member;
typedef struct k_streams_group_describe_response_assignment described_assignment;
typedef struct k_streams_group_describe_response_task_ids described_tasks;
typedef struct k_streams_group_describe_response_task_offset described_offset;
typedef struct k_streams_group_describe_response_topology described_topology;
typedef struct k_streams_group_describe_response_subtopology described_subtopology;
typedef struct k_streams_group_describe_response_topic_info described_topic;
typedef struct k_streams_group_describe_response_key_value described_pair;

/* ---- members ---- */

static described_tasks *
describe_set(struct arena *a, const struct task_set *s, int32_t *ret_n)
{
    described_tasks *v = ARENA_ARRAY(a, described_tasks, s->n);
    int32_t *partitions = ARENA_ARRAY(a, int32_t, s->n);
    *ret_n = 0;
    for (int64_t i = 0, end; i < s->n; i = end) {
        end = task_run_end(s, i);
        v[(*ret_n)++] = (described_tasks){.subtopology_id = arena_dup(a, s->v[i].subtopology),
                                          .partitions = &partitions[i],
                                          .partitions_n = (int32_t)(end - i)};
        for (int64_t k = i; k < end; k++) partitions[k] = s->v[k].partition;
    }
    return v;
}

static void
describe_tasks(struct arena *a, const struct tasks *t, described_assignment *to)
{
    to->active_tasks = describe_set(a, &t->of[TASK_ACTIVE], &to->active_tasks_n);
    to->standby_tasks = describe_set(a, &t->of[TASK_STANDBY], &to->standby_tasks_n);
    to->warmup_tasks = describe_set(a, &t->of[TASK_WARMUP], &to->warmup_tasks_n);
}

static described_offset *
describe_offsets(struct arena *a, const struct task_offsets *s, int32_t *ret_n)
{
    described_offset *v = ARENA_ARRAY(a, described_offset, s->n);
    *ret_n = (int32_t)s->n;
    for (int64_t i = 0; i < s->n; i++)
        v[i] = (described_offset){arena_dup(a, s->v[i].subtopology), s->v[i].partition,
                                  s->v[i].offset};
    return v;
}

static void
describe_streams_member(const struct streams_member *m, struct arena *a, described_member *to)
{
    const streams_spec *spec = &m->spec;
    to->member_id = arena_dup(a, m->id);
    to->member_epoch = m->now.epoch;
    to->instance_id = arena_dup(a, spec->instance_id);
    to->rack_id = arena_dup(a, spec->rack_id);
    to->client_id = arena_dup(a, spec->client_id);
    to->client_host = arena_dup(a, spec->client_host);
    to->topology_epoch = spec->topology_epoch;
    to->process_id = arena_dup(a, spec->process_id);
    if (spec->user_endpoint) {
        to->user_endpoint = arena_alloc(a, (int64_t)sizeof *to->user_endpoint);
        to->user_endpoint->host = arena_dup(a, spec->user_endpoint->host);
        to->user_endpoint->port = spec->user_endpoint->port;
    }
    to->client_tags = ARENA_ARRAY(a, described_pair, spec->client_tags_n);
    to->client_tags_n = spec->client_tags_n;
    for (int32_t i = 0; i < spec->client_tags_n; i++)
        to->client_tags[i] = (described_pair){arena_dup(a, spec->client_tags[i].key),
                                              arena_dup(a, spec->client_tags[i].value)};
    to->task_offsets = describe_offsets(a, &m->offsets, &to->task_offsets_n);
    to->task_end_offsets = describe_offsets(a, &m->end_offsets, &to->task_end_offsets_n);
    describe_tasks(a, &m->now.assigned, &to->assignment);
    describe_tasks(a, &m->target, &to->target_assignment);
}

/* ---- the topology ---- */

static struct slice *
dup_texts(struct arena *a, const struct slice *v, int32_t n)
{
    struct slice *ret = ARENA_ARRAY(a, struct slice, n);
    for (int32_t i = 0; i < n; i++) ret[i] = arena_dup(a, v[i]);
    return ret;
}

/* With as many partitions as they have, once they are there. */
static described_topic *
describe_topics(const struct group *g, struct arena *a, const topology_topic *v, int32_t n)
{
    const struct image *im = g->shard->owner->base.image;
    bool is_ready = g->streams->is_configured && g->streams->configured.status == STREAMS_READY;
    described_topic *ret = ARENA_ARRAY(a, described_topic, n);
    for (int32_t i = 0; i < n; i++) {
        const struct image_topic *t = is_ready ? image_topic(im, v[i].name) : NULL;
        ret[i] =
            (described_topic){.name = arena_dup(a, v[i].name),
                              .partitions = t ? t->partitions_n : v[i].partitions,
                              .replication_factor = v[i].replication_factor,
                              .topic_configs = ARENA_ARRAY(a, described_pair, v[i].topic_configs_n),
                              .topic_configs_n = v[i].topic_configs_n};
        for (int32_t k = 0; k < v[i].topic_configs_n; k++)
            ret[i].topic_configs[k] = (described_pair){arena_dup(a, v[i].topic_configs[k].key),
                                                       arena_dup(a, v[i].topic_configs[k].value)};
    }
    return ret;
}

static described_topology *
describe_topology(const struct group *g, struct arena *a)
{
    const topology *t = g->streams->topology;
    if (!t) return NULL;
    described_topology *ret = ARENA_NEW(a, described_topology);
    ret->epoch = t->epoch;
    ret->subtopologies_n = t->subtopologies_n;
    ret->subtopologies = ARENA_ARRAY(a, described_subtopology, t->subtopologies_n);
    for (int32_t i = 0; i < t->subtopologies_n; i++) {
        const subtopology *s = &t->subtopologies[i];
        ret->subtopologies[i] = (described_subtopology){
            .subtopology_id = arena_dup(a, s->subtopology_id),
            .source_topics = dup_texts(a, s->source_topics, s->source_topics_n),
            .source_topics_n = s->source_topics_n,
            .repartition_sink_topics =
                dup_texts(a, s->repartition_sink_topics, s->repartition_sink_topics_n),
            .repartition_sink_topics_n = s->repartition_sink_topics_n,
            .state_changelog_topics =
                describe_topics(g, a, s->state_changelog_topics, s->state_changelog_topics_n),
            .state_changelog_topics_n = s->state_changelog_topics_n,
            .repartition_source_topics =
                describe_topics(g, a, s->repartition_source_topics, s->repartition_source_topics_n),
            .repartition_source_topics_n = s->repartition_source_topics_n};
    }
    return ret;
}

/* ---- all of it ---- */

/* A plugin would keep what applications say of their topologies: there is none, as in Kafka by default. */
#define DESCRIPTION_NOT_STORED 1

void
groups_streams_describe(struct groups *gs, struct slice group_id, bool with_description,
                        struct arena *a, described *ret)
{
    ret->group_id = group_id;
    struct shard *s = groups_shard_of_named(gs, group_id, &ret->error_code);
    struct group *g = s ? group_find(s, group_id) : NULL;
    if (s && (!g || !g->streams)) {
        ret->error_code = K_ERR_GROUP_ID_NOT_FOUND;
        ret->error_message =
            group_is_none(a, group_id, g ? " is not a streams group." : " not found.");
    }
    if (ret->error_code) return;
    int32_t n;
    struct streams_view *v = streams_views(g, a, NULL, SLICE_NULL, &n);
    ret->group_state = streams_state_name(streams_state(g));
    ret->group_epoch = g->streams->epoch;
    ret->assignment_epoch = g->streams->assignment_epoch;
    ret->assignor_name = S("sticky");
    ret->topology = describe_topology(g, a);
    if (with_description) ret->topology_description_status = DESCRIPTION_NOT_STORED;
    ret->members = codec_array(a, K_STRUCT_STREAMS_GROUP_DESCRIBE_RESPONSE_MEMBER, n);
    ret->members_n = n;
    for (int32_t i = 0; i < n; i++)
        describe_streams_member(streams_member(g, v[i].id), a, &ret->members[i]);
}
