#include "tests/lib/test.h"

#include "broker/base/arena.h"
#include "broker/protocol/record_frame.h"
#include "broker/replica/topic_config.h"
#include "configs.h"
#include "messages.h"

static struct mem mem;
static struct arena scratch;
static struct image image;
static struct config broker;
static int64_t next_offset;

static int
begin(void **state)
{
    (void)state;
    test_mem_init(&mem);
    arena_init(&scratch, &mem, 0);
    image_init(&image, &mem, (struct siphash_key){1, 2}, NULL, NULL);
    config_init(&broker, &mem, CONFIG_BROKER);
    assert_true(config_set(&broker, K_CFG_NODE_ID, S("7"), NULL));
    next_offset = 0;
    return 0;
}

static int
end(void **state)
{
    (void)state;
    config_release(&broker);
    image_release(&image);
    arena_release(&scratch);
    assert_int_equal(mem.used_bytes, 0);
    mem_release(&mem);
    return 0;
}

/* The metadata log says so; null takes it back. */
static void
set(int8_t type, struct slice resource, struct slice name, struct slice value)
{
    struct writer w = writer_mem(&mem);
    struct k_config_record r = {
        .resource_type = type, .resource_name = resource, .name = name, .value = value};
    assert_true(metadata_record_write(&w, K_MSG_CONFIG_RECORD, 0, &r, NULL));
    assert_null(image_apply(&image, writer_slice(&w), next_offset, 0, &scratch));
    image_batch_end(&image, next_offset++, 0);
    writer_release(&w);
}

static struct topic_config
load(void)
{
    struct topic_config t = {.topic = S("orders")};
    topic_config_load(&t, &broker, &image);
    return t;
}

/* KIP-226: topic, this broker at run time, all brokers at run time, this broker's file, default. */
static void
what_is_nearer_to_the_topic_counts(void **state)
{
    (void)state;
    assert_int_equal(load().max_message_bytes, 1048588);
    assert_true(config_set(&broker, K_CFG_MESSAGE_MAX_BYTES, S("2000"), NULL));
    assert_int_equal(load().max_message_bytes, 2000);
    set(RESOURCE_BROKER, SLICE_EMPTY, S("message.max.bytes"), S("3000"));
    assert_int_equal(load().max_message_bytes, 3000);
    set(RESOURCE_BROKER, S("8"), S("message.max.bytes"), S("9000")); /* another one's */
    assert_int_equal(load().max_message_bytes, 3000);
    set(RESOURCE_BROKER, S("7"), S("message.max.bytes"), S("4000"));
    assert_int_equal(load().max_message_bytes, 4000);
    set(RESOURCE_TOPIC, S("orders"), S("max.message.bytes"), S("5000"));
    assert_int_equal(load().max_message_bytes, 5000);
    set(RESOURCE_TOPIC, S("orders"), S("max.message.bytes"), SLICE_NULL);
    set(RESOURCE_BROKER, S("7"), S("message.max.bytes"), SLICE_NULL);
    assert_int_equal(load().max_message_bytes, 3000);
}

static void
hours_in_the_file_give_way_to_milliseconds_at_run_time(void **state)
{
    (void)state;
    assert_true(config_set(&broker, K_CFG_LOG_RETENTION_HOURS, S("2"), NULL));
    assert_int_equal(load().log.retention_ms, 7200000);
    set(RESOURCE_BROKER, SLICE_EMPTY, S("log.retention.ms"), S("1000"));
    assert_int_equal(load().log.retention_ms, 1000);
}

static void
the_clusters_min_isr_is_the_topics(void **state)
{
    (void)state;
    assert_int_equal(load().min_insync_replicas, 1);
    set(RESOURCE_BROKER, SLICE_EMPTY, S("min.insync.replicas"), S("2"));
    assert_int_equal(load().min_insync_replicas, 2);
    set(RESOURCE_TOPIC, S("orders"), S("min.insync.replicas"), S("3"));
    assert_int_equal(load().min_insync_replicas, 3);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_nearer_to_the_topic_counts),
        CASE(hours_in_the_file_give_way_to_milliseconds_at_run_time),
        CASE(the_clusters_min_isr_is_the_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
