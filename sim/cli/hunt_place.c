/* The bucket of a run that did not pass: "lost, unreadable of orders after crash", or the CHECK that failed, or the
 * first reason with its numbers left out. Two seeds that found the same should meet here; two faults that
 * differ in rule, topic or cause should not. */
#include "broker/base/fmt.h"
#include "broker/env/notes.h"
#include "sim/cli/hunt.h"
#include "sim/scenario/table.h"

bool
hunt_is_twice(uint64_t seed)
{
    return ((seed * 0x9e3779b97f4a7c15ULL) >> 32) % 50 == 0;
}

/* Of the text's random fault; -1: it tells of none. */
static int32_t
fault_told(struct slice text)
{
    static const struct {
        const char *said, *kind;
    } others[] = {{"the disk of ", "slow-disk"}, {"the clock of ", "clock"}};
    struct slice word = slice_sub(text, 0, MAX(slice_find(text, ' ', 0), 0));
    for (int i = 0; i < ARRAY_LEN(others); i++)
        if (slice_starts(text, slice_cstr(others[i].said))) word = slice_cstr(others[i].kind);
    for (int32_t i = 0; i < nemesis_faults_n; i++)
        if (slice_eq(word, slice_cstr(nemesis_faults[i].name))) return i;
    return -1;
}

void
marks_of_run(const struct run_result *r, struct marks *ret)
{
    *ret = (struct marks){.notes = r->notes_seen, .faults = r->faults_drawn};
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

struct spot {
    struct slice topic;
    int64_t at_ns; /* 0: not known */
};

static struct spot
first_spot(const struct run_result *r)
{
    struct spot s = {SLICE_EMPTY, 0};
    for (int64_t i = 0; i < r->anomalies.v.n; i++) {
        const struct anomaly *x = &r->anomalies.v.v[i];
        if (!has_fired(r, x->rule)) continue;
        if (!s.topic.n && !x->allowed) s.topic = x->topic;
        int64_t at = moment_of(x);
        if (at && (!s.at_ns || at < s.at_ns)) s.at_ns = at;
    }
    return s;
}

static const char *
last_fault_before(const struct run_result *r, int64_t at_ns)
{
    const char *name = NULL;
    for (int64_t i = 0; i < r->story.v.n; i++) {
        const struct line *l = &r->story.v.v[i];
        int32_t kind = fault_told(l->text);
        if (l->at_ns + r->begin_ns > at_ns) break;
        if (kind >= 0) name = nemesis_faults[kind].name;
    }
    return name;
}

static void
put_rules(const struct run_result *r, struct writer *w)
{
    struct spot s = first_spot(r);
    const char *fault = s.at_ns ? last_fault_before(r, s.at_ns) : NULL;
    for (int64_t i = 0; i < r->fired.n; i++) {
        if (i) fmt_str(w, ", ");
        fmt_slice(w, r->fired.v[i]);
    }
    if (s.topic.n) fmt_str(w, " of "), fmt_slice(w, s.topic);
    if (fault) fmt_str(w, " after "), fmt_str(w, fault);
}

/* Runs of digits become N. */
static void
put_without_numbers(struct slice text, struct writer *w)
{
    bool in_number = false;
    for (int64_t i = 0; i < text.n; i++) {
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
        put_rules(r, &w);
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
