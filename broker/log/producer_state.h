/* What a partition's log knows of each producer that wrote to it with an id: its epoch, its last five
 * batches, and the transaction it has open (KIP-98). It is a function of the log: folding the batches
 * from a snapshot on gives it again. */
#ifndef LOG_PRODUCER_STATE_H
#define LOG_PRODUCER_STATE_H

#include "broker/base/map.h"
#include "broker/log/marker_check.h"
#include "broker/log/sequence_check.h"
#include "broker/log/txn_index.h"
#include "broker/log/verification.h"
#include "broker/record/control.h"

struct producer {
    struct map_node node;
    struct producer_window window;
    int32_t coordinator_epoch; /* of the last marker, -1: none */
    int64_t last_timestamp;
    int64_t txn_first_offset; /* -1: none open */
    struct list open;         /* among those with a transaction, by first offset */
};

struct producer_state {
    struct mem *mem;
    struct map map;
    struct list open;
    VEC(struct decided_txn) decided;    /* that hold back the stable offset, by marker */
    struct verifications verifications; /* not a function of the log, and not kept with it */
};

struct producer_state *producer_state_new(struct mem *mem, struct siphash_key key);
void producer_state_free(struct producer_state *s);

/* NULL when unknown. */
struct producer *producer_find(const struct producer_state *s, int64_t producer_id);
/* How a client's batch fits in; *ret_duplicate is the original. */
enum sequence_verdict producer_check(const struct producer_state *s, const struct batch_header *h,
                                     struct producer_batch *ret_duplicate, bool *ret_txn_is_wrong);
/* Whether this producer epoch has a transaction open. */
bool producer_is_in_txn(const struct producer_state *s, int64_t producer_id, int16_t epoch);
enum marker_verdict producer_check_marker(const struct producer_state *s,
                                          const struct batch_header *h, const struct marker *m,
                                          int8_t txn_version);
/* Whether a client's batch may open a transaction on this guard. */
enum sequence_verdict producer_check_guard(const struct producer_state *s,
                                           const struct batch_header *h, uint64_t guard,
                                           bool *ret_is_unverified);
/* The next batch of the log. head: the batch from its header on (of control batches, whole). */
/* True: it ended a transaction by aborting it. */
bool producer_apply(struct producer_state *s, const struct batch_header *h, struct slice head,
                    struct aborted_txn *ret_aborted);
/* The last stable offset. Forgets decided transactions that hold back nobody any more. */
int64_t producer_stable_offset(struct producer_state *s, int64_t log_start, int64_t high_watermark);
/* Forgets producers without open transaction whose last batch is older, and verifications that nobody came
 * back to. */
void producer_expire(struct producer_state *s, int64_t before_ms);

/* .snapshot: int16 1, uint32 CRC32C of what follows, int32 count, entries of 46 bytes, ordered by
 * producer id. An entry tells of the producer's last batch. Then, if any has more of them: int32 count;
 * of each int64 producer id, int32 count and its earlier batches of 24 bytes, oldest first. */
void producer_snapshot_print(const struct producer_state *s, enum crc32c_impl impl,
                             struct writer *w);
/* Into an empty state. False: not a valid snapshot; the state is then empty. */
bool producer_snapshot_parse(struct producer_state *s, enum crc32c_impl impl, struct slice text);

#endif
