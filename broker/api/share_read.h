/* What of the batches that were read a member is given. */
#ifndef API_SHARE_READ_H
#define API_SHARE_READ_H

#include "broker/share/share_partition.h"

struct share_range {
    int64_t first, last;
    int16_t count;
};

struct share_read {
    int64_t from, limit; /* it was read from there; nothing from the limit on */
    int32_t records_max, batch_size;
    bool is_strict;
    struct buf *holder;
    struct buf *buf; /* whole batches; NULL: there was nothing to be read below the limit */
    struct arena *arena;
};

/* Ranges of at most about batch_size records, each of whole batches if possible: what a client acknowledges in one go.
 * *ret_bytes: the batches with them, in buf. */
int32_t share_read_acquire(const struct share_read *r, struct share_partition *sp,
                           struct share_range **ret, struct slice *ret_bytes);

#endif
