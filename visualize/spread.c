#include "visualize/spread.h"

#include "broker/base/check.h"

/* Those that touch stand around the middle of where they belong. */
struct touching {
    int64_t sum, n;
};

static int64_t
middle_of(const struct touching *b)
{
    return b->sum / b->n;
}

/* Less the widths before it, each wants a place; what must not go down is what is left (isotonic regression: as long as one wants to
 * stand before the one that it follows, both stand together). */
void
spread(struct spread_one *v, int n, int64_t low, int64_t high)
{
    int64_t before[SPREAD_MAX];
    struct touching all[SPREAD_MAX];
    int blocks = 0;
    CHECK(n <= SPREAD_MAX);
    if (n == 0) return;
    before[0] = 0;
    for (int i = 1; i < n; i++) before[i] = before[i - 1] + v[i - 1].half + v[i].half;
    for (int i = 0; i < n; i++) {
        all[blocks++] = (struct touching){v[i].x - before[i], 1};
        while (blocks > 1 && middle_of(&all[blocks - 2]) > middle_of(&all[blocks - 1])) {
            all[blocks - 2].sum += all[blocks - 1].sum;
            all[blocks - 2].n += all[blocks - 1].n;
            blocks--;
        }
    }
    int64_t most = MAX(high - before[n - 1], low);
    for (int i = 0, b = 0, of = 0; i < n; i++, of++) {
        if (of == all[b].n) b++, of = 0;
        v[i].x = MIN(MAX(middle_of(&all[b]), low), most) + before[i];
    }
}
