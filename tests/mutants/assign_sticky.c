/* GR02: a partition is given to its next owner in the round in which its owner of now is told to let go of it. */
#include "broker/client/assign.h"
#include "tests/mutants/switches.h"

assignor assign_cooperative_sticky__right;

void
assign_cooperative_sticky(const struct assign_member *members, int32_t members_n,
                          const struct assign_topic *topics, int32_t topics_n, struct arena *a,
                          int32_t *ret_owner)
{
    if (is_on(GR02)) assign_sticky(members, members_n, topics, topics_n, a, ret_owner);
    else assign_cooperative_sticky__right(members, members_n, topics, topics_n, a, ret_owner);
}
