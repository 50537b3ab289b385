/* Segment files that are there no more: removed by hand, or lost by the file system. What remains is kept: as
 * in Kafka, a log may have gaps, and who reads in one gets the next batch behind it. Pure. */
#ifndef LOG_MISSING_SEGMENTS_H
#define LOG_MISSING_SEGMENTS_H

#include <stdbool.h>
#include <stdint.h>

/* Offsets from `from` to `to`, exclusive, whose records are gone, while what follows them is there. */
struct log_hole {
    int64_t from, to;
};

/* What is known of a gap when a log is opened. */
struct gap_facts {
    bool stopped_in_order;  /* the last time */
    bool compact;           /* there gaps are nothing unusual */
    int64_t expected;       /* the offset after the batch before the gap */
    int64_t recovery_point; /* what lies below was synced */
};

/* Does the log go on behind the gap, or end before it? */
bool gap_is_kept(const struct gap_facts *f);

#endif
