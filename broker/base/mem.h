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
#define MEM_SMALL_MAX 8192
#if defined(__SANITIZE_ADDRESS__)
#define MEM_ALL_LARGE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEM_ALL_LARGE 1
#endif
#endif
#ifndef MEM_ALL_LARGE
#define MEM_ALL_LARGE 0
#endif

struct mem_free_item {
    struct mem_free_item *next;
};

struct mem {
    struct mem_source source;
    struct list pages, large;
    struct mem_free_item *free[MEM_CLASSES];
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

/* Classes: 16, 32, 48, 64, 80, 96, 112, 128, then four per doubling up to MEM_SMALL_MAX; 0 < n. */
static inline int
mem_class_of(int64_t n, int64_t *ret_size)
{
    if (n <= 128) {
        int c = n <= 16 ? 0 : (int)((n - 1) / 16);
        *ret_size = (c + 1) * 16;
        return c;
    }
    int shift = 63 - __builtin_clzll((unsigned long long)(n - 1)); /* 7.. */
    int64_t step = (int64_t)1 << (shift - 2);
    int64_t q = (n - ((int64_t)1 << shift) + step - 1) >> (shift - 2); /* 1..4 */
    *ret_size = ((int64_t)1 << shift) + (q << (shift - 2));
    return 8 + (shift - 7) * 4 + (int)q - 1;
}
_Static_assert(8 + (12 - 7) * 4 + 4 <= MEM_CLASSES, "every small size has a class");

static inline bool
mem_is_small(int64_t n)
{
    return !MEM_ALL_LARGE && n > 0 && n <= MEM_SMALL_MAX;
}

/* Of any size, also where nothing has been freed. */
void *mem_alloc_anew(struct mem *m, int64_t n);
void mem_free_other(struct mem *m, void *p, int64_t n);

/* As mem_alloc, with whatever was there before: for bytes that are written before they are read. What is
 * used again needs no call: with a size that the compiler knows it is a few instructions. */
static inline void *
mem_alloc_dirty(struct mem *m, int64_t n)
{
    if (!mem_is_small(n)) return mem_alloc_anew(m, n);
    int64_t size;
    int c = mem_class_of(n, &size);
    struct mem_free_item *f = m->free[c];
    if (!f || m->used_bytes + size > m->peak_bytes) return mem_alloc_anew(m, n);
    m->used_bytes += size;
    m->free[c] = f->next;
    return f;
}
/* Zeroed, aligned to 16; n >= 0. Never NULL: exhaustion is a panic. */
static inline void *
mem_alloc(struct mem *m, int64_t n)
{
    void *p = mem_alloc_dirty(m, n);
    return memset(p, 0, (size_t)n);
}
/* n must be the size that was asked for. p == NULL is allowed. */
static inline void
mem_free(struct mem *m, void *p, int64_t n)
{
    if (!mem_is_small(n)) {
        mem_free_other(m, p, n);
        return;
    }
    if (!p) return;
    int64_t size;
    struct mem_free_item *f = p, **at = &m->free[mem_class_of(n, &size)];
    m->used_bytes -= size;
    f->next = *at;
    *at = f;
}
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
