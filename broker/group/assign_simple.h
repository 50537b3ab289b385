/* Who shall have which partitions in a share group: the assignor `simple` (KIP-932). A pure function; members are taken
 * in the order of their ids. */
#ifndef GROUP_ASSIGN_SIMPLE_H
#define GROUP_ASSIGN_SIMPLE_H

#include "broker/group/tp_set.h"

struct simple_member {
    const struct uuid *topics; /* that it subscribes to, sorted */
    int64_t topics_n;
    struct tp_set had; /* before */
    struct tp_set ret; /* the result, in the arena */
};

/* Each partition has somebody, if anybody subscribes to it, and each member something, if there is anything that it
 * subscribes to; no member has more than it must, and who has a partition keeps it as far as that goes. tps: sorted. */
void assign_simply(struct arena *a, const struct tp_set *tps, struct simple_member *v, int32_t n);

#endif
