#include "broker/client/assign.h"

void
assign_sticky(const struct assign_member *members, int32_t members_n,
              const struct assign_topic *topics, int32_t topics_n, struct arena *a,
              int32_t *ret_owner)
{
    /* Yours. As it stands nobody gets anything. ret_owner has a place for each partition, topic by topic. */
    (void)members, (void)members_n, (void)a;
    for (int32_t t = 0; t < topics_n; t++)
        for (int32_t p = 0; p < topics[t].partitions_n; p++) *ret_owner++ = -1;
}
