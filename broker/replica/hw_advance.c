#include "broker/replica/hw_advance.h"

#include "broker/base/check.h"

int64_t
hw_advance(int64_t high_watermark, const struct replica_view *replicas, int32_t n,
           bool under_min_isr)
{
    /* KIP-966: while fewer than min.insync.replicas are in sync, nothing new is committed; only so can
     * a replica that left the ISR last be trusted as eligible leader. */
    if (under_min_isr) return high_watermark;
    int64_t end = INT64_MAX;
    for (int32_t i = 0; i < n; i++) {
        /* KIP-497: a replica that the controller may have let in already, although the leader does
         * not know yet, can be elected; so it must have what is committed. Hence the maximal ISR,
         * not the committed one. A replica about to be let in is waited for as well, or the
         * watermark could run away from it for ever. */
        if (!replicas[i].in_maximal_isr && !replicas[i].joining) continue;
        end = MIN(end, replicas[i].log_end);
    }
    return end == INT64_MAX ? high_watermark : MAX(high_watermark, end);
}
