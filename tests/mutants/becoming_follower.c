/* RE01, before KIP-101: who becomes a follower cuts its log to its own high watermark, which lags a fetch
 * behind what is committed. */
#include "broker/base/check.h"
#include "broker/replica/truncation.h"
#include "tests/mutants/switches.h"

int64_t truncation_on_becoming_follower__right(int64_t log_end, int64_t high_watermark);

int64_t
truncation_on_becoming_follower(int64_t log_end, int64_t high_watermark)
{
    if (is_on(RE01)) return MIN(log_end, high_watermark);
    return truncation_on_becoming_follower__right(log_end, high_watermark);
}
