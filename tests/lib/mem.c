#include <stdlib.h>

#include "tests/lib/test.h"

static void *
take(void *ctx, size_t n)
{
    (void)ctx;
    void *p = malloc(n);
    if (!p) abort();
    return p;
}

static void
give(void *ctx, void *p, size_t n)
{
    (void)ctx, (void)n;
    free(p);
}

struct mem_source
test_mem_source(void)
{
    return (struct mem_source){take, give, NULL, NULL};
}

void
test_mem_init(struct mem *m)
{
    mem_init(m, test_mem_source(), 1 << 30);
}
