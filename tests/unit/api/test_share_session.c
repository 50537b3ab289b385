/* Share sessions: which requests go on in one, what they name and forget, how many there may be. */
#include "broker/api/share_session.h"
#include "errors.h"
#include "tests/lib/test.h"

static struct env env;
static struct config config;
static struct image image;
static struct share_parts parts;
static struct share_sessions all;
static struct list conn;

static int
begin(void **state)
{
    (void)state;
    struct env_params p = {.source = test_mem_source(), .memory_ceiling_bytes = 1LL << 30};
    env_init(&env, &p);
    config_init(&config, &env.mem, CONFIG_BROKER);
    image_init(&image, &env.mem, env.seed, NULL, NULL);
    struct share_parts_params sp = {.env = &env, .image = &image};
    share_parts_init(&parts, &sp);
    share_sessions_init(&all, &env, &config, &parts);
    list_init(&conn);
    return 0;
}

static int
end(void **state)
{
    (void)state;
    env_release(&env);
    return 0;
}

static void
epochs_are_counted(void **state)
{
    (void)state;
    assert_int_equal(share_session_check(-1, 0), 0);
    assert_int_equal(share_session_check(7, 0), 0);
    assert_int_equal(share_session_check(-1, 3), K_ERR_SHARE_SESSION_NOT_FOUND);
    assert_int_equal(share_session_check(-1, -1), K_ERR_SHARE_SESSION_NOT_FOUND);
    assert_int_equal(share_session_check(3, 3), 0);
    assert_int_equal(share_session_check(3, 2), K_ERR_INVALID_SHARE_SESSION_EPOCH);
    assert_int_equal(share_session_check(3, -1), 0);
    assert_int_equal(share_session_next_epoch(0), 1);
    assert_int_equal(share_session_next_epoch(INT32_MAX), 1);
}

static void
a_session_goes_with_its_connection(void **state)
{
    (void)state;
    struct share_session *s = share_session_new(&all, S("g"), S("a"), &conn);
    assert_ptr_equal(share_session_find(&all, S("g"), S("a")), s);
    assert_null(share_session_find(&all, S("g"), S("b")));
    assert_null(share_session_find(&all, S("h"), S("a")));
    /* The member begins anew. */
    assert_non_null(share_session_new(&all, S("g"), S("a"), &conn));
    assert_int_equal(all.by_id.n, 1);
    assert_non_null(share_session_new(&all, S("g"), S("b"), &conn));
    share_sessions_end_of(&conn);
    assert_int_equal(all.by_id.n, 0);
}

static void
there_is_a_limit(void **state)
{
    (void)state;
    assert_true(config_set(&config, K_CFG_GROUP_SHARE_MAX_SHARE_SESSIONS, S("1"), NULL));
    assert_non_null(share_session_new(&all, S("g"), S("a"), &conn));
    assert_null(share_session_new(&all, S("g"), S("b"), &conn));
    assert_non_null(share_session_new(&all, S("g"), S("a"), &conn));
    share_sessions_end_of(&conn);
}

static void
what_is_named_stays_until_it_is_forgotten(void **state)
{
    (void)state;
    struct share_session *s = share_session_new(&all, S("g"), S("a"), &conn);
    struct k_share_fetch_request_fetch_partition of[] = {
        {.partition_index = 0}, {.partition_index = 1}, {.partition_index = 0}};
    struct k_share_fetch_request_fetch_topic topic = {
        .topic_id = {{1}}, .partitions = of, .partitions_n = 3};
    int32_t forgotten[] = {0, 7};
    struct k_share_fetch_request_forgotten_topic gone = {
        .topic_id = {{1}}, .partitions = forgotten, .partitions_n = 2};
    struct k_share_fetch_request q = {.topics = &topic, .topics_n = 1};
    assert_true(share_session_take(s, &q));
    assert_int_equal(s->parts.n, 2);
    q = (struct k_share_fetch_request){.forgotten_topics_data = &gone,
                                       .forgotten_topics_data_n = 1};
    assert_true(share_session_take(s, &q));
    assert_int_equal(s->parts.n, 1);
    assert_int_equal(s->parts.v[0].partition, 1);
    share_session_end(s);
}

#define CASE(x) cmocka_unit_test_setup_teardown(x, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(epochs_are_counted),
        CASE(a_session_goes_with_its_connection),
        CASE(there_is_a_limit),
        CASE(what_is_named_stays_until_it_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
