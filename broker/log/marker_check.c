#include "broker/log/marker_check.h"

/* Since KIP-890 each end of a transaction raises the producer's epoch, and its markers carry the raised one. So a
 * marker with the epoch of the records is one of the transaction before (KIP-1228). Only when nothing is open may
 * it be equal: that is the same marker, sent again because its answer was lost. */
static bool
is_of_earlier_txn(const struct marker_view *v, int16_t epoch, int8_t txn_version)
{
    if (epoch < v->epoch) return true;
    return txn_version >= 2 && epoch == v->epoch && v->is_open;
}

enum marker_verdict
marker_check(const struct marker_view *v, int16_t epoch, int32_t coordinator_epoch,
             int8_t txn_version)
{
    if (is_of_earlier_txn(v, epoch, txn_version)) return MARKER_OLD_PRODUCER;
    /* Its successor may have decided otherwise (KIP-98, KAFKA-5099). */
    if (coordinator_epoch < v->coordinator_epoch) return MARKER_OLD_COORDINATOR;
    return MARKER_APPEND;
}
