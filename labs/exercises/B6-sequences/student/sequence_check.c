#include "broker/log/sequence_check.h"

enum sequence_verdict
sequence_check(const struct producer_window *w, int16_t epoch, int32_t base_sequence,
               int32_t last_sequence, int32_t *ret_duplicate)
{
    /* Yours. As it stands everything is appended: what is sent twice stands there twice. */
    (void)w, (void)epoch, (void)base_sequence, (void)last_sequence, (void)ret_duplicate;
    return SEQUENCE_APPEND;
}
