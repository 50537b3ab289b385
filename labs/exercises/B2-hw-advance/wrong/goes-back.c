/* rule: monotone
 * Nobody looks at what the watermark was. */
#include "broker/replica/hw_advance.h"

int64_t
hw_advance(int64_t high_watermark, const struct replica_view *replicas, int32_t n,
           bool under_min_isr)
{
    if (under_min_isr) return high_watermark;
    int64_t end = INT64_MAX;
    for (int32_t i = 0; i < n; i++)
        if ((replicas[i].in_maximal_isr || replicas[i].joining) && replicas[i].log_end < end)
            end = replicas[i].log_end;
    return end == INT64_MAX ? high_watermark : end;
}
