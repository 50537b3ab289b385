/* A sparse index is asked: from where does one have to read? Both kinds of entries ascend. An index of 1 GiB of log
 * has a quarter of a million entries, and each fetch asks: the answer must not look at all of them. */
#ifndef LOG_INDEX_LOOKUP_H
#define LOG_INDEX_LOOKUP_H

#include "broker/log/segment_index.h"

/* The last entry at or below offset, or NULL: whoever looks for the offset begins to read where it says, or, without
 * one, at the beginning. */
const struct offset_entry *index_floor(const struct segment_index *x, int32_t offset);
/* The last entry at or before position, or NULL. */
const struct offset_entry *index_floor_position(const struct segment_index *x, int64_t position);
/* The first entry at or after position, or NULL. */
const struct offset_entry *index_ceiling_position(const struct segment_index *x, int64_t position);
/* The last entry with a timestamp below `timestamp`, or NULL. */
const struct time_entry *index_before_time(const struct segment_index *x, int64_t timestamp);

#endif
