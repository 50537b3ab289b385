#include "broker/base/sort.h"

#include "broker/base/check.h"

/* [from, mid) and [mid, to) of v are sorted; ret[from, to) becomes both. */
static void
merge_slices(const struct slice *v, int64_t from, int64_t mid, int64_t to, struct slice *ret)
{
    int64_t a = from, b = mid;
    for (int64_t i = from; i < to; i++) {
        bool first = b == to || (a < mid && slice_cmp(v[a], v[b]) <= 0);
        ret[i] = first ? v[a++] : v[b++];
    }
}

static int64_t
drop_equals(struct slice *v, int64_t n)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++)
        if (kept == 0 || slice_cmp(v[kept - 1], v[i]) != 0) v[kept++] = v[i];
    return kept;
}

int64_t
slices_sort_unique(struct slice *v, int64_t n, struct slice *spare)
{
    struct slice *from = v, *to = spare;
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t i = 0; i < n; i += 2 * width)
            merge_slices(from, i, MIN(i + width, n), MIN(i + 2 * width, n), to);
        struct slice *swap = from;
        from = to;
        to = swap;
    }
    if (from != v)
        for (int64_t i = 0; i < n; i++) v[i] = from[i];
    return drop_equals(v, n);
}
