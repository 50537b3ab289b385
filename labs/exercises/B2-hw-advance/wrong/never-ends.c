/* rule: ends
 * The loop does not come to an end. */
#include "broker/replica/hw_advance.h"

int64_t
hw_advance(int64_t high_watermark, const struct replica_view *replicas, int32_t n,
           bool under_min_isr)
{
    if (under_min_isr) return high_watermark;
    int64_t end = INT64_MAX;
    for (int32_t i = 0; i < n;) {
        if (!replicas[i].in_maximal_isr && !replicas[i].joining) continue;
        if (replicas[i].log_end < end) end = replicas[i].log_end;
        i++;
    }
    return end == INT64_MAX || end < high_watermark ? high_watermark : end;
}
