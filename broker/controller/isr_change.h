/* Whether a leader may have the ISR that it asks for (AlterPartition: KIP-497, 841, 903). Whoever
 * asks must be the current leader, must know the current epochs of the partition, and may only name replicas
 * that still have the broker epoch that it saw: a follower that restarted in between may have lost its tail. */
#ifndef CONTROLLER_ISR_CHANGE_H
#define CONTROLLER_ISR_CHANGE_H

#include "broker/metadata/image.h"

struct isr_member {
    int32_t id;
    int64_t broker_epoch; /* -1: not told (version 2) */
};

struct isr_request {
    int32_t broker_id; /* who asks; its broker epoch has been checked */
    int32_t leader_epoch, partition_epoch;
    int8_t recovery_state;
    const struct isr_member *isr;
    int32_t isr_n;
};

/* 0, or the error code for the partition. p may be NULL. */
int16_t isr_change_check(const struct image *im, const struct image_partition *p,
                         const struct isr_request *q);

/* INELIGIBLE_REPLICA was said of one that is only fenced: the same request would be granted once it serves again. */
bool isr_refusal_may_turn(const struct image *im, const struct isr_request *q);

#endif
