/* What a member does with a piece of its work when it commits in transactions: begin, send a copy of each record, send
 * the offset behind them, end. What it read and what it wrote become visible together, or nothing does. */
#ifndef SIM_WORKLOAD_COPY_H
#define SIM_WORKLOAD_COPY_H

#include "sim/workload/workload.h"

struct copier;

/* Of one partition. All stays as it is until the piece has ended. */
struct copy_piece {
    struct slice topic_name;
    int32_t topic, partition; /* topic: of the history */
    const struct history_read *reads;
    int64_t reads_n;
    struct group_offset next; /* what is committed with it */
    int32_t group;            /* of the history */
    int32_t generation;
    struct slice member_id;
};

struct copier *copier_new(struct env *env, struct client *client, struct member_args *args,
                          int32_t process, void *owner);
/* True: it has an id, and a transaction may begin. Else copier_init(). */
bool copier_is_ready(const struct copier *c);
/* then(owner) comes when it was tried; again, if it is not ready. */
void copier_init(struct copier *c, void (*then)(void *owner));
/* then(owner, end): committed, aborted, or nobody knows. */
void copier_copy(struct copier *c, const struct copy_piece *piece,
                 void (*then)(void *owner, enum txn_end end));

#endif
