/* InitProducerId of a transactional id: is it a new instance of the producer, one that goes on after an error
 * (KIP-360), or one that was replaced? Pure. */
#ifndef TXN_INIT_RULE_H
#define TXN_INIT_RULE_H

#include "broker/txn/data.h"

struct init_request {
    int64_t producer_id; /* of one that goes on; -1: a new instance */
    int16_t epoch;
    int32_t timeout_ms;
};

enum init_verdict {
    INIT_REFUSED,     /* with an error */
    INIT_ABORT_FIRST, /* its predecessor's transaction is ongoing */
    INIT_NEW_ID,      /* the epochs of this producer id are exhausted */
    INIT_READY,       /* next is what it shall be */
};

struct init_decision {
    enum init_verdict verdict;
    int16_t err;
    struct txn_data next;
};

struct init_decision txn_init(const struct txn_data *now, const struct init_request *q,
                              int64_t now_ms);
/* After INIT_NEW_ID, with an id. */
struct txn_data txn_init_with_id(const struct txn_data *now, const struct init_request *q,
                                 int64_t producer_id, int64_t now_ms);

#endif
