/* KR01: epoch and vote are written, but nobody waits: the answer leaves before they are durable. */
#include "broker/raft/rules.h"
#include "tests/mutants/switches.h"

enum persist vote_persist__right(const struct election *old, const struct election *now);

enum persist
vote_persist(const struct election *old, const struct election *now)
{
    enum persist p = vote_persist__right(old, now);
    return is_on(KR01) && p == PERSIST_BEFORE ? PERSIST_LATER : p;
}
