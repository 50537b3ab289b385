#include "broker/txn/init_rule.h"

#include "errors.h"

static bool
goes_on(const struct init_request *q)
{
    return q->producer_id != NO_PRODUCER_ID;
}

/* Who goes on names its own id. Or the one before, when that was given up for its exhausted epochs: then it never
 * heard the answer. Nobody has been told anything of an id that is new. */
static bool
is_its_producer(const struct txn_data *now, const struct init_request *q)
{
    if (!goes_on(q) || now->epoch == NO_PRODUCER_EPOCH) return true;
    if (q->producer_id == now->producer_id) return true;
    return q->producer_id == now->previous_producer_id && txn_epoch_is_exhausted(q->epoch);
}

static struct init_decision
refuse(int16_t err)
{
    return (struct init_decision){.verdict = INIT_REFUSED, .err = err};
}

static struct txn_data
begin_anew(const struct txn_data *now, const struct init_request *q, int64_t now_ms)
{
    struct txn_data next = *now;
    next.state = TXN_EMPTY;
    next.previous_producer_id = now->producer_id;
    next.next_producer_id = NO_PRODUCER_ID;
    next.timeout_ms = q->timeout_ms;
    next.started_ms = -1;
    next.updated_ms = now_ms;
    return next;
}

/* A new instance takes the next epoch: its predecessor, which may only be slow, is fenced (KIP-98). One that goes on
 * is given the next one, too, or hears again what it was given; anybody else has been replaced (KIP-360). */
static struct init_decision
raise_or_repeat(const struct txn_data *now, const struct init_request *q, int64_t now_ms)
{
    struct init_decision d = {.verdict = INIT_READY, .next = begin_anew(now, q, now_ms)};
    if (!goes_on(q) || now->epoch == NO_PRODUCER_EPOCH || q->epoch == now->epoch) {
        d.next.epoch = (int16_t)(now->epoch + 1);
        d.next.last_epoch = goes_on(q) ? now->epoch : NO_PRODUCER_EPOCH;
        return d;
    }
    return q->epoch == now->last_epoch ? d : refuse(K_ERR_PRODUCER_FENCED);
}

struct init_decision
txn_init(const struct txn_data *now, const struct init_request *q, int64_t now_ms)
{
    if (!is_its_producer(now, q)) return refuse(K_ERR_PRODUCER_FENCED);
    switch (now->state) {
    case TXN_PREPARE_COMMIT:
    case TXN_PREPARE_ABORT: return refuse(K_ERR_CONCURRENT_TRANSACTIONS);
    case TXN_ONGOING: return (struct init_decision){.verdict = INIT_ABORT_FIRST};
    case TXN_DEAD: return refuse(K_ERR_CONCURRENT_TRANSACTIONS);
    case TXN_EMPTY:
    case TXN_COMPLETE_COMMIT:
    case TXN_COMPLETE_ABORT:
    case TXN_STATES_N: break;
    }
    bool is_present = !goes_on(q) || q->epoch == now->epoch;
    if (txn_epoch_is_exhausted(now->epoch) && is_present)
        return (struct init_decision){.verdict = INIT_NEW_ID};
    return raise_or_repeat(now, q, now_ms);
}

struct txn_data
txn_init_with_id(const struct txn_data *now, const struct init_request *q, int64_t producer_id,
                 int64_t now_ms)
{
    struct txn_data next = begin_anew(now, q, now_ms);
    next.producer_id = producer_id;
    next.epoch = 0;
    next.last_epoch = (int16_t)(goes_on(q) ? now->epoch : NO_PRODUCER_EPOCH);
    return next;
}
