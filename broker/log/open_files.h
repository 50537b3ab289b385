/* How many segment files are open at once. Each log opens a segment's file when somebody needs it; when more
 * are open than the ceiling allows, those that were unused longest are closed, whatever log they belong
 * to, and with them goes the memory that only speed needs. A file with bytes that are not synced is
 * synced first: what a failed write-back has to say must not get lost with the descriptor.
 *
 * At the ceiling a further file waits until another one is closed. Should none be for a second (all are
 * in use by those who wait for one more), it is opened all the same: a node that stands still is worse
 * than one file more. Answers to fetches hold files until they go out: consumers get at most half of the
 * ceiling for that, so that writes and followers are not kept waiting by them. When the process has no
 * descriptor left at all (connections take them, too), files are closed below the ceiling. One table
 * serves all logs of a node. */
#ifndef LOG_OPEN_FILES_H
#define LOG_OPEN_FILES_H

#include "broker/env/env.h"

struct segment;

struct open_files {
    struct env *env;
    int64_t max;
    int64_t n;         /* open, being opened, being closed … */
    int64_t closing_n; /* … of which so many are being closed */
    struct list lru;   /* open ones, unused longest first */
    struct list wanting;
    int64_t wanting_n;
    int64_t with_ranges; /* segments of which an answer holds a range */
    struct timer stuck_timer;
    struct task ease_task;
};

void open_files_init(struct open_files *t, struct env *env, int64_t max);
/* True: there is room for one more, and it is taken. False: segment_open_now() will be called. */
bool open_files_enter(struct open_files *t, struct segment *s);
/* The segment's file is open now; others may be closed. */
void open_files_add(struct open_files *t, struct segment *s);
/* It was used. */
void open_files_touch(struct open_files *t, struct segment *s);
/* It is no longer in use, or was synced: it can be closed. */
void open_files_eased(struct open_files *t);
/* It is being closed. */
void open_files_closing(struct open_files *t, struct segment *s);
/* It is closed … */
void open_files_closed(struct open_files *t);
/* … or never came to be open. */
void open_files_leave(struct open_files *t);
/* May a consumer's answer hold one segment more? */
bool open_files_has_range_room(const struct open_files *t, const struct segment *s);

#endif
