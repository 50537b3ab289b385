/* What becomes of a record when a delivery of it ends. */
#ifndef SHARE_DELIVERY_AFTER_H
#define SHARE_DELIVERY_AFTER_H

#include "broker/share/state_batches.h"

/* As Kafka numbers them: what a member says of a record that it holds. */
enum ack_type { ACK_GAP = 0, ACK_ACCEPT = 1, ACK_RELEASE = 2, ACK_REJECT = 3, ACK_RENEW = 4 };

struct delivery_rule {
    int16_t count_max;     /* share.delivery.count.limit */
    bool has_dead_letters; /* the group has a dead-letter topic */
};

/* count: of deliveries, this one included. A holder that went away, or let its lock run out, has released it. Where there are
 * dead letters (KIP-1191) a record that is rejected, or was given out often enough, is ARCHIVING until it has its own. */
enum delivery_state delivery_after(enum ack_type type, int16_t count,
                                   const struct delivery_rule *rule);

#endif
