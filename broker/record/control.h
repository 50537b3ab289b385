/* Control batches: one or more records that say something about the log instead of carrying data. The
 * record's key tells which; clients never see them. */
#ifndef RECORD_CONTROL_H
#define RECORD_CONTROL_H

#include "broker/record/builder.h"

enum control_type {
    CONTROL_ABORT = 0, /* ends a transaction (KIP-98) */
    CONTROL_COMMIT = 1,
    CONTROL_LEADER_CHANGE = 2, /* the rest: of the raft log (KIP-595, 630, 853) */
    CONTROL_SNAPSHOT_HEADER = 3,
    CONTROL_SNAPSHOT_FOOTER = 4,
    CONTROL_KRAFT_VERSION = 5,
    CONTROL_KRAFT_VOTERS = 6,
};

/* False if it is no control key. Types that are not in the enum are given as they are: a reader skips
 * them. */
bool control_key_parse(struct slice key, int16_t *ret_type);
#define CONTROL_KEY_BYTES 4

/* The end of a transaction: value of ABORT and COMMIT. */
bool end_txn_parse(struct slice value, int32_t *ret_coordinator_epoch);
#define END_TXN_BYTES 6

/* Adds a control record and marks the batch. value: the encoded struct (the raft ones come from the
 * codec). */
void builder_add_control(struct batch_builder *b, enum control_type type, int64_t timestamp,
                         struct slice value);
/* A control batch that ends a transaction. */
struct marker {
    bool commit;
    int32_t coordinator_epoch;
};
/* False: the batch is another one, or broken. batch: all of it. */
bool marker_parse(const struct batch_header *h, struct slice batch, struct marker *ret);
/* A whole marker batch. */
struct buf *end_txn_batch(enum crc32c_impl impl, struct mem *mem, bool commit, int64_t timestamp,
                          int64_t producer_id, int16_t producer_epoch, int32_t coordinator_epoch);

#endif
