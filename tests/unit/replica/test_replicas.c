/* replicas.c: when a broker looks at its logs for the first time. */
#include "tests/lib/test.h"

#include "broker/replica/replicas.h"
#include "configs.h"

static void
loaded(void *owner, enum env_err err)
{
    (void)owner, (void)err;
}

/* The first deadline of a broker for which nothing but retention is soon. */
static int64_t
first_retention_s(struct slice interval_ms)
{
    struct env env;
    struct config config;
    struct image image;
    struct env_params params = {.source = test_mem_source(), .memory_ceiling_bytes = 1 << 24};
    env_init(&env, &params);
    config_init(&config, &env.mem, CONFIG_BROKER);
    image_init(&image, &env.mem, env_map_key(&env), NULL, NULL);
    struct slice late = S("1000000000");
    assert_true(config_set(&config, K_CFG_REPLICA_LAG_TIME_MAX_MS, late, NULL));
    assert_true(
        config_set(&config, K_CFG_REPLICA_HIGH_WATERMARK_CHECKPOINT_INTERVAL_MS, late, NULL));
    assert_true(config_set(&config, K_CFG_LOG_CLEANER_BACKOFF_MS, late, NULL));
    if (interval_ms.p)
        assert_true(config_set(&config, K_CFG_LOG_RETENTION_CHECK_INTERVAL_MS, interval_ms, NULL));
    struct replicas_params p = {.node_id = 1,
                                .log_dir = S("data"),
                                .config = &config,
                                .image = &image,
                                .listener = S("PLAINTEXT"),
                                .open_files_max = 10};
    replicas_open(replicas_new(&env, &p), loaded, NULL);
    int64_t at_s = env_next_deadline_ns(&env) / NS_PER_S;
    env_effects_clear(&env);
    env_release(&env);
    return at_s;
}

static void
who_is_restarted_often_deletes_all_the_same(void **state)
{
    (void)state;
    assert_int_equal(first_retention_s(SLICE_NULL), 30);
}

static void
a_short_interval_counts_from_the_start(void **state)
{
    (void)state;
    assert_int_equal(first_retention_s(S("7000")), 7);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_restarted_often_deletes_all_the_same),
        cmocka_unit_test(a_short_interval_counts_from_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
