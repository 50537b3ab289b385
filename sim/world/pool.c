#include "sim/world/pool.h"

#include <malloc.h>
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
pool_take(void *ctx, size_t n)
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
pool_give(void *ctx, void *p, size_t n)
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

/* What has the size of a shelved page goes to the shelf, and comes from there. */
static void *
resize(void *ctx, void *p, size_t old_n, size_t new_n)
{
    struct pool *pool = ctx;
    if (old_n == SHELVED_BYTES || new_n == SHELVED_BYTES) {
        void *q = pool_take(ctx, new_n);
        memcpy(q, p, MIN(old_n, new_n));
        pool_give(ctx, p, old_n);
        return q;
    }
    pool->used_bytes += (int64_t)new_n - (int64_t)old_n;
    pool->peak_bytes = MAX(pool->peak_bytes, pool->used_bytes);
    void *q = realloc(p, new_n);
    if (!q) panic(__FILE__, __LINE__, "out of memory");
    return q;
}

struct mem_source
pool_source(struct pool *p)
{
    return (struct mem_source){pool_take, pool_give, p, resize};
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

void
pool_keep_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, 32 << 20); /* the largest that glibc allows */
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
}
