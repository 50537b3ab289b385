#include "broker/client/assign.h"

static int32_t
count_subscribers(const struct assign_member *members, int32_t n, struct slice topic)
{
    int32_t count = 0;
    for (int32_t i = 0; i < n; i++) count += assign_is_subscribed(&members[i], topic);
    return count;
}

static void
assign_topic(const struct assign_member *members, int32_t members_n, const struct assign_topic *t,
             int32_t *owner)
{
    int32_t subscribers = count_subscribers(members, members_n, t->name);
    for (int32_t p = 0; p < t->partitions_n; p++) owner[p] = -1;
    for (int32_t i = 0, nth = 0, p = 0; i < members_n; i++) {
        if (!assign_is_subscribed(&members[i], t->name)) continue;
        int32_t n = t->partitions_n / subscribers + (nth < t->partitions_n % subscribers);
        for (nth++; n > 0; n--) owner[p++] = i;
    }
}

void
assign_range(const struct assign_member *members, int32_t members_n,
             const struct assign_topic *topics, int32_t topics_n, struct arena *a,
             int32_t *ret_owner)
{
    (void)a;
    for (int32_t i = 0; i < topics_n; i++) {
        assign_topic(members, members_n, &topics[i], ret_owner);
        ret_owner += topics[i].partitions_n;
    }
}
