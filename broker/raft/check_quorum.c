/* When a leader must give up because it cannot know that it still leads. Raft thesis, section 6.2;
 * KAFKA-15489 (one and a half fetch time-outs, so that followers have had theirs).
 *
 * Followers come to the leader (they fetch), so a leader that hears nothing cannot tell silence from a
 * cut. If fewer than a majority, itself included, have fetched within the time-out, others may have
 * elected somebody; it resigns rather than keep its clients waiting. */
#include "broker/raft/rules.h"

/* The k-th largest, k from 1: the one that has fewer than k above it and at least k not below. */
static int64_t
kth_latest(const int64_t *v, int32_t n, int32_t k)
{
    for (int32_t i = 0; i < n; i++) {
        int32_t above = 0, same = 0;
        for (int32_t j = 0; j < n; j++) above += v[j] > v[i], same += v[j] == v[i];
        if (above < k && above + same >= k) return v[i];
    }
    UNREACHABLE();
}

int64_t
check_quorum(const int64_t *last_fetch_ns, int32_t others_n, bool leader_is_voter,
             int64_t timeout_ns)
{
    int32_t needed = majority(others_n + leader_is_voter) - leader_is_voter;
    if (needed <= 0) return TIME_NEVER;
    return kth_latest(last_fetch_ns, others_n, needed) + timeout_ns;
}
