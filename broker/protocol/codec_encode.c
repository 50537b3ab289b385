#include "broker/base/utf8.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/codec_field.h"

/* `e` is NULL when everything goes into the writer. */
struct writing {
    struct writer *w;
    struct encoder *e;
    int version;
    bool flexible;
    bool refused;
    struct codec_refusal why;
};

static void encode_struct(struct writing *x, const struct k_struct *s, const uint8_t *from);

static void
refuse(struct writing *x, const struct k_field *f, struct slice why)
{
    if (x->refused) return;
    x->refused = true;
    x->why = (struct codec_refusal){k_name(f->name), why};
}

static void
encode_length(struct writing *x, bool flexible, bool is_string, int64_t n)
{
    if (flexible) writer_uvarint(x->w, (uint32_t)(n + 1));
    else if (is_string) writer_i16(x->w, (int16_t)n);
    else writer_i32(x->w, (int32_t)n);
}

static void
encode_bytes(struct writing *x, const struct k_field *f, struct slice s, bool flexible,
             bool nullable)
{
    bool is_string = f->type == K_STRING;
    bool as_it_is = !is_string || utf8_is_ascii(s);
    int64_t n = as_it_is ? s.n : utf8_mended_bytes(s);
    if (n > (is_string ? CODEC_STRING_MAX : INT32_MAX - 1)) {
        refuse(x, f, S("is too long"));
        return;
    }
    encode_length(x, flexible, is_string, s.p || !nullable ? n : -1);
    if (!as_it_is) writer_utf8(x->w, s);
    else if (n) writer_bytes(x->w, s);
}

static void
splice(struct writing *x, struct seg seg)
{
    struct splice *s = VEC_ADD(x->e->mem, &x->e->splices);
    *s = (struct splice){x->w->n, seg};
    x->e->spliced_bytes += seg.buf ? seg.bytes.n : seg.n;
}

static void
encode_records(struct writing *x, const struct k_field *f, const uint8_t *from, bool flexible,
               bool nullable)
{
    struct k_records r = records_load(from);
    if (r.file) {
        CHECK(r.n >= 0 && r.n < INT32_MAX);
        if (!x->e) {
            refuse(x, f, S("is in a file"));
            return;
        }
        encode_length(x, flexible, false, r.n);
        if (r.n) splice(x, (struct seg){.file = r.file, .offset = r.offset, .n = r.n});
    } else if (x->e && r.buf && r.bytes.n >= ENCODER_SPLICE_BYTES) {
        encode_length(x, flexible, false, r.bytes.n);
        splice(x, (struct seg){.buf = r.buf, .bytes = r.bytes});
    } else {
        encode_bytes(x, f, r.bytes, flexible, nullable);
    }
}

static void
encode_scalar(struct writing *x, const struct k_field *f, const uint8_t *from, bool flexible,
              bool nullable)
{
    switch ((enum k_type)f->type) {
    case K_BOOL:
    case K_INT8: writer_i8(x->w, (int8_t)field_load_int(K_INT8, from)); return;
    case K_INT16:
    case K_UINT16: writer_i16(x->w, (int16_t)field_load_int(K_INT16, from)); return;
    case K_INT32:
    case K_UINT32: writer_i32(x->w, (int32_t)field_load_int(K_INT32, from)); return;
    case K_INT64:
    case K_FLOAT64: writer_i64(x->w, field_load_int(K_INT64, from)); return;
    case K_UUID: writer_bytes(x->w, slice(from, 16)); return;
    case K_STRING:
    case K_BYTES: encode_bytes(x, f, slice_load(from), flexible, nullable); return;
    case K_RECORDS: encode_records(x, f, from, flexible, nullable); return;
    case K_STRUCT: break;
    }
    UNREACHABLE();
}

static void
encode_array(struct writing *x, const struct k_field *f, const uint8_t *from)
{
    struct field_array a = array_load(from);
    if (a.n < 0 && !field_is_nullable(f, x->version)) {
        refuse(x, f, S("cannot be null in this version"));
        return;
    }
    encode_length(x, x->flexible, false, a.n < 0 ? -1 : a.n);
    const uint8_t *item = a.items;
    int64_t size = field_item_bytes(f);
    for (int32_t i = 0; i < a.n; i++, item += size) {
        if (f->type == K_STRUCT) encode_struct(x, &k_structs[f->item], item);
        else encode_scalar(x, f, item, x->flexible, false);
    }
}

static void
encode_nullable_struct(struct writing *x, const struct k_field *f, const uint8_t *from)
{
    const uint8_t *p = pointer_load(from);
    bool nullable = field_is_nullable(f, x->version);
    if (!p && !nullable) refuse(x, f, S("cannot be null in this version"));
    if (nullable) writer_i8(x->w, p ? 1 : -1);
    if (p) encode_struct(x, &k_structs[f->item], p);
}

static void
encode_field(struct writing *x, const struct k_field *f, const uint8_t *from)
{
    if (f->flags & K_ARRAY) encode_array(x, f, from);
    else if (f->flags & K_POINTER) encode_nullable_struct(x, f, from);
    else if (f->type == K_STRUCT) encode_struct(x, &k_structs[f->item], from);
    else
        encode_scalar(x, f, from, field_is_flexible(f, x->flexible),
                      field_is_nullable(f, x->version));
}

/* ---- tags ----------------------------------------------------------------------------------- */

