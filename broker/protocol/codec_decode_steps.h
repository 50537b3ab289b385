/* Decoding, step by step (schema.h): what the interpreter does at each step, and what the straight code that is generated
 * for the messages that travel most consists of, with the step written out as constants. For codec_decode.c and the
 * generated straight.c only.
 *
 * Each of these reads from `in` on and returns where it ended; NULL: malformed. So where we are stays in a register, and
 * nothing goes on behind an error. */
#ifndef PROTOCOL_CODEC_DECODE_STEPS_H
#define PROTOCOL_CODEC_DECODE_STEPS_H

#include "broker/base/utf8.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/codec_field.h"

struct decoder {
    const uint8_t *end;
    struct arena *arena;
    int version;
};

/* A message's root, or anything in it; `to` may hold anything. */
typedef const uint8_t *decode_straight(struct decoder *d, const uint8_t *in, uint8_t *to);

/* NULL: this version is interpreted. */
decode_straight *straight_decoder(enum k_msg msg, int version);

/* ---- what they seldom need ---- */

const uint8_t *decode_long_uvarint(struct decoder *d, const uint8_t *in, uint32_t *ret);
/* Mended text lies in the arena. If it is longer than a string can be, we could not send it again (Kafka takes it, and
 * fails when it answers): false. */
bool decode_mended(struct decoder *d, struct slice *s);

/* ---- values ---- */

static INLINE bool
is_there(const struct decoder *d, const uint8_t *in, int64_t n)
{
    return n <= d->end - in;
}

static INLINE const uint8_t *
decode_uvarint(struct decoder *d, const uint8_t *in, uint32_t *ret)
{
    if (!is_there(d, in, 1) || *in >= 0x80) return decode_long_uvarint(d, in, ret);
    *ret = *in;
    return in + 1;
}

/* A length; -1: null. */
static INLINE const uint8_t *
decode_length(struct decoder *d, unsigned flags, bool is_string, const uint8_t *in, int64_t *ret)
{
    if (flags & K_STEP_COMPACT) {
        uint32_t n;
        in = decode_uvarint(d, in, &n);
        *ret = (int64_t)n - 1;
        return in;
    }
    int64_t bytes = is_string ? 2 : 4;
    if (!is_there(d, in, bytes)) return NULL;
    int32_t n = is_string ? (int16_t)load_be16(in) : (int32_t)load_be32(in);
    *ret = n < 0 ? -1 : n;
    return in + bytes;
}

static INLINE const uint8_t *
decode_bytes(struct decoder *d, unsigned flags, bool is_string, const uint8_t *in,
             struct slice *ret)
{
    int64_t n;
    *ret = SLICE_NULL;
    in = decode_length(d, flags, is_string, in, &n);
    if (!in) return NULL;
    if (n < 0) return flags & K_STEP_NULLABLE ? in : NULL;
    if (!is_there(d, in, n) || (is_string && n > CODEC_STRING_MAX)) return NULL;
    *ret = slice(in, n);
    return in + n;
}

/* One value of fixed length, whose bytes are there. */
static INLINE void
decode_fixed(enum k_step_op op, const uint8_t *in, uint8_t *to)
{
    switch (op) {
    case K_STEP_BOOL: field_store_int(K_BOOL, to, *in); return;
    case K_STEP_8: *to = *in; return;
    case K_STEP_16: field_store_int(K_INT16, to, load_be16(in)); return;
    case K_STEP_32: field_store_int(K_INT32, to, load_be32(in)); return;
    case K_STEP_64: field_store_int(K_INT64, to, (int64_t)load_be64(in)); return;
    case K_STEP_UUID: memcpy(to, in, 16); return;
    default: break;
    }
    UNREACHABLE();
}

