/* A coordinator of one partition over a log that this file plays: batches are kept, and committed when
 * the test says so. Requests are made with the fewest words; answers are kept in the call. */
#ifndef TESTS_GROUP_FIXTURE_H
#define TESTS_GROUP_FIXTURE_H

#include "tests/lib/test.h"

#include "broker/group/shard.h"
#include "broker/metadata/objects.h"
#include "broker/protocol/codec.h"
#include "broker/record/record.h"

#include "errors.h"

#define SESSION_MS 10000
#define REBALANCE_MS 30000
#define WALL_MS 0x01a20416e84cLL

struct world {
    struct env env;
    struct arena arena; /* answers; gone with the test */
    struct config config;
    struct image image;
    struct groups *gs;
    struct shard *shard;
    VEC(struct buf *) log;
    VEC(struct coordinator_write *) pending;
    int16_t refuses;
    int32_t at_partition; /* of "orders": whose offset is committed and deleted */
};

struct call {
    struct coordinator_call c;
    int count;
    const void *response;
};

static struct world w;

static int16_t
world_store(struct coordinator_shard *s, struct buf *batch, struct coordinator_write *write)
{
    assert_ptr_equal(s, &w.shard->base);
    if (w.refuses) return w.refuses;
    if (batch) VEC_PUSH(&w.env.mem, &w.log, buf_ref(batch));
    VEC_PUSH(&w.env.mem, &w.pending, write);
    return 0;
}

static void
deliver(enum event_kind kind, int64_t now_ns)
{
    struct event ev = {.kind = kind, .now_ns = now_ns, .wall_ms = WALL_MS + now_ns / NS_PER_MS};
    env_deliver(&w.env, &ev);
    env_effects_clear(&w.env);
}

/* Runs what is due by now. */
static void
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
static void
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
    while (w.pending.n) finish_writes(0);
}

static void
add_topic(struct slice name, uint8_t id, int32_t partitions)
{
    struct image_topic *t = topic_add(&w.image, name, (struct uuid){{id}});
    for (int32_t i = 0; i < partitions; i++) (void)topic_partition_get(&w.image, t, i);
}

