/* The runtime, with the smallest state machine there is: a shard that counts its records. */
#include "tests/lib/test.h"

#include "broker/coordinator/coordinator.h"
#include "broker/metadata/objects.h"
#include "broker/replica/topic_config.h"
#include "errors.h"

#define TOPIC S("tallies")

struct tally {
    struct coordinator_shard base;
    int32_t folded, activated, unloaded, seen;
};

struct written {
    struct coordinator_write write;
    int32_t done, late;
    int16_t err;
};

static struct env env;
static struct config config;
static struct image image;
static struct coordinator c;
static struct partition partition;
static struct topic_config topic_config;
static VEC(struct coordinator_write *) pending;
static int16_t refuses;

/* ---- the state machine ---- */

static struct tally *
tally_of(struct coordinator_shard *s)
{
    return CONTAINER_OF(s, struct tally, base);
}

static struct coordinator_shard *
tally_new(struct coordinator *owner)
{
    return &MEM_NEW(&owner->env->mem, struct tally)->base;
}

static void
tally_fold(struct coordinator_shard *s, const struct batch_header *h, const struct record *rec)
{
    (void)h;
    (void)rec;
    tally_of(s)->folded++;
}

static void
tally_activate(struct coordinator_shard *s)
{
    tally_of(s)->activated++;
}

static void
tally_unload(struct coordinator_shard *s)
{
    tally_of(s)->unloaded++;
}

static void
tally_look(struct coordinator_shard *s)
{
    tally_of(s)->seen++;
}

static const struct coordinator_kind tallies = {
    .topic = "tallies",
    .purse = PURSE_GROUPS,
    .write_timeout_ms = K_CFG_OFFSETS_COMMIT_TIMEOUT_MS,
    .shard_new = tally_new,
    .fold = tally_fold,
    .activate = tally_activate,
    .unload = tally_unload,
    .duties = {{K_CFG_OFFSETS_RETENTION_CHECK_INTERVAL_MS, tally_look}},
};

/* ---- its world ---- */

static int16_t
keep_pending(struct coordinator_shard *s, struct buf *batch, struct coordinator_write *w)
{
    (void)s;
    (void)batch;
    if (!refuses) VEC_PUSH(&env.mem, &pending, w);
    return refuses;
}

static void
play(enum event_kind kind, int64_t now_ns)
{
    struct event ev = {.kind = kind, .now_ns = now_ns, .wall_ms = now_ns / NS_PER_MS};
    env_deliver(&env, &ev);
    env_effects_clear(&env);
}

static void
settle(void)
{
    while (env_has_deferred(&env)) play(EV_AGAIN, env.now_ns);
}

static void
pass_ms(int64_t ms)
{
    int64_t until = env.now_ns + ms * NS_PER_MS;
    settle();
    while (env_next_deadline_ns(&env) <= until) {
        play(EV_TIMER, MAX(env_next_deadline_ns(&env), env.now_ns));
        settle();
    }
    env.now_ns = until;
}

static int
begin(void **state)
{
    (void)state;
    memset(&c, 0, sizeof c);
    memset(&pending, 0, sizeof pending);
    refuses = 0;
    struct env_params p = {.source = test_mem_source(), .memory_ceiling_bytes = 1LL << 30};
    env_init(&env, &p);
    config_init(&config, &env.mem, CONFIG_BROKER);
    image_init(&image, &env.mem, env.seed, NULL, NULL);
    struct image_topic *t = topic_add(&image, TOPIC, (struct uuid){{1}});
    (void)topic_partition_get(&image, t, 0);
    coordinator_init(&c, &tallies, &env, &config, &image);
    c.store = keep_pending;
    return 0;
}

static int
end(void **state)
{
    (void)state;
    env_release(&env);
    return 0;
}

/* The log is played: it has nothing to read below `end`, or is busy. */
static struct tally *
lead(enum commitlog_state log_state, int64_t log_end, int32_t epoch)
{
    memset(&partition, 0, sizeof partition);
    partition.env = &env;
    partition.config = &topic_config;
    partition.topic = TOPIC;
    partition.label = S("tallies-0");
    partition.role = PARTITION_LEADER;
    partition.leader_epoch = epoch;
    partition.high_watermark = log_end;
    partition.log.env = &env;
    partition.log.state = log_state;
    partition.log.assigned_end = log_end;
    list_init(&partition.log.jobs);
    list_init(&partition.append_waiters);
    coordinator_role_changed(&c, &partition);
    settle();
    return tally_of(coordinator_shard_at(&c, 0));
}

static struct tally *
active(void)
{
    struct tally *t = lead(COMMITLOG_OPEN, 0, 1);
    assert_int_equal(t->base.state, SHARD_ACTIVE);
    return t;
}

static int16_t
asked(void)
{
    int16_t err = -1;
    (void)coordinator_shard_of(&c, S("any"), &err);
    return err;
}

static void
write_done(struct coordinator_write *w, int16_t err)
{
    struct written *x = CONTAINER_OF(w, struct written, write);
    x->done++;
    x->err = err;
}

static void
write_is_late(struct coordinator_write *w)
{
    CONTAINER_OF(w, struct written, write)->late++;
}

static int16_t
write_one(struct tally *t, struct written *x)
{
    struct batch_builder b;
    x->write.done = write_done;
    x->write.late = write_is_late;
    shard_builder(&t->base, &b);
    (void)builder_add(&b, 0, S("key"), S("value"), NULL, 0);
    return shard_write(&t->base, &b, &x->write);
}

/* ---- loading ---- */

