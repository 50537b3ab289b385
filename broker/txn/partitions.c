#include "broker/txn/partitions.h"

#include "broker/base/search.h"

static int
compare(const struct txn_partition *p, struct slice topic, int32_t index)
{
    int c = slice_cmp(p->topic, topic);
    return c ? c : (p->index > index) - (p->index < index);
}

static int64_t
place(const struct txn_partitions *ps, struct slice topic, int32_t index)
{
    LOWER_BOUND(at, ps->v.n, i, compare(&ps->v.v[i], topic, index) < 0);
    return at;
}

static bool
is_at(const struct txn_partitions *ps, int64_t at, struct slice topic, int32_t index)
{
    return at < ps->v.n && compare(&ps->v.v[at], topic, index) == 0;
}

bool
txn_partitions_has(const struct txn_partitions *ps, struct slice topic, int32_t index)
{
    return is_at(ps, place(ps, topic, index), topic, index);
}

void
txn_partitions_add(struct txn_partitions *ps, struct mem *mem, struct slice topic, int32_t index)
{
    int64_t at = place(ps, topic, index);
    if (is_at(ps, at, topic, index)) return;
    struct txn_partition p = {mem_dup(mem, topic), index};
    VEC_PUSH(mem, &ps->v, p);
    memmove(&ps->v.v[at + 1], &ps->v.v[at], (size_t)(ps->v.n - 1 - at) * sizeof *ps->v.v);
    ps->v.v[at] = p;
}

void
txn_partitions_remove(struct txn_partitions *ps, struct mem *mem, struct slice topic, int32_t index)
{
    int64_t at = place(ps, topic, index);
    if (!is_at(ps, at, topic, index)) return;
    mem_free_slice(mem, ps->v.v[at].topic);
    VEC_REMOVE_AT(&ps->v, at);
}

void
txn_partitions_copy(struct txn_partitions *to, struct mem *mem, const struct txn_partitions *from)
{
    VEC_RESERVE(mem, &to->v, from->v.n);
    for (int64_t i = 0; i < from->v.n; i++) {
        struct txn_partition p = {mem_dup(mem, from->v.v[i].topic), from->v.v[i].index};
        VEC_PUSH(mem, &to->v, p);
    }
}

void
txn_partitions_release(struct txn_partitions *ps, struct mem *mem)
{
    for (int64_t i = 0; i < ps->v.n; i++) mem_free_slice(mem, ps->v.v[i].topic);
    VEC_RELEASE(mem, &ps->v);
}

int64_t
txn_partitions_topic_end(const struct txn_partitions *ps, int64_t at)
{
    int64_t end = at;
    while (end < ps->v.n && slice_eq(ps->v.v[end].topic, ps->v.v[at].topic)) end++;
    return end;
}
