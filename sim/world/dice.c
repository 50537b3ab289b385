#include "broker/base/check.h"
#include "sim/world/internal.h"

struct dice
world_dice(const struct world *w, struct slice area, struct slice name)
{
    uint64_t stream = siphash_u64x2(w->key, siphash(w->key, area), siphash(w->key, name));
    return (struct dice){.stream = siphash_begin_u64(w->key, stream)};
}

uint64_t
dice_draw(struct dice *d)
{
    return siphash_end_u64(&d->stream, d->n++);
}

int64_t
dice_below(struct dice *d, int64_t n)
{
    CHECK(n > 0);
    uint64_t r = dice_draw(d);
    return n <= UINT32_MAX ? (int64_t)((r >> 32) * (uint64_t)n >> 32) : (int64_t)(r % (uint64_t)n);
}

int64_t
dice_between(struct dice *d, int64_t min, int64_t max)
{
    return max <= min ? min : min + dice_below(d, max - min + 1);
}

bool
dice_permille(struct dice *d, int64_t permille)
{
    return permille > 0 && dice_below(d, 1000) < permille;
}

int64_t
delay_draw(struct dice *d, const struct delay *delay)
{
    int64_t ns = dice_between(d, delay->min_ns, delay->max_ns);
    if (dice_permille(d, delay->tail_permille)) ns += dice_between(d, 0, delay->tail_ns);
    return ns;
}
