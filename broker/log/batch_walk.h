/* Walks over the batches of a segment's file, whole ones with the right sum and with offsets in their order (which no sum
 * covers), and takes their records out of compression. For a job: when something is to be waited for, the job's step() is called after that, and asks again.
 *
 *     while ((w = walk_next(&walk, job, err)) == WALK_BATCH) …  walk.h, walk.batch; perhaps walk_payload() */
#ifndef LOG_BATCH_WALK_H
#define LOG_BATCH_WALK_H

#include "broker/log/internal.h"

enum walk { WALK_BATCH, WALK_WAITS, WALK_END, WALK_BROKEN };

struct batch_walk {
    struct segment *segment; /* pinned */
    int64_t window_bytes;    /* read at a time; a batch may be larger */
    int64_t payload_max;     /* what a batch may come to, in memory */
    int64_t looked_bytes;    /* in all */
    const char *why;         /* WALK_BROKEN: "checksum differs" */
    /* The batch that was given, or was to be given. */
    struct batch_header h;
    struct slice batch, payload;
    int64_t position;
    /* private */
    int64_t next;                   /* where the next one begins */
    int64_t offset_min, offset_end; /* … and between what its offsets lie */
    struct buf *window, *inflated;
    int64_t window_at;
    bool is_reading, is_inflating;
};

/* All offsets are below offset_end. */
void walk_begin(struct batch_walk *w, struct segment *s, int64_t offset_end, int64_t window_bytes,
                int64_t payload_max);
/* Lets go of everything; harmless when nothing was begun. */
void walk_release(struct batch_walk *w);
/* The next batch. */
enum walk walk_next(struct batch_walk *w, struct log_job *job);
/* Its records, not compressed, in w->payload: WALK_BATCH, WALK_WAITS or WALK_BROKEN; err: of the job's operation, if
 * one was waited for. */
enum walk walk_payload(struct batch_walk *w, struct log_job *job, enum env_err err);

#endif
