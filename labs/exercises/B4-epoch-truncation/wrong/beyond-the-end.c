/* rule: bounds
 * The cut may lie behind the end of the log. */
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
    at_leader.end_offset = MAX(at_leader.end_offset, 0);
    if (at_leader.epoch < 0) return MIN(high_watermark, log_end);
    if (local.epoch < 0) return MIN(at_leader.end_offset, log_end);
    return MIN(at_leader.end_offset, local.end_offset);
}
