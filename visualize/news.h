/* How news of what one machine knew could first reach another one. */
#ifndef VISUALIZE_NEWS_H
#define VISUALIZE_NEWS_H

#include "visualize/page.h"

#define NEWS_WAY_MAX 16

/* The messages that could bring it first, in order; how many. -1: none can have by then, 0: it is the same machine. */
int news_way(const struct events *e, const struct run *r, int32_t from, int64_t from_ns, int32_t to,
             int64_t until_ns, const struct sent **ret);

#endif