static void
a_load_that_finds_the_log_busy_is_tried_again(void **state)
{
    (void)state;
    struct tally *t = lead(COMMITLOG_OPENING, 10, 1);
    assert_int_equal(t->base.state, SHARD_FAILED);
    assert_int_equal(asked(), K_ERR_NOT_COORDINATOR);
    pass_ms(5000);
    assert_int_equal(t->base.state, SHARD_FAILED);
    partition.log.state = COMMITLOG_OPEN;
    partition.log.start_offset = 10;
    pass_ms(10000);
    assert_int_equal(t->base.state, SHARD_ACTIVE);
    assert_int_equal(t->activated, 1);
    assert_int_equal(asked(), 0);
}

static void
a_load_that_waits_to_be_tried_again_ends_with_the_role(void **state)
{
    (void)state;
    struct tally *t = lead(COMMITLOG_OPENING, 10, 1);
    shard_unload(&t->base);
    assert_int_equal(t->base.state, SHARD_NONE);
    pass_ms(20000);
    assert_int_equal(t->base.state, SHARD_NONE);
    assert_int_equal(t->activated, 0);
}

static void
a_load_waits_until_everything_written_is_committed(void **state)
{
    (void)state;
    struct tally *t = lead(COMMITLOG_OPEN, 0, 1);
    partition.role = PARTITION_FOLLOWER;
    coordinator_role_changed(&c, &partition);
    assert_int_equal(t->base.state, SHARD_NONE);
    partition.role = PARTITION_LEADER;
    partition.leader_epoch = 2;
    partition.log.assigned_end = partition.log.start_offset = 10;
    coordinator_role_changed(&c, &partition);
    settle();
    assert_int_equal(t->base.state, SHARD_LOADING);
    assert_int_equal(asked(), K_ERR_COORDINATOR_LOAD_IN_PROGRESS);
    shard_unload(&t->base);
}

/* ---- the role ---- */

static void
another_epoch_of_leadership_is_another_shard(void **state)
{
    (void)state;
    struct tally *t = active();
    coordinator_role_changed(&c, &partition); /* nothing new */
    assert_int_equal(t->unloaded, 0);
    partition.leader_epoch = 2;
    coordinator_role_changed(&c, &partition);
    settle();
    assert_int_equal(t->unloaded, 1);
    assert_int_equal(t->activated, 2);
}

static void
another_topics_partitions_are_no_business_of_it(void **state)
{
    (void)state;
    struct tally *t = active();
    struct partition other = {.topic = S("orders"), .env = &env, .role = PARTITION_FOLLOWER};
    coordinator_role_changed(&c, &other);
    assert_int_equal(t->unloaded, 0);
}

static void
whoever_stops_serves_nobody(void **state)
{
    (void)state;
    struct tally *t = active();
    coordinator_stop(&c);
    assert_int_equal(asked(), K_ERR_NOT_COORDINATOR);
    pass_ms(3600 * 1000);
    assert_int_equal(t->seen, 0);
}

/* ---- writing ---- */

static void
a_write_is_done_when_it_is_committed(void **state)
{
    (void)state;
    struct tally *t = active();
    struct written x = {.err = -1};
    assert_int_equal(write_one(t, &x), 0);
    assert_int_equal(x.done, 0);
    coordinator_write_done(pending.v[0], K_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    assert_int_equal(x.done, 1);
    assert_int_equal(x.err, 0); /* it is committed all the same */
    pass_ms(60000);
    assert_int_equal(x.late, 0);
}

static void
a_late_write_is_told_once_and_can_still_be_done(void **state)
{
    (void)state;
    struct tally *t = active();
    struct written x = {.err = -1};
    assert_int_equal(write_one(t, &x), 0);
    pass_ms(60000);
    assert_int_equal(x.late, 1);
    assert_int_equal(x.done, 0);
    coordinator_write_done(pending.v[0], 0);
    assert_int_equal(x.done, 1);
}

static void
a_write_that_is_refused_is_not_kept(void **state)
{
    (void)state;
    struct tally *t = active();
    struct written x = {.err = -1};
    refuses = K_ERR_NOT_ENOUGH_REPLICAS;
    assert_int_equal(write_one(t, &x), K_ERR_NOT_ENOUGH_REPLICAS);
    assert_true(list_is_empty(&t->base.writes));
    pass_ms(60000);
    assert_int_equal(x.done + x.late, 0);
}

/* ---- duties and answers ---- */

static void
a_duty_is_done_in_shards_that_are_active(void **state)
{
    (void)state;
    int64_t every_ms = config_i64(&config, K_CFG_OFFSETS_RETENTION_CHECK_INTERVAL_MS);
    struct tally *t = active();
    pass_ms(every_ms);
    assert_int_equal(t->seen, 1);
    shard_unload(&t->base);
    pass_ms(every_ms);
    assert_int_equal(t->seen, 1);
}

static int answers;

static void
count_answer(struct coordinator_call *call, const void *response)
{
    (void)call;
    assert_ptr_equal(response, &answers);
    answers++;
}

static void
an_answer_comes_in_a_later_task(void **state)
{
    (void)state;
    struct coordinator_call call = {.done = count_answer};
    answers = 0;
    coordinator_answer(&c, &call, &answers);
    assert_int_equal(answers, 0);
    settle();
    assert_int_equal(answers, 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_load_that_finds_the_log_busy_is_tried_again),
        CASE(a_load_that_waits_to_be_tried_again_ends_with_the_role),
        CASE(a_load_waits_until_everything_written_is_committed),
        CASE(another_epoch_of_leadership_is_another_shard),
        CASE(another_topics_partitions_are_no_business_of_it),
        CASE(whoever_stops_serves_nobody),
        CASE(a_write_is_done_when_it_is_committed),
        CASE(a_late_write_is_told_once_and_can_still_be_done),
        CASE(a_write_that_is_refused_is_not_kept),
        CASE(a_duty_is_done_in_shards_that_are_active),
        CASE(an_answer_comes_in_a_later_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
