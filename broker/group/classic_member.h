/* Members of the classic protocol in a consumer group (KIP-848): while a group is rolled from one protocol to the
 * other it has both. The group is assigned to and reconciled as ever, one step at a time; a classic member takes its
 * step when it joins, finds out with a heartbeat that there is another one, and takes its assignment by SyncGroup:
 *
 *      JoinGroup ── the member's step ──► generation = member epoch
 *      SyncGroup ────────────────────────► what it has now
 *      Heartbeat ── something to give up or to get ──► REBALANCE_IN_PROGRESS ──► JoinGroup
 *
 * There is no leader, and nobody waits for anybody. */
#ifndef GROUP_CLASSIC_MEMBER_H
#define GROUP_CLASSIC_MEMBER_H

#include "broker/group/consumer.h"

/* A JoinGroup, as a consumer's heartbeat takes it. */
struct classic_joiner {
    const struct k_join_group_request *q;
    bool is_unknown; /* it came without a member id: the one here is new */
};

void classic_join(struct group *g, const struct k_join_group_request *q,
                  struct coordinator_call *call);
void classic_refuse_join(struct groups *gs, struct coordinator_call *call, int16_t err);
void classic_sync(struct group *g, const struct k_sync_group_request *q,
                  struct coordinator_call *call);
int16_t classic_heartbeat(struct group *g, const struct k_heartbeat_request *q);
/* Members of either protocol leave, or are removed by an administrator (KIP-345). */
void classic_leave(struct group *g, const struct k_leave_group_request_member_identity *v,
                   int32_t n, struct k_leave_group_response *res, struct coordinator_call *call);

/* The name of the protocol that all members of the group but these have, preferred by most; NULL: there is none. It lives as
 * long as the members. */
const struct slice *classic_protocol_of_all(const struct group *g,
                                            struct consumer_member *const *without, int32_t n);
/* What the member says of itself for that protocol. */
struct slice classic_metadata(const struct consumer_member *m, struct slice protocol);

/* The member has joined: it has as long as a rebalance may take to fetch its assignment. */
void classic_expect_sync(struct consumer_member *m);

#endif
