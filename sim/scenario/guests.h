/* Guests: clients outside of the world. What they asked and were told is read off their connections, as a history of its
 * own, and judged by the checker like any other: what was acknowledged is owed.
 *
 *     Produce ─► a send for each record ┐                                    ┌─ the leaders' disks, at the end
 *     its answer, when it has come ─────┴─► history ─► checker ◄─ final read ┘
 *
 * A record is known again by its producer's sequence number; one without by what it holds. A retry of the first is the
 * same send, of the second another. An error completes nothing: the client may try again, and perhaps it was done. */
#ifndef SIM_SCENARIO_GUESTS_H
#define SIM_SCENARIO_GUESTS_H

#include "sim/scenario/run_internal.h"

struct guests;

/* NULL: nobody can come from outside. */
struct guests *guests_begin(struct run *r);
/* At the end: what is wrong, in words, to ret. True: something was acknowledged, so something was promised. */
bool guests_judge(struct guests *g, struct anomalies *ret, struct run_counts *counts);
void guests_free(struct guests *g);

#endif
