#include "sim/check/log_view.h"

#include "broker/base/fmt.h"
#include "broker/work/work.h"

#define BATCH_MAX_BYTES (64 << 20)
#define NAME_BYTES 24 /* twenty digits and ".log" */

/* Where a batch ends, and the next begins: perhaps in the next file. */
struct place {
    bool is_known;
    int64_t next;        /* offset */
    int64_t segment, at; /* the file, by its base offset, and where in it */
    /* The batch before it, wherever it lies; bytes 0: not known. */
    int64_t read_segment, read_at, base, bytes;
    uint32_t crc;
};

struct log_view {
    struct mem *mem;
    struct machine *m;
    struct slice subject;
    struct slice dir;   /* with its slash; null: not found yet */
    struct writer path; /* of the file that was read last, if it begins at path_segment */
    int64_t path_segment;
    struct place seen, durable;
    int64_t batch_at, batch_n; /* of the last that was given; n 0: none */
};

struct log_view *
log_view_new(struct mem *mem, struct machine *m, struct slice subject)
{
    struct log_view *v = MEM_NEW(mem, struct log_view);
    v->mem = mem;
    v->m = m;
    v->subject = mem_dup(mem, subject);
    v->path = writer_mem(mem);
    return v;
}

void
log_view_free(struct log_view *v)
{
    mem_free_slice(v->mem, v->subject);
    mem_free_slice(v->mem, v->dir);
    writer_release(&v->path);
    MEM_DELETE(v->mem, v);
}

void
log_view_begin(struct log_view *v, int64_t offset)
{
    v->seen = (struct place){.next = offset};
    v->batch_n = 0;
}

void
log_view_cut(struct log_view *v, int64_t end)
{
    if (v->seen.next > end) v->seen = (struct place){.next = end};
    if (v->durable.next > end) v->durable = (struct place){.next = end};
    v->batch_n = 0;
}

struct slice
log_view_directory(const struct log_view *v)
{
    return v->dir;
}

int64_t
log_view_end(const struct log_view *v)
{
    return v->seen.next;
}

/* ---- files --------------------------------------------------------------------------------------- */

static struct slice
segment_path(struct log_view *v, int64_t segment)
{
    if (!v->path.n || v->path_segment != segment) {
        v->path.n = 0;
        v->path_segment = segment;
        fmt_slice(&v->path, v->dir), fmt_padded(&v->path, segment, 20), fmt_str(&v->path, ".log");
    }
    return writer_slice(&v->path);
}

static void
forget_directory(struct log_view *v)
{
    mem_free_slice(v->mem, v->dir);
    v->dir = SLICE_NULL;
    v->path.n = 0;
}

/* "…/orders-0/00000000000000000000.log": its base offset. */
static bool
is_segment(const struct log_view *v, struct slice path, int64_t *ret_base)
{
    int64_t end = path.n - NAME_BYTES;
    if (end < v->subject.n + 1 || !slice_ends(path, S(".log"))) return false;
    struct slice dir = slice_sub(path, 0, end - 1);
    if (path.p[end - 1] != '/' || !slice_ends(dir, v->subject)) return false;
    if (dir.n > v->subject.n && dir.p[dir.n - v->subject.n - 1] != '/') return false;
    return slice_to_i64(slice_sub(path, end, 20), ret_base);
}

struct looking {
    struct log_view *v;
    int64_t offset,
        found; /* the last file that begins at or below the offset, else the first; -1 */
    bool is_below;
};

static void
look_for_directory(void *ctx, struct slice path, int64_t size)
{
    struct log_view *v = ctx;
    int64_t base;
    (void)size;
    if (!v->dir.p && is_segment(v, path, &base))
        v->dir = mem_dup(v->mem, slice_sub(path, 0, path.n - NAME_BYTES));
}

static void
look_for_segment_file(void *ctx, struct slice path, int64_t size)
{
    struct looking *l = ctx;
    int64_t base;
    (void)size;
    if (!is_segment(l->v, path, &base)) return;
    if (base <= l->offset) l->found = base, l->is_below = true;
    else if (l->found < 0) l->found = base;
}

static void
find_directory(struct log_view *v)
{
    uint8_t text[300];
    struct writer w = writer_fixed(text, sizeof text);
    fmt_str(&w, "data/"), fmt_slice(&w, v->subject), fmt_char(&w, '/');
    forget_directory(v);
    disk_peek_dir(v->m, slice_sub(writer_slice(&w), 0, w.n - 1), IMAGE_CACHED, look_for_directory,
                  v);
    if (!v->dir.p) disk_peek_all(v->m, IMAGE_CACHED, look_for_directory, v);
}

static bool
read_header_at(struct log_view *v, int64_t segment, int64_t at, struct batch_header *ret)
{
    uint8_t head[BATCH_HEADER_BYTES];
    return disk_peek(v->m, segment_path(v, segment), IMAGE_CACHED, at, head, sizeof head) ==
               sizeof head &&
           batch_parse(slice(head, sizeof head), ret) == BATCH_OK &&
           batch_size_bytes(ret) <= BATCH_MAX_BYTES;
}

