#include "sim/world/pool.h"

#include <stdlib.h>

#include "broker/base/check.h"

#define SHELVED_BYTES 65536 /* the size of the pages that struct mem takes for small things */

struct pool_page {
    struct pool_page *next;
};

static void *
fresh(size_t n)
{
    void *p = malloc(n);
    if (!p) panic(__FILE__, __LINE__, "out of memory");
    return p;
}

static void *
take(void *ctx, size_t n)
{
    struct pool *pool = ctx;
    pool->used_bytes += (int64_t)n;
    pool->peak_bytes = MAX(pool->peak_bytes, pool->used_bytes);
    if (n != SHELVED_BYTES || !pool->shelf) return fresh(n);
    struct pool_page *p = pool->shelf;
    pool->shelf = p->next;
    pool->shelf_bytes -= SHELVED_BYTES;
    return p;
}

static void
give(void *ctx, void *p, size_t n)
{
    struct pool *pool = ctx;
    pool->used_bytes -= (int64_t)n;
    if (n != SHELVED_BYTES) {
        free(p);
        return;
    }
    struct pool_page *page = p;
    page->next = pool->shelf;
    pool->shelf = page;
    pool->shelf_bytes += SHELVED_BYTES;
}

struct mem_source
pool_source(struct pool *p)
{
    return (struct mem_source){take, give, p};
}

void
pool_release(struct pool *p)
{
    for (struct pool_page *page; (page = p->shelf) != NULL;) {
        p->shelf = page->next;
        free(page);
    }
    p->shelf_bytes = 0;
}
