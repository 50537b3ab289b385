/* Offsets that are committed with a transaction: TxnOffsetCommit (KIP-98, 447). Their records lie in
 * __consumer_offsets as a producer's; they hold when the marker of a commit follows, and are forgotten with that of an
 * abort. Until then they are pending, and who asks for stable offsets is told to wait (KIP-447). */
#include "broker/base/check.h"
#include "broker/group/consumer.h"
#include "broker/group/streams_group.h"
#include "broker/group/txn_commit_check.h"
#include "broker/protocol/codec.h"
#include "errors.h"

typedef struct k_txn_offset_commit_request commit_request;
typedef struct k_txn_offset_commit_response commit_response;
typedef struct k_txn_offset_commit_request_txn_offset_commit_request_topic commit_topic;
typedef struct k_txn_offset_commit_request_txn_offset_commit_request_partition commit_partition;

/* One value that waits. */
struct pending_offset {
    struct slice group_id, topic;
    int32_t partition;
    struct offset_value value; /* its metadata is owned */
    uint64_t number;
};

/* A transaction with offsets here, by its producer. */
struct pending_txn {
    struct map_node node;
    int64_t producer_id;
    VEC(struct pending_offset) offsets;
};

/* ---- what is pending ---- */

static bool
pending_is_of(const struct map_node *node, const void *key)
{
    return CONTAINER_OF(node, const struct pending_txn, node)->producer_id == *(const int64_t *)key;
}

static struct pending_txn *
pending_find(struct shard *s, int64_t producer_id)
{
    struct map_node *n = map_find(&s->pending, map_hash_i64(&s->pending, producer_id, 0),
                                  pending_is_of, &producer_id);
    return n ? CONTAINER_OF(n, struct pending_txn, node) : NULL;
}

static struct pending_txn *
pending_get(struct shard *s, int64_t producer_id)
{
    struct pending_txn *t = pending_find(s, producer_id);
    if (t) return t;
    t = MEM_NEW(groups_mem(s->owner), struct pending_txn);
    t->producer_id = producer_id;
    map_insert(&s->pending, &t->node, map_hash_i64(&s->pending, producer_id, 0));
    return t;
}

static void
pending_free(struct shard *s, struct pending_txn *t)
{
    struct mem *mem = groups_mem(s->owner);
    for (int64_t i = 0; i < t->offsets.n; i++) {
        mem_free_slice(mem, t->offsets.v[i].group_id);
        mem_free_slice(mem, t->offsets.v[i].topic);
        mem_free_slice(mem, t->offsets.v[i].value.metadata);
    }
    VEC_RELEASE(mem, &t->offsets);
    map_remove(&s->pending, &t->node);
    MEM_DELETE(mem, t);
}

void
pending_init(struct shard *s)
{
    map_init(&s->pending, groups_mem(s->owner), env_map_key(s->owner->base.env));
}

void
pending_release(struct shard *s)
{
    MAP_EACH(&s->pending, t, struct pending_txn, node) pending_free(s, t);
}

static void
pending_add(struct shard *s, struct group *g, int64_t producer_id, struct offset *o,
            const struct offset_value *v, uint64_t number)
{
    struct mem *mem = groups_mem(s->owner);
    struct pending_txn *t = pending_get(s, producer_id);
    struct pending_offset p = {.group_id = mem_dup(mem, g->id),
                               .topic = mem_dup(mem, o->topic),
                               .partition = o->partition,
                               .value = *v,
                               .number = number};
    p.value.metadata = mem_dup(mem, v->metadata);
    if (!o->created) o->created = number;
    o->pending++;
    VEC_PUSH(mem, &t->offsets, p);
}

/* The transaction was ended. What was deleted since stays deleted, and a value that was committed later without a
 * transaction holds. */
static void
settle_offset(struct shard *s, const struct pending_offset *p, bool commit)
{
    struct group *g = group_find(s, p->group_id);
    struct offset *o = g ? group_offset(g, p->topic, p->partition) : NULL;
    if (!o || o->created > p->number) return;
    CHECK(o->pending > 0);
    o->pending--;
    /* What one request says of an offset twice has one number: as in the log, the last of it counts. */
    if (commit && o->committed <= p->number) {
        o->committed = p->number;
        o->appended = MAX(o->appended, p->number);
        offset_set(g, o, &p->value);
    }
    if (!commit) group_forget_unused(g, o);
}

/* number: of the marker; what came after it belongs to the next transaction. */
static void
settle_txn(struct shard *s, int64_t producer_id, bool commit, uint64_t number)
{
    struct pending_txn *t = pending_find(s, producer_id);
    if (!t) return;
    struct mem *mem = groups_mem(s->owner);
    int64_t kept = 0;
    for (int64_t i = 0; i < t->offsets.n; i++) {
        struct pending_offset p = t->offsets.v[i];
        if (p.number > number) {
            t->offsets.v[kept++] = p;
            continue;
        }
        settle_offset(s, &p, commit);
        mem_free_slice(mem, p.group_id);
        mem_free_slice(mem, p.topic);
        mem_free_slice(mem, p.value.metadata);
    }
    t->offsets.n = kept;
    if (kept == 0) pending_free(s, t);
}

