/* An arena: memory that lives as long as one request or one step and goes away at once. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "broker/base/mem.h"

struct arena_block;

struct arena {
    struct mem *mem;
    struct arena_block *blocks;
    int64_t used_bytes, ceiling_bytes;
};

/* A zeroed ceiling means none. */
void arena_init(struct arena *a, struct mem *mem, int64_t ceiling_bytes);
/* Forgets everything; keeps one block for the next use. */
void arena_reset(struct arena *a);
void arena_release(struct arena *a);
/* Zeroed, aligned to 16. NULL only when the arena has a ceiling and it is reached. */
void *arena_alloc(struct arena *a, int64_t n);
/* As arena_alloc, with whatever was there before. */
void *arena_alloc_dirty(struct arena *a, int64_t n);
/* A copy with an uncounted NUL behind it; null stays null. */
struct slice arena_dup(struct arena *a, struct slice s);

#define ARENA_NEW(a, type) ((type *)arena_alloc((a), (int64_t)sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_alloc((a), (int64_t)sizeof(type) * (n)))

#endif
