/* What is stored of a transactional id: who its producer is, and how its present transaction stands.
 *
 *                      AddPartitions, AddOffsets           EndTxn is durable             every partition has
 *                      or (version 2) a Produce                                          its marker
 *     EMPTY ───────────────────► ONGOING ──┬──────────► PREPARE_COMMIT ──────────► COMPLETE_COMMIT
 *       ▲                          ▲       └──────────► PREPARE_ABORT ───────────► COMPLETE_ABORT
 *       │ InitProducerId           │                      ▲   also when its time is over, and when a new
 *       └──────────────────────────┴── COMPLETE_… ────────┘   instance of the producer begins
 *                                                        version 2: an abort of nothing
 *
 * COMPLETE_… is as EMPTY, but remembers how the last one ended, for EndTxn that is sent again. DEAD: the id is
 * being forgotten. The numbers are those of TransactionLogValue.
 *
 * Here are the moves, as functions of what is and what is asked; each gives what will be, once that is
 * committed in __transaction_state. Rules about who may ask: init_rule.h, add_rule.h, end_rule.h. */
#ifndef TXN_DATA_H
#define TXN_DATA_H

#include "broker/base/slice.h"

enum txn_state {
    TXN_EMPTY,
    TXN_ONGOING,
    TXN_PREPARE_COMMIT,
    TXN_PREPARE_ABORT,
    TXN_COMPLETE_COMMIT,
    TXN_COMPLETE_ABORT,
    TXN_DEAD,
    TXN_STATES_N,
};
/* "Ongoing" … as Kafka's tools spell them. */
struct slice txn_state_name(enum txn_state s);
/* Whether the drawing has that arrow. */
bool txn_state_may_move(enum txn_state from, enum txn_state to);
static inline bool
txn_state_is_prepared(enum txn_state s)
{
    return s == TXN_PREPARE_COMMIT || s == TXN_PREPARE_ABORT;
}
static inline bool
txn_state_is_complete(enum txn_state s)
{
    return s == TXN_COMPLETE_COMMIT || s == TXN_COMPLETE_ABORT;
}

#define NO_PRODUCER_ID (-1LL)
#define NO_PRODUCER_EPOCH (-1)

struct txn_data {
    int64_t producer_id, previous_producer_id;
    int64_t
        next_producer_id; /* takes the place of producer_id at the end of this transaction; -1: none */
    int16_t epoch;        /* -1: no producer has been told one */
    int16_t last_epoch;     /* the one before, which its producer may still name; -1: none */
    int16_t client_version; /* transaction.version that the producer goes by */
    int32_t timeout_ms;
    enum txn_state state;
    int64_t started_ms; /* -1: not begun */
    int64_t updated_ms;
};

/* A transactional id that was never seen. */
struct txn_data txn_data_new(int64_t producer_id, int32_t timeout_ms, int64_t now_ms);

/* No producer is given the greatest epoch, so that there is always one left to fence it with. */
#define TXN_EPOCH_MAX INT16_MAX
bool txn_epoch_is_exhausted(int16_t epoch);
int16_t txn_epoch_raised(int16_t epoch);

/* Partitions were added. */
struct txn_data txn_moved_on(const struct txn_data *now, int16_t client_version, int64_t now_ms);
/* The producer ended it. next_id: for an exhausted epoch (version 2), else NO_PRODUCER_ID. */
struct txn_data txn_prepared(const struct txn_data *now, bool commit, int16_t client_version,
                             int64_t next_id, int64_t now_ms);
/* The coordinator aborts an ongoing one: its time is over, or another instance of the producer begins. version:
 * that of the cluster. */
struct txn_data txn_fenced(const struct txn_data *now, int16_t version, int64_t now_ms);
/* Every partition has its marker. */
struct txn_data txn_completed(const struct txn_data *prepared, int64_t now_ms);

#endif
