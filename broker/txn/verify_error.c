#include "broker/txn/verify_error.h"

#include "errors.h"

enum txn_client
txn_client_of_produce(int16_t version)
{
    if (version >= 12) return TXN_CLIENT_ADDS;
    return version == 11 ? TXN_CLIENT_KNOWS_ABORTS : TXN_CLIENT_OLD;
}

enum txn_client
txn_client_of_offset_commit(int16_t version)
{
    if (version >= 5) return TXN_CLIENT_ADDS;
    return version == 4 ? TXN_CLIENT_KNOWS_ABORTS : TXN_CLIENT_OLD;
}

bool
txn_asks_coordinator(enum txn_client client, bool verifies)
{
    return verifies || client == TXN_CLIENT_ADDS;
}

int16_t
txn_verify_error(int16_t err, enum txn_client client)
{
    if (err == K_ERR_PRODUCER_FENCED) return K_ERR_INVALID_PRODUCER_EPOCH;
    /* Who does not know that error would not know, either, that it may abort and go on. */
    if (err == K_ERR_TRANSACTION_ABORTABLE && client == TXN_CLIENT_OLD)
        return K_ERR_INVALID_TXN_STATE;
    return err;
}

/* NOT_ENOUGH_REPLICAS makes old producers try again without asking for metadata (KIP-890). */
int16_t
txn_produce_error(int16_t err, enum txn_client client)
{
    switch (err) {
    case K_ERR_NETWORK_EXCEPTION:
    case K_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case K_ERR_COORDINATOR_NOT_AVAILABLE:
    case K_ERR_NOT_COORDINATOR: return K_ERR_NOT_ENOUGH_REPLICAS;
    case K_ERR_CONCURRENT_TRANSACTIONS:
        return client == TXN_CLIENT_ADDS ? err : K_ERR_NOT_ENOUGH_REPLICAS;
    default: return err;
    }
}
