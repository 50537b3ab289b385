/* The share coordinator over a log that this file plays: batches are kept, and committed when the test says so. */
#include "tests/lib/test.h"

#include "broker/metadata/objects.h"
#include "broker/protocol/codec.h"
#include "broker/record/record.h"
#include "broker/share/shard.h"
#include "errors.h"

#define WALL_MS 0x01a20416e84cLL
static const struct uuid orders = {{2}};

static struct {
    struct env env;
    struct arena arena;
    struct config config;
    struct image image;
    struct shares *ss;
    struct share_shard *shard;
    VEC(struct buf *) log;
    VEC(struct coordinator_write *) pending;
    int16_t refuses;
} w;

static int16_t
world_store(struct coordinator_shard *s, struct buf *batch, struct coordinator_write *write)
{
    struct batch_header h;
    if (w.refuses) return w.refuses;
    if (batch) {
        assert_int_equal(batch_check(w.env.crc32c, buf_slice(batch), &h), BATCH_OK);
        s->written_end += h.records_n;
        VEC_PUSH(&w.env.mem, &w.log, buf_ref(batch));
    }
    VEC_PUSH(&w.env.mem, &w.pending, write);
    return 0;
}

static void
settle(void)
{
    while (env_has_deferred(&w.env)) {
        struct event ev = {.kind = EV_AGAIN, .now_ns = w.env.now_ns, .wall_ms = w.env.wall_ms};
        env_deliver(&w.env, &ev);
        env_effects_clear(&w.env);
    }
}

static void
finish_writes(int16_t err)
{
    while (w.pending.n) {
        struct coordinator_write *first = w.pending.v[0];
        VEC_REMOVE_AT(&w.pending, 0);
        coordinator_write_done(first, err);
    }
    settle();
}

static int
begin(void **state)
{
    (void)state;
    memset(&w, 0, sizeof w);
    struct env_params p = {
        .source = test_mem_source(), .memory_ceiling_bytes = 1LL << 30, .wall_ms = WALL_MS};
    env_init(&w.env, &p);
    arena_init(&w.arena, &w.env.mem, 0);
    config_init(&w.config, &w.env.mem, CONFIG_BROKER);
    image_init(&w.image, &w.env.mem, w.env.seed, NULL, NULL);
    struct image_topic *t = topic_add(&w.image, SHARES_TOPIC, (struct uuid){{1}});
    (void)topic_partition_get(&w.image, t, 0);
    t = topic_add(&w.image, S("orders"), orders);
    for (int32_t i = 0; i < 4; i++) (void)topic_partition_get(&w.image, t, i);
    w.ss = shares_new(&w.env, &w.config, &w.image);
    w.ss->base.store = world_store;
    w.shard = share_shard_of(coordinator_shard_at(&w.ss->base, 0));
    shard_activate(&w.shard->base);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    env_release(&w.env);
    return 0;
}

/* Another broker reads the log. */
static void
take_over(void)
{
    int64_t offset = 0;
    shard_unload(&w.shard->base);
    w.shard->base.state = SHARD_LOADING;
    for (int64_t i = 0; i < w.log.n; i++) {
        struct batch_header h;
        struct records rs;
        struct record rec;
        assert_int_equal(batch_check(w.env.crc32c, buf_slice(w.log.v[i]), &h), BATCH_OK);
        h.base_offset = offset;
        offset += h.records_n;
        records_begin(&rs, &h, batch_payload(buf_slice(w.log.v[i]), &h));
        while (records_next(&rs, &rec)) share_fold(&w.shard->base, &h, &rec);
    }
    shard_activate(&w.shard->base);
}

/* ---- requests ---- */

struct call {
    struct coordinator_call c;
    int count;
    const void *response;
};

static void
call_done(struct coordinator_call *c, const void *response)
{
    struct call *call = CONTAINER_OF(c, struct call, c);
    call->count++;
    call->response = response;
}

static struct call *
call_new(void)
{
    struct call *c = ARENA_NEW(&w.arena, struct call);
    c->c.done = call_done;
    c->c.arena = &w.arena;
    return c;
}

static const void *
answer(struct call *c)
{
    settle();
    assert_int_equal(c->count, 1);
    return c->response;
}

static struct call *
initialize_call(int32_t partition, int32_t state_epoch, int64_t start)
{
    struct call *c = call_new();
    struct k_initialize_share_group_state_request_partition_data *d =
        ARENA_NEW(&w.arena, struct k_initialize_share_group_state_request_partition_data);
    struct k_initialize_share_group_state_request_initialize_state_data *t =
        ARENA_NEW(&w.arena, struct k_initialize_share_group_state_request_initialize_state_data);
    struct k_initialize_share_group_state_request *q =
        ARENA_NEW(&w.arena, struct k_initialize_share_group_state_request);
    d->partition = partition;
    d->state_epoch = state_epoch;
    d->start_offset = start;
    t->topic_id = orders;
    t->partitions = d;
    t->partitions_n = 1;
    q->group_id = S("g");
    q->topics = t;
    q->topics_n = 1;
    shares_initialize(w.ss, q, &c->c);
    return c;
}

