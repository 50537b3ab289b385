/* sequence_check() in a run: the student's decision is taken, and compared with the reference's. */
#include "broker/log/sequence_check.h"
#include "labs/exercises/judge.h"

__typeof__(sequence_check) student_sequence_check, reference_sequence_check;

enum sequence_verdict
sequence_check(const struct producer_window *w, int16_t epoch, int32_t base_sequence,
               int32_t last_sequence, int32_t *ret_duplicate)
{
    static const char *const words[] = {"appended", "called a duplicate", "called out of order",
                                        "fenced"};
    int32_t which = -1, its = -1;
    enum sequence_verdict right =
        reference_sequence_check(w, epoch, base_sequence, last_sequence, &which);
    enum sequence_verdict yours =
        student_sequence_check(w, epoch, base_sequence, last_sequence, &its);
    if (yours != right || (right == SEQUENCE_DUPLICATE && its != which))
        watch_differs("the batch %d..%d of producer %lld in epoch %d is %s, and should be %s "
                      "(known: epoch %d, %d batches, the last one ends with %d)",
                      base_sequence, last_sequence, (long long)w->producer_id, epoch,
                      yours >= SEQUENCE_APPEND && yours <= SEQUENCE_FENCED
                          ? words[yours]
                          : "nothing that there is",
                      words[right], w->epoch, w->n, w->n ? w->batch[w->n - 1].last_sequence : -1);
    /* A batch that is not there would end the broker, not show the mistake. */
    if (yours == SEQUENCE_DUPLICATE && (its < 0 || its >= w->n)) {
        *ret_duplicate = which;
        return right;
    }
    if (yours == SEQUENCE_DUPLICATE) *ret_duplicate = its;
    return yours;
}
