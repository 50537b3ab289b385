#include "broker/group/migrate.h"

#include "broker/base/check.h"
#include "broker/group/classic_member.h"
#include "broker/group/embedded.h"
#include "errors.h"

typedef struct k_consumer_group_member_metadata_value_classic_member_metadata classic_spec;
typedef struct k_consumer_group_member_metadata_value_classic_protocol classic_protocol;

static bool
policy_allows(const struct group *g, struct slice direction)
{
    struct slice policy =
        config_str(g->shard->owner->base.config, K_CFG_GROUP_CONSUMER_MIGRATION_POLICY);
    return slice_eq_any_case(policy, direction) || slice_eq_any_case(policy, S("bidirectional"));
}

static int64_t
most_members(const struct group *g, int32_t cfg)
{
    return config_i64(g->shard->owner->base.config, cfg);
}

/* ---- upwards ------------------------------------------------------------------------------------ */

/* Of a group that has not settled on a protocol yet, what the member prefers. */
static struct slice
subscription_of(const struct group *g, const struct member *m)
{
    struct slice blob = member_metadata(m, g->protocol);
    return blob.n == 0 && m->protocols.n > 0 ? m->protocols.v[0].metadata : blob;
}

/* What a member may still have: what was assigned to it last; or, where an assignment was withdrawn, what it said
 * itself when it joined. */
static bool
assigned_to(const struct group *g, const struct member *m, const subscription *sub, struct arena *a,
            struct tp_set *ret)
{
    const struct image *im = g->shard->owner->base.image;
    if (m->assignment.n > 0 || g->state == GROUP_STABLE)
        return assignment_read(m->assignment, im, a, ret);
    *ret = subscription_owned(sub, im, a);
    return true;
}

static bool
can_be_read(const struct group *g)
{
    bool ok = true;
    LIST_EACH(&g->members, m, struct member, node) {
        struct arena a;
        subscription sub;
        struct tp_set tps;
        arena_init(&a, &group_env(g)->mem, 0);
        ok = ok && subscription_read(subscription_of(g, m), &a, &sub) &&
             assigned_to(g, m, &sub, &a, &tps);
        arena_release(&a);
    }
    return ok;
}

bool
group_may_upgrade(const struct group *g, struct slice *why)
{
    if (!policy_allows(g, S("upgrade")))
        *why = S("the group is of the classic protocol, and group.consumer.migration.policy does "
                 "not let it change");
    else if (!slice_eq(g->protocol_type, S("consumer")))
        *why = S("the group is of the classic protocol, and not of consumers");
    else if (g->members_n >= most_members(g, K_CFG_GROUP_CONSUMER_MAX_SIZE))
        *why = S(
            "the group is of the classic protocol, and larger than group.consumer.max.size allows");
    else if (!can_be_read(g))
        *why = S("the group is of the classic protocol, and what its members say of themselves is "
                 "malformed");
    return !why->p;
}

static void
fill_classic_spec(struct arena *a, const struct member *m, classic_spec *to)
{
    to->session_timeout_ms = m->session_timeout_ms;
    to->supported_protocols = ARENA_ARRAY(a, classic_protocol, m->protocols.n);
    for (int64_t i = 0; i < m->protocols.n; i++)
        to->supported_protocols[to->supported_protocols_n++] =
            (classic_protocol){m->protocols.v[i].name, m->protocols.v[i].metadata};
}

static void
fill_upgraded_spec(const struct member *m, const subscription *sub, struct arena *a,
                   consumer_spec *to)
{
    codec_default(K_MSG_CONSUMER_GROUP_MEMBER_METADATA_VALUE, to);
    to->instance_id = m->instance_id;
    to->rack_id = sub->rack_id.n ? sub->rack_id : SLICE_NULL;
    to->client_id = m->client_id;
    to->client_host = m->client_host;
    to->rebalance_timeout_ms = m->rebalance_timeout_ms;
    to->subscribed_topic_regex = to->server_assignor = SLICE_NULL;
    to->subscribed_topic_names = ARENA_ARRAY(a, struct slice, sub->topics_n);
    if (sub->topics_n)
        memcpy(to->subscribed_topic_names, sub->topics,
               (size_t)sub->topics_n * sizeof *sub->topics);
    to->subscribed_topic_names_n = (int32_t)slices_sort_unique(
        to->subscribed_topic_names, sub->topics_n, ARENA_ARRAY(a, struct slice, sub->topics_n));
    to->classic_member_metadata = ARENA_NEW(a, classic_spec);
    fill_classic_spec(a, m, to->classic_member_metadata);
}

/* No two members have one partition, whatever they say: who came first keeps it. */
static struct tp_set
take_free(struct arena *a, struct tp_set *taken, const struct tp_set *wanted, int32_t epoch)
{
    struct tp_set ret = tp_set_minus(a, wanted, taken);
    for (int64_t i = 0; i < ret.n; i++) ret.v[i].epoch = epoch;
    *taken = tp_set_or(a, taken, &ret);
    return ret;
}

