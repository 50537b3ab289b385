/* How long to wait after a lost election. KIP-595: binary exponential, drawn evenly, from a base of
 * 50 ms, with a ceiling: a split vote must not repeat itself for ever. */
#include "broker/raft/rules.h"

#define BASE_MS 50

int64_t
election_backoff(int64_t max_ms, int32_t retries, uint64_t draw)
{
    CHECK(retries >= 1);
    int64_t slots = 1LL << MIN(retries, 10);
    int64_t wait = BASE_MS * (1 + (int64_t)(draw % (uint64_t)slots));
    return MIN(wait, max_ms);
}
