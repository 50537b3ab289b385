#include "broker/replica/truncation.h"

#include "broker/base/check.h"

bool
fetch_diverges(struct epoch_end at_leader, int32_t last_fetched_epoch, int64_t fetch_offset)
{
    return at_leader.epoch < last_fetched_epoch || at_leader.end_offset < fetch_offset;
}

int64_t
truncation_offset(struct epoch_end at_leader, struct epoch_end local, int64_t log_end,
                  int64_t high_watermark)
{
    /* It is the leader's word, and may be any number: no log ends below 0. */
    at_leader.end_offset = MAX(at_leader.end_offset, 0);
    /* A leader that knows nothing of the epoch: all the follower can vouch for is what was
     * committed. */
    if (at_leader.epoch < 0) return MIN(high_watermark, log_end);
    if (local.epoch < 0) return MIN(at_leader.end_offset, log_end);
    /* KIP-279: with the same epoch on both sides the shorter end decides; else what the follower has
     * of a later epoch, unknown to the leader, goes first. */
    return MIN(MIN(at_leader.end_offset, local.end_offset), log_end);
}
