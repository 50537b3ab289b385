/* Which segments are cleaned into one: neighbours, as long as what they come to now fits into a segment. So small
 * files, which cleaning leaves behind, do not become many. Pure. */
#ifndef LOG_SEGMENT_GROUPS_H
#define LOG_SEGMENT_GROUPS_H

#include "broker/base/slice.h"

struct group_segment {
    int64_t base_offset, end_offset; /* end: the next one's base */
    int64_t size_bytes, index_bytes, time_index_bytes;
};

/* Where the group that begins with v[from] ends, exclusive. */
int64_t segment_group_end(const struct group_segment *v, int64_t n, int64_t from,
                          int64_t segment_bytes, int64_t index_bytes);

#endif
