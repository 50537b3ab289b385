#include "broker/base/utf8.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/codec_field.h"

struct decoder {
    struct reader r;
    struct arena *arena;
    int version;
    bool flexible;
};

static void decode_struct(struct decoder *d, const struct k_struct *s, uint8_t *to);

static void
malformed(struct decoder *d)
{
    d->r.err = true;
}

/* The length of a string, bytes or an array; -1: null. */
static int64_t
decode_length(struct decoder *d, const struct k_field *f, bool flexible)
{
    int64_t n;
    if (flexible) n = (int64_t)reader_uvarint(&d->r) - 1;
    else if (f->type == K_STRING && !(f->flags & K_ARRAY)) n = reader_i16(&d->r);
    else n = reader_i32(&d->r);
    return n < 0 ? -1 : n;
}

static struct slice
decode_bytes(struct decoder *d, const struct k_field *f, bool flexible, bool nullable, int64_t max)
{
    int64_t n = decode_length(d, f, flexible);
    if (n < 0) {
        if (!nullable) malformed(d);
        return SLICE_NULL;
    }
    if (n > max) malformed(d);
    return reader_bytes(&d->r, n);
}

/* Mended text lives in the arena, not in the input. If it is longer than a string can be, we could not
 * send it again (Kafka takes it, and fails when it answers). */
static struct slice
mend_string(struct decoder *d, struct slice s)
{
    struct slice mended = utf8_mended(s, d->arena);
    if (!mended.p || mended.n > CODEC_STRING_MAX) malformed(d);
    return mended;
}

/* Strings of an array keep the array's rule for the length of strings. */
static struct slice
decode_string(struct decoder *d, bool flexible, bool nullable)
{
    static const struct k_field string = {.type = K_STRING};
    struct slice s = decode_bytes(d, &string, flexible, nullable, CODEC_STRING_MAX);
    return utf8_is_ascii(s) ? s : mend_string(d, s);
}

static struct slice
decode_blob(struct decoder *d, bool flexible, bool nullable)
{
    static const struct k_field blob = {.type = K_BYTES};
    return decode_bytes(d, &blob, flexible, nullable, INT32_MAX);
}

static void
decode_uuid(struct decoder *d, uint8_t *to)
{
    struct slice s = reader_bytes(&d->r, 16);
    if (s.p) memcpy(to, s.p, 16);
}

/* One value that is no struct, or one element of an array of such. */
static void
decode_scalar(struct decoder *d, enum k_type type, uint8_t *to, bool flexible, bool nullable)
{
    struct slice s;
    struct k_records records = {0};
    switch (type) {
    case K_BOOL: field_store_int(K_BOOL, to, reader_i8(&d->r)); return;
    case K_INT8: field_store_int(K_INT8, to, reader_i8(&d->r)); return;
    case K_INT16:
    case K_UINT16: field_store_int(K_INT16, to, reader_i16(&d->r)); return;
    case K_INT32:
    case K_UINT32: field_store_int(K_INT32, to, reader_i32(&d->r)); return;
    case K_INT64:
    case K_FLOAT64: field_store_int(K_INT64, to, reader_i64(&d->r)); return;
    case K_UUID: decode_uuid(d, to); return;
    case K_STRING:
        s = decode_string(d, flexible, nullable);
        memcpy(to, &s, sizeof s);
        return;
    case K_BYTES:
        s = decode_blob(d, flexible, nullable);
        memcpy(to, &s, sizeof s);
        return;
    case K_RECORDS:
        records.bytes = decode_blob(d, flexible, nullable);
        memcpy(to, &records, sizeof records);
        return;
    case K_STRUCT: break;
    }
    UNREACHABLE();
}

/* The fewest bytes that an element takes; 0 if it may take none. */
static int64_t
least_bytes(const struct decoder *d, const struct k_field *f)
{
    static const uint8_t sizes[][2] = {
        [K_BOOL] = {1, 1},   [K_INT8] = {1, 1},   [K_INT16] = {2, 2}, [K_UINT16] = {2, 2},
        [K_INT32] = {4, 4},  [K_UINT32] = {4, 4}, [K_INT64] = {8, 8}, [K_FLOAT64] = {8, 8},
        [K_UUID] = {16, 16}, [K_STRING] = {2, 1}, [K_BYTES] = {4, 1}, [K_RECORDS] = {4, 1},
    };
    if (f->type != K_STRUCT) return sizes[f->type][d->flexible];
    const struct k_struct *s = &k_structs[f->item];
    return k_min_bytes[s->min_at + d->version - s->lo];
}

