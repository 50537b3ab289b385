/* ConsumerGroupDescribe: what is known of a consumer group. */
#include "broker/base/check.h"
#include "broker/group/consumer.h"
#include "broker/protocol/codec.h"
#include "errors.h"

typedef struct k_consumer_group_describe_response_described_group described;
typedef struct k_consumer_group_describe_response_member described_member;
typedef struct k_consumer_group_describe_response_assignment described_assignment;
typedef struct k_consumer_group_describe_response_topic_partitions described_topic;

/* Of topics that exist: the answer has their names. */
static void
describe_tps(const struct image *im, struct arena *a, const struct tp_set *s,
             described_assignment *to)
{
    int32_t *indexes = ARENA_ARRAY(a, int32_t, s->n);
    described_topic *topic = NULL;
    to->topic_partitions = ARENA_ARRAY(a, described_topic, s->n);
    for (int64_t i = 0; i < s->n; i++) {
        if (i == 0 || !uuid_eq(s->v[i - 1].topic, s->v[i].topic)) {
            const struct image_topic *t = image_topic_by_id(im, s->v[i].topic);
            topic = t ? &to->topic_partitions[to->topic_partitions_n++] : NULL;
            if (topic)
                *topic = (described_topic){.topic_id = t->id,
                                           .topic_name = arena_dup(a, t->name),
                                           .partitions = &indexes[i]};
        }
        if (topic) topic->partitions[topic->partitions_n++] = s->v[i].index;
    }
}

static void
describe_member(const struct consumer_member *m, struct arena *a, described_member *to)
{
    const struct image *im = m->group->shard->owner->base.image;
    const consumer_spec *spec = &m->spec;
    struct tp_set has = tp_set_or(a, &m->assigned, &m->revoking);
    to->member_id = arena_dup(a, m->id);
    to->instance_id = arena_dup(a, spec->instance_id);
    to->rack_id = arena_dup(a, spec->rack_id);
    to->member_epoch = m->epoch;
    to->client_id = arena_dup(a, spec->client_id);
    to->client_host = arena_dup(a, spec->client_host);
    to->subscribed_topic_names_n = spec->subscribed_topic_names_n;
    to->subscribed_topic_names = ARENA_ARRAY(a, struct slice, spec->subscribed_topic_names_n);
    for (int32_t i = 0; i < spec->subscribed_topic_names_n; i++)
        to->subscribed_topic_names[i] = arena_dup(a, spec->subscribed_topic_names[i]);
    to->subscribed_topic_regex = arena_dup(a, spec->subscribed_topic_regex);
    describe_tps(im, a, &has, &to->assignment);
    describe_tps(im, a, &m->target, &to->target_assignment);
    to->member_type = spec->classic_member_metadata ? 0 : 1;
}

void
groups_consumer_describe(struct groups *gs, struct slice group_id, struct arena *a, described *ret)
{
    ret->group_id = group_id;
    struct shard *s = groups_shard_of_named(gs, group_id, &ret->error_code);
    const struct group *g = s ? group_find(s, group_id) : NULL;
    if (s && (!g || !g->consumer)) {
        ret->error_code = K_ERR_GROUP_ID_NOT_FOUND;
        ret->error_message =
            group_is_none(a, group_id, g ? " is not a consumer group." : " not found.");
    }
    if (ret->error_code) return;
    int32_t n;
    struct consumer_view *v = consumer_views(g, a, SLICE_NULL, NULL, NULL, SLICE_NULL, &n);
    ret->group_state = consumer_state_name(consumer_state(g));
    ret->group_epoch = g->consumer->epoch;
    ret->assignment_epoch = g->consumer->assignment_epoch;
    ret->assignor_name = server_assignor_name(consumer_preferred_assignor(g, v, n));
    ret->members = codec_array(a, K_STRUCT_CONSUMER_GROUP_DESCRIBE_RESPONSE_MEMBER, n);
    ret->members_n = n;
    for (int32_t i = 0; i < n; i++)
        describe_member(consumer_member(g, v[i].id), a, &ret->members[i]);
}
