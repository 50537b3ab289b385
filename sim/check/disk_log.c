#include "sim/check/disk_log.h"

#include "broker/record/batch.h"
#include "broker/work/work.h"

struct looking {
    struct mem *mem;
    struct machine *m;
    struct slice subject;
    bool is_compacted, serves;
    int64_t gaps_below;
    void (*fn)(void *ctx, const struct found *f, struct slice batch);
    void *ctx;
    int64_t next;          /* the offset behind the last batch; -1 */
    bool is_over;          /* what comes is behind a place that is spoilt */
    VEC(int64_t) swaps;    /* segments that take the place of others … */
    int64_t first_cleaned; /* … unless they are not complete */
};

bool
disk_log_is_file(struct slice path, struct slice subject, struct slice suffix, int64_t *ret_base)
{
    int64_t slash = path.n - 1;
    while (slash > 0 && path.p[slash] != '/') slash--;
    struct slice dir = slice_sub(path, 0, MAX(0, slash));
    if (!slice_ends(path, suffix) || !slice_ends(dir, subject)) return false;
    if (dir.n != subject.n && dir.p[dir.n - subject.n - 1] != '/') return false;
    return slice_to_i64(slice_sub(path, slash + 1, 20), ret_base);
}

/* Within a segment a gap of a compacted log is compaction. */
static bool
is_behind_what_was_found(const struct looking *l, int64_t base)
{
    if (l->next < 0 || base == l->next) return true;
    return base > l->next && (l->is_compacted || l->next < l->gaps_below);
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
    if (is_whole) l->fn(l->ctx, &f, slice(all, length));
    mem_free(l->mem, all, length);
    if (!is_whole) return 0;
    l->next = f.last + 1;
    return length;
}

static bool
is_swapped(const struct looking *l, int64_t base)
{
    for (int64_t i = 0; i < l->swaps.n; i++)
        if (l->swaps.v[i] == base) return base < l->first_cleaned;
    return false;
}

/* A segment that lies within the one before: it was to make way for that. */
static bool
is_outlived(const struct looking *l, int64_t base)
{
    return l->is_compacted && l->next > base;
}

static void
look_at_file(void *ctx, struct slice path, int64_t size)
{
    struct looking *l = ctx;
    int64_t base;
    bool is_swap = disk_log_is_file(path, l->subject, S(".log.swap"), &base);
    if (l->is_over || (!is_swap && !disk_log_is_file(path, l->subject, S(".log"), &base))) return;
    if (is_swap != is_swapped(l, base) || is_outlived(l, base)) return;
    bool is_gap = l->next >= 0 && base > l->next && l->is_compacted && !l->serves;
    if (is_gap && l->next >= l->gaps_below) l->is_over = true; /* a tail has gone */
    if (l->is_over) return;
    for (int64_t at = 0, n; at < size; at += n) {
        n = take_batch(l, path, at, size);
        l->is_over = n == 0;
        if (n == 0) return;
    }
    if (l->next < 0)
        l->next = base; /* all of the first segment has gone: what is behind it begins with a gap */
}

static void
look_for_swaps(void *ctx, struct slice path, int64_t size)
{
    struct looking *l = ctx;
    int64_t base;
    (void)size;
    if (disk_log_is_file(path, l->subject, S(".log.swap"), &base))
        VEC_PUSH(l->mem, &l->swaps, base);
    if (disk_log_is_file(path, l->subject, S(".cleaned"), &base))
        l->first_cleaned = MIN(l->first_cleaned, base);
}

void
disk_log_walk(struct mem *mem, struct machine *m, struct slice subject, enum disk_log how,
              int64_t gaps_below, void (*fn)(void *ctx, const struct found *f, struct slice batch),
              void *ctx)
{
    struct looking l = {.mem = mem,
                        .m = m,
                        .subject = subject,
                        .is_compacted = how != DISK_LOG_PLAIN,
                        .serves = how == DISK_LOG_SERVES,
                        .gaps_below = gaps_below,
                        .fn = fn,
                        .ctx = ctx,
                        .next = -1,
                        .first_cleaned = INT64_MAX};
    if (l.is_compacted) disk_peek_all(m, IMAGE_CACHED, look_for_swaps, &l);
    disk_peek_all(m, IMAGE_CACHED, look_at_file, &l);
    VEC_RELEASE(mem, &l.swaps);
}

struct gathering {
    struct mem *mem;
    struct found_log *ret;
};

static void
gather_batch(void *ctx, const struct found *f, struct slice batch)
{
    struct gathering *g = ctx;
    (void)batch;
    VEC_PUSH(g->mem, &g->ret->v, *f);
}

void
disk_log_read(struct mem *mem, struct machine *m, struct slice subject, bool is_compacted,
              int64_t gaps_below, struct found_log *ret)
{
    struct gathering g = {mem, ret};
    disk_log_walk(mem, m, subject, is_compacted ? DISK_LOG_COMPACTED : DISK_LOG_PLAIN, gaps_below,
                  gather_batch, &g);
}
