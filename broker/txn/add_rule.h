/* May a producer add partitions to its transaction, or write to one that it says is part of it? Pure. */
#ifndef TXN_ADD_RULE_H
#define TXN_ADD_RULE_H

#include "broker/txn/data.h"

struct add_request {
    int64_t producer_id;
    int16_t epoch;
    bool verify_only; /* KIP-890: a broker asks whether it was done */
};

/* Returns 0 or the protocol's error. now NULL: the id is not known. */
int16_t txn_may_add(const struct txn_data *now, const struct add_request *q);

#endif
