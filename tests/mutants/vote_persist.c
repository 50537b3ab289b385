/* KR01: a vote is given before it is durable. */
#include "broker/raft/rules.h"
#include "tests/mutants/switches.h"

enum persist vote_persist__right(const struct election *old, const struct election *now);

enum persist
vote_persist(const struct election *old, const struct election *now)
{
    bool votes = now->voted.id != old->voted.id && now->voted.id >= 0;
    if (is_on(KR01) && votes) return PERSIST_NOT;
    return vote_persist__right(old, now);
}
