/* A transaction coordinator of one partition over a log that this file plays: batches are kept, and committed when
 * the test says so. Producer ids are 1000, 1001 …; markers come here, and are answered as the test says. */
#ifndef TESTS_TXN_FIXTURE_H
#define TESTS_TXN_FIXTURE_H

#include "tests/lib/test.h"

#include "broker/metadata/objects.h"
#include "broker/protocol/codec.h"
#include "broker/record/record.h"
#include "broker/txn/shard.h"
#include "broker/txn/verify.h"

#include "errors.h"

#define WALL_MS 0x01a20416e84cLL
#define NODE_ID 1

struct world {
    struct env env;
    struct arena arena; /* answers; gone with the test */
    struct config config;
    struct image image;
    struct txns *ts;
    struct txn_shard *shard;
    struct txn_verifier *verifier;
    VEC(struct buf *) log;
    VEC(struct coordinator_write *) pending;
    VEC(struct marker_write *) markers;
    int64_t ids_given;
    int16_t refuses;
};

static struct world w;

/* In the place of the controller's. */
void
producer_ids_next(struct producer_ids *ids, struct producer_id_waiter *waiter)
{
    (void)ids;
    waiter->done(waiter, 0, 1000 + w.ids_given++);
}

static int16_t
world_store(struct coordinator_shard *s, struct buf *batch, struct coordinator_write *write)
{
    assert_ptr_equal(s, &w.shard->base);
    if (w.refuses) return w.refuses;
    VEC_PUSH(&w.env.mem, &w.log, buf_ref(batch));
    VEC_PUSH(&w.env.mem, &w.pending, write);
    return 0;
}

static void
world_markers(void *owner, struct marker_write *m)
{
    (void)owner;
    VEC_PUSH(&w.env.mem, &w.markers, m);
}

static void
deliver(enum event_kind kind, int64_t now_ns)
{
    struct event ev = {.kind = kind, .now_ns = now_ns, .wall_ms = WALL_MS + now_ns / NS_PER_MS};
    env_deliver(&w.env, &ev);
    env_effects_clear(&w.env);
}

/* Runs what is due by now. */
static inline void
settle(void)
{
    while (env_has_deferred(&w.env)) deliver(EV_AGAIN, w.env.now_ns);
}

static inline void
pass_ms(int64_t ms)
{
    int64_t until = w.env.now_ns + ms * NS_PER_MS;
    settle();
    while (env_next_deadline_ns(&w.env) <= until) {
        deliver(EV_TIMER, MAX(env_next_deadline_ns(&w.env), w.env.now_ns));
        settle();
    }
    w.env.now_ns = until;
    w.env.wall_ms = WALL_MS + until / NS_PER_MS;
}

/* What is on its way into the log comes out as `err`. */
static inline void
finish_writes(int16_t err)
{
    for (int64_t n = w.pending.n; n > 0; n--) {
        struct coordinator_write *first = w.pending.v[0];
        VEC_REMOVE_AT(&w.pending, 0);
        coordinator_write_done(first, err);
    }
    settle();
}

static inline void
commit(void)
{
    settle();
    while (w.pending.n) finish_writes(0);
}

static inline void
world_set(int32_t name, const char *value)
{
    assert_true(config_set(&w.config, name, slice_cstr(value), NULL));
}

static void
add_topic(struct slice name, uint8_t id, int32_t partitions)
{
    struct image_topic *t = topic_add(&w.image, name, (struct uuid){{id}});
    for (int32_t i = 0; i < partitions; i++) topic_partition_get(&w.image, t, i)->leader = NODE_ID;
}

static inline int
world_start(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    struct env_params p = {
        .source = test_mem_source(), .memory_ceiling_bytes = 1LL << 30, .wall_ms = WALL_MS};
    env_init(&w.env, &p);
    arena_init(&w.arena, &w.env.mem, 0);
    config_init(&w.config, &w.env.mem, CONFIG_BROKER);
    image_init(&w.image, &w.env.mem, w.env.seed, NULL, NULL);
    add_topic(TXNS_TOPIC, 1, 1);
    add_topic(S("orders"), 2, 4);
    feature_set(&w.image, S("transaction.version"), 2);
    struct txns_params tp = {.env = &w.env,
                             .config = &w.config,
                             .image = &w.image,
                             .node_id = NODE_ID,
                             .listener = S("PLAINTEXT"),
                             .write_markers = world_markers};
    w.ts = txns_new(&tp);
    w.verifier = txn_verifier_new(&tp, w.ts);
    w.ts->base.store = world_store;
    w.shard = txn_shard_of(coordinator_shard_at(&w.ts->base, 0));
    w.shard->base.leader_epoch = 5;
    shard_activate(&w.shard->base);
    return 0;
}

static inline int
world_end(void **state)
{
    (void)state;
    env_release(&w.env);
    return 0;
}

/* The leadership goes; somebody reads the log. */
static inline void
change_leader(void)
{
    finish_writes(K_ERR_NOT_LEADER_OR_FOLLOWER);
    shard_unload(&w.shard->base);
    settle();
    w.shard->base.leader_epoch++;
    for (int64_t i = 0; i < w.log.n; i++) {
        struct batch_header h;
        assert_int_equal(batch_check(w.env.crc32c, buf_slice(w.log.v[i]), &h), BATCH_OK);
        struct records rs;
        struct record rec;
        records_begin(&rs, &h, batch_payload(buf_slice(w.log.v[i]), &h));
        while (records_next(&rs, &rec)) txn_fold(&w.shard->base, &h, &rec);
    }
    shard_activate(&w.shard->base);
    settle();
}

