/* The rule by which a partition's leader moves its high watermark. */
#ifndef REPLICA_HW_ADVANCE_H
#define REPLICA_HW_ADVANCE_H

#include <stdbool.h>
#include <stdint.h>

/* A replica as its leader sees it; the leader itself is one, with its own settled end
 * (log/settled_end.h). */
struct replica_view {
    int32_t broker_id;
    int64_t log_end;     /* what it is known to have */
    bool in_isr;         /* of the ISR that the controller has committed */
    bool in_maximal_isr; /* of the committed ISR or of one that was asked for and is not refused */
    bool joining;        /* caught up within the lag time and eligible, so about to be asked for */
};

/* The new high watermark, never below the old one. */
int64_t hw_advance(int64_t high_watermark, const struct replica_view *replicas, int32_t n,
                   bool under_min_isr);

#endif
