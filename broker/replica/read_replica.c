#include "broker/replica/read_replica.h"

/* The leader is best where it is in the same rack. Among followers the one that is furthest on: it has the records that
 * the reader will ask for next. One that has not come as far as the reader would answer that the offset is out of
 * range, and make it start over. */
int32_t
read_replica_choose(const struct read_candidate *v, int32_t n, struct slice rack, int64_t offset)
{
    int32_t best = -1;
    if (rack.n == 0) return -1;
    for (int32_t i = 0; i < n; i++) {
        if (!slice_eq(v[i].rack, rack)) continue;
        if (v[i].is_leader) return -1;
        if (offset < v[i].log_start || offset > v[i].log_end) continue;
        if (best < 0 || v[i].log_end > v[best].log_end) best = i;
    }
    return best;
}