static int16_t
initialized(struct call *c)
{
    const struct k_initialize_share_group_state_response *res = answer(c);
    return res->results[0].partitions[0].error_code;
}

static int16_t
initialize(int32_t partition, int32_t state_epoch, int64_t start)
{
    struct call *c = initialize_call(partition, state_epoch, start);
    finish_writes(0);
    return initialized(c);
}

static struct call *
write_call(int32_t state_epoch, int32_t leader_epoch, int64_t start, struct state_batch b)
{
    struct call *c = call_new();
    struct k_write_share_group_state_request_state_batch *v =
        ARENA_NEW(&w.arena, struct k_write_share_group_state_request_state_batch);
    struct k_write_share_group_state_request_partition_data *d =
        ARENA_NEW(&w.arena, struct k_write_share_group_state_request_partition_data);
    struct k_write_share_group_state_request_write_state_data *t =
        ARENA_NEW(&w.arena, struct k_write_share_group_state_request_write_state_data);
    struct k_write_share_group_state_request *q =
        ARENA_NEW(&w.arena, struct k_write_share_group_state_request);
    *v = (struct k_write_share_group_state_request_state_batch){.first_offset = b.first,
                                                                .last_offset = b.last,
                                                                .delivery_state = (int8_t)b.state,
                                                                .delivery_count = b.count};
    d->state_epoch = state_epoch;
    d->leader_epoch = leader_epoch;
    d->start_offset = start;
    d->delivery_complete_count = 7;
    d->state_batches = v;
    d->state_batches_n = 1;
    t->topic_id = orders;
    t->partitions = d;
    t->partitions_n = 1;
    q->group_id = S("g");
    q->topics = t;
    q->topics_n = 1;
    shares_write(w.ss, q, &c->c);
    return c;
}

static int16_t
written(struct call *c)
{
    const struct k_write_share_group_state_response *res = answer(c);
    return res->results[0].partitions[0].error_code;
}

static int16_t
write_state(int32_t state_epoch, int32_t leader_epoch, int64_t start, struct state_batch b)
{
    struct call *c = write_call(state_epoch, leader_epoch, start, b);
    finish_writes(0);
    return written(c);
}

static struct call *
read_call(int32_t leader_epoch)
{
    struct call *c = call_new();
    struct k_read_share_group_state_request_partition_data *d =
        ARENA_NEW(&w.arena, struct k_read_share_group_state_request_partition_data);
    struct k_read_share_group_state_request_read_state_data *t =
        ARENA_NEW(&w.arena, struct k_read_share_group_state_request_read_state_data);
    struct k_read_share_group_state_request *q =
        ARENA_NEW(&w.arena, struct k_read_share_group_state_request);
    d->leader_epoch = leader_epoch;
    t->topic_id = orders;
    t->partitions = d;
    t->partitions_n = 1;
    q->group_id = S("g");
    q->topics = t;
    q->topics_n = 1;
    shares_read(w.ss, q, &c->c);
    return c;
}

static const struct k_read_share_group_state_response_partition_result *
read_state(int32_t leader_epoch)
{
    struct call *c = read_call(leader_epoch);
    finish_writes(0);
    const struct k_read_share_group_state_response *res = answer(c);
    return &res->results[0].partitions[0];
}

#define ACCEPTED(first, last) ((struct state_batch){(first), (last), DELIVERY_ACKNOWLEDGED, 1})

/* ---- the claims ---- */

static void
nothing_is_said_before_it_is_committed(void **state)
{
    (void)state;
    struct call *c = initialize_call(0, 1, -1);
    settle();
    assert_int_equal(c->count, 0);
    finish_writes(0);
    assert_int_equal(initialized(c), 0);
    c = write_call(1, 0, 5, ACCEPTED(7, 8));
    struct call *r = read_call(0);
    settle();
    assert_int_equal(c->count + r->count, 0);
    finish_writes(0);
    assert_int_equal(written(c), 0);
    assert_int_equal(r->count, 1);
}

