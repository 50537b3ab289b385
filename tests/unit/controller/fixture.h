/* A controller on a log that this file plays: what it proposes is kept, and committed when the test
 * says so, into the image that a node would have. Brokers register and send heartbeats as requests. */
#ifndef TESTS_CONTROLLER_FIXTURE_H
#define TESTS_CONTROLLER_FIXTURE_H

#include "tests/lib/test.h"

#include "broker/controller/controller.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/schema.h"

#include "apis.h"
#include "errors.h"

#define SESSION_MS 9000

struct world {
    struct env env;
    struct arena arena; /* answers and texts; gone with the test */
    struct controller *c;
    struct controller_options options;
    VEC(struct slice) log; /* a value for each offset */
    struct image committed;
    int64_t high_watermark;
    int32_t epoch;
    int proposals; /* batches taken */
    bool refuses;
};

/* What came of a request; the response is a copy. */
struct reply {
    struct controller_call call;
    int count;
    int16_t err;
    enum k_msg msg;
    int16_t version;
    void *response;
};

static struct world w;

static int64_t
world_next_offset(void *owner)
{
    (void)owner;
    return w.log.n;
}

static bool
world_propose(void *owner, int32_t epoch, const struct slice *values, int32_t n)
{
    (void)owner;
    assert_int_equal(epoch, w.epoch);
    if (w.refuses) return false;
    for (int32_t i = 0; i < n; i++) VEC_PUSH(&w.env.mem, &w.log, mem_dup(&w.env.mem, values[i]));
    w.proposals++;
    return true;
}

static const struct proposer_ops world_ops = {world_next_offset, world_propose};

/* Up to this offset, exclusive. */
static void
commit_to(int64_t offset)
{
    while (w.high_watermark < offset) {
        const char *err = image_apply(&w.committed, w.log.v[w.high_watermark], w.high_watermark,
                                      w.epoch, &w.arena);
        assert_null(err);
        w.high_watermark++;
    }
    image_batch_end(&w.committed, w.high_watermark - 1, w.epoch);
    controller_committed(w.c, w.high_watermark);
}

static void
commit(void)
{
    commit_to(w.log.n);
}

/* Time passes; timers that come due are due. */
static void
pass(int64_t ms)
{
    int64_t until = env_now_ns(&w.env) + ms * NS_PER_MS;
    while (env_next_deadline_ns(&w.env) <= until) {
        int64_t at = env_next_deadline_ns(&w.env);
        struct event ev = {.kind = EV_TIMER, .now_ns = at > w.env.now_ns ? at : w.env.now_ns};
        env_deliver(&w.env, &ev);
    }
    w.env.now_ns = until;
}

static void
activate(void)
{
    controller_activate(w.c, ++w.epoch, &w.committed);
}

static int
world_begin_with(const struct controller_options *options, bool notes_on)
{
    memset(&w, 0, sizeof w);
    struct env_params p = {.source = test_mem_source(),
                           .memory_ceiling_bytes = 1 << 28,
                           .seed = {1, 2},
                           .now_ns = 5 * NS_PER_S,
                           .notes_on = notes_on,
                           .hostname = S("host")};
    env_init(&w.env, &p);
    arena_init(&w.arena, &w.env.mem, 0);
    image_init(&w.committed, &w.env.mem, env_map_key(&w.env), NULL, NULL);
    w.options = *options;
    w.c = controller_new(&w.env, &w.options, &world_ops, &w);
    return 0;
}

static const struct controller_options usual_options = {
    .node_id = 101,
    .cluster_id = {(const uint8_t *)"cluster", 7},
    .noop_interval_ms = -1,
};

static int
world_end(void **state)
{
    (void)state;
    if (w.c) controller_free(w.c);
    image_release(&w.committed);
    for (int64_t i = 0; i < w.log.n; i++) mem_free_slice(&w.env.mem, w.log.v[i]);
    VEC_RELEASE(&w.env.mem, &w.log);
    env_effects_clear(&w.env);
    env_release(&w.env);
    return 0;
}

static void
keep_reply(struct controller_call *call, int16_t err, const void *response)
{
    struct reply *r = CONTAINER_OF(call, struct reply, call);
    struct writer out = writer_mem(&w.env.mem);
    r->count++;
    r->err = err;
    assert_true(codec_write(r->msg, r->version, response, &out, NULL));
    r->response = arena_alloc(&w.arena, 1024);
    assert_true(codec_decode_all(r->msg, r->version, arena_dup(&w.arena, writer_slice(&out)),
                                 &w.arena, r->response));
    writer_release(&out);
}

/* Asks; what is proposed is not committed yet. */
static struct reply *
ask(int16_t api_key, int16_t version, const void *request)
{
    struct reply *r = arena_alloc(&w.arena, (int64_t)sizeof *r);
    r->call.done = keep_reply;
    r->msg = (enum k_msg)k_api_of(api_key)->response;
    r->version = version;
    controller_request(w.c, api_key, version, request, &r->call);
    return r;
}

/* Asks and commits: the answer. */
static const void *
answer_to(int16_t api_key, int16_t version, const void *request)
{
    struct reply *r = ask(api_key, version, request);
    commit();
    assert_int_equal(r->count, 1);
    assert_int_equal(r->err, K_ERR_NONE);
    return r->response;
}

/* ---- brokers ----------------------------------------------------------------------------------- */

