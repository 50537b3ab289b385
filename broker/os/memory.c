#include "broker/os/memory.h"

#include <malloc.h>
#include <stdlib.h>

#include "broker/base/check.h"

void *
os_alloc(size_t n)
{
    void *p = malloc(n);
    if (!p) panic(__FILE__, __LINE__, "the operating system has no memory left");
    return p;
}

void *
os_zalloc(size_t n)
{
    void *p = calloc(1, n);
    if (!p) panic(__FILE__, __LINE__, "the operating system has no memory left");
    return p;
}

static void *
os_page_take(void *ctx, size_t n)
{
    (void)ctx;
    return os_alloc(n);
}

static void
os_page_give(void *ctx, void *p, size_t n)
{
    (void)ctx, (void)n;
    free(p);
}

struct mem_source
os_memory(void)
{
    return (struct mem_source){os_page_take, os_page_give, NULL, NULL};
}

/* The threads of the pool allocate next to nothing: two arenas are enough for all of them. Large
 * frames come and go: below 4 MiB they stay with the heap, which spares page faults. */
void
os_memory_tune(void)
{
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
    mallopt(M_TRIM_THRESHOLD, 8 << 20);
}
