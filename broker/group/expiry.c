/* What is deleted: offsets by OffsetDelete and by age (KIP-211), groups by DeleteGroups and when nothing
 * is left of them. State follows at once: what is asked meanwhile sees it gone, and should the records
 * not be committed, the shard is gone with its leadership. */
#include "broker/base/check.h"
#include "broker/group/share_group.h"
#include "broker/group/streams_group.h"
#include "broker/protocol/codec.h"
#include "errors.h"

#define MS_PER_MINUTE 60000LL

/* ---- DeleteGroups ---- */

/* Appends what deletes the group with all its offsets, and forgets it; NULL if w is not wanted. */
static int16_t
group_delete(struct group *g, struct coordinator_write *w)
{
    struct batch_builder b;
    shard_builder(&g->shard->base, &b);
    for (int64_t i = 0; i < g->offsets.n; i++)
        record_offset_gone(&b, g, g->offsets.v[i]->topic, g->offsets.v[i]->partition);
    if (g->consumer) record_consumer_gone(&b, g);
    else if (g->streams) record_streams_gone(&b, g);
    else record_group_gone(&b, g);
    int16_t err =
        w ? shard_write(&g->shard->base, &b, w) : shard_write_silently(&g->shard->base, &b);
    if (!err) group_end(g, K_ERR_GROUP_ID_NOT_FOUND);
    return err;
}

/* A deletion that somebody waits for. */
struct deletion {
    struct coordinator_write write;
    struct coordinator_call *call; /* NULL: answered */
    void *response;
    int16_t *err; /* in the response */
};

static void
deletion_answer(struct deletion *d, int16_t err)
{
    if (!d->call) return;
    if (err) *d->err = coordinator_store_error(err);
    groups_answer(shard_of_write(&d->write)->owner, d->call, d->response);
    d->call = NULL;
}

static void
deletion_done(struct coordinator_write *w, int16_t err)
{
    struct deletion *d = CONTAINER_OF(w, struct deletion, write);
    deletion_answer(d, err);
    MEM_DELETE(&shard_env(w->shard)->mem, d);
}

static void
deletion_late(struct coordinator_write *w)
{
    deletion_answer(CONTAINER_OF(w, struct deletion, write), K_ERR_REQUEST_TIMED_OUT);
}

static struct deletion *
deletion_new(struct shard *s, struct coordinator_call *c, void *response, int16_t *err)
{
    struct deletion *d = MEM_NEW(&s->owner->base.env->mem, struct deletion);
    *d = (struct deletion){.call = c, .response = response, .err = err};
    d->write.shard = &s->base;
    d->write.done = deletion_done;
    d->write.late = deletion_late;
    return d;
}

void
groups_delete(struct groups *gs, struct slice group_id, struct coordinator_call *c)
{
    struct k_delete_groups_response_deletable_group_result *res =
        ARENA_NEW(c->arena, struct k_delete_groups_response_deletable_group_result);
    res->group_id = group_id;
    struct shard *s = groups_shard(gs, group_id, &res->error_code);
    struct group *g = s ? group_find(s, group_id) : NULL;
    if (s && !g) res->error_code = K_ERR_GROUP_ID_NOT_FOUND;
    else if (g && !group_has_nobody(g)) res->error_code = K_ERR_NON_EMPTY_GROUP;
    if (res->error_code) {
        groups_answer(gs, c, res);
        return;
    }
    if (g->share) {
        share_group_delete(gs, group_id, c, res, &res->error_code);
        return;
    }
    struct deletion *d = deletion_new(s, c, res, &res->error_code);
    int16_t err = group_delete(g, &d->write);
    if (err) deletion_done(&d->write, err);
}

/* ---- OffsetDelete (KIP-496) ---- */

typedef struct k_offset_delete_request delete_request;
typedef struct k_offset_delete_response delete_response;

static bool
is_of_consumers(const struct group *g)
{
    return slice_eq(g->protocol_type, S("consumer"));
}

static void
delete_partition(struct group *g, struct slice topic, int32_t partition, struct batch_builder *b)
{
    if (group_offset(g, topic, partition)) record_offset_gone(b, g, topic, partition);
}

static void
fill_deleted(struct groups *gs, struct group *g, const delete_request *q, struct arena *a,
             delete_response *res, struct batch_builder *b)
{
    res->topics =
        codec_array(a, K_STRUCT_OFFSET_DELETE_RESPONSE_OFFSET_DELETE_RESPONSE_TOPIC, q->topics_n);
    res->topics_n = q->topics_n;
    for (int32_t i = 0; i < q->topics_n; i++) {
        struct slice topic = q->topics[i].name;
        const struct image_topic *t = image_topic(gs->base.image, topic);
        int32_t n = q->topics[i].partitions_n;
        int16_t err = 0;
        if (!t) err = K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
        else if (!group_has_nobody(g) && group_subscribes(g, topic))
            err = K_ERR_GROUP_SUBSCRIBED_TO_TOPIC;
        res->topics[i].name = topic;
        res->topics[i].partitions_n = n;
        res->topics[i].partitions =
            codec_array(a, K_STRUCT_OFFSET_DELETE_RESPONSE_OFFSET_DELETE_RESPONSE_PARTITION, n);
        for (int32_t k = 0; k < n; k++) {
            int32_t index = q->topics[i].partitions[k].partition_index;
            bool exists = t && image_topic_partition(t, index);
            res->topics[i].partitions[k].partition_index = index;
            res->topics[i].partitions[k].error_code =
                exists ? err : K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
            if (exists && !err) delete_partition(g, topic, index, b);
        }
    }
}

