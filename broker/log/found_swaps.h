/* What a start finds of a cleaning that a crash interrupted (swap.c: what a crash leaves at each moment).
 *
 *     .cleaned                goes: it was not finished
 *     .log.swap               holds (swap_holds.h): it takes the place of the segment of its name, and what it was made of goes;
 *                             or it goes itself
 *     .index.swap and such    go: they are made anew
 *
 * One that holds is read under the name that it has, through to its end: only then is it known which of the old segments
 * lie within it. Its own name it gets at the end of the start, after they are gone, and its indexes written.
 *
 * Why each of these must be durable before the next: a power loss may take any name back that was not synced. One that takes
 * .log.swap back, and not the removal of what it replaces, leaves neither. And a .log says of itself that it is as it should
 * be: after another crash nobody would look for what is left beside it. */
#ifndef LOG_FOUND_SWAPS_H
#define LOG_FOUND_SWAPS_H

#include "broker/log/internal.h"

struct found_swaps {
    VEC(int64_t) bases;    /* base offsets of .log.swap files, ascending */
    int64_t first_cleaned; /* the least base offset of a .cleaned file; INT64_MAX: there is none */
};

void found_swaps_init(struct found_swaps *f);
void found_swaps_release(struct found_swaps *f, struct mem *mem);

/* A file of the directory: its name, of which base offset and suffix are parts. False: it has nothing to do with a cleaning. The
 * names come in their order. What is to be removed is added to `remove`, here and below. */
bool found_swaps_take(struct found_swaps *f, struct commitlog *log, struct slice name,
                      int64_t base_offset, struct slice suffix, struct files_remove *remove);
/* All names were seen: those that do not hold are forgotten. If any is left, the directory must be synced before
 * found_swaps_place(). */
void found_swaps_decide(struct found_swaps *f, struct commitlog *log, struct files_remove *remove);
/* Puts each among the log's segments, in the place of its old one; its size is not known yet (written is -1). The log must be read
 * through from the returned offset on; INT64_MAX: there are none. */
int64_t found_swaps_place(const struct found_swaps *f, struct commitlog *log,
                          struct files_remove *remove);
/* Begins to give the next one its own name. False: each has it. */
bool found_swaps_name_next(struct commitlog *log, struct op *op);

#endif
