#include "broker/txn/add_rule.h"

#include "errors.h"

/* Who names the producer id must name the present epoch, exactly: an older one has been replaced, and a later one
 * was never given out (KAFKA-9600). While the last transaction is being ended nothing joins it, nor the next. */
int16_t
txn_may_add(const struct txn_data *now, const struct add_request *q)
{
    if (!now || now->producer_id != q->producer_id) return K_ERR_INVALID_PRODUCER_ID_MAPPING;
    if (now->epoch != q->epoch) return K_ERR_PRODUCER_FENCED;
    bool is_ending = txn_state_is_prepared(now->state) || now->state == TXN_DEAD;
    return is_ending ? K_ERR_CONCURRENT_TRANSACTIONS : K_ERR_NONE;
}
