#include "broker/base/utf8.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/codec_field.h"

struct decoder {
    struct reader r;
    struct arena *arena;
    int version;
};

static void decode_struct(struct decoder *d, const struct k_struct *s, uint8_t *to);

static void
decode_malformed(struct decoder *d)
{
    d->r.err = true;
}

/* A length; -1: null. */
static inline int64_t
decode_length(struct decoder *d, unsigned flags, bool is_string)
{
    int64_t n;
    if (flags & K_STEP_COMPACT) n = (int64_t)reader_uvarint(&d->r) - 1;
    else n = is_string ? reader_i16(&d->r) : reader_i32(&d->r);
    return n < 0 ? -1 : n;
}

static INLINE struct slice
decode_bytes(struct decoder *d, unsigned flags, bool is_string)
{
    int64_t n = decode_length(d, flags, is_string);
    if (n < 0) {
        if (!(flags & K_STEP_NULLABLE)) decode_malformed(d);
        return SLICE_NULL;
    }
    if (is_string && n > CODEC_STRING_MAX) decode_malformed(d);
    return reader_bytes(&d->r, n);
}

/* Mended text lives in the arena, not in the input. If it is longer than a string can be, we could not
 * send it again (Kafka takes it, and fails when it answers). */
static struct slice
mend_string(struct decoder *d, struct slice s)
{
    struct slice mended = utf8_mended(s, d->arena);
    if (!mended.p || mended.n > CODEC_STRING_MAX) decode_malformed(d);
    return mended;
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
static INLINE void
decode_scalar(struct decoder *d, enum k_step_op op, unsigned flags, uint8_t *to)
{
    struct k_records records = {0};
    struct slice s;
    const uint8_t *in;
    switch (op) {
    case K_STEP_BOOL:
    case K_STEP_8:
    case K_STEP_16:
    case K_STEP_32:
    case K_STEP_64:
    case K_STEP_UUID:
        in = reader_take(&d->r, step_fixed_bytes(op));
        if (in) decode_fixed(op, in, to);
        return;
    case K_STEP_STRING:
        s = decode_bytes(d, flags, true);
        if (!utf8_is_ascii(s)) s = mend_string(d, s);
        memcpy(to, &s, sizeof s);
        return;
    case K_STEP_BYTES:
        s = decode_bytes(d, flags, false);
        memcpy(to, &s, sizeof s);
        return;
    case K_STEP_RECORDS:
        records.bytes = decode_bytes(d, flags, false);
        memcpy(to, &records, sizeof records);
        return;
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

static void
decode_array(struct decoder *d, const struct k_step *p, uint8_t *to)
{
    int64_t n = decode_length(d, p->flags, false), size = step_item_bytes(p);
    if (n < 0) {
        if (!(p->flags & K_STEP_NULLABLE)) decode_malformed(d);
        array_store(to, NULL, -1);
        return;
    }
    if (d->r.err || n > CODEC_ARRAY_MAX || n * p->item_least_bytes > reader_left(&d->r)) {
        decode_malformed(d);
        return;
    }
    uint8_t *items = n ? arena_alloc(d->arena, n * size) : NULL;
    if (n && !items) {
        decode_malformed(d);
        return;
    }
    array_store(to, items, (int32_t)n);
    unsigned item_flags = p->flags & K_STEP_COMPACT;
    for (int64_t i = 0; i < n && !d->r.err; i++) {
        uint8_t *item = items + i * size;
        if (p->item_op == K_STEP_STRUCT) decode_struct(d, &k_structs[p->item], item);
        else decode_scalar(d, (enum k_step_op)p->item_op, item_flags, item);
    }
}

static void
decode_pointer(struct decoder *d, const struct k_step *p, uint8_t *to)
{
    const struct k_struct *s = &k_structs[p->item];
    uint8_t *item = NULL;
    if (!(p->flags & K_STEP_NULLABLE) || reader_i8(&d->r) >= 0) {
        item = d->r.err ? NULL : arena_alloc(d->arena, s->size);
        if (item) decode_struct(d, s, item);
        else decode_malformed(d);
    }
    memcpy(to, &item, sizeof item);
}

static INLINE void
codec_decode_step(struct decoder *d, const struct k_step *p, uint8_t *to)
{
    switch ((enum k_step_op)p->op) {
    case K_STEP_STRUCT: decode_struct(d, &k_structs[p->item], to + p->at); return;
    case K_STEP_POINTER: decode_pointer(d, p, to + p->at); return;
    case K_STEP_ARRAY: decode_array(d, p, to + p->at); return;
    case K_STEP_ABSENT: return;
    default: decode_scalar(d, (enum k_step_op)p->op, p->flags, to + p->at); return;
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
static void
decode_tagged(struct decoder *d, const struct k_step *p, uint8_t *to, int64_t n)
{
    struct reader outer = d->r;
    d->r = reader(reader_bytes(&outer, n));
    codec_decode_step(d, p, to);
    outer.err |= d->r.err || reader_left(&d->r) != 0;
    d->r = outer;
}

/* `raw` is the whole tagged field: tag, size and bytes. Usually the unknown ones lie in one run. */
static void
keep_unknown(struct decoder *d, struct k_tags *tags, struct slice raw)
{
    tags->n++;
    if (!tags->bytes.p) {
        tags->bytes = raw;
    } else if (tags->bytes.p + tags->bytes.n == raw.p) {
        tags->bytes.n += raw.n;
    } else {
        uint8_t *p = arena_alloc(d->arena, tags->bytes.n + raw.n);
        if (!p) {
            decode_malformed(d);
            return;
        }
        memcpy(p, tags->bytes.p, (size_t)tags->bytes.n);
        memcpy(p + tags->bytes.n, raw.p, (size_t)raw.n);
        tags->bytes = slice(p, tags->bytes.n + raw.n);
    }
}

static void
decode_tags(struct decoder *d, const struct k_struct *s, const struct k_step *steps, uint8_t *to)
{
    uint32_t n = reader_uvarint(&d->r);
    int64_t last = -1;
    if (n > CODEC_TAGS_MAX) decode_malformed(d);
    for (uint32_t i = 0; i < n && !d->r.err; i++) {
        const uint8_t *start = d->r.p;
        uint32_t tag = reader_uvarint(&d->r), size = reader_uvarint(&d->r);
        if (tag <= last || size > reader_left(&d->r)) {
            decode_malformed(d);
            return;
        }
        last = tag;
        const struct k_step *p = find_tagged(s, steps, tag);
        if (p) {
            decode_tagged(d, p, to, size);
            continue;
        }
        reader_skip(&d->r, size);
        if (s->unknown_at == K_NO_TAGS) continue;
        struct k_tags tags;
        memcpy(&tags, to + s->unknown_at, sizeof tags);
        keep_unknown(d, &tags, slice(start, d->r.p - start));
        memcpy(to + s->unknown_at, &tags, sizeof tags);
    }
}

/* ---- structs -------------------------------------------------------------------------------- */

/* Whether all its bytes are there is asked once. Returns its last step. */
static INLINE const struct k_step *
decode_fixed_row(struct decoder *d, const struct k_step *row, uint8_t *to)
{
    const struct k_step *last = row + row->field;
    const uint8_t *in = reader_take(&d->r, row->item);
    for (const struct k_step *p = row + 1; in && p <= last; p++) {
        decode_fixed((enum k_step_op)p->op, in, to + p->at);
        in += step_fixed_bytes((enum k_step_op)p->op);
    }
    return last;
}

/* `to` may hold anything. */
static void
decode_struct(struct decoder *d, const struct k_struct *s, uint8_t *to)
{
    const struct k_step *p = struct_program(s, d->version);
    struct_set_defaults(s, to);
    for (; p->op > K_STEP_TAGS; p++)
        if (p->op == K_STEP_ROW) p = decode_fixed_row(d, p, to);
        else codec_decode_step(d, p, to);
    if (p->op == K_STEP_TAGS) decode_tags(d, s, p, to);
}

bool
codec_decode(enum k_msg msg, int16_t version, struct reader *r, struct arena *a, void *ret)
{
    CHECK(codec_has_version(msg, version));
    struct decoder d = {*r, a, version};
    const struct k_struct *s = message_root(msg);
    decode_struct(&d, s, ret);
    *r = d.r;
    return !d.r.err;
}

bool
codec_decode_all(enum k_msg msg, int16_t version, struct slice bytes, struct arena *a, void *ret)
{
    struct reader r = reader(bytes);
    return codec_decode(msg, version, &r, a, ret) && reader_left(&r) == 0;
}
