/* A connection to the active controller, whoever that is: finds it through the quorum, keeps trying
 * when it moves or does not answer. One link for each purpose (heartbeats, AlterPartition, forwarding,
 * producer ids), so that none waits behind another. */
#ifndef REPLICA_CONTROLLER_LINK_H
#define REPLICA_CONTROLLER_LINK_H

#include "broker/env/wait.h"
#include "broker/protocol/channel.h"
#include "broker/raft/raft.h"

struct link_call {
    /* err 0: body is the response's body in `version`, good during the call. Else why there is none:
     * K_ERR_REQUEST_TIMED_OUT after deadline_ns. May call link_retry(). */
    void (*done)(struct link_call *c, int16_t err, struct slice body);
    int16_t api_key, version;
    const void *request; /* stays until done() */
    int64_t deadline_ns; /* TIME_NEVER: keep trying */
    int64_t timeout_ms;  /* of one try; 0: as the link has it */
    struct call call;
    struct list node;
    struct controller_link *link;
    bool sent;
};

struct controller_link {
    struct env *env;
    struct raft *raft;
    struct channel channel;
    bool is_connected_to; /* the channel has an address */
    struct slice client_id;
    int64_t timeout_ms; /* controller.socket.timeout.ms */
    struct list queued; /* waiting for a controller to be known, or for the back-off */
    struct timer retry;
    bool stopped;
    /* Without an answer for long; tells with what it has to do ("broker-lifecycle"). */
    struct wait wait;
    int16_t refused_with; /* by the last answer that led to link_retry() */
    bool is_retried;
    int32_t calls_n; /* not yet done */
};

/* timeout_ms: how long one try waits for its answer (controller.socket.timeout.ms). A connection of which only the other
 * end is gone says nothing: then this is all that makes it tried again. */
void controller_link_init(struct controller_link *l, struct env *env, struct raft *raft,
                          struct slice client_id, int64_t timeout_ms);
void controller_link_stop(struct controller_link *l);
/* The quorum has news: what waits for a controller is tried at once. */
void controller_link_kick(struct controller_link *l);
void link_send(struct controller_link *l, struct link_call *c);
/* From done(), when the answer says that it was not the active controller, or to try again later. */
void link_retry(struct link_call *c);

/* From done(), where the response has one error code: decodes it into ret. Afterwards *err is done()'s err, or what
 * the response says (*code, a part of ret), or CORRUPT_MESSAGE. False: who answered is no controller any
 * more; the call is under way to the next one, and done() comes again. */
bool link_take_answer(struct link_call *c, enum k_msg msg, struct slice body, struct arena *a,
                      void *ret, int16_t *code, int16_t *err);

#endif
