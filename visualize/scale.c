#include "visualize/scale.h"

#include "broker/base/check.h"

struct times {
    struct mem *mem;
    VEC(int64_t) v;
};

static void
times_sort(struct times *t)
{
    for (int64_t i = 1; i < t->v.n; i++) {
        int64_t one = t->v.v[i], k = i;
        for (; k > 0 && t->v.v[k - 1] > one; k--) t->v.v[k] = t->v.v[k - 1];
        t->v.v[k] = one;
    }
}

static int64_t
kept_ns(const struct scale *s)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < s->kept.n; i++) sum += s->kept.v[i].to_ns - s->kept.v[i].from_ns;
    return sum;
}

/* Distances longer than `limit` lose all but a sixth of the limit at each side. */
static void
scale_cut(struct scale *s, const struct times *t, int64_t limit_ns)
{
    s->kept.n = 0;
    int64_t from = t->v.v[0];
    for (int64_t i = 1; i < t->v.n; i++) {
        int64_t a = t->v.v[i - 1], b = t->v.v[i];
        if (b - a <= limit_ns) continue;
        VEC_PUSH(s->mem, &s->kept, ((struct stretch){.from_ns = from, .to_ns = a + limit_ns / 6}));
        from = b - limit_ns / 6;
    }
    VEC_PUSH(s->mem, &s->kept, ((struct stretch){.from_ns = from, .to_ns = t->v.v[t->v.n - 1]}));
}

/* Cutting makes what is left shorter, which makes other distances long; so once more. */
static void
choose_cuts(struct scale *s, const struct times *t)
{
    int64_t left = t->v.v[t->v.n - 1] - t->v.v[0];
    for (int i = 0; i < 2; i++) {
        scale_cut(s, t, MAX(left / 4, 1));
        if (kept_ns(s) == left) break;
        left = kept_ns(s);
    }
}

static void
scale_place(struct scale *s, int64_t x0, int64_t x1)
{
    int64_t room = x1 - x0 - (s->kept.n - 1) * SCALE_CUT_PX, all = MAX(kept_ns(s), 1), before = 0;
    for (int64_t i = 0; i < s->kept.n; i++) {
        struct stretch *k = &s->kept.v[i];
        int64_t cuts = x0 + i * SCALE_CUT_PX;
        k->x0 = cuts + before * room / all;
        before += k->to_ns - k->from_ns;
        k->x1 = cuts + before * room / all;
    }
}

void
scale_make(struct scale *s, struct mem *mem, int64_t from_ns, int64_t to_ns, const int64_t *moments,
           int64_t moments_n, int64_t x0, int64_t x1)
{
    *s = (struct scale){.mem = mem};
    struct times t = {.mem = mem};
    VEC_PUSH(mem, &t.v, from_ns);
    VEC_PUSH(mem, &t.v, MAX(to_ns, from_ns));
    for (int64_t i = 0; i < moments_n; i++)
        if (moments[i] > from_ns && moments[i] < to_ns) VEC_PUSH(mem, &t.v, moments[i]);
    times_sort(&t);
    choose_cuts(s, &t);
    scale_place(s, x0, x1);
    VEC_RELEASE(mem, &t.v);
}

void
scale_release(struct scale *s)
{
    VEC_RELEASE(s->mem, &s->kept);
}

int64_t
scale_x(const struct scale *s, int64_t at_ns)
{
    for (int64_t i = 0; i < s->kept.n; i++) {
        const struct stretch *k = &s->kept.v[i];
        if (at_ns < k->from_ns) return i ? (k->x0 + s->kept.v[i - 1].x1) / 2 : k->x0;
        if (at_ns > k->to_ns) continue;
        int64_t all = MAX(k->to_ns - k->from_ns, 1);
        return k->x0 + (at_ns - k->from_ns) * (k->x1 - k->x0) / all;
    }
    return s->kept.v[s->kept.n - 1].x1;
}

bool
scale_shows(const struct scale *s, int64_t at_ns)
{
    for (int64_t i = 0; i < s->kept.n; i++)
        if (at_ns >= s->kept.v[i].from_ns && at_ns <= s->kept.v[i].to_ns) return true;
    return false;
}

int64_t
scale_tick_ns(const struct scale *s, int64_t ticks)
{
    int64_t least = MAX(kept_ns(s) / MAX(ticks, 1), 1), tick = 1;
    for (int i = 0; tick < least && i < 60; i++) tick = i % 3 == 1 ? tick / 2 * 5 : tick * 2;
    return tick;
}
