#include "broker/txn/data.h"

#include "broker/base/check.h"

/* The producer's epoch must not end it, nor go on in it, any more (KAFKA-6119): whoever has it is fenced. */
struct txn_data
txn_fenced(const struct txn_data *now, int16_t version, int64_t now_ms)
{
    struct txn_data fenced = *now;
    CHECK(now->state == TXN_ONGOING);
    fenced.epoch = txn_epoch_raised(now->epoch);
    fenced.last_epoch = NO_PRODUCER_EPOCH;
    return txn_prepared(&fenced, false, version, NO_PRODUCER_ID, now_ms);
}
