/* An arena: memory that lives as long as one request or one step and goes away at once. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "broker/base/mem.h"

struct arena_block;

struct arena {
    struct mem *mem;
    struct arena_block *blocks; /* the last one taken first; `at` to `end` is what is left of it */
    uint8_t *at, *end;
    int64_t used_bytes, ceiling_bytes;
};

/* A zeroed ceiling means none. */
void arena_init(struct arena *a, struct mem *mem, int64_t ceiling_bytes);
/* Forgets everything; keeps one block for the next use. */
void arena_reset_used(struct arena *a);
static inline void
arena_reset(struct arena *a)
{
    if (a->used_bytes) arena_reset_used(a);
}
void arena_release(struct arena *a);
/* Where the block may be full, and where there is a ceiling. */
void *arena_alloc_further(struct arena *a, int64_t n, bool zeroed);
static inline bool
arena_has_room(const struct arena *a, int64_t n)
{
    return !a->ceiling_bytes && n > 0 && n <= a->end - a->at;
}
static inline void *
arena_take_room(struct arena *a, int64_t n)
{
    int64_t taken = (n + 15) & ~(int64_t)15; /* as what is left of a block */
    void *p = a->at;
    a->at += taken;
    a->used_bytes += taken;
    return p;
}
/* As arena_alloc, with whatever was there before. */
static inline void *
arena_alloc_dirty(struct arena *a, int64_t n)
{
    return arena_has_room(a, n) ? arena_take_room(a, n) : arena_alloc_further(a, n, false);
}
/* Zeroed, aligned to 16. NULL only when the arena has a ceiling and it is reached. */
static inline void *
arena_alloc(struct arena *a, int64_t n)
{
    if (!arena_has_room(a, n)) return arena_alloc_further(a, n, true);
    return memset(arena_take_room(a, n), 0, (size_t)n);
}
/* A copy with an uncounted NUL behind it; null stays null. */
struct slice arena_dup(struct arena *a, struct slice s);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), (int64_t)sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc((a), (int64_t)sizeof(type) * (n)))

#endif
