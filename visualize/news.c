#include "visualize/news.h"

#include "broker/base/check.h"

struct heard {
    bool has;
    int64_t at_ns;
    const struct sent *by;
};

struct news {
    struct mem *mem;
    struct heard *heard;
    VEC(const struct sent *) carrying; /* on their way with the news, by arrival */
};

/* Whoever was reached by now has heard. */
static void
news_arrive(struct news *n, int64_t until_ns)
{
    int64_t i = 0;
    for (; i < n->carrying.n && n->carrying.v[i]->end_ns <= until_ns; i++) {
        const struct sent *s = n->carrying.v[i];
        if (!n->heard[s->to].has) n->heard[s->to] = (struct heard){true, s->end_ns, s};
    }
    n->carrying.n -= i;
    memmove(n->carrying.v, n->carrying.v + i, (size_t)n->carrying.n * sizeof *n->carrying.v);
}

static void
news_carry(struct news *n, const struct sent *s)
{
    VEC_PUSH(n->mem, &n->carrying, s);
    int64_t k = n->carrying.n - 1;
    for (; k > 0 && n->carrying.v[k - 1]->end_ns > s->end_ns; k--)
        n->carrying.v[k] = n->carrying.v[k - 1];
    n->carrying.v[k] = s;
}

static int
news_collect(const struct news *n, int32_t from, int32_t to, const struct sent **ret)
{
    int many = 0;
    for (int32_t who = to; who != from && many < NEWS_WAY_MAX; who = ret[many++]->from)
        ret[many] = n->heard[who].by;
    for (int i = 0; i < many / 2; i++) {
        const struct sent *swap = ret[i];
        ret[i] = ret[many - 1 - i];
        ret[many - 1 - i] = swap;
    }
    return many;
}

int
news_way(const struct events *e, const struct run *r, int32_t from, int64_t from_ns, int32_t to,
         int64_t until_ns, const struct sent **ret)
{
    if (from == to) return 0;
    int64_t bytes = r->actors.n * (int64_t)sizeof(struct heard);
    struct news n = {.mem = e->mem, .heard = mem_alloc(e->mem, bytes)};
    n.heard[from] = (struct heard){.has = true, .at_ns = from_ns};
    for (int64_t i = 0; i < e->sent.n && !n.heard[to].has; i++) {
        const struct sent *s = &e->sent.v[i];
        if (s->at_ns < from_ns) continue;
        if (s->at_ns > until_ns) break;
        news_arrive(&n, s->at_ns);
        bool carries = n.heard[s->from].has && !n.heard[s->to].has &&
                       s->flags & MESSAGE_IS_DELIVERED && s->end_ns <= until_ns;
        if (carries) news_carry(&n, s);
    }
    news_arrive(&n, until_ns);
    int many = n.heard[to].has ? news_collect(&n, from, to, ret) : -1;
    VEC_RELEASE(n.mem, &n.carrying);
    mem_free(n.mem, n.heard, bytes);
    return many;
}
