/* DescribeGroups and ListGroups: what is known of groups. */
#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/group/share_group.h"
#include "broker/group/streams_group.h"
#include "broker/protocol/codec.h"
#include "errors.h"

static struct slice
type_of(const struct group *g)
{
    if (g->share) return S("share");
    if (g->streams) return S("streams");
    return g->consumer ? S("consumer") : S("classic");
}

static struct slice
state_of(const struct group *g)
{
    if (g->share) return share_group_state_name(g);
    if (g->streams) return streams_state_name(streams_state(g));
    return g->consumer ? consumer_state_name(consumer_state(g)) : group_state_name(g->state);
}

static struct slice
protocol_type_of(const struct group *g)
{
    if (g->share) return S("share");
    if (g->streams) return S("streams");
    if (g->consumer) return S("consumer");
    return g->protocol_type.p ? g->protocol_type : SLICE_EMPTY;
}

typedef struct k_describe_groups_response_described_group described;

/* What members said means something only when the group has settled on a protocol; what was assigned to them
 * is theirs until they have something else. */
static void
describe_members(struct group *g, struct arena *a, described *ret)
{
    bool stable = g->state == GROUP_STABLE;
    ret->protocol_data = stable ? arena_dup(a, g->protocol) : SLICE_EMPTY;
    ret->members =
        codec_array(a, K_STRUCT_DESCRIBE_GROUPS_RESPONSE_DESCRIBED_GROUP_MEMBER, g->members_n);
    LIST_EACH(&g->members, m, struct member, node) {
        struct k_describe_groups_response_described_group_member *to =
            &ret->members[ret->members_n++];
        to->member_id = arena_dup(a, m->id);
        to->group_instance_id = arena_dup(a, m->instance_id);
        to->client_id = arena_dup(a, m->client_id);
        to->client_host = arena_dup(a, m->client_host);
        to->member_metadata = stable ? arena_dup(a, member_metadata(m, g->protocol)) : SLICE_EMPTY;
        to->member_assignment = arena_dup(a, m->assignment);
    }
}

static void
describe_unknown(struct slice group_id, int16_t version, struct arena *a, described *ret)
{
    ret->group_state = group_state_name(GROUP_DEAD);
    if (version < 6) return;
    ret->error_code = K_ERR_GROUP_ID_NOT_FOUND;
    struct writer w = writer_mem(a->mem);
    fmt_str(&w, "Group ");
    fmt_slice(&w, group_id);
    fmt_str(&w, " not found.");
    ret->error_message = arena_dup(a, writer_slice(&w));
    writer_release(&w);
}

void
groups_describe(struct groups *gs, struct slice group_id, int16_t version, struct arena *a,
                described *ret)
{
    ret->group_id = group_id;
    struct shard *s = groups_shard(gs, group_id, &ret->error_code);
    if (!s) return;
    struct group *g = group_find(s, group_id);
    if (!g || g->consumer || g->share || g->streams) {
        describe_unknown(group_id, version, a, ret);
        return;
    }
    ret->group_state = group_state_name(g->state);
    ret->protocol_type = g->protocol_type.p ? arena_dup(a, g->protocol_type) : SLICE_EMPTY;
    describe_members(g, a, ret);
}

static bool
passes(const struct slice *filter, int32_t n, struct slice value)
{
    for (int32_t i = 0; i < n; i++)
        if (slice_eq_any_case(filter[i], value)) return true;
    return n <= 0;
}

void
groups_list(struct groups *gs, const struct k_list_groups_request *q, struct arena *a,
            struct k_list_groups_response *ret)
{
    int64_t n = 0;
    for (int64_t i = 0; i < gs->base.shards.n; i++) {
        n += shard_of(gs->base.shards.v[i])->groups.n;
        if (gs->base.shards.v[i]->state == SHARD_LOADING)
            ret->error_code = K_ERR_COORDINATOR_LOAD_IN_PROGRESS;
    }
    if (ret->error_code) return;
    ret->groups = codec_array(a, K_STRUCT_LIST_GROUPS_RESPONSE_LISTED_GROUP, n);
    for (int64_t i = 0; i < gs->base.shards.n; i++)
        MAP_EACH(&shard_of(gs->base.shards.v[i])->groups, g, struct group, by_id) {
            struct slice state = state_of(g);
            if (!passes(q->states_filter, q->states_filter_n, state) ||
                !passes(q->types_filter, q->types_filter_n, type_of(g)))
                continue;
            struct k_list_groups_response_listed_group *to = &ret->groups[ret->groups_n++];
            to->group_id = arena_dup(a, g->id);
            to->protocol_type = arena_dup(a, protocol_type_of(g));
            to->group_state = state;
            to->group_type = type_of(g);
        }
}
