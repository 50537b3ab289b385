/* What a producer is told when its transaction's coordinator does not vouch for a partition. Pure. */
#ifndef TXN_VERIFY_ERROR_H
#define TXN_VERIFY_ERROR_H

#include <stdbool.h>
#include <stdint.h>

/* What the version of the producer's request says of it. */
enum txn_client {
    TXN_CLIENT_OLD,          /* Produce up to 10, TxnOffsetCommit up to 3 */
    TXN_CLIENT_KNOWS_ABORTS, /* Produce 11, TxnOffsetCommit 4: knows TRANSACTION_ABORTABLE (KIP-890) */
    TXN_CLIENT_ADDS,         /* from Produce 12, TxnOffsetCommit 5 on: the broker adds for it */
};
enum txn_client txn_client_of_produce(int16_t version);
enum txn_client txn_client_of_offset_commit(int16_t version);

/* Is the coordinator asked before a transaction begins in a partition? verifies: by the setting
 * transaction.partition.verification.enable. It turns off checking alone; who leaves the adding to the broker has it done. */
bool txn_asks_coordinator(enum txn_client client, bool verifies);

/* err: the coordinator's, or NETWORK_EXCEPTION when it cannot be asked. */
int16_t txn_verify_error(int16_t err, enum txn_client client);
/* The same, once more, for Produce: errors of coordinators are none that a producer expects from a leader. */
int16_t txn_produce_error(int16_t err, enum txn_client client);

#endif