static void
what_is_written_is_read_also_by_the_next_coordinator(void **state)
{
    (void)state;
    initialize(0, 1, -1);
    assert_int_equal(write_state(1, 3, 5, ACCEPTED(7, 8)), 0);
    for (int i = 0; i < 2; i++) {
        const struct k_read_share_group_state_response_partition_result *r = read_state(3);
        assert_int_equal(r->error_code, 0);
        assert_int_equal(r->state_epoch, 1);
        assert_int_equal(r->start_offset, 5);
        assert_int_equal(r->state_batches_n, 1);
        assert_int_equal(r->state_batches[0].first_offset, 7);
        assert_int_equal(r->state_batches[0].delivery_state, DELIVERY_ACKNOWLEDGED);
        take_over();
    }
}

static void
a_leader_that_was_replaced_writes_no_more(void **state)
{
    (void)state;
    initialize(0, 1, 0);
    write_state(1, 3, 5, ACCEPTED(7, 8));
    assert_int_equal(read_state(4)->error_code, 0);
    assert_int_equal(write_state(1, 3, 9, ACCEPTED(7, 8)), K_ERR_FENCED_LEADER_EPOCH);
    assert_int_equal(read_state(3)->error_code, K_ERR_FENCED_LEADER_EPOCH);
    take_over();
    assert_int_equal(write_state(1, 3, 9, ACCEPTED(7, 8)), K_ERR_FENCED_LEADER_EPOCH);
    assert_int_equal(read_state(4)->start_offset, 5);
}

static void
who_begins_anew_ends_what_was(void **state)
{
    (void)state;
    initialize(0, 1, 0);
    write_state(1, 3, 5, ACCEPTED(7, 8));
    assert_int_equal(initialize(0, 2, 1), 0);
    assert_int_equal(write_state(1, 3, 9, ACCEPTED(7, 8)), K_ERR_FENCED_STATE_EPOCH);
    assert_int_equal(initialize(0, 1, 0), K_ERR_FENCED_STATE_EPOCH);
    const struct k_read_share_group_state_response_partition_result *r = read_state(3);
    assert_int_equal(r->start_offset, 1);
    assert_int_equal(r->state_batches_n, 0);
}

static void
the_start_never_goes_back(void **state)
{
    (void)state;
    initialize(0, 1, 0);
    write_state(1, 3, 9, ACCEPTED(12, 12));
    assert_int_equal(write_state(1, 3, 5, ACCEPTED(6, 8)), 0);
    const struct k_read_share_group_state_response_partition_result *r = read_state(3);
    assert_int_equal(r->start_offset, 9);
    assert_int_equal(r->state_batches_n, 1);
    assert_int_equal(r->state_batches[0].first_offset, 12);
}

