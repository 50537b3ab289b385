/* The interpreter: codec_decode_steps.h has the steps. */
#include "broker/protocol/codec_decode_steps.h"

static const uint8_t *decode_struct(struct decoder *d, const struct k_struct *s, const uint8_t *in,
                                    uint8_t *to);

const uint8_t *
decode_long_uvarint(struct decoder *d, const uint8_t *in, uint32_t *ret)
{
    uint64_t v;
    int n = leb128_read(in, d->end - in, 32, &v);
    *ret = n ? (uint32_t)v : 0;
    return n ? in + n : NULL;
}

bool
decode_mended(struct decoder *d, struct slice *s)
{
    *s = utf8_mended(*s, d->arena);
    return s->p && s->n <= CODEC_STRING_MAX;
}

static const uint8_t *
decode_array(struct decoder *d, const struct k_step *p, const uint8_t *in, uint8_t *to)
{
    int64_t size = step_item_bytes(p);
    unsigned item_flags = p->flags & K_STEP_COMPACT;
    struct items items;
    in = decode_items(d, p->flags, p->item_least_bytes, size, in, to, &items);
    for (; items.left > 0 && in; items.left--, items.at += size)
        in = p->item_op == K_STEP_STRUCT
               ? decode_struct(d, &k_structs[p->item], in, items.at)
               : decode_scalar(d, (enum k_step_op)p->item_op, item_flags, in, items.at);
    return in;
}

static const uint8_t *
decode_pointer(struct decoder *d, const struct k_step *p, const uint8_t *in, uint8_t *to)
{
    const struct k_struct *s = &k_structs[p->item];
    uint8_t *item;
    in = decode_pointed(d, p->flags, s->size, in, to, &item);
    return item ? decode_struct(d, s, in, item) : in;
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

const uint8_t *
decode_tags_begin(struct decoder *d, const uint8_t *in, struct tags *ret)
{
    *ret = (struct tags){.last = -1};
    in = decode_uvarint(d, in, &ret->left);
    return ret->left > CODEC_TAGS_MAX ? NULL : in;
}

const uint8_t *
decode_tag(struct decoder *d, const uint8_t *in, struct tags *t)
{
    t->start = in;
    in = decode_uvarint(d, in, &t->tag);
    if (in) in = decode_uvarint(d, in, &t->bytes);
    if (!in || t->tag <= t->last || !is_there(d, in, t->bytes)) return NULL;
    t->last = t->tag;
    return in;
}

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

const uint8_t *
decode_unknown(struct decoder *d, const struct k_struct *s, const struct tags *t, const uint8_t *in,
               uint8_t *to)
{
    const uint8_t *next = in + t->bytes;
    struct k_tags tags;
    if (s->unknown_at == K_NO_TAGS) return next;
    memcpy(&tags, to + s->unknown_at, sizeof tags);
    bool is_kept = keep_unknown(d, &tags, slice(t->start, next - t->start));
    memcpy(to + s->unknown_at, &tags, sizeof tags);
    return is_kept ? next : NULL;
}

const uint8_t *
decode_tags(struct decoder *d, const struct k_struct *s, const struct k_step *steps,
            const uint8_t *in, uint8_t *to)
{
    struct tags t;
    if (decode_no_tags(d, in)) return in + 1;
    in = decode_tags_begin(d, in, &t);
    for (; in && t.left > 0; t.left--) {
        in = decode_tag(d, in, &t);
        if (!in) return NULL;
        const struct k_step *p = find_tagged(s, steps, t.tag);
        in = p ? decode_tagged(d, p, in, to, t.bytes) : decode_unknown(d, s, &t, in, to);
    }
    return in;
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
    return in && p->op == K_STEP_TAGS ? decode_tags(d, s, p, in, to) : in;
}

/* `straight` may be NULL. */
static bool
decode_message(enum k_msg msg, int16_t version, decode_straight *straight, struct reader *r,
               struct arena *a, void *ret)
{
    static const uint8_t nothing[1];
    bool is_empty = !r->p;
    struct decoder d = {is_empty ? nothing : r->end, a, version};
    const uint8_t *in = is_empty ? nothing : r->p;
    if (r->err) in = NULL;
    else in = straight ? straight(&d, in, ret) : decode_struct(&d, message_root(msg), in, ret);
    if (!in) r->err = true;
    else if (!is_empty) r->p = in;
    return in != NULL;
}

bool
codec_decode(enum k_msg msg, int16_t version, struct reader *r, struct arena *a, void *ret)
{
    CHECK(codec_has_version(msg, version));
    return decode_message(msg, version, straight_decoder(msg, version), r, a, ret);
}

bool
codec_decode_interpreted(enum k_msg msg, int16_t version, struct reader *r, struct arena *a,
                         void *ret)
{
    CHECK(codec_has_version(msg, version));
    return decode_message(msg, version, NULL, r, a, ret);
}

bool
codec_decode_all(enum k_msg msg, int16_t version, struct slice bytes, struct arena *a, void *ret)
{
    struct reader r = reader(bytes);
    return codec_decode(msg, version, &r, a, ret) && reader_left(&r) == 0;
}
