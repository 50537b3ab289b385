#include "broker/base/utf8.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/codec_field.h"

/* Each of these reads from `in` on and returns where it ended; NULL: malformed. So where we are stays in a register, and
 * nothing goes on behind an error. */
struct decoder {
    const uint8_t *end;
    struct arena *arena;
    int version;
};

static const uint8_t *decode_struct(struct decoder *d, const struct k_struct *s, const uint8_t *in,
                                    uint8_t *to);

static INLINE bool
is_there(const struct decoder *d, const uint8_t *in, int64_t n)
{
    return n <= d->end - in;
}

static const uint8_t *
decode_long_uvarint(struct decoder *d, const uint8_t *in, uint32_t *ret)
{
    uint64_t v;
    int n = leb128_read(in, d->end - in, 32, &v);
    *ret = n ? (uint32_t)v : 0;
    return n ? in + n : NULL;
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

/* Mended text lives in the arena, not in the input. If it is longer than a string can be, we could not
 * send it again (Kafka takes it, and fails when it answers). */
static bool
mend_string(struct decoder *d, struct slice *s)
{
    *s = utf8_mended(*s, d->arena);
    return s->p && s->n <= CODEC_STRING_MAX;
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
        if (!utf8_is_ascii(s) && !mend_string(d, &s)) return NULL;
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

static const uint8_t *
decode_array(struct decoder *d, const struct k_step *p, const uint8_t *in, uint8_t *to)
{
    int64_t n, size = step_item_bytes(p);
    in = decode_length(d, p->flags, false, in, &n);
    if (!in) return NULL;
    if (n < 0) {
        array_store(to, NULL, -1);
        return p->flags & K_STEP_NULLABLE ? in : NULL;
    }
    if (n > CODEC_ARRAY_MAX || !is_there(d, in, n * p->item_least_bytes)) return NULL;
    uint8_t *item = n ? arena_alloc_dirty(d->arena, n * size) : NULL;
    if (n && !item) return NULL;
    array_store(to, item, (int32_t)n);
    unsigned item_flags = p->flags & K_STEP_COMPACT;
    for (; n > 0 && in; n--, item += size)
        in = p->item_op == K_STEP_STRUCT
               ? decode_struct(d, &k_structs[p->item], in, item)
               : decode_scalar(d, (enum k_step_op)p->item_op, item_flags, in, item);
    return in;
}

static const uint8_t *
decode_pointer(struct decoder *d, const struct k_step *p, const uint8_t *in, uint8_t *to)
{
    const struct k_struct *s = &k_structs[p->item];
    bool is_null = false;
    if (p->flags & K_STEP_NULLABLE) {
        if (!is_there(d, in, 1)) return NULL;
        is_null = (int8_t)*in++ < 0;
    }
    uint8_t *item = is_null ? NULL : arena_alloc_dirty(d->arena, s->size);
    memcpy(to, &item, sizeof item);
    if (is_null) return in;
    return item ? decode_struct(d, s, in, item) : NULL;
}

static INLINE const uint8_t *
codec_decode_step(struct decoder *d, const struct k_step *p, const uint8_t *in, uint8_t *to)
{
    switch ((enum k_step_op)p->op) {
    case K_STEP_STRUCT: return decode_struct(d, &k_structs[p->item], in, to + p->at);
    case K_STEP_POINTER: return decode_pointer(d, p, in, to + p->at);
    case K_STEP_ARRAY: return decode_array(d, p, in, to + p->at);
    case K_STEP_ABSENT: return in;
    default: return decode_scalar(d, (enum k_step_op)p->op, p->flags, in, to + p->at);
    }
}

/* ---- tags ----------------------------------------------------------------------------------- */

/* The step of a tag, if this version has it. */
static const struct k_step *
find_tagged(const struct k_struct *s, const struct k_step *tags, uint32_t tag)
{
    for (int i = 1; i <= tags->item; i++)
        if ((uint32_t)k_fields[s->first + tags[i].field].tag == tag) return &tags[i];
    return NULL;
}

/* Reads exactly n bytes as the field. */
static const uint8_t *
decode_tagged(struct decoder *d, const struct k_step *p, const uint8_t *in, uint8_t *to, int64_t n)
{
    struct decoder inner = {in + n, d->arena, d->version};
    return codec_decode_step(&inner, p, in, to) == inner.end ? inner.end : NULL;
}

/* `raw` is the whole tagged field: tag, size and bytes. Usually the unknown ones lie in one run. False: no room. */
static bool
keep_unknown(struct decoder *d, struct k_tags *tags, struct slice raw)
{
    tags->n++;
    if (!tags->bytes.p) {
        tags->bytes = raw;
    } else if (tags->bytes.p + tags->bytes.n == raw.p) {
        tags->bytes.n += raw.n;
    } else {
        uint8_t *p = arena_alloc(d->arena, tags->bytes.n + raw.n);
        if (!p) return false;
        memcpy(p, tags->bytes.p, (size_t)tags->bytes.n);
        memcpy(p + tags->bytes.n, raw.p, (size_t)raw.n);
        tags->bytes = slice(p, tags->bytes.n + raw.n);
    }
    return true;
}

static const uint8_t *
decode_unknown(struct decoder *d, const struct k_struct *s, struct slice raw, uint8_t *to)
{
    const uint8_t *next = raw.p + raw.n;
    struct k_tags tags;
    if (s->unknown_at == K_NO_TAGS) return next;
    memcpy(&tags, to + s->unknown_at, sizeof tags);
    bool is_kept = keep_unknown(d, &tags, raw);
    memcpy(to + s->unknown_at, &tags, sizeof tags);
    return is_kept ? next : NULL;
}

static const uint8_t *
decode_tags(struct decoder *d, const struct k_struct *s, const struct k_step *steps,
            const uint8_t *in, uint8_t *to)
{
    uint32_t n, tag, size;
    int64_t last = -1;
    in = decode_uvarint(d, in, &n);
    if (in && n > CODEC_TAGS_MAX) return NULL;
    for (; in && n > 0; n--) {
        const uint8_t *start = in;
        in = decode_uvarint(d, in, &tag);
        if (in) in = decode_uvarint(d, in, &size);
        if (!in || tag <= last || !is_there(d, in, size)) return NULL;
        last = tag;
        const struct k_step *p = find_tagged(s, steps, tag);
        in = p ? decode_tagged(d, p, in, to, size)
               : decode_unknown(d, s, slice(start, in + size - start), to);
    }
    return in;
}

/* There are hardly ever any. */
static INLINE const uint8_t *
decode_tags_if_any(struct decoder *d, const struct k_struct *s, const struct k_step *steps,
                   const uint8_t *in, uint8_t *to)
{
    return is_there(d, in, 1) && *in == 0 ? in + 1 : decode_tags(d, s, steps, in, to);
}

/* ---- structs -------------------------------------------------------------------------------- */

/* The steps of a row, whose bytes are all there. */
static INLINE void
decode_fixed_row(const struct k_step *row, const uint8_t *in, uint8_t *to)
{
    const struct k_step *last = row + row->field;
    for (const struct k_step *p = row + 1; p <= last; p++) {
        decode_fixed((enum k_step_op)p->op, in, to + p->at);
        in += step_fixed_bytes((enum k_step_op)p->op);
    }
}

/* `to` may hold anything. */
static const uint8_t *
decode_struct(struct decoder *d, const struct k_struct *s, const uint8_t *in, uint8_t *to)
{
    const struct k_step *p = struct_program(s, d->version);
    struct_set_defaults(s, to);
    for (; p->op > K_STEP_TAGS && in; p++) {
        if (p->op != K_STEP_ROW) {
            in = codec_decode_step(d, p, in, to);
            continue;
        }
        if (!is_there(d, in, p->item)) return NULL;
        decode_fixed_row(p, in, to);
        in += p->item;
        p += p->field;
    }
    return in && p->op == K_STEP_TAGS ? decode_tags_if_any(d, s, p, in, to) : in;
}

bool
codec_decode(enum k_msg msg, int16_t version, struct reader *r, struct arena *a, void *ret)
{
    static const uint8_t nothing[1];
    CHECK(codec_has_version(msg, version));
    bool is_empty = !r->p;
    struct decoder d = {is_empty ? nothing : r->end, a, version};
    const uint8_t *in =
        r->err ? NULL : decode_struct(&d, message_root(msg), is_empty ? nothing : r->p, ret);
    if (!in) r->err = true;
    else if (!is_empty) r->p = in;
    return in != NULL;
}

bool
codec_decode_all(enum k_msg msg, int16_t version, struct slice bytes, struct arena *a, void *ret)
{
    struct reader r = reader(bytes);
    return codec_decode(msg, version, &r, a, ret) && reader_left(&r) == 0;
}
