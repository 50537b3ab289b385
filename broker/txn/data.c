#include "broker/txn/data.h"

#include "broker/base/check.h"

static const char *const state_names[TXN_STATES_N] = {
    [TXN_EMPTY] = "Empty",
    [TXN_ONGOING] = "Ongoing",
    [TXN_PREPARE_COMMIT] = "PrepareCommit",
    [TXN_PREPARE_ABORT] = "PrepareAbort",
    [TXN_COMPLETE_COMMIT] = "CompleteCommit",
    [TXN_COMPLETE_ABORT] = "CompleteAbort",
    [TXN_DEAD] = "Dead",
};

struct slice
txn_state_name(enum txn_state s)
{
    return slice_cstr(state_names[s]);
}

#define CAN(s) (1u << (s))

static const uint32_t moves[TXN_STATES_N] = {
    [TXN_EMPTY] = CAN(TXN_EMPTY) | CAN(TXN_ONGOING) | CAN(TXN_PREPARE_ABORT) | CAN(TXN_DEAD),
    [TXN_ONGOING] = CAN(TXN_ONGOING) | CAN(TXN_PREPARE_COMMIT) | CAN(TXN_PREPARE_ABORT),
    [TXN_PREPARE_COMMIT] = CAN(TXN_COMPLETE_COMMIT),
    [TXN_PREPARE_ABORT] = CAN(TXN_COMPLETE_ABORT),
    [TXN_COMPLETE_COMMIT] =
        CAN(TXN_EMPTY) | CAN(TXN_ONGOING) | CAN(TXN_PREPARE_ABORT) | CAN(TXN_DEAD),
    [TXN_COMPLETE_ABORT] =
        CAN(TXN_EMPTY) | CAN(TXN_ONGOING) | CAN(TXN_PREPARE_ABORT) | CAN(TXN_DEAD),
};

bool
txn_state_may_move(enum txn_state from, enum txn_state to)
{
    return (moves[from] & CAN(to)) != 0;
}

struct txn_data
txn_data_new(int64_t producer_id, int32_t timeout_ms, int64_t now_ms)
{
    return (struct txn_data){.producer_id = producer_id,
                             .previous_producer_id = NO_PRODUCER_ID,
                             .next_producer_id = NO_PRODUCER_ID,
                             .epoch = NO_PRODUCER_EPOCH,
                             .last_epoch = NO_PRODUCER_EPOCH,
                             .timeout_ms = timeout_ms,
                             .state = TXN_EMPTY,
                             .started_ms = -1,
                             .updated_ms = now_ms};
}

bool
txn_epoch_is_exhausted(int16_t epoch)
{
    return epoch >= TXN_EPOCH_MAX - 1;
}

int16_t
txn_epoch_raised(int16_t epoch)
{
    return (int16_t)(epoch < TXN_EPOCH_MAX ? epoch + 1 : epoch);
}

struct txn_data
txn_moved_on(const struct txn_data *now, int16_t client_version, int64_t now_ms)
{
    struct txn_data next = *now;
    CHECK(txn_state_may_move(now->state, TXN_ONGOING));
    next.state = TXN_ONGOING;
    next.previous_producer_id = now->producer_id;
    next.client_version = client_version;
    if (now->state != TXN_ONGOING) next.started_ms = now_ms;
    next.updated_ms = now_ms;
    return next;
}

struct txn_data
txn_completed(const struct txn_data *prepared, int64_t now_ms)
{
    struct txn_data next = *prepared;
    next.state = prepared->state == TXN_PREPARE_COMMIT ? TXN_COMPLETE_COMMIT : TXN_COMPLETE_ABORT;
    CHECK(txn_state_may_move(prepared->state, next.state));
    next.previous_producer_id = prepared->producer_id;
    if (prepared->client_version >= 2 && prepared->next_producer_id != NO_PRODUCER_ID) {
        next.producer_id = prepared->next_producer_id;
        next.epoch = 0;
    }
    next.next_producer_id = NO_PRODUCER_ID;
    next.updated_ms = now_ms;
    return next;
}