/* ---- markers ---- */

bool
groups_is_active(struct groups *gs, int32_t index)
{
    return index < gs->base.shards.n && gs->base.shards.v[index]->state == SHARD_ACTIVE;
}

uint64_t
groups_number_marker(struct groups *gs)
{
    return ++gs->writes_n;
}

void
groups_end_txn(struct groups *gs, int32_t index, int64_t producer_id, bool commit, uint64_t number)
{
    if (groups_is_active(gs, index))
        settle_txn(groups_shard_at(gs, index), producer_id, commit, number);
}

void
pending_fold(struct shard *s, struct group *g, int64_t producer_id, struct offset *o,
             const struct offset_value *v)
{
    pending_add(s, g, producer_id, o, v, ++s->owner->writes_n);
}

void
pending_fold_marker(struct coordinator_shard *base, const struct batch_header *h,
                    const struct marker *m)
{
    struct shard *s = shard_of(base);
    settle_txn(s, h->producer_id, m->commit, ++s->owner->writes_n);
}

/* ---- TxnOffsetCommit ---- */

struct partition *
groups_partition_of(struct groups *gs, struct slice group_id, int16_t *ret_err)
{
    struct shard *s = groups_shard_of_named(gs, group_id, ret_err);
    return s ? s->base.partition : NULL;
}

commit_response *
groups_refuse_in_txn(const commit_request *q, int16_t err, struct arena *a)
{
    commit_response *res = ARENA_NEW(a, commit_response);
    codec_default(K_MSG_TXN_OFFSET_COMMIT_RESPONSE, res);
    res->topics = codec_array(
        a, K_STRUCT_TXN_OFFSET_COMMIT_RESPONSE_TXN_OFFSET_COMMIT_RESPONSE_TOPIC, q->topics_n);
    res->topics_n = q->topics_n;
    for (int32_t i = 0; i < q->topics_n; i++) {
        struct k_txn_offset_commit_response_txn_offset_commit_response_topic *to = &res->topics[i];
        const commit_topic *t = &q->topics[i];
        to->name = t->name;
        to->topic_id = t->topic_id;
        to->partitions_n = t->partitions_n;
        to->partitions =
            codec_array(a, K_STRUCT_TXN_OFFSET_COMMIT_RESPONSE_TXN_OFFSET_COMMIT_RESPONSE_PARTITION,
                        t->partitions_n);
        for (int32_t k = 0; k < t->partitions_n; k++) {
            to->partitions[k].partition_index = t->partitions[k].partition_index;
            to->partitions[k].error_code = err;
        }
    }
    return res;
}

static void
set_errors(commit_response *res, int16_t err)
{
    for (int32_t i = 0; i < res->topics_n; i++)
        for (int32_t k = 0; k < res->topics[i].partitions_n; k++)
            if (!res->topics[i].partitions[k].error_code)
                res->topics[i].partitions[k].error_code = err;
}

/* Offsets on their way into the log; they are pending already, so that nobody takes older ones for stable. */
struct txn_commit {
    struct coordinator_write write;
    struct coordinator_call *call; /* NULL: answered */
    commit_response *response;
};

static void
txn_commit_answer(struct txn_commit *tc, int16_t err)
{
    if (!tc->call) return;
    if (err) set_errors(tc->response, coordinator_store_error(err));
    groups_answer(shard_of_write(&tc->write)->owner, tc->call, tc->response);
    tc->call = NULL;
}

static void
txn_commit_done(struct coordinator_write *w, int16_t err)
{
    struct txn_commit *tc = CONTAINER_OF(w, struct txn_commit, write);
    txn_commit_answer(tc, err);
    MEM_DELETE(&shard_env(w->shard)->mem, tc);
}

static void
txn_commit_late(struct coordinator_write *w)
{
    txn_commit_answer(CONTAINER_OF(w, struct txn_commit, write), K_ERR_REQUEST_TIMED_OUT);
}

/* Group and member are as the request says; makes the group of somebody who only keeps offsets. */
static struct group *
find_txn_committer(struct groups *gs, const commit_request *q, int16_t *ret_err)
{
    struct shard *s = groups_shard_of_named(gs, q->group_id, ret_err);
    if (!s) return NULL;
    struct group *g = group_find(s, q->group_id);
    if (!g && q->generation_id_or_member_epoch >= 0) *ret_err = K_ERR_ILLEGAL_GENERATION;
    else if (!g && !env_has_room(gs->base.env, PURSE_GROUPS))
        *ret_err = K_ERR_COORDINATOR_NOT_AVAILABLE;
    if (*ret_err) return NULL;
    if (!g) g = group_new(s, q->group_id);
    *ret_err =
        txn_commit_check(g, q->generation_id_or_member_epoch, q->member_id, q->group_instance_id);
    if (*ret_err) return NULL;
    struct member *m = g->consumer ? NULL : group_member(g, q->member_id);
    if (m) member_heard(m);
    return g;
}

