/* Do two witnesses name the same records? */
#include "broker/base/fmt.h"
#include "sim/check/anomaly.h"

/* Whether a record of a transaction is gone, or only taken back, a reader of committed records cannot tell. */
static bool
are_alike(enum rule a, enum rule b)
{
    return a == b || (a == RULE_UNSEEN && b == RULE_LOST);
}

static bool
is_same(const struct anomaly *a, const struct anomaly *b)
{
    if (!are_alike(a->rule, b->rule) || a->partition != b->partition ||
        !slice_eq(a->topic, b->topic))
        return false;
    /* Of an inconsistent offset either of its records may be named. */
    if (a->rule == RULE_INCONSISTENT_OFFSET) return a->offset == b->offset;
    if (a->rule == RULE_DUPLICATE) return a->value == b->value && a->offset == b->offset;
    return a->value == b->value;
}

static bool
is_compared(const struct anomaly *a)
{
    return a->rule == RULE_LOST || a->rule == RULE_DUPLICATE || a->rule == RULE_INCONSISTENT_OFFSET;
}

static bool
has_same(const struct anomalies *all, const struct anomaly *one, int64_t from)
{
    for (int64_t i = 0; i < all->v.n; i++) {
        /* Both tell in about the same order: begin where the last one was found. */
        if (is_same(&all->v.v[(from + i) % all->v.n], one)) return true;
    }
    return false;
}

static bool
covers(const struct anomalies *a, const struct anomalies *b, const struct anomalies *perhaps,
       struct writer *w)
{
    bool all = true;
    for (int64_t i = 0; i < a->v.n; i++) {
        const struct anomaly *one = &a->v.v[i];
        if (!is_compared(one) || has_same(b, one, i) || has_same(perhaps, one, 0)) continue;
        all = false;
        fmt_str(w, "only the "), fmt_str(w, witness_spelling(one->witness));
        fmt_str(w, " says that "), fmt_slice(w, one->name), fmt_str(w, " of ");
        fmt_slice(w, one->topic), fmt_char(w, '-'), fmt_i64(w, one->partition);
        fmt_str(w, " (offset "), fmt_i64(w, one->offset), fmt_str(w, ") is ");
        fmt_str(w, rule_spelling(one->rule)), fmt_char(w, '\n');
    }
    return all;
}

bool
witnesses_agree(const struct anomalies *checker, const struct anomalies *oracle,
                const struct anomalies *perhaps, struct writer *ret_story)
{
    bool a = covers(checker, oracle, perhaps, ret_story);
    bool b = covers(oracle, checker, perhaps, ret_story);
    return a && b;
}
