#include "broker/replica/cleaner_limits.h"

#include "broker/base/check.h"
#include "broker/env/limits.h"

#define MILLION 1000000

/* As in Kafka the buffers and the rate are for all threads together, and half of the io buffer is for reading. */
struct cleaner_limits
cleaner_limits(const struct config *broker, int64_t memory_bytes)
{
    int64_t n = MAX(config_i64(broker, K_CFG_LOG_CLEANER_THREADS), 1);
    int64_t map = config_i64(broker, K_CFG_LOG_CLEANER_DEDUPE_BUFFER_SIZE);
    int64_t window = config_i64(broker, K_CFG_LOG_CLEANER_IO_BUFFER_SIZE) / 2;
    int64_t rate =
        config_i64(broker, K_CFG_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND); /* in millionths */
    return (struct cleaner_limits){
        .is_on = config_bool(broker, K_CFG_LOG_CLEANER_ENABLE),
        .threads = n,
        .backoff_ms = MAX(config_i64(broker, K_CFG_LOG_CLEANER_BACKOFF_MS), 1),
        .map_bytes = MIN(map, memory_bytes / CLEANER_MAP_PART) / n,
        .map_load_millionths = config_i64(broker, K_CFG_LOG_CLEANER_IO_BUFFER_LOAD_FACTOR),
        .window_bytes = MIN(window, memory_bytes / INFLATED_PART) / n,
        .payload_max = memory_bytes / INFLATED_PART,
        .bytes_per_second = rate == INT64_MAX ? 0 : MAX(rate / MILLION / n, 1),
    };
}
