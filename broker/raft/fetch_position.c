/* Whether a follower that fetches from `follower.offset`, and whose last batch is of `follower.epoch`,
 * has a prefix of the leader's log. KIP-595 (Fetch: DivergingEpoch), KIP-630 (SnapshotId).
 *
 * `known` is the leader's largest epoch that is not above the follower's, with its end: logs that
 * agree in epoch and offset agree in everything before (the log matching property). If the leader has
 * not this epoch, or it ended earlier than where the follower is, the follower has something that the
 * leader has not; it is told where its log may still agree. Before the log's start only a snapshot
 * helps. */
#include "broker/raft/rules.h"

enum fetch_verdict
fetch_position(struct log_end follower, struct log_end known, int64_t log_start, int64_t log_end)
{
    if (follower.offset == 0 && follower.epoch == 0 && log_start == 0) return FETCH_VALID;
    if (follower.offset < log_start) return FETCH_SNAPSHOT;
    if (follower.offset == log_start && log_start > 0) return FETCH_SNAPSHOT;
    if (known.epoch != follower.epoch || known.offset < follower.offset) return FETCH_DIVERGED;
    return follower.offset <= log_end ? FETCH_VALID : FETCH_DIVERGED;
}
