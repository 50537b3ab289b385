/* A shard's life: it comes with the leadership of its partition and goes with it. */
#include "broker/base/check.h"
#include "broker/coordinator/coordinator.h"

void
coordinator_role_changed(struct coordinator *c, struct partition *p)
{
    if (!slice_eq(p->topic, c->topic)) return;
    struct coordinator_shard *s = coordinator_shard_at(c, p->index);
    bool leads = partition_is_leader(p) && !c->stopped;
    /* A partition of a topic that was deleted and made anew is another one. */
    bool same = s->partition == p && leads && s->leader_epoch == p->leader_epoch;
    if (same && s->state != SHARD_NONE) return;
    if (s->partition && s->partition != p && !leads) return;
    if (s->state != SHARD_NONE) shard_unload(s);
    s->partition = leads ? p : NULL;
    s->leader_epoch = p->leader_epoch;
    if (leads) shard_begin_load(s);
}

void
shard_activate(struct coordinator_shard *s)
{
    s->state = SHARD_ACTIVE;
    s->owner->kind->activate(s);
}

void
shard_unload(struct coordinator_shard *s)
{
    shard_cancel_load(s);
    /* Writes were told before the role changed, or are told nothing: they have no state to change. */
    s->owner->kind->unload(s);
    s->state = SHARD_NONE;
    s->partition = NULL;
}
