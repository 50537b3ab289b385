#include "broker/group/coordinator.h"

#include "broker/base/check.h"
#include "broker/base/murmur2.h"
#include "broker/group/shard.h"
#include "errors.h"

struct mem *
groups_mem(struct groups *gs)
{
    return &gs->env->purses[PURSE_GROUPS];
}

int32_t
group_partition(struct slice group_id, int32_t n)
{
    return java_abs(java_string_hash(group_id)) % n;
}

struct shard *
groups_shard_at(struct groups *gs, int32_t index)
{
    struct mem *mem = &gs->env->mem;
    while (gs->shards.n <= index) {
        struct shard *s = MEM_NEW(mem, struct shard);
        s->owner = gs;
        s->index = (int32_t)gs->shards.n;
        s->leader_epoch = -1;
        map_init(&s->groups, groups_mem(gs), env_map_key(gs->env));
        list_init(&s->writes);
        VEC_PUSH(mem, &gs->shards, s);
    }
    return gs->shards.v[index];
}

struct shard *
groups_shard(struct groups *gs, struct slice group_id, int16_t *ret_err)
{
    const struct image_topic *t = image_topic(gs->image, GROUPS_TOPIC);
    *ret_err = K_ERR_NOT_COORDINATOR;
    if (!t || t->partitions_n == 0 || gs->stopped) return NULL;
    int32_t index = group_partition(group_id, t->partitions_n);
    struct shard *s = index < gs->shards.n ? gs->shards.v[index] : NULL;
    if (!s || s->state == SHARD_NONE || s->state == SHARD_FAILED) return NULL;
    *ret_err = s->state == SHARD_LOADING ? K_ERR_COORDINATOR_LOAD_IN_PROGRESS : 0;
    return *ret_err ? NULL : s;
}

struct shard *
groups_shard_of_named(struct groups *gs, struct slice group_id, int16_t *ret_err)
{
    if (group_id.n > 0) return groups_shard(gs, group_id, ret_err);
    *ret_err = K_ERR_INVALID_GROUP_ID;
    return NULL;
}

void
groups_role_changed(struct groups *gs, struct partition *p)
{
    if (!slice_eq(p->topic, GROUPS_TOPIC)) return;
    struct shard *s = groups_shard_at(gs, p->index);
    bool leads = partition_is_leader(p) && !gs->stopped;
    /* A partition of a topic that was deleted and made anew is another one. */
    bool same = s->partition == p && leads && s->leader_epoch == p->leader_epoch;
    if (same && s->state != SHARD_NONE) return;
    if (s->partition && s->partition != p && !leads) return;
    if (s->state != SHARD_NONE) shard_unload(s);
    s->partition = leads ? p : NULL;
    s->leader_epoch = p->leader_epoch;
    if (leads) shard_begin_load(s);
}

/* ---- answers ---- */

static void
give_answers(struct task *t)
{
    struct groups *gs = CONTAINER_OF(t, struct groups, answer_task);
    for (struct list *n; (n = list_pop_front(&gs->answers)) != NULL;) {
        struct group_call *c = LIST_ENTRY(n, struct group_call, node);
        c->done(c, c->response);
    }
}

void
groups_answer(struct groups *gs, struct group_call *c, void *response)
{
    CHECK(!list_is_linked(&c->node));
    c->response = response;
    list_push_back(&gs->answers, &c->node);
    defer(gs->env, &gs->answer_task);
}

/* ---- beginning and end ---- */

static void
partition_written(struct append_waiter *w, int16_t err)
{
    group_write_done(CONTAINER_OF(w, struct group_write, waiter), err);
}

static int16_t
store_in_partition(struct shard *s, struct buf *batch, struct group_write *w)
{
    struct seg seg = {.buf = batch, .bytes = buf_slice(batch)};
    struct log_append a = {
        .segs = &seg, .segs_n = 1, .origin = APPEND_COORDINATOR, .append_time_ms = -1};
    int16_t err = partition_append(s->partition, &a, -1);
    if (err) return err;
    w->waiter.done = partition_written;
    w->waiter.required = a.last_offset + 1;
    w->waiter.all = true;
    partition_wait(s->partition, &w->waiter);
    return 0;
}

static int64_t
expiry_interval_ns(const struct groups *gs)
{
    return ns_of_ms(config_i64(gs->config, K_CFG_OFFSETS_RETENTION_CHECK_INTERVAL_MS));
}

static void
expiry_due(struct timer *t)
{
    struct groups *gs = CONTAINER_OF(t, struct groups, expiry_timer);
    groups_expire(gs);
    timer_arm(gs->env, t, env_now_ns(gs->env) + expiry_interval_ns(gs));
}

struct groups *
groups_new(struct env *env, const struct config *config, const struct image *image)
{
    struct groups *gs = MEM_NEW(&env->mem, struct groups);
    gs->env = env;
    gs->config = config;
    gs->image = image;
    gs->store = store_in_partition;
    gs->answer_task.run = give_answers;
    gs->expiry_timer.due = expiry_due;
    list_init(&gs->answers);
    timer_arm(env, &gs->expiry_timer, env_now_ns(env) + expiry_interval_ns(gs));
    return gs;
}

void
groups_stop(struct groups *gs)
{
    gs->stopped = true;
    timer_cancel(gs->env, &gs->expiry_timer);
}
