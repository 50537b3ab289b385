/* The interpreter: codec_encode_steps.h has the steps. */
#include "broker/protocol/codec_encode_steps.h"

static void encode_struct(struct writing *x, const struct k_struct *s, const uint8_t *from);

void
refuse_field(struct writing *x, const struct k_struct *s, const struct k_step *p, struct slice why)
{
    if (x->refused) return;
    x->refused = true;
    x->why = (struct codec_refusal){k_name(k_fields[s->first + p->field].name), why};
}

static void
splice(struct writing *x, struct seg seg)
{
    struct splice *s = VEC_ADD(x->e->mem, &x->e->splices);
    *s = (struct splice){x->w->n, seg};
    x->e->spliced_bytes += seg.buf ? seg.bytes.n : seg.n;
}

bool
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

void
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
    struct field_array a = encode_items(x, s, p, p->flags, from);
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
    const uint8_t *item = encode_pointed(x, s, p, p->flags, from);
    if (item) encode_struct(x, &k_structs[p->item], item);
}

void
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

void
encode_long_tag_end(struct writing *x, int64_t at)
{
    int64_t n = x->w->n - at;
    int more = uvarint_bytes((uint32_t)n) - 1;
    if (!writer_room(x->w, more)) return;
    memmove(x->w->p + at + more, x->w->p + at, (size_t)n);
    x->w->n = at - 1;
    writer_uvarint(x->w, (uint32_t)n);
    x->w->n = at + more + n;
}

static void
encode_tagged(struct writing *x, const struct k_struct *s, const struct k_step *p,
              const uint8_t *from)
{
    int64_t at = encode_tag_begin(x, (uint32_t)k_fields[s->first + p->field].tag);
    encode_step(x, s, p, from);
    encode_tag_end(x, at);
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

void
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

/* `straight` may be NULL. */
static bool
encode_message(enum k_msg msg, const void *m, encode_straight *straight, struct writing *x)
{
    if (straight) straight(x, m);
    else encode_struct(x, message_root(msg), m);
    if (x->w->err && !x->refused)
        x->why = (struct codec_refusal){codec_name(msg), S("does not fit")};
    return !x->refused && !x->w->err;
}

bool
codec_write(enum k_msg msg, int16_t version, const void *m, struct writer *w,
            struct codec_refusal *ret_why)
{
    struct writing x = {.w = w, .version = version};
    CHECK(codec_has_version(msg, version));
    bool ok = encode_message(msg, m, straight_encoder(msg, version), &x);
    if (!ok && ret_why) *ret_why = x.why;
    return ok;
}

bool
codec_write_interpreted(enum k_msg msg, int16_t version, const void *m, struct writer *w,
                        struct codec_refusal *ret_why)
{
    struct writing x = {.w = w, .version = version};
    CHECK(codec_has_version(msg, version));
    bool ok = encode_message(msg, m, NULL, &x);
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
    CHECK(codec_has_version(msg, version));
    bool ok = encode_message(msg, m, straight_encoder(msg, version), &x);
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
