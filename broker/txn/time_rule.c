#include "broker/txn/time_rule.h"

bool
txn_is_over_time(const struct txn_data *now, int64_t now_ms)
{
    return now->state == TXN_ONGOING && now->started_ms + now->timeout_ms < now_ms;
}

/* Never one that is under way: its markers would be forgotten with it. */
bool
txn_is_forgotten(const struct txn_data *now, int64_t expiration_ms, int64_t now_ms)
{
    bool is_idle = now->state == TXN_EMPTY || txn_state_is_complete(now->state);
    return is_idle && now->updated_ms <= now_ms - expiration_ms;
}
