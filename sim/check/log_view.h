/* Follows a log on its disk, header by header, so that each batch is read once: no node is asked what it has written or
 * synced. Two places are kept, the end of what was looked at and the end of what would surely survive a power loss:
 *
 *      00…0.log │ batch │ batch │ 00…4711.log │ batch │ batch │ batch │ …
 *                         durable ▲                     next ▲
 */
#ifndef SIM_CHECK_LOG_VIEW_H
#define SIM_CHECK_LOG_VIEW_H

#include "broker/record/batch.h"
#include "sim/world/fault.h"

struct log_view;

/* subject: "orders-0". */
struct log_view *log_view_new(struct mem *mem, struct machine *m, struct slice subject);
void log_view_free(struct log_view *v);
/* The next batch below this end, as the cache has it. False: there is none. */
bool log_view_next(struct log_view *v, int64_t end, struct batch_header *ret);
/* From the start of the log to this end: up to where it lies there whole, on the medium. */
int64_t log_view_durable(struct log_view *v, int64_t start, int64_t end);
/* All that the files of the log hold is on the medium. */
bool log_view_is_settled(struct log_view *v);
/* The bytes of the batch that log_view_next() gave last; the caller frees them. False: they cannot be read. */
bool log_view_batch(struct log_view *v, struct slice *ret);
/* It is read from this offset on. */
void log_view_begin(struct log_view *v, int64_t offset);
/* What lay at or above this end is gone, or others are there now. */
void log_view_cut(struct log_view *v, int64_t end);
/* Where it lies, with a slash at the end; empty: not found yet. */
struct slice log_view_directory(const struct log_view *v);
/* Where the next batch begins. */
int64_t log_view_end(const struct log_view *v);

#endif
