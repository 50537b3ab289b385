/* Who is to lead a partition. A replica that was in the ISR has all that was acknowledged; one in the
 * ELR had it when it left, and has not lost it since (KIP-966). Any other replica as leader is an
 * unclean election: acknowledged records may be gone. */
#ifndef CONTROLLER_LEADER_CHOICE_H
#define CONTROLLER_LEADER_CHOICE_H

#include "broker/metadata/image.h"

enum election {
    ELECT_ANY,       /* keep the leader if it may lead, else the first that may */
    ELECT_PREFERRED, /* the first replica if it may lead, else as ELECT_ANY */
    ELECT_UNCLEAN,   /* as ELECT_ANY; if nobody may, any living replica */
};

struct leader_question {
    struct ids replicas, isr, elr, last_known_elr; /* as they are to become */
    int32_t leader;                                /* as it is */
    enum election election;
    bool elr_enabled;
    /* Registered, not fenced, not shutting down (KIP-841). */
    bool (*is_alive)(void *ctx, int32_t id);
    void *ctx;
};

struct leader_choice {
    int32_t leader; /* or NO_LEADER */
    bool is_unclean;
    bool from_elr;
};

struct leader_choice leader_choose(const struct leader_question *q);

#endif
