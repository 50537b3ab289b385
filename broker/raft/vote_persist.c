/* What must be durable before a voter says anything more. Raft, section 5.2 and figure 2 (persistent
 * state: currentTerm, votedFor, "updated on stable storage before responding"); KIP-595
 * (quorum-state).
 *
 * A voter that forgets its vote in a crash votes again in the same epoch, and two candidates can have
 * a majority each. A voter that forgets its epoch can vote in one that it has left. The leader's id is
 * only a hint for where to fetch after a restart: losing it costs time, not safety. */
#include "broker/raft/rules.h"

enum persist
vote_persist(const struct election *old, const struct election *now)
{
    if (now->epoch != old->epoch || now->voted.id != old->voted.id) return PERSIST_BEFORE;
    if (!uuid_eq(now->voted.directory_id, old->voted.directory_id)) return PERSIST_BEFORE;
    return now->leader_id != old->leader_id ? PERSIST_LATER : PERSIST_NOT;
}
