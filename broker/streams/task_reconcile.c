#include "broker/streams/task_reconcile.h"

/* What it was told to close is closed when it says so by no longer having it. Who says nothing may have it still. */
static bool
has_any(const struct task_reconcile_input *in, const struct tasks *revoking)
{
    return !in->owned || tasks_meet(in->owned, revoking);
}

static void
enter_state(struct streams_current *m, enum streams_member_state state, int32_t epoch)
{
    m->state = state;
    /* The epoch before is remembered for a member that did not hear of this one. */
    m->previous_epoch = m->epoch;
    m->epoch = epoch;
}

/* A task is given to a member only when whoever is in its way has closed it, or is out of the group. In the way of an
 * active task is each other member that has it active: two of them would process the same records, and write the same
 * changelog. And in the way of a task in any role is whoever has it in another on the same process: both would open
 * one directory of state, which is locked. Hence first what must go, at the old epoch, then what comes, at the new one. */
static void
close_or_open(const struct task_reconcile_input *in, struct streams_current *ret)
{
    const struct streams_current *now = &in->now;
    struct tasks kept = {0}, to_revoke = {0}, given = {0};
    bool is_complete = true;
    for (int r = 0; r < TASK_ROLES_N; r++) {
        const struct task_set *target = &in->target->of[r];
        kept.of[r] = task_set_and(in->arena, &now->assigned.of[r], target);
        to_revoke.of[r] = task_set_minus(in->arena, &now->assigned.of[r], &kept.of[r]);
        struct task_set wanted = task_set_minus(in->arena, target, &kept.of[r]);
        struct task_set free = {ARENA_ARRAY(in->arena, struct streams_task, wanted.n), 0};
        for (int64_t i = 0; i < wanted.n; i++) {
            struct streams_task t = wanted.v[i];
            t.epoch = in->target_epoch;
            if (!in->is_held(in->ctx, &t, (enum task_role)r)) free.v[free.n++] = t;
        }
        is_complete &= free.n == wanted.n;
        given.of[r] = task_set_or(in->arena, &kept.of[r], &free);
    }
    if (!tasks_is_empty(&to_revoke) && has_any(in, &to_revoke)) {
        enter_state(ret, STREAMS_MEMBER_REVOKING, now->epoch);
        ret->assigned = kept;
        ret->revoking = to_revoke;
        return;
    }
    enter_state(ret, is_complete ? STREAMS_MEMBER_STABLE : STREAMS_MEMBER_WAITING,
                in->target_epoch);
    ret->assigned = given;
    ret->revoking = (struct tasks){0};
}

bool
task_reconcile(const struct task_reconcile_input *in, struct streams_current *ret)
{
    *ret = in->now;
    switch (in->now.state) {
    case STREAMS_MEMBER_STABLE:
        if (in->now.epoch != in->target_epoch) close_or_open(in, ret);
        return true;
    case STREAMS_MEMBER_REVOKING:
        if (!has_any(in, &in->now.revoking)) close_or_open(in, ret);
        return true;
    case STREAMS_MEMBER_WAITING: close_or_open(in, ret); return true;
    case STREAMS_MEMBER_UNKNOWN:
        if (!in->owned || !tasks_is_empty(in->owned)) return false;
        close_or_open(in, ret);
        return true;
    }
    return false;
}
