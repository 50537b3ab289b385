/* How far a share group is behind (KIP-1226). */
#ifndef GROUP_SHARE_LAG_H
#define GROUP_SHARE_LAG_H

#include <stdint.h>

/* Records that are not done with: those from the start offset to the log's end, less those among them that are. -1: not
 * known, as something of it is not (-1). */
int64_t share_lag(int64_t log_end, int64_t start_offset, int32_t done_n);

#endif
