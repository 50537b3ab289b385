/* What the files of an opening share (open.c tells its story). */
#ifndef LOG_OPEN_H
#define LOG_OPEN_H

#include "broker/log/found_swaps.h"
#include "broker/log/internal.h"

enum open_stage {
    OPEN_MKDIR,
    OPEN_LIST,
    OPEN_CLEAN,
    OPEN_FOUND,
    OPEN_METADATA,
    OPEN_EPOCHS,
    OPEN_EPOCHS_READ,
    OPEN_SEGMENTS,
    OPEN_TXNS,
    OPEN_PRODUCERS,
    OPEN_SYNC,
    OPEN_NAME,
    OPEN_NAMED,
    OPEN_DONE,
};

struct open_job {
    struct log_job job;
    enum open_stage stage;
    bool clean;
    int64_t recovery_point, start_offset;
    int64_t
        swapped_from; /* read through from here on, synced or not: a cleaning was interrupted; INT64_MAX: none was */
    struct file_slurp slurp;
    struct file_replace replace;
    struct files_remove remove;
    struct producer_load producers;
    struct log_op sync;
    struct found_swaps swaps;
    VEC(int64_t) txns;    /* base offsets of such files */
    VEC(int64_t) orphans; /* indexes without a log */
    int64_t txn_i;
    bool txn_is_read;
    int32_t names;       /* the directory is being synced up to this count */
    int64_t epochs_from; /* where the first of the leader epochs found began */

    /* The segments. */
    int64_t i; /* being looked at */
    struct scan scan;
    struct tail_load tail;
    struct end_look end;
    int64_t file_size; /* of it */
    int64_t expected;  /* the offset after the segment before; -1: not known */
    int64_t bytes_cut;
    int64_t recovered_from; /* what lies below was not read through */
};

void open_failed(struct open_job *j, enum env_err err, const char *what, struct slice path);

/* Goes on with the segment at j->i (open_segments.c). When none is left the log ends where the last one does, and its holes
 * are known: open_segments_done(). */
void open_next_segment(struct open_job *j);
void open_segments_done(struct open_job *j);

#endif
