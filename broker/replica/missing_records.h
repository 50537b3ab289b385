/* Segment files that vanished (removed by hand, lost by the file system): what the other files of the log
 * directory knew of a partition tells that there were records. Pure. */
#ifndef REPLICA_MISSING_RECORDS_H
#define REPLICA_MISSING_RECORDS_H

#include <stdbool.h>
#include <stdint.h>

struct known_of_log {
    bool was_there;                 /* its directory was, with this topic's id */
    int64_t start, end;             /* what was found in it */
    int64_t synced, high_watermark; /* checkpoints */
    int64_t epochs_to;              /* leader epochs */
};

/* The least end that the log must have had; 0: nothing is known to be missing. */
int64_t missing_records_end(const struct known_of_log *k);

/* May a leader with this log begin at `vanished` instead of its end? */
bool missing_records_skip(int64_t start, int64_t end, int64_t vanished);

#endif
