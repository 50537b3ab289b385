#include "broker/base/map.h"

#include "broker/base/check.h"

void
map_init(struct map *m, struct mem *mem, struct siphash_key key)
{
    *m = (struct map){.mem = mem, .key = key};
    list_init(&m->order);
}

void
map_release(struct map *m)
{
    mem_free(m->mem, m->slots, m->slots_n * (int64_t)sizeof(*m->slots));
    m->slots = NULL;
    m->slots_n = m->n = 0;
    list_init(&m->order);
}

uint64_t
map_hash(const struct map *m, struct slice key)
{
    return siphash(m->key, key);
}

static struct map_node **
slot(const struct map *m, uint64_t hash)
{
    return &m->slots[hash & (uint64_t)(m->slots_n - 1)];
}

struct map_node *
map_find(const struct map *m, uint64_t hash, map_eq *eq, const void *key)
{
    if (!m->slots_n) return NULL;
    for (struct map_node *n = *slot(m, hash); n; n = n->chain)
        if (n->hash == hash && eq(n, key)) return n;
    return NULL;
}

static void
map_grow(struct map *m)
{
    struct map_node **old = m->slots;
    int64_t old_n = m->slots_n;
    m->slots_n = old_n ? old_n * 2 : 8;
    m->slots = mem_alloc(m->mem, m->slots_n * (int64_t)sizeof(*m->slots));
    for (int64_t i = 0; i < old_n; i++)
        for (struct map_node *n = old[i], *next; n; n = next) {
            next = n->chain;
            n->chain = *slot(m, n->hash);
            *slot(m, n->hash) = n;
        }
    mem_free(m->mem, old, old_n * (int64_t)sizeof(*old));
}

void
map_insert(struct map *m, struct map_node *node, uint64_t hash)
{
    if (m->n >= m->slots_n) map_grow(m);
    node->hash = hash;
    node->chain = *slot(m, hash);
    *slot(m, hash) = node;
    list_push_back(&m->order, &node->order);
    m->n++;
}

void
map_remove(struct map *m, struct map_node *node)
{
    struct map_node **at = slot(m, node->hash);
    while (*at != node) {
        CHECK(*at);
        at = &(*at)->chain;
    }
    *at = node->chain;
    list_remove(&node->order);
    m->n--;
}
