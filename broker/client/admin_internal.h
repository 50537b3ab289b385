/* Inside the admin calls: one call on its way. A call makes its request once (or, where the request depends on
 * its version, when it is sent), says where it has to go, and how its answer tells an error. */
#ifndef CLIENT_ADMIN_INTERNAL_H
#define CLIENT_ADMIN_INTERNAL_H

#include "broker/client/admin.h"
#include "broker/client/internal.h"

/* Who can answer: any broker (which forwards to the controller), the leader of a partition, or one broker. */
enum admin_to { TO_ANY, TO_LEADER, TO_BROKER };

struct admin_state {
    struct ask ask;
    struct client *c;
    struct admin_op *op;
    struct arena arena; /* copies of what was asked */
    struct timer again;
    int64_t deadline_ns;
    enum admin_to to;
    int32_t broker;     /* TO_BROKER */
    struct slice topic; /* TO_LEADER */
    int32_t partition;  /* TO_LEADER */
    const void *request;
    const void *(*build)(struct admin_state *st,
                         int16_t version); /* instead, if it depends on the version */
    const struct slice *name;              /* DeleteTopics before version 6 takes names alone */
    int16_t (*read)(struct admin_op *op, const void *response);
};

struct admin_state *admin_new(struct client *c, struct admin_op *op, int16_t api_key,
                              int16_t version_max,
                              int16_t (*read)(struct admin_op *, const void *));
/* For the request's own time-out. */
int32_t admin_left_ms(const struct admin_state *st);

#endif
