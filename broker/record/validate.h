/* What the leader of a partition demands of a batch that a client produces, and what it changes in it.
 * First the header, which needs no decompression; then the records. Replicated and raft batches do not
 * pass here: followers check only that they are whole. */
#ifndef RECORD_VALIDATE_H
#define RECORD_VALIDATE_H

#include "broker/record/record.h"

/* A produced set: exactly one whole batch of format 2 with base offset 0, CRC right, not empty, not a
 * control batch, count = offset range, codec known, sequence and epoch present if there is a producer id.
 * An incomplete batch behind it counts for nothing, as in all of Kafka's sets: the set may be longer. */
enum batch_err produce_check_batch(enum crc32c_impl impl, struct slice set,
                                   struct batch_header *ret);

struct produce_rules {
    int64_t now_ms;
    int64_t before_max_ms, after_max_ms; /* message.timestamp.{before,after}.max.ms */
    int64_t record_bytes_max;            /* max.decompressed.message.bytes; 0: no limit */
    bool log_append_time;                /* message.timestamp.type */
    bool compacted;                      /* keys are required */
};

struct produce_result {
    int64_t max_timestamp; /* what the header must have; -1 if no record has one */
    int32_t bad_record;    /* on failure: index in the batch, or -1 */
};

/* Records of a batch that passed produce_check_batch(); payload is uncompressed. Offsets deltas must
 * be 0, 1, 2 …; the count must match; timestamps lie within the limits unless the topic takes append
 * time. (Kafka rewrites batches with odd deltas of old clients; we refuse them.) */
enum batch_err produce_check_records(const struct batch_header *h, struct slice payload,
                                     const struct produce_rules *rules, struct produce_result *ret);

/* Of a batch in which produce_check_records() found a key missing or a timestamp out of bounds: the
 * indexes of all such records (KIP-467). ret has room for h->records_n; returns how many there are. */
int32_t produce_list_refused(const struct batch_header *h, struct slice payload,
                             const struct produce_rules *rules, int32_t *ret);

#endif
