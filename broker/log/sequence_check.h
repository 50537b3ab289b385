/* May this batch of an idempotent producer be appended (KIP-98)? The rule keeps a producer's batches in
 * order and without duplicates: it knows the last five batches of each producer id. Pure. */
#ifndef LOG_SEQUENCE_CHECK_H
#define LOG_SEQUENCE_CHECK_H

#include "broker/record/batch.h"

#define PRODUCER_BATCHES 5

/* A batch that was appended. */
struct producer_batch {
    int64_t last_offset;
    int64_t timestamp;
    int32_t last_sequence;
    int32_t offset_delta; /* last_offset - base offset */
};

/* The last batches of one producer, oldest first. */
struct producer_window {
    int64_t producer_id;
    int16_t epoch; /* -1: nothing known of the producer */
    int32_t n;
    struct producer_batch batch[PRODUCER_BATCHES];
};

enum sequence_verdict {
    SEQUENCE_APPEND,
    SEQUENCE_DUPLICATE,    /* ret_duplicate: which one */
    SEQUENCE_OUT_OF_ORDER, /* neither the next one nor one of the last five */
    SEQUENCE_FENCED,       /* an older producer epoch */
};

enum sequence_verdict sequence_check(const struct producer_window *w, int16_t epoch,
                                     int32_t base_sequence, int32_t last_sequence,
                                     int32_t *ret_duplicate);

#endif
