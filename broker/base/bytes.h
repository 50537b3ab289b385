/* Readers and writers of bytes, big-endian as Kafka's formats are, with a sticky error: after the
 * first read or write that does not fit, everything yields zero and `err` stays true. Check once, at
 * the end. No length from outside is trusted: each is compared with what remains. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include "broker/base/leb128.h"
#include "broker/base/mem.h"

static inline void
store_be16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8), p[1] = (uint8_t)v;
}
static inline void
store_be32(uint8_t *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, 4);
}
static inline void
store_be64(uint8_t *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, 8);
}
static inline uint16_t
load_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t
load_be32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return __builtin_bswap32(v);
}
static inline uint64_t
load_be64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return __builtin_bswap64(v);
}

struct reader {
    const uint8_t *p, *end;
    bool err;
};

static inline struct reader
reader(struct slice s)
{
    return (struct reader){s.p, s.p ? s.p + s.n : s.p, false};
}

static inline int64_t
reader_left(const struct reader *r)
{
    return r->end - r->p;
}

/* The next n bytes; NULL if they are not there. */
static inline const uint8_t *
reader_take(struct reader *r, int64_t n)
{
    if (r->err || n < 0 || n > r->end - r->p) {
        r->err = true;
        return NULL;
    }
    const uint8_t *p = r->p;
    if (n) r->p += n; /* p may be NULL when there is nothing */
    return p;
}

static inline int8_t
reader_i8(struct reader *r)
{
    const uint8_t *p = reader_take(r, 1);
    return p ? (int8_t)*p : 0;
}
static inline int16_t
reader_i16(struct reader *r)
{
    const uint8_t *p = reader_take(r, 2);
    return p ? (int16_t)load_be16(p) : 0;
}
static inline int32_t
reader_i32(struct reader *r)
{
    const uint8_t *p = reader_take(r, 4);
    return p ? (int32_t)load_be32(p) : 0;
}
static inline int64_t
reader_i64(struct reader *r)
{
    const uint8_t *p = reader_take(r, 8);
    return p ? (int64_t)load_be64(p) : 0;
}
static inline uint8_t
reader_u8(struct reader *r)
{
    return (uint8_t)reader_i8(r);
}
static inline uint16_t
reader_u16(struct reader *r)
{
    return (uint16_t)reader_i16(r);
}
static inline uint32_t
reader_u32(struct reader *r)
{
    return (uint32_t)reader_i32(r);
}
/* LEB128 of at most 5 or 10 bytes; more, or a value too large, is an error. Nearly all that is read
 * takes one byte or two: those need no loop. */
uint64_t reader_long_leb128(struct reader *r, int bits);
static inline uint64_t
reader_leb128(struct reader *r, int bits)
{
    const uint8_t *p = r->p;
    if (r->err || p == r->end) return reader_long_leb128(r, bits);
    if (p[0] < 0x80) {
        r->p += 1;
        return p[0];
    }
    if (r->end - p < 2 || p[1] >= 0x80) return reader_long_leb128(r, bits);
    r->p += 2;
    return (uint64_t)p[1] << 7 | (p[0] & 0x7f);
}
static inline uint32_t
reader_uvarint(struct reader *r)
{
    return (uint32_t)reader_leb128(r, 32);
}
/* Zigzag over LEB128. */
static inline int32_t
reader_varint(struct reader *r)
{
    uint32_t v = (uint32_t)reader_leb128(r, 32);
    return (int32_t)(v >> 1 ^ -(v & 1));
}
static inline int64_t
reader_varlong(struct reader *r)
{
    uint64_t v = reader_leb128(r, 64);
    return (int64_t)(v >> 1 ^ -(v & 1));
}
/* Exactly n bytes; n < 0 is an error. */
static inline struct slice
reader_bytes(struct reader *r, int64_t n)
{
    const uint8_t *p = reader_take(r, n);
    return p ? slice(p, n) : SLICE_NULL;
}
static inline void
reader_skip(struct reader *r, int64_t n)
{
    (void)reader_take(r, n);
}

/* A writer into memory of its own (mem != NULL: it grows, up to the ceiling if that is not 0) or
 * into a fixed run of bytes (mem == NULL). */
struct writer {
    uint8_t *p;
    int64_t n, cap, ceiling_bytes;
    struct mem *mem;
    bool err;
    bool is_lent; /* p is not its own, but somebody's room to begin with */
};

static inline struct writer
writer_fixed(void *p, int64_t cap)
{
    return (struct writer){.p = p, .cap = cap};
}

static inline struct writer
writer_mem(struct mem *mem)
{
    return (struct writer){.mem = mem};
}

/* As writer_mem, but what fits into this room goes there. */
static inline struct writer
writer_lent(struct mem *mem, void *p, int64_t cap)
{
    return (struct writer){.p = p, .cap = cap, .mem = mem, .is_lent = true};
}

static inline struct slice
writer_slice(const struct writer *w)
{
    return slice(w->p ? w->p : (const uint8_t *)"", w->n);
}

/* Frees what a growing writer holds. */
void writer_release(struct writer *w);
/* Room for n more bytes, counted as written: NULL on error. (writer_grow: when there is no room yet.) */
uint8_t *writer_grow(struct writer *w, int64_t n);
static inline uint8_t *
writer_room(struct writer *w, int64_t n)
{
    if (w->err || n < 0 || !w->p || n > w->cap - w->n) return writer_grow(w, n);
    uint8_t *p = w->p + w->n;
    w->n += n;
    return p;
}
static inline void
writer_i8(struct writer *w, int8_t v)
{
    uint8_t *p = writer_room(w, 1);
    if (p) *p = (uint8_t)v;
}
static inline void
writer_i16(struct writer *w, int16_t v)
{
    uint8_t *p = writer_room(w, 2);
    if (p) store_be16(p, (uint16_t)v);
}
static inline void
writer_i32(struct writer *w, int32_t v)
{
    uint8_t *p = writer_room(w, 4);
    if (p) store_be32(p, (uint32_t)v);
}
static inline void
writer_i64(struct writer *w, int64_t v)
{
    uint8_t *p = writer_room(w, 8);
    if (p) store_be64(p, (uint64_t)v);
}
/* LEB128, of which nearly all takes one byte. */
void writer_long_leb128(struct writer *w, uint64_t v);
static inline void
writer_leb128(struct writer *w, uint64_t v)
{
    if (v < 0x80) writer_i8(w, (int8_t)v);
    else writer_long_leb128(w, v);
}
static inline void
writer_uvarint(struct writer *w, uint32_t v)
{
    writer_leb128(w, v);
}
/* Zigzag over LEB128. */
static inline void
writer_varint(struct writer *w, int32_t v)
{
    writer_leb128(w, (uint32_t)v << 1 ^ (uint32_t)(v >> 31));
}
static inline void
writer_varlong(struct writer *w, int64_t v)
{
    writer_leb128(w, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}
static inline void
writer_bytes(struct writer *w, struct slice s)
{
    uint8_t *p = writer_room(w, s.n);
    if (p && s.n > 0) memcpy(p, s.p, (size_t)s.n);
}
/* Overwrites four bytes at an earlier position. */
void writer_patch_i32(struct writer *w, int64_t at, int32_t v);

#endif
