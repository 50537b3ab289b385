/* Dead letters, read out of their topic: each is about a record of another. */
#ifndef SIM_WORKLOAD_LETTERS_H
#define SIM_WORKLOAD_LETTERS_H

#include "sim/workload/read.h"

/* Each into the history, malformed ones as corrupt; and a poll with what else was written there. Returns how many. */
int64_t letters_note_poll(const struct reading_of *r, struct env *env, const struct polled *p);

#endif
