/* What becomes of ISR and ELR when the ISR changes (KIP-966).
 *
 * While fewer than min.insync.replicas are in sync, the high watermark stands still: whoever leaves the
 * ISR then still has every acknowledged record, as long as its disk keeps them. It is remembered as
 * eligible leader replica, and even the last one may leave the ISR. Before that rule, the last replica
 * stayed in the ISR whatever happened to it: after a power loss it came back with less than it had
 * acknowledged, and led.
 *
 *      ISR 1,2,3  ─fence 3─►  ISR 1,2  ─fence 2─►  ISR 1  ELR 2  ─fence 1─►  ISR -  ELR 1,2
 *      (min.insync.replicas 2)                                    1 unclean: ISR -  ELR 2     */
#ifndef CONTROLLER_ELR_H
#define CONTROLLER_ELR_H

#include "broker/metadata/image.h"

struct elr_question {
    struct ids replicas;
    struct ids isr, elr, last_known_elr; /* as they are */
    int32_t leader;                      /* as it is */
    struct ids target_isr;               /* as it is to become */
    int32_t min_isr;                     /* min.insync.replicas of the topic */
    int32_t unclean_id;                  /* came back without its clean end, or -1 */
    bool elr_enabled;
};

struct elr_change {
    struct ids isr, elr,
        last_known_elr; /* in the arena or borrowed from the question; ELR ascending */
};

struct elr_change elr_change(const struct elr_question *q, struct arena *arena);

#endif
