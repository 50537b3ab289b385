/* RE33: DeleteRecords is answered as soon as the leader has deleted; no replica is waited for. */
#include "broker/replica/low_watermark.h"
#include "tests/mutants/switches.h"

int64_t low_watermark__right(int64_t leader_start, const struct replica_start *followers,
                             int32_t n);

int64_t
low_watermark(int64_t leader_start, const struct replica_start *followers, int32_t n)
{
    return is_on(RE33) ? leader_start : low_watermark__right(leader_start, followers, n);
}
