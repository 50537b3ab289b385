/* Committed offsets: OffsetCommit, OffsetFetch, OffsetDelete. An offset is visible once its record is
 * committed in the log. */
#include "broker/base/check.h"
#include "broker/base/search.h"
#include "broker/group/commit_check.h"
#include "broker/group/consumer.h"
#include "broker/group/streams_group.h"
#include "broker/protocol/codec.h"
#include "errors.h"

/* ---- the entries ---- */

static int
offset_compare(const struct offset *o, struct slice topic, int32_t partition)
{
    int c = slice_cmp(o->topic, topic);
    return c ? c : (o->partition > partition) - (o->partition < partition);
}

static int64_t
offset_place(const struct group *g, struct slice topic, int32_t partition)
{
    LOWER_BOUND(at, g->offsets.n, i, offset_compare(g->offsets.v[i], topic, partition) < 0);
    return at;
}

static bool
offset_is_at(const struct group *g, int64_t at, struct slice topic, int32_t partition)
{
    return at < g->offsets.n && offset_compare(g->offsets.v[at], topic, partition) == 0;
}

struct offset *
group_offset(struct group *g, struct slice topic, int32_t partition)
{
    int64_t at = offset_place(g, topic, partition);
    return offset_is_at(g, at, topic, partition) ? g->offsets.v[at] : NULL;
}

struct offset *
group_offset_get(struct group *g, struct slice topic, int32_t partition)
{
    int64_t at = offset_place(g, topic, partition);
    if (offset_is_at(g, at, topic, partition)) return g->offsets.v[at];
    struct mem *mem = group_mem(g);
    struct offset *o = MEM_NEW(mem, struct offset);
    o->topic = mem_dup(mem, topic);
    o->partition = partition;
    VEC_PUSH(mem, &g->offsets, o);
    memmove(&g->offsets.v[at + 1], &g->offsets.v[at],
            (size_t)(g->offsets.n - 1 - at) * sizeof *g->offsets.v);
    g->offsets.v[at] = o;
    return o;
}

void
offset_set(struct group *g, struct offset *o, const struct offset_value *v)
{
    struct slice metadata = mem_dup(group_mem(g), v->metadata);
    mem_free_slice(group_mem(g), o->value.metadata);
    o->value = *v;
    o->value.metadata = metadata;
}

void
group_remove_offset(struct group *g, int64_t at)
{
    struct mem *mem = group_mem(g);
    struct offset *o = g->offsets.v[at];
    VEC_REMOVE_AT(&g->offsets, at);
    mem_free_slice(mem, o->topic);
    mem_free_slice(mem, o->value.metadata);
    MEM_DELETE(mem, o);
}

void
group_forget_made(struct group *g)
{
    if (group_is_blank(g)) group_free(g);
}

void
group_forget_unused(struct group *g, struct offset *o)
{
    if (o->committed || o->appended || o->pending) return;
    for (int64_t i = 0; i < g->offsets.n; i++) {
        if (g->offsets.v[i] != o) continue;
        group_remove_offset(g, i);
        break;
    }
    group_forget_made(g);
}

/* ---- OffsetCommit ---- */

typedef struct k_offset_commit_request commit_request;
typedef struct k_offset_commit_response commit_response;
typedef struct k_offset_commit_request_offset_commit_request_topic commit_topic;
typedef struct k_offset_commit_request_offset_commit_request_partition commit_partition;

struct commit_item {
    struct slice topic;
    int32_t partition;
    struct offset_value value;
};

/* Offsets on their way into the log. */
struct commit {
    struct coordinator_write write;
    struct coordinator_call *call; /* NULL: answered already */
    commit_response *response;
    struct slice group_id;
    uint64_t group_serial, number;
    VEC(struct commit_item) items;
};

/* Who commits to a consumer group: a member, or somebody from outside while it has none. */
static int16_t
consumer_commit_check(const struct group *g, const commit_request *q, int16_t version)
{
    int32_t epoch = q->generation_id_or_member_epoch;
    if (epoch < 0 && g->consumer->members.n == 0) return K_ERR_NONE;
    const struct consumer_member *m = consumer_member(g, q->member_id);
    if (!m) return K_ERR_UNKNOWN_MEMBER_ID;
    if (m->spec.classic_member_metadata)
        return epoch > m->epoch ? K_ERR_ILLEGAL_GENERATION : K_ERR_NONE;
    /* An older client could not be told why its commit is refused. */
    if (version < 9) return K_ERR_UNSUPPORTED_VERSION;
    return epoch > m->epoch ? K_ERR_STALE_MEMBER_EPOCH : K_ERR_NONE;
}

