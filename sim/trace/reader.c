#include "sim/trace/reader.h"

#include <zstd.h>

#include "broker/base/arena.h"
#include "broker/base/check.h"

#define FOOTER_BYTES 20
#define INDEX_ROW_BYTES 24
#define BLOCK_MAX_BYTES (64 << 20)

struct trace_reader {
    struct mem *mem;
    struct slice file, index;
    int64_t blocks_n, block; /* the next one to open */
    uint8_t *plain;
    int64_t plain_n;
    struct trace_decoder d;
    bool is_damaged, has_pending;
    struct trace_record pending;
    int64_t position;
    struct keeper *keeper; /* after trace_keep(); else NULL */
};

/* A record in memory is a head, its numbers, and its texts, which lie in the arena once for each block: to read it again
 * takes a tenth of what it takes to decode it. */
struct kept_head {
    int64_t at_ns;
    int32_t machine, other, what;
    uint8_t kind, numbers, texts; /* bits: which follow */
    bool has_hash;
};

/* Of this block: where a text stands in it, and its copy. */
struct kept_text {
    const uint8_t *from;
    struct slice copy;
};

struct keeper {
    struct writer records;
    int64_t at; /* of the next one */
    struct arena texts;
    struct kept_text known[1024]; /* by place */
    bool is_damaged;
};

static bool
open_footer(struct trace_reader *r)
{
    struct slice f = r->file;
    if (f.n < 8 + FOOTER_BYTES || memcmp(f.p, TRACE_MAGIC, 8) != 0) return false;
    const uint8_t *footer = f.p + f.n - FOOTER_BYTES;
    if (memcmp(footer + 12, TRACE_MAGIC, 8) != 0) return false;
    int64_t at = (int64_t)load_be64(footer), n = load_be32(footer + 8);
    if (at < 8 || at > f.n - FOOTER_BYTES || f.n - FOOTER_BYTES - at != n * INDEX_ROW_BYTES)
        return false;
    r->index = slice(f.p + at, n * INDEX_ROW_BYTES);
    r->blocks_n = n;
    return true;
}

struct trace_reader *
trace_reader_new(struct mem *mem, struct slice file)
{
    struct trace_reader *r = MEM_NEW(mem, struct trace_reader);
    r->mem = mem;
    r->file = file;
    trace_decoder_init(&r->d, mem, SLICE_EMPTY);
    if (open_footer(r)) return r;
    MEM_DELETE(mem, r);
    return NULL;
}

static void
block_close(struct trace_reader *r)
{
    trace_decoder_release(&r->d);
    mem_free(r->mem, r->plain, r->plain_n);
    r->plain = NULL;
    r->plain_n = 0;
    trace_decoder_init(&r->d, r->mem, SLICE_EMPTY);
}

void
trace_reader_free(struct trace_reader *r)
{
    block_close(r);
    if (r->keeper) {
        writer_release(&r->keeper->records);
        arena_release(&r->keeper->texts);
        MEM_DELETE(r->mem, r->keeper);
    }
    MEM_DELETE(r->mem, r);
}

static int64_t
row(const struct trace_reader *r, int64_t block, int64_t column)
{
    return (int64_t)load_be64(r->index.p + block * INDEX_ROW_BYTES + column * 8);
}

static bool
block_open(struct trace_reader *r)
{
    block_close(r);
    if (r->block >= r->blocks_n) return false;
    int64_t at = row(r, r->block, 0), left = r->index.p - r->file.p;
    r->position = row(r, r->block, 2);
    r->block++;
    r->is_damaged = true;
    if (at < 8 || at > left - 8) return false;
    int64_t n = load_be32(r->file.p + at), plain_n = load_be32(r->file.p + at + 4);
    if (n > left - at - 8 || plain_n > BLOCK_MAX_BYTES) return false;
    r->plain = mem_alloc(r->mem, plain_n);
    r->plain_n = plain_n;
    size_t got = ZSTD_decompress(r->plain, (size_t)plain_n, r->file.p + at + 8, (size_t)n);
    if (ZSTD_isError(got) || (int64_t)got != plain_n) return false;
    r->is_damaged = false;
    trace_decoder_init(&r->d, r->mem, slice(r->plain, plain_n));
    return true;
}

/* ---- records in memory ---- */

static struct slice
kept_text_of(struct keeper *k, struct slice text)
{
    struct kept_text *t = &k->known[(uintptr_t)text.p % ARRAY_LEN(k->known)];
    if (t->from != text.p || t->copy.n != text.n)
        *t = (struct kept_text){text.p, arena_dup(&k->texts, text)};
    return t->copy;
}

static void
kept_put(struct keeper *k, const void *from, size_t n)
{
    writer_bytes(&k->records, slice(from, (int64_t)n));
}