static void
one_that_was_not_begun_is_refused(void **state)
{
    (void)state;
    assert_int_equal(read_state(0)->error_code, K_ERR_INVALID_REQUEST);
    assert_int_equal(write_state(0, 0, 0, ACCEPTED(0, 1)), K_ERR_INVALID_REQUEST);
    assert_int_equal(initialize(9, 0, 0), K_ERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(initialize(-1, 0, 0), K_ERR_INVALID_REQUEST);
}

static void
impossible_states_are_refused(void **state)
{
    (void)state;
    initialize(0, 1, 0);
    struct state_batch acquired = {0, 1, DELIVERY_ACQUIRED, 1};
    struct state_batch upside_down = {2, 1, DELIVERY_ACKNOWLEDGED, 1};
    struct state_batch negative = {-2, 1, DELIVERY_ACKNOWLEDGED, 1};
    struct state_batch no_count = {0, 1, DELIVERY_ACKNOWLEDGED, -1};
    assert_int_equal(write_state(1, 0, 0, acquired), K_ERR_INVALID_REQUEST);
    assert_int_equal(write_state(1, 0, 0, upside_down), K_ERR_INVALID_REQUEST);
    assert_int_equal(write_state(1, 0, 0, negative), K_ERR_INVALID_REQUEST);
    assert_int_equal(write_state(1, 0, 0, no_count), K_ERR_INVALID_REQUEST);
}

static void
what_cannot_be_written_is_not_so(void **state)
{
    (void)state;
    initialize(0, 1, 0);
    w.refuses = K_ERR_NOT_ENOUGH_REPLICAS;
    assert_int_equal(write_state(1, 3, 5, ACCEPTED(7, 8)), K_ERR_COORDINATOR_NOT_AVAILABLE);
    w.refuses = 0;
    assert_int_equal(read_state(3)->start_offset, 0);
}

static void
updates_are_said_again_in_a_snapshot(void **state)
{
    (void)state;
    assert_true(config_set(&w.config, K_CFG_SHARE_COORDINATOR_SNAPSHOT_UPDATE_RECORDS_PER_SNAPSHOT,
                           S("3"), NULL));
    initialize(0, 1, 0);
    for (int i = 0; i < 4; i++) write_state(1, 0, i, ACCEPTED(10 + 2 * i, 10 + 2 * i));
    struct share_id id = {S("g"), orders, 0};
    assert_int_equal(share_find(w.shard, &id)->snapshot_epoch, 1);
    assert_int_equal(share_find(w.shard, &id)->updates_n, 1);
    assert_true(share_oldest_needed(w.shard) >= 4);
    take_over();
    assert_int_equal(read_state(0)->state_batches_n, 4);
    assert_int_equal(share_find(w.shard, &id)->done_n, 7);
}

static void
pass_ms(int64_t ms)
{
    int64_t until = w.env.now_ns + ms * NS_PER_MS;
    while (env_next_deadline_ns(&w.env) <= until) {
        struct event ev = {.kind = EV_TIMER,
                           .now_ns = MAX(env_next_deadline_ns(&w.env), w.env.now_ns),
                           .wall_ms = w.env.wall_ms};
        env_deliver(&w.env, &ev);
        env_effects_clear(&w.env);
        settle();
    }
    w.env.now_ns = until;
    w.env.wall_ms = WALL_MS + until / NS_PER_MS;
}

static void
one_that_rests_gets_a_snapshot(void **state)
{
    (void)state;
    struct share_id id = {S("g"), orders, 0};
    assert_true(config_set(&w.config, K_CFG_SHARE_COORDINATOR_COLD_PARTITION_SNAPSHOT_INTERVAL_MS,
                           S("1000"), NULL));
    initialize(0, 1, 0);
    w.env.wall_ms += 999;
    shares_snapshot_cold(w.shard);
    assert_int_equal(share_find(w.shard, &id)->snapshot_epoch, 0);
    w.env.wall_ms += 1;
    shares_snapshot_cold(w.shard);
    finish_writes(0);
    assert_int_equal(share_find(w.shard, &id)->snapshot_epoch, 1);
    assert_int_equal(share_oldest_needed(w.shard), 1);
}

static void
who_waits_for_too_long_is_told_so(void **state)
{
    (void)state;
    assert_true(config_set(&w.config, K_CFG_SHARE_COORDINATOR_WRITE_TIMEOUT_MS, S("700"), NULL));
    struct call *c = initialize_call(0, 1, 0);
    pass_ms(699);
    assert_int_equal(c->count, 0);
    pass_ms(1);
    assert_int_equal(initialized(c), K_ERR_COORDINATOR_NOT_AVAILABLE);
    finish_writes(0);
    assert_int_equal(c->count, 1);
}

static void
what_goes_is_gone(void **state)
{
    (void)state;
    initialize(0, 1, 0);
    initialize(1, 1, 0);
    shares_topic_deleted(w.ss, orders);
    finish_writes(0);
    assert_int_equal(w.shard->states.n, 0);
    take_over();
    assert_int_equal(w.shard->states.n, 0);
}

static void
records_of_any_kind_do_no_harm(void **state)
{
    (void)state;
    initialize(0, 1, 0);
    struct batch_header h = {.records_n = 1};
    uint32_t dice = 7;
    for (int i = 0; i < 20000; i++) {
        uint8_t key[64] = {0}, value[64];
        for (size_t k = 0; k < sizeof key; k++) {
            dice = dice * 1664525 + 1013904223;
            key[k] = (uint8_t)(dice >> 24);
            value[k] = (uint8_t)(dice >> 16);
        }
        key[0] = 0;
        key[1] &= 1;
        key[2] = 0;
        key[3] &= 3;
        value[0] = 0;
        value[1] = 0;
        struct record rec = {.key = slice(key, 4 + (dice >> 8) % 60),
                             .value = dice & 64 ? slice(value, dice % 64) : SLICE_NULL};
        share_fold(&w.shard->base, &h, &rec);
        arena_reset(&w.env.scratch);
    }
    assert_int_equal(read_state(0)->error_code, 0);
}

#define CASE(x) cmocka_unit_test_setup_teardown(x, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(nothing_is_said_before_it_is_committed),
        CASE(what_is_written_is_read_also_by_the_next_coordinator),
        CASE(a_leader_that_was_replaced_writes_no_more),
        CASE(who_begins_anew_ends_what_was),
        CASE(the_start_never_goes_back),
        CASE(one_that_was_not_begun_is_refused),
        CASE(impossible_states_are_refused),
        CASE(what_cannot_be_written_is_not_so),
        CASE(updates_are_said_again_in_a_snapshot),
        CASE(one_that_rests_gets_a_snapshot),
        CASE(who_waits_for_too_long_is_told_so),
        CASE(what_goes_is_gone),
        CASE(records_of_any_kind_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
