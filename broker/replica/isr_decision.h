/* When a leader asks the controller to take a follower out of the ISR or to let it in. */
#ifndef REPLICA_ISR_DECISION_H
#define REPLICA_ISR_DECISION_H

#include <stdbool.h>
#include <stdint.h>

/* What a leader remembers of a follower's fetches. */
struct follower_progress {
    int64_t log_end; /* = its last fetch offset: what it has written; -1: not known */
    int64_t log_start;
    int64_t caught_up_ns;    /* the last moment at which it had all that the leader had */
    int64_t fetched_ns;      /* of its last fetch */
    int64_t leader_end_then; /* the leader's end at its last fetch */
    int64_t broker_epoch;    /* with which it fetched; -1: not known */
};

/* Takes in a fetch at `offset` at a moment when the leader's end is leader_end. */
void follower_fetched(struct follower_progress *f, int64_t offset, int64_t log_start,
                      int64_t leader_end, int64_t broker_epoch, int64_t now_ns);

/* It fetched at that moment in a session (KIP-227) in which nothing had changed for it: it still stood at the leader's
 * end. Called when that end moves on, not at each fetch: one that rests costs nothing. */
void follower_polled(struct follower_progress *f, int64_t at_ns);

/* replica.lag.time.max.ms: has it been behind for longer? */
bool follower_is_out_of_sync(const struct follower_progress *f, int64_t leader_end, int64_t now_ns,
                             int64_t lag_max_ns);

/* May it (again) be a member? epoch_start: the leader's log end when it began to lead. */
bool follower_may_join(const struct follower_progress *f, int64_t high_watermark,
                       int64_t epoch_start);

#endif