static int16_t
check_txn_partition(struct groups *gs, const struct image_topic *t, int16_t version,
                    const commit_partition *p)
{
    if (!t) return version >= 6 ? K_ERR_UNKNOWN_TOPIC_ID : K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (!image_topic_partition(t, p->partition_index)) return K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (p->committed_metadata.n > config_i64(gs->base.config, K_CFG_OFFSET_METADATA_MAX_BYTES))
        return K_ERR_OFFSET_METADATA_TOO_LARGE;
    return env_has_room(gs->base.env, PURSE_GROUPS) ? 0 : K_ERR_COORDINATOR_NOT_AVAILABLE;
}

static struct offset_value
value_of(struct groups *gs, const struct image_topic *t, const commit_partition *p)
{
    return (struct offset_value){.offset = p->committed_offset,
                                 .leader_epoch = p->committed_leader_epoch,
                                 .metadata =
                                     p->committed_metadata.p ? p->committed_metadata : SLICE_EMPTY,
                                 .commit_ms = env_wall_ms(gs->base.env),
                                 .expire_ms = -1,
                                 .topic_id = t->id};
}

static const struct image_topic *
topic_of(struct groups *gs, const commit_topic *t, int16_t version)
{
    return version >= 6 ? image_topic_by_id(gs->base.image, t->topic_id)
                        : image_topic(gs->base.image, t->name);
}

/* Gives each partition its error, and what has none its record. */
static void
gather_offsets(struct group *g, const commit_request *q, int16_t version, commit_response *res,
               struct batch_builder *b)
{
    struct groups *gs = g->shard->owner;
    for (int32_t i = 0; i < q->topics_n; i++) {
        const struct image_topic *t = topic_of(gs, &q->topics[i], version);
        for (int32_t k = 0; k < q->topics[i].partitions_n; k++) {
            const commit_partition *p = &q->topics[i].partitions[k];
            int16_t *err = &res->topics[i].partitions[k].error_code;
            *err = check_txn_partition(gs, t, version, p);
            if (!*err && g->consumer)
                *err = consumer_partition_check(g, q->generation_id_or_member_epoch, q->member_id,
                                                t->id, p->partition_index);
            if (!*err && g->streams)
                *err = streams_partition_check(g, q->generation_id_or_member_epoch, q->member_id,
                                               t->name, p->partition_index);
            if (*err) continue;
            struct offset_value v = value_of(gs, t, p);
            record_offset(b, g, t->name, p->partition_index, &v);
        }
    }
}

static void
make_pending(struct group *g, const commit_request *q, int16_t version, const commit_response *res)
{
    struct groups *gs = g->shard->owner;
    uint64_t number = ++gs->writes_n;
    for (int32_t i = 0; i < q->topics_n; i++) {
        const struct image_topic *t = topic_of(gs, &q->topics[i], version);
        for (int32_t k = 0; k < q->topics[i].partitions_n; k++) {
            const commit_partition *p = &q->topics[i].partitions[k];
            if (res->topics[i].partitions[k].error_code) continue;
            struct offset_value v = value_of(gs, t, p);
            struct offset *o = group_offset_get(g, t->name, p->partition_index);
            pending_add(g->shard, g, q->producer_id, o, &v, number);
        }
    }
}

static int16_t
write_offsets(struct group *g, const commit_request *q, uint64_t guard, bool verified,
              struct coordinator_call *c, commit_response *res)
{
    struct shard *s = g->shard;
    struct batch_builder b;
    shard_builder(&s->base, &b);
    gather_offsets(g, q, c->version, res, &b);
    if (builder_is_empty(&b)) {
        builder_release(&b);
        groups_answer(s->owner, c, res);
        return 0;
    }
    b.h.attributes |= BATCH_TRANSACTIONAL;
    b.h.producer_id = q->producer_id;
    b.h.producer_epoch = q->producer_epoch;
    struct txn_commit *tc = MEM_NEW(&shard_env(&s->base)->mem, struct txn_commit);
    *tc = (struct txn_commit){.call = c, .response = res};
    tc->write.shard = &s->base;
    tc->write.done = txn_commit_done;
    tc->write.late = txn_commit_late;
    tc->write.guard = guard;
    tc->write.unverified = !verified;
    int16_t err = shard_write(&s->base, &b, &tc->write);
    if (err) MEM_DELETE(&shard_env(&s->base)->mem, tc);
    else make_pending(g, q, c->version, res);
    return err;
}

void
groups_commit_in_txn(struct groups *gs, const commit_request *q, uint64_t guard, bool verified,
                     struct coordinator_call *c)
{
    int16_t err = 0;
    struct group *g = find_txn_committer(gs, q, &err);
    commit_response *res = groups_refuse_in_txn(q, err, c->arena);
    if (!g) {
        groups_answer(gs, c, res);
        return;
    }
    err = write_offsets(g, q, guard, verified, c, res);
    if (!err) return;
    group_forget_made(g);
    set_errors(res, err == K_ERR_RECORD_LIST_TOO_LARGE || err == K_ERR_MESSAGE_TOO_LARGE
                        ? K_ERR_INVALID_COMMIT_OFFSET_SIZE
                        : coordinator_store_error(err));
    groups_answer(gs, c, res);
}
