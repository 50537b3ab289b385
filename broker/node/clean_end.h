/* The marker of a clean shutdown, .kafka_cleanshutdown: a promise that the logs of this directory are as an
 * orderly end left them, with the broker epoch of that end in it (KIP-966; what the controller makes of it:
 * controller/clean_restart.h). Only one thing can break the promise: a log that is opened, because recovery
 * cuts, a follower truncates, everybody appends. So:
 *
 *     start ─ lock ─ marker is read ─ quorum, listeners ─ registered ─ MARKER GOES ─ logs open ─ serving
 *             └───────────── the logs are closed: the promise holds ──────────────┘└─ it does not hold ─┘
 *
 *  - It goes as late as possible, and durably, before the first log is opened. Until then a node may end in any
 *    way (SIGTERM, kill -9, power loss, a port that is taken, a refused registration) and lose no promise.
 *    Removed at the very start, it was lost by whoever was stopped before it had registered: the replica with
 *    everything was no longer eligible, and one with less led.
 *  - It comes back at an orderly end, when every log was closed and synced. A log that is still being opened is
 *    waited for, unless it is being recovered after an unclean end: that may take hours, and the promise did
 *    not hold before either.
 *  - A node that ends before it has opened a log leaves the marker where it is. If it has registered since, the
 *    epoch is brought up to date. */
#ifndef NODE_CLEAN_END_H
#define NODE_CLEAN_END_H

#include <stdbool.h>
#include <stdint.h>

struct clean_end {
    bool was_clean;        /* the marker was there at the start … */
    bool marker_is_left;   /* … and is still there, */
    int64_t shown_epoch;   /* with this epoch */
    int64_t broker_epoch;  /* of this process; -1: it has not been registered */
    bool logs_were_opened; /* at least one may have been */
    bool all_closed;       /* every one that was opened has been closed in order */
};

/* May the node promise that its logs are as an orderly end leaves them? */
bool clean_end_is_true(const struct clean_end *e);
/* Must the marker be written for that? */
bool clean_end_writes_marker(const struct clean_end *e);
/* Which epoch it shows. */
int64_t clean_end_epoch(const struct clean_end *e);

#endif
