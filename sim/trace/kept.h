/* Records in memory, for whoever goes through a trace several times: a head, its numbers, and its texts, of which those that
 * come again and again are kept once. To read one again takes a tenth of what it takes to decode it. They come from a
 * trace that is read (trace_keep()), or from the writer, while it writes (trace_options.kept). */
#ifndef SIM_TRACE_KEPT_H
#define SIM_TRACE_KEPT_H

#include "broker/env/trace.h"

struct trace_kept;

/* Of these kinds only (bits: 1 << enum trace_kind). */
struct trace_kept *trace_kept_new(struct mem *mem, uint32_t kinds);
void trace_kept_free(struct trace_kept *k);
/* Copies its texts. Nothing, if it is of another kind. */
void trace_kept_add(struct trace_kept *k, const struct trace_record *t);
/* False at the end. */
bool trace_kept_next(struct trace_kept *k, struct trace_record *ret);
void trace_kept_rewind(struct trace_kept *k);

#endif
