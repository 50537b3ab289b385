/* Segment files that vanished (removed by hand, lost by the file system): what the other files of the log
 * directory knew of a partition tells that there were records behind its end. (In front of it or between:
 * log/missing_segments.h.) Pure. */
#ifndef REPLICA_MISSING_RECORDS_H
#define REPLICA_MISSING_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

struct known_of_log {
    bool was_there;                 /* its directory was, with this topic's id */
    bool stopped_in_order;          /* the last time */
    int64_t start, end;             /* what was found in it */
    int64_t synced, high_watermark; /* checkpoints */
    int64_t files_to;               /* the log's own other files (commitlog.known_to) */
};

/* The least end that the log must have had; 0: nothing is known to be missing. */
int64_t missing_records_end(const struct known_of_log *k);

enum missing_skip {
    MISSING_NONE,  /* the log ends where it did */
    MISSING_BEGIN, /* it is empty, and begins where it ended */
    MISSING_FILL,  /* it goes on where it ended; what lies between is filled with nothing */
};
/* What a leader does with a log of which records up to `vanished` are known. */
enum missing_skip missing_records_skip(int64_t start, int64_t end, int64_t vanished);

/* A follower that knows a hole in its log asks its leader for what begins at the hole. What it does when this came: */
enum hole_step {
    HOLE_ASK_AGAIN, /* nothing came */
    HOLE_IS_THERE,  /* the leader does not have these records, either: on to what follows */
    HOLE_CUT, /* the leader has some: the log is cut at the hole and fetched again from there */
};
enum hole_step hole_step(int64_t hole_to, int64_t first_offset_that_came);

#endif
