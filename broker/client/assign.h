/* The assignors whose result is a rule: which member of a group reads which partition. A leader runs them
 * over its members' subscriptions; each is one pure function in a file of its name. */
#ifndef CLIENT_ASSIGN_H
#define CLIENT_ASSIGN_H

#include "broker/base/arena.h"

struct assign_owned {
    struct slice topic;
    int32_t partition;
};

struct assign_member {
    struct slice id;
    const struct slice *topics; /* subscribed to */
    int32_t topics_n;
    /* What it had in `generation`, of which the sticky ones take account. */
    const struct assign_owned *owned;
    int32_t owned_n, generation;
};

struct assign_topic {
    struct slice name;
    int32_t partitions_n;
};

/* Members are sorted by id, topics by name. ret_owner has a place for each partition, topic by topic:
 * the member's index, or -1 when nobody subscribes. */
typedef void assignor(const struct assign_member *members, int32_t members_n,
                      const struct assign_topic *topics, int32_t topics_n, struct arena *a,
                      int32_t *ret_owner);

/* Per topic: runs of partitions to the subscribers in order, the first ones get one more. */
assignor assign_range;
/* Over all topics: one partition after the other to the members in a circle, who does not subscribe is
 * passed over. */
assignor assign_roundrobin;
/* Even loads, and as few moves as that needs. */
assignor assign_sticky;
/* The same; what moves is nobody's (-1) for one round. */
assignor assign_cooperative_sticky;

static inline bool
assign_is_subscribed(const struct assign_member *m, struct slice topic)
{
    for (int32_t i = 0; i < m->topics_n; i++)
        if (slice_eq(m->topics[i], topic)) return true;
    return false;
}

static inline bool
assign_owned(const struct assign_member *m, struct slice topic, int32_t partition)
{
    for (int32_t i = 0; i < m->owned_n; i++)
        if (m->owned[i].partition == partition && slice_eq(m->owned[i].topic, topic)) return true;
    return false;
}

#endif
