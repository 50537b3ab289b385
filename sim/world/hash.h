/* The rolling hash of a run: every delivered event and every queued effect, never a note. Two runs
 * that differ in anything a machine saw or asked for differ here. Not a defence against anybody: only
 * fast, the same on every compiler, and sensitive to order. */
#ifndef SIM_WORLD_HASH_H
#define SIM_WORLD_HASH_H

#include "broker/env/env.h"

struct run_hash {
    uint64_t h;
    bool on;
};

/* What names an event: the ordinal of the operation, or the handle of the connection. */
uint64_t event_ordinal(const struct event *ev);
void hash_event(struct run_hash *h, int64_t at_ns, int32_t machine, const struct event *ev);
/* A start (of which incarnation) or an order from outside. */
void hash_mark(struct run_hash *h, int64_t at_ns, int32_t machine, int64_t what);
void hash_effects(struct run_hash *h, const struct env *env);

#endif
