/* Whether to say that one would vote. Raft thesis, section 9.6; KIP-996.
 *
 * A voter that was cut off asks before it raises the epoch: a quorum with a live leader says no, and
 * is not disturbed. Nothing is promised and nothing is written, so any number of voters may be told
 * yes. A follower says no as soon as it has had one answer from its leader; when that leader falls
 * silent its fetch time-out makes it prospective itself, and then it says yes. */
#include "broker/raft/rules.h"

bool
pre_vote(const struct vote_facts *f)
{
    if (f->candidate_epoch < f->epoch) return false;
    if (!log_end_covers(f->candidate_end, f->end)) return false;
    if (f->candidate_epoch > f->epoch) return true;
    if (f->state == RAFT_LEADER) return false;
    if (f->state == RAFT_FOLLOWER && f->has_fetched) return false;
    return true;
}
