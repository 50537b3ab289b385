#include "broker/client/assign.h"

/* The first subscriber from `at` on, in the circle; -1: nobody. */
static int32_t
next_subscriber(const struct assign_member *members, int32_t n, int32_t at, struct slice topic)
{
    for (int32_t i = 0; i < n; i++) {
        int32_t candidate = (at + i) % n;
        if (assign_is_subscribed(&members[candidate], topic)) return candidate;
    }
    return -1;
}

void
assign_roundrobin(const struct assign_member *members, int32_t members_n,
                  const struct assign_topic *topics, int32_t topics_n, struct arena *a,
                  int32_t *ret_owner)
{
    (void)a;
    int32_t at = 0;
    for (int32_t i = 0; i < topics_n; i++)
        for (int32_t p = 0; p < topics[i].partitions_n; p++) {
            int32_t owner = next_subscriber(members, members_n, at, topics[i].name);
            *ret_owner++ = owner;
            if (owner >= 0) at = (owner + 1) % members_n;
        }
}
