/* Up to where the log is committed: on the disks of more than half of the voters, and nothing of an
 * earlier epoch by counting alone. Raft, sections 5.3 and 5.4.2 (figure 8: an entry of an earlier term
 * that a majority has can still be overwritten); KIP-595 (the LeaderChangeMessage at the start of an
 * epoch is there for this).
 *
 * Once the leader's own first batch, at epoch_start, is on a majority, all before it is committed
 * with it. The high watermark of a leader never falls. */
#include "broker/raft/rules.h"

static int32_t
how_many_reach(const int64_t *ends, int32_t n, int64_t offset)
{
    int32_t reach = 0;
    for (int32_t i = 0; i < n; i++) reach += ends[i] >= offset;
    return reach;
}

int64_t
commit_offset(const int64_t *ends, int32_t voters_n, int64_t epoch_start, int64_t high_watermark)
{
    int64_t best = high_watermark;
    for (int32_t i = 0; i < voters_n; i++) {
        if (ends[i] <= best || ends[i] <= epoch_start) continue;
        if (how_many_reach(ends, voters_n, ends[i]) >= majority(voters_n)) best = ends[i];
    }
    return best;
}
