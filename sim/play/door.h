/* Real ports on the loopback, one for each broker, and the connections that clients have made to them. Knows nothing of
 * the world: it turns what happens on sockets into inputs, and writes what it is given. */
#ifndef SIM_PLAY_DOOR_H
#define SIM_PLAY_DOOR_H

#include "broker/base/mem.h"
#include "sim/play/input.h"
#include "sim/play/listening.h"

struct door;

/* Listens on these ports (0: one that is free), and says which they are. NULL: port *ret_taken cannot be had, errno says
 * why. */
struct door *door_open(struct mem *mem, int32_t *ports, int32_t ports_n, int32_t *ret_taken);
void door_close(struct door *d);

/* Waits until something can be done, or so long; also for these of the caller's own, as poll() does. */
void door_wait(struct door *d, int64_t timeout_ms, struct pollfd *own, int own_n);
/* Calls take() for everything that came, without waiting. */
void door_read(struct door *d, void (*take)(void *ctx, struct input *in), void *ctx);

/* What the world says. */
void door_bytes(struct door *d, int64_t id, struct slice bytes);
void door_full(struct door *d, int64_t id, bool is_full);
void door_closed(struct door *d, int64_t id);
/* Whether this broker (from 1) is up: at the port of one that is not, connections are refused, as by a host without it. */
void door_serves(struct door *d, int32_t broker, bool is_up);
/* Connections that are open now. */
int64_t door_connections(const struct door *d);
/* Why somebody who came has to wait; 0: nobody has to. */
int door_starved_errno(const struct door *d);

#endif
