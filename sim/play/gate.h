/* Machines through which clients outside of the world take part in it: one for each client.id, by that name, so that each
 * can be cut, slowed, reset or paused by itself ("outside" is of those that do not say who they are, or not in a word).
 * Each of their connections is one of its machine's to a broker, and so has latency, and can be held like any other.
 *
 *     input ──► gate_take() ──► a step of a machine ──► frames in the world's network
 *     bytes for the client ◄── gate_ops ◄── its events
 *
 * What it does follows from the inputs alone, so a replay that takes the same inputs at the same times is the same. */
#ifndef SIM_PLAY_GATE_H
#define SIM_PLAY_GATE_H

#include "broker/base/arena.h"
#include "sim/play/input.h"
#include "sim/world/world.h"

struct gate;
struct run;

/* Called within a step of the machine: they only take note. */
struct gate_ops {
    void (*bytes)(void *ctx, int64_t id, struct slice bytes);
    /* So much was not sent yet that the client is to wait; and may go on. */
    void (*full)(void *ctx, int64_t id, bool is_full);
    void (*closed)(void *ctx, int64_t id); /* the last word of a connection */
};

/* r: hears of all that passes. */
struct gate *gate_new(struct arena *a, struct run *r, struct world *w, const struct gate_ops *ops,
                      void *ctx);
/* Between two events, at the present time. Of a connection that is gone nothing is taken. */
void gate_take(struct gate *g, const struct input *in);
/* The connections that are open, as JSON objects with commas between them. */
void gate_tell(const struct gate *g, struct writer *json);

#endif
