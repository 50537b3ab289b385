#include "broker/base/sort.h"

#include "broker/base/check.h"

struct sorting {
    int64_t item_bytes;
    item_cmp *cmp;
    const void *ctx;
    char *spare;
};

/* v[0, mid) and v[mid, n) are sorted; v becomes both. */
static void
merge_runs(const struct sorting *s, char *v, int64_t mid, int64_t n)
{
    int64_t size = s->item_bytes, i = 0, k = mid;
    if (s->cmp(v + (mid - 1) * size, v + mid * size, s->ctx) <= 0) return;
    for (int64_t at = 0; at < n; at++) {
        bool left = k == n || (i < mid && s->cmp(v + i * size, v + k * size, s->ctx) <= 0);
        memcpy(s->spare + at * size, v + (left ? i++ : k++) * size, (size_t)size);
    }
    memcpy(v, s->spare, (size_t)(n * size));
}

void
merge_sort(void *v, int64_t n, int64_t item_bytes, item_cmp *cmp, const void *ctx, void *spare)
{
    struct sorting s = {item_bytes, cmp, ctx, spare};
    for (int64_t width = 1; width < n; width *= 2)
        for (int64_t from = 0; from + width < n; from += 2 * width)
            merge_runs(&s, (char *)v + from * item_bytes, width, MIN(2 * width, n - from));
}

int64_t
merge_sort_unique(void *v, int64_t n, int64_t item_bytes, item_cmp *cmp, const void *ctx,
                  void *spare)
{
    char *items = v;
    int64_t kept = 0;
    merge_sort(v, n, item_bytes, cmp, ctx, spare);
    for (int64_t i = 0; i < n; i++) {
        const char *item = items + i * item_bytes;
        if (kept > 0 && cmp(items + (kept - 1) * item_bytes, item, ctx) == 0) continue;
        memmove(items + kept++ * item_bytes, item, (size_t)item_bytes);
    }
    return kept;
}

static int
slices_in_order(const void *a, const void *b, const void *ctx)
{
    const struct slice *x = a, *y = b;
    (void)ctx;
    return slice_cmp(*x, *y);
}

int64_t
slices_sort_unique(struct slice *v, int64_t n, struct slice *spare)
{
    return merge_sort_unique(v, n, (int64_t)sizeof *v, slices_in_order, NULL, spare);
}
