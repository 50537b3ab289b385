/* What the invariants have told: one anomaly, which one and in which words; or nothing. */
#ifndef TESTS_UNIT_CHECK_TOLD_H
#define TESTS_UNIT_CHECK_TOLD_H

#include "sim/check/invariants.h"
#include "tests/lib/test.h"

static inline void
told_one(const struct invariants *v, enum rule rule, struct slice story)
{
    const struct anomalies *a = invariants_anomalies(v);
    assert_int_equal(a->v.n, 1);
    assert_string_equal(rule_spelling(a->v.v[0].rule), rule_spelling(rule));
    assert_true(slice_eq(a->v.v[0].story, story));
}

static inline void
told_nothing(const struct invariants *v)
{
    assert_int_equal(invariants_anomalies(v)->v.n, 0);
}

#endif
