/* Which replica a consumer reads from (KIP-392): one in its own rack, if there is one that has what it asks for. */
#ifndef REPLICA_READ_REPLICA_H
#define REPLICA_READ_REPLICA_H

#include "broker/base/slice.h"

/* The leader, or a follower that is in the ISR and alive. */
struct read_candidate {
    int32_t broker_id;
    bool is_leader;
    struct slice rack; /* null: not known */
    int64_t log_start, log_end;
};

/* The place in v; -1: the leader, as ever. */
int32_t read_replica_choose(const struct read_candidate *v, int32_t n, struct slice rack,
                            int64_t offset);

#endif