/* Group and member are as the request says; makes the group of somebody who only keeps offsets. */
static struct group *
find_committer(struct groups *gs, const commit_request *q, int16_t version, int16_t *ret_err)
{
    struct shard *s = groups_shard(gs, q->group_id, ret_err);
    if (!s) return NULL;
    struct group *g = group_find(s, q->group_id);
    if (!g && q->generation_id_or_member_epoch >= 0) {
        /* Since KIP-848 it can be said as it is. */
        *ret_err = version >= 9 ? K_ERR_GROUP_ID_NOT_FOUND : K_ERR_ILLEGAL_GENERATION;
        return NULL;
    }
    if (!g && !env_has_room(gs->base.env, PURSE_GROUPS)) {
        *ret_err = K_ERR_COORDINATOR_NOT_AVAILABLE;
        return NULL;
    }
    if (!g) g = group_new(s, q->group_id);
    if (g->share) *ret_err = K_ERR_GROUP_ID_NOT_FOUND; /* it has no offsets of this kind */
    else if (g->consumer) *ret_err = consumer_commit_check(g, q, version);
    else if (g->streams)
        *ret_err = streams_commit_check(g, q->generation_id_or_member_epoch, q->member_id, version);
    else
        *ret_err =
            commit_check(g, q->generation_id_or_member_epoch, q->member_id, q->group_instance_id);
    if (*ret_err) return NULL;
    /* Committing shows that a classic member lives; others send heartbeats in any case. */
    struct member *m = g->consumer || g->streams ? NULL : group_member(g, q->member_id);
    if (m) member_heard(m);
    return g;
}

static const struct image_topic *
find_topic(struct groups *gs, struct uuid id, struct slice name)
{
    return uuid_is_zero(id) ? image_topic(gs->base.image, name)
                            : image_topic_by_id(gs->base.image, id);
}

static int16_t
check_partition(struct group *g, const struct image_topic *t, int16_t version,
                const commit_partition *p)
{
    struct groups *gs = g->shard->owner;
    if (!t) return version >= 10 ? K_ERR_UNKNOWN_TOPIC_ID : K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (!image_topic_partition(t, p->partition_index)) return K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (p->committed_metadata.n > config_i64(gs->base.config, K_CFG_OFFSET_METADATA_MAX_BYTES))
        return K_ERR_OFFSET_METADATA_TOO_LARGE;
    bool is_known = group_offset(g, t->name, p->partition_index) != NULL;
    return is_known || env_has_room(gs->base.env, PURSE_GROUPS) ? 0
                                                                : K_ERR_COORDINATOR_NOT_AVAILABLE;
}

static commit_response *
begin_response(struct coordinator_call *c, const commit_request *q, int16_t err)
{
    commit_response *res = ARENA_NEW(c->arena, commit_response);
    codec_default(K_MSG_OFFSET_COMMIT_RESPONSE, res);
    res->topics = codec_array(
        c->arena, K_STRUCT_OFFSET_COMMIT_RESPONSE_OFFSET_COMMIT_RESPONSE_TOPIC, q->topics_n);
    res->topics_n = q->topics_n;
    for (int32_t i = 0; i < q->topics_n; i++) {
        const commit_topic *t = &q->topics[i];
        struct k_offset_commit_response_offset_commit_response_topic *to = &res->topics[i];
        to->name = t->name;
        to->topic_id = t->topic_id;
        to->partitions_n = t->partitions_n;
        to->partitions =
            codec_array(c->arena, K_STRUCT_OFFSET_COMMIT_RESPONSE_OFFSET_COMMIT_RESPONSE_PARTITION,
                        t->partitions_n);
        for (int32_t k = 0; k < t->partitions_n; k++) {
            to->partitions[k].partition_index = t->partitions[k].partition_index;
            to->partitions[k].error_code = err;
        }
    }
    return res;
}

static void
fail_response(commit_response *res, int16_t err)
{
    for (int32_t i = 0; i < res->topics_n; i++)
        for (int32_t k = 0; k < res->topics[i].partitions_n; k++)
            if (!res->topics[i].partitions[k].error_code)
                res->topics[i].partitions[k].error_code = err;
}

