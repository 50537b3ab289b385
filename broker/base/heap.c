#include "broker/base/heap.h"

#include "broker/base/check.h"

void
heap_init(struct heap *h, struct mem *mem)
{
    *h = (struct heap){.mem = mem};
}

void
heap_release(struct heap *h)
{
    VEC_RELEASE(h->mem, &h->v);
}

static bool
before(const struct heap_item *a, const struct heap_item *b)
{
    return a->key != b->key ? a->key < b->key : a->seq < b->seq;
}

static void
heap_put(struct heap *h, int64_t i, struct heap_item item)
{
    h->v.v[i] = item;
    item.node->at = i + 1;
}

static void
sift_up(struct heap *h, int64_t i, struct heap_item item)
{
    while (i > 0) {
        int64_t up = (i - 1) / 4;
        if (!before(&item, &h->v.v[up])) break;
        heap_put(h, i, h->v.v[up]);
        i = up;
    }
    heap_put(h, i, item);
}

static void
sift_down(struct heap *h, int64_t i, struct heap_item item)
{
    for (;;) {
        int64_t first = i * 4 + 1, last = MIN(first + 4, h->v.n), best = first;
        if (first >= h->v.n) break;
        for (int64_t c = first + 1; c < last; c++)
            if (before(&h->v.v[c], &h->v.v[best])) best = c;
        if (!before(&h->v.v[best], &item)) break;
        heap_put(h, i, h->v.v[best]);
        i = best;
    }
    heap_put(h, i, item);
}

void
heap_push(struct heap *h, struct heap_node *n, int64_t key)
{
    CHECK(n->at == 0);
    n->key = key;
    struct heap_item item = {key, h->next_seq++, n};
    VEC_RESERVE(h->mem, &h->v, h->v.n + 1);
    sift_up(h, h->v.n++, item);
}

void
heap_set(struct heap *h, struct heap_node *n, int64_t key)
{
    if (!n->at) {
        heap_push(h, n, key);
        return;
    }
    int64_t i = n->at - 1;
    CHECK(i < h->v.n && h->v.v[i].node == n);
    n->key = key;
    struct heap_item item = {key, h->next_seq++, n};
    if (i > 0 && before(&item, &h->v.v[(i - 1) / 4])) sift_up(h, i, item);
    else sift_down(h, i, item);
}

void
heap_remove(struct heap *h, struct heap_node *n)
{
    if (!n->at) return;
    int64_t i = n->at - 1;
    CHECK(i < h->v.n && h->v.v[i].node == n);
    struct heap_item last = h->v.v[--h->v.n];
    n->at = 0;
    if (last.node == n) return;
    if (i > 0 && before(&last, &h->v.v[(i - 1) / 4])) sift_up(h, i, last);
    else sift_down(h, i, last);
}

struct heap_node *
heap_min(const struct heap *h)
{
    return h->v.n ? h->v.v[0].node : NULL;
}
