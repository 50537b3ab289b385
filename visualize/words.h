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
/* "2.315 s" */
void words_time(struct writer *w, int64_t ns);
/* "1,2,3" → "{1,2,3}", sorted by number */
void words_set(struct writer *w, struct slice list);
/* "702 to 749"; "702" when it is one */
void words_range(struct writer *w, int64_t first, int64_t last);

#endif
