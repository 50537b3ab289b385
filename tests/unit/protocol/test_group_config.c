#include "tests/lib/test.h"

#include <stdio.h>

#include "broker/base/fmt.h"
#include "broker/protocol/group_config.h"

struct bench {
    struct mem mem;
    struct config broker;
    struct writer why;
    struct slice values[K_GCFGS_N];
};

static int
setup(void **state)
{
    static struct bench b;
    b = (struct bench){0};
    test_mem_init(&b.mem);
    config_init(&b.broker, &b.mem, CONFIG_BROKER);
    b.why = writer_mem(&b.mem);
    *state = &b;
    return 0;
}

static int
teardown(void **state)
{
    struct bench *b = *state;
    config_release(&b->broker);
    mem_release(&b->mem);
    return 0;
}

/* The only one that is set. */
static bool
may_be(struct bench *b, int32_t gcfg, const char *value)
{
    memset(b->values, 0, sizeof b->values);
    b->why.n = 0;
    b->values[gcfg] = slice_cstr(value);
    assert_true(config_check(CONFIG_GROUP, gcfg, b->values[gcfg], NULL));
    return group_config_check(&b->broker, b->values, &b->why);
}

static void
a_broker_bounds_what_groups_set(void **state)
{
    struct bench *b = *state;
    static const struct {
        int32_t gcfg;
        const char *least, *most, *less, *more;
    } rows[] = {
        {K_GCFG_CONSUMER_HEARTBEAT_INTERVAL_MS, "5000", "15000", "4999", "15001"},
        {K_GCFG_CONSUMER_SESSION_TIMEOUT_MS, "45000", "60000", "44999", "60001"},
        {K_GCFG_CONSUMER_ASSIGNMENT_INTERVAL_MS, "0", "15000", NULL, "15001"},
        {K_GCFG_SHARE_HEARTBEAT_INTERVAL_MS, "5000", "15000", "4999", "15001"},
        {K_GCFG_SHARE_SESSION_TIMEOUT_MS, "45000", "60000", "44999", "60001"},
        {K_GCFG_SHARE_RECORD_LOCK_DURATION_MS, "15000", "60000", "14999", "60001"},
        {K_GCFG_SHARE_DELIVERY_COUNT_LIMIT, "2", "10", NULL, "11"},
        {K_GCFG_SHARE_PARTITION_MAX_RECORD_LOCKS, "100", "4000", NULL, "4001"},
        {K_GCFG_SHARE_ASSIGNMENT_INTERVAL_MS, "0", "15000", NULL, "15001"},
        {K_GCFG_STREAMS_HEARTBEAT_INTERVAL_MS, "5000", "15000", "4999", "15001"},
        {K_GCFG_STREAMS_SESSION_TIMEOUT_MS, "45000", "60000", "44999", "60001"},
        {K_GCFG_STREAMS_NUM_STANDBY_REPLICAS, "0", "2", NULL, "3"},
        {K_GCFG_STREAMS_ASSIGNMENT_INTERVAL_MS, "0", "15000", NULL, "15001"},
        {K_GCFG_STREAMS_TASK_OFFSET_INTERVAL_MS, "15000", "2000000000", "14999", NULL},
        {K_GCFG_STREAMS_NUM_WARMUP_REPLICAS, "0", "20", NULL, "21"},
    };
    for (int64_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_true(may_be(b, rows[i].gcfg, rows[i].least));
        assert_true(may_be(b, rows[i].gcfg, rows[i].most));
        if (rows[i].less) assert_false(may_be(b, rows[i].gcfg, rows[i].less));
        if (rows[i].more) assert_false(may_be(b, rows[i].gcfg, rows[i].more));
        assert_true(
            slice_starts(writer_slice(&b->why), k_text(k_group_configs[rows[i].gcfg].name)));
    }
    assert_true(
        config_set(&b->broker, K_CFG_GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS, S("70000"), NULL));
    assert_true(may_be(b, K_GCFG_CONSUMER_SESSION_TIMEOUT_MS, "60001"));
    assert_false(may_be(b, K_GCFG_CONSUMER_SESSION_TIMEOUT_MS, "70001"));
    assert_slice(writer_slice(&b->why), "consumer.session.timeout.ms must not be more than "
                                        "group.consumer.max.session.timeout.ms (70000)");
}

#define NONE (-1)

