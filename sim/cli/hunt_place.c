/* The bucket of a run that did not pass: the rule that was broken first and where ("lost", "quorum-majority of
 * __cluster_metadata"), or the CHECK that failed, or the first line of the first reason with its numbers left out. Two
 * seeds that found the same must meet here: it is better to look into a bucket twice than to look for the one mistake
 * behind ten. */
#include "broker/base/fmt.h"
#include "broker/env/notes.h"
#include "sim/cli/hunt.h"

bool
hunt_is_twice(uint64_t seed)
{
    return ((seed * 0x9e3779b97f4a7c15ULL) >> 32) % 50 == 0;
}

static bool
has_fired(const struct run_result *r, enum rule rule)
{
    for (int64_t i = 0; i < r->fired.n; i++)
        if (slice_eq(r->fired.v[i], slice_cstr(rule_spelling(rule)))) return true;
    return false;
}

/* When it went wrong, and not when it was noticed at the end; 0: nobody knows. */
static int64_t
moment_of(const struct anomaly *x)
{
    if (x->cause_ns) return x->cause_ns;
    return x->witness == WITNESS_INVARIANT ? x->at_ns : 0;
}

static bool
is_before(const struct anomaly *x, const struct anomaly *y)
{
    int64_t x_at = moment_of(x), y_at = moment_of(y);
    if (x_at == y_at) return x->rule < y->rule;
    return x_at && (!y_at || x_at < y_at);
}

/* What one mistake of a broker breaks first; what else fires, and after which fault, differs from seed to seed. */
static const struct anomaly *
first_to_fire(const struct run_result *r)
{
    const struct anomaly *first = NULL;
    for (int64_t i = 0; i < r->anomalies.v.n; i++) {
        const struct anomaly *x = &r->anomalies.v.v[i];
        if (x->allowed || !has_fired(r, x->rule)) continue;
        if (!first || is_before(x, first)) first = x;
    }
    return first;
}

/* The cluster's own topics are places of their own; what a scenario calls its topics is not. */
static void
put_rule(const struct run_result *r, struct writer *w)
{
    const struct anomaly *first = first_to_fire(r);
    if (first) fmt_str(w, rule_spelling(first->rule));
    else fmt_slice(w, r->fired.v[0]);
    if (first && slice_starts(first->topic, S("__")))
        fmt_str(w, " of "), fmt_slice(w, first->topic);
}

/* The first line; runs of digits become N. */
static void
put_without_numbers(struct slice text, struct writer *w)
{
    bool in_number = false;
    for (int64_t i = 0; i < text.n && text.p[i] != '\n'; i++) {
        bool digit = text.p[i] >= '0' && text.p[i] <= '9';
        if (digit && !in_number) fmt_char(w, 'N');
        if (!digit) fmt_char(w, (char)text.p[i]);
        in_number = digit;
    }
}

static bool
tells_of_check(struct slice text)
{
    struct slice words = S("CHECK failed");
    for (int64_t i = 0; i + words.n <= text.n; i++)
        if (slice_eq(slice_sub(text, i, words.n), words)) return true;
    return false;
}

/* At most HUNT_KEY_MAX bytes, and no half of a character. */
static struct slice
cut_short(struct slice s)
{
    int64_t n = MIN(s.n, HUNT_KEY_MAX);
    while (n > 0 && n < s.n && (s.p[n] & 0xc0) == 0x80) n--;
    return slice_sub(s, 0, n);
}

struct slice
hunt_place(struct arena *a, const struct run_result *r)
{
    struct slice reason = r->reasons.v.n ? r->reasons.v.v[0].text : S("for no reason that is told");
    struct writer w = writer_mem(a->mem);
    if (r->verdict == VERDICT_FAIL && r->fired.n) {
        put_rule(r, &w);
    } else {
        fmt_str(&w, verdict_text(r->verdict));
        if (r->verdict != VERDICT_NONDETERMINISTIC) {
            fmt_str(&w, ": ");
            if (tells_of_check(reason)) fmt_slice(&w, reason);
            else put_without_numbers(reason, &w);
        }
    }
    struct slice key = cut_short(arena_dup(a, writer_slice(&w)));
    writer_release(&w);
    return key;
}