static void
commit_free(struct commit *cm)
{
    struct mem *mem = &shard_env(cm->write.shard)->mem;
    for (int64_t i = 0; i < cm->items.n; i++) {
        mem_free_slice(mem, cm->items.v[i].topic);
        mem_free_slice(mem, cm->items.v[i].value.metadata);
    }
    VEC_RELEASE(mem, &cm->items);
    mem_free_slice(mem, cm->group_id);
    MEM_DELETE(mem, cm);
}

static void
commit_answer(struct commit *cm, int16_t err)
{
    if (!cm->call) return;
    if (err == K_ERR_RECORD_LIST_TOO_LARGE || err == K_ERR_MESSAGE_TOO_LARGE)
        fail_response(cm->response, K_ERR_INVALID_COMMIT_OFFSET_SIZE);
    else if (err) fail_response(cm->response, coordinator_store_error(err));
    groups_answer(shard_of_write(&cm->write)->owner, cm->call, cm->response);
    cm->call = NULL;
}

/* What was deleted since stays deleted. */
static void
commit_apply(struct commit *cm)
{
    struct group *g = group_find(shard_of_write(&cm->write), cm->group_id);
    if (!g || g->serial != cm->group_serial) return;
    for (int64_t i = 0; i < cm->items.n; i++) {
        struct offset *o = group_offset(g, cm->items.v[i].topic, cm->items.v[i].partition);
        if (!o || o->created > cm->number) continue;
        o->committed = cm->number;
        offset_set(g, o, &cm->items.v[i].value);
    }
}

static void
commit_done(struct coordinator_write *w, int16_t err)
{
    struct commit *cm = CONTAINER_OF(w, struct commit, write);
    if (!err) commit_apply(cm);
    commit_answer(cm, err);
    commit_free(cm);
}

static void
commit_late(struct coordinator_write *w)
{
    commit_answer(CONTAINER_OF(w, struct commit, write), K_ERR_REQUEST_TIMED_OUT);
}

static void
take_item(struct commit *cm, struct group *g, const commit_request *q, const struct image_topic *t,
          const commit_partition *p)
{
    struct mem *mem = &group_env(g)->mem;
    int64_t now = env_wall_ms(group_env(g));
    struct slice metadata = p->committed_metadata.p ? p->committed_metadata : SLICE_EMPTY;
    struct commit_item item = {
        .topic = mem_dup(mem, t->name),
        .partition = p->partition_index,
        .value = {.offset = p->committed_offset,
                  .leader_epoch = p->committed_leader_epoch,
                  .metadata = mem_dup(mem, metadata),
                  .commit_ms = now,
                  .expire_ms = q->retention_time_ms < 0
                                 ? -1
                                 : now + MIN(q->retention_time_ms, INT64_MAX / 4),
                  .topic_id = t->id}};
    VEC_PUSH(mem, &cm->items, item);
}

static void
take_items(struct commit *cm, struct group *g, const commit_request *q)
{
    struct groups *gs = g->shard->owner;
    for (int32_t i = 0; i < q->topics_n; i++) {
        const commit_topic *t = &q->topics[i];
        const struct image_topic *it = find_topic(gs, t->topic_id, t->name);
        for (int32_t k = 0; k < t->partitions_n; k++) {
            int16_t *err = &cm->response->topics[i].partitions[k].error_code;
            *err = check_partition(g, it, cm->call->version, &t->partitions[k]);
            if (!*err && g->consumer)
                *err = consumer_partition_check(g, q->generation_id_or_member_epoch, q->member_id,
                                                it->id, t->partitions[k].partition_index);
            if (!*err && g->streams)
                *err = streams_partition_check(g, q->generation_id_or_member_epoch, q->member_id,
                                               it->name, t->partitions[k].partition_index);
            if (!*err) take_item(cm, g, q, it, &t->partitions[k]);
        }
    }
}

