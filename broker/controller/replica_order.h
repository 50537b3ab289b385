/* A partition's replicas in another order: who is asked first when a leader is wanted. Nothing moves: KIP-455
 * makes such a reassignment complete at once. */
#ifndef CONTROLLER_REPLICA_ORDER_H
#define CONTROLLER_REPLICA_ORDER_H

#include "broker/metadata/image.h"

/* The same replicas, each once, in whatever order. */
bool replica_order_is(struct ids replicas, struct ids target);

#endif
