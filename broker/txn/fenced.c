#include "broker/txn/data.h"

#include "broker/base/check.h"

/* The producer's epoch must not end it, nor go on in it, any more (KAFKA-6119): whoever has it is fenced. By version 2 the end
 * itself raises the epoch, and once is enough (KAFKA-19367): whose transaction it was may ask what came of it, and go on. */
struct txn_data
txn_fenced(const struct txn_data *now, int16_t version, int64_t now_ms)
{
    struct txn_data fenced = *now;
    CHECK(now->state == TXN_ONGOING);
    if (version < 2) {
        fenced.epoch = txn_epoch_raised(now->epoch);
        fenced.last_epoch = NO_PRODUCER_EPOCH;
    }
    return txn_prepared(&fenced, false, version, NO_PRODUCER_ID, now_ms);
}
