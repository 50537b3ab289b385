/* Reads a trace that lies in memory as a whole, in order of time, from the beginning or from any
 * moment; and compares two. */
#ifndef SIM_TRACE_READER_H
#define SIM_TRACE_READER_H

#include "broker/env/trace.h"
#include "sim/trace/kept.h"

struct trace_reader;

/* NULL: not a trace, or its end is missing. The bytes must stay. */
struct trace_reader *trace_reader_new(struct mem *mem, struct slice file);
/* Of what the writer kept: there is no file that would have to be read. It stays the caller's, and must stay; it cannot be
 * sought in. */
struct trace_reader *trace_reader_of(struct mem *mem, struct trace_kept *kept);
void trace_reader_free(struct trace_reader *r);
/* False at the end. Slices in the record live until the next block begins: until the next call. */
bool trace_next(struct trace_reader *r, struct trace_record *ret);
/* True if something was malformed. */
bool trace_is_damaged(const struct trace_reader *r);
void trace_rewind(struct trace_reader *r);
/* From now on it gives the records of these kinds only (bits: 1 << enum trace_kind), from memory: for whoever goes through
 * a trace several times. It stands at the first one, and cannot seek any more. */
void trace_keep(struct trace_reader *r, uint32_t kinds);
/* To the first record at this time or later. */
void trace_seek(struct trace_reader *r, int64_t at_ns);

/* The first record in which two traces of the same run differ, looking at what machines saw and did
 * (start, order, event, effects by their hash), not at notes and words. */
struct trace_difference {
    bool found;
    int64_t position; /* among those records, from 0 */
    bool a_ends, b_ends;
    struct trace_record a, b; /* without texts */
};
struct trace_difference trace_compare(struct trace_reader *a, struct trace_reader *b);

#endif
