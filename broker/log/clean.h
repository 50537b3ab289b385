/* What the files of a cleaning share (clean.c tells its story). */
#ifndef LOG_CLEAN_H
#define LOG_CLEAN_H

#include "broker/log/batch_walk.h"
#include "broker/log/clean_batch.h"
#include "broker/log/clean_txns.h"
#include "broker/log/offset_map.h"

enum clean_stage {
    CLEAN_CLEAR, /* the map */
    CLEAN_INDEX, /* what is dirty is put into the map */
    CLEAN_GROUP, /* the next segments */
    CLEAN_OPEN,  /* the file that will take their place */
    CLEAN_FILTER,
    CLEAN_WRITTEN,
    CLEAN_SYNC,
    CLEAN_CLOSE,
    CLEAN_INDEXES,
    CLEAN_SWAP,
    CLEAN_REMOVE, /* what was made and is not wanted */
    CLEAN_END,
};

/* What is done with the batch that the walk stands at. */
enum clean_part { PART_NEXT, PART_RECORDS, PART_COMPRESS };

enum swap_stage {
    SWAP_NAME,   /* .cleaned -> .swap, the log last */
    SWAP_NAMED,  /* durably: from here on a crash ends in the cleaned segment */
    SWAP_IN,     /* in memory */
    SWAP_RETIRE, /* the others, durably */
    SWAP_INDEXES,
    SWAP_INDEXED, /* durably, or after a crash old indexes could stand beside the new log */
    SWAP_LOG,
    SWAP_END,
};

struct clean_job {
    struct log_job job;
    struct log_clean *clean;
    enum clean_stage stage;
    bool is_to_stop;
    enum log_err err;
    const char *why;
    int64_t round_end, now_ms;
    int64_t bytes_before, bytes_after, records_before, records_after;
    struct log_clean asked; /* as it was asked for */

    struct offset_map map;
    struct clean_txns txns;
    struct clean_batch filter;
    struct batch_walk walk;
    enum clean_part part;
    int64_t segment_base;           /* being walked over */
    int64_t passed_bytes, began_ns; /* for the throttle */
    int64_t rested_bytes;           /* when it rested last */
    struct timer pause;

    /* One group. */
    int64_t group_base, group_end; /* the offset after it */
    struct segment *made;
    struct file file;
    int64_t file_bytes;
    struct buf *out; /* to be written */
    struct writer records;
    struct batch_header rebuilt;
    struct index_save index;
    struct txn_index kept; /* aborted transactions with markers in it */
    struct files_remove remove;
    bool has_files;
    struct segment *unnamed; /* in its place, but its file has not its name yet */
    enum swap_stage swap;
    int32_t swap_at, names;
};

/* True: go on at once; false: it waits, and steps again. (swap.c) */
bool clean_swap(struct clean_job *j);
static inline bool
clean_is_swapping(const struct clean_job *j)
{
    return j->stage == CLEAN_SWAP;
}

/* The map, from what is dirty (clean_index.c), and the group's segments through the filter into the file
 * (clean_filter.c): as clean_swap(). */
bool clean_index(struct clean_job *j, enum env_err err);
bool clean_filter(struct clean_job *j, enum env_err err);
/* It cannot be cleaned: says what is broken where. */
bool clean_is_broken(struct clean_job *j, const char *why);
/* Stands before the first batch of the segment with that base. */
void clean_walk(struct clean_job *j, int64_t base_offset);
void clean_walk_ends(struct clean_job *j);
/* The base of the next segment, at most `end`; `end` after the last one. */
int64_t clean_next_segment(const struct clean_job *j, int64_t base_offset, int64_t end);
/* True: enough has been looked at for this step, or it goes too fast. It steps again. */
bool clean_rests(struct clean_job *j);
/* Of a control batch whose records are at hand. */
int16_t clean_control_type(const struct batch_walk *w);

#endif
