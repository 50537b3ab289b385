/* What guests ask administrators' requests for, as far as it changes what they are owed. */
#include "sim/scenario/guests_own.h"

#include "apis.h"

static void
is_gone(struct guests *g, struct slice topic)
{
    if (topic.n) VEC_PUSH(g->mem, &g->gone, arena_dup(&g->a, topic));
}

static void
take_deletion(struct guests *g, int16_t version, struct reader *r)
{
    struct k_delete_topics_request q;
    struct uuid none = {0};
    if (!codec_decode(K_MSG_DELETE_TOPICS_REQUEST, version, r, &g->scratch, &q)) return;
    for (int32_t i = 0; i < q.topic_names_n; i++)
        is_gone(g, guests_topic(g, q.topic_names[i], none));
    for (int32_t i = 0; i < q.topics_n; i++)
        is_gone(g, guests_topic(g, q.topics[i].name, q.topics[i].topic_id));
}

static void
take_setting(struct guests *g, struct slice topic, struct slice name, struct slice value)
{
    if (slice_eq(name, S("cleanup.policy")) && slice_starts(value, S("compact"))) is_gone(g, topic);
    if (g->params.set) g->params.set(g->params.ctx, topic, name, value);
}

static void
take_creation(struct guests *g, int16_t version, struct reader *r)
{
    struct k_create_topics_request q;
    if (!codec_decode(K_MSG_CREATE_TOPICS_REQUEST, version, r, &g->scratch, &q)) return;
    for (int32_t i = 0; !q.validate_only && i < q.topics_n; i++)
        for (int32_t k = 0; k < q.topics[i].configs_n; k++)
            take_setting(g, q.topics[i].name, q.topics[i].configs[k].name,
                         q.topics[i].configs[k].value);
}

static void
take_share_offsets(struct guests *g, int16_t version, struct reader *r)
{
    struct k_alter_share_group_offsets_request q;
    if (!codec_decode(K_MSG_ALTER_SHARE_GROUP_OFFSETS_REQUEST, version, r, &g->scratch, &q)) return;
    VEC_PUSH(g->mem, &g->groups_gone, arena_dup(&g->a, guests_group(g, q.group_id)));
}

static void
take_end_of_share_offsets(struct guests *g, int16_t version, struct reader *r)
{
    struct k_delete_share_group_offsets_request q;
    if (!codec_decode(K_MSG_DELETE_SHARE_GROUP_OFFSETS_REQUEST, version, r, &g->scratch, &q))
        return;
    VEC_PUSH(g->mem, &g->groups_gone, arena_dup(&g->a, guests_group(g, q.group_id)));
}

static void
take_group_setting(struct guests *g, struct slice name, struct slice value)
{
    int64_t n;
    if (slice_eq(name, S("share.delivery.count.limit")) && slice_to_i64(value, &n))
        g->share_deliveries_max = (int32_t)MIN(MAX(n, g->share_deliveries_max), INT16_MAX);
}

static void
take_change(struct guests *g, int16_t version, struct reader *r)
{
    enum { OF_A_TOPIC = 2, OF_A_GROUP = 32 };
    struct k_incremental_alter_configs_request q;
    if (!codec_decode(K_MSG_INCREMENTAL_ALTER_CONFIGS_REQUEST, version, r, &g->scratch, &q)) return;
    for (int32_t i = 0; !q.validate_only && i < q.resources_n; i++)
        for (int32_t k = 0; k < q.resources[i].configs_n; k++) {
            struct slice name = q.resources[i].configs[k].name,
                         value = q.resources[i].configs[k].value;
            if (q.resources[i].resource_type == OF_A_TOPIC)
                take_setting(g, q.resources[i].resource_name, name, value);
            if (q.resources[i].resource_type == OF_A_GROUP) take_group_setting(g, name, value);
        }
}

static void
take_end_of_groups(struct guests *g, int16_t version, struct reader *r)
{
    struct k_delete_groups_request q;
    if (!codec_decode(K_MSG_DELETE_GROUPS_REQUEST, version, r, &g->scratch, &q)) return;
    for (int32_t i = 0; i < q.groups_names_n; i++)
        VEC_PUSH(g->mem, &g->groups_gone, arena_dup(&g->a, guests_group(g, q.groups_names[i])));
}

static void
take_end_of_offsets(struct guests *g, int16_t version, struct reader *r)
{
    struct k_offset_delete_request q;
    if (!codec_decode(K_MSG_OFFSET_DELETE_REQUEST, version, r, &g->scratch, &q)) return;
    VEC_PUSH(g->mem, &g->groups_gone, arena_dup(&g->a, guests_group(g, q.group_id)));
}

void
take_admin(struct guests *g, const struct request_head *head, struct reader *r)
{
    switch (head->api_key) {
    case K_API_DELETE_TOPICS: take_deletion(g, head->version, r); break;
    case K_API_CREATE_TOPICS: take_creation(g, head->version, r); break;
    case K_API_INCREMENTAL_ALTER_CONFIGS: take_change(g, head->version, r); break;
    case K_API_DELETE_GROUPS: take_end_of_groups(g, head->version, r); break;
    case K_API_ALTER_SHARE_GROUP_OFFSETS: take_share_offsets(g, head->version, r); break;
    case K_API_DELETE_SHARE_GROUP_OFFSETS: take_end_of_share_offsets(g, head->version, r); break;
    case K_API_OFFSET_DELETE: take_end_of_offsets(g, head->version, r); break;
    default: break;
    }
}
