/* What the files of this folder share: segments, and jobs (what takes several operations). */
#ifndef LOG_INTERNAL_H
#define LOG_INTERNAL_H

#include "broker/log/commitlog.h"
#include "broker/log/file_replace.h"
#include "broker/log/open_files.h"
#include "broker/log/producer_state.h"
#include "broker/log/segment_index.h"
#include "broker/record/batch.h"

/* ---- jobs ------------------------------------------------------------------------------------- */

/* Whoever waits for a segment's file or index. */
struct segment_wait {
    struct list node;
    void (*ready)(struct segment_wait *w, enum env_err err);
};

/* The head of every job. step() is called again after each wait, with its outcome; it looks at where
 * things stand and waits for the next thing or ends. */
struct log_job {
    struct list node; /* log->jobs */
    struct commitlog *log;
    struct op op;
    struct segment_wait wait;
    struct task task;
    void (*step)(struct log_job *job, enum env_err err);
    int64_t bytes;
    bool has_waited; /* so callbacks may be called */
};

/* Zeroed, `bytes` in all, listed among the log's jobs. */
void *job_new(struct commitlog *log, int64_t bytes, void (*step)(struct log_job *, enum env_err));
/* Frees it. What waits for the log to be idle may go on. */
void job_end(struct log_job *job);
/* step() in a later step. */
void job_soon(struct log_job *job);
#define JOB_NEW(log, type, step) \
    ((struct type *)job_new((log), (int64_t)sizeof(struct type), (step)))

/* ---- segments --------------------------------------------------------------------------------- */

enum segment_file { SEGMENT_CLOSED, SEGMENT_OPENING, SEGMENT_IS_OPEN, SEGMENT_CLOSING };

/* Where a batch lies. */
struct batch_place {
    int64_t base_offset;
    int32_t last_delta, position;
};

struct segment {
    struct env *env;
    struct commitlog *log; /* NULL: no longer one of the log's */
    int64_t base_offset;
    int64_t end_offset;    /* after its last batch: assigned */
    int64_t size, written; /* bytes: assigned, written */
    struct file file;      /* .log */
    enum segment_file state;
    enum { INDEX_ON_DISK, INDEX_LOADING, INDEX_IN_MEMORY } index_state;
    bool exists;      /* there is such a file */
    bool dirty;       /* written and not synced */
    bool sealed;      /* nothing will be appended */
    bool index_dirty; /* in memory is more than in the files */
    bool close_when_idle;
    int32_t pins;   /* ranges, jobs */
    int32_t ranges; /* … of which so many */
    int32_t cuts;   /* truncations so far */
    struct list file_waits, index_waits;
    struct open_files *open_files; /* NULL: no ceiling */
    struct list by_use;            /* in it, while the file is open or wanted */
    struct segment_index index;
    int64_t bytes_since_entry;
    int64_t max_timestamp, max_timestamp_offset; /* -1: none. Once segment_want_times() is true */
    enum {
        TIMES_KNOWN,
        TIMES_UNKNOWN
    } times;                             /* unknown: the time index is empty, which may be right */
    bool has_no_timestamps;              /* looked at, and so it is */
    int64_t modified_ms;                 /* wall clock: when it was written to last */
    int64_t first_timestamp, created_ns; /* for segment.ms */
    int64_t roll_jitter_ms;              /* segment.jitter.ms: so much earlier */
    int32_t named;                       /* the count of names that has its file's */
    bool is_replaced; /* … by a cleaned one: what it had is to be looked for in the log again */
    bool index_is_saving;
    bool
        is_swap; /* while the log is being opened: a cleaned one whose file is still named .log.swap */
    VEC(struct batch_place) recent; /* the last batches, when the log was written to */
};

struct segment *segment_new(struct commitlog *log, int64_t base_offset);
/* One whose file is there, as the log's last. */
void segment_found(struct commitlog *log, int64_t base_offset, int64_t size, int64_t modified_ms);
/* Gives up the memory, now or when the last pin is gone and the file is closed. */
void segment_drop(struct segment *s);
void segment_pin(struct segment *s);
void segment_unpin(struct segment *s);
/* Closes the file unless it is in use. */
void segment_close_file(struct segment *s);

