/* The settings of one topic, as the log and the leader use them: the topic's own over what is set at run
 * time for this broker, over that for all, over the broker's file (log.… names), over the defaults. Shared by the topic's partitions; kept up to date. */
#ifndef REPLICA_TOPIC_CONFIG_H
#define REPLICA_TOPIC_CONFIG_H

#include "broker/log/commitlog.h"
#include "broker/metadata/image.h"
#include "broker/protocol/config.h"

struct topic_config {
    struct map_node by_name;
    struct slice topic;
    struct log_config log;
    int32_t min_insync_replicas;
    int64_t max_message_bytes, max_decompressed_record_bytes;
    int64_t timestamp_before_max_ms, timestamp_after_max_ms;
    int32_t compression;       /* enum codec, or COMPRESSION_PRODUCER */
    int32_t compression_level; /* 0: the codec's default */
};

#define COMPRESSION_PRODUCER (-1)

/* Reads everything anew. */
void topic_config_load(struct topic_config *t, const struct config *broker,
                       const struct image *image);

#endif
