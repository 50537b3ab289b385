/* TX01, before KIP-98: whatever comes is appended. */
#include "broker/log/sequence_check.h"
#include "tests/mutants/switches.h"

enum sequence_verdict sequence_check__right(const struct producer_window *w, int16_t epoch,
                                            int32_t base_sequence, int32_t last_sequence,
                                            int32_t *ret_duplicate);

enum sequence_verdict
sequence_check(const struct producer_window *w, int16_t epoch, int32_t base_sequence,
               int32_t last_sequence, int32_t *ret_duplicate)
{
    if (is_on(TX01)) return SEQUENCE_APPEND;
    return sequence_check__right(w, epoch, base_sequence, last_sequence, ret_duplicate);
}
