/* ShareGroupDescribe: what is known of a share group. */
#include "broker/base/check.h"
#include "broker/group/share_group.h"
#include "broker/protocol/codec.h"
#include "errors.h"

typedef struct k_share_group_describe_response_described_group described;
typedef struct k_share_group_describe_response_member described_member;
typedef struct k_share_group_describe_response_topic_partitions described_topic;

/* Of topics that exist: the answer has their names. */
static void
describe_share_tps(const struct image *im, struct arena *a, const struct tp_set *s,
                   struct k_share_group_describe_response_assignment *to)
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
        indexes[i] = s->v[i].index;
        if (topic) topic->partitions_n++;
    }
}

static void
describe_share_member(const struct share_member *m, struct arena *a, described_member *to)
{
    const struct image *im = m->group->shard->owner->base.image;
    int32_t n = m->spec.subscribed_topic_names_n;
    to->member_id = arena_dup(a, m->id);
    to->rack_id = arena_dup(a, m->spec.rack_id);
    to->member_epoch = m->epoch;
    to->client_id = arena_dup(a, m->spec.client_id);
    to->client_host = arena_dup(a, m->spec.client_host);
    to->subscribed_topic_names_n = n;
    to->subscribed_topic_names = ARENA_ARRAY(a, struct slice, n);
    for (int32_t i = 0; i < n; i++)
        to->subscribed_topic_names[i] = arena_dup(a, m->spec.subscribed_topic_names[i]);
    describe_share_tps(im, a, &m->assigned, &to->assignment);
}

void
groups_share_describe(struct groups *gs, struct slice group_id, struct arena *a, described *ret)
{
    ret->group_id = group_id;
    struct shard *s = groups_shard_of_named(gs, group_id, &ret->error_code);
    const struct group *g = s ? group_find(s, group_id) : NULL;
    if (s && (!g || !g->share)) {
        ret->error_code = K_ERR_GROUP_ID_NOT_FOUND;
        ret->error_message =
            group_is_none(a, group_id, g ? " is not a share group." : " not found.");
    }
    if (ret->error_code) return;
    int32_t n;
    struct consumer_view *v = share_views(g, a, SLICE_NULL, NULL, NULL, SLICE_NULL, &n);
    ret->group_state = share_group_state_name(g);
    ret->group_epoch = g->share->epoch;
    ret->assignment_epoch = g->share->assignment_epoch;
    ret->assignor_name = S("simple");
    ret->members = codec_array(a, K_STRUCT_SHARE_GROUP_DESCRIBE_RESPONSE_MEMBER, n);
    ret->members_n = n;
    for (int32_t i = 0; i < n; i++)
        describe_share_member(share_member(g, v[i].id), a, &ret->members[i]);
}
