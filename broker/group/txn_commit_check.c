#include "broker/group/txn_commit_check.h"

#include "broker/group/consumer.h"
#include "broker/group/streams_group.h"
#include "errors.h"

/* With KIP-848 it goes by the member's epoch; that of each partition is looked at with it. */
static int16_t
txn_consumer_check(const struct group *g, int32_t epoch, struct slice member_id,
                   struct slice instance_id)
{
    if (epoch < 0 && g->consumer->members.n == 0) return K_ERR_NONE;
    if (epoch < 0 && member_id.n == 0 && !instance_id.p) return K_ERR_NONE;
    const struct consumer_member *m = consumer_member(g, member_id);
    if (!m) return K_ERR_UNKNOWN_MEMBER_ID;
    if (m->spec.classic_member_metadata)
        return epoch > m->epoch ? K_ERR_ILLEGAL_GENERATION : K_ERR_NONE;
    return epoch > m->epoch ? K_ERR_STALE_MEMBER_EPOCH : K_ERR_NONE;
}

/* KIP-447: a producer that goes by a group's assignment says so, and one that was left behind by a rebalance is
 * refused: another has read its partitions since, and what both write would be there twice. Before that each
 * partition had a producer of its own, which is fenced by its epoch; so who says nothing may. Other than with
 * commit_check.c a rebalance is no hindrance: the transaction has been made, and must be able to end. */
int16_t
txn_commit_check(struct group *g, int32_t generation, struct slice member_id,
                 struct slice instance_id)
{
    if (g->share) return K_ERR_GROUP_ID_NOT_FOUND;
    if (g->consumer) return txn_consumer_check(g, generation, member_id, instance_id);
    if (g->streams) return streams_txn_commit_check(g, generation, member_id, instance_id);
    if (generation < 0 && g->state == GROUP_EMPTY) return K_ERR_NONE;
    if (generation < 0 && member_id.n == 0 && !instance_id.p) return K_ERR_NONE;
    int16_t err = group_check_member(g, member_id, instance_id);
    if (err) return err;
    return generation == g->generation ? K_ERR_NONE : K_ERR_ILLEGAL_GENERATION;
}
