#include "sim/world/queue.h"

#define SLOT_BITS 17
#define SLOT_NS (1ULL << SLOT_BITS)

void
queue_init(struct queue *q, struct mem *mem)
{
    for (int i = 0; i < SLOTS; i++) list_init(&q->slots[i]);
    q->used = 0;
    heap_init(&q->later, mem);
}

static int
slot_at(int64_t at_ns)
{
    return (int)((uint64_t)at_ns / SLOT_NS % SLOTS);
}

void
queue_arm(struct queue *q, struct entry *e, int64_t at_ns, int64_t now_ns)
{
    queue_disarm(q, e);
    if ((uint64_t)at_ns / SLOT_NS - (uint64_t)now_ns / SLOT_NS >= SLOTS) {
        heap_push(&q->later, &e->node, at_ns);
        return;
    }
    e->node.key = at_ns;
    struct list *slot = &q->slots[slot_at(at_ns)], *after = slot->prev;
    while (after != slot && entry_due_ns(LIST_ENTRY(after, struct entry, slot)) > at_ns)
        after = after->prev;
    list_insert_before(after->next, &e->slot);
    q->used |= 1ULL << slot_at(at_ns);
}

void
queue_take_out(struct queue *q, struct entry *e)
{
    if (heap_has(&e->node)) {
        heap_remove(&q->later, &e->node);
        return;
    }
    int slot = slot_at(entry_due_ns(e));
    list_remove(&e->slot);
    if (list_is_empty(&q->slots[slot])) q->used &= ~(1ULL << slot);
}

struct entry *
queue_first(const struct queue *q, int64_t now_ns)
{
    struct heap_node *n = heap_min(&q->later);
    struct entry *later = n ? CONTAINER_OF(n, struct entry, node) : NULL;
    if (!q->used) return later;
    /* The slots from now's on: none is older, for nothing is left behind. */
    int now = slot_at(now_ns);
    uint64_t used = q->used >> now | q->used << (SLOTS - now) % SLOTS;
    struct entry *soon =
        LIST_FIRST(&q->slots[(now + __builtin_ctzll(used)) % SLOTS], struct entry, slot);
    /* What lies in the heap was armed before what came into a slot for the same instant. */
    return later && entry_due_ns(later) <= entry_due_ns(soon) ? later : soon;
}
