#include "broker/controller/isr_change.h"

#include "errors.h"

static bool
isr_names(const struct isr_request *q, int32_t n, int32_t id)
{
    for (int32_t i = 0; i < n; i++)
        if (q->isr[i].id == id) return true;
    return false;
}

static int16_t
check_members(const struct image_partition *p, const struct isr_request *q)
{
    for (int32_t i = 0; i < q->isr_n; i++)
        if (!ids_has(p->replicas, q->isr[i].id) || isr_names(q, i, q->isr[i].id))
            return K_ERR_INVALID_REQUEST;
    return isr_names(q, q->isr_n, p->leader) ? K_ERR_NONE : K_ERR_INVALID_REQUEST;
}

/* While the leader recovers from an unclean election it is alone, and it does not fall back. */
static int16_t
check_recovery(const struct image_partition *p, const struct isr_request *q)
{
    bool recovering = q->recovery_state == RECOVERY_RECOVERING;
    if (q->recovery_state != RECOVERY_RECOVERED && !recovering) return K_ERR_INVALID_REQUEST;
    if (recovering && q->isr_n > 1) return K_ERR_INVALID_REQUEST;
    if (recovering && p->recovery_state == RECOVERY_RECOVERED) return K_ERR_INVALID_REQUEST;
    return K_ERR_NONE;
}

static bool
isr_member_is_eligible(const struct image *im, struct isr_member m)
{
    const struct image_broker *b = image_broker(im, m.id);
    return b && !b->is_fenced && !b->in_controlled_shutdown &&
           (m.broker_epoch == NO_BROKER_EPOCH || m.broker_epoch == b->epoch);
}

static int16_t
check_epochs(const struct image_partition *p, const struct isr_request *q)
{
    /* Somebody knows more than this controller: it is not the active one any more. */
    if (q->leader_epoch > p->leader_epoch || q->partition_epoch > p->partition_epoch)
        return K_ERR_NOT_CONTROLLER;
    if (q->leader_epoch < p->leader_epoch) return K_ERR_FENCED_LEADER_EPOCH;
    if (q->broker_id != p->leader) return K_ERR_INVALID_REQUEST;
    if (q->partition_epoch < p->partition_epoch) return K_ERR_INVALID_UPDATE_VERSION;
    return K_ERR_NONE;
}

int16_t
isr_change_check(const struct image *im, const struct image_partition *p,
                 const struct isr_request *q)
{
    if (!p) return K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
    int16_t err = check_epochs(p, q);
    if (!err) err = check_members(p, q);
    if (!err) err = check_recovery(p, q);
    for (int32_t i = 0; !err && i < q->isr_n; i++)
        if (!isr_member_is_eligible(im, q->isr[i])) err = K_ERR_INELIGIBLE_REPLICA;
    return err;
}

bool
isr_refusal_may_turn(const struct image *im, const struct isr_request *q)
{
    for (int32_t i = 0; i < q->isr_n; i++) {
        const struct image_broker *b = image_broker(im, q->isr[i].id);
        int64_t epoch = q->isr[i].broker_epoch;
        if (b && b->is_fenced && (epoch == NO_BROKER_EPOCH || epoch == b->epoch)) return true;
    }
    return false;
}
