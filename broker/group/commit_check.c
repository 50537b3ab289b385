#include "broker/group/commit_check.h"

#include "errors.h"

/* Only a member of the present generation (KIP-62): one that was away and goes on knows of older offsets than those
 * who have read its partitions since, and would take them back. Who does not take part in groups only keeps
 * offsets here, as long as nobody else does. */
int16_t
commit_check(struct group *g, int32_t generation, struct slice member_id, struct slice instance_id)
{
    if (generation < 0 && g->state == GROUP_EMPTY) return K_ERR_NONE;
    if (generation < 0 && member_id.n == 0 && !instance_id.p) return K_ERR_UNKNOWN_MEMBER_ID;
    int16_t err = group_check_member(g, member_id, instance_id);
    if (err) return err;
    if (generation != g->generation) return K_ERR_ILLEGAL_GENERATION;
    return g->state == GROUP_COMPLETING ? K_ERR_REBALANCE_IN_PROGRESS : K_ERR_NONE;
}
