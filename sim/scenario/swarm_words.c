/* The swarm's dice, and how it writes. */
#include "sim/scenario/swarm_own.h"

#include <stdarg.h>
#include <stdio.h>

#include "broker/base/check.h"

void
swarm_begin_part(struct swarm *s, const char *name)
{
    static const struct siphash_key fixed = {0x73776172u, 0x6d2e3130u};
    struct siphash_key key = {siphash_u64x2(fixed, s->seed, 0), siphash_u64x2(fixed, s->seed, 1)};
    s->dice = (struct dice){.stream = siphash_begin_u64(key, siphash(key, slice_cstr(name)))};
}

int64_t
swarm_between(struct swarm *s, int64_t min, int64_t max)
{
    return dice_between(&s->dice, min, max);
}

bool
swarm_chance(struct swarm *s, int64_t percent)
{
    return dice_below(&s->dice, 100) < percent;
}

/* Small ones as often as large ones: the doublings from min are drawn, then a number of that size. */
int64_t
swarm_of_any_size(struct swarm *s, int64_t min, int64_t max)
{
    int64_t doublings = 0;
    while (min << (doublings + 1) <= max) doublings++;
    int64_t from = min << swarm_between(s, 0, doublings);
    return swarm_between(s, from, MIN(2 * from - 1, max));
}

void
swarm_put(struct swarm *s, const char *format, ...)
{
    char text[500];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    CHECK(n < (int)sizeof text);
    fmt_str(&s->w, text);
}

const char *
swarm_word_of(struct swarm *s, const char *const *words, int64_t n)
{
    return words[dice_below(&s->dice, n)];
}

void
swarm_put_setting(struct swarm *s, const char *name, int64_t value)
{
    swarm_put(s, ", %s: %lld", name, (long long)value);
}

void
swarm_put_ms(struct swarm *s, const char *name, int64_t value)
{
    swarm_put(s, ", %s: %lldms", name, (long long)value);
}

void
swarm_perhaps(struct swarm *s, int64_t percent, const char *name, int64_t min, int64_t max)
{
    bool is_drawn = swarm_chance(s, percent);
    int64_t value = swarm_of_any_size(s, min, max);
    if (is_drawn) swarm_put_setting(s, name, value);
}
