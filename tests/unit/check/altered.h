/* A correct history, line by line, and the same with one line altered: what the checker makes of it. Whoever includes this has the
 * lines before it, in `good`. */
#ifndef TESTS_UNIT_CHECK_ALTERED_H
#define TESTS_UNIT_CHECK_ALTERED_H

#include "sim/check/check.h"
#include "tests/lib/test.h"

struct judged {
    struct mem mem;
    struct history h;
    struct check_result r;
};

static inline int64_t
never(void *ctx)
{
    (void)ctx;
    return 0;
}

/* A line instead of another one; \n behind it and there are more. NULL: it is left out. */
static inline void
judge(struct judged *j, int at, const char *instead, const struct check_facts *facts)
{
    static const struct check_facts none;
    char text[8192];
    struct writer w = writer_fixed(text, sizeof text);
    test_mem_init(&j->mem);
    history_init(&j->h, &j->mem, never, NULL);
    for (int i = 0; i < (int)(sizeof good / sizeof *good); i++) {
        const char *line = i == at ? instead : good[i];
        if (!line) continue;
        writer_bytes(&w, slice_cstr(line));
        writer_i8(&w, '\n');
    }
    assert_false(w.err);
    assert_int_equal(history_parse(&j->h, writer_slice(&w)), 0);
    check_history(&j->mem, &j->h, facts ? facts : &none, &j->r);
}

static inline void
done(struct judged *j)
{
    check_result_release(&j->r);
    history_release(&j->h);
    mem_release(&j->mem);
}

/* There are n of this rule, and nothing else that is not of the other one (NULL: none). */
static inline void
gives_besides(int at, const char *instead, const struct check_facts *facts, enum rule rule,
              int64_t n, bool allowed, const enum rule *other)
{
    struct judged j;
    judge(&j, at, instead, facts);
    int64_t found = 0;
    for (int64_t i = 0; i < j.r.anomalies.v.n; i++) {
        const struct anomaly *a = &j.r.anomalies.v.v[i];
        bool is_it = a->rule == rule && a->allowed == allowed;
        found += is_it;
        if (!is_it && !(other && a->rule == *other))
            fail_msg("%s%s: %.*s", rule_spelling(a->rule), a->allowed ? " (allowed)" : "",
                     (int)a->story.n, (const char *)a->story.p);
    }
    assert_int_equal(found, n);
    done(&j);
}

static inline void
gives(int at, const char *instead, const struct check_facts *facts, enum rule rule, int64_t n,
      bool allowed)
{
    gives_besides(at, instead, facts, rule, n, allowed, NULL);
}

#endif
