/* Up to where a partition's records are deleted for good (KIP-107). A leader that has deleted records may be
 * followed by a replica that has them still; with it they would come back. So a deletion counts when every
 * live replica has told, in a fetch, that its own log begins there. */
#ifndef REPLICA_LOW_WATERMARK_H
#define REPLICA_LOW_WATERMARK_H

#include <stdbool.h>
#include <stdint.h>

struct replica_start {
    int64_t log_start; /* as of its last fetch; -1: it has not told yet */
    bool is_live;      /* registered and not fenced */
};

int64_t low_watermark(int64_t leader_start, const struct replica_start *followers, int32_t n);

#endif
