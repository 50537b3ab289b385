/* rule: others
 * Every replica counts, in sync or not. */
#include "broker/replica/hw_advance.h"

int64_t
hw_advance(int64_t high_watermark, const struct replica_view *replicas, int32_t n,
           bool under_min_isr)
{
    if (under_min_isr || n == 0) return high_watermark;
    int64_t end = replicas[0].log_end;
    for (int32_t i = 1; i < n; i++)
        if (replicas[i].log_end < end) end = replicas[i].log_end;
    return end < high_watermark ? high_watermark : end;
}
