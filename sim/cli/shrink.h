/* Makes a failing scenario small: takes away what the failure does not need, then makes what is left simpler.
 * It knows the format and nothing of runs: whether a candidate still fails in the same way is asked of
 * `fails`. The same answers give the same result. */
#ifndef SIM_CLI_SHRINK_H
#define SIM_CLI_SHRINK_H

#include "sim/scenario/tree.h"

struct shrink {
    struct arena *a;
    struct tree *best; /* at the beginning the scenario that fails; never changed in place */
    /* Loaded, linted and run, `candidate` fails as the first did. False, too, when there is no time left. */
    bool (*fails)(void *ctx, const struct tree *candidate);
    void *ctx;
};

/* One round; true: something was found to go or to become simpler, and another round may find more. */
bool shrink_round(struct shrink *k);

/* Puts these steps (YAML, a flow map each) in place of `random`. False: they do not read. */
bool shrink_put_steps(struct arena *a, struct tree *doc, const struct slice *steps, int64_t n);

int64_t shrink_steps_n(const struct tree *doc);
/* The document without this step and those that name it. */
struct tree *shrink_without_step(struct arena *a, const struct tree *doc, int64_t step);

#endif
