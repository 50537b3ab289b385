/* Who may commit offsets to a group with a transaction. */
#ifndef GROUP_TXN_COMMIT_CHECK_H
#define GROUP_TXN_COMMIT_CHECK_H

#include "broker/group/group.h"

/* 0 or the protocol's error. generation -1: the producer does not say. */
int16_t txn_commit_check(struct group *g, int32_t generation, struct slice member_id,
                         struct slice instance_id);

#endif
