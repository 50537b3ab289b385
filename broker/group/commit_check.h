/* Who may commit offsets for a group. */
#ifndef GROUP_COMMIT_CHECK_H
#define GROUP_COMMIT_CHECK_H

#include "broker/group/group.h"

/* 0, or why the commit is refused. generation -1: it does not take part in generations. */
int16_t commit_check(struct group *g, int32_t generation, struct slice member_id,
                     struct slice instance_id);

#endif
