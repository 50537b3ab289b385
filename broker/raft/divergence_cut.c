/* Where a follower cuts its log when the leader answers that it has diverged. KIP-595 (Fetch), the
 * same reasoning as KIP-101: what the leader has of `diverging.epoch` ends at `diverging.offset`.
 *
 * If we have that epoch, too, we agree up to where the shorter one ends; if not, everything of ours
 * above the largest epoch below it is nothing that the leader has. The next fetch may diverge again,
 * at a smaller epoch. */
#include "broker/raft/rules.h"

int64_t
divergence_cut(struct log_end diverging, struct log_end ours)
{
    if (ours.epoch == diverging.epoch) return MIN(ours.offset, diverging.offset);
    return ours.offset;
}
