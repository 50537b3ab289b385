/* When a transaction has gone on for too long, and when its id may be forgotten. Pure. */
#ifndef TXN_TIME_RULE_H
#define TXN_TIME_RULE_H

#include "broker/txn/data.h"

/* transaction.timeout.ms of the producer: then it is aborted, so that readers can go on. */
bool txn_is_over_time(const struct txn_data *now, int64_t now_ms);
/* transactional.id.expiration.ms. */
bool txn_is_forgotten(const struct txn_data *now, int64_t expiration_ms, int64_t now_ms);

#endif
