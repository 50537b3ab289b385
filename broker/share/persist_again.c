#include "broker/share/persist_again.h"

#include "errors.h"

/* What has been refused for good, by epochs above all, is not made true by asking again. */
bool
persist_is_asked_again(int16_t err)
{
    switch (err) {
    case K_ERR_NOT_COORDINATOR:
    case K_ERR_COORDINATOR_NOT_AVAILABLE:
    case K_ERR_COORDINATOR_LOAD_IN_PROGRESS:
    case K_ERR_REQUEST_TIMED_OUT: return true;
    default: return false;
    }
}