static const struct k_broker_registration_response *
register_as(int32_t id, uint8_t incarnation, int64_t previous_epoch)
{
    static struct uuid dirs[16];
    struct k_broker_registration_request r;
    codec_default(K_MSG_BROKER_REGISTRATION_REQUEST, &r);
    struct k_broker_registration_request_listener listener = {S("PLAINTEXT"), S("host"), 9092, 0};
    struct k_broker_registration_request_feature features[] = {
        {S("metadata.version"), 7, 33},
        {S("eligible.leader.replicas.version"), 0, 1},
    };
    dirs[id] = (struct uuid){{(uint8_t)id, 1}};
    r.broker_id = id;
    r.cluster_id = S("cluster");
    r.incarnation_id = (struct uuid){{incarnation}};
    r.listeners = &listener, r.listeners_n = 1;
    r.features = features, r.features_n = 2;
    r.log_dirs = &dirs[id], r.log_dirs_n = 1;
    r.previous_broker_epoch = previous_epoch;
    return answer_to(K_API_BROKER_REGISTRATION, 4, &r);
}

static const struct k_broker_heartbeat_response *
beat_with(int32_t id, int64_t offset, bool want_fence, bool want_shutdown)
{
    struct k_broker_heartbeat_request r;
    codec_default(K_MSG_BROKER_HEARTBEAT_REQUEST, &r);
    const struct image_broker *b = image_broker(controller_image(w.c), id);
    r.broker_id = id;
    r.broker_epoch = b ? b->epoch : 0;
    r.current_metadata_offset = offset;
    r.want_fence = want_fence;
    r.want_shut_down = want_shutdown;
    return answer_to(K_API_BROKER_HEARTBEAT, 2, &r);
}

/* Caught up and content. */
static const struct k_broker_heartbeat_response *
beat(int32_t id)
{
    return beat_with(id, w.log.n - 1, false, false);
}

static void
start_broker(int32_t id)
{
    assert_int_equal(register_as(id, (uint8_t)(10 * id), -1)->error_code, K_ERR_NONE);
    assert_false(beat(id)->is_fenced);
}

static void
start_brokers(int32_t n)
{
    activate();
    commit();
    for (int32_t id = 1; id <= n; id++) start_broker(id);
}

/* Its session ends; the others, from 1 to n, go on. */
static void
lose(int32_t lost, int32_t n)
{
    for (int i = 0; i < 5; i++) {
        pass(SESSION_MS / 4);
        for (int32_t id = 1; id <= n; id++) {
            const struct image_broker *b = image_broker(controller_image(w.c), id);
            if (id != lost && b && !b->is_fenced) (void)beat(id);
        }
    }
    commit();
    assert_true(image_broker(controller_image(w.c), lost)->is_fenced);
}

/* ---- topics ------------------------------------------------------------------------------------ */

static struct k_create_topics_request_creatable_topic
topic_named(struct slice name, int32_t partitions, int16_t factor)
{
    struct k_create_topics_request_creatable_topic t;
    codec_default_struct(K_STRUCT_CREATE_TOPICS_REQUEST_CREATABLE_TOPIC, &t);
    t.name = name;
    t.num_partitions = partitions;
    t.replication_factor = factor;
    return t;
}

static const struct k_create_topics_response *
create(struct k_create_topics_request_creatable_topic *topics, int32_t n)
{
    struct k_create_topics_request r;
    codec_default(K_MSG_CREATE_TOPICS_REQUEST, &r);
    r.topics = topics;
    r.topics_n = n;
    return answer_to(K_API_CREATE_TOPICS, 7, &r);
}

/* "t" with one partition on 1, 2, 3 in this order. */
static const struct image_partition *
create_t(struct slice min_isr, struct slice unclean)
{
    int32_t ids[] = {1, 2, 3};
    struct k_create_topics_request_creatable_topic t = topic_named(S("t"), -1, -1);
    struct k_create_topics_request_creatable_replica_assignment a = {0, ids, 3};
    struct k_create_topics_request_creatable_topic_config configs[] = {
        {S("min.insync.replicas"), min_isr},
        {S("unclean.leader.election.enable"), unclean},
    };
    t.assignments = &a, t.assignments_n = 1;
    t.configs = configs, t.configs_n = 2;
    assert_int_equal(create(&t, 1)->topics[0].error_code, K_ERR_NONE);
    return image_partition(controller_image(w.c), S("t"), 0);
}

static void
assert_ids_(struct ids got, const int32_t *v, int32_t n, const char *file, int line)
{
    if (ids_eq(got, (struct ids){(int32_t *)(uintptr_t)v, n})) return;
    print_error("got %d ids:", got.n);
    for (int32_t i = 0; i < got.n; i++) print_error(" %d", got.v[i]);
    print_error("\n");
    _fail(file, line);
}
#define assert_ids(got, ...) \
    assert_ids_(got, (const int32_t[]){__VA_ARGS__}, \
                (int32_t)(sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t)), __FILE__, __LINE__)
#define assert_no_ids(got) assert_int_equal((got).n, 0)

static int
world_begin(void **state)
{
    (void)state;
    return world_begin_with(&usual_options, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

/* Not every test uses all of it. */
static inline void
fixture_use(void)
{
    (void)lose, (void)create_t, (void)start_brokers, (void)assert_ids_, (void)world_begin;
}

#endif
