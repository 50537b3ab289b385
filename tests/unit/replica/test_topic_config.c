#include <stddef.h>

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

/* ---- each setting, of the topic and of the broker ---------------------------------------------- */

#define FIELD(f) \
    { \
        offsetof(struct topic_config, f), sizeof(((struct topic_config *)0)->f) \
    }

static const struct {
    const char *name; /* of a topic's setting, or of a broker's */
    bool of_broker;
    const char *value;
    struct {
        size_t at, bytes;
    } field;
    int64_t want;
} rows[] = {
    {"cleanup.policy", false, "compact", FIELD(log.compact), 1},
    {"cleanup.policy", false, "compact", FIELD(log.delete), 0},
    {"compression.gzip.level", false, "3", FIELD(compression_level), 3},
    {"compression.lz4.level", false, "4", FIELD(compression_level), 4},
    {"compression.zstd.level", false, "5", FIELD(compression_level), 5},
    {"compression.type", false, "snappy", FIELD(compression), CODEC_SNAPPY},
    {"delete.retention.ms", false, "7", FIELD(log.delete_retention_ms), 7},
    {"file.delete.delay.ms", false, "7", FIELD(log.file_delete_delay_ms), 7},
    {"flush.messages", false, "7", FIELD(log.flush_messages), 7},
    {"flush.ms", false, "7", FIELD(log.flush_ms), 7},
    {"index.interval.bytes", false, "7", FIELD(log.index_interval_bytes), 7},
    {"max.compaction.lag.ms", false, "7", FIELD(log.lag_max_ms), 7},
    {"max.decompressed.message.bytes", false, "7", FIELD(max_decompressed_record_bytes), 7},
    {"max.message.bytes", false, "7", FIELD(max_message_bytes), 7},
    {"message.timestamp.after.max.ms", false, "7", FIELD(timestamp_after_max_ms), 7},
    {"message.timestamp.before.max.ms", false, "7", FIELD(timestamp_before_max_ms), 7},
    {"message.timestamp.type", false, "LogAppendTime", FIELD(log.log_append_time), 1},
    {"min.cleanable.dirty.ratio", false, "0.25", FIELD(log.cleanable_ratio_min), 250000},
    {"min.compaction.lag.ms", false, "7", FIELD(log.lag_min_ms), 7},
    {"min.insync.replicas", false, "7", FIELD(min_insync_replicas), 7},
    {"retention.bytes", false, "7", FIELD(log.retention_bytes), 7},
    {"retention.ms", false, "7", FIELD(log.retention_ms), 7},
    {"segment.bytes", false, "2000000", FIELD(log.segment_bytes), 2000000},
    {"internal.segment.bytes", false, "7", FIELD(log.segment_bytes), 7},
    {"segment.index.bytes", false, "7", FIELD(log.segment_index_bytes), 7},
    {"segment.jitter.ms", false, "7", FIELD(log.segment_jitter_ms), 7},
    {"segment.ms", false, "7", FIELD(log.segment_ms), 7},
    {"compression.gzip.level", true, "3", FIELD(compression_level), 3},
    {"compression.lz4.level", true, "4", FIELD(compression_level), 4},
    {"compression.zstd.level", true, "5", FIELD(compression_level), 5},
    {"compression.type", true, "snappy", FIELD(compression), CODEC_SNAPPY},
    {"log.cleaner.delete.retention.ms", true, "7", FIELD(log.delete_retention_ms), 7},
    {"log.cleaner.max.compaction.lag.ms", true, "7", FIELD(log.lag_max_ms), 7},
    {"log.cleaner.min.cleanable.ratio", true, "0.25", FIELD(log.cleanable_ratio_min), 250000},
    {"log.cleaner.min.compaction.lag.ms", true, "7", FIELD(log.lag_min_ms), 7},
    {"log.cleanup.policy", true, "compact,delete", FIELD(log.compact), 1},
    {"log.flush.interval.messages", true, "7", FIELD(log.flush_messages), 7},
    {"log.flush.interval.ms", true, "7", FIELD(log.flush_ms), 7},
    {"log.index.interval.bytes", true, "7", FIELD(log.index_interval_bytes), 7},
    {"log.index.size.max.bytes", true, "7", FIELD(log.segment_index_bytes), 7},
    {"log.message.timestamp.after.max.ms", true, "7", FIELD(timestamp_after_max_ms), 7},
    {"log.message.timestamp.before.max.ms", true, "7", FIELD(timestamp_before_max_ms), 7},
    {"log.message.timestamp.type", true, "LogAppendTime", FIELD(log.log_append_time), 1},
    {"log.retention.bytes", true, "7", FIELD(log.retention_bytes), 7},
    {"log.retention.hours", true, "7", FIELD(log.retention_ms), 7 * 3600000},
    {"log.retention.minutes", true, "7", FIELD(log.retention_ms), 7 * 60000},
    {"log.retention.ms", true, "7", FIELD(log.retention_ms), 7},
    {"log.roll.hours", true, "7", FIELD(log.segment_ms), 7 * 3600000},
    {"log.roll.jitter.hours", true, "7", FIELD(log.segment_jitter_ms), 7 * 3600000},
    {"log.roll.jitter.ms", true, "7", FIELD(log.segment_jitter_ms), 7},
    {"log.roll.ms", true, "7", FIELD(log.segment_ms), 7},
    {"log.segment.bytes", true, "2000000", FIELD(log.segment_bytes), 2000000},
    {"log.segment.delete.delay.ms", true, "7", FIELD(log.file_delete_delay_ms), 7},
    {"max.decompressed.message.bytes", true, "7", FIELD(max_decompressed_record_bytes), 7},
    {"message.max.bytes", true, "7", FIELD(max_message_bytes), 7},
    {"min.insync.replicas", true, "7", FIELD(min_insync_replicas), 7},
    {"producer.id.expiration.ms", true, "7", FIELD(log.producer_expiration_ms), 7},
};

static int64_t
field_of(const struct topic_config *t, int i)
{
    const uint8_t *p = (const uint8_t *)t + rows[i].field.at;
    int64_t i64;
    int32_t i32;
    if (rows[i].field.bytes == 1) return *p;
    if (rows[i].field.bytes == 4) return memcpy(&i32, p, 4), i32;
    return memcpy(&i64, p, 8), i64;
}

static void
each_setting_of_topics_and_brokers_is_heeded(void **state)
{
    for (int i = 0; i < ARRAY_LEN(rows); i++) {
        struct slice name = slice_cstr(rows[i].name), value = slice_cstr(rows[i].value);
        (void)end(state), (void)begin(state);
        /* A level is that of the codec which is chosen. */
        if (slice_ends(name, S(".level")))
            set(RESOURCE_TOPIC, S("orders"), S("compression.type"),
                slice_starts(name, S("compression.gzip"))  ? S("gzip")
                : slice_starts(name, S("compression.lz4")) ? S("lz4")
                                                           : S("zstd"));
        struct topic_config before = load();
        assert_true(field_of(&before, i) != rows[i].want);
        if (rows[i].of_broker)
            assert_true(config_set(&broker, config_id(CONFIG_BROKER, name), value, NULL));
        else set(RESOURCE_TOPIC, S("orders"), name, value);
        struct topic_config after = load();
        if (field_of(&after, i) != rows[i].want) fail_msg("%s is not heeded", rows[i].name);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_nearer_to_the_topic_counts),
        CASE(hours_in_the_file_give_way_to_milliseconds_at_run_time),
        CASE(the_clusters_min_isr_is_the_topics),
        CASE(each_setting_of_topics_and_brokers_is_heeded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
