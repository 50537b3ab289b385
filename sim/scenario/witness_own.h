/* What the parts of the witnesses' bench share: what they are told and ask (witness.c), what the checker must know
 * (witness_facts.c), and what becomes of their words (verdict.c). */
#ifndef SIM_SCENARIO_WITNESS_OWN_H
#define SIM_SCENARIO_WITNESS_OWN_H

#include "sim/check/invariants.h"
#include "sim/check/oracle.h"
#include "sim/scenario/run_internal.h"

#define NEVER_MS \
    (INT64_MAX / NS_PER_MS / 4) /* what is longer is not waited for, and could overflow */

/* min.insync.replicas was changed while it ran; topic null: of all that say nothing. */
struct terms_change {
    struct slice topic;
    int32_t n;
};

struct witnesses {
    struct check_result checked;
    struct anomalies by_oracle;
    struct invariants *invariants;
    struct oracle *oracle;
    VEC(struct terms_change) min_isrs;
    VEC(int64_t) letters_since_ns, earliest_since_ns; /* by group of the history */
    struct words excuses; /* different ones, in the order in which they were told */
    void (*hear)(void *ctx, const struct history_op *op, bool is_complete); /* the oracle's ears */
    void *hear_ctx;
};

/* witness_facts.c */
/* As the topic says, or else the cluster; INT64_MAX: nothing. */
int64_t witness_number_of(const struct run *r, const struct topic *t, const char *topics,
                          const char *clusters);
/* Within what a scenario lasts. */
bool witness_tombstones_go(const struct run *r, const struct topic *t);
void witness_ask_checker(struct run *r);

/* verdict.c */
/* Into the run's list, each with its excuse; `from` stays the caller's. */
void gather_anomalies(struct run *r, const struct anomalies *from);
void judge_rule(struct run *r, enum rule rule);
void judge_must_fail(struct run *r, const struct must_fail *m);

#endif
