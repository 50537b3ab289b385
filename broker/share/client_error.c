#include "broker/share/client_error.h"

#include "errors.h"

int16_t
share_client_error(int16_t err)
{
    switch (err) {
    case 0: return 0;
    case K_ERR_NOT_COORDINATOR:
    case K_ERR_COORDINATOR_NOT_AVAILABLE:
    case K_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case K_ERR_REQUEST_TIMED_OUT: return K_ERR_COORDINATOR_NOT_AVAILABLE;
    case K_ERR_GROUP_ID_NOT_FOUND:
    case K_ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case K_ERR_NOT_LEADER_OR_FOLLOWER: return err;
    case K_ERR_FENCED_LEADER_EPOCH:
    case K_ERR_FENCED_STATE_EPOCH: return K_ERR_NOT_LEADER_OR_FOLLOWER;
    default: return K_ERR_UNKNOWN_SERVER_ERROR;
    }
}

bool
share_error_is_final(int16_t err)
{
    switch (err) {
    case K_ERR_GROUP_ID_NOT_FOUND:
    case K_ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case K_ERR_FENCED_LEADER_EPOCH:
    case K_ERR_FENCED_STATE_EPOCH:
    case K_ERR_INVALID_REQUEST: return true;
    default: return false;
    }
}