/* The size comes before the bytes: they are written first, then moved by what the size takes. */
static void
encode_tagged(struct writing *x, const struct k_field *f, const uint8_t *from)
{
    writer_uvarint(x->w, (uint32_t)f->tag);
    int64_t at = x->w->n;
    encode_field(x, f, from);
    int64_t n = x->w->n - at;
    int size_bytes = uvarint_bytes((uint32_t)n);
    if (!writer_room(x->w, size_bytes)) return;
    memmove(x->w->p + at + size_bytes, x->w->p + at, (size_t)n);
    x->w->n = at;
    writer_uvarint(x->w, (uint32_t)n);
    x->w->n = at + size_bytes + n;
}

/* Unknown tags below `tag`, so that all ascend. */
static void
encode_unknown_below(struct writing *x, struct reader *unknown, int64_t tag)
{
    while (reader_left(unknown) > 0) {
        struct reader start = *unknown;
        if (reader_uvarint(unknown) >= tag) {
            *unknown = start;
            return;
        }
        reader_skip(unknown, reader_uvarint(unknown));
        CHECK(!unknown->err);
        writer_bytes(x->w, slice(start.p, unknown->p - start.p));
    }
}

static bool
is_written(const struct writing *x, const struct k_field *f, const uint8_t *from)
{
    return field_is_in(f, x->version) && !field_is_default(f, from + f->at);
}

static void
encode_tags(struct writing *x, const struct k_struct *s, const uint8_t *from)
{
    const struct k_field *f = &k_fields[s->first + s->n];
    struct k_tags unknown = {0};
    if (s->unknown_at != K_NO_TAGS) memcpy(&unknown, from + s->unknown_at, sizeof unknown);
    uint32_t n = (uint32_t)unknown.n;
    for (int i = 0; i < s->tagged; i++) n += is_written(x, &f[i], from);
    writer_uvarint(x->w, n);
    if (n == 0) return;
    struct reader r = reader(unknown.bytes);
    for (int i = 0; i < s->tagged; i++) {
        if (!is_written(x, &f[i], from)) continue;
        encode_unknown_below(x, &r, f[i].tag);
        encode_tagged(x, &f[i], from + f[i].at);
    }
    encode_unknown_below(x, &r, INT64_MAX);
}

/* ---- structs -------------------------------------------------------------------------------- */

/* A value that this version cannot carry is dropped if the schema allows, else it is a refusal. */
static void
check_absent(struct writing *x, const struct k_field *f, const uint8_t *from)
{
    if (!(f->flags & K_IGNORABLE) && !field_is_default(f, from))
        refuse(x, f, S("is not in this version"));
}

static void
encode_struct(struct writing *x, const struct k_struct *s, const uint8_t *from)
{
    const struct k_field *f = &k_fields[s->first], *end = f + s->n;
    for (; f < end; f++) {
        if (field_is_in(f, x->version)) encode_field(x, f, from + f->at);
        else check_absent(x, f, from + f->at);
    }
    for (end += s->tagged; f < end; f++)
        if (!field_is_in(f, x->version)) check_absent(x, f, from + f->at);
    if (x->flexible) encode_tags(x, s, from);
}

static bool
encode_message(enum k_msg msg, const void *m, struct writing *x)
{
    CHECK(codec_has_version(msg, (int16_t)x->version));
    x->flexible = codec_is_flexible(msg, (int16_t)x->version);
    encode_struct(x, message_root(msg), m);
    if (x->w->err && !x->refused)
        x->why = (struct codec_refusal){codec_name(msg), S("does not fit")};
    return !x->refused && !x->w->err;
}

bool
codec_write(enum k_msg msg, int16_t version, const void *m, struct writer *w,
            struct codec_refusal *ret_why)
{
    struct writing x = {.w = w, .version = version};
    bool ok = encode_message(msg, m, &x);
    if (!ok && ret_why) *ret_why = x.why;
    return ok;
}

/* ---- segments ------------------------------------------------------------------------------- */

void
encoder_init(struct encoder *e, struct mem *mem)
{
    *e = (struct encoder){.w = writer_mem(mem), .mem = mem};
}

bool
codec_encode(enum k_msg msg, int16_t version, const void *m, struct encoder *e)
{
    struct writing x = {.w = &e->w, .e = e, .version = version};
    bool ok = encode_message(msg, m, &x);
    e->why = x.why;
    return ok;
}

void
encoder_release(struct encoder *e)
{
    VEC_RELEASE(e->mem, &e->splices);
    writer_release(&e->w);
}

struct seg *
encoder_finish(struct encoder *e, struct arena *a, struct buf **ret_buf, int32_t *ret_n)
{
    struct buf *own = buf_copy(e->mem, writer_slice(&e->w));
    struct seg *segs = ARENA_ARRAY(a, struct seg, 2 * e->splices.n + 1);
    CHECK(segs);
    int32_t n = 0;
    int64_t at = 0;
    for (int64_t i = 0; i <= e->splices.n; i++) {
        bool last = i == e->splices.n;
        int64_t upto = last ? own->n : e->splices.v[i].at;
        if (upto > at)
            segs[n++] = (struct seg){.buf = own, .bytes = slice_sub(buf_slice(own), at, upto - at)};
        if (!last) segs[n++] = e->splices.v[i].seg;
        at = upto;
    }
    *ret_buf = own;
    *ret_n = n;
    encoder_release(e);
    return segs;
}
