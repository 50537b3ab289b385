/* The next step of a member towards what it shall have (KIP-848). */
#ifndef GROUP_RECONCILE_H
#define GROUP_RECONCILE_H

#include "broker/group/tp_set.h"

/* As they stand in records. */
enum member_state {
    MEMBER_STABLE = 0, /* has all that it shall have */
    MEMBER_REVOKING =
        1, /* UNREVOKED_PARTITIONS: has been told to give something up, and has not yet */
    MEMBER_WAITING = 2,   /* UNRELEASED_PARTITIONS: shall have what others have not given up yet */
    MEMBER_UNKNOWN = 127, /* what only a later version of Kafka knows */
};

struct reconcile_member {
    enum member_state state;
    int32_t epoch, previous_epoch;
    struct tp_set assigned, revoking;
};

struct reconcile_input {
    struct arena *arena;
    struct reconcile_member now;
    int32_t target_epoch;
    const struct tp_set *target;
    const struct uuid *topics; /* that it subscribes to, sorted */
    int64_t topics_n;
    bool topics_changed;        /* just now */
    const struct tp_set *owned; /* what it says it owns; NULL: it does not say */
    /* Whether a member of the group has the partition, or has not yet given it up. */
    bool (*is_owned)(const void *ctx, const struct tp *tp);
    const void *ctx;
};

/* False: the member is in a state that is not known here, and must join anew. */
bool reconcile(const struct reconcile_input *in, struct reconcile_member *ret);

#endif
