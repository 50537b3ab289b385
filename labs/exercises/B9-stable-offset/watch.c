/* The rules of transactions in a run: the student's answers are taken, and compared with the reference's. */
#include <stdlib.h>

#include "broker/log/stable_offset.h"
#include "labs/exercises/judge.h"

__typeof__(holds_back) student_holds_back, reference_holds_back;
__typeof__(stable_offset) student_stable_offset, reference_stable_offset;
__typeof__(aborted_overlapping) student_aborted_overlapping, reference_aborted_overlapping;

bool
holds_back(const struct decided_txn *t, int64_t high_watermark)
{
    bool yours = student_holds_back(t, high_watermark),
         right = reference_holds_back(t, high_watermark);
    if (yours != right)
        watch_differs("the transaction of producer %lld from %lld on, with its marker at %lld, %s "
                      "(high watermark %lld)",
                      (long long)t->producer_id, (long long)t->first_offset,
                      (long long)t->marker_offset,
                      yours ? "holds back, and should not" : "does not hold back, and should",
                      (long long)high_watermark);
    return yours;
}

int64_t
stable_offset(int64_t first_open, const struct decided_txn *decided, int64_t n, int64_t log_start,
              int64_t high_watermark)
{
    int64_t yours = student_stable_offset(first_open, decided, n, log_start, high_watermark);
    int64_t right = reference_stable_offset(first_open, decided, n, log_start, high_watermark);
    if (yours != right)
        watch_differs("the last stable offset is %lld, and should be %lld (high watermark %lld, "
                      "log from %lld on, %s%lld, decided and not committed: %lld)",
                      (long long)yours, (long long)right, (long long)high_watermark,
                      (long long)log_start, first_open < 0 ? "none open: " : "open from ",
                      (long long)first_open, (long long)n);
    return yours;
}

/* What is not from the list, or is more than it has, would end the broker, not show the mistake. */
int64_t
aborted_overlapping(const struct aborted_txn *v, int64_t n, int64_t from, int64_t to,
                    struct aborted_txn *ret)
{
    int64_t right = reference_aborted_overlapping(v, n, from, to, NULL);
    struct aborted_txn *yours = calloc((size_t)n + 1, sizeof *v),
                       *wanted = calloc((size_t)n + 1, sizeof *v);
    int64_t got = student_aborted_overlapping(v, n, from, to, yours);
    (void)reference_aborted_overlapping(v, n, from, to, wanted);
    bool same = got == right;
    for (int64_t i = 0; same && i < got; i++)
        same = yours[i].producer_id == wanted[i].producer_id &&
               yours[i].first_offset == wanted[i].first_offset;
    if (!same)
        watch_differs("of the offsets from %lld on and before %lld you tell %lld aborted "
                      "transactions, and it should be %lld",
                      (long long)from, (long long)to, (long long)got, (long long)right);
    bool fits = got >= 0 && got <= n;
    for (int64_t i = 0; fits && ret && i < got; i++) ret[i] = yours[i];
    for (int64_t i = 0; !fits && ret && i < right; i++) ret[i] = wanted[i];
    free(yours);
    free(wanted);
    return fits ? got : right;
}
