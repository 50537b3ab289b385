/* An intrusive hash map. Objects embed a map_node and never move; the list gives insertion order, so
 * that nothing can depend on a slot. Keys stay in the objects: a lookup takes a hash and a function
 * that compares. Whoever iterates for a replicated decision sorts by key first. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "broker/base/mem.h"
#include "broker/base/siphash.h"

struct map_node {
    struct map_node *chain;
    struct list order;
    uint64_t hash;
};

struct map {
    struct mem *mem;
    struct siphash_key key;
    struct map_node **slots;
    int64_t slots_n, n;
    struct list order;
};

void map_init(struct map *m, struct mem *mem, struct siphash_key key);
/* Forgets the slots; the objects are the caller's. */
void map_release(struct map *m);

uint64_t map_hash(const struct map *m, struct slice key);

__extension__ typedef unsigned __int128 map_wide;

static inline uint64_t
map_mix(uint64_t a, uint64_t b)
{
    map_wide product = (map_wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* It begins with the map's secret key: nobody outside can choose numbers that fall into one slot. The second
 * multiplication is for keys that are small. */
static inline uint64_t
map_hash_i64(const struct map *m, int64_t a, int64_t b)
{
    uint64_t h = map_mix((uint64_t)a ^ m->key.k0, (uint64_t)b ^ m->key.k1 ^ 0xc2b2ae3d27d4eb4fu);
    return map_mix(h ^ m->key.k1, 0x9e3779b97f4a7c15u);
}

typedef bool map_eq(const struct map_node *node, const void *key);
struct map_node *map_find(const struct map *m, uint64_t hash, map_eq *eq, const void *key);
/* The key must not be present. */
void map_insert(struct map *m, struct map_node *node, uint64_t hash);
void map_remove(struct map *m, struct map_node *node);

#define MAP_EACH(m, it, type, member) LIST_EACH(&(m)->order, it, type, member.order)

#endif
