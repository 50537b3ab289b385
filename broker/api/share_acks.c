#include "broker/api/share_acks.h"

#include "broker/api/server.h"
#include "broker/base/check.h"
#include "errors.h"

static void
acked(struct share_ack *ack, int16_t err)
{
    struct share_acks_part *p = CONTAINER_OF(ack, struct share_acks_part, ack);
    p->err = err;
    CHECK(p->of->left > 0);
    if (--p->of->left == 0) p->of->done(p->of);
}

/* True: it is not known yet. */
static bool
acknowledge_part(struct share_acks_part *p, struct share_parts *sps, struct slice group,
                 struct slice member, bool may_renew)
{
    struct share_id id = {group, p->topic, p->partition};
    p->err = ack_batches_check(p->batches, p->batches_n, may_renew);
    if (p->err) return false;
    struct share_partition *sp = share_partition_find(sps, &id);
    if (!sp) {
        /* Nothing is held there: it went with the leadership, if it ever was. */
        p->err = share_partition_leads(sps, &id);
        if (!p->err) p->err = K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
        return false;
    }
    return share_partition_acknowledge(sp, p->batches, p->batches_n, member, &p->ack, &p->err);
}

void
share_acks_init(struct share_acks *acks, struct request *r, int32_t n)
{
    acks->parts = ARENA_ARRAY(&r->arena, struct share_acks_part, n);
    named_parts_init(&acks->named, &r->arena, env_map_key(r->server->env));
}

void
share_acks_gathered(struct share_acks *acks)
{
    named_parts_release(&acks->named);
}

struct share_acks_part *
share_acks_add(struct share_acks *acks, const struct uuid *topic, int32_t partition)
{
    struct named_part *n =
        named_parts_add(&acks->named, slice(topic->b, sizeof topic->b), partition);
    struct share_acks_part *p = n->times > 1 ? &acks->parts[n->at] : &acks->parts[acks->parts_n];
    if (n->times == 1) n->at = acks->parts_n++;
    *p = (struct share_acks_part){.topic = *topic, .partition = partition};
    return p;
}

void
share_acks_begin(struct share_acks *acks, struct share_parts *sps, struct slice group,
                 struct slice member, bool may_renew)
{
    for (int32_t i = 0; i < acks->parts_n; i++) {
        struct share_acks_part *p = &acks->parts[i];
        p->of = acks;
        p->ack.done = acked;
        if (acknowledge_part(p, sps, group, member, may_renew)) acks->left++;
    }
}

struct share_acks_part *
share_acks_of(struct share_acks *acks, struct uuid topic, int32_t partition)
{
    for (int32_t i = 0; i < acks->parts_n; i++)
        if (acks->parts[i].partition == partition && uuid_eq(acks->parts[i].topic, topic))
            return &acks->parts[i];
    return NULL;
}
