/* Truncation in a run: the student's decision is taken, and compared with the reference's. */
#include "broker/replica/truncation.h"
#include "labs/exercises/judge.h"

__typeof__(fetch_diverges) student_fetch_diverges, reference_fetch_diverges;
__typeof__(truncation_offset) student_truncation_offset, reference_truncation_offset;

bool
fetch_diverges(struct epoch_end at_leader, int32_t last_fetched_epoch, int64_t fetch_offset)
{
    bool yours = student_fetch_diverges(at_leader, last_fetched_epoch, fetch_offset);
    if (yours != reference_fetch_diverges(at_leader, last_fetched_epoch, fetch_offset))
        watch_differs("a fetch at %lld with last epoch %d, where epoch %d ends at %lld here, is "
                      "told that the logs %s, and they %s",
                      (long long)fetch_offset, last_fetched_epoch, at_leader.epoch,
                      (long long)at_leader.end_offset, yours ? "diverge" : "agree",
                      yours ? "agree" : "diverge");
    return yours;
}

int64_t
truncation_offset(struct epoch_end at_leader, struct epoch_end local, int64_t log_end,
                  int64_t high_watermark)
{
    int64_t yours = student_truncation_offset(at_leader, local, log_end, high_watermark);
    int64_t right = reference_truncation_offset(at_leader, local, log_end, high_watermark);
    if (yours != right)
        watch_differs("the log is cut at %lld, and should be at %lld (leader: epoch %d ends at "
                      "%lld; own: epoch %d ends at %lld; log end %lld, watermark %lld)",
                      (long long)yours, (long long)right, at_leader.epoch,
                      (long long)at_leader.end_offset, local.epoch, (long long)local.end_offset,
                      (long long)log_end, (long long)high_watermark);
    return yours;
}
