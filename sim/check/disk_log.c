#include "sim/check/disk_log.h"

#include "broker/record/batch.h"
#include "broker/work/work.h"

struct looking {
    struct mem *mem;
    struct machine *m;
    struct slice subject;
    struct found_log *ret;
    int64_t gaps_below;
    bool is_over; /* what comes is behind a place that is spoilt */
};

/* "…/orders-0/00000000000000000000.log" */
static bool
is_segment(struct slice path, struct slice subject)
{
    int64_t slash = path.n - 1;
    while (slash > 0 && path.p[slash] != '/') slash--;
    struct slice dir = slice_sub(path, 0, MAX(0, slash));
    if (!slice_ends(path, S(".log")) || !slice_ends(dir, subject)) return false;
    return dir.n == subject.n || dir.p[dir.n - subject.n - 1] == '/';
}

/* Behind what was found so far? */
static bool
is_behind_what_was_found(const struct looking *l, int64_t base)
{
    if (l->ret->v.n == 0) return true;
    int64_t end = l->ret->v.v[l->ret->v.n - 1].last + 1;
    return base == end || (base > end && end < l->gaps_below);
}

/* What recovery will find there, too: a batch whose checksum is right, behind the one before. */
static int64_t
take_batch(struct looking *l, struct slice path, int64_t at, int64_t size)
{
    uint8_t head[BATCH_HEADER_BYTES];
    if (disk_peek(l->m, path, IMAGE_CACHED, at, head, sizeof head) != sizeof head) return 0;
    struct found f = {.base = (int64_t)load_be64(head),
                      .epoch = (int32_t)load_be32(head + 12),
                      .crc = load_be32(head + 17)};
    int64_t length = BATCH_SPAN_BYTES + (int32_t)load_be32(head + 8);
    f.last = f.base + (int32_t)load_be32(head + 23);
    if (length < BATCH_HEADER_BYTES || at + length > size) return 0;
    if (!is_behind_what_was_found(l, f.base)) return 0;
    uint8_t *all = mem_alloc(l->mem, length);
    bool is_whole = disk_peek(l->m, path, IMAGE_CACHED, at, all, length) == length &&
                    crc32c(work_crc32c(), 0, slice(all + 21, length - 21)) == f.crc;
    mem_free(l->mem, all, length);
    if (!is_whole) return 0;
    VEC_PUSH(l->mem, &l->ret->v, f);
    return length;
}

static void
look_at_file(void *ctx, struct slice path, int64_t size)
{
    struct looking *l = ctx;
    if (l->is_over || !is_segment(path, l->subject)) return;
    for (int64_t at = 0, n; at < size; at += n) {
        n = take_batch(l, path, at, size);
        l->is_over = n == 0;
        if (n == 0) return;
    }
}

void
disk_log_read(struct mem *mem, struct machine *m, struct slice subject, int64_t gaps_below,
              struct found_log *ret)
{
    struct looking l = {mem, m, subject, ret, gaps_below, false};
    disk_peek_all(m, IMAGE_CACHED, look_at_file, &l);
}
