/* RE08, before KIP-497: the high watermark waits for the committed ISR only, not for a replica that the
 * controller may have let in already. RE10, before KIP-966: it moves also while fewer than
 * min.insync.replicas are in sync. */
#include "broker/base/check.h"
#include "broker/replica/hw_advance.h"
#include "tests/mutants/switches.h"

int64_t hw_advance__right(int64_t high_watermark, const struct replica_view *replicas, int32_t n,
                          bool under_min_isr);

int64_t
hw_advance(int64_t high_watermark, const struct replica_view *replicas, int32_t n,
           bool under_min_isr)
{
    if (is_on(RE10)) under_min_isr = false;
    if (!is_on(RE08)) return hw_advance__right(high_watermark, replicas, n, under_min_isr);
    if (under_min_isr) return high_watermark;
    int64_t end = INT64_MAX;
    for (int32_t i = 0; i < n; i++)
        if (replicas[i].in_isr) end = MIN(end, replicas[i].log_end);
    return end == INT64_MAX ? high_watermark : MAX(high_watermark, end);
}
