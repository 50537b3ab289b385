/* rule: zombie
 * Whoever is a member may commit; seen in a run: a member that was away takes the offsets back. */
#include "broker/group/offset_rules.h"

#include "errors.h"

int16_t
commit_rule(const struct commit_view *c)
{
    if (c->generation < 0 && c->state == GROUP_EMPTY) return K_ERR_NONE;
    if (c->generation < 0 && !c->has_member_id && !c->has_instance_id)
        return K_ERR_UNKNOWN_MEMBER_ID;
    if (c->member_err) return c->member_err;
    return c->state == GROUP_COMPLETING ? K_ERR_REBALANCE_IN_PROGRESS : K_ERR_NONE;
}

static bool
is_in_use(const struct offset_view *o)
{
    if (o->has_epochs) return o->is_subscribed;
    if (!o->has_protocol_type || o->state == GROUP_EMPTY) return false;
    return o->state != GROUP_STABLE || !o->is_of_consumers || o->is_subscribed;
}

bool
offset_is_expired(const struct offset_view *o, int64_t retention_ms, int64_t now_ms)
{
    if (!o->has_value || o->has_more) return false;
    if (is_in_use(o)) return false;
    if (o->expire_ms >= 0) return now_ms >= o->expire_ms;
    bool was_left = o->has_protocol_type && o->state == GROUP_EMPTY && o->state_since_ms >= 0;
    return now_ms - (was_left ? o->state_since_ms : o->commit_ms) >= retention_ms;
}
