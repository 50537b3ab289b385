#include "broker/replica/low_watermark.h"

#include "broker/base/check.h"

int64_t
low_watermark(int64_t leader_start, const struct replica_start *followers, int32_t n)
{
    int64_t low = leader_start;
    /* As in Kafka's Partition.lowWatermarkIfLeader: who is fenced is out of the ISR and will learn the start
     * before it is in it again. Waiting for it could take for ever. */
    for (int32_t i = 0; i < n; i++)
        if (followers[i].is_live) low = MIN(low, followers[i].log_start);
    return low;
}