/* There is room for it (open_files.h). */
void segment_open_now(struct segment *s);
/* Where its file lies. Good until the next path is asked for. */
struct slice segment_path(const struct segment *s);
/* Its file has got its name only now: who waits for it gets it. */
void segment_was_named(struct segment *s);
/* True: the file is open. Otherwise w->ready() will be called. Creates the file if there is none. */
bool segment_want_file(struct segment *s, struct segment_wait *w);
/* True: the index is in memory. One that is missing or broken is made anew from the log. */
bool segment_want_index(struct segment *s, struct segment_wait *w);
/* True: and max_timestamp is right, too. Readers by offset need not ask for so much: in a segment whose
 * records have no timestamps (as in one whose time index is lost) it takes a look at every batch. */
bool segment_want_times(struct segment *s, struct segment_wait *w);
void segment_drop_index(struct segment *s);

/* Takes account of the batch at this position, the next one, in the indexes. */
void index_build(struct segment *s, const struct batch_header *h, int64_t position);
/* A batch at the end of the segment: index, timestamps, size. */
void segment_place(struct segment *s, const struct batch_header *h, bool remember);
/* A last entry of the time index, so that it has the greatest timestamp. */
void segment_seal(struct segment *s);
static inline int32_t
segment_relative(const struct segment *s, int64_t offset)
{
    int64_t d = offset - s->base_offset;
    return d > INT32_MAX ? INT32_MAX : (int32_t)d;
}

/* DIR/00000000000000004711SUFFIX, in scratch memory. */
struct slice log_file_path(const struct commitlog *log, int64_t base_offset, struct slice suffix);
/* DIR/NAME. */
struct slice log_path(const struct commitlog *log, struct slice name);

/* The last segment with a base offset ≤ offset, as index into log->segments; -1 if none. */
int64_t log_segment_at(const struct commitlog *log, int64_t offset);
bool log_has_segment(const struct commitlog *log, int64_t base_offset);
static inline struct segment *
log_active(const struct commitlog *log)
{
    return log->segments.v[log->segments.n - 1];
}

/* ---- scanning --------------------------------------------------------------------------------- */

/* Walks over the batches of a segment's file. */
struct scan {
    /* The owner's. */
    struct commitlog *log;
    struct segment *segment;
    int64_t at, end; /* positions in the file */
    bool with_crc;   /* read everything and sum it up */
    /* Of the batch at `at`; when it returns false the scan ends there. */
    bool (*batch)(struct scan *s);
    void (*done)(struct scan *s, enum env_err err);
    /* What batch() looks at. */
    enum batch_err parsed;
    struct batch_header h;
    bool crc_is_right;
    struct slice head; /* the batch's beginning, at least the header; of control batches more */
    /* private */
    struct op op;
    struct segment_wait wait;
    struct buf *buf;
    int64_t buf_at, summed;
    uint32_t crc;
    int32_t step;
};
void scan_begin(struct scan *s);

/* ---- parts ------------------------------------------------------------------------------------ */

void log_fail(struct commitlog *log, enum env_err err, const char *what, struct slice path);
static inline bool
log_is_offline(const struct commitlog *log)
{
    return log->state == COMMITLOG_OFFLINE;
}
/* Whether something can be done with it now. */
enum log_err log_state_err(const struct commitlog *log);
/* A name in the directory was made or removed. A sync of the directory that was begun at a count covers
 * all changes up to it. */
static inline void
log_names_changed(struct commitlog *log)
{
    log->names_changed++;
}
static inline bool
log_names_are_durable(const struct commitlog *log)
{
    return log->names_changed == log->names_synced;
}
/* The name of its file is: after a power loss it is there. */
static inline bool
segment_name_is_durable(const struct commitlog *log, const struct segment *s)
{
    return s->exists && log->names_synced >= s->named;
}
static inline void
log_names_synced(struct commitlog *log, int32_t count)
{
    log->names_synced = MAX(log->names_synced, count);
}

