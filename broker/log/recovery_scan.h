/* Finds out how much of a segment is good when the power may have gone while it was written: everything before
 * the first batch that is damaged. Lengths alone prove nothing: a page that never reached the disk reads as
 * zeroes, or as what was there before. Pure.
 *
 * Its leader epoch is not asked for, as in Kafka: no checksum covers it. If it is lower than that of the batch before, one of them
 * has rotted, and nothing says which; both are whole. (That it is one of a history that was cut off cannot be: a log that is cut is
 * synced before anything is written behind the cut.) */
#ifndef LOG_RECOVERY_SCAN_H
#define LOG_RECOVERY_SCAN_H

#include "broker/record/batch.h"

/* A batch as it was found, and what came before it. */
struct recovery_facts {
    enum batch_err parsed; /* of its header; then h is valid if BATCH_OK */
    struct batch_header h;
    int64_t bytes_left;      /* in the file, from its first byte on */
    bool crc_is_right;       /* false also when the batch is not whole */
    int64_t expected_offset; /* the offset after the batch before */
    bool gaps_are_allowed;   /* a compacted log */
};

bool recovery_keeps(const struct recovery_facts *f);

#endif
