#include "broker/base/bytes.h"

#include "broker/base/check.h"

#define LEAST_BYTES 256 /* of a writer that grows: most frames and paths fit */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "loads and stores swap");

uint64_t
reader_long_leb128(struct reader *r, int bits)
{
    uint64_t v;
    int n = r->err ? 0 : leb128_read(r->p, r->end - r->p, bits, &v);
    if (n == 0) {
        r->err = true;
        return 0;
    }
    r->p += n;
    return v;
}

void
writer_release(struct writer *w)
{
    if (w->mem && !w->is_lent) mem_free(w->mem, w->p, w->cap);
    w->p = NULL;
    w->n = w->cap = 0;
    w->is_lent = false;
}

/* Copies what is written, not what is only room. */
static void
move(struct writer *w, int64_t cap)
{
    uint8_t *p = mem_alloc_dirty(w->mem, cap);
    if (w->n) memcpy(p, w->p, (size_t)w->n);
    if (!w->is_lent) mem_free(w->mem, w->p, w->cap);
    w->is_lent = false;
    w->p = p;
    w->cap = cap;
}

uint8_t *
writer_grow(struct writer *w, int64_t n)
{
    CHECK(n >= 0);
    if (w->err) return NULL;
    if (n > w->cap - w->n) {
        int64_t need = w->n + n;
        if (!w->mem || (w->ceiling_bytes && need > w->ceiling_bytes)) {
            w->err = true;
            return NULL;
        }
        int64_t cap = MAX(need, MAX(w->cap * 2, LEAST_BYTES));
        if (w->ceiling_bytes) cap = MIN(cap, w->ceiling_bytes);
        move(w, cap);
    }
    if (!w->p) return NULL; /* nothing, of nothing */
    uint8_t *p = w->p + w->n;
    w->n += n;
    return p;
}

void
writer_long_leb128(struct writer *w, uint64_t v)
{
    uint8_t tmp[LEB128_MAX_BYTES];
    writer_bytes(w, slice(tmp, leb128_write(v, tmp)));
}

void
writer_patch_i32(struct writer *w, int64_t at, int32_t v)
{
    if (w->err) return;
    CHECK(at >= 0 && at + 4 <= w->n);
    store_be32(w->p + at, (uint32_t)v);
}
