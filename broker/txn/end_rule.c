#include "broker/txn/end_rule.h"

#include "errors.h"

static struct end_decision
refuse(int16_t err)
{
    return (struct end_decision){END_REFUSED, err};
}

static const struct end_decision done = {.verdict = END_IS_DONE};

/* ---- version 1: the epoch stays, so the state alone tells a request that is sent again ------------ */

static struct end_decision
end_in_state_v1(enum txn_state state, bool commit)
{
    switch (state) {
    case TXN_ONGOING: return (struct end_decision){.verdict = END_PREPARE};
    case TXN_COMPLETE_COMMIT: return commit ? done : refuse(K_ERR_INVALID_TXN_STATE);
    case TXN_COMPLETE_ABORT: return commit ? refuse(K_ERR_INVALID_TXN_STATE) : done;
    case TXN_PREPARE_COMMIT:
        return refuse(commit ? K_ERR_CONCURRENT_TRANSACTIONS : K_ERR_INVALID_TXN_STATE);
    case TXN_PREPARE_ABORT:
        return refuse(commit ? K_ERR_INVALID_TXN_STATE : K_ERR_CONCURRENT_TRANSACTIONS);
    case TXN_DEAD: return refuse(K_ERR_CONCURRENT_TRANSACTIONS);
    case TXN_EMPTY:
    case TXN_STATES_N: break;
    }
    return refuse(K_ERR_INVALID_TXN_STATE);
}

/* Fencing is equality (KAFKA-9600). But a request that was held up, and comes when the next transaction is ongoing
 * under the same epoch, ends that one: nothing here can tell (KAFKA-17754). Hence version 2. */
static struct end_decision
end_v1(const struct txn_data *now, const struct end_request *q)
{
    if (now->producer_id != q->producer_id) return refuse(K_ERR_INVALID_PRODUCER_ID_MAPPING);
    if (now->epoch != q->epoch) return refuse(K_ERR_PRODUCER_FENCED);
    return end_in_state_v1(now->state, q->commit);
}

/* ---- version 2 (KIP-890): each end raises the epoch ------------------------------------------------ */

/* It ended the last transaction and did not hear the answer: it names the epoch before, or the exhausted one of the
 * producer id before. */
static bool
is_retry(const struct txn_data *now, const struct end_request *q)
{
    if (now->producer_id == q->producer_id) return now->epoch == q->epoch + 1;
    return now->previous_producer_id == q->producer_id && q->epoch == TXN_EPOCH_MAX - 1 &&
           now->epoch == 0 && txn_state_is_complete(now->state);
}

static struct end_decision
prepare(const struct txn_data *now)
{
    bool exhausted = txn_epoch_is_exhausted(now->epoch);
    return (struct end_decision){.verdict = exhausted ? END_PREPARE_WITH_NEW_ID : END_PREPARE};
}

/* How the last one ended is known, so a retry that wants the other end is refused. */
static struct end_decision
retry_v2(const struct txn_data *now, bool commit)
{
    bool committed = now->state == TXN_PREPARE_COMMIT || now->state == TXN_COMPLETE_COMMIT;
    if (committed != commit) return refuse(K_ERR_INVALID_TXN_STATE);
    return txn_state_is_complete(now->state) ? done : refuse(K_ERR_CONCURRENT_TRANSACTIONS);
}

static struct end_decision
end_v2(const struct txn_data *now, const struct end_request *q)
{
    bool retry = is_retry(now, q);
    if (now->producer_id != q->producer_id && !retry)
        return refuse(K_ERR_INVALID_PRODUCER_ID_MAPPING);
    bool may_be_retry = txn_state_is_prepared(now->state) || txn_state_is_complete(now->state);
    if (retry && may_be_retry) return retry_v2(now, q->commit);
    if (now->epoch != q->epoch || txn_state_is_prepared(now->state))
        return refuse(K_ERR_PRODUCER_FENCED);
    if (now->state == TXN_DEAD) return refuse(K_ERR_CONCURRENT_TRANSACTIONS);
    /* A producer aborts when it does not know whether anything of it came: then there may be nothing, and the
     * epoch is raised all the same, against what may yet come. */
    if (now->state == TXN_ONGOING || !q->commit) return prepare(now);
    return refuse(K_ERR_INVALID_TXN_STATE);
}

struct end_decision
txn_end(const struct txn_data *now, const struct end_request *q)
{
    if (!now) return refuse(K_ERR_INVALID_PRODUCER_ID_MAPPING);
    return q->version >= 2 ? end_v2(now, q) : end_v1(now, q);
}
