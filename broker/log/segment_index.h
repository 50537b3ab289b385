/* The sparse indexes of a segment, in memory: which batch lies where (.index), and which offset has the
 * greatest timestamp so far (.timeindex). About one entry for each index.interval.bytes.
 *
 *     .index      int32 last offset of a batch - base, int32 where the batch begins
 *     .timeindex  int64 greatest timestamp so far, int32 offset of its batch's end - base; of a segment without
 *                 timestamps one entry with -1, which tells this from a file that has lost its entries
 *
 * Asked by index_lookup.h. They are hints: what they say about a position is looked up in the log itself. Files that do not
 * make sense are made anew from the log. */
#ifndef LOG_SEGMENT_INDEX_H
#define LOG_SEGMENT_INDEX_H

#include "broker/base/bytes.h"

#define OFFSET_ENTRY_BYTES 8
#define TIME_ENTRY_BYTES 12

struct offset_entry {
    int32_t offset, position;
};
struct time_entry {
    int64_t timestamp;
    int32_t offset;
};

struct segment_index {
    VEC(struct offset_entry) offsets;
    VEC(struct time_entry) times;
    bool has_no_times; /* so the file said */
};

void segment_index_release(struct segment_index *x, struct mem *mem);

/* Both ascend strictly; an entry that does not is left out. */
void index_add_offset(struct segment_index *x, struct mem *mem, int32_t offset, int32_t position);
void index_add_time(struct segment_index *x, struct mem *mem, int64_t timestamp, int32_t offset);
/* Drops what lies at or above. */
void index_truncate(struct segment_index *x, int32_t offset);

void index_print_offsets(const struct segment_index *x, struct writer *w);
void index_print_times(const struct segment_index *x, struct writer *w);
/* Of a segment without timestamps that ends with this offset. */
void index_print_no_times(struct writer *w, int32_t last_offset);
/* False if the text cannot be an index of a log file of log_bytes; x is then empty. Zeroes at the end
 * (a preallocated file that was not trimmed) are left out. A time index may have no entry: records need
 * not have timestamps. */
bool index_parse(struct segment_index *x, struct mem *mem, struct slice offsets, struct slice times,
                 int64_t log_bytes);

#endif
