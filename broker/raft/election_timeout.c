/* How long a voter without a leader waits before it asks for votes. Raft, section 5.2: a draw from a
 * range, so that mostly one voter starts alone. Kafka's range: once to twice the time-out. */
#include "broker/raft/rules.h"

int64_t
election_timeout(int64_t timeout_ms, uint64_t draw)
{
    return timeout_ms + (int64_t)(draw % (uint64_t)MAX(timeout_ms, 1));
}
