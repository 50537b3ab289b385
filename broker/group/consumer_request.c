/* What a ConsumerGroupHeartbeat may say, whatever the group is. */
#include "broker/base/check.h"
#include "broker/group/consumer.h"
#include "errors.h"

typedef struct k_consumer_group_heartbeat_request request;

static bool
is_blank_text(struct slice s)
{
    return s.p && slice_trim(s).n == 0;
}

static int16_t
check_first(const request *q, struct slice *why)
{
    if (q->rebalance_timeout_ms == -1)
        *why = S("a member that joins must say its rebalance time-out");
    else if (q->topic_partitions_n != 0)
        *why = S("a member that joins must say that it owns no partitions (an empty list)");
    else if (q->subscribed_topic_names_n < 0 && !q->subscribed_topic_regex.p)
        *why = S("a member that joins must say what it subscribes to: names or an expression");
    return why->p ? K_ERR_INVALID_REQUEST : 0;
}

int16_t
consumer_request_check(const struct groups *gs, const request *q, int16_t version,
                       struct slice *why)
{
    /* Since version 1 clients make their ids themselves (KIP-1082). */
    bool needs_id = version >= 1 || q->member_epoch > 0 || q->member_epoch == EPOCH_LEAVE;
    if (needs_id && is_blank_text(q->member_id)) *why = S("the member id must not be empty");
    else if (is_blank_text(q->group_id)) *why = S("the group id must not be empty");
    else if (is_blank_text(q->instance_id)) *why = S("the instance id must not be empty");
    else if (is_blank_text(q->rack_id)) *why = S("the rack id must not be empty");
    else if (q->member_epoch == EPOCH_LEAVE_STATIC && !q->instance_id.p)
        *why = S("a member without an instance id leaves with epoch -1");
    else if (q->member_epoch < EPOCH_LEAVE_STATIC) *why = S("the member epoch must be -2 or above");
    if (why->p) return K_ERR_INVALID_REQUEST;
    int16_t err = q->member_epoch == EPOCH_JOIN ? check_first(q, why) : 0;
    if (err) return err;
    if (q->server_assignor.p && !groups_has_assignor(gs, q->server_assignor)) {
        *why = S("no such server-side assignor (group.consumer.assignors says which there are)");
        return K_ERR_UNSUPPORTED_ASSIGNOR;
    }
    return 0;
}