/* After each write and sync: how far appends may be answered now. */
void log_settle(struct commitlog *log);
/* Those that begin at or above an offset, where the log ends now. */
void log_forget_holes(struct commitlog *log, int64_t end);
/* Wherever an end, or the start, moved: they lie in their order. */
void log_check_ends(const struct commitlog *log);
/* Writes what is waiting, if no write is in flight. */
void log_write_next(struct commitlog *log);
void log_drop_appended(struct commitlog *log);
void log_roll(struct commitlog *log, int64_t base_offset);
/* A producer snapshot for the present assigned end. */
void log_save_snapshot(struct commitlog *log);
/* Called when a job ended: closing or truncating may go on, in a later step. */
void log_check_idle(struct commitlog *log);
/* No write, sync or snapshot is under way. */
bool log_is_quiet(const struct commitlog *log);

/* Rebuilds the producers from the newest good snapshot at or below the end, then from batches. */
struct producer_load {
    void (*done)(struct producer_load *l, enum env_err err); /* the owner's */
    struct commitlog *log;
    struct file_slurp slurp;
    struct scan scan;
    int64_t from;
};
/* The snapshot is at most at `from`. */
void producers_load(struct commitlog *log, struct producer_load *l, int64_t from);
/* What is known of producers; made when first asked for. */
struct producer_state *log_producers(struct commitlog *log);
/* The next batch of the log. */
void log_apply_producer(struct commitlog *log, const struct batch_header *h, struct slice batch);

/* Reads the active segment's tail behind its last index entry, up to s->size, so that more can be
 * appended. Finds out where its batches end. */
struct tail_load {
    void (*done)(struct tail_load *t, enum env_err err); /* the owner's */
    struct scan scan;
};
void tail_load(struct commitlog *log, struct tail_load *t);

/* Renames the files of segments that have left the log, one segment after the other, each durably before the next,
 * for a later removal. `then` goes on after that (NULL: nobody). */
struct retire_job;
struct retire_job *retire_new(struct commitlog *log, struct log_job *then);
void retire_add(struct retire_job *j, int64_t base_offset);
void retire_begin(struct retire_job *j);
/* Asks a cleaning that is under way to end early; log_check_idle() tells when it has. Harmless without one. */
void log_stop_cleaning(struct commitlog *log);
/* What it waited for may be over. */
void log_cleaning_goes_on(struct commitlog *log);

/* Finds the offset after the last batch of a closed segment; -1: its file is not whole. */
struct end_look {
    void (*done)(struct end_look *e, enum env_err err); /* the owner's */
    int64_t end;
    struct op op;
    struct file index;
    struct buf *buf;
    struct scan scan;
};
void segment_find_end(struct segment *s, struct end_look *e);

/* Removes files one after the other; those that do not exist are fine. */
struct files_remove {
    void (*done)(struct files_remove *r, enum env_err err); /* the owner's */
    struct commitlog *log;
    struct op op;
    VEC(struct slice) paths; /* mem_dup()ed; gone with done() */
    int64_t at;
};
void files_remove_add(struct files_remove *r, struct commitlog *log, struct slice path);
/* All files of a segment, the log first. */
void files_remove_add_segment(struct files_remove *r, struct commitlog *log, int64_t base_offset);
void files_remove(struct files_remove *r, struct commitlog *log);

/* Writes .index, .timeindex and (if any was aborted) .txnindex and syncs them. */
struct index_save {
    void (*done)(struct index_save *x, enum env_err err); /* the owner's */
    struct segment *segment;
    /* Of a segment that is being made: ".cleaned", and the aborted transactions with markers in it. */
    struct slice suffix;
    const struct txn_index *aborted; /* NULL: the log's */
    struct op op;
    struct file file;
    struct buf *buf;
    enum env_err err;
    int32_t at;
};
void index_save(struct segment *s, struct index_save *x);

#endif