/* Returns what it says of itself. */
static consumer_spec *
record_upgraded_member(struct batch_builder *b, const struct group *g, const struct member *m,
                       struct arena *a, struct tp_set *taken)
{
    subscription sub;
    struct tp_set said;
    consumer_spec *spec = ARENA_NEW(a, consumer_spec);
    struct reconcile_member now = {
        .state = MEMBER_STABLE, .epoch = g->generation, .previous_epoch = g->generation};
    CHECK(subscription_read(subscription_of(g, m), a, &sub));
    CHECK(assigned_to(g, m, &sub, a, &said));
    now.assigned = take_free(a, taken, &said, g->generation);
    fill_upgraded_spec(m, &sub, a, spec);
    record_consumer_spec(b, g, m->id, spec);
    record_consumer_target(b, g, m->id, &now.assigned);
    record_consumer_current(b, g, m->id, &now);
    return spec;
}

/* With the hash of what they subscribe to: nothing is new only because the protocol is. */
static void
record_upgrade(struct batch_builder *b, const struct group *g, struct arena *a)
{
    struct tp_set taken = {NULL, 0};
    struct consumer_view *v = ARENA_ARRAY(a, struct consumer_view, g->members_n);
    int32_t n = 0;
    record_group_gone(b, g);
    LIST_EACH(&g->members, m, struct member, node)
        v[n++] =
            (struct consumer_view){.id = m->id, .spec = record_upgraded_member(b, g, m, a, &taken)};
    record_consumer_epoch(b, g, g->generation, consumer_metadata_hash(g, a, v, n));
    record_consumer_assigned(b, g, g->generation, 0);
}

int16_t
group_upgrade(struct group *g)
{
    struct coordinator_shard *s = &g->shard->base;
    struct batch_builder b;
    struct arena a;
    arena_init(&a, &group_env(g)->mem, 0);
    shard_builder(s, &b);
    record_upgrade(&b, g, &a);
    struct slice id = arena_dup(&a, g->id);
    int16_t err = shard_write_silently_folded(s, &b);
    if (!err) {
        g = group_find(shard_of(s), id);
        CHECK(g && g->consumer);
        consumer_activate(g);
        consumer_note(g, CONSUMER_EMPTY);
    }
    arena_release(&a);
    return err;
}

/* ---- downwards ---------------------------------------------------------------------------------- */

static bool
is_among(const struct consumer_member *m, struct consumer_member *const *v, int32_t n)
{
    for (int32_t i = 0; i < n; i++)
        if (v[i] == m) return true;
    return false;
}

bool
group_may_downgrade(const struct group *g, struct consumer_member *const *v, int32_t n)
{
    int64_t left = 0;
    MAP_EACH(&g->consumer->members, m, struct consumer_member, by_id) {
        if (is_among(m, v, n)) continue;
        if (!m->spec.classic_member_metadata) return false;
        left++;
    }
    return left > 0 && policy_allows(g, S("downgrade")) &&
           left <= most_members(g, K_CFG_GROUP_MAX_SIZE) &&
           classic_protocol_of_all(g, v, n) != NULL;
}

typedef struct k_group_metadata_value group_value;

/* They have what they shall have: each that has not yet come so far finds out when it joins again. */
static void
fill_downgraded(const struct group *g, const struct consumer_member *m, struct slice protocol,
                struct arena *a, struct k_group_metadata_value_member_metadata *to)
{
    const struct image *im = g->shard->owner->base.image;
    to->member_id = m->id;
    to->group_instance_id = m->spec.instance_id;
    to->client_id = m->spec.client_id;
    to->client_host = m->spec.client_host;
    to->rebalance_timeout = m->spec.rebalance_timeout_ms;
    to->session_timeout = m->spec.classic_member_metadata->session_timeout_ms;
    to->subscription = classic_metadata(m, protocol);
    to->assignment = assignment_write(&m->target, im, to->subscription, a);
}

/* Whether all members have what they shall have. */
static bool
group_has_settled(const struct group *g)
{
    const struct consumer *c = g->consumer;
    MAP_EACH(&c->members, m, struct consumer_member, by_id)
        if (m->state != MEMBER_STABLE || m->epoch != c->epoch) return false;
    return c->assignment_epoch == c->epoch;
}

void
record_downgrade(struct batch_builder *b, const struct group *g, struct consumer_member *const *v,
                 int32_t n)
{
    struct arena a;
    group_value value;
    arena_init(&a, &group_env(g)->mem, 0);
    codec_default(K_MSG_GROUP_METADATA_VALUE, &value);
    value.protocol_type = S("consumer");
    value.generation = g->consumer->epoch;
    value.protocol = *classic_protocol_of_all(g, v, n);
    value.current_state_timestamp = env_wall_ms(group_env(g));
    value.members = codec_array(&a, K_STRUCT_GROUP_METADATA_VALUE_MEMBER_METADATA,
                                (int32_t)g->consumer->members.n);
    MAP_EACH(&g->consumer->members, m, struct consumer_member, by_id)
        if (!is_among(m, v, n))
            fill_downgraded(g, m, value.protocol, &a, &value.members[value.members_n++]);
    /* Unless it had settled with just these members, they join again, also if the next coordinator has to ask them. */
    value.leader = n == 0 && group_has_settled(g) ? value.members[0].member_id : SLICE_NULL;
    record_consumer_gone(b, g);
    record_group_value(b, g, &value);
    arena_release(&a);
}

bool
group_must_join_again(const struct group *g)
{
    return g->members_n > 0 && !g->leader.p;
}

void
group_downgraded(struct shard *s, struct slice group_id)
{
    struct group *g = group_find(s, group_id);
    CHECK(g && !g->consumer && g->members_n > 0);
    LIST_EACH(&g->members, m, struct member, node) member_heard(m);
    if (group_must_join_again(g)) group_rebalance(g);
}