/* The first batch that begins at or above the place's offset, searched from the file in which it must be. */
static bool
find_place(struct log_view *v, struct place *p)
{
    struct looking l = {.v = v, .offset = p->next, .found = -1};
    struct batch_header h;
    if (!v->dir.p) find_directory(v);
    if (!v->dir.p) return false;
    disk_peek_dir(v->m, slice_sub(v->dir, 0, v->dir.n - 1), IMAGE_CACHED, look_for_segment_file,
                  &l);
    if (l.found < 0) {
        forget_directory(v);
        return false;
    }
    struct place found = {.is_known = true, .next = p->next, .segment = l.found};
    while (read_header_at(v, found.segment, found.at, &h) && batch_last_offset(&h) < p->next)
        found.at += batch_size_bytes(&h);
    *p = found;
    return true;
}

/* What lies at the place; or, if its file has ended, in the next one. */
static bool
read_place(struct log_view *v, struct place *p, struct batch_header *ret)
{
    if (!p->is_known && !find_place(v, p)) return false;
    if (read_header_at(v, p->segment, p->at, ret) && batch_last_offset(ret) >= p->next) return true;
    if (p->segment == p->next || !read_header_at(v, p->next, 0, ret)) return false;
    p->segment = p->next;
    p->at = 0;
    return batch_last_offset(ret) >= p->next;
}

static void
pass_batch(struct place *p, const struct batch_header *h)
{
    p->read_segment = p->segment;
    p->read_at = p->at;
    p->bytes = batch_size_bytes(h);
    p->base = h->base_offset;
    p->crc = h->crc;
    p->at += p->bytes;
    p->next = batch_next_offset(h);
}

/* Nobody told, and yet what was read last is gone: then nothing is known. */
static void
begin_anew_if_gone(struct log_view *v, struct place *p)
{
    struct batch_header h;
    if (!p->bytes) return;
    bool is_there = v->dir.p && read_header_at(v, p->read_segment, p->read_at, &h) &&
                    h.base_offset == p->base && h.crc == p->crc;
    if (!is_there) *p = (struct place){0};
}

/* ---- reading ------------------------------------------------------------------------------------- */

/* Files may have come and gone, and a file that compaction left may begin anywhere: then it is searched anew. */
static bool
read_or_search(struct log_view *v, struct place *p, struct batch_header *ret)
{
    if (read_place(v, p, ret)) return true;
    p->is_known = false;
    return read_place(v, p, ret);
}

bool
log_view_next(struct log_view *v, int64_t end, struct batch_header *ret)
{
    v->batch_n = 0;
    if (v->seen.next >= end || !read_or_search(v, &v->seen, ret)) return false;
    if (ret->base_offset >= end) return false;
    v->batch_at = v->seen.at;
    v->batch_n = batch_size_bytes(ret);
    pass_batch(&v->seen, ret);
    return true;
}

static bool
read_whole(struct log_view *v, int64_t segment, int64_t at, int64_t n, struct slice *ret)
{
    uint8_t *p = mem_alloc(v->mem, n);
    *ret = slice(p, n);
    if (disk_peek(v->m, segment_path(v, segment), IMAGE_CACHED, at, p, n) == n) return true;
    mem_free(v->mem, p, n);
    return false;
}

bool
log_view_batch(struct log_view *v, struct slice *ret)
{
    return v->batch_n && read_whole(v, v->seen.segment, v->batch_at, v->batch_n, ret);
}

/* Whole: what a power loss tore counts no more. */
static bool
is_durable(struct log_view *v, const struct place *p, const struct batch_header *h)
{
    struct slice all;
    int64_t n = batch_size_bytes(h);
    if (!disk_is_settled(v->m, segment_path(v, p->segment), p->at, n)) return false;
    if (!read_whole(v, p->segment, p->at, n, &all)) return false;
    bool is_whole = batch_crc(work_crc32c(), all) == h->crc;
    mem_free(v->mem, (void *)(uintptr_t)all.p, n);
    return is_whole;
}

struct settling {
    struct log_view *v;
    bool is_not;
};

static void
is_file_settled(void *ctx, struct slice path, int64_t size)
{
    struct settling *s = ctx;
    int64_t base;
    if (is_segment(s->v, path, &base)) s->is_not |= !disk_is_settled(s->v->m, path, 0, size);
}

bool
log_view_is_settled(struct log_view *v)
{
    struct settling s = {v, false};
    if (!v->dir.p) find_directory(v);
    if (!v->dir.p) return true;
    disk_peek_dir(v->m, slice_sub(v->dir, 0, v->dir.n - 1), IMAGE_CACHED, is_file_settled, &s);
    return !s.is_not;
}

int64_t
log_view_durable(struct log_view *v, int64_t start, int64_t end)
{
    struct place *p = &v->durable;
    struct batch_header h;
    begin_anew_if_gone(v, p);
    if (p->next < start) *p = (struct place){.next = start};
    while (p->next < end && read_or_search(v, p, &h) && is_durable(v, p, &h)) pass_batch(p, &h);
    return p->next;
}
