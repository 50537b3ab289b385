#include "broker/base/arena.h"

#include "broker/base/check.h"
#include "broker/base/ckd.h"

#define BLOCK_BYTES 4096

struct arena_block {
    struct arena_block *next;
    int64_t size;
};
_Static_assert(sizeof(struct arena_block) % 16 == 0, "blocks keep the alignment of 16");

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

static void
arena_use(struct arena *a, struct arena_block *b)
{
    a->blocks = b;
    a->at = b ? (uint8_t *)(b + 1) : NULL;
    a->end = b ? (uint8_t *)b + (b->size & ~(int64_t)15) : NULL;
}

void
arena_reset_used(struct arena *a)
{
    struct arena_block *keep = a->blocks;
    if (keep && !keep->next && keep->size == BLOCK_BYTES) { /* nearly always */
        a->at = (uint8_t *)(keep + 1);
        a->used_bytes = 0;
        return;
    }
    while (keep && keep->size != BLOCK_BYTES) keep = keep->next;
    arena_drop_blocks(a, keep);
    if (keep) keep->next = NULL;
    arena_use(a, keep);
    a->used_bytes = 0;
}

void
arena_release(struct arena *a)
{
    arena_drop_blocks(a, NULL);
    arena_use(a, NULL);
    a->used_bytes = 0;
}

void *
arena_alloc_further(struct arena *a, int64_t n, bool zeroed)
{
    CHECK(n >= 0 && n < INT64_MAX / 2);
    n = (n + 15) & ~(int64_t)15;
    if (a->ceiling_bytes && a->used_bytes + n > a->ceiling_bytes) return NULL;
    if (!a->blocks || a->end - a->at < n) {
        int64_t size = MAX(BLOCK_BYTES, n + (int64_t)sizeof(struct arena_block));
        struct arena_block *b = mem_alloc_dirty(a->mem, size);
        *b = (struct arena_block){.next = a->blocks, .size = size};
        arena_use(a, b);
    }
    void *p = arena_take_room(a, n);
    if (zeroed) memset(p, 0, (size_t)n);
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
