#include "broker/share/shares.h"

#include "broker/base/check.h"
#include "broker/protocol/codec.h"
#include "broker/share/epochs.h"
#include "broker/share/shard.h"
#include "errors.h"

/* ---- several share partitions, one answer ---- */

struct gathering {
    struct shares *ss;
    struct coordinator_call *call;
    void *response;
    int32_t left; /* not yet known, and the request itself while it is gone through */
};

/* One of them, whose records are on their way. */
struct share_op {
    struct coordinator_write write;
    struct gathering *of; /* NULL: answered */
    int16_t *err;
};

static struct gathering *
gathering_new(struct shares *ss, struct coordinator_call *call, void *response)
{
    struct gathering *g = ARENA_NEW(call->arena, struct gathering);
    *g = (struct gathering){ss, call, response, 1};
    return g;
}

static void
gathered_one(struct gathering *g)
{
    CHECK(g->left > 0);
    if (--g->left == 0) coordinator_answer(&g->ss->base, g->call, g->response);
}

static void
op_answer(struct share_op *op, int16_t err)
{
    struct gathering *g = op->of;
    if (!g) return;
    if (err) *op->err = coordinator_store_error(err);
    op->of = NULL;
    gathered_one(g);
}

static void
share_op_done(struct coordinator_write *w, int16_t err)
{
    struct share_op *op = CONTAINER_OF(w, struct share_op, write);
    op_answer(op, err);
    MEM_DELETE(&shard_env(w->shard)->mem, op);
}

static void
op_late(struct coordinator_write *w)
{
    op_answer(CONTAINER_OF(w, struct share_op, write), K_ERR_COORDINATOR_NOT_AVAILABLE);
}

static struct share_op *
share_op_new(struct gathering *g, struct share_shard *s, int16_t *err)
{
    struct share_op *op = MEM_NEW(&g->ss->base.env->mem, struct share_op);
    op->of = g;
    op->err = err;
    op->write.shard = &s->base;
    op->write.done = share_op_done;
    op->write.late = op_late;
    g->left++;
    return op;
}

/* What was gathered goes into the log; nothing: what was written before is waited for. */
static void
op_write(struct share_op *op, struct batch_builder *b)
{
    struct coordinator_shard *s = op->write.shard;
    int16_t err = 0;
    if (builder_is_empty(b)) {
        builder_release(b);
        if (!shard_wait_written(s, &op->write)) share_op_done(&op->write, 0);
        return;
    }
    err = shard_write_folded(s, b, &op->write);
    if (err) share_op_done(&op->write, err);
}

/* ---- which one ---- */

static struct share_shard *
shard_of_id(struct shares *ss, struct arena *a, const struct share_id *id, int16_t *ret_err)
{
    struct slice key = share_key(a, id->group, id->topic, id->partition);
    struct coordinator_shard *s = coordinator_shard_of(&ss->base, key, ret_err);
    return s ? share_shard_of(s) : NULL;
}

static int16_t
check_share_id(const struct shares *ss, const struct share_id *id)
{
    const struct image_topic *t = image_topic_by_id(ss->base.image, id->topic);
    if (id->group.n == 0 || id->partition < 0) return K_ERR_INVALID_REQUEST;
    return t && image_topic_partition(t, id->partition) ? 0 : K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
}

/* ---- going through a request ---- */

/* All five name topics, and of each some partitions, and differ in their types alone. `one` has a partition of the
 * request and fills that of the answer. */
