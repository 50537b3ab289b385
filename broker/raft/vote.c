/* Whether to grant a vote. Raft, section 5.2 and 5.4.1; KIP-595 (VoteRequest); KIP-853 (a vote is for
 * an id and a directory: a node that comes back with an empty disk is somebody else).
 *
 * One vote in an epoch, first come first served, the same candidate again is granted again; none when
 * the epoch has a leader; none to a log that lacks something of ours, since ours may hold what is
 * committed. */
#include "broker/raft/rules.h"

static bool
is_same_voter(struct voter_key voted, struct voter_key candidate)
{
    /* A vote of before directory ids were known counts for whoever has the id. */
    return voted.id == candidate.id && (uuid_is_zero(voted.directory_id) ||
                                        uuid_eq(voted.directory_id, candidate.directory_id));
}

bool
vote(const struct vote_facts *f)
{
    if (f->candidate_epoch < f->epoch) return false;
    if (!log_end_covers(f->candidate_end, f->end)) return false;
    if (f->candidate_epoch > f->epoch) return true;
    if (f->leader_id != RAFT_NOBODY) return false;
    if (f->state == RAFT_LEADER || f->state == RAFT_RESIGNED) return false;
    if (f->voted.id != RAFT_NOBODY) return is_same_voter(f->voted, f->candidate);
    return true;
}
