/* What transactions hide from a reader of committed records (KIP-98). It reads up to the *last stable offset*: below that
 * every transaction is decided. With what it reads it is told of the transactions in it that were aborted.
 *
 *        open transaction of producer 7            aborted transaction of producer 9
 *              │                                        │            │ marker
 *     ─────────┴────────────────────────────────────────┴────────────┴──────────┐
 *     0        40 ◄─ last stable offset                 55           70         │ 90: high watermark
 */
#ifndef LOG_STABLE_OFFSET_H
#define LOG_STABLE_OFFSET_H

#include "broker/base/slice.h"

/* A transaction whose marker is in the log. */
struct decided_txn {
    int64_t producer_id, first_offset, marker_offset;
    bool aborted;
};

/* Of one that was aborted: where it began, where its marker lies, and what the last stable offset was once it was
 * decided. */
struct aborted_txn {
    int64_t producer_id, first_offset, last_offset, stable_offset;
};

/* Whether a decided transaction still holds back the readers: its marker may yet be cut off, as long as it is not below
 * the high watermark. */
bool holds_back(const struct decided_txn *t, int64_t high_watermark);

/* first_open: where the earliest transaction began that is open, or -1. The decided ones are in the order of their
 * markers. Never above the high watermark, and not below the log's start: retention does not wait for transactions. */
int64_t stable_offset(int64_t first_open, const struct decided_txn *decided, int64_t n,
                      int64_t log_start, int64_t high_watermark);

/* The aborted transactions that overlap the offsets [from, to), in the order of their markers, into ret; NULL: they are only
 * counted. Returns how many. v is in the order of the markers. It must not walk through all of v: what was decided before
 * from is of no concern, and once a transaction left a stable offset of at least `to`, none that was decided later can
 * have begun below that. */
int64_t aborted_overlapping(const struct aborted_txn *v, int64_t n, int64_t from, int64_t to,
                            struct aborted_txn *ret);

#endif
