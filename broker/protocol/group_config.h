/* Settings of groups (resource GROUP) and of subscriptions to clients' metrics (CLIENT_METRICS, KIP-714): what
 * is more than the range of one value.
 *
 * A broker bounds what groups may set for themselves (group.consumer.min.session.timeout.ms …). Whoever sets
 * something else is refused; what was set under other bounds is cut to those that hold now. */
#ifndef PROTOCOL_GROUP_CONFIG_H
#define PROTOCOL_GROUP_CONFIG_H

#include "broker/protocol/config.h"

/* All that is set of a group, by K_GCFG_…; null: not set. Each is a value by itself (config_check). Whether they
 * may be had together on this broker (NULL: one with nothing set); if not, says why. */
bool group_config_check(const struct config *broker, const struct slice *values,
                        struct writer *ret_why);
/* A number that a group has set, cut to what the broker allows. */
int64_t group_config_clamp(const struct config *broker, int32_t gcfg, int64_t v);

/* Which clients a subscription is for: "client_id=a.*", each of a known kind. */
bool client_metrics_match_check(struct slice match, struct writer *ret_why);

#endif
