#include "broker/log/stable_offset.h"

#include "broker/base/check.h"
#include "broker/base/search.h"

bool
holds_back(const struct decided_txn *t, int64_t high_watermark)
{
    return t->marker_offset >= high_watermark;
}

int64_t
stable_offset(int64_t first_open, const struct decided_txn *decided, int64_t n, int64_t log_start,
              int64_t high_watermark)
{
    int64_t unstable = first_open;
    for (int64_t i = 0; i < n; i++) {
        if (!holds_back(&decided[i], high_watermark)) continue;
        if (unstable < 0 || decided[i].first_offset < unstable) unstable = decided[i].first_offset;
    }
    if (unstable < 0) return high_watermark;
    /* Retention does not wait for a transaction: where it began there may be nothing any more. */
    return MIN(MAX(unstable, log_start), high_watermark);
}

/* The first one whose marker lies at or above the offset. */
static int64_t
decided_from(const struct aborted_txn *v, int64_t n, int64_t offset)
{
    LOWER_BOUND(at, n, i, v[i].last_offset < offset);
    return at;
}

int64_t
aborted_overlapping(const struct aborted_txn *v, int64_t n, int64_t from, int64_t to,
                    struct aborted_txn *ret)
{
    int64_t found = 0;
    for (int64_t i = decided_from(v, n, from); i < n; i++) {
        if (v[i].first_offset < to) {
            if (ret) ret[found] = v[i];
            found++;
        }
        if (v[i].stable_offset >= to) break; /* whatever was decided later begins there or above */
    }
    return found;
}
