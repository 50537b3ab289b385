/* Encoding, step by step (schema.h): what the interpreter does at each step, and what the straight code that is generated
 * for the messages that travel most consists of, with the step written out as constants. For codec_encode.c and the
 * generated straight.c only. */
#ifndef PROTOCOL_CODEC_ENCODE_STEPS_H
#define PROTOCOL_CODEC_ENCODE_STEPS_H

#include "broker/base/utf8.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/codec_field.h"

/* `e` is NULL when everything goes into the writer. */
struct writing {
    struct writer *w;
    struct encoder *e;
    int version;
    bool refused;
    struct codec_refusal why;
};

/* A message's root, or anything in it. */
typedef void encode_straight(struct writing *x, const uint8_t *from);

/* NULL: this version is interpreted. */
encode_straight *straight_encoder(enum k_msg msg, int version);

/* ---- what they seldom need ---- */

/* The field cannot be written as it is. */
void refuse_field(struct writing *x, const struct k_struct *s, const struct k_step *p,
                  struct slice why);
void refuse_scalar(struct writing *x, const struct k_struct *s, const struct k_step *p,
                   const uint8_t *from);
/* A value that this version cannot carry is dropped if the schema allows, else it is a refusal. */
void check_absent(struct writing *x, const struct k_struct *s, const struct k_step *p,
                  const uint8_t *from);
bool encode_records(struct writing *x, unsigned flags, const uint8_t *from);
/* The tags of a struct, whichever it has. */
void encode_tags(struct writing *x, const struct k_struct *s, const struct k_step *tags,
                 const uint8_t *from);

/* ---- values ---- */

static inline void
encode_length(struct writing *x, unsigned flags, bool is_string, int64_t n)
{
    if (flags & K_STEP_COMPACT) writer_uvarint(x->w, (uint32_t)(n + 1));
    else if (is_string) writer_i16(x->w, (int16_t)n);
    else writer_i32(x->w, (int32_t)n);
}

static INLINE bool
encode_bytes(struct writing *x, unsigned flags, bool is_string, struct slice s)
{
    bool as_it_is = !is_string || utf8_is_ascii(s);
    int64_t n = as_it_is ? s.n : utf8_mended_bytes(s);
    if (n > (is_string ? CODEC_STRING_MAX : INT32_MAX - 1)) return false;
    encode_length(x, flags, is_string, s.p || !(flags & K_STEP_NULLABLE) ? n : -1);
    if (!as_it_is) writer_utf8(x->w, s);
    else if (n) writer_bytes(x->w, s);
    return true;
}

/* One value of fixed length, for whose bytes there is room. */
static INLINE void
encode_fixed(enum k_step_op op, uint8_t *out, const uint8_t *from)
{
    switch (op) {
    case K_STEP_BOOL:
    case K_STEP_8: *out = *from; return;
    case K_STEP_16: store_be16(out, (uint16_t)field_load_int(K_INT16, from)); return;
    case K_STEP_32: store_be32(out, (uint32_t)field_load_int(K_INT32, from)); return;
    case K_STEP_64: store_be64(out, (uint64_t)field_load_int(K_INT64, from)); return;
    case K_STEP_UUID: memcpy(out, from, 16); return;
    default: break;
    }
    UNREACHABLE();
}

/* One value that is neither a struct nor an array; false: it cannot be written. */
static INLINE bool
encode_scalar(struct writing *x, enum k_step_op op, unsigned flags, const uint8_t *from)
{
    uint8_t *out;
    switch (op) {
    case K_STEP_BOOL:
    case K_STEP_8:
    case K_STEP_16:
    case K_STEP_32:
    case K_STEP_64:
    case K_STEP_UUID:
        out = writer_room(x->w, step_fixed_bytes(op));
        if (out) encode_fixed(op, out, from);
        return true;
    case K_STEP_STRING: return encode_bytes(x, flags, true, slice_load(from));
    case K_STEP_BYTES: return encode_bytes(x, flags, false, slice_load(from));
    case K_STEP_RECORDS: return encode_records(x, flags, from);
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

/* The elements are the caller's to write. */
static INLINE struct field_array
encode_items(struct writing *x, const struct k_struct *s, const struct k_step *p, unsigned flags,
             const uint8_t *from)
{
    struct field_array a = array_load(from);
    if (a.n < 0 && !(flags & K_STEP_NULLABLE))
        refuse_field(x, s, p, S("cannot be null in this version"));
    encode_length(x, flags, false, a.n < 0 ? -1 : a.n);
    return a;
}

/* Returns what it points to, for the caller to write; NULL: nothing. */
static INLINE const uint8_t *
encode_pointed(struct writing *x, const struct k_struct *s, const struct k_step *p, unsigned flags,
               const uint8_t *from)
{
    const uint8_t *item = pointer_load(from);
    bool nullable = flags & K_STEP_NULLABLE;
    if (!item && !nullable) refuse_field(x, s, p, S("cannot be null in this version"));
    if (nullable) writer_i8(x->w, item ? 1 : -1);
    return item;
}

/* ---- tags ---- */

/* The size comes before the bytes: they are written first, then moved by what the size takes. Nearly always that is the byte
 * that was left for it. */
static INLINE int64_t
encode_tag_begin(struct writing *x, uint32_t tag)
{
    writer_uvarint(x->w, tag);
    (void)writer_room(x->w, 1);
    return x->w->n;
}

void encode_long_tag_end(struct writing *x, int64_t at);

static INLINE void
encode_tag_end(struct writing *x, int64_t at)
{
    int64_t n = x->w->n - at;
    if (x->w->err) return;
    if (n < 0x80) x->w->p[at - 1] = (uint8_t)n;
    else encode_long_tag_end(x, at);
}

#endif
