/* rule: few-looks
 * It goes from entry to entry. */
#include "broker/log/index_lookup.h"

const struct offset_entry *
index_floor(const struct segment_index *x, int32_t offset)
{
    const struct offset_entry *found = NULL;
    for (int64_t i = 0; i < x->offsets.n; i++)
        if (x->offsets.v[i].offset <= offset) found = &x->offsets.v[i];
    return found;
}

const struct offset_entry *
index_floor_position(const struct segment_index *x, int64_t position)
{
    int64_t lo = 0, hi = x->offsets.n;
    while (lo < hi) {
        int64_t mid = (lo + hi) / 2;
        if (x->offsets.v[mid].position <= position) lo = mid + 1;
        else hi = mid;
    }
    return lo ? &x->offsets.v[lo - 1] : NULL;
}

const struct offset_entry *
index_ceiling_position(const struct segment_index *x, int64_t position)
{
    const struct offset_entry *before = index_floor_position(x, position - 1);
    int64_t next = before ? before - x->offsets.v + 1 : 0;
    return next < x->offsets.n ? &x->offsets.v[next] : NULL;
}

const struct time_entry *
index_before_time(const struct segment_index *x, int64_t timestamp)
{
    int64_t lo = 0, hi = x->times.n;
    while (lo < hi) {
        int64_t mid = (lo + hi) / 2;
        if (x->times.v[mid].timestamp < timestamp) lo = mid + 1;
        else hi = mid;
    }
    return lo ? &x->times.v[lo - 1] : NULL;
}
