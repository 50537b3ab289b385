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

/* "…/orders-0/00000000000000000000.log": is this file one of that log, with this suffix, and where does it begin? */
bool disk_log_is_file(struct slice path, struct slice subject, struct slice suffix,
                      int64_t *ret_base);
/* The batches of "orders-0" in order, as far as they are whole. A gap that begins at or above `gaps_below` ends
 * the log: what a power loss has left behind a place that was not synced is no part of it. A gap below is where files
 * are missing, and what follows counts. */
void disk_log_read(struct mem *mem, struct machine *m, struct slice subject, bool is_compacted,
                   int64_t gaps_below, struct found_log *ret);
/* The same, batch by batch, with all their bytes. */
enum disk_log {
    DISK_LOG_PLAIN,
    DISK_LOG_COMPACTED, /* gaps within a segment, and a cleaned one that is on its way into others' place */
    DISK_LOG_SERVES, /* compacted, and its node is up: what it reads, recovery would do or not */
};
void disk_log_walk(struct mem *mem, struct machine *m, struct slice subject, enum disk_log how,
                   int64_t gaps_below,
                   void (*fn)(void *ctx, const struct found *f, struct slice batch), void *ctx);

#endif