/* ---- requests ---- */

struct asked {
    struct coordinator_call c;
    int count;
    const void *response;
};

static void
call_done(struct coordinator_call *c, const void *response)
{
    struct asked *call = CONTAINER_OF(c, struct asked, c);
    call->count++;
    call->response = response;
}

static struct asked *
call_new(int16_t version)
{
    struct asked *c = ARENA_NEW(&w.arena, struct asked);
    c->c.done = call_done;
    c->c.arena = &w.arena;
    c->c.version = version;
    return c;
}

static inline struct asked *
init(struct slice id, int64_t producer_id, int16_t epoch, int32_t timeout_ms)
{
    struct k_init_producer_id_request *q = ARENA_NEW(&w.arena, struct k_init_producer_id_request);
    struct asked *c = call_new(5);
    codec_default(K_MSG_INIT_PRODUCER_ID_REQUEST, q);
    q->transactional_id = id;
    q->transaction_timeout_ms = timeout_ms;
    q->producer_id = producer_id;
    q->producer_epoch = epoch;
    txns_init_producer(w.ts, q, &c->c);
    settle();
    return c;
}

static inline const struct k_init_producer_id_response *
inited(struct asked *c)
{
    commit();
    assert_int_equal(c->count, 1);
    return c->response;
}

static inline struct asked *
end(struct slice id, int64_t producer_id, int16_t epoch, bool commit_it, int16_t version)
{
    struct k_end_txn_request *q = ARENA_NEW(&w.arena, struct k_end_txn_request);
    struct asked *c = call_new(version);
    codec_default(K_MSG_END_TXN_REQUEST, q);
    q->transactional_id = id;
    q->producer_id = producer_id;
    q->producer_epoch = epoch;
    q->committed = commit_it;
    txns_end(w.ts, q, &c->c);
    settle();
    return c;
}

static inline const struct k_end_txn_response *
ended(struct asked *c)
{
    commit();
    assert_int_equal(c->count, 1);
    return c->response;
}

struct adding {
    struct txn_adding a;
    struct txn_partition partition;
    int16_t err;
    int count;
};

static void
adding_done(struct txn_adding *a)
{
    CONTAINER_OF(a, struct adding, a)->count++;
}

static inline struct adding *
add(struct slice id, int64_t producer_id, int16_t epoch, int32_t partition, bool verify_only)
{
    struct adding *ad = ARENA_NEW(&w.arena, struct adding);
    ad->partition = (struct txn_partition){S("orders"), partition};
    ad->a = (struct txn_adding){.done = adding_done,
                                .transactional_id = id,
                                .q = {producer_id, epoch, verify_only},
                                .client_version = 2,
                                .partitions = &ad->partition,
                                .partitions_n = 1,
                                .errs = &ad->err};
    txns_add(w.ts, &ad->a);
    settle();
    return ad;
}

static inline int16_t
added(struct adding *ad)
{
    commit();
    assert_int_equal(ad->count, 1);
    return ad->err;
}

/* Answers the oldest markers that were sent; err: of each partition. */
static inline void
answer_markers(int16_t err)
{
    settle();
    assert_true(w.markers.n > 0);
    struct marker_write *m = w.markers.v[0];
    const struct k_write_txn_markers_request *q = m->request;
    struct k_write_txn_markers_response res;
    VEC_REMOVE_AT(&w.markers, 0);
    codec_default(K_MSG_WRITE_TXN_MARKERS_RESPONSE, &res);
    res.markers_n = q->markers_n;
    res.markers = codec_array(
        &w.arena, K_STRUCT_WRITE_TXN_MARKERS_RESPONSE_WRITABLE_TXN_MARKER_RESULT, q->markers_n);
    for (int32_t i = 0; i < q->markers_n; i++) {
        res.markers[i].producer_id = q->markers[i].producer_id;
        res.markers[i].topics_n = q->markers[i].topics_n;
        res.markers[i].topics = codec_array(
            &w.arena, K_STRUCT_WRITE_TXN_MARKERS_RESPONSE_WRITABLE_TXN_MARKER_TOPIC_RESULT,
            q->markers[i].topics_n);
        for (int32_t k = 0; k < q->markers[i].topics_n; k++) {
            int32_t n = q->markers[i].topics[k].partition_indexes_n;
            struct k_write_txn_markers_response_writable_txn_marker_topic_result *t =
                &res.markers[i].topics[k];
            t->name = q->markers[i].topics[k].name;
            t->partitions_n = n;
            t->partitions = codec_array(
                &w.arena, K_STRUCT_WRITE_TXN_MARKERS_RESPONSE_WRITABLE_TXN_MARKER_PARTITION_RESULT,
                n);
            for (int32_t p = 0; p < n; p++) {
                t->partitions[p].partition_index = q->markers[i].topics[k].partition_indexes[p];
                t->partitions[p].error_code = err;
            }
        }
    }
    m->done(m, &res);
    settle();
}

static inline const struct k_write_txn_markers_request_writable_txn_marker *
marker_sent(void)
{
    settle();
    assert_true(w.markers.n > 0);
    return &w.markers.v[0]->request->markers[0];
}

static inline enum txn_state
state_of(struct slice id)
{
    struct txn *t = txn_find(w.shard, id);
    return t ? t->data.state : TXN_DEAD;
}

#endif
