/* What a cleaning may take, from log.cleaner.* and the memory of the node. Read anew each time: Kafka lets them be
 * changed at run time. Pure. */
#ifndef REPLICA_CLEANER_LIMITS_H
#define REPLICA_CLEANER_LIMITS_H

#include "broker/protocol/config.h"

struct cleaner_limits {
    bool is_on;
    int64_t threads; /* cleanings at a time */
    int64_t backoff_ms;
    /* Of each of them. */
    int64_t map_bytes, map_load_millionths, window_bytes, payload_max;
    int64_t bytes_per_second; /* 0: as fast as it can */
};

struct cleaner_limits cleaner_limits(const struct config *broker, int64_t memory_bytes);

#endif