/* Each bound is the one setting of the broker that it should be: moved by one, it lets that much less through, or more. */
static void
each_bound_is_a_setting_of_the_broker(void **state)
{
    struct bench *b = *state;
    static const struct {
        int32_t gcfg, min, max;
        int64_t least, most;
    } rows[] = {
        {K_GCFG_CONSUMER_HEARTBEAT_INTERVAL_MS, K_CFG_GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS,
         K_CFG_GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS, 5000, 15000},
        {K_GCFG_CONSUMER_SESSION_TIMEOUT_MS, K_CFG_GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS,
         K_CFG_GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS, 45000, 60000},
        {K_GCFG_CONSUMER_ASSIGNMENT_INTERVAL_MS, K_CFG_GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS,
         K_CFG_GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS, 0, 15000},
        {K_GCFG_SHARE_HEARTBEAT_INTERVAL_MS, K_CFG_GROUP_SHARE_MIN_HEARTBEAT_INTERVAL_MS,
         K_CFG_GROUP_SHARE_MAX_HEARTBEAT_INTERVAL_MS, 5000, 15000},
        {K_GCFG_SHARE_SESSION_TIMEOUT_MS, K_CFG_GROUP_SHARE_MIN_SESSION_TIMEOUT_MS,
         K_CFG_GROUP_SHARE_MAX_SESSION_TIMEOUT_MS, 45000, 60000},
        {K_GCFG_SHARE_RECORD_LOCK_DURATION_MS, K_CFG_GROUP_SHARE_MIN_RECORD_LOCK_DURATION_MS,
         K_CFG_GROUP_SHARE_MAX_RECORD_LOCK_DURATION_MS, 15000, 60000},
        {K_GCFG_SHARE_DELIVERY_COUNT_LIMIT, K_CFG_GROUP_SHARE_MIN_DELIVERY_COUNT_LIMIT,
         K_CFG_GROUP_SHARE_MAX_DELIVERY_COUNT_LIMIT, 2, 10},
        {K_GCFG_SHARE_PARTITION_MAX_RECORD_LOCKS, K_CFG_GROUP_SHARE_MIN_PARTITION_MAX_RECORD_LOCKS,
         K_CFG_GROUP_SHARE_MAX_PARTITION_MAX_RECORD_LOCKS, 100, 4000},
        {K_GCFG_SHARE_ASSIGNMENT_INTERVAL_MS, K_CFG_GROUP_SHARE_MIN_ASSIGNMENT_INTERVAL_MS,
         K_CFG_GROUP_SHARE_MAX_ASSIGNMENT_INTERVAL_MS, 0, 15000},
        {K_GCFG_STREAMS_HEARTBEAT_INTERVAL_MS, K_CFG_GROUP_STREAMS_MIN_HEARTBEAT_INTERVAL_MS,
         K_CFG_GROUP_STREAMS_MAX_HEARTBEAT_INTERVAL_MS, 5000, 15000},
        {K_GCFG_STREAMS_SESSION_TIMEOUT_MS, K_CFG_GROUP_STREAMS_MIN_SESSION_TIMEOUT_MS,
         K_CFG_GROUP_STREAMS_MAX_SESSION_TIMEOUT_MS, 45000, 60000},
        {K_GCFG_STREAMS_NUM_STANDBY_REPLICAS, NONE, K_CFG_GROUP_STREAMS_MAX_STANDBY_REPLICAS, 0, 2},
        {K_GCFG_STREAMS_ASSIGNMENT_INTERVAL_MS, K_CFG_GROUP_STREAMS_MIN_ASSIGNMENT_INTERVAL_MS,
         K_CFG_GROUP_STREAMS_MAX_ASSIGNMENT_INTERVAL_MS, 0, 15000},
        {K_GCFG_STREAMS_TASK_OFFSET_INTERVAL_MS, K_CFG_GROUP_STREAMS_MIN_TASK_OFFSET_INTERVAL_MS,
         NONE, 15000, 2000000000},
        {K_GCFG_STREAMS_NUM_WARMUP_REPLICAS, NONE, K_CFG_GROUP_STREAMS_MAX_WARMUP_REPLICAS, 0, 20},
    };
    for (int64_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[24];
        if (rows[i].max != NONE) {
            snprintf(text, sizeof text, "%lld", (long long)rows[i].most + 1);
            assert_false(may_be(b, rows[i].gcfg, text));
            assert_true(config_set(&b->broker, rows[i].max, slice_cstr(text), NULL));
            assert_true(may_be(b, rows[i].gcfg, text));
        }
        if (rows[i].min != NONE) {
            snprintf(text, sizeof text, "%lld", (long long)rows[i].least);
            assert_true(may_be(b, rows[i].gcfg, text));
            snprintf(text, sizeof text, "%lld", (long long)rows[i].least + 1);
            assert_true(config_set(&b->broker, rows[i].min, slice_cstr(text), NULL));
            snprintf(text, sizeof text, "%lld", (long long)rows[i].least);
            assert_false(may_be(b, rows[i].gcfg, text));
        }
    }
}

