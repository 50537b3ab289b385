#include "broker/log/index_lookup.h"

#include "broker/base/search.h"

const struct offset_entry *
index_floor(const struct segment_index *x, int32_t offset)
{
    LOWER_BOUND(at, x->offsets.n, i, x->offsets.v[i].offset <= offset);
    return at ? &x->offsets.v[at - 1] : NULL;
}

const struct offset_entry *
index_floor_position(const struct segment_index *x, int64_t position)
{
    LOWER_BOUND(at, x->offsets.n, i, x->offsets.v[i].position <= position);
    return at ? &x->offsets.v[at - 1] : NULL;
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
    LOWER_BOUND(at, x->times.n, i, x->times.v[i].timestamp < timestamp);
    return at ? &x->times.v[at - 1] : NULL;
}
