#include "broker/base/arena.h"

#include "broker/base/check.h"
#include "broker/base/ckd.h"

#define BLOCK_BYTES 4096

struct arena_block {
    struct arena_block *next;
    int64_t size, used;
    int64_t pad;
};

void
arena_init(struct arena *a, struct mem *mem, int64_t ceiling_bytes)
{
    *a = (struct arena){.mem = mem, .ceiling_bytes = ceiling_bytes};
}

static void
arena_drop_blocks(struct arena *a, struct arena_block *keep)
{
    while (a->blocks) {
        struct arena_block *b = a->blocks;
        a->blocks = b->next;
        if (b != keep) mem_free(a->mem, b, b->size);
    }
}

void
arena_reset(struct arena *a)
{
    struct arena_block *keep = a->blocks;
    while (keep && keep->size != BLOCK_BYTES) keep = keep->next;
    arena_drop_blocks(a, keep);
    if (keep) *keep = (struct arena_block){.size = keep->size, .used = (int64_t)sizeof *keep};
    a->blocks = keep;
    a->used_bytes = 0;
}

void
arena_release(struct arena *a)
{
    arena_drop_blocks(a, NULL);
    a->used_bytes = 0;
}

void *
arena_alloc_dirty(struct arena *a, int64_t n)
{
    CHECK(n >= 0 && n < INT64_MAX / 2);
    n = (n + 15) & ~(int64_t)15;
    if (a->ceiling_bytes && a->used_bytes + n > a->ceiling_bytes) return NULL;
    struct arena_block *b = a->blocks;
    if (!b || b->size - b->used < n) {
        int64_t size = MAX(BLOCK_BYTES, n + (int64_t)sizeof *b);
        b = mem_alloc_dirty(a->mem, size);
        *b = (struct arena_block){.next = a->blocks, .size = size, .used = (int64_t)sizeof *b};
        a->blocks = b;
    }
    void *p = (uint8_t *)b + b->used;
    b->used += n;
    a->used_bytes += n;
    return p;
}

void *
arena_alloc(struct arena *a, int64_t n)
{
    void *p = arena_alloc_dirty(a, n);
    if (p) memset(p, 0, (size_t)n);
    return p;
}

struct slice
arena_dup(struct arena *a, struct slice s)
{
    if (!s.p) return s;
    uint8_t *p = arena_alloc_dirty(a, s.n + 1);
    if (!p) return SLICE_NULL;
    memcpy(p, s.p, (size_t)s.n);
    p[s.n] = 0;
    return slice(p, s.n);
}
