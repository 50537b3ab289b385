/* What happens when, in the order of time; what is due at the same instant, in the order in which it was armed.
 *
 * Nearly all of it is due within some milliseconds (segments, operations of disks): that lies in slots, each as long as
 * SLOT_NS, with a bit for each that is not empty, so that arming and finding what is next take a few instructions however
 * much there is. What is due later, time-outs mostly, lies in a heap, and is taken from there when its time has come. */
#ifndef SIM_WORLD_QUEUE_H
#define SIM_WORLD_QUEUE_H

#include "broker/base/heap.h"

struct world;

/* Something that will happen. Embedded in what it happens to. */
struct entry {
    struct heap_node node; /* the key: when */
    struct list slot;
    struct list frozen; /* among a paused machine's */
    void (*fire)(struct world *w, struct entry *e);
};

#define SLOTS 64

struct queue {
    struct list slots[SLOTS]; /* each in order */
    uint64_t used;            /* a bit for each slot that is not empty */
    struct heap later;
};

void queue_init(struct queue *q, struct mem *mem);
/* Of an entry that is queued: anew, behind what is due at that time. at_ns >= now_ns, which never goes back. */
void queue_arm(struct queue *q, struct entry *e, int64_t at_ns, int64_t now_ns);
/* It is queued. */
void queue_take_out(struct queue *q, struct entry *e);
/* NULL: there is nothing. */
struct entry *queue_first(const struct queue *q, int64_t now_ns);

static inline bool
entry_is_armed(const struct entry *e)
{
    return heap_has(&e->node) || list_is_linked(&e->slot);
}
static inline int64_t
entry_due_ns(const struct entry *e)
{
    return e->node.key;
}
/* Harmless when it is not queued. */
static inline void
queue_disarm(struct queue *q, struct entry *e)
{
    if (entry_is_armed(e)) queue_take_out(q, e);
}

#endif
