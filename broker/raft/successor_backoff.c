/* When a leader resigns it names its voters, the one with the longest log first (EndQuorumEpoch). The
 * first stands at once, each following one twice as late as the one before, the last after the
 * ceiling: an orderly change without a split vote. KIP-595, "EndQuorumEpoch". */
#include "broker/raft/rules.h"

int64_t
successor_backoff(int64_t max_ms, int32_t position, int32_t n)
{
    CHECK(position >= 0 && position < n);
    if (position == 0) return 0;
    return max_ms >> MIN(n - position - 1, 62);
}
