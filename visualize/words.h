/* Numbers, times and lists as people read them. */
#ifndef VISUALIZE_WORDS_H
#define VISUALIZE_WORDS_H

#include "broker/base/fmt.h"

/* "12,345" */
void words_count(struct writer *w, int64_t n);
/* "1 record", "12,345 records" */
void words_counted(struct writer *w, int64_t n, const char *noun);
/* "0.84 s", "12 ms" */
void words_duration(struct writer *w, int64_t ns);
/* "2.315 s", "-0.084 s" */
void words_time(struct writer *w, int64_t ns);
/* "1,2,3" → "{1,2,3}", sorted by number */
void words_set(struct writer *w, struct slice list);
/* "702 to 749"; "702" when it is one */
void words_range(struct writer *w, int64_t first, int64_t last);

/* Of machines in "b3 <> b1 b2": what is left of the arrow, what is right of it, and whether it points both
 * ways. */
struct sides {
    struct slice left, right;
    bool both_ways;
};
struct sides words_sides(struct slice text);
/* "b1 b2 b3" or "b1, b2" → "b1, b2 and b3" */
void words_names(struct writer *w, struct slice names);
int64_t words_names_n(struct slice names);

#endif
