#include "broker/group/member_epoch.h"

#include "errors.h"

/* A member that was away, and whose place another has, must not go on as if nothing had been: it is told to
 * give up everything and to join again. The epoch before the present one is heeded from a member that owns
 * nothing but what is assigned to it: the answer that told it of the new one may have been lost. */
int16_t
heartbeat_epoch_check(const struct epoch_of_member *m, int32_t epoch, const struct tp_set *owned)
{
    if (epoch == m->epoch) return K_ERR_NONE;
    if (epoch > m->epoch || epoch != m->previous_epoch) return K_ERR_FENCED_MEMBER_EPOCH;
    return owned && tp_set_is_subset(owned, m->assigned) ? K_ERR_NONE : K_ERR_FENCED_MEMBER_EPOCH;
}

/* The partition may have been another's since: its offset would go back. The epoch under which it was
 * assigned tells (KIP-1251); with the member's own epoch alone (KIP-848) a commit would fail whenever
 * it crosses a heartbeat's answer. */
int16_t
commit_epoch_check(const struct epoch_of_member *m, int32_t epoch, struct uuid topic,
                   int32_t partition)
{
    if (epoch == m->epoch) return K_ERR_NONE;
    if (epoch > m->epoch) return K_ERR_STALE_MEMBER_EPOCH;
    const struct tp *tp = tp_set_find(m->assigned, topic, partition);
    if (!tp) tp = tp_set_find(m->revoking, topic, partition);
    return tp && epoch >= tp->epoch ? K_ERR_NONE : K_ERR_STALE_MEMBER_EPOCH;
}

int16_t
leaver_check(struct slice instance_id, struct slice member_id, struct slice found,
             struct slice *why)
{
    if (!found.p) {
        *why = instance_id.p ? S("no member has this instance id") : S("not a member of the group");
        return K_ERR_UNKNOWN_MEMBER_ID;
    }
    if (slice_eq(found, member_id)) return 0;
    *why = S("another member has this instance id");
    return K_ERR_FENCED_INSTANCE_ID;
}