static void
decode_array(struct decoder *d, const struct k_field *f, uint8_t *to)
{
    int64_t n = decode_length(d, f, d->flexible), size = field_item_bytes(f);
    if (n < 0) {
        if (!field_is_nullable(f, d->version)) malformed(d);
        array_store(to, NULL, -1);
        return;
    }
    if (d->r.err || n > CODEC_ARRAY_MAX || n * least_bytes(d, f) > reader_left(&d->r)) {
        malformed(d);
        return;
    }
    uint8_t *items = n ? arena_alloc(d->arena, n * size) : NULL;
    if (n && !items) {
        malformed(d);
        return;
    }
    array_store(to, items, (int32_t)n);
    for (int64_t i = 0; i < n && !d->r.err; i++) {
        if (f->type == K_STRUCT) decode_struct(d, &k_structs[f->item], items + i * size);
        else decode_scalar(d, f->type, items + i * size, d->flexible, false);
    }
}

static void
decode_nullable_struct(struct decoder *d, const struct k_field *f, uint8_t *to)
{
    const struct k_struct *s = &k_structs[f->item];
    uint8_t *p = NULL;
    if (!field_is_nullable(f, d->version) || reader_i8(&d->r) >= 0) {
        p = d->r.err ? NULL : arena_alloc(d->arena, s->size);
        if (p) decode_struct(d, s, p);
        else malformed(d);
    }
    memcpy(to, &p, sizeof p);
}

static void
decode_field(struct decoder *d, const struct k_field *f, uint8_t *to)
{
    if (f->flags & K_ARRAY) decode_array(d, f, to);
    else if (f->flags & K_POINTER) decode_nullable_struct(d, f, to);
    else if (f->type == K_STRUCT) decode_struct(d, &k_structs[f->item], to);
    else
        decode_scalar(d, f->type, to, field_is_flexible(f, d->flexible),
                      field_is_nullable(f, d->version));
}

/* ---- tags ----------------------------------------------------------------------------------- */

static const struct k_field *
find_tagged(const struct decoder *d, const struct k_struct *s, uint32_t tag)
{
    const struct k_field *f = &k_fields[s->first + s->n];
    for (int i = 0; i < s->tagged; i++)
        if ((uint32_t)f[i].tag == tag) return field_is_in(&f[i], d->version) ? &f[i] : NULL;
    return NULL;
}

/* Reads exactly n bytes as the field. */
static void
decode_tagged(struct decoder *d, const struct k_field *f, uint8_t *to, int64_t n)
{
    struct reader outer = d->r;
    d->r = reader(reader_bytes(&outer, n));
    decode_field(d, f, to);
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
            malformed(d);
            return;
        }
        memcpy(p, tags->bytes.p, (size_t)tags->bytes.n);
        memcpy(p + tags->bytes.n, raw.p, (size_t)raw.n);
        tags->bytes = slice(p, tags->bytes.n + raw.n);
    }
}

static void
decode_tags(struct decoder *d, const struct k_struct *s, uint8_t *to)
{
    uint32_t n = reader_uvarint(&d->r);
    int64_t last = -1;
    if (n > CODEC_TAGS_MAX) malformed(d);
    for (uint32_t i = 0; i < n && !d->r.err; i++) {
        const uint8_t *start = d->r.p;
        uint32_t tag = reader_uvarint(&d->r), size = reader_uvarint(&d->r);
        if (tag <= last || size > reader_left(&d->r)) {
            malformed(d);
            return;
        }
        last = tag;
        const struct k_field *f = find_tagged(d, s, tag);
        if (f) {
            decode_tagged(d, f, to + f->at, size);
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

/* `to` may hold anything. */
static void
decode_struct(struct decoder *d, const struct k_struct *s, uint8_t *to)
{
    const struct k_field *f = &k_fields[s->first], *end = f + s->n;
    struct_set_defaults(s, to);
    for (; f < end; f++)
        if (field_is_in(f, d->version)) decode_field(d, f, to + f->at);
    if (d->flexible) decode_tags(d, s, to);
}

bool
codec_decode(enum k_msg msg, int16_t version, struct reader *r, struct arena *a, void *ret)
{
    CHECK(codec_has_version(msg, version));
    struct decoder d = {*r, a, version, codec_is_flexible(msg, version)};
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
