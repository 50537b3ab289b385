#include "broker/group/tp_set.h"

#include "broker/base/search.h"
#include "broker/base/sort.h"

int
tp_cmp(const struct tp *a, const struct tp *b)
{
    int c = uuid_cmp(a->topic, b->topic);
    return c ? c : (a->index > b->index) - (a->index < b->index);
}

static int
tp_order(const void *a, const void *b, const void *ctx)
{
    (void)ctx;
    return tp_cmp(a, b);
}

void
tp_set_sort(struct tp_set *s, struct tp *spare)
{
    s->n = merge_sort_unique(s->v, s->n, (int64_t)sizeof *s->v, tp_order, NULL, spare);
}

static int64_t
tp_place(const struct tp_set *s, const struct tp *key)
{
    LOWER_BOUND(at, s->n, i, tp_cmp(&s->v[i], key) < 0);
    return at;
}

const struct tp *
tp_set_find(const struct tp_set *s, struct uuid topic, int32_t index)
{
    struct tp key = {topic, index, 0};
    int64_t at = tp_place(s, &key);
    return at < s->n && tp_cmp(&s->v[at], &key) == 0 ? &s->v[at] : NULL;
}

bool
tp_set_has_topic(const struct tp_set *s, struct uuid topic)
{
    struct tp key = {topic, INT32_MIN, 0};
    int64_t at = tp_place(s, &key);
    return at < s->n && uuid_eq(s->v[at].topic, topic);
}

int64_t
tp_set_topic_end(const struct tp_set *s, int64_t from)
{
    int64_t end = from;
    while (end < s->n && uuid_eq(s->v[end].topic, s->v[from].topic)) end++;
    return end;
}

bool
tp_set_eq(const struct tp_set *a, const struct tp_set *b)
{
    if (a->n != b->n) return false;
    for (int64_t i = 0; i < a->n; i++)
        if (tp_cmp(&a->v[i], &b->v[i]) != 0) return false;
    return true;
}

bool
tp_set_same(const struct tp_set *a, const struct tp_set *b)
{
    if (!tp_set_eq(a, b)) return false;
    for (int64_t i = 0; i < a->n; i++)
        if (a->v[i].epoch != b->v[i].epoch) return false;
    return true;
}

bool
tp_set_is_subset(const struct tp_set *part, const struct tp_set *whole)
{
    for (int64_t i = 0; i < part->n; i++)
        if (!tp_set_find(whole, part->v[i].topic, part->v[i].index)) return false;
    return true;
}

bool
tp_set_meets(const struct tp_set *a, const struct tp_set *b)
{
    for (int64_t i = 0; i < a->n; i++)
        if (tp_set_find(b, a->v[i].topic, a->v[i].index)) return true;
    return false;
}

/* What of `a` is in `b` (wanted), or is not. */
static struct tp_set
select_tps(struct arena *arena, const struct tp_set *a, const struct tp_set *b, bool wanted)
{
    struct tp_set ret = {ARENA_ARRAY(arena, struct tp, a->n), 0};
    for (int64_t i = 0, k = 0; i < a->n; i++) {
        while (k < b->n && tp_cmp(&b->v[k], &a->v[i]) < 0) k++;
        bool is_there = k < b->n && tp_cmp(&b->v[k], &a->v[i]) == 0;
        if (is_there == wanted) ret.v[ret.n++] = a->v[i];
    }
    return ret;
}

struct tp_set
tp_set_and(struct arena *arena, const struct tp_set *a, const struct tp_set *b)
{
    return select_tps(arena, a, b, true);
}

struct tp_set
tp_set_minus(struct arena *arena, const struct tp_set *a, const struct tp_set *b)
{
    return select_tps(arena, a, b, false);
}

struct tp_set
tp_set_or(struct arena *arena, const struct tp_set *a, const struct tp_set *b)
{
    struct tp_set ret = {ARENA_ARRAY(arena, struct tp, a->n + b->n), 0};
    int64_t i = 0, k = 0;
    while (i < a->n || k < b->n) {
        int c = i == a->n ? 1 : k == b->n ? -1 : tp_cmp(&a->v[i], &b->v[k]);
        ret.v[ret.n++] = c <= 0 ? a->v[i] : b->v[k];
        i += c <= 0;
        k += c >= 0;
    }
    return ret;
}

void
tp_set_free(struct mem *mem, struct tp_set *s)
{
    mem_free(mem, s->v, s->n * (int64_t)sizeof *s->v);
    *s = (struct tp_set){NULL, 0};
}

void
tp_set_keep(struct mem *mem, struct tp_set *to, const struct tp_set *from)
{
    struct tp_set copy = {NULL, from->n};
    if (from->n) {
        copy.v = mem_alloc(mem, from->n * (int64_t)sizeof *copy.v);
        memcpy(copy.v, from->v, (size_t)from->n * sizeof *copy.v);
    }
    tp_set_free(mem, to);
    *to = copy;
}
