#include "broker/group/assign_simple.h"

#include "broker/base/check.h"
#include "broker/base/search.h"

static bool
wants(const struct simple_member *m, struct uuid topic)
{
    LOWER_BOUND(at, m->topics_n, i, uuid_cmp(m->topics[i], topic) < 0);
    return at < m->topics_n && uuid_eq(m->topics[at], topic);
}

struct simple {
    const struct tp_set *tps;
    struct simple_member *v;
    int32_t n;
    int32_t *counts;  /* by member */
    int32_t *sharing; /* by partition: members */
    int64_t least;    /* partitions that each member has at least, if all want all … */
    int64_t extras;   /* … and members that may still have one more */
};

static bool
may_keep(struct simple *s, int32_t i)
{
    if (s->counts[i] < s->least) return true;
    if (s->counts[i] > s->least || s->extras == 0) return false;
    s->extras--;
    return true;
}

static void
give_to(struct simple *s, int32_t i, int64_t at)
{
    struct simple_member *m = &s->v[i];
    m->ret.v[m->ret.n++] = s->tps->v[at];
    s->counts[i]++;
    s->sharing[at]++;
}

/* One who had it and may have it still; else who has least. */
static void
give_partition(struct simple *s, int64_t at)
{
    const struct tp *tp = &s->tps->v[at];
    int32_t best = -1;
    for (int32_t i = 0; i < s->n; i++) {
        if (!wants(&s->v[i], tp->topic)) continue;
        if (tp_set_find(&s->v[i].had, tp->topic, tp->index) && may_keep(s, i)) {
            give_to(s, i, at);
            return;
        }
        if (best < 0 || s->counts[i] < s->counts[best]) best = i;
    }
    if (best < 0) return;
    if (s->counts[best] == s->least && s->extras > 0) s->extras--;
    give_to(s, best, at);
}

/* More members than partitions: who has nothing shares one that few others have, its old one if it can be. */
static void
give_member(struct simple *s, int32_t i)
{
    int64_t best = -1;
    bool best_is_old = false;
    for (int64_t at = 0; at < s->tps->n; at++) {
        const struct tp *tp = &s->tps->v[at];
        if (!wants(&s->v[i], tp->topic)) continue;
        bool is_old = tp_set_find(&s->v[i].had, tp->topic, tp->index) != NULL;
        bool better = best < 0 || s->sharing[at] < s->sharing[best] ||
                      (s->sharing[at] == s->sharing[best] && is_old && !best_is_old);
        if (!better) continue;
        best = at;
        best_is_old = is_old;
    }
    if (best >= 0) give_to(s, i, best);
}

void
assign_simply(struct arena *a, const struct tp_set *tps, struct simple_member *v, int32_t n)
{
    struct simple s = {.tps = tps, .v = v, .n = n};
    if (n == 0) return;
    s.counts = ARENA_ARRAY(a, int32_t, n);
    s.sharing = ARENA_ARRAY(a, int32_t, tps->n);
    s.least = tps->n / n;
    s.extras = tps->n % n;
    for (int32_t i = 0; i < n; i++)
        v[i].ret = (struct tp_set){ARENA_ARRAY(a, struct tp, tps->n), 0};
    for (int64_t at = 0; at < tps->n; at++) give_partition(&s, at);
    for (int32_t i = 0; i < n; i++)
        if (s.counts[i] == 0) give_member(&s, i);
}
