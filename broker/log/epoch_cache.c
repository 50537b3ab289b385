#include "broker/log/epoch_cache.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "broker/base/search.h"
#include "broker/log/lines.h"

void
epoch_cache_release(struct epoch_cache *c, struct mem *mem)
{
    VEC_RELEASE(mem, &c->v);
}

int32_t
epoch_cache_latest(const struct epoch_cache *c)
{
    return c->v.n ? c->v.v[c->v.n - 1].epoch : -1;
}

bool
epoch_cache_truncate_end(struct epoch_cache *c, int64_t offset)
{
    int64_t n = c->v.n;
    while (n > 0 && c->v.v[n - 1].start_offset >= offset) n--;
    bool changed = n != c->v.n;
    c->v.n = n;
    return changed;
}

bool
epoch_cache_assign(struct epoch_cache *c, struct mem *mem, int32_t epoch, int64_t start_offset)
{
    CHECK(start_offset >= 0);
    if (epoch <= epoch_cache_latest(c)) return false;
    (void)epoch_cache_truncate_end(c, start_offset);
    struct epoch_entry e = {epoch, start_offset};
    VEC_PUSH(mem, &c->v, e);
    return true;
}

bool
epoch_cache_begin(struct epoch_cache *c, struct mem *mem, int32_t epoch, int64_t start_offset)
{
    bool is_earlier = epoch < epoch_cache_latest(c);
    while (is_earlier && c->v.n && c->v.v[c->v.n - 1].epoch >= epoch) c->v.n--;
    return epoch_cache_assign(c, mem, epoch, start_offset);
}

/* Index of the last entry with an epoch ≤ `epoch`, or -1. */
static int64_t
floor_by_epoch(const struct epoch_cache *c, int32_t epoch)
{
    LOWER_BOUND(at, c->v.n, i, c->v.v[i].epoch <= epoch);
    return at - 1;
}

int32_t
epoch_cache_at(const struct epoch_cache *c, int64_t offset)
{
    for (int64_t i = c->v.n - 1; i >= 0; i--)
        if (c->v.v[i].start_offset <= offset) return c->v.v[i].epoch;
    return -1;
}

struct epoch_end
epoch_cache_end_offset(const struct epoch_cache *c, int32_t epoch, int64_t log_end)
{
    int32_t latest = epoch_cache_latest(c);
    if (epoch < 0 || epoch > latest) return (struct epoch_end){-1, -1};
    if (epoch == latest) return (struct epoch_end){epoch, log_end};
    int64_t i = floor_by_epoch(c, epoch);
    int32_t found = i < 0 ? epoch : c->v.v[i].epoch;
    return (struct epoch_end){found, c->v.v[i + 1].start_offset};
}

/* Does a batch of `epoch` at base_offset to last_offset leave the entry as it is? */
static bool
agrees(const struct epoch_entry *e, int32_t epoch, int64_t base_offset, int64_t last_offset)
{
    if (e->epoch == epoch) return e->start_offset <= base_offset;
    return e->epoch < epoch ? e->start_offset < base_offset : e->start_offset > last_offset;
}

bool
epoch_cache_take_batch(struct epoch_cache *c, struct mem *mem, int32_t epoch, int64_t base_offset,
                       int64_t last_offset)
{
    int64_t kept = 0, before = 0;
    bool is_known = false;
    if (epoch < 0) return false;
    for (int64_t i = 0; i < c->v.n; i++) {
        if (!agrees(&c->v.v[i], epoch, base_offset, last_offset)) continue;
        before += c->v.v[i].epoch < epoch;
        is_known |= c->v.v[i].epoch == epoch;
        c->v.v[kept++] = c->v.v[i];
    }
    bool changed = kept != c->v.n || !is_known;
    c->v.n = kept;
    if (is_known) return changed;
    (void)VEC_ADD(mem, &c->v);
    memmove(c->v.v + before + 1, c->v.v + before, (size_t)(kept - before) * sizeof *c->v.v);
    c->v.v[before] = (struct epoch_entry){epoch, base_offset};
    return changed;
}

bool
epoch_cache_truncate_start(struct epoch_cache *c, int64_t offset)
{
    int64_t keep = c->v.n - 1; /* the entry in force at offset */
    while (keep >= 0 && c->v.v[keep].start_offset > offset) keep--;
    if (keep < 0) return false;
    if (keep == 0 && c->v.v[0].start_offset == offset) return false;
    memmove(c->v.v, c->v.v + keep, (size_t)(c->v.n - keep) * sizeof *c->v.v);
    c->v.n -= keep;
    c->v.v[0].start_offset = offset;
    return true;
}

void
epoch_cache_print(const struct epoch_cache *c, struct writer *w)
{
    fmt_str(w, "0\n");
    fmt_i64(w, c->v.n);
    fmt_char(w, '\n');
    for (int64_t i = 0; i < c->v.n; i++) {
        fmt_i64(w, c->v.v[i].epoch);
        fmt_char(w, ' ');
        fmt_i64(w, c->v.v[i].start_offset);
        fmt_char(w, '\n');
    }
}

static bool
parse_epoch_line(struct slice line, struct epoch_entry *ret)
{
    int64_t blank = slice_find(line, ' ', 0), epoch, start;
    if (blank < 0) return false;
    if (!slice_to_i64(slice_sub(line, 0, blank), &epoch)) return false;
    if (!slice_to_i64(slice_sub(line, blank + 1, line.n), &start)) return false;
    if (epoch < 0 || epoch > INT32_MAX || start < 0) return false;
    *ret = (struct epoch_entry){(int32_t)epoch, start};
    return true;
}

static bool
parse_lines(struct epoch_cache *c, struct mem *mem, struct slice text)
{
    struct slice line;
    int64_t version, n;
    if (!lines_next(&text, &line) || !slice_to_i64(line, &version) || version != 0) return false;
    if (!lines_next(&text, &line) || !slice_to_i64(line, &n) || n < 0) return false;
    while (lines_next(&text, &line)) {
        struct epoch_entry e;
        if (!parse_epoch_line(line, &e)) return false;
        if (c->v.n && (e.epoch <= c->v.v[c->v.n - 1].epoch ||
                       e.start_offset <= c->v.v[c->v.n - 1].start_offset))
            return false;
        VEC_PUSH(mem, &c->v, e);
    }
    return c->v.n == n;
}

bool
epoch_cache_parse(struct epoch_cache *c, struct mem *mem, struct slice text)
{
    c->v.n = 0;
    if (parse_lines(c, mem, text)) return true;
    c->v.n = 0;
    return false;
}
