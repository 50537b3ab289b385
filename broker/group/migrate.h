/* A group changes its protocol while it has members (KIP-848, group.consumer.migration.policy): a classic group of
 * consumers becomes a consumer group when the first consumer of the new protocol joins, and a consumer group a classic
 * one when the last has left. Members of the classic protocol stay members all along, as classic_member.h says. */
#ifndef GROUP_MIGRATE_H
#define GROUP_MIGRATE_H

#include "broker/group/consumer.h"

/* ---- upwards ---- */

/* Whether a classic group with members may become one of the consumer protocol; if not, says why. */
bool group_may_upgrade(const struct group *g, struct slice *why);
/* Writes it down and does it. Members stay what they were, with what was assigned to them last; who waits for the end
 * of a rebalance is told to join again. With an error nothing has changed. */
int16_t group_upgrade(struct group *g);

/* ---- downwards ---- */

/* Whether a consumer group may become a classic one when these members (v may be NULL) are gone. */
bool group_may_downgrade(const struct group *g, struct consumer_member *const *v, int32_t n);
/* The records of it: the group without those members; and without a leader, unless it had settled with just the others. */
void record_downgrade(struct batch_builder *b, const struct group *g,
                      struct consumer_member *const *v, int32_t n);
/* They are written and folded in: the members' sessions begin, and if they must, they are asked to join again. */
void group_downgraded(struct shard *s, struct slice group_id);
/* Whether the group was downgraded and has not settled since: what the members of the other protocol had has no owner yet. It is
 * in the record, for the next coordinator. Kafka's knows it in memory alone, and the next one takes the group for settled. */
bool group_must_join_again(const struct group *g);

#endif
