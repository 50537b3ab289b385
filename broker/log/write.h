/* What was appended and waits for its write. */
#ifndef LOG_WRITE_H
#define LOG_WRITE_H

#include "broker/log/internal.h"

/* One batch: its patched header and its payload, or as it came. */
struct chunk {
    struct list node; /* log->appended */
    struct segment *segment;
    int64_t position, bytes;
    int64_t end_offset;
    int32_t segs_n;
    struct seg segs[2];
};

#endif