/* One value that is neither a struct nor an array. */
static INLINE const uint8_t *
decode_scalar(struct decoder *d, enum k_step_op op, unsigned flags, const uint8_t *in, uint8_t *to)
{
    struct k_records records = {0};
    struct slice s;
    switch (op) {
    case K_STEP_BOOL:
    case K_STEP_8:
    case K_STEP_16:
    case K_STEP_32:
    case K_STEP_64:
    case K_STEP_UUID:
        if (!is_there(d, in, step_fixed_bytes(op))) return NULL;
        decode_fixed(op, in, to);
        return in + step_fixed_bytes(op);
    case K_STEP_STRING:
        in = decode_bytes(d, flags, true, in, &s);
        if (!utf8_is_ascii(s) && !decode_mended(d, &s)) return NULL;
        memcpy(to, &s, sizeof s);
        return in;
    case K_STEP_BYTES:
        in = decode_bytes(d, flags, false, in, &s);
        memcpy(to, &s, sizeof s);
        return in;
    case K_STEP_RECORDS:
        in = decode_bytes(d, flags, false, in, &records.bytes);
        memcpy(to, &records, sizeof records);
        return in;
    case K_STEP_END:
    case K_STEP_TAGS:
    case K_STEP_STRUCT:
    case K_STEP_POINTER:
    case K_STEP_ARRAY:
    case K_STEP_ABSENT:
    case K_STEP_ROW: break;
    }
    UNREACHABLE();
}

/* ---- arrays and structs that may be null ---- */

struct items {
    uint8_t *at;
    int64_t left;
};

/* Room for the elements, which the caller reads. */
static INLINE const uint8_t *
decode_items(struct decoder *d, unsigned flags, int64_t least_bytes, int64_t size,
             const uint8_t *in, uint8_t *to, struct items *ret)
{
    int64_t n;
    *ret = (struct items){0};
    in = decode_length(d, flags, false, in, &n);
    if (!in) return NULL;
    if (n < 0) {
        array_store(to, NULL, -1);
        return flags & K_STEP_NULLABLE ? in : NULL;
    }
    if (n > CODEC_ARRAY_MAX || !is_there(d, in, n * least_bytes)) return NULL;
    if (n) ret->at = arena_alloc_dirty(d->arena, n * size);
    if (n && !ret->at) return NULL;
    ret->left = n;
    array_store(to, ret->at, (int32_t)n);
    return in;
}

/* Room for the struct, which the caller reads; NULL there: it is null. */
static INLINE const uint8_t *
decode_pointed(struct decoder *d, unsigned flags, int64_t size, const uint8_t *in, uint8_t *to,
               uint8_t **ret)
{
    bool is_null = false;
    *ret = NULL;
    if (flags & K_STEP_NULLABLE) {
        if (!is_there(d, in, 1)) return NULL;
        is_null = (int8_t)*in++ < 0;
    }
    if (!is_null) *ret = arena_alloc_dirty(d->arena, size);
    memcpy(to, ret, sizeof *ret);
    return is_null || *ret ? in : NULL;
}

/* ---- tags ---- */

struct tags {
    uint32_t left, tag, bytes;
    int64_t last;
    const uint8_t *start; /* of the tagged field: its tag, its size, its bytes */
};

const uint8_t *decode_tags_begin(struct decoder *d, const uint8_t *in, struct tags *ret);
/* The next field's tag and size; returns where its bytes begin, which are there. */
const uint8_t *decode_tag(struct decoder *d, const uint8_t *in, struct tags *t);
/* One that this version does not have: it is kept if the struct keeps them. */
const uint8_t *decode_unknown(struct decoder *d, const struct k_struct *s, const struct tags *t,
                              const uint8_t *in, uint8_t *to);

/* All of them, whichever they are. */
const uint8_t *decode_tags(struct decoder *d, const struct k_struct *s, const struct k_step *steps,
                           const uint8_t *in, uint8_t *to);

/* There are hardly ever any. */
static INLINE bool
decode_no_tags(const struct decoder *d, const uint8_t *in)
{
    return is_there(d, in, 1) && *in == 0;
}

#endif
