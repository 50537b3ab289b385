#include "broker/env/trace.h"

#include "broker/base/check.h"

/* Which fields follow; those left out are zero (machine: -1). */
enum {
    HAS_MACHINE = 1,
    HAS_OTHER = 2,
    HAS_WHAT = 4,
    HAS_HASH = 8,
    HAS_A = 16,
    HAS_B = 32,
    HAS_C = 64,
    HAS_N = 128, /* and the seven above it */
};

/* ---- writing ---- */

void
trace_encoder_init(struct trace_encoder *e, struct mem *mem)
{
    memset(e, 0, sizeof *e);
    e->mem = mem;
    e->w = writer_mem(mem);
}

void
trace_encoder_clear(struct trace_encoder *e)
{
    for (int64_t i = 0; i < e->texts.n; i++) mem_free_slice(e->mem, e->texts.v[i].text);
    e->texts.n = 0;
    memset(e->slots, 0, sizeof e->slots);
    e->w.n = 0;
    e->last_ns = 0;
}

void
trace_encoder_release(struct trace_encoder *e)
{
    trace_encoder_clear(e);
    VEC_RELEASE(e->mem, &e->texts);
    writer_release(&e->w);
}

static uint64_t
text_hash(struct slice s)
{
    uint64_t h = 14695981039346656037u;
    for (int64_t i = 0; i < s.n; i++) h = (h ^ s.p[i]) * 1099511628211u;
    return h ^ (h >> 32);
}

#define TEXT_KEPT_BYTES 256 /* longer ones are not likely to come again */

static void
trace_put_text(struct trace_encoder *e, struct slice s)
{
    uint64_t hash = s.n <= TEXT_KEPT_BYTES ? text_hash(s) : 0;
    int32_t *slot = &e->slots[hash % (uint64_t)ARRAY_LEN(e->slots)];
    if (s.n <= TEXT_KEPT_BYTES && *slot) {
        struct trace_text *t = &e->texts.v[*slot - 1];
        if (t->hash == hash && slice_eq(t->text, s)) {
            writer_uvarint(&e->w, (uint32_t)*slot);
            return;
        }
    }
    writer_uvarint(&e->w, 0);
    writer_uvarint(&e->w, (uint32_t)s.n);
    writer_bytes(&e->w, s);
    if (s.n > TEXT_KEPT_BYTES) return;
    struct trace_text t = {mem_dup(e->mem, s), hash};
    VEC_PUSH(e->mem, &e->texts, t);
    *slot = (int32_t)e->texts.n;
}

static uint32_t
mask_of(const struct trace_record *r)
{
    uint32_t mask = 0;
    if (r->machine != -1) mask |= HAS_MACHINE;
    if (r->other) mask |= HAS_OTHER;
    if (r->what) mask |= HAS_WHAT;
    if (r->hash) mask |= HAS_HASH;
    if (r->a.n) mask |= HAS_A;
    if (r->b.n) mask |= HAS_B;
    if (r->c.n) mask |= HAS_C;
    for (int i = 0; i < TRACE_NUMBERS; i++)
        if (r->n[i]) mask |= (uint32_t)HAS_N << i;
    return mask;
}

void
trace_encode(struct trace_encoder *e, const struct trace_record *r)
{
    struct writer *w = &e->w;
    uint32_t mask = mask_of(r);
    writer_i8(w, (int8_t)r->kind);
    writer_varlong(w, r->at_ns - e->last_ns);
    e->last_ns = r->at_ns;
    writer_uvarint(w, mask);
    if (mask & HAS_MACHINE) writer_varint(w, r->machine);
    if (mask & HAS_OTHER) writer_varint(w, r->other);
    if (mask & HAS_WHAT) writer_varint(w, r->what);
    if (mask & HAS_HASH) writer_i64(w, (int64_t)r->hash);
    for (int i = 0; i < TRACE_NUMBERS; i++)
        if (mask & (uint32_t)HAS_N << i) writer_varlong(w, r->n[i]);
    if (mask & HAS_A) trace_put_text(e, r->a);
    if (mask & HAS_B) trace_put_text(e, r->b);
    if (mask & HAS_C) trace_put_text(e, r->c);
}

/* ---- reading ---- */

void
trace_decoder_init(struct trace_decoder *d, struct mem *mem, struct slice block)
{
    *d = (struct trace_decoder){.mem = mem, .r = reader(block)};
}

void
trace_decoder_release(struct trace_decoder *d)
{
    VEC_RELEASE(d->mem, &d->texts);
}

static struct slice
get_text(struct trace_decoder *d)
{
    uint32_t number = reader_uvarint(&d->r);
    if (number) {
        if (number <= d->texts.n) return d->texts.v[number - 1];
        d->r.err = true;
        return SLICE_NULL;
    }
    struct slice s = reader_bytes(&d->r, reader_uvarint(&d->r));
    if (!d->r.err && s.n <= TEXT_KEPT_BYTES) VEC_PUSH(d->mem, &d->texts, s);
    return s;
}

bool
trace_decode(struct trace_decoder *d, struct trace_record *ret)
{
    struct reader *r = &d->r;
    if (r->err || reader_left(r) == 0) return false;
    struct trace_record t = {.kind = (enum trace_kind)reader_u8(r), .machine = -1};
    t.at_ns = (int64_t)((uint64_t)d->last_ns + (uint64_t)reader_varlong(r));
    uint32_t mask = reader_uvarint(r);
    if (mask & HAS_MACHINE) t.machine = reader_varint(r);
    if (mask & HAS_OTHER) t.other = reader_varint(r);
    if (mask & HAS_WHAT) t.what = reader_varint(r);
    if (mask & HAS_HASH) t.hash = (uint64_t)reader_i64(r);
    for (int i = 0; i < TRACE_NUMBERS; i++)
        if (mask & (uint32_t)HAS_N << i) t.n[i] = reader_varlong(r);
    if (mask & HAS_A) t.a = get_text(d);
    if (mask & HAS_B) t.b = get_text(d);
    if (mask & HAS_C) t.c = get_text(d);
    if (t.kind == TRACE_NONE || t.kind >= TRACE_KINDS_N) r->err = true;
    if (r->err) return false;
    d->last_ns = t.at_ns;
    *ret = t;
    return true;
}