static void
a_session_is_longer_than_the_time_between_heartbeats(void **state)
{
    struct bench *b = *state;
    assert_true(config_set(&b->broker, K_CFG_GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS, S("1"), NULL));
    assert_true(may_be(b, K_GCFG_CONSUMER_SESSION_TIMEOUT_MS, "5001"));
    assert_false(may_be(b, K_GCFG_CONSUMER_SESSION_TIMEOUT_MS, "5000"));
    b->values[K_GCFG_CONSUMER_SESSION_TIMEOUT_MS] = S("6000");
    b->values[K_GCFG_CONSUMER_HEARTBEAT_INTERVAL_MS] = S("6000");
    assert_false(group_config_check(&b->broker, b->values, &b->why));
    b->values[K_GCFG_CONSUMER_HEARTBEAT_INTERVAL_MS] = S("5999");
    assert_true(group_config_check(&b->broker, b->values, &b->why));
}

static void
words_of_groups_are_checked(void **state)
{
    struct bench *b = *state;
    assert_true(may_be(b, K_GCFG_STREAMS_ASSIGNOR_NAME, "sticky"));
    assert_false(may_be(b, K_GCFG_STREAMS_ASSIGNOR_NAME, "Sticky"));
    assert_true(config_list_n(&b->broker, K_CFG_GROUP_STREAMS_ASSIGNORS) == 1); /* the only one */
    assert_true(may_be(b, K_GCFG_STREAMS_RACK_AWARE_ASSIGNMENT_TAGS, " a, b"));
    assert_true(may_be(b, K_GCFG_STREAMS_RACK_AWARE_ASSIGNMENT_TAGS, ""));
    assert_false(may_be(b, K_GCFG_STREAMS_RACK_AWARE_ASSIGNMENT_TAGS, "a,b, a"));
    assert_true(may_be(b, K_GCFG_ERRORS_DEADLETTERQUEUE_TOPIC_NAME, ""));
    assert_true(may_be(b, K_GCFG_ERRORS_DEADLETTERQUEUE_TOPIC_NAME, "_dead"));
    assert_false(may_be(b, K_GCFG_ERRORS_DEADLETTERQUEUE_TOPIC_NAME, "__dead"));
    assert_true(may_be(b, K_GCFG_SHARE_AUTO_OFFSET_RESET, "by_duration:PT1H"));
    assert_false(
        config_check(CONFIG_GROUP, K_GCFG_SHARE_AUTO_OFFSET_RESET, S("by_duration:-PT1H"), NULL));
    assert_false(config_check(CONFIG_GROUP, K_GCFG_SHARE_AUTO_OFFSET_RESET, S("none"), NULL));
    char many[2 * 300 + 1] = "";
    for (int i = 0; i < 300; i++) many[2 * i] = (char)('a' + i % 26), many[2 * i + 1] = ',';
    many[599] = 0;
    assert_false(may_be(b, K_GCFG_STREAMS_RACK_AWARE_ASSIGNMENT_TAGS, many));
}

static void
without_a_broker_its_defaults_are_the_bounds(void **state)
{
    struct bench *b = *state;
    assert_true(may_be(b, K_GCFG_CONSUMER_SESSION_TIMEOUT_MS, "60000"));
    assert_true(group_config_check(NULL, b->values, &b->why));
    b->values[K_GCFG_CONSUMER_SESSION_TIMEOUT_MS] = S("60001");
    assert_false(group_config_check(NULL, b->values, &b->why));
}

static void
what_was_set_under_other_bounds_is_cut(void **state)
{
    struct bench *b = *state;
    int32_t id = K_GCFG_CONSUMER_SESSION_TIMEOUT_MS;
    assert_int_equal(group_config_clamp(&b->broker, id, 1), 45000);
    assert_int_equal(group_config_clamp(&b->broker, id, 50000), 50000);
    assert_int_equal(group_config_clamp(&b->broker, id, 99999), 60000);
    assert_int_equal(group_config_clamp(&b->broker, K_GCFG_STREAMS_NUM_STANDBY_REPLICAS, 9), 2);
    assert_int_equal(group_config_clamp(&b->broker, K_GCFG_STREAMS_INITIAL_REBALANCE_DELAY_MS, 9),
                     9);
}

static void
a_subscription_names_clients_by_known_kinds(void **state)
{
    struct bench *b = *state;
    static const char *const good[] = {"", "client_id=a.*",
                                       "client_software_name=x, client_source_port = 1"};
    static const char *const bad[] = {"client_id", "client_id=",    "=x",
                                      "no_such=x", "client_id=a=b", "a,client_id=x"};
    for (int64_t i = 0; i < ARRAY_LEN(good); i++)
        assert_true(client_metrics_match_check(slice_cstr(good[i]), &b->why));
    for (int64_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(client_metrics_match_check(slice_cstr(bad[i]), &b->why));
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_broker_bounds_what_groups_set),
        T(each_bound_is_a_setting_of_the_broker),
        T(a_session_is_longer_than_the_time_between_heartbeats),
        T(words_of_groups_are_checked),
        T(without_a_broker_its_defaults_are_the_bounds),
        T(what_was_set_under_other_bounds_is_cut),
        T(a_subscription_names_clients_by_known_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
