#include "broker/group/reconcile.h"

#include "broker/base/search.h"

/* What it was told to give up is given up when it says so by no longer owning it. Who says nothing may own
 * it still. */
static bool
owns_any(const struct reconcile_input *in, const struct tp_set *revoking)
{
    return !in->owned || tp_set_meets(in->owned, revoking);
}

static void
step_to(struct reconcile_member *m, enum member_state state, int32_t epoch)
{
    m->state = state;
    /* The epoch before is remembered for a member that did not hear of this one. */
    m->previous_epoch = m->epoch;
    m->epoch = epoch;
}

static bool
is_subscribed(const struct reconcile_input *in, struct uuid topic)
{
    LOWER_BOUND(at, in->topics_n, i, uuid_cmp(in->topics[i], topic) < 0);
    return at < in->topics_n && uuid_eq(in->topics[at], topic);
}

/* What of the set is of topics that it subscribes to (wanted), or is not. */
static struct tp_set
of_topics(const struct reconcile_input *in, const struct tp_set *from, bool wanted)
{
    struct tp_set ret = {ARENA_ARRAY(in->arena, struct tp, from->n), 0};
    for (int64_t i = 0; i < from->n; i++)
        if (is_subscribed(in, from->v[i].topic) == wanted) ret.v[ret.n++] = from->v[i];
    return ret;
}

/* A partition is given to a member only when the one before has given it up, or is out of the group: two that read
 * the same partition would process its records twice, and the slower one would take the committed offset back.
 * Hence first what must go, at the old epoch, then what comes, at the new one. */
static void
step(const struct reconcile_input *in, struct reconcile_member *ret)
{
    const struct reconcile_member *now = &in->now;
    struct tp_set target = of_topics(in, in->target, true);
    struct tp_set kept = tp_set_and(in->arena, &now->assigned, &target);
    struct tp_set to_revoke = tp_set_minus(in->arena, &now->assigned, &kept);
    struct tp_set wanted = tp_set_minus(in->arena, &target, &kept);
    struct tp_set free = {ARENA_ARRAY(in->arena, struct tp, wanted.n), 0};
    for (int64_t i = 0; i < wanted.n; i++) {
        struct tp tp = {wanted.v[i].topic, wanted.v[i].index, in->target_epoch};
        bool is_own = tp_set_find(&now->revoking, tp.topic, tp.index) != NULL;
        if (is_own || !in->is_owned(in->ctx, &tp)) free.v[free.n++] = tp;
    }
    if (to_revoke.n && owns_any(in, &to_revoke)) {
        step_to(ret, MEMBER_REVOKING, now->epoch);
        ret->assigned = kept;
        ret->revoking = to_revoke;
        return;
    }
    step_to(ret, free.n < wanted.n ? MEMBER_WAITING : MEMBER_STABLE, in->target_epoch);
    ret->assigned = tp_set_or(in->arena, &kept, &free);
    ret->revoking = (struct tp_set){NULL, 0};
}

/* The new assignment may be some time in coming; what the member does not want any more goes at once. */
static void
drop_unsubscribed(const struct reconcile_input *in, struct reconcile_member *ret)
{
    struct tp_set unwanted = of_topics(in, &in->now.assigned, false);
    struct tp_set revoking = tp_set_or(in->arena, &in->now.revoking, &unwanted);
    if (unwanted.n == 0) return;
    ret->assigned = of_topics(in, &in->now.assigned, true);
    ret->previous_epoch = in->now.epoch;
    if (!owns_any(in, &revoking)) return;
    ret->state = MEMBER_REVOKING;
    ret->revoking = revoking;
}

bool
reconcile(const struct reconcile_input *in, struct reconcile_member *ret)
{
    *ret = in->now;
    switch (in->now.state) {
    case MEMBER_STABLE:
        if (in->now.epoch != in->target_epoch) step(in, ret);
        else if (in->topics_changed) drop_unsubscribed(in, ret);
        return true;
    case MEMBER_REVOKING:
        if (!owns_any(in, &in->now.revoking)) step(in, ret);
        else if (in->topics_changed) drop_unsubscribed(in, ret);
        return true;
    case MEMBER_WAITING: step(in, ret); return true;
    case MEMBER_UNKNOWN:
        if (!in->owned || in->owned->n) return false;
        step(in, ret);
        return true;
    }
    return false;
}
