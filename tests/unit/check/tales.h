/* Tales with one thing wrong, for tests of the invariants: ten records on b1, which leads, b2 and b3. */
#ifndef TESTS_UNIT_CHECK_TALES_H
#define TESTS_UNIT_CHECK_TALES_H

#include <stdio.h>

#include "tests/unit/check/streams.h"

static inline void
settle(struct tale *s)
{
    tale_begin(s, false);
    for (int64_t i = 0; i < 10; i++) produce(s, 0, i, 0, 7, -1);
}

/* Of the record that was produced last. */
static inline uint32_t
last_crc(const struct tale *s)
{
    return (uint32_t)s->h.ops.v[s->h.ops.n - 1].value * 7;
}

static inline void
assert_told(struct tale *s, enum rule rule)
{
    const struct anomalies *a = invariants_anomalies(s->v);
    for (int64_t i = 0; i < a->v.n; i++)
        if (a->v.n != 1)
            printf("  %s: %.*s\n", rule_spelling(a->v.v[i].rule), (int)a->v.v[i].story.n,
                   (const char *)a->v.v[i].story.p);
    assert_int_equal(a->v.n, 1);
    assert_string_equal(rule_spelling(a->v.v[0].rule), rule_spelling(rule));
    tale_end(s);
}

static inline void
assert_silent(struct tale *s)
{
    assert_int_equal(invariants_anomalies(s->v)->v.n, 0);
    tale_end(s);
}

static inline void
uncleanly_elected(struct tale *s)
{
    decide(s, 1, 0, 1, false, S("replicas=1,2,3 isr=1,3 elr= last="));
    decide(s, 2, 1, 2, true, S("replicas=1,2,3 isr=2 elr= last="));
    role(s, 1, LEADER, 2, 1);
    append(s, 1, 7, 1, 700, true);
    high_watermark(s, 1, 8, 1, true);
}

#define BEGIN \
    (void)state; \
    struct tale s; \
    settle(&s)

#endif
