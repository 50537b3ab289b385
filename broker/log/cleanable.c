#include "broker/log/cleanable.h"

#include "broker/base/check.h"

/* A log begins anew when its checkpoint lies outside it: after retention at its front, a truncation, or with a
 * file of somebody else. */
static int64_t
find_first_dirty(const struct cleanable_facts *f, bool *ret_reset)
{
    *ret_reset =
        f->cleaned_to >= 0 && (f->cleaned_to < f->start_offset || f->cleaned_to > f->end_offset);
    return f->cleaned_to < 0 || *ret_reset ? f->start_offset : f->cleaned_to;
}

static bool
is_dirty(const struct cleanable_facts *f, int64_t i, int64_t first_dirty)
{
    return f->segments[i + 1].base_offset > first_dirty;
}

/* Whole segments only; the one in which the bound lies is not cleanable. */
static int64_t
find_first_uncleanable(const struct cleanable_facts *f, int64_t first_dirty)
{
    int64_t last = f->segments_n - 1;
    int64_t bound = MIN(f->stable_offset, f->segments[last].base_offset);
    for (int64_t i = 0; i < last; i++) {
        bool is_young = f->lag_min_ms > 0 && f->segments[i].newest_ms > f->now_ms - f->lag_min_ms;
        if (f->segments[i + 1].base_offset > bound) return f->segments[i].base_offset;
        if (is_young && is_dirty(f, i, first_dirty)) return f->segments[i].base_offset;
    }
    return f->segments[last].base_offset;
}

/* A first timestamp that nobody gave (0 or less) makes nothing old. */
static bool
has_waited_too_long(const struct cleanable_facts *f, int64_t first_dirty)
{
    for (int64_t i = 0; i < f->segments_n - 1; i++)
        if (is_dirty(f, i, first_dirty) && f->segments[i].first_ms > 0 &&
            f->segments[i].first_ms < f->now_ms - f->lag_max_ms)
            return true;
    return false;
}

void
cleanable_find(const struct cleanable_facts *f, struct cleanable *ret)
{
    *ret = (struct cleanable){0};
    ret->first_dirty = find_first_dirty(f, &ret->is_reset);
    ret->first_uncleanable = find_first_uncleanable(f, ret->first_dirty);
    if (ret->first_uncleanable < ret->first_dirty) ret->first_uncleanable = ret->first_dirty;
    /* Both may lie within one segment: DeleteRecords moved the log's start to there. Then nothing can be cleaned. */
    bool is_empty = ret->first_uncleanable == ret->first_dirty;
    ret->is_overdue = has_waited_too_long(f, ret->first_dirty);
    for (int64_t i = 0; i < f->segments_n - 1; i++) {
        const struct cleanable_segment *s = &f->segments[i];
        if (!is_dirty(f, i, ret->first_dirty)) ret->clean_bytes += s->size_bytes;
        else if (!is_empty && s->base_offset < ret->first_uncleanable)
            ret->dirty_bytes += s->size_bytes;
    }
}

static int64_t
whole(const struct cleanable *c)
{
    return c->clean_bytes + c->dirty_bytes;
}

/* Sizes of which the products below fit in 64 bits: exact up to 4 TiB, beyond that to a MiB. */
static struct cleanable
scaled(const struct cleanable *c, int shift)
{
    bool is_large = whole(c) >> 42 != 0;
    struct cleanable r = {.clean_bytes = c->clean_bytes, .dirty_bytes = c->dirty_bytes};
    if (is_large) r.clean_bytes >>= shift, r.dirty_bytes >>= shift;
    return r;
}

bool
cleanable_is_due(const struct cleanable *c, int64_t ratio_min_millionths)
{
    if (c->dirty_bytes == 0) return false;
    if (c->is_overdue) return true;
    struct cleanable s = scaled(c, 20);
    return s.dirty_bytes * 1000000 > ratio_min_millionths * whole(&s);
}

bool
cleanable_is_dirtier(const struct cleanable *a, const struct cleanable *b)
{
    /* a.dirty / a.whole > b.dirty / b.whole, in thousandths of thousandths of the larger ones */
    struct cleanable x = scaled(a, 20), y = scaled(b, 20);
    int64_t nx = whole(&x), ny = whole(&y);
    if (ny == 0 || nx == 0) return ny == 0 && nx > 0;
    return x.dirty_bytes * 1000000 / nx > y.dirty_bytes * 1000000 / ny;
}
