#include "broker/replica/truncation.h"

int64_t
truncation_on_becoming_follower(int64_t log_end, int64_t high_watermark)
{
    /* KIP-101: the local watermark lags behind what is committed, by a fetch at least. Who cuts there
     * and is then elected has lost acknowledged records. The epochs in the first fetch tell where to
     * cut, if anywhere. */
    (void)high_watermark;
    return log_end;
}