static void
kept_add(struct keeper *k, const struct trace_record *t)
{
    struct slice texts[3] = {t->a, t->b, t->c};
    struct kept_head h = {.at_ns = t->at_ns,
                          .machine = t->machine,
                          .other = t->other,
                          .what = t->what,
                          .kind = (uint8_t)t->kind,
                          .has_hash = t->hash != 0};
    for (int i = 0; i < TRACE_NUMBERS; i++) h.numbers |= (uint8_t)((t->n[i] != 0) << i);
    for (int i = 0; i < 3; i++) h.texts |= (uint8_t)((texts[i].n != 0) << i);
    kept_put(k, &h, sizeof h);
    if (h.has_hash) kept_put(k, &t->hash, sizeof t->hash);
    for (int i = 0; i < TRACE_NUMBERS; i++)
        if (h.numbers >> i & 1) kept_put(k, &t->n[i], sizeof t->n[i]);
    for (int i = 0; i < 3; i++) {
        if (!(h.texts >> i & 1)) continue;
        struct slice copy = kept_text_of(k, texts[i]);
        kept_put(k, &copy, sizeof copy);
    }
}

static inline const uint8_t *
kept_take(const uint8_t *p, void *to, size_t n)
{
    memcpy(to, p, n);
    return p + n;
}

/* It was written here: nothing has to be doubted. */
static bool
next_kept(struct keeper *k, struct trace_record *ret)
{
    struct kept_head h;
    if (k->at == k->records.n) return false;
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

/* ---- going through ---- */

bool
trace_next(struct trace_reader *r, struct trace_record *ret)
{
    if (r->has_pending) {
        r->has_pending = false;
        r->position++;
        *ret = r->pending;
        return true;
    }
    if (r->keeper) {
        if (next_kept(r->keeper, ret)) return true;
        r->is_damaged = r->keeper->is_damaged;
        return false;
    }
    while (!trace_decode(&r->d, ret)) {
        if (r->d.r.err) r->is_damaged = true;
        if (r->is_damaged || !block_open(r)) return false;
    }
    r->position++;
    return true;
}

bool
trace_is_damaged(const struct trace_reader *r)
{
    return r->is_damaged;
}

void
trace_rewind(struct trace_reader *r)
{
    block_close(r);
    r->block = 0;
    r->position = 0;
    r->has_pending = r->is_damaged = false;
    if (r->keeper) r->keeper->at = 0;
}

void
trace_keep(struct trace_reader *r, uint32_t kinds)
{
    struct keeper *k = MEM_NEW(r->mem, struct keeper);
    struct trace_record t;
    CHECK(!r->keeper);
    k->records = writer_mem(r->mem);
    arena_init(&k->texts, r->mem, 0);
    trace_rewind(r);
    for (int64_t block = 0; trace_next(r, &t);) {
        if (r->block != block) memset(k->known, 0, sizeof k->known);
        block = r->block;
        if (kinds >> t.kind & 1) kept_add(k, &t);
    }
    k->is_damaged = r->is_damaged;
    r->keeper = k;
    trace_rewind(r);
}

void
trace_seek(struct trace_reader *r, int64_t at_ns)
{
    CHECK(!r->keeper);
    trace_rewind(r);
    int64_t low = 0, high = r->blocks_n; /* the first block that begins at or after the time */
    while (low < high) {
        int64_t mid = low + (high - low) / 2;
        if (row(r, mid, 1) < at_ns) low = mid + 1;
        else high = mid;
    }
    r->block = MAX(0, low - 1);
    struct trace_record t;
    while (trace_next(r, &t)) {
        if (t.at_ns < at_ns) continue;
        r->pending = t;
        r->has_pending = true;
        r->position--;
        return;
    }
}

int64_t
trace_position(const struct trace_reader *r)
{
    return r->position;
}

/* ---- comparing ---- */

static bool
next_event(struct trace_reader *r, struct trace_record *ret)
{
    while (trace_next(r, ret))
        if (ret->kind == TRACE_EVENT) return true;
    return false;
}

static bool
same(const struct trace_record *a, const struct trace_record *b)
{
    return a->at_ns == b->at_ns && a->machine == b->machine && a->what == b->what &&
           a->hash == b->hash && memcmp(a->n, b->n, sizeof a->n) == 0;
}

struct trace_difference
trace_compare(struct trace_reader *a, struct trace_reader *b)
{
    struct trace_difference d = {0};
    trace_rewind(a);
    trace_rewind(b);
    for (;; d.position++) {
        d.a_ends = !next_event(a, &d.a);
        d.b_ends = !next_event(b, &d.b);
        if (d.a_ends && d.b_ends) break;
        d.found = d.a_ends || d.b_ends || !same(&d.a, &d.b);
        if (d.found) break;
    }
    d.a.a = d.a.b = d.a.c = d.b.a = d.b.b = d.b.c = SLICE_NULL;
    return d;
}
