#include "broker/log/segment_groups.h"

int64_t
segment_group_end(const struct group_segment *v, int64_t n, int64_t from, int64_t segment_bytes,
                  int64_t index_bytes)
{
    int64_t size = v[from].size_bytes, index = v[from].index_bytes;
    int64_t times = v[from].time_index_bytes;
    int64_t i = from + 1;
    for (; i < n; i++) {
        size += v[i].size_bytes;
        index += v[i].index_bytes;
        times += v[i].time_index_bytes;
        if (size > segment_bytes || index > index_bytes || times > index_bytes) break;
        /* Offsets in an index are 32 bits from the segment's base. */
        if (v[i].size_bytes && v[i].end_offset - 1 - v[from].base_offset > INT32_MAX) break;
    }
    return i;
}
