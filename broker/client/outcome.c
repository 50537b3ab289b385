#include "broker/client/outcome.h"

#include "broker/protocol/tables.h"

#include "errors.h"

enum attempt
attempt_of(int16_t error)
{
    switch (error) {
    case K_ERR_NONE:
    case K_ERR_DUPLICATE_SEQUENCE_NUMBER: return ATTEMPT_STORED;
    case K_ERR_CORRUPT_MESSAGE:
    case K_ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case K_ERR_LEADER_NOT_AVAILABLE:
    case K_ERR_MESSAGE_TOO_LARGE:
    case K_ERR_RECORD_LIST_TOO_LARGE:
    case K_ERR_INVALID_TOPIC_EXCEPTION:
    case K_ERR_NOT_ENOUGH_REPLICAS:
    case K_ERR_INVALID_REQUIRED_ACKS:
    case K_ERR_TOPIC_AUTHORIZATION_FAILED:
    case K_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case K_ERR_INVALID_TIMESTAMP:
    case K_ERR_UNSUPPORTED_VERSION:
    case K_ERR_INVALID_REQUEST:
    case K_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
    case K_ERR_POLICY_VIOLATION:
    case K_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER:
    case K_ERR_INVALID_PRODUCER_EPOCH:
    case K_ERR_PRODUCER_FENCED:
    case K_ERR_UNKNOWN_PRODUCER_ID:
    case K_ERR_UNSUPPORTED_COMPRESSION_TYPE:
    case K_ERR_INVALID_RECORD:
    case K_ERR_UNKNOWN_TOPIC_ID:
    case K_ERR_INCONSISTENT_TOPIC_ID:
    case K_ERR_INVALID_TXN_STATE:
    case K_ERR_INVALID_PRODUCER_ID_MAPPING:
    case K_ERR_CONCURRENT_TRANSACTIONS:
    case K_ERR_TRANSACTION_ABORTABLE:
    case K_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case K_ERR_THROTTLING_QUOTA_EXCEEDED: return ATTEMPT_REFUSED;
    default: return ATTEMPT_UNKNOWN;
    }
}

bool
attempt_is_retriable(int16_t error, bool idempotent)
{
    switch (error) {
    case K_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER:
    case K_ERR_INVALID_PRODUCER_EPOCH:
    case K_ERR_UNKNOWN_PRODUCER_ID: return idempotent;
    default: return k_err_is_retriable(error);
    }
}

bool
coordinator_leaves_doubt(int16_t error)
{
    switch (error) {
    case K_ERR_NETWORK_EXCEPTION:
    case K_ERR_NOT_COORDINATOR:
    case K_ERR_COORDINATOR_NOT_AVAILABLE:
    case K_ERR_REQUEST_TIMED_OUT:
    case K_ERR_UNKNOWN_SERVER_ERROR: return true;
    default: return false;
    }
}
