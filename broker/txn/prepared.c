#include "broker/txn/data.h"

#include "broker/base/check.h"

/* KIP-890: the end raises the epoch, so that a transaction has one of its own and a request that comes late names
 * the one before (KAFKA-17754). Before version 2 the next transaction has the same. */
struct txn_data
txn_prepared(const struct txn_data *now, bool commit, int16_t client_version, int64_t next_id,
             int64_t now_ms)
{
    struct txn_data next = *now;
    next.state = commit ? TXN_PREPARE_COMMIT : TXN_PREPARE_ABORT;
    CHECK(txn_state_may_move(now->state, next.state));
    if (client_version >= 2) {
        next.epoch = txn_epoch_raised(now->epoch);
        next.last_epoch = now->epoch;
    }
    if (now->state != TXN_ONGOING) next.started_ms = now_ms; /* an abort of nothing */
    next.previous_producer_id = now->producer_id;
    next.next_producer_id = next_id;
    next.client_version = client_version;
    next.updated_ms = now_ms;
    return next;
}
