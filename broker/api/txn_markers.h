/* Writing markers, which end transactions, to the partitions that are led here: for WriteTxnMarkers, and for
 * transactions that are coordinated on this broker. */
#ifndef API_TXN_MARKERS_H
#define API_TXN_MARKERS_H

#include "broker/api/server.h"
#include "broker/txn/txns.h"

void txn_markers_write(struct server *s, struct marker_write *w);

#endif
