#include "broker/security/session_life.h"

#include "broker/env/env.h"

void
session_life_begin(struct session_life *l, int64_t max_reauth_ms, int64_t now_ns)
{
    l->has_end = max_reauth_ms > 0;
    l->end_ns = l->has_end ? now_ns + ns_of_ms(max_reauth_ms) : TIME_NEVER;
}

bool
session_life_begin_again(struct session_life *l, int64_t now_ns)
{
    if (!l->has_end) return false;
    if (l->has_begun_again && now_ns - l->begun_again_ns < NS_PER_S) return false;
    l->has_begun_again = true;
    l->begun_again_ns = now_ns;
    return true;
}

/* At the very end it is not over yet, as in Kafka. */
bool
session_life_is_over(const struct session_life *l, int64_t now_ns)
{
    return l->has_end && now_ns > l->end_ns;
}
