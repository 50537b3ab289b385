#include "visualize/columns.h"

#include <zlib.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"

struct column
column_new(struct mem *mem, enum column_kind kind)
{
    return (struct column){.kind = kind, .w = writer_mem(mem)};
}

void
column_put(struct column *c, int64_t v)
{
    if (c->kind == COLUMN_BYTES) writer_i8(&c->w, (int8_t)v);
    else writer_varlong(&c->w, c->kind == COLUMN_STEPS ? v - c->last : v);
    c->last = v;
    c->n++;
}

static void
column_put_text(struct column *c, struct slice text)
{
    writer_uvarint(&c->w, (uint32_t)text.n);
    writer_bytes(&c->w, text);
    c->n++;
}

void
column_end(struct column *c, struct writer *data, const char *name)
{
    struct slice s = slice_cstr(name);
    CHECK(c->w.n <= INT32_MAX && !c->w.err);
    writer_i8(data, (int8_t)s.n);
    writer_bytes(data, s);
    writer_i8(data, (int8_t)c->kind);
    writer_i32(data, (int32_t)c->n);
    writer_i32(data, (int32_t)c->w.n);
    writer_bytes(data, writer_slice(&c->w));
    writer_release(&c->w);
}

/* ---- texts ---- */

void
strings_init(struct strings *s, struct mem *mem)
{
    *s = (struct strings){.mem = mem, .all = column_new(mem, COLUMN_TEXTS)};
}

/* FNV-1a: the texts are the run's own, nobody chose them to collide. */
static uint64_t
strings_hash(struct slice text)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (int64_t i = 0; i < text.n; i++) h = (h ^ text.p[i]) * 0x100000001b3u;
    return h;
}

/* Where it stands, or belongs. */
static int64_t
strings_slot(const struct strings *s, struct slice text)
{
    int64_t at = (int64_t)(strings_hash(text) & (uint64_t)(s->slots_n - 1));
    while (s->slots[at] && !slice_eq(s->v.v[s->slots[at] - 1], text))
        at = (at + 1) & (s->slots_n - 1);
    return at;
}

static void
strings_grow(struct strings *s)
{
    mem_free(s->mem, s->slots, s->slots_n * (int64_t)sizeof *s->slots);
    s->slots_n = MAX(256, s->slots_n * 2);
    s->slots = mem_alloc(s->mem, s->slots_n * (int64_t)sizeof *s->slots);
    for (int64_t i = 0; i < s->v.n; i++) s->slots[strings_slot(s, s->v.v[i])] = i + 1;
}

int64_t
strings_number(struct strings *s, struct slice text)
{
    if (!text.p) text = SLICE_EMPTY;
    if (s->v.n * 2 >= s->slots_n) strings_grow(s);
    int64_t at = strings_slot(s, text);
    if (s->slots[at]) return s->slots[at] - 1;
    struct slice kept = mem_dup(s->mem, text);
    VEC_PUSH(s->mem, &s->v, kept);
    s->slots[at] = s->v.n;
    column_put_text(&s->all, kept);
    return s->v.n - 1;
}

void
strings_release(struct strings *s)
{
    for (int64_t i = 0; i < s->v.n; i++) mem_free_slice(s->mem, s->v.v[i]);
    VEC_RELEASE(s->mem, &s->v);
    mem_free(s->mem, s->slots, s->slots_n * (int64_t)sizeof *s->slots);
    writer_release(&s->all.w);
    s->slots = NULL;
    s->slots_n = 0;
}

void
strings_end(struct strings *s, struct writer *data, const char *name)
{
    column_end(&s->all, data, name);
    strings_release(s);
}

/* ---- packing ---- */

void
pack_base64(struct mem *mem, struct slice plain, struct writer *ret)
{
    uLongf n = compressBound((uLong)plain.n);
    int64_t room = (int64_t)n;
    uint8_t *packed = mem_alloc(mem, room);
    CHECK(compress2(packed, &n, plain.p, (uLong)plain.n, 6) == Z_OK);
    fmt_base64(ret, slice(packed, (int64_t)n));
    mem_free(mem, packed, room);
}
