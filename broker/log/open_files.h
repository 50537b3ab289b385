/* How many segment files are open at once. Each log opens a segment's file when somebody needs it; when more
 * are open than the ceiling allows, those that were unused longest are closed, whatever log they belong
 * to, and with them goes the memory that only speed needs. A file with bytes that are not synced is
 * synced first: what a failed write-back has to say must not get lost with the descriptor.
 *
 * The ceiling is soft: files in use stay open. One table serves all logs of a node. */
#ifndef LOG_OPEN_FILES_H
#define LOG_OPEN_FILES_H

#include "broker/base/list.h"

struct segment;

struct open_files {
    struct list lru; /* segments, unused longest first */
    int64_t n, max;
};

void open_files_init(struct open_files *t, int64_t max);
/* The segment's file is open now; others may be closed. */
void open_files_add(struct open_files *t, struct segment *s);
/* It was used. */
void open_files_touch(struct open_files *t, struct segment *s);
/* It is being closed. */
void open_files_remove(struct open_files *t, struct segment *s);

#endif
