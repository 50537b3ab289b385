#include "sim/history/chronicle.h"

void
chronicle_init(struct chronicle *c, struct mem *mem)
{
    *c = (struct chronicle){.mem = mem};
}

void
chronicle_release(struct chronicle *c)
{
    for (int64_t i = 0; i < c->v.n; i++) {
        mem_free_slice(c->mem, c->v.v[i].topic);
        mem_free_slice(c->mem, c->v.v[i].what);
    }
    VEC_RELEASE(c->mem, &c->v);
}

struct happening
happening_new(enum happening_kind kind, int64_t at_ns)
{
    return (struct happening){.at_ns = at_ns,
                              .kind = kind,
                              .node = -1,
                              .partition = -1,
                              .life = 1,
                              .to = INT64_MAX,
                              .leader = -1,
                              .leader_epoch = -1,
                              .flush_messages = -1,
                              .flush_ms = -1,
                              .until_ns = at_ns};
}

void
chronicle_add(struct chronicle *c, const struct happening *one)
{
    struct happening copy = *one;
    copy.topic = mem_dup(c->mem, one->topic);
    copy.what = mem_dup(c->mem, one->what);
    VEC_PUSH(c->mem, &c->v, copy);
}

void
chronicle_end_trouble(struct chronicle *c, struct slice what, int64_t at_ns)
{
    for (int64_t i = c->v.n - 1; i >= 0; i--) {
        struct happening *one = &c->v.v[i];
        if (one->kind != HAPPENED_TROUBLE || one->until_ns != INT64_MAX) continue;
        if (!slice_eq(one->what, what)) continue;
        one->until_ns = at_ns;
        return;
    }
}

bool
chronicle_has(const struct chronicle_ids *ids, int32_t id)
{
    for (int32_t i = 0; i < ids->n; i++)
        if (ids->v[i] == id) return true;
    return false;
}

bool
happening_is_of(const struct happening *one, struct slice topic, int32_t partition)
{
    if (one->topic.p && !slice_eq(one->topic, topic)) return false;
    return one->partition < 0 || one->partition == partition;
}