#define ANSWER_EACH(function, api, API, result, one) \
    void function(struct shares *ss, const struct k_##api##_request *q, \
                  struct coordinator_call *call) \
    { \
        struct arena *a = call->arena; \
        struct k_##api##_response *res = ARENA_NEW(a, struct k_##api##_response); \
        struct gathering *g = gathering_new(ss, call, res); \
        codec_default(K_MSG_##API##_RESPONSE, res); \
        res->results = ARENA_ARRAY(a, struct k_##api##_response_##result, q->topics_n); \
        for (int32_t i = 0; i < q->topics_n && q->group_id.n > 0; i++) { \
            int32_t n = q->topics[i].partitions_n; \
            if (n <= 0) continue; \
            struct k_##api##_response_##result *to = &res->results[res->results_n++]; \
            to->topic_id = q->topics[i].topic_id; \
            to->partitions_n = n; \
            to->partitions = codec_array(a, K_STRUCT_##API##_RESPONSE_PARTITION_RESULT, n); \
            for (int32_t k = 0; k < n; k++) { \
                to->partitions[k].partition = q->topics[i].partitions[k].partition; \
                struct share_id id = {q->group_id, to->topic_id, to->partitions[k].partition}; \
                one(g, &id, &q->topics[i].partitions[k], &to->partitions[k]); \
            } \
        } \
        gathered_one(g); \
    }

/* ---- InitializeShareGroupState ---- */

typedef struct k_initialize_share_group_state_request_partition_data init_data;
typedef struct k_initialize_share_group_state_response_partition_result init_partition;

static void
initialize_one(struct gathering *g, const struct share_id *id, const init_data *d,
               init_partition *to)
{
    int16_t *err = &to->error_code;
    struct share_shard *s = shard_of_id(g->ss, g->call->arena, id, err);
    if (!s) return;
    struct share_state *st = share_find(s, id);
    *err = d->state_epoch < 0 ? K_ERR_INVALID_REQUEST : check_share_id(g->ss, id);
    if (!*err && st) *err = share_epochs_check(st->state_epoch, -1, d->state_epoch, -1);
    if (!*err && !st && !env_has_room(g->ss->base.env, PURSE_GROUPS))
        *err = K_ERR_COORDINATOR_NOT_AVAILABLE;
    if (*err) return;
    struct batch_builder b;
    share_snapshot v;
    codec_default(K_MSG_SHARE_SNAPSHOT_VALUE, &v);
    v.snapshot_epoch = st ? st->snapshot_epoch + 1 : 0;
    v.state_epoch = d->state_epoch;
    v.leader_epoch = st ? st->leader_epoch : 0;
    v.start_offset = d->start_offset;
    v.delivery_complete_count = d->start_offset == -1 ? -1 : 0;
    v.create_timestamp = v.write_timestamp = env_wall_ms(g->ss->base.env);
    shard_builder(&s->base, &b);
    record_share_snapshot(&b, s, id, &v);
    op_write(share_op_new(g, s, err), &b);
}

ANSWER_EACH(shares_initialize, initialize_share_group_state, INITIALIZE_SHARE_GROUP_STATE,
            initialize_state_result, initialize_one)

/* ---- ReadShareGroupState ---- */

typedef struct k_read_share_group_state_request_partition_data read_data;
typedef struct k_read_share_group_state_response_partition_result read_partition;

static void
fill_read(const struct share_state *st, struct arena *a, read_partition *to)
{
    to->state_epoch = st->state_epoch;
    to->start_offset = st->start_offset;
    to->state_batches_n = (int32_t)st->batches.v.n;
    to->state_batches =
        ARENA_ARRAY(a, struct k_read_share_group_state_response_state_batch, st->batches.v.n);
    for (int64_t i = 0; i < st->batches.v.n; i++) {
        const struct state_batch *from = &st->batches.v.v[i];
        to->state_batches[i].first_offset = from->first;
        to->state_batches[i].last_offset = from->last;
        to->state_batches[i].delivery_state = (int8_t)from->state;
        to->state_batches[i].delivery_count = from->count;
    }
}

/* From now on leaders of older epochs write no more: it is committed before the answer goes out. */
static void
read_one(struct gathering *g, const struct share_id *id, const read_data *d, read_partition *to)
{
    struct share_shard *s = shard_of_id(g->ss, g->call->arena, id, &to->error_code);
    if (!s) return;
    struct share_state *st = share_find(s, id);
    /* The group coordinator must have begun it. */
    to->error_code = !st || d->leader_epoch < 0 ? K_ERR_INVALID_REQUEST : check_share_id(g->ss, id);
    if (!to->error_code)
        to->error_code = share_epochs_check(-1, st->leader_epoch, -1, d->leader_epoch);
    if (to->error_code) return;
    struct batch_builder b;
    shard_builder(&s->base, &b);
    if (d->leader_epoch > st->leader_epoch) {
        struct arena a;
        arena_init(&a, &g->ss->base.env->mem, 0);
        share_snapshot v = share_snapshot_of(st, &a);
        v.leader_epoch = d->leader_epoch;
        record_share_snapshot(&b, s, id, &v);
        arena_release(&a);
    }
    fill_read(st, g->call->arena, to);
    op_write(share_op_new(g, s, &to->error_code), &b);
}

ANSWER_EACH(shares_read, read_share_group_state, READ_SHARE_GROUP_STATE, read_state_result,
            read_one)

/* ---- WriteShareGroupState ---- */

typedef struct k_write_share_group_state_request_partition_data write_data;
typedef struct k_write_share_group_state_response_partition_result write_partition;

static int16_t
check_write(const struct share_state *st, const write_data *d)
{
    int16_t err =
        share_epochs_check(st->state_epoch, st->leader_epoch, d->state_epoch, d->leader_epoch);
    if (d->state_epoch < 0 || d->leader_epoch < 0) return K_ERR_INVALID_REQUEST;
    for (int32_t i = 0; !err && i < d->state_batches_n; i++) {
        const struct k_write_share_group_state_request_state_batch *b = &d->state_batches[i];
        bool good = b->first_offset >= 0 && b->last_offset >= b->first_offset &&
                    b->last_offset < INT64_MAX && b->delivery_count >= 0 &&
                    delivery_is_kept(b->delivery_state);
        if (!good) err = K_ERR_INVALID_REQUEST;
    }
    return err;
}

static share_update
update_of(const struct share_state *st, const write_data *d, struct arena *a)
{
    share_update v;
    codec_default(K_MSG_SHARE_UPDATE_VALUE, &v);
    v.snapshot_epoch = st->snapshot_epoch;
    v.leader_epoch = d->leader_epoch;
    v.start_offset = d->start_offset;
    /* Who does not count them leaves them as they are. */
    v.delivery_complete_count =
        d->delivery_complete_count < 0 ? st->done_n : d->delivery_complete_count;
    v.state_batches_n = d->state_batches_n;
    v.state_batches = ARENA_ARRAY(a, struct k_share_update_value_state_batch, d->state_batches_n);
    for (int32_t i = 0; i < d->state_batches_n; i++) {
        v.state_batches[i].first_offset = d->state_batches[i].first_offset;
        v.state_batches[i].last_offset = d->state_batches[i].last_offset;
        v.state_batches[i].delivery_state = d->state_batches[i].delivery_state;
        v.state_batches[i].delivery_count = d->state_batches[i].delivery_count;
    }
    return v;
}

static void
write_one(struct gathering *g, const struct share_id *id, const write_data *d, write_partition *to)
{
    int16_t *err = &to->error_code;
    struct share_shard *s = shard_of_id(g->ss, g->call->arena, id, err);
    if (!s) return;
    struct share_state *st = share_find(s, id);
    *err = st ? check_share_id(g->ss, id) : K_ERR_INVALID_REQUEST;
    if (!*err) *err = check_write(st, d);
    if (*err) return;
    struct batch_builder b;
    struct arena a;
    arena_init(&a, &g->ss->base.env->mem, 0);
    shard_builder(&s->base, &b);
    /* What the updates say is said again, in one, so that they can go. */
    if (st->updates_n >= config_i64(g->ss->base.config,
                                    K_CFG_SHARE_COORDINATOR_SNAPSHOT_UPDATE_RECORDS_PER_SNAPSHOT)) {
        share_snapshot snap = share_snapshot_of(st, &a);
        record_share_snapshot(&b, s, id, &snap);
    }
    share_update v = update_of(st, d, &a);
    if (!builder_is_empty(&b)) v.snapshot_epoch++;
    record_share_update(&b, s, id, &v);
    op_write(share_op_new(g, s, err), &b);
    arena_release(&a);
}

ANSWER_EACH(shares_write, write_share_group_state, WRITE_SHARE_GROUP_STATE, write_state_result,
            write_one)

/* ---- DeleteShareGroupState ---- */

typedef struct k_delete_share_group_state_request_partition_data delete_data;
typedef struct k_delete_share_group_state_response_partition_result delete_partition;

/* What nobody has begun is gone, too: a group can be deleted after its topic. */
static void
delete_one(struct gathering *g, const struct share_id *id, const delete_data *d,
           delete_partition *to)
{
    (void)d;
    struct share_shard *s = shard_of_id(g->ss, g->call->arena, id, &to->error_code);
    if (!s) return;
    struct batch_builder b;
    shard_builder(&s->base, &b);
    if (share_find(s, id)) record_share_gone(&b, s, id);
    op_write(share_op_new(g, s, &to->error_code), &b);
}

ANSWER_EACH(shares_delete, delete_share_group_state, DELETE_SHARE_GROUP_STATE, delete_state_result,
            delete_one)

/* ---- ReadShareGroupStateSummary ---- */

typedef struct k_read_share_group_state_summary_request_partition_data summary_data;
typedef struct k_read_share_group_state_summary_response_partition_result summary_partition;

/* One that nobody began has no start offset; that is no error. */
static void
summarize_one(struct gathering *g, const struct share_id *id, const summary_data *d,
              summary_partition *to)
{
    (void)d;
    struct share_shard *s = shard_of_id(g->ss, g->call->arena, id, &to->error_code);
    if (!s) return;
    const struct share_state *st = share_find(s, id);
    to->error_code = check_share_id(g->ss, id);
    if (to->error_code) return;
    to->start_offset = st ? st->start_offset : -1;
    to->state_epoch = st ? st->state_epoch : 0;
    to->leader_epoch = st ? st->leader_epoch : 0;
    to->delivery_complete_count = st ? st->done_n : -1;
    struct batch_builder b;
    shard_builder(&s->base, &b);
    op_write(share_op_new(g, s, &to->error_code), &b);
}

ANSWER_EACH(shares_read_summary, read_share_group_state_summary, READ_SHARE_GROUP_STATE_SUMMARY,
            read_state_summary_result, summarize_one)

/* ---- what the runtime asks for ---- */

static struct coordinator_shard *
shares_new_shard(struct coordinator *c)
{
    struct share_shard *s = MEM_NEW(&c->env->mem, struct share_shard);
    s->owner = CONTAINER_OF(c, struct shares, base);
    map_init(&s->states, coordinator_mem(c), env_map_key(c->env));
    return &s->base;
}

/* Nothing here has a time-out. */
static void
activate_shares(struct coordinator_shard *base)
{
    (void)base;
}

static void
forget_shares(struct coordinator_shard *base)
{
    MAP_EACH(&share_shard_of(base)->states, st, struct share_state, by_id) share_state_free(st);
}

static const struct coordinator_kind share_kind = {
    .topic = SHARES_TOPIC_NAME,
    .purse = PURSE_GROUPS,
    .write_timeout_ms = K_CFG_SHARE_COORDINATOR_WRITE_TIMEOUT_MS,
    .shard_new = shares_new_shard,
    .fold = share_fold,
    .activate = activate_shares,
    .unload = forget_shares,
    .duties = {{K_CFG_SHARE_COORDINATOR_STATE_TOPIC_PRUNE_INTERVAL_MS, shares_prune}},
};

struct shares *
shares_new(struct env *env, const struct config *config, const struct image *image)
{
    struct shares *ss = MEM_NEW(&env->mem, struct shares);
    coordinator_init(&ss->base, &share_kind, env, config, image);
    return ss;
}

const struct coordinator *
shares_settings(const struct shares *ss)
{
    return &ss->base;
}

void
shares_role_changed(struct shares *ss, struct partition *p)
{
    coordinator_role_changed(&ss->base, p);
}

void
shares_topic_deleted(struct shares *ss, struct uuid topic)
{
    for (int64_t i = 0; i < ss->base.shards.n; i++) {
        struct share_shard *s = share_shard_of(ss->base.shards.v[i]);
        struct batch_builder b;
        if (s->base.state != SHARD_ACTIVE) continue;
        shard_builder(&s->base, &b);
        MAP_EACH(&s->states, st, struct share_state, by_id)
            if (uuid_eq(st->id.topic, topic)) record_share_gone(&b, s, &st->id);
        if (builder_is_empty(&b)) builder_release(&b);
        else (void)shard_write_silently_folded(&s->base, &b);
    }
}

void
shares_stop(struct shares *ss)
{
    coordinator_stop(&ss->base);
}
