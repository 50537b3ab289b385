/* Transactions, as a cleaning passes over a log from its beginning: whose data was aborted and goes, and of which
 * markers nothing is left that they end (KAFKA-5336).
 *
 * What was aborted is known beforehand, from the aborted index: a batch comes long before its marker. A marker
 * stays as long as the same pass has seen a batch of its transaction before it, even one that it drops: whoever
 * reads the log as it was must find the end of what he began. And as long as the marker of an aborted
 * transaction stays, so does its entry in the index (KAFKA-13727): readers of a copy of the log that was
 * not cleaned so far are told what to leave out. */
#ifndef LOG_CLEAN_TXNS_H
#define LOG_CLEAN_TXNS_H

#include "broker/base/map.h"
#include "broker/log/txn_index.h"
#include "broker/record/batch.h"

struct clean_txns {
    struct mem *mem;
    struct map ongoing;              /* struct clean_txn by producer id */
    VEC(struct aborted_txn) aborted; /* by first offset; those … */
    int64_t next;                    /* … from here on have not begun */
    VEC(struct aborted_txn) kept; /* whose marker stays, though it may be without data: in order */
};

void clean_txns_init(struct clean_txns *t, struct mem *mem, struct siphash_key key,
                     const struct txn_index *index);
void clean_txns_release(struct clean_txns *t);
/* The next batch with data. True: its transaction was aborted. */
bool clean_txns_data(struct clean_txns *t, const struct batch_header *h);
/* The next control batch; type: enum control_type, or -1 if it has no record any more. True: nothing of its
 * transaction is left. */
bool clean_txns_marker(struct clean_txns *t, const struct batch_header *h, int16_t type);

#endif
