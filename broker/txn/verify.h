/* Asking transaction coordinators whether a partition is part of a producer's transaction, or to add it (KIP-890):
 * what a leader does before it lets a transaction begin in its log (log/verification.h). Who asks at one time for the
 * same coordinator goes into one AddPartitionsToTxn; a coordinator on this broker is asked without one. */
#ifndef TXN_VERIFY_H
#define TXN_VERIFY_H

#include "broker/txn/txns.h"
#include "broker/txn/verify_error.h"

struct txn_check {
    /* Once, in a later step; 0 or txn_verify_error()'s. */
    void (*done)(struct txn_check *c, int16_t err);
    struct slice transactional_id, topic; /* stay until done() */
    int32_t partition;
    int64_t producer_id;
    int16_t producer_epoch;
    enum txn_client client;
    /* Private. */
    struct list node;
    int64_t began_ns;
};

struct txn_verifier;

struct txn_verifier *txn_verifier_new(const struct txns_params *p, struct txns *txns);
void txn_verifier_stop(struct txn_verifier *v);
void txn_verify(struct txn_verifier *v, struct txn_check *c);

#endif
