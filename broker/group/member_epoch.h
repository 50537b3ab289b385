/* What a member may say with the epoch that it knows (KIP-848). */
#ifndef GROUP_MEMBER_EPOCH_H
#define GROUP_MEMBER_EPOCH_H

#include "broker/group/tp_set.h"

#define EPOCH_JOIN 0
#define EPOCH_LEAVE (-1)
#define EPOCH_LEAVE_STATIC (-2)

struct epoch_of_member {
    int32_t epoch, previous_epoch;
    const struct tp_set *assigned, *revoking;
};

/* 0 or FENCED_MEMBER_EPOCH: whether a heartbeat is heeded. owned NULL: it does not say what it owns. */
int16_t heartbeat_epoch_check(const struct epoch_of_member *m, int32_t epoch,
                              const struct tp_set *owned);

/* Whether an offset of the partition may be committed: 0 or STALE_MEMBER_EPOCH. */
int16_t commit_epoch_check(const struct epoch_of_member *m, int32_t epoch, struct uuid topic,
                           int32_t partition);

/* Whether who leaves is who it says to be: 0, UNKNOWN_MEMBER_ID or FENCED_INSTANCE_ID, and why. found: the id of the member of
 * that instance or, without one, of that id; null: there is none. */
int16_t leaver_check(struct slice instance_id, struct slice member_id, struct slice found,
                     struct slice *why);

/* A group's next epoch. A log that was written elsewhere may have the greatest one there is: it stays. */
static inline int32_t
epoch_after(int32_t epoch)
{
    return epoch < INT32_MAX ? epoch + 1 : epoch;
}

#endif
