/* May this marker, which ends a producer's transaction in a partition, be appended? Markers come from
 * transaction coordinators, and one that was replaced may still be sending (KIP-98). Pure. */
#ifndef LOG_MARKER_CHECK_H
#define LOG_MARKER_CHECK_H

#include <stdbool.h>
#include <stdint.h>

/* What the log knows of the producer. */
struct marker_view {
    int16_t epoch;             /* -1: nothing known of it */
    int32_t coordinator_epoch; /* of its last marker; -1: none */
    bool is_open;              /* it has a transaction in this log */
};

enum marker_verdict {
    MARKER_APPEND,
    MARKER_OLD_PRODUCER,    /* of a transaction that is over */
    MARKER_OLD_COORDINATOR, /* from a coordinator that has a successor */
};

/* txn_version: that of the transaction (transaction.version); below 2: markers carry the epoch of the records. */
enum marker_verdict marker_check(const struct marker_view *v, int16_t epoch,
                                 int32_t coordinator_epoch, int8_t txn_version);

#endif
