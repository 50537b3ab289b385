#include "broker/replica/topic_config.h"

#include "broker/base/check.h"

/* The topic's own settings, from the metadata log. */
static void
own_settings(struct config *own, struct slice topic, const struct image *image, struct mem *mem)
{
    config_init(own, mem, CONFIG_TOPIC);
    const struct image_config *c = image_config(image, RESOURCE_TOPIC, topic);
    for (int64_t i = 0; c && i < c->values.n; i++) {
        int32_t id = config_id(CONFIG_TOPIC, c->values.v[i].name);
        /* The controller has checked them; one that is not known here is not ours to judge. */
        if (id >= 0) (void)config_set(own, id, c->values.v[i].value, NULL);
    }
}

static int32_t
codec_of(struct slice name)
{
    static const char *const names[] = {
        [CODEC_NONE] = "uncompressed", [CODEC_GZIP] = "gzip", [CODEC_SNAPPY] = "snappy",
        [CODEC_LZ4] = "lz4",           [CODEC_ZSTD] = "zstd",
    };
    for (int32_t i = 0; i < ARRAY_LEN(names); i++)
        if (slice_eq(name, slice_cstr(names[i]))) return i;
    return COMPRESSION_PRODUCER;
}

/* KIP-390. */
static int64_t
level_of(int32_t codec, const struct config *broker, const struct config *own)
{
    switch (codec) {
    case CODEC_GZIP: return MAX(topic_config_i64(broker, own, K_TCFG_COMPRESSION_GZIP_LEVEL), 0);
    case CODEC_LZ4: return topic_config_i64(broker, own, K_TCFG_COMPRESSION_LZ4_LEVEL);
    case CODEC_ZSTD: return topic_config_i64(broker, own, K_TCFG_COMPRESSION_ZSTD_LEVEL);
    default: return 0;
    }
}

/* Dynamic settings of this broker or of all may set min.insync.replicas (KIP-966 makes it a cluster's
 * setting at bootstrap). */
static int64_t
min_isr(const struct config *broker, const struct config *own, const struct image *image)
{
    if (config_is_set(own, K_TCFG_MIN_INSYNC_REPLICAS))
        return config_i64(own, K_TCFG_MIN_INSYNC_REPLICAS);
    struct slice v =
        image_config_value(image, RESOURCE_BROKER, SLICE_EMPTY, S("min.insync.replicas"));
    int64_t n;
    if (v.p && slice_to_i64(v, &n)) return n;
    return config_i64(broker, K_CFG_MIN_INSYNC_REPLICAS);
}

void
topic_config_load(struct topic_config *t, const struct config *broker, const struct image *image)
{
    struct config own;
    own_settings(&own, t->topic, image, broker->mem);
#define I64(id) topic_config_i64(broker, &own, (id))
    t->log = log_config_default();
    t->log.segment_bytes = I64(K_TCFG_SEGMENT_BYTES);
    t->log.segment_ms = I64(K_TCFG_SEGMENT_MS);
    t->log.index_interval_bytes = I64(K_TCFG_INDEX_INTERVAL_BYTES);
    t->log.segment_index_bytes = I64(K_TCFG_SEGMENT_INDEX_BYTES);
    t->log.retention_bytes = I64(K_TCFG_RETENTION_BYTES);
    t->log.retention_ms = I64(K_TCFG_RETENTION_MS);
    t->log.file_delete_delay_ms = I64(K_TCFG_FILE_DELETE_DELAY_MS);
    t->log.flush_messages = I64(K_TCFG_FLUSH_MESSAGES);
    t->log.producer_expiration_ms = config_i64(broker, K_CFG_PRODUCER_ID_EXPIRATION_MS);
    t->log.log_append_time = slice_eq(topic_config_str(broker, &own, K_TCFG_MESSAGE_TIMESTAMP_TYPE),
                                      S("LogAppendTime"));
    t->log.compact = topic_config_has(broker, &own, K_TCFG_CLEANUP_POLICY, S("compact"));
    t->log.delete = topic_config_has(broker, &own, K_TCFG_CLEANUP_POLICY, S("delete"));
    t->min_insync_replicas = (int32_t)min_isr(broker, &own, image);
    t->max_message_bytes = I64(K_TCFG_MAX_MESSAGE_BYTES);
    t->timestamp_before_max_ms = I64(K_TCFG_MESSAGE_TIMESTAMP_BEFORE_MAX_MS);
    t->timestamp_after_max_ms = I64(K_TCFG_MESSAGE_TIMESTAMP_AFTER_MAX_MS);
    t->compression = codec_of(topic_config_str(broker, &own, K_TCFG_COMPRESSION_TYPE));
    t->compression_level = (int32_t)level_of(t->compression, broker, &own);
#undef I64
    config_release(&own);
}