static inline int
world_start(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    w.at_partition = 3;
    struct env_params p = {
        .source = test_mem_source(), .memory_ceiling_bytes = 1LL << 30, .wall_ms = WALL_MS};
    env_init(&w.env, &p);
    arena_init(&w.arena, &w.env.mem, 0);
    config_init(&w.config, &w.env.mem, CONFIG_BROKER);
    assert_true(config_set(&w.config, K_CFG_GROUP_INITIAL_REBALANCE_DELAY_MS, S("0"), NULL));
    image_init(&w.image, &w.env.mem, w.env.seed, NULL, NULL);
    add_topic(GROUPS_TOPIC, 1, 1);
    add_topic(S("orders"), 2, 4);
    w.gs = groups_new(&w.env, &w.config, &w.image);
    w.gs->base.store = world_store;
    w.shard = groups_shard_at(w.gs, 0);
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

/* The leadership goes … */
static inline void
lose_leadership(void)
{
    finish_writes(K_ERR_NOT_LEADER_OR_FOLLOWER);
    shard_unload(&w.shard->base);
    settle();
}

/* … and somebody reads the log. */
static inline void
take_over(void)
{
    for (int64_t i = 0; i < w.log.n; i++) {
        struct batch_header h;
        assert_int_equal(batch_check(w.env.crc32c, buf_slice(w.log.v[i]), &h), BATCH_OK);
        struct records rs;
        struct record rec;
        records_begin(&rs, &h, batch_payload(buf_slice(w.log.v[i]), &h));
        while (records_next(&rs, &rec)) group_fold(&w.shard->base, &h, &rec);
    }
    shard_activate(&w.shard->base);
}

/* ---- requests ---- */

static void
call_done(struct coordinator_call *c, const void *response)
{
    struct call *call = CONTAINER_OF(c, struct call, c);
    call->count++;
    call->response = response;
}

static struct call *
call_new(int16_t version)
{
    struct call *c = ARENA_NEW(&w.arena, struct call);
    c->c.done = call_done;
    c->c.arena = &w.arena;
    c->c.version = version;
    c->c.client_id = S("app");
    c->c.client_host = S("/127.0.0.1");
    return c;
}

/* One answer, not two. */
static const void *
answer(struct call *c)
{
    settle();
    assert_int_equal(c->count, 1);
    return c->response;
}

static inline bool
is_waiting(struct call *c)
{
    settle();
    return c->count == 0;
}

/* A consumer's subscription to "orders", version 0. */
#define SUBSCRIPTION S("\0\0\0\0\0\1\0\6orders\xff\xff\xff\xff")

struct who {
    struct slice id, instance;
    struct slice protocol, second; /* null: "range", none */
    int16_t version;
};

static inline struct call *
join(struct who who)
{
    struct call *c = call_new(who.version ? who.version : 9);
    struct k_join_group_request *q = ARENA_NEW(&w.arena, struct k_join_group_request);
    struct k_join_group_request_join_group_request_protocol *p =
        ARENA_ARRAY(&w.arena, struct k_join_group_request_join_group_request_protocol, 2);
    codec_default(K_MSG_JOIN_GROUP_REQUEST, q);
    p[0].name = who.protocol.p ? who.protocol : S("range");
    p[1].name = who.second;
    p[0].metadata = p[1].metadata = SUBSCRIPTION;
    q->group_id = S("g");
    q->session_timeout_ms = SESSION_MS;
    q->rebalance_timeout_ms = REBALANCE_MS;
    q->member_id = who.id.p ? who.id : SLICE_EMPTY;
    q->group_instance_id = who.instance;
    q->protocol_type = S("consumer");
    q->protocols = p;
    q->protocols_n = who.second.p ? 2 : 1;
    groups_join(w.gs, q, &c->c);
    return c;
}

static inline const struct k_join_group_response *
joined(struct call *c)
{
    return answer(c);
}

/* All are there that come together. */
static inline void
gather(void)
{
    pass_ms(GROUP_GATHER_MS);
}

/* A new member's id, as KIP-394 has it. */
static inline struct slice
new_id(void)
{
    const struct k_join_group_response *r = joined(join((struct who){.id = SLICE_EMPTY}));
    assert_int_equal(r->error_code, K_ERR_MEMBER_ID_REQUIRED);
    return r->member_id;
}

static inline struct call *
sync(struct slice id, int32_t generation,
     const struct k_sync_group_request_sync_group_request_assignment *v, int32_t n)
{
    struct call *c = call_new(4);
    struct k_sync_group_request *q = ARENA_NEW(&w.arena, struct k_sync_group_request);
    codec_default(K_MSG_SYNC_GROUP_REQUEST, q);
    q->group_id = S("g");
    q->member_id = id;
    q->generation_id = generation;
    q->assignments_n = n;
    q->assignments =
        ARENA_ARRAY(&w.arena, struct k_sync_group_request_sync_group_request_assignment, MAX(n, 1));
    if (n) memcpy(q->assignments, v, (size_t)n * sizeof *v);
    groups_sync(w.gs, q, &c->c);
    return c;
}

static inline const struct k_sync_group_response *
synced(struct call *c)
{
    return answer(c);
}

static inline int16_t
heartbeat(struct slice id, int32_t generation)
{
    struct call *c = call_new(4);
    struct k_heartbeat_request q = {.group_id = S("g"),
                                    .member_id = id,
                                    .generation_id = generation,
                                    .group_instance_id = SLICE_NULL};
    groups_heartbeat(w.gs, &q, &c->c);
    return ((const struct k_heartbeat_response *)answer(c))->error_code;
}

static inline struct call *
leave_call(struct slice id)
{
    struct call *c = call_new(0);
    struct k_leave_group_request *q = ARENA_NEW(&w.arena, struct k_leave_group_request);
    q->group_id = S("g");
    q->member_id = id;
    groups_leave(w.gs, q, &c->c);
    settle();
    return c;
}

static inline int16_t
left(struct call *c)
{
    return ((const struct k_leave_group_response *)answer(c))->error_code;
}

static inline int16_t
leave(struct slice id)
{
    return left(leave_call(id));
}

static inline struct call *
commit_offset(struct slice id, int32_t generation, int64_t offset)
{
    struct call *c = call_new(9);
    struct k_offset_commit_request *q = ARENA_NEW(&w.arena, struct k_offset_commit_request);
    codec_default(K_MSG_OFFSET_COMMIT_REQUEST, q);
    q->group_id = S("g");
    q->member_id = id;
    q->generation_id_or_member_epoch = generation;
    q->topics =
        codec_array(&w.arena, K_STRUCT_OFFSET_COMMIT_REQUEST_OFFSET_COMMIT_REQUEST_TOPIC, 1);
    q->topics_n = 1;
    q->topics[0].name = S("orders");
    q->topics[0].partitions =
        codec_array(&w.arena, K_STRUCT_OFFSET_COMMIT_REQUEST_OFFSET_COMMIT_REQUEST_PARTITION, 1);
    q->topics[0].partitions_n = 1;
    q->topics[0].partitions[0].partition_index = w.at_partition;
    q->topics[0].partitions[0].committed_offset = offset;
    q->topics[0].partitions[0].committed_metadata = S("note");
    groups_commit(w.gs, q, &c->c);
    return c;
}

static inline int16_t
commit_error(struct call *c)
{
    return ((const struct k_offset_commit_response *)answer(c))->topics[0].partitions[0].error_code;
}

/* Of orders-3; -1: none. */
static inline int64_t
fetch_offset(void)
{
    int32_t partition = 3;
    struct k_offset_fetch_request_offset_fetch_request_topics t = {
        .name = S("orders"), .partition_indexes = &partition, .partition_indexes_n = 1};
    struct k_offset_fetch_request_offset_fetch_request_group q = {
        .group_id = S("g"), .member_epoch = -1, .topics = &t, .topics_n = 1};
    struct k_offset_fetch_response_offset_fetch_response_group res = {.error_code = 0};
    groups_fetch(w.gs, &q, 9, OFFSETS_COMMITTED, &w.arena, &res);
    assert_int_equal(res.error_code, 0);
    return res.topics[0].partitions[0].committed_offset;
}

static inline int16_t
delete_group(void)
{
    struct call *c = call_new(2);
    groups_delete(w.gs, S("g"), &c->c);
    commit();
    return ((const struct k_delete_groups_response_deletable_group_result *)answer(c))->error_code;
}

static inline const struct k_describe_groups_response_described_group *
describe(void)
{
    struct k_describe_groups_response_described_group *d =
        codec_array(&w.arena, K_STRUCT_DESCRIBE_GROUPS_RESPONSE_DESCRIBED_GROUP, 1);
    groups_describe(w.gs, S("g"), 5, &w.arena, d);
    return d;
}

#define assert_state(text) assert_slice(describe()->group_state, text)

#endif