static int16_t
commit_write(struct commit *cm, struct group *g)
{
    struct batch_builder b;
    shard_builder(&g->shard->base, &b);
    cm->number = ++g->shard->owner->writes_n;
    bool fits = true;
    for (int64_t i = 0; fits && i < cm->items.n; i++) {
        const struct commit_item *it = &cm->items.v[i];
        record_offset(&b, g, it->topic, it->partition, &it->value);
        struct offset *o = group_offset_get(g, it->topic, it->partition);
        if (!o->created) o->created = cm->number;
        o->appended = cm->number;
        fits = builder_size_bytes(&b) <= COORDINATOR_BATCH_BYTES_MAX;
    }
    if (!fits) {
        builder_release(&b);
        return K_ERR_RECORD_LIST_TOO_LARGE;
    }
    return shard_write(&g->shard->base, &b, &cm->write);
}

/* Entries that were made for a write that did not happen. */
static void
forget_unwritten(struct group *g, uint64_t number)
{
    for (int64_t i = g->offsets.n - 1; i >= 0; i--) {
        struct offset *o = g->offsets.v[i];
        if (o->created == number) group_remove_offset(g, i);
        else if (o->appended == number) o->appended = o->committed;
    }
}

void
groups_commit(struct groups *gs, const commit_request *q, struct coordinator_call *c)
{
    int16_t err = 0;
    uint64_t groups_before = gs->groups_n;
    struct group *g = find_committer(gs, q, c->version, &err);
    commit_response *res = begin_response(c, q, err);
    if (!g) {
        groups_answer(gs, c, res);
        return;
    }
    struct mem *mem = &gs->base.env->mem;
    struct commit *cm = MEM_NEW(mem, struct commit);
    *cm = (struct commit){.call = c, .response = res, .group_serial = g->serial};
    cm->write.shard = &g->shard->base;
    cm->write.done = commit_done;
    cm->write.late = commit_late;
    cm->group_id = mem_dup(mem, g->id);
    take_items(cm, g, q);
    if (cm->items.n) err = commit_write(cm, g);
    if (err) forget_unwritten(g, cm->number);
    if (cm->items.n && !err) return;
    if (gs->groups_n > groups_before) group_forget_made(g);
    commit_answer(cm, err);
    commit_free(cm);
}

/* ---- OffsetFetch ---- */

typedef struct k_offset_fetch_request_offset_fetch_request_group fetch_request;
typedef struct k_offset_fetch_request_offset_fetch_request_topics fetch_topic;
typedef struct k_offset_fetch_response_offset_fetch_response_group fetch_response;
typedef struct k_offset_fetch_response_offset_fetch_response_topics fetched_topic;
typedef struct k_offset_fetch_response_offset_fetch_response_partitions fetched_partition;

static bool
offset_is_committed(const struct offset *o)
{
    return o && o->committed > 0;
}

/* An offset that was committed for another topic of the same name is none. */
static bool
is_of_another(const struct offset *o, struct uuid topic_id)
{
    return o && !uuid_is_zero(topic_id) && !uuid_is_zero(o->value.topic_id) &&
           !uuid_eq(o->value.topic_id, topic_id);
}

static void
fill_fetched(struct arena *a, const struct offset *o, int32_t partition, fetched_partition *to)
{
    to->partition_index = partition;
    to->committed_offset = offset_is_committed(o) ? o->value.offset : -1;
    to->committed_leader_epoch = offset_is_committed(o) ? o->value.leader_epoch : -1;
    to->metadata = offset_is_committed(o) ? arena_dup(a, o->value.metadata) : SLICE_EMPTY;
}

/* KIP-447: a transaction that is not ended may yet move it on. Who began at the offset before would process again
 * what is being committed. */
static void
refuse_unstable(fetched_partition *to)
{
    to->committed_offset = to->committed_leader_epoch = -1;
    to->metadata = SLICE_EMPTY;
    to->error_code = K_ERR_UNSTABLE_OFFSET_COMMIT;
}

static bool
is_unstable(const struct offset *o, enum offsets_wanted what)
{
    return what == OFFSETS_UNPROVEN || (what == OFFSETS_STABLE && o && o->pending);
}

