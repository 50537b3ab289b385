/* hw_advance() in a run: the student's decision is taken, and compared with the reference's. */
#include <stdio.h>

#include "broker/replica/hw_advance.h"
#include "labs/exercises/judge.h"

__typeof__(hw_advance) student_hw_advance, reference_hw_advance;

int64_t
hw_advance(int64_t high_watermark, const struct replica_view *replicas, int32_t n,
           bool under_min_isr)
{
    int64_t yours = student_hw_advance(high_watermark, replicas, n, under_min_isr);
    int64_t right = reference_hw_advance(high_watermark, replicas, n, under_min_isr);
    if (yours == right) return yours;
    char text[300] = "";
    int at = 0;
    for (int32_t i = 0; i < n && at < 200; i++)
        at += snprintf(text + at, sizeof text - (size_t)at, "%sb%d ends at %lld%s%s%s",
                       i ? ", " : "", replicas[i].broker_id, (long long)replicas[i].log_end,
                       replicas[i].in_isr ? " in ISR" : "",
                       replicas[i].in_maximal_isr && !replicas[i].in_isr ? " in maximal ISR" : "",
                       replicas[i].joining ? " joining" : "");
    watch_differs("the watermark goes from %lld to %lld, and should be %lld (%s%s)",
                  (long long)high_watermark, (long long)yours, (long long)right, text,
                  under_min_isr ? "; under min ISR" : "");
    return yours;
}
