/* Which settings of a node fit together: a pure function of its configuration, with the rules of Apache
 * Kafka 4.4 about values that stand in relation to each other. What a single value may be is in the schema's
 * ranges; what listeners and quorum need is checked where they are made (listeners.c). */
#ifndef NODE_SETTINGS_FIT_H
#define NODE_SETTINGS_FIT_H

#include "broker/protocol/config.h"

/* false: one sentence in `why` that names the settings and their values. */
bool settings_fit(const struct config *c, struct writer *why);
/* What fits, but will not go well: one sentence; false: nothing to say. */
bool settings_advise(const struct config *c, struct writer *advice);

#endif
