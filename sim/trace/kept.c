#include "sim/trace/kept.h"

#include "broker/base/arena.h"

struct kept_head {
    int64_t at_ns;
    int32_t machine, other, what;
    uint8_t kind, numbers, texts; /* bits: which follow */
    bool has_hash;
};

struct trace_kept {
    struct mem *mem;
    uint32_t kinds;
    struct writer records;
    int64_t at;  /* of the next one */
    int64_t end; /* of the last whole one: who adds may be torn away by a panic */
    struct arena texts;
    struct slice known[1024]; /* texts, by what they look like */
};

struct trace_kept *
trace_kept_new(struct mem *mem, uint32_t kinds)
{
    struct trace_kept *k = MEM_NEW(mem, struct trace_kept);
    k->mem = mem;
    k->kinds = kinds;
    k->records = writer_mem(mem);
    arena_init(&k->texts, mem, 0);
    return k;
}

void
trace_kept_free(struct trace_kept *k)
{
    writer_release(&k->records);
    arena_release(&k->texts);
    MEM_DELETE(k->mem, k);
}

/* ---- putting ---- */

/* A name looks like itself; what looks alike takes turns. */
static struct slice
text_once(struct trace_kept *k, struct slice text)
{
    int64_t n = text.n;
    uint32_t looks = (uint32_t)n + 5u * text.p[0] + 37u * text.p[n / 2] + 101u * text.p[n - 1];
    struct slice *known = &k->known[looks % ARRAY_LEN(k->known)];
    if (!slice_eq(*known, text)) *known = arena_dup(&k->texts, text);
    return *known;
}

static void
kept_put(struct trace_kept *k, const void *from, size_t n)
{
    writer_bytes(&k->records, slice(from, (int64_t)n));
}

void
trace_kept_add(struct trace_kept *k, const struct trace_record *t)
{
    if (!(k->kinds >> t->kind & 1)) return;
    struct slice texts[3] = {t->a, t->b, t->c};
    struct kept_head h = {.at_ns = t->at_ns,
                          .machine = t->machine,
                          .other = t->other,
                          .what = t->what,
                          .kind = (uint8_t)t->kind,
                          .has_hash = t->hash != 0};
    for (int i = 0; i < TRACE_NUMBERS; i++) h.numbers |= (uint8_t)((t->n[i] != 0) << i);
    for (int i = 0; i < 3; i++) h.texts |= (uint8_t)((texts[i].n != 0) << i);
    k->records.n = k->end;
    kept_put(k, &h, sizeof h);
    if (h.has_hash) kept_put(k, &t->hash, sizeof t->hash);
    for (int i = 0; i < TRACE_NUMBERS; i++)
        if (h.numbers >> i & 1) kept_put(k, &t->n[i], sizeof t->n[i]);
    for (int i = 0; i < 3; i++) {
        if (!(h.texts >> i & 1)) continue;
        struct slice copy = text_once(k, texts[i]);
        kept_put(k, &copy, sizeof copy);
    }
    k->end = k->records.n;
}

/* ---- going through ---- */

static inline const uint8_t *
kept_take(const uint8_t *p, void *to, size_t n)
{
    memcpy(to, p, n);
    return p + n;
}

/* It was written here: nothing has to be doubted. */
bool
trace_kept_next(struct trace_kept *k, struct trace_record *ret)
{
    struct kept_head h;
    if (k->at == k->end) return false;
    const uint8_t *p = kept_take(k->records.p + k->at, &h, sizeof h);
    *ret = (struct trace_record){.kind = (enum trace_kind)h.kind,
                                 .at_ns = h.at_ns,
                                 .machine = h.machine,
                                 .other = h.other,
                                 .what = h.what};
    if (h.has_hash) p = kept_take(p, &ret->hash, sizeof ret->hash);
    for (unsigned left = h.numbers; left; left &= left - 1)
        p = kept_take(p, &ret->n[__builtin_ctz(left)], sizeof ret->n[0]);
    if (h.texts & 1) p = kept_take(p, &ret->a, sizeof ret->a);
    if (h.texts & 2) p = kept_take(p, &ret->b, sizeof ret->b);
    if (h.texts & 4) p = kept_take(p, &ret->c, sizeof ret->c);
    k->at = p - k->records.p;
    return true;
}

void
trace_kept_rewind(struct trace_kept *k)
{
    k->at = 0;
}
