/* The cooperative one: the sticky one's answer, in two rounds (KIP-429). */
#include "broker/client/assign.h"

/* KIP-429: a partition that is to move is given to nobody until its owner has let go of it; the owner then joins
 * again, and the next round gives it away. */
void
assign_cooperative_sticky(const struct assign_member *members, int32_t members_n,
                          const struct assign_topic *topics, int32_t topics_n, struct arena *a,
                          int32_t *ret_owner)
{
    int32_t at = 0;
    assign_sticky(members, members_n, topics, topics_n, a, ret_owner);
    for (int32_t t = 0; t < topics_n; t++)
        for (int32_t p = 0; p < topics[t].partitions_n; p++, at++)
            for (int32_t i = 0; i < members_n; i++)
                if (i != ret_owner[at] && assign_owned(&members[i], topics[t].name, p))
                    ret_owner[at] = -1;
}
