/* Writes a trace: records gather in blocks, blocks are compressed, and an index at the end tells where
 * each begins. Bytes leave through a function, so that this part needs no files.
 *
 *     block   := u32 compressed, u32 plain, the zstd frame
 *     index   := for each block: i64 position, i64 first time, i64 records before it
 *     footer  := i64 position of the index, u32 blocks, TRACE_MAGIC */
#ifndef SIM_TRACE_WRITER_H
#define SIM_TRACE_WRITER_H

#include "broker/env/trace.h"
#include "sim/trace/kept.h"

struct trace_options {
    int64_t block_bytes;     /* plain; 0: 256 KiB */
    int32_t level;           /* of zstd; 0: 1 */
    int64_t message_bytes;   /* of each frame this much is kept; 0: none */
    bool no_events;          /* leaves the skeleton out: a trace to look at, not to replay */
    struct trace_kept *kept; /* NULL, or who keeps what is written; the caller's */
};

struct trace_writer;

/* put is called with bytes in order, until trace_close() has returned. */
struct trace_writer *trace_open(struct mem *mem, const struct trace_options *o,
                                void (*put)(void *ctx, struct slice bytes), void *ctx);
void trace_write(struct trace_writer *t, const struct trace_record *r);
/* Within trace_write(): it uses functions of the core's base, and whoever watches those must not write meanwhile. */
bool trace_is_busy(const struct trace_writer *t);
bool trace_wants_bytes(const struct trace_writer *t);
/* What trace_close() would still put: behind all that was put so far it makes a whole trace, which can be read while
 * this one goes on. Appended. */
void trace_tail(const struct trace_writer *t, struct writer *ret);
/* Writes what is left and the index, and frees. */
void trace_close(struct trace_writer *t);

/* A put() that keeps everything in memory: ctx is a struct writer. */
void trace_put_memory(void *ctx, struct slice bytes);

#endif
