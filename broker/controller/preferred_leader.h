/* When a partition is to be given back to its first replica. Placement spreads the first replicas evenly
 * over the brokers; after each crash other brokers lead in their stead, and without this rule the load
 * would stay where the last accident left it. */
#ifndef CONTROLLER_PREFERRED_LEADER_H
#define CONTROLLER_PREFERRED_LEADER_H

#include "broker/metadata/image.h"

/* Somebody else leads it, or nobody. Whether the first replica may lead is another question:
 * leader_choice.h, ELECT_PREFERRED. */
bool preferred_leader_is_missing(struct ids replicas, int32_t leader);

#endif
