#include "sim/check/durable.h"

#include "broker/base/fmt.h"
#include "broker/record/batch.h"
#include "broker/work/work.h"

/* A batch and where it lies. */
struct place {
    struct found f;
    int64_t segment, at, n; /* base offset of its file, offset in it, bytes */
};

struct durable {
    struct mem *mem;
    struct machine *m;
    struct slice subject;
    struct slice dir; /* with its slash; null: not found yet */
    int64_t first;    /* base offset of the first file there */
    VEC(struct place) v;
};

struct durable *
durable_new(struct mem *mem, struct machine *m, struct slice subject)
{
    struct durable *d = MEM_NEW(mem, struct durable);
    d->mem = mem;
    d->m = m;
    d->subject = mem_dup(mem, subject);
    return d;
}

void
durable_free(struct durable *d)
{
    mem_free_slice(d->mem, d->subject);
    mem_free_slice(d->mem, d->dir);
    VEC_RELEASE(d->mem, &d->v);
    MEM_DELETE(d->mem, d);
}

static int64_t
peek(const struct durable *d, int64_t segment, int64_t at, void *ret, int64_t n)
{
    uint8_t text[300];
    struct writer w = writer_fixed(text, sizeof text);
    fmt_slice(&w, d->dir), fmt_padded(&w, segment, 20), fmt_str(&w, ".log");
    return disk_peek(d->m, writer_slice(&w), IMAGE_DURABLE, at, ret, n);
}

/* The whole batch there; false: none, or not whole. */
static bool
read_place(const struct durable *d, int64_t segment, int64_t at, struct place *ret)
{
    uint8_t head[BATCH_HEADER_BYTES];
    if (peek(d, segment, at, head, sizeof head) != sizeof head) return false;
    int64_t n = BATCH_SPAN_BYTES + (int32_t)load_be32(head + 8);
    if (n < BATCH_HEADER_BYTES || n > 64 << 20) return false;
    uint8_t *all = mem_alloc(d->mem, n);
    bool is_whole = peek(d, segment, at, all, n) == n &&
                    crc32c(work_crc32c(), 0, slice(all + 21, n - 21)) == load_be32(head + 17);
    mem_free(d->mem, all, n);
    if (!is_whole) return false;
    *ret = (struct place){.f = {.base = (int64_t)load_be64(head),
                                .epoch = (int32_t)load_be32(head + 12),
                                .crc = load_be32(head + 17)},
                          .segment = segment,
                          .at = at,
                          .n = n};
    ret->f.last = ret->f.base + (int32_t)load_be32(head + 23);
    return true;
}

static bool
is_same(const struct found *a, const struct found *b)
{
    return a->base == b->base && a->last == b->last && a->epoch == b->epoch && a->crc == b->crc;
}

/* What was read last may have been cut off, and another be there now. */
static void
drop_what_is_gone(struct durable *d)
{
    struct place now;
    while (d->v.n) {
        const struct place *last = &d->v.v[d->v.n - 1];
        if (read_place(d, last->segment, last->at, &now) && is_same(&now.f, &last->f)) return;
        d->v.n--;
    }
}

/* "…/__cluster_metadata-0/00000000000000000000.log": the first in order is the first of the log. */
static void
find_first(void *ctx, struct slice path, int64_t size)
{
    enum { NAME = 24 }; /* twenty digits and ".log" */
    struct durable *d = ctx;
    int64_t end = path.n - NAME, base;
    (void)size;
    if (d->dir.p || end < d->subject.n + 1 || !slice_ends(path, S(".log"))) return;
    struct slice dir = slice_sub(path, 0, end - 1);
    bool is_it = path.p[end - 1] == '/' && slice_ends(dir, d->subject) &&
                 (dir.n == d->subject.n || dir.p[dir.n - d->subject.n - 1] == '/');
    if (!is_it || !slice_to_i64(slice_sub(path, end, 20), &base)) return;
    d->dir = mem_dup(d->mem, slice_sub(path, 0, end));
    d->first = base;
}

static void
read_on(struct durable *d)
{
    struct place next;
    if (d->v.n == 0) {
        mem_free_slice(d->mem, d->dir);
        d->dir = SLICE_NULL;
        disk_peek_all(d->m, IMAGE_DURABLE, find_first, d);
        if (!d->dir.p || !read_place(d, d->first, 0, &next)) return;
        VEC_PUSH(d->mem, &d->v, next);
    }
    for (;;) {
        struct place last = d->v.v[d->v.n - 1];
        bool has = read_place(d, last.segment, last.at + last.n, &next) ||
                   read_place(d, last.f.last + 1, 0, &next);
        if (!has || next.f.base != last.f.last + 1) return;
        VEC_PUSH(d->mem, &d->v, next);
    }
}

bool
durable_has(struct durable *d, const struct found *batch)
{
    drop_what_is_gone(d);
    read_on(d);
    for (int64_t i = d->v.n - 1; i >= 0 && d->v.v[i].f.last >= batch->base; i--)
        if (is_same(&d->v.v[i].f, batch)) return true;
    return false;
}
