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

static void encode_struct(struct writing *x, const struct k_struct *s, const uint8_t *from);

static void
refuse_field(struct writing *x, const struct k_struct *s, const struct k_step *p, struct slice why)
{
    if (x->refused) return;
    x->refused = true;
    x->why = (struct codec_refusal){k_name(k_fields[s->first + p->field].name), why};
}

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

static void
splice(struct writing *x, struct seg seg)
{
    struct splice *s = VEC_ADD(x->e->mem, &x->e->splices);
    *s = (struct splice){x->w->n, seg};
    x->e->spliced_bytes += seg.buf ? seg.bytes.n : seg.n;
}

static bool
encode_records(struct writing *x, unsigned flags, const uint8_t *from)
{
    struct k_records r = records_load(from);
    if (r.file) {
        CHECK(r.n >= 0 && r.n < INT32_MAX);
        if (!x->e) return false;
        encode_length(x, flags, false, r.n);
        if (r.n) splice(x, (struct seg){.file = r.file, .offset = r.offset, .n = r.n});
    } else if (x->e && r.buf && r.bytes.n >= ENCODER_SPLICE_BYTES) {
        encode_length(x, flags, false, r.bytes.n);
        splice(x, (struct seg){.buf = r.buf, .bytes = r.bytes});
    } else {
        return encode_bytes(x, flags, false, r.bytes);
    }
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

static void
refuse_scalar(struct writing *x, const struct k_struct *s, const struct k_step *p,
              const uint8_t *from)
{
    bool is_file = p->op == K_STEP_RECORDS && records_load(from).file;
    refuse_field(x, s, p, is_file ? S("is in a file") : S("is too long"));
}

static void
encode_array(struct writing *x, const struct k_struct *s, const struct k_step *p,
             const uint8_t *from)
{
    struct field_array a = array_load(from);
    if (a.n < 0 && !(p->flags & K_STEP_NULLABLE))
        refuse_field(x, s, p, S("cannot be null in this version"));
    encode_length(x, p->flags, false, a.n < 0 ? -1 : a.n);
    const uint8_t *item = a.items;
    int64_t size = step_item_bytes(p);
    unsigned item_flags = p->flags & K_STEP_COMPACT;
    for (int32_t i = 0; i < a.n; i++, item += size) {
        if (p->item_op == K_STEP_STRUCT) encode_struct(x, &k_structs[p->item], item);
        else if (!encode_scalar(x, (enum k_step_op)p->item_op, item_flags, item))
            refuse_scalar(x, s, p, item);
    }
}

static void
encode_pointer(struct writing *x, const struct k_struct *s, const struct k_step *p,
               const uint8_t *from)
{
    const uint8_t *item = pointer_load(from);
    bool nullable = p->flags & K_STEP_NULLABLE;
    if (!item && !nullable) refuse_field(x, s, p, S("cannot be null in this version"));
    if (nullable) writer_i8(x->w, item ? 1 : -1);
    if (item) encode_struct(x, &k_structs[p->item], item);
}

/* A value that this version cannot carry is dropped if the schema allows, else it is a refusal. */
static void
check_absent(struct writing *x, const struct k_struct *s, const struct k_step *p,
             const uint8_t *from)
{
    if (!field_is_default(&k_fields[s->first + p->field], from))
        refuse_field(x, s, p, S("is not in this version"));
}

static INLINE void
encode_step(struct writing *x, const struct k_struct *s, const struct k_step *p,
            const uint8_t *from)
{
    from += p->at;
    switch ((enum k_step_op)p->op) {
    case K_STEP_STRUCT: encode_struct(x, &k_structs[p->item], from); return;
    case K_STEP_POINTER: encode_pointer(x, s, p, from); return;
    case K_STEP_ARRAY: encode_array(x, s, p, from); return;
    case K_STEP_ABSENT: check_absent(x, s, p, from); return;
    default:
        if (!encode_scalar(x, (enum k_step_op)p->op, p->flags, from)) refuse_scalar(x, s, p, from);
        return;
    }
}

/* ---- tags ----------------------------------------------------------------------------------- */

/* The size comes before the bytes: they are written first, then moved by what the size takes. */
static void
encode_tagged(struct writing *x, const struct k_struct *s, const struct k_step *p,
              const uint8_t *from)
{
    writer_uvarint(x->w, (uint32_t)k_fields[s->first + p->field].tag);
    int64_t at = x->w->n;
    encode_step(x, s, p, from);
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

static void
encode_tags(struct writing *x, const struct k_struct *s, const struct k_step *tags,
            const uint8_t *from)
{
    struct k_tags unknown = {0};
    if (s->unknown_at != K_NO_TAGS) memcpy(&unknown, from + s->unknown_at, sizeof unknown);
    const struct k_field *fields = &k_fields[s->first];
    uint64_t written = 0; /* by step */
    uint32_t n = (uint32_t)unknown.n;
    for (int i = 1; i <= tags->item; i++) {
        if (field_is_default(&fields[tags[i].field], from + tags[i].at)) continue;
        written |= (uint64_t)1 << i;
        n++;
    }
    writer_uvarint(x->w, n);
    if (n == 0) return;
    struct reader r = reader(unknown.bytes);
    for (int i = 1; i <= tags->item; i++) {
        if (!(written >> i & 1)) continue;
        encode_unknown_below(x, &r, fields[tags[i].field].tag);
        encode_tagged(x, s, &tags[i], from);
    }
    encode_unknown_below(x, &r, INT64_MAX);
}

/* ---- structs -------------------------------------------------------------------------------- */

/* Room for all its bytes is made once. Returns its last step. */
static INLINE const struct k_step *
encode_fixed_row(struct writing *x, const struct k_step *row, const uint8_t *from)
{
    const struct k_step *last = row + row->field;
    uint8_t *out = writer_room(x->w, row->item);
    for (const struct k_step *p = row + 1; out && p <= last; p++) {
        encode_fixed((enum k_step_op)p->op, out, from + p->at);
        out += step_fixed_bytes((enum k_step_op)p->op);
    }
    return last;
}

static void
encode_struct(struct writing *x, const struct k_struct *s, const uint8_t *from)
{
    const struct k_step *p = struct_program(s, x->version);
    for (; p->op > K_STEP_TAGS; p++)
        if (p->op == K_STEP_ROW) p = encode_fixed_row(x, p, from);
        else encode_step(x, s, p, from);
    if (p->op == K_STEP_TAGS) encode_tags(x, s, p, from);
}

static bool
encode_message(enum k_msg msg, const void *m, struct writing *x)
{
    CHECK(codec_has_version(msg, (int16_t)x->version));
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
    e->w = writer_lent(mem, e->room, sizeof e->room);
    e->mem = mem;
    e->splices.v = NULL;
    e->splices.n = e->splices.cap = 0;
    e->spliced_bytes = 0;
    e->why = (struct codec_refusal){0};
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
