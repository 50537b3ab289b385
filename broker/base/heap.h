/* An intrusive priority queue: a 4-ary heap of nodes ordered by (key, sequence), so that equal keys
 * leave in the order in which they came and nothing depends on the heap's shape. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include "broker/base/mem.h"

struct heap_node {
    int64_t key;
    int64_t at; /* index + 1 while in a heap, 0 otherwise */
};

/* What is compared lies in the array: sifting touches only those nodes that move. */
struct heap_item {
    int64_t key;
    uint64_t seq;
    struct heap_node *node;
};

struct heap {
    struct mem *mem;
    VEC(struct heap_item) v;
    uint64_t next_seq;
};

void heap_init(struct heap *h, struct mem *mem);
void heap_release(struct heap *h);
/* The node must not be in a heap. */
void heap_push(struct heap *h, struct heap_node *n, int64_t key);
/* As heap_remove and heap_push: it comes after those with the same key. */
void heap_set(struct heap *h, struct heap_node *n, int64_t key);
/* Harmless on a node that is in no heap. */
void heap_remove(struct heap *h, struct heap_node *n);
/* NULL when empty. */
struct heap_node *heap_min(const struct heap *h);

static inline bool
heap_has(const struct heap_node *n)
{
    return n->at != 0;
}

#endif
