/* A swarm: all that a scenario does not say is drawn from the seed. Shape and settings of the cluster, topics, clients,
 * what goes wrong and how often: each seed is another small world, and most leave much out, for what is always there
 * hides what is rare. What comes of the draw is a scenario like any other: it is kept in the run's folder, runs alone
 * to the same trace, and can be shrunk. */
#ifndef SIM_SCENARIO_SWARM_H
#define SIM_SCENARIO_SWARM_H

#include "sim/scenario/tree.h"

/* Draws a document, as YAML. plan: what the scenario says itself. It is merged over the draw by whoever asks; here
 * it tells which parts need none, and which topics there are. */
struct slice swarm_draw(struct arena *a, const struct tree *plan, uint64_t seed);

#endif
