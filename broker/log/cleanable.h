/* Which part of a compacted log may be cleaned, and whether it is worth it.
 *
 *     start         first dirty       first uncleanable       active segment
 *       ├──── clean ─────┼───── cleanable ───┼──── too young ──────┼───────►
 *
 * Clean is what earlier cleanings have seen (cleaner-offset-checkpoint). Not cleanable is the active segment, what
 * is not synced yet (a power loss that takes a value must find the one that it was to replace: that a cleaning took it is durable
 * at once; a follower far behind knows a high watermark above even what is written), what is not below the last stable offset, and so not below the high watermark (KAFKA-13194: a value that is not
 * committed must not remove one that is), and what is younger than min.compaction.lag.ms (KIP-58). A log is due when
 * enough of it is dirty (min.cleanable.dirty.ratio), or when something dirty is older than
 * max.compaction.lag.ms (KIP-354). Pure. */
#ifndef LOG_CLEANABLE_H
#define LOG_CLEANABLE_H

#include "broker/base/slice.h"

struct cleanable_segment {
    int64_t base_offset, size_bytes;
    int64_t newest_ms; /* its greatest timestamp, or else the last writing to it */
    int64_t first_ms;  /* of its first batch; -1 unknown, or without timestamp */
};

struct cleanable_facts {
    const struct cleanable_segment *segments; /* all of the log; the last one is active */
    int64_t segments_n;
    int64_t start_offset, end_offset;
    int64_t cleaned_to; /* -1: never cleaned */
    int64_t stable_offset;
    int64_t now_ms;
    int64_t lag_min_ms, lag_max_ms;
};

struct cleanable {
    int64_t first_dirty, first_uncleanable;
    int64_t clean_bytes, dirty_bytes; /* dirty: of what is cleanable */
    bool is_overdue;                  /* max.compaction.lag.ms has passed */
    bool is_reset;                    /* cleaned_to was not in the log: it began anew */
    int64_t cuts; /* the log's, when it was looked at: cut since then it is another one */
};

void cleanable_find(const struct cleanable_facts *f, struct cleanable *ret);
/* Is it to be cleaned now? */
bool cleanable_is_due(const struct cleanable *c, int64_t ratio_min_millionths);
/* Which of two is dirtier: by its share of dirty bytes. */
bool cleanable_is_dirtier(const struct cleanable *a, const struct cleanable *b);

#endif
