/* What a share coordinator keeps of a share partition's records: runs of offsets with a state, by offset, none
 * overlapping. What is not in them, from the start offset on, was not given out or came back unharmed. */
#ifndef SHARE_STATE_BATCHES_H
#define SHARE_STATE_BATCHES_H

#include "broker/base/arena.h"

/* As Kafka numbers them. ACQUIRED is never written. */
enum delivery_state {
    DELIVERY_AVAILABLE = 0,
    DELIVERY_ACQUIRED = 1,
    DELIVERY_ACKNOWLEDGED = 2,
    DELIVERY_ARCHIVING = 3, /* waits for its dead letter */
    DELIVERY_ARCHIVED = 4,
};
static inline bool
delivery_is_done(enum delivery_state s)
{
    return s == DELIVERY_ACKNOWLEDGED || s == DELIVERY_ARCHIVED;
}
/* Whether it may stand in a record or a request. */
static inline bool
delivery_is_kept(int8_t number)
{
    return number == DELIVERY_AVAILABLE || number == DELIVERY_ACKNOWLEDGED ||
           number == DELIVERY_ARCHIVING || number == DELIVERY_ARCHIVED;
}

struct state_batch {
    int64_t first, last;
    enum delivery_state state;
    int16_t count;
};

struct state_batches {
    VEC(struct state_batch) v;
};

/* Where it meets others, by the rule in prevails.h. first <= last. */
void state_batches_put(struct state_batches *s, struct mem *mem, const struct state_batch *b);
/* Forgets what lies below. */
void state_batches_cut(struct state_batches *s, int64_t start);
void state_batches_release(struct state_batches *s, struct mem *mem);

#endif
