/* Which of two things that a leader wrote of a record holds. They may reach the coordinator in the wrong order: a
 * request that was believed to be lost, and was sent again, comes when its successor is long written. */
#ifndef SHARE_PREVAILS_H
#define SHARE_PREVAILS_H

#include "broker/share/state_batches.h"

/* A later delivery's; of the same delivery what is done with. A record that is done with is never given out again,
 * so it has no later delivery. */
bool state_batch_prevails(const struct state_batch *news, const struct state_batch *known);

#endif
