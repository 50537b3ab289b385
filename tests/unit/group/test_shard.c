#include "tests/unit/group/fixture.h"

#include "broker/replica/topic_config.h"

/* A partition of __consumer_offsets whose log is played: it has nothing to read, or is busy. */
static struct partition partition;
static struct topic_config topic_config;

static struct shard *
lead(enum commitlog_state log_state, int64_t end)
{
    struct shard *s = w.shard;
    memset(&partition, 0, sizeof partition);
    partition.env = &w.env;
    partition.config = &topic_config;
    partition.label = S("__consumer_offsets-0");
    partition.high_watermark = end;
    partition.log.env = &w.env;
    partition.log.state = log_state;
    partition.log.assigned_end = end;
    list_init(&partition.log.jobs);
    list_init(&partition.append_waiters);
    s->partition = &partition;
    shard_begin_load(s);
    settle();
    return s;
}

static int16_t
asked(void)
{
    int16_t err = -1;
    (void)groups_shard(w.gs, S("g"), &err);
    return err;
}

static void
a_load_that_finds_the_log_busy_is_tried_again(void **state)
{
    (void)state;
    struct shard *s = lead(COMMITLOG_OPENING, 10);
    assert_int_equal(s->state, SHARD_FAILED);
    assert_int_equal(asked(), K_ERR_NOT_COORDINATOR);
    pass_ms(5000);
    assert_int_equal(s->state, SHARD_FAILED);
    partition.log.state = COMMITLOG_OPEN;
    pass_ms(10000);
    assert_int_equal(s->state, SHARD_ACTIVE);
    assert_int_equal(asked(), 0);
}

static void
a_load_that_waits_to_be_tried_again_ends_with_the_role(void **state)
{
    (void)state;
    struct shard *s = lead(COMMITLOG_OPENING, 10);
    shard_unload(s);
    assert_int_equal(s->state, SHARD_NONE);
    pass_ms(20000);
    assert_int_equal(s->state, SHARD_NONE);
}

static void
a_load_begins_at_the_start_that_has_moved_on(void **state)
{
    (void)state;
    struct shard *s = lead(COMMITLOG_OPENING, 10);
    partition.log.state = COMMITLOG_OPEN;
    partition.log.start_offset = 10;
    pass_ms(10000);
    assert_int_equal(s->state, SHARD_ACTIVE);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_start, world_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_load_that_finds_the_log_busy_is_tried_again),
        CASE(a_load_that_waits_to_be_tried_again_ends_with_the_role),
        CASE(a_load_begins_at_the_start_that_has_moved_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