static void
fetch_one_topic(struct groups *gs, struct group *g, const fetch_topic *q, int16_t version,
                enum offsets_wanted what, struct arena *a, fetched_topic *to)
{
    const struct image_topic *t =
        version >= 10 ? image_topic_by_id(gs->base.image, q->topic_id) : NULL;
    bool unknown = version >= 10 && !t;
    struct slice name = t ? t->name : q->name;
    to->name = q->name;
    to->topic_id = q->topic_id;
    to->partitions_n = q->partition_indexes_n;
    to->partitions = codec_array(a, K_STRUCT_OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_PARTITIONS,
                                 q->partition_indexes_n);
    for (int32_t i = 0; i < q->partition_indexes_n; i++) {
        int32_t index = q->partition_indexes[i];
        const struct offset *o = g && !unknown ? group_offset(g, name, index) : NULL;
        /* Transactions may be about to commit for this topic, whichever the offset is of that is there. */
        bool unstable = is_unstable(o, what);
        if (is_of_another(o, q->topic_id)) o = NULL;
        fill_fetched(a, o, index, &to->partitions[i]);
        if (unstable) refuse_unstable(&to->partitions[i]);
        if (unknown) to->partitions[i].error_code = K_ERR_UNKNOWN_TOPIC_ID;
    }
}

/* Entries lie sorted: one topic's are together. */
static void
fetch_all_topics(struct groups *gs, struct group *g, int16_t version, enum offsets_wanted what,
                 struct arena *a, fetch_response *ret)
{
    int64_t n = g ? g->offsets.n : 0;
    ret->topics = codec_array(a, K_STRUCT_OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_TOPICS, n);
    for (int64_t i = 0, end; i < n; i = end) {
        struct slice topic = g->offsets.v[i]->topic;
        for (end = i; end < n && slice_eq(g->offsets.v[end]->topic, topic);) end++;
        const struct image_topic *t = image_topic(gs->base.image, topic);
        if (version >= 10 && !t) continue;
        fetched_topic *to = &ret->topics[ret->topics_n++];
        to->name = arena_dup(a, topic);
        to->topic_id = t ? t->id : UUID_ZERO;
        to->partitions = codec_array(
            a, K_STRUCT_OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_PARTITIONS, end - i);
        for (int64_t k = i; k < end; k++) {
            const struct offset *o = g->offsets.v[k];
            bool unstable = is_unstable(o, what);
            if (!offset_is_committed(o) && !unstable) continue;
            fetched_partition *p = &to->partitions[to->partitions_n++];
            fill_fetched(a, o, o->partition, p);
            if (unstable) refuse_unstable(p);
        }
        if (to->partitions_n == 0) ret->topics_n--;
    }
}

static int16_t
streams_fetch_check(const struct group *g, const fetch_request *q)
{
    const struct streams_member *m = streams_member(g, q->member_id.p ? q->member_id : SLICE_EMPTY);
    if (!m) return K_ERR_UNKNOWN_MEMBER_ID;
    return m->now.epoch == q->member_epoch ? 0 : K_ERR_STALE_MEMBER_EPOCH;
}

/* A member of a consumer group is shown offsets only as long as it is in step with its coordinator: those that it
 * would begin from may be another's by now. */
static int16_t
fetch_check(struct group *g, const fetch_request *q)
{
    bool is_nobody = !q->member_id.p && q->member_epoch < 0;
    if (g && g->streams && !is_nobody) return streams_fetch_check(g, q);
    if (!g || !g->consumer || is_nobody) return 0;
    const struct consumer_member *m =
        consumer_member(g, q->member_id.p ? q->member_id : SLICE_EMPTY);
    if (!m) return K_ERR_UNKNOWN_MEMBER_ID;
    return m->epoch == q->member_epoch ? 0 : K_ERR_STALE_MEMBER_EPOCH;
}

void
groups_fetch(struct groups *gs, const fetch_request *q, int16_t version, enum offsets_wanted what,
             struct arena *a, fetch_response *ret)
{
    int16_t err = 0;
    struct shard *s = groups_shard(gs, q->group_id, &err);
    ret->group_id = q->group_id;
    ret->error_code = err;
    if (!s) return;
    struct group *g = group_find(s, q->group_id);
    if (version >= 9) ret->error_code = fetch_check(g, q);
    if (ret->error_code) return;
    if (q->topics_n < 0) {
        fetch_all_topics(gs, g, version, what, a, ret);
        return;
    }
    ret->topics_n = q->topics_n;
    ret->topics =
        codec_array(a, K_STRUCT_OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_TOPICS, q->topics_n);
    for (int32_t i = 0; i < q->topics_n; i++)
        fetch_one_topic(gs, g, &q->topics[i], version, what, a, &ret->topics[i]);
}
