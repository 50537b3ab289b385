#include "broker/txn/marker_answer.h"

#include "errors.h"

/* A decision is carried out in every partition, however long that takes (KIP-98: the prepared record is the point of
 * no return). So whatever is not known to be final is tried again; Kafka ends itself on errors that it does not
 * expect. */
enum marker_outcome
marker_answer(int16_t err)
{
    switch (err) {
    case K_ERR_NONE: return MARKER_IS_WRITTEN;
    case K_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT: /* it cannot have transactional records */
    case K_ERR_UNSUPPORTED_VERSION: return MARKER_IS_WRITTEN;
    case K_ERR_TRANSACTION_COORDINATOR_FENCED: return MARKER_OBSOLETE;
    /* Its producer has gone further in that partition, which nobody could let it but a later coordinator. */
    case K_ERR_INVALID_PRODUCER_EPOCH: return MARKER_OBSOLETE;
    default: return MARKER_AGAIN;
    }
}
