/* The allocator of one machine. Every long-lived byte of a machine comes from its `struct mem`, so
 * that a crash in the simulator drops the whole machine at once, its size is known, and it has a
 * ceiling (reaching it is fatal to the machine: admission limits come first).
 *
 * Small sizes are carved from 64 KiB pages by size class; large ones go straight to the source.
 * Under AddressSanitizer everything goes straight to the source, so that misuse is seen. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>
#include <stdint.h>

#include "broker/base/list.h"
#include "broker/base/slice.h"

/* Where pages come from: the body. take returns zeroed or dirty memory aligned to 16, never NULL. */
struct mem_source {
    void *(*take)(void *ctx, size_t n);
    void (*give)(void *ctx, void *p, size_t n);
    void *ctx;
    /* NULL, or as realloc(): without copying, if it can. */
    void *(*resize)(void *ctx, void *p, size_t old_n, size_t new_n);
};

#define MEM_CLASSES 32

struct mem {
    struct mem_source source;
    struct list pages, large;
    void *free[MEM_CLASSES];
    uint8_t *bump, *bump_end;
    int64_t used_bytes, peak_bytes, ceiling_bytes;
    /* NULL, or: what the memory went for, for people; asked for before the end. */
    const char *(*tell)(struct mem *m);
};

void mem_init(struct mem *m, struct mem_source source, int64_t ceiling_bytes);
/* A purse: an allocator that takes its pages from another one, so that what is held for one purpose can
 * be counted. It goes with its parent, whose ceiling holds for both. */
void mem_init_purse(struct mem *purse, struct mem *parent);
/* Gives everything back, whatever is still allocated. */
void mem_release(struct mem *m);

/* Zeroed, aligned to 16; n >= 0. Never NULL: exhaustion is a panic. */
void *mem_alloc(struct mem *m, int64_t n);
/* As mem_alloc, with whatever was there before: for bytes that are written before they are read. */
void *mem_alloc_dirty(struct mem *m, int64_t n);
/* n must be the size that was asked for. p == NULL is allowed. */
void mem_free(struct mem *m, void *p, int64_t n);
/* Grows or shrinks, keeping the common prefix; new bytes are zero. */
void *mem_resize(struct mem *m, void *p, int64_t old_n, int64_t new_n);

/* A copy of the bytes (null stays null), followed by a NUL that is not counted. */
struct slice mem_dup(struct mem *m, struct slice s);
void mem_free_slice(struct mem *m, struct slice s);

#define MEM_NEW(m, type) ((type *)mem_alloc((m), (int64_t)sizeof(type)))
#define MEM_DELETE(m, p) mem_free((m), (p), (int64_t)sizeof(*(p)))

/* A growable array: declare `VEC(struct x) xs;`, zeroed is empty. Room beyond n holds anything. */
#define VEC(type) \
    struct { \
        type *v; \
        int64_t n, cap; \
    }
void *vec_grow(struct mem *m, void *v, int64_t *cap, int64_t need, int64_t item_bytes);
#define VEC_RESERVE(m, vec, need) \
    ((need) <= (vec)->cap ? (void)0 \
                          : (void)((vec)->v = vec_grow((m), (vec)->v, &(vec)->cap, (need), \
                                                       (int64_t)sizeof(*(vec)->v))))
#define VEC_PUSH(m, vec, item) (VEC_RESERVE(m, vec, (vec)->n + 1), (vec)->v[(vec)->n++] = (item))
/* Appends a zeroed item and returns its address. */
#define VEC_ADD(m, vec) \
    (VEC_RESERVE(m, vec, (vec)->n + 1), memset(&(vec)->v[(vec)->n], 0, sizeof(*(vec)->v)), \
     &(vec)->v[(vec)->n++])
#define VEC_RELEASE(m, vec) \
    (mem_free((m), (vec)->v, (vec)->cap * (int64_t)sizeof(*(vec)->v)), (vec)->v = NULL, \
     (vec)->n = (vec)->cap = 0)
/* Keeps the order. */
#define VEC_REMOVE_AT(vec, i) \
    (memmove(&(vec)->v[i], &(vec)->v[(i) + 1], (size_t)((vec)->n - (i)-1) * sizeof(*(vec)->v)), \
     (void)(vec)->n--)

#endif
