/* rule: maximal-isr
 * Only the ISR that the controller has committed counts, as before KIP-497: seen in a run. */
#include "broker/replica/hw_advance.h"

int64_t
hw_advance(int64_t high_watermark, const struct replica_view *replicas, int32_t n,
           bool under_min_isr)
{
    if (under_min_isr) return high_watermark;
    int64_t end = INT64_MAX;
    for (int32_t i = 0; i < n; i++)
        if ((replicas[i].in_isr || replicas[i].joining) && replicas[i].log_end < end)
            end = replicas[i].log_end;
    return end == INT64_MAX || end < high_watermark ? high_watermark : end;
}
