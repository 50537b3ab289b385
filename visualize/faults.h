/* What was done to the cluster, in words. */
#ifndef VISUALIZE_FAULTS_H
#define VISUALIZE_FAULTS_H

#include "visualize/run.h"

/* moment.n[0] of a fault that is the test at the end of a run; of what is told beside faults: what an
 * administrator does, what becomes of groups. */
enum { FAULT_IS_TRIAL = 1, FAULT_IS_TOLD = 2 };

/* It takes a fault back. */
bool fault_is_end(const struct moment *m);
/* Whom it meets does nothing any more. */
bool fault_ends_process(const struct moment *m);
/* "the network is cut between k1 and all others" */
void fault_sentence(const struct run *r, const struct moment *m, struct writer *w);
/* "cut k1 ↔ others", for a lane */
void fault_label(const struct run *r, const struct moment *m, struct writer *w);

#endif
