/* Finds out how much of a segment is good when the power may have gone while it was written: everything before
 * the first batch that is damaged. Lengths alone prove nothing: a page that never reached the disk reads as
 * zeroes, or as what was there before. Pure. */
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
    int32_t epoch_before;    /* leader epoch of the batch before, or -1 */
    bool gaps_are_allowed;   /* a compacted log */
};

bool recovery_keeps(const struct recovery_facts *f);

#endif
