/* Inside a member of a group: its partitions, its calls for offsets, and its turn. */
#ifndef SIM_WORKLOAD_MEMBER_INTERNAL_H
#define SIM_WORKLOAD_MEMBER_INTERNAL_H

#include "sim/workload/copy.h"

#define POLL_EVERY_NS (100 * NS_PER_MS)

/* A partition that the member has. */
struct held {
    struct list node;
    struct worker *worker;
    struct assigned *from;
    struct topic_partition of;
    int32_t topic; /* of the history */
    int32_t leader_epoch;
    int64_t position, polled_to, committed; /* the next to be worked on; -1: not known */
    int64_t refused;                        /* where it stood when that fell out of the log; -1 */
    VEC(struct history_read) queue;         /* fetched, not worked on */
    int64_t taken;                          /* of the queue, by the piece of work under way */
};

/* One call of the group, and its operations in the history. */
struct offsets_call {
    struct group_op op;
    struct worker *worker;
    VEC(struct group_offset) v;
    VEC(int64_t) numbers;
    void (*then)(struct worker *w, bool ok);
};

struct worker {
    struct member_args *args;
    struct env *env;
    struct client *client;
    struct consumer *consumer;
    struct membership *membership;
    struct copier *copier; /* with COMMIT_IN_TXN; and who it was when it began its piece: */
    struct slice member_id;
    int32_t generation;
    int32_t process, group;
    struct list held;
    struct held *busy_with; /* a piece of work is under way */
    bool is_settling;       /* a round is under way that it waits for, or offsets are looked up */
    bool is_committing, is_closing;
    struct timer turn, worked, again;
    int64_t auto_due_ns;
    struct offsets_call commit, look, background;
    VEC(struct topic_partition) going, coming, copies;
};

/* ---- member.c ---- */

void worker_tell(const struct worker *w, const char *what, const struct topic_partition *v,
                 int32_t n);
void worker_turn_at(struct worker *w, int64_t ns);
/* The piece under way is done: that is what counts as worked on. */
void worker_piece_is_done(struct worker *w);
/* Finds where its partitions that have no beginning yet begin. */
void worker_look_up(struct worker *w);
void worker_close_down(struct worker *w);

/* ---- member_copy.c: with COMMIT_IN_TXN ---- */

/* Who it is when a piece begins. */
void worker_remember_membership(struct worker *w);
void worker_copy(struct worker *w);
/* False: no transaction can begin yet; its turn comes when that is over. */
bool worker_may_copy(struct worker *w);

#endif
