/* Reference-counted bytes. They live in their machine's memory; whoever holds a slice of a buffer for
 * longer than a step holds a reference. Bytes that have been handed on (sent, written, delivered) are
 * never changed again. Counts are changed only on the machine's own thread. */
#ifndef ENV_BUF_H
#define ENV_BUF_H

#include "broker/base/mem.h"

struct buf {
    uint8_t *data; /* cap bytes */
    int64_t cap;
    int64_t n; /* bytes in use, from the start */
    struct mem *mem;
    int32_t refs;
};

/* One reference, n = 0. */
struct buf *buf_new(struct mem *mem, int64_t cap);
/* One reference, holding a copy. */
struct buf *buf_copy(struct mem *mem, struct slice bytes);
static inline struct buf *
buf_ref(struct buf *b)
{
    if (b) b->refs++;
    return b;
}
void buf_free(struct buf *b);
/* NULL is allowed. */
static inline void
buf_unref(struct buf *b)
{
    if (!b) return;
    CHECK(b->refs > 0);
    if (--b->refs == 0) buf_free(b);
}
static inline struct slice
buf_slice(const struct buf *b)
{
    return slice(b->data, b->n);
}

#endif