/* After the records are on their way. */
static void
forget_deleted(struct group *g, const delete_response *res)
{
    for (int32_t i = 0; i < res->topics_n; i++)
        for (int32_t k = 0; k < res->topics[i].partitions_n; k++) {
            if (res->topics[i].partitions[k].error_code) continue;
            for (int64_t at = 0; at < g->offsets.n; at++) {
                const struct offset *o = g->offsets.v[at];
                if (o->partition != res->topics[i].partitions[k].partition_index ||
                    !slice_eq(o->topic, res->topics[i].name))
                    continue;
                group_remove_offset(g, at);
                break;
            }
        }
}

void
groups_offset_delete(struct groups *gs, const delete_request *q, struct coordinator_call *c)
{
    delete_response *res = ARENA_NEW(c->arena, delete_response);
    codec_default(K_MSG_OFFSET_DELETE_RESPONSE, res);
    struct shard *s = groups_shard_of_named(gs, q->group_id, &res->error_code);
    struct group *g = s ? group_find(s, q->group_id) : NULL;
    if (s && (!g || g->share)) res->error_code = K_ERR_GROUP_ID_NOT_FOUND;
    else if (g && !g->consumer && g->state != GROUP_EMPTY && !is_of_consumers(g))
        res->error_code = K_ERR_NON_EMPTY_GROUP;
    if (res->error_code) {
        groups_answer(gs, c, res);
        return;
    }
    struct batch_builder b;
    shard_builder(&s->base, &b);
    fill_deleted(gs, g, q, c->arena, res, &b);
    if (builder_is_empty(&b)) {
        builder_release(&b);
        groups_answer(gs, c, res);
        return;
    }
    struct deletion *d = deletion_new(s, c, res, &res->error_code);
    int16_t err = shard_write(&s->base, &b, &d->write);
    if (err) deletion_done(&d->write, err);
    else forget_deleted(g, res);
}

/* ---- by age ---- */

static bool
is_expired(struct group *g, const struct offset *o, int64_t now_ms)
{
    struct groups *gs = g->shard->owner;
    int64_t keep_ms = config_i64(gs->base.config, K_CFG_OFFSETS_RETENTION_MINUTES) * MS_PER_MINUTE;
    struct offset_view v = {
        .has_value = o->committed != 0,
        .has_more = o->appended != o->committed || o->pending,
        .state = g->state,
        .has_protocol_type = g->protocol_type.p != NULL,
        .is_of_consumers = is_of_consumers(g),
        .has_epochs = g->consumer || g->streams,
        .commit_ms = o->value.commit_ms,
        .expire_ms = o->value.expire_ms,
        .state_since_ms = g->state_since_ms,
    };
    bool is_stable = g->state == GROUP_STABLE && v.is_of_consumers;
    if (v.has_epochs || is_stable) v.is_subscribed = group_subscribes(g, o->topic);
    return offset_is_expired(&v, keep_ms, now_ms);
}

static void
expire_group(struct group *g)
{
    struct shard *s = g->shard;
    int64_t now_ms = env_wall_ms(s->owner->base.env), left = 0;
    struct batch_builder b;
    shard_builder(&s->base, &b);
    for (int64_t i = 0; i < g->offsets.n; i++) {
        const struct offset *o = g->offsets.v[i];
        if (is_expired(g, o, now_ms)) record_offset_gone(&b, g, o->topic, o->partition);
        else left++;
    }
    bool whole = left == 0 && !g->share && group_has_nobody(g) && list_is_empty(&g->pending);
    if (whole || builder_is_empty(&b)) {
        builder_release(&b);
        if (whole) (void)group_delete(g, NULL);
        return;
    }
    if (shard_write_silently(&s->base, &b)) return;
    for (int64_t i = g->offsets.n - 1; i >= 0; i--)
        if (is_expired(g, g->offsets.v[i], now_ms)) group_remove_offset(g, i);
}

/* ---- with their topic ---- */

static bool
goes_with_topic(const struct offset *o, struct slice topic, struct uuid id)
{
    bool is_newer = !uuid_is_zero(o->value.topic_id) && !uuid_eq(o->value.topic_id, id);
    return slice_eq(o->topic, topic) && !is_newer;
}

/* Should it fail, they stay as the log has them: who takes over would bring them back. The next time is when they expire. */
static void
drop_topic(struct group *g, struct slice topic, struct uuid id)
{
    struct shard *s = g->shard;
    struct batch_builder b;
    shard_builder(&s->base, &b);
    for (int64_t i = g->offsets.n - 1; i >= 0; i--)
        if (goes_with_topic(g->offsets.v[i], topic, id))
            record_offset_gone(&b, g, topic, g->offsets.v[i]->partition);
    if (builder_is_empty(&b)) {
        builder_release(&b);
        return;
    }
    if (shard_write_silently(&s->base, &b)) return;
    for (int64_t i = g->offsets.n - 1; i >= 0; i--)
        if (goes_with_topic(g->offsets.v[i], topic, id)) group_remove_offset(g, i);
}

void
groups_topic_deleted(struct groups *gs, struct slice topic, struct uuid id)
{
    for (int64_t i = 0; i < gs->base.shards.n; i++) {
        struct shard *s = shard_of(gs->base.shards.v[i]);
        if (s->base.state != SHARD_ACTIVE) continue;
        MAP_EACH(&s->groups, g, struct group, by_id) drop_topic(g, topic, id);
    }
}

/* ---- now and then ---- */

void
groups_expire(struct coordinator_shard *base)
{
    MAP_EACH(&shard_of(base)->groups, g, struct group, by_id) expire_group(g);
}
