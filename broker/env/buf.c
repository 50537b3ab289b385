#include "broker/env/buf.h"

#include "broker/base/check.h"

struct buf *
buf_new(struct mem *mem, int64_t cap)
{
    struct buf *b = mem_alloc_dirty(mem, (int64_t)sizeof *b + cap);
    *b = (struct buf){.data = (uint8_t *)(b + 1), .cap = cap, .mem = mem, .refs = 1};
    return b;
}

struct buf *
buf_copy(struct mem *mem, struct slice bytes)
{
    struct buf *b = buf_new(mem, bytes.n);
    if (bytes.n) memcpy(b->data, bytes.p, (size_t)bytes.n);
    b->n = bytes.n;
    return b;
}

void
buf_free(struct buf *b)
{
    mem_free(b->mem, b, (int64_t)sizeof *b + b->cap);
}
