#include "broker/group/share_lag.h"

/* The log's end may be older than the count: then nothing is left. */
int64_t
share_lag(int64_t log_end, int64_t start_offset, int32_t done_n)
{
    if (log_end < 0 || start_offset < 0 || done_n < 0) return -1;
    int64_t lag = log_end - start_offset - done_n;
    return lag > 0 ? lag : 0;
}
