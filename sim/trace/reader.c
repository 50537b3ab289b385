#include "sim/trace/reader.h"

#include <zstd.h>

#include "broker/base/check.h"
#include "broker/base/search.h"

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
    struct trace_kept *kept; /* what it gives, if not NULL */
    bool owns_kept;
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

struct trace_reader *
trace_reader_of(struct mem *mem, struct trace_kept *kept)
{
    struct trace_reader *r = MEM_NEW(mem, struct trace_reader);
    r->mem = mem;
    r->kept = kept;
    trace_decoder_init(&r->d, mem, SLICE_EMPTY);
    trace_kept_rewind(kept);
    return r;
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
    if (r->owns_kept) trace_kept_free(r->kept);
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
    if (r->kept) return trace_kept_next(r->kept, ret);
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
    r->has_pending = false;
    if (r->kept) trace_kept_rewind(r->kept);
    else r->is_damaged = false;
}

void
trace_keep(struct trace_reader *r, uint32_t kinds)
{
    struct trace_record t;
    CHECK(!r->kept);
    struct trace_kept *k = trace_kept_new(r->mem, kinds);
    trace_rewind(r);
    while (trace_next(r, &t)) trace_kept_add(k, &t);
    r->kept = k;
    r->owns_kept = true;
    trace_rewind(r);
}

void
trace_seek(struct trace_reader *r, int64_t at_ns)
{
    CHECK(!r->kept);
    trace_rewind(r);
    /* The first block that begins at or after the time. */
    LOWER_BOUND(at, r->blocks_n, i, row(r, i, 1) < at_ns);
    r->block = MAX(0, at - 1);
    struct trace_record t;
    while (trace_next(r, &t)) {
        if (t.at_ns < at_ns) continue;
        r->pending = t;
        r->has_pending = true;
        r->position--;
        return;
    }
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
