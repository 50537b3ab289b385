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

/* The batches of "orders-0" in order, as far as they are whole. */
void disk_log_read(struct mem *mem, struct machine *m, struct slice subject, struct found_log *ret);

#endif
