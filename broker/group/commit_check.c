#include "broker/group/commit_check.h"

int16_t
commit_check(struct group *g, int32_t generation, struct slice member_id, struct slice instance_id)
{
    return commit_rule(&(struct commit_view){
        .state = g->state,
        .group_generation = g->generation,
        .generation = generation,
        .has_member_id = member_id.n > 0,
        .has_instance_id = instance_id.p != NULL,
        .member_err = group_check_member(g, member_id, instance_id),
    });
}
