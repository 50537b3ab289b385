#include "broker/group/groups.h"

#include "broker/group/migrate.h"
#include "broker/group/share_group.h"
#include "broker/group/streams_group.h"
#include "errors.h"

struct mem *
groups_mem(struct groups *gs)
{
    return coordinator_mem(&gs->base);
}

struct shard *
groups_shard(struct groups *gs, struct slice group_id, int16_t *ret_err)
{
    struct coordinator_shard *s = coordinator_shard_of(&gs->base, group_id, ret_err);
    return s ? shard_of(s) : NULL;
}

struct shard *
groups_shard_of_named(struct groups *gs, struct slice group_id, int16_t *ret_err)
{
    if (group_id.n > 0) return groups_shard(gs, group_id, ret_err);
    *ret_err = K_ERR_INVALID_GROUP_ID;
    return NULL;
}

struct shard *
groups_shard_at(struct groups *gs, int32_t index)
{
    return shard_of(coordinator_shard_at(&gs->base, index));
}

void
groups_answer(struct groups *gs, struct coordinator_call *c, void *response)
{
    coordinator_answer(&gs->base, c, response);
}

void
groups_role_changed(struct groups *gs, struct partition *p)
{
    coordinator_role_changed(&gs->base, p);
}

void
groups_topics_changed(struct groups *gs, bool has_new_topics)
{
    gs->topics_n++;
    if (has_new_topics) gs->topics_offset = gs->base.image->offset;
}

/* The first of those that group.consumer.assignors names. */
enum server_assignor
groups_default_assignor(const struct groups *gs)
{
    const struct config *c = gs->base.config;
    int a = server_assignor_of(config_list_at(c, K_CFG_GROUP_CONSUMER_ASSIGNORS, 0));
    return a >= 0 ? (enum server_assignor)a : SERVER_UNIFORM;
}

bool
groups_has_assignor(const struct groups *gs, struct slice name)
{
    const struct config *c = gs->base.config;
    for (int32_t i = 0; i < config_list_n(c, K_CFG_GROUP_CONSUMER_ASSIGNORS); i++)
        if (slice_eq(config_list_at(c, K_CFG_GROUP_CONSUMER_ASSIGNORS, i), name)) return true;
    return false;
}

/* ---- what the runtime asks for ---- */

static struct coordinator_shard *
groups_new_shard(struct coordinator *c)
{
    struct groups *gs = CONTAINER_OF(c, struct groups, base);
    struct shard *s = MEM_NEW(&c->env->mem, struct shard);
    s->owner = gs;
    map_init(&s->groups, groups_mem(gs), env_map_key(c->env));
    pending_init(s);
    return &s->base;
}

/* Members' sessions begin. A group that has more than group.max.size allows since it was last led gathers
 * anew, and who comes too late is turned away. A group whose downgrade nobody has finished gathers anew, too. */
static void
activate_groups(struct coordinator_shard *base)
{
    struct shard *s = shard_of(base);
    int64_t max = config_i64(base->owner->config, K_CFG_GROUP_MAX_SIZE);
    MAP_EACH(&s->groups, g, struct group, by_id) {
        if (g->consumer) consumer_activate(g);
        if (g->share) share_group_activate(g);
        if (g->streams) streams_activate(g);
        LIST_EACH(&g->members, m, struct member, node) member_heard(m);
        if (g->members_n > max || group_must_join_again(g)) group_rebalance(g);
    }
}

static void
end_groups(struct coordinator_shard *base)
{
    MAP_EACH(&shard_of(base)->groups, g, struct group, by_id) group_end(g, K_ERR_NOT_COORDINATOR);
    pending_release(shard_of(base));
}

static const struct coordinator_kind group_kind = {
    .topic = GROUPS_TOPIC_NAME,
    .purse = PURSE_GROUPS,
    .write_timeout_ms = K_CFG_OFFSETS_COMMIT_TIMEOUT_MS,
    .shard_new = groups_new_shard,
    .fold = group_fold,
    .fold_marker = pending_fold_marker,
    .activate = activate_groups,
    .unload = end_groups,
    .duties = {{K_CFG_OFFSETS_RETENTION_CHECK_INTERVAL_MS, groups_expire}},
};

/* ---- beginning and end ---- */

struct groups *
groups_new(struct env *env, const struct config *config, const struct image *image)
{
    struct groups *gs = MEM_NEW(&env->mem, struct groups);
    coordinator_init(&gs->base, &group_kind, env, config, image);
    gs->topics_offset = -1;
    map_init(&gs->failures, groups_mem(gs), env_map_key(env));
    map_init(&gs->gatherings, groups_mem(gs), env_map_key(env));
    return gs;
}

void
groups_set_persister(struct groups *gs, struct persister *pr)
{
    gs->persister = pr;
}

void
groups_set_topic_maker(struct groups *gs, topic_maker *make, void *owner)
{
    gs->make_topic = make;
    gs->topic_owner = owner;
}

void
groups_make_topics(struct groups *gs, const struct configured *c)
{
    for (int32_t i = 0; gs->make_topic && i < c->missing_n; i++)
        gs->make_topic(gs->topic_owner, &c->missing[i]);
}

void
groups_stop(struct groups *gs)
{
    coordinator_stop(&gs->base);
}
