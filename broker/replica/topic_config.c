#include "broker/replica/topic_config.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"

/* What is set at run time for a broker (or for all) is what its topics have that set nothing themselves
 * (KIP-226). Only the first of a setting's names can be set so, which has the topic's unit. */
static void
inherit(struct config *own, const struct image *image, struct slice broker)
{
    const struct image_config *c = image_config(image, RESOURCE_BROKER, broker);
    for (int64_t i = 0; c && i < c->values.n; i++) {
        int32_t id = config_id(CONFIG_BROKER, c->values.v[i].name);
        for (int32_t t = 0; id >= 0 && t < own->n; t++)
            if (own->table[t].synonyms[0] == id)
                (void)config_set(own, t, c->values.v[i].value, NULL);
    }
}

/* From the metadata log, the strongest last. The controller has checked them; one that is not known here
 * is not ours to judge. */
static void
dynamic_settings(struct config *own, struct slice topic, const struct image *image,
                 const struct config *broker)
{
    config_init(own, broker->mem, CONFIG_TOPIC);
    struct writer node_id = writer_mem(broker->mem);
    fmt_i64(&node_id, config_i64(broker, K_CFG_NODE_ID));
    inherit(own, image, SLICE_EMPTY);
    inherit(own, image, writer_slice(&node_id));
    writer_release(&node_id);
    const struct image_config *c = image_config(image, RESOURCE_TOPIC, topic);
    for (int64_t i = 0; c && i < c->values.n; i++) {
        int32_t id = config_id(CONFIG_TOPIC, c->values.v[i].name);
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

void
topic_config_load(struct topic_config *t, const struct config *broker, const struct image *image)
{
    struct config own;
    dynamic_settings(&own, t->topic, image, broker);
#define I64(id) topic_config_i64(broker, &own, (id))
    t->log = log_config_default();
    /* The one for tests has no least value, and goes first. */
    int64_t tested_bytes = I64(K_TCFG_INTERNAL_SEGMENT_BYTES);
    t->log.segment_bytes = tested_bytes > 0 ? tested_bytes : I64(K_TCFG_SEGMENT_BYTES);
    t->log.segment_ms = I64(K_TCFG_SEGMENT_MS);
    t->log.segment_jitter_ms = I64(K_TCFG_SEGMENT_JITTER_MS);
    t->log.index_interval_bytes = I64(K_TCFG_INDEX_INTERVAL_BYTES);
    t->log.segment_index_bytes = I64(K_TCFG_SEGMENT_INDEX_BYTES);
    t->log.retention_bytes = I64(K_TCFG_RETENTION_BYTES);
    t->log.retention_ms = I64(K_TCFG_RETENTION_MS);
    t->log.file_delete_delay_ms = I64(K_TCFG_FILE_DELETE_DELAY_MS);
    t->log.flush_messages = I64(K_TCFG_FLUSH_MESSAGES);
    t->log.flush_ms = I64(K_TCFG_FLUSH_MS);
    t->log.producer_expiration_ms = config_i64(broker, K_CFG_PRODUCER_ID_EXPIRATION_MS);
    t->log.log_append_time =
        slice_eq(topic_config_str(broker, &own, K_TCFG_MESSAGE_TIMESTAMP_TYPE), S("LogAppendTime"));
    t->log.compact = topic_config_has(broker, &own, K_TCFG_CLEANUP_POLICY, S("compact"));
    t->log.delete = topic_config_has(broker, &own, K_TCFG_CLEANUP_POLICY, S("delete"));
    t->log.may_have_gaps = true; /* the policy may have been another one before */
    t->log.lag_min_ms = I64(K_TCFG_MIN_COMPACTION_LAG_MS);
    t->log.lag_max_ms = I64(K_TCFG_MAX_COMPACTION_LAG_MS);
    t->log.delete_retention_ms = I64(K_TCFG_DELETE_RETENTION_MS);
    t->log.cleanable_ratio_min = I64(K_TCFG_MIN_CLEANABLE_DIRTY_RATIO);
    t->min_insync_replicas = (int32_t)I64(K_TCFG_MIN_INSYNC_REPLICAS);
    t->max_message_bytes = I64(K_TCFG_MAX_MESSAGE_BYTES);
    t->max_decompressed_record_bytes = I64(K_TCFG_MAX_DECOMPRESSED_MESSAGE_BYTES);
    t->timestamp_before_max_ms = I64(K_TCFG_MESSAGE_TIMESTAMP_BEFORE_MAX_MS);
    t->timestamp_after_max_ms = I64(K_TCFG_MESSAGE_TIMESTAMP_AFTER_MAX_MS);
    t->compression = codec_of(topic_config_str(broker, &own, K_TCFG_COMPRESSION_TYPE));
    t->compression_level = (int32_t)level_of(t->compression, broker, &own);
#undef I64
    config_release(&own);
}
