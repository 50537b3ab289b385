/* Where memory comes from: malloc, with a shelf of the pages that machines take and give back, and an
 * account of it all. */
#ifndef SIM_WORLD_POOL_H
#define SIM_WORLD_POOL_H

#include "broker/base/mem.h"

struct pool {
    struct pool_page *shelf;
    int64_t used_bytes, peak_bytes, shelf_bytes;
};

/* The pool must not move while the source is in use. */
struct mem_source pool_source(struct pool *p);
void pool_release(struct pool *p);

/* For the process: what is given back stays with it. A run takes the memory of the run before, and a buffer that
 * of the buffer before, instead of asking the system for pages, which it would have to clear. */
void pool_keep_memory(void);

#endif
