/* rule: all-five
 * The search ends one too early. */
#include "broker/log/sequence_check.h"

static int32_t
find_duplicate(const struct producer_window *w, int32_t base, int32_t last)
{
    for (int32_t i = 0; i < w->n && i < 4; i++) {
        const struct producer_batch *b = &w->batch[i];
        int32_t its_base = (int32_t)(((int64_t)b->last_sequence - b->offset_delta) & INT32_MAX);
        if (its_base == base && b->last_sequence == last) return i;
    }
    return -1;
}

enum sequence_verdict
sequence_check(const struct producer_window *w, int16_t epoch, int32_t base_sequence,
               int32_t last_sequence, int32_t *ret_duplicate)
{
    if (epoch < w->epoch) return SEQUENCE_FENCED;
    if (epoch > w->epoch) {
        bool known = w->epoch >= 0;
        return known && base_sequence != 0 ? SEQUENCE_OUT_OF_ORDER : SEQUENCE_APPEND;
    }
    int32_t duplicate = find_duplicate(w, base_sequence, last_sequence);
    if (duplicate >= 0) {
        *ret_duplicate = duplicate;
        return SEQUENCE_DUPLICATE;
    }
    int32_t next = w->n ? sequence_add(w->batch[w->n - 1].last_sequence, 1) : 0;
    return base_sequence == next ? SEQUENCE_APPEND : SEQUENCE_OUT_OF_ORDER;
}
