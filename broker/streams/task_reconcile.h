/* The next step of a member of a streams group towards what it shall have (KIP-1071). */
#ifndef STREAMS_TASK_RECONCILE_H
#define STREAMS_TASK_RECONCILE_H

#include "broker/streams/task_set.h"

/* As they stand in records. */
enum streams_member_state {
    STREAMS_MEMBER_STABLE = 0, /* has all that it shall have */
    STREAMS_MEMBER_REVOKING =
        1,                      /* UNREVOKED_TASKS: has been told to close tasks, and has not yet */
    STREAMS_MEMBER_WAITING = 2, /* UNRELEASED_TASKS: shall have what others have not closed yet */
    STREAMS_MEMBER_UNKNOWN = 127, /* what only a later version of Kafka knows */
};

struct streams_current {
    enum streams_member_state state;
    int32_t epoch, previous_epoch;
    struct tasks assigned, revoking;
};

struct task_reconcile_input {
    struct arena *arena;
    struct streams_current now;
    int32_t target_epoch;
    const struct tasks *target;
    const struct tasks *owned; /* what it says it has; NULL: it does not say */
    /* Whether another member is in the way of the task in that role: see task_reconcile.c. */
    bool (*is_held)(const void *ctx, const struct streams_task *t, enum task_role role);
    const void *ctx;
};

/* False: the member is in a state that is not known here, and must join anew. */
bool task_reconcile(const struct task_reconcile_input *in, struct streams_current *ret);

#endif
