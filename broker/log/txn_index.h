/* Transactions that were aborted: what a reader of committed records must leave out. Kept in memory, in the
 * order of their markers; a segment's .txnindex has those whose marker lies in it.
 *
 *     int16 0 │ int64 producer id │ int64 first offset │ int64 offset of the marker │ int64 stable offset
 *
 * The stable offset is the log's once the transaction was decided: a reader below it needs to look no
 * further. */
#ifndef LOG_TXN_INDEX_H
#define LOG_TXN_INDEX_H

#include "broker/base/arena.h"
#include "broker/base/bytes.h"
#include "broker/log/stable_offset.h"

#define TXN_ENTRY_BYTES 34

struct txn_index {
    VEC(struct aborted_txn) v;
};

/* Left out unless its marker comes after all others'. */
void txn_index_add(struct txn_index *x, struct mem *mem, const struct aborted_txn *t);
/* Drops those whose marker lies at or above offset. */
void txn_index_truncate_end(struct txn_index *x, int64_t offset);
void txn_index_truncate_start(struct txn_index *x, int64_t offset);
/* Those that overlap [from, to), in scratch memory. */
int32_t txn_index_collect(const struct txn_index *x, int64_t from, int64_t to, struct arena *a,
                          struct aborted_txn **ret);

/* Those with markers in [from, to). */
void txn_index_print(const struct txn_index *x, int64_t from, int64_t to, struct writer *w);
bool txn_index_parse(struct txn_index *x, struct mem *mem, struct slice text);

#endif
