/* Who judges a run, and how their words become a verdict. */
#include "sim/scenario/run_internal.h"

#include "broker/base/check.h"

void
witnesses_begin(struct run *r)
{
    (void)r;
}

void
witnesses_speak(struct run *r)
{
    struct history_counts c = history_counts(r->h);
    r->ret->counts = (struct run_counts){c.produced, c.acknowledged, c.unknown, c.failed, r->final.read};
    if (c.produced && (!c.acknowledged || !r->final.read))
        run_fail(r, VERDICT_INCONCLUSIVE, "nothing was acknowledged, or nothing was read");
}

void
witnesses_free(struct run *r)
{
    (void)r;
}
