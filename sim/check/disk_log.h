/* What a node's log really is, read from its disk: after a power loss the notes cannot know. */
#ifndef SIM_CHECK_DISK_LOG_H
#define SIM_CHECK_DISK_LOG_H

#include "broker/base/mem.h"
#include "sim/world/fault.h"

struct found {
    int64_t base, last;
    int32_t epoch;
    uint32_t crc;
};

struct found_log {
    VEC(struct found) v;
};

/* The batches of "orders-0" in order, as far as they are whole. A gap that begins at or above `gaps_below` ends
 * the log: what a power loss has left behind a place that was not synced is no part of it. A gap below is where files
 * are missing, and what follows counts. */
void disk_log_read(struct mem *mem, struct machine *m, struct slice subject, int64_t gaps_below,
                   struct found_log *ret);

#endif
