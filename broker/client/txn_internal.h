/* Inside a transactional producer: one call at a time goes through its steps, each a request that is tried again. */
#ifndef CLIENT_TXN_INTERNAL_H
#define CLIENT_TXN_INTERNAL_H

#include "broker/client/producer_internal.h"
#include "broker/client/txn_session.h"

enum txn_step {
    TXN_IDLE,
    TXN_INITIALISING,
    TXN_FLUSHING,
    TXN_ADDING_OFFSETS,     /* version 1: the group's partition of __consumer_offsets is added */
    TXN_COMMITTING_OFFSETS, /* at the group's coordinator */
    TXN_ENDING
};

struct txn_session {
    struct client *c;
    struct env *env;
    struct producer *p;
    struct txn_params params;
    struct peer *coordinator; /* NULL: not known */
    struct ask find, ask, add;
    struct timer again, add_again;
    struct task tell;
    enum txn_step step;
    struct txn_op *op;
    int64_t give_up_ns;
    int32_t attempts, add_attempts;
    bool wants_commit; /* what the owner asked for … */
    bool commits;      /* … and what the coordinator is asked for */
    bool commit_sent;  /* some try has gone, and its end is not known */
    bool is_ready, is_fenced;
    int16_t version; /* 0: not known yet */
    /* Of txn_session_send_offsets(). */
    const struct txn_offsets *offsets;
    struct peer *group_coordinator; /* NULL: not known */
    struct slice group_id;          /* whose it is */
    struct ask find_group, commit_offsets;
};

/* ---- txn_session.c ---- */

void txn_session_call(struct txn_session *t, struct txn_op *op, enum txn_step step);
/* The request of this step. */
void txn_ask(struct txn_session *t);
void txn_ask_later(struct txn_session *t);
bool txn_is_fencing(int16_t error);
void txn_op_done(struct txn_session *t, int16_t error, enum txn_end end);
void txn_op_failed(struct txn_session *t, int16_t error);

/* ---- txn_offsets.c ---- */

void txn_offsets_init(struct txn_session *t);
const void *txn_add_offsets_build(struct txn_session *t);
void txn_offsets_added(struct txn_session *t, int16_t error);
void txn_offsets_ask(struct txn_session *t);

#endif
