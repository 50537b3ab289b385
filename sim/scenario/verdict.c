/* How the words of the witnesses become a verdict: into one list, each with its excuse; which rules may fire and which have; and the
 * failures that must be there. */
#include "sim/scenario/witness_own.h"

#define REASONS_PER_RULE 3

/* ---- into one list ---- */

static bool
rules_name(const struct slice *v, int32_t n, enum rule rule)
{
    for (int32_t i = 0; i < n; i++)
        if (slice_eq(v[i], slice_cstr(rule_spelling(rule)))) return true;
    return false;
}

static const struct must_fail *
must_fail_of(const struct run *r, enum rule rule)
{
    for (int32_t i = 0; i < r->s->must_fail_n; i++)
        if (slice_eq(r->s->must_fail[i].rule, slice_cstr(rule_spelling(rule))))
            return &r->s->must_fail[i];
    return NULL;
}

/* Number of the excuse, from 1: what the same excuses is told in one line of the story. The words that count are the
 * checker's; of a record that both name, the oracle's come to the same. */
static int64_t
excuse_number(struct run *r, const struct anomaly *a, int64_t at)
{
    const struct anomalies *by = &r->witnesses->checked.anomalies;
    struct slice why = a->witness == WITNESS_CHECKER ? a->why : SLICE_NULL;
    /* Both tell in about the same order: begin where this one would be. */
    for (int64_t i = 0; a->witness == WITNESS_ORACLE && i < by->v.n; i++) {
        const struct anomaly *b = &by->v.v[(at + i) % by->v.n];
        if (b->rule != a->rule || b->partition != a->partition || b->value != a->value ||
            !slice_eq(b->topic, a->topic))
            continue;
        why = b->why;
        break;
    }
    if (!why.n) return 0;
    struct words *all = &r->witnesses->excuses;
    for (int64_t i = 0; i < all->v.n; i++)
        if (slice_eq(all->v.v[i], why)) return i + 1;
    words_add(all, why);
    return all->v.n;
}

void
gather_anomalies(struct run *r, const struct anomalies *from)
{
    for (int64_t i = 0; i < from->v.n; i++) {
        const struct anomaly *a = &from->v.v[i];
        anomalies_add(&r->ret->anomalies, a);
        char subject[160];
        struct writer w = writer_fixed(subject, sizeof subject);
        fmt_str(&w, rule_spelling(a->rule));
        if (a->topic.n)
            fmt_char(&w, ' '), fmt_slice(&w, a->topic), fmt_char(&w, '-'),
                fmt_i64(&w, a->partition);
        int64_t v[] = {a->at_ns, a->offset, a->allowed, (int64_t)a->witness,
                       r->trace ? excuse_number(r, a, i) : 0};
        world_say(r->w, S("anomaly"), writer_slice(&w), a->story, NULL, v, 5);
    }
}

/* Where checker and oracle speak of the same (and they must agree), the checker knows what the configuration
 * permits; the oracle alone knows that a loss was needless. */
static bool
counts_against(const struct anomaly *a)
{
    return a->witness != WITNESS_ORACLE || a->loss == LOSS_BUG;
}

bool
is_permitted_to_fire(const struct run *r, enum rule rule)
{
    return rules_name(r->s->may, r->s->may_n, rule) ||
           (must_fail_of(r, rule) && !permission_exists(rule));
}

void
judge_rule(struct run *r, enum rule rule)
{
    const struct anomalies *all = &r->ret->anomalies;
    int64_t count = 0;
    /* What must fail must fail because the configuration permits it; where none does, any such is meant. */
    if (is_permitted_to_fire(r, rule)) return;
    for (int64_t i = 0; i < all->v.n; i++) {
        const struct anomaly *a = &all->v.v[i];
        bool allowed = a->allowed && !rules_name(r->s->never, r->s->never_n, rule);
        if (a->rule != rule || allowed || !counts_against(a)) continue;
        if (++count <= REASONS_PER_RULE)
            run_fail(r, VERDICT_FAIL, "%s (%s): %.*s", rule_spelling(rule),
                     witness_spelling(a->witness), SARG(a->story));
    }
    if (count > REASONS_PER_RULE)
        run_fail(r, VERDICT_FAIL, "%s: %d in all", rule_spelling(rule), (int)count);
    if (count) VEC_PUSH(r->a->mem, &r->ret->fired, slice_cstr(rule_spelling(rule)));
}

/* ---- failures that must be ---- */

static bool
contains_in_order(struct slice story, const struct slice *words, int32_t n)
{
    int64_t at = 0;
    for (int32_t i = 0; i < n; i++) {
        for (;; at++) {
            if (at + words[i].n > story.n) return false;
            if (slice_eq(slice_sub(story, at, words[i].n), words[i])) break;
        }
        at += words[i].n;
    }
    return true;
}

static bool
knows(enum witness w, enum rule rule)
{
    if (w == WITNESS_ORACLE)
        return rule == RULE_LOST || rule == RULE_DUPLICATE || rule == RULE_INCONSISTENT_OFFSET;
    return true;
}

/* The causes are the oracle's to tell; of what it does not know, whoever told it. */
static bool
tells_causes(const struct anomaly *a)
{
    return knows(WITNESS_ORACLE, a->rule) == (a->witness == WITNESS_ORACLE);
}

/* "2.400s acknowledged …, 2.484s crash of b1, …" */
static struct slice
on_one_line(struct run *r, struct slice story)
{
    struct writer w = writer_mem(r->a->mem);
    for (int64_t i = 0; i < story.n; i++) {
        if (story.p[i] == '\n') fmt_str(&w, ", ");
        else fmt_char(&w, (char)story.p[i]);
    }
    struct slice s = arena_dup(r->a, writer_slice(&w));
    writer_release(&w);
    return s;
}

/* "p1:17"; of what is no record, where it was seen. */
static struct slice
subject_of(struct run *r, const struct anomaly *a)
{
    struct slice rule = slice_cstr(rule_spelling(a->rule));
    if (a->name.n) return a->name;
    if (!a->topic.n) return rule;
    if (a->offset < 0)
        return arena_format(r->a, "%.*s in %.*s-%d", SARG(rule), SARG(a->topic), a->partition);
    return arena_format(r->a, "%.*s in %.*s-%d at offset %lld", SARG(rule), SARG(a->topic),
                        a->partition, (long long)a->offset);
}

static struct slice
causes_of(struct run *r, const struct must_fail *m)
{
    struct slice all = SLICE_EMPTY;
    for (int32_t i = 0; i < m->explains_n; i++)
        all = arena_format(r->a, "%.*s%s%.*s", SARG(all), i ? " … " : "", SARG(m->explains[i]));
    return all;
}

static void
confirm(struct run *r, const struct must_fail *m, const struct anomaly *first,
        const struct anomaly *last, const struct anomaly *cause, int64_t count)
{
    struct slice which =
        !first->name.n ? SLICE_EMPTY
        : count == 1   ? arena_format(r->a, " (%.*s)", SARG(first->name))
                       : arena_format(r->a, " (%.*s to %.*s)", SARG(first->name), SARG(last->name));
    struct slice because =
        cause && cause != first
            ? arena_format(r->a, "\n  because: %.*s", SARG(on_one_line(r, cause->story)))
            : SLICE_EMPTY;
    struct line l = {run_now(r),
                     arena_format(r->a, "%.*s: %d records%.*s; %.*s%.*s", SARG(m->rule), (int)count,
                                  SARG(which), SARG(first->story), SARG(because))};
    VEC_PUSH(r->a->mem, &r->ret->confirmed.v, l);
}

void
judge_must_fail(struct run *r, const struct must_fail *m)
{
    const struct anomalies *all = &r->ret->anomalies;
    enum rule rule;
    int64_t counts[3] = {0}, by_trial = 0;
    const struct anomaly *first = NULL, *last = NULL, *cause = NULL, *unexplained = NULL;
    if (!rule_find(m->rule, &rule)) return;
    for (int64_t i = 0; i < all->v.n; i++) {
        const struct anomaly *a = &all->v.v[i];
        if (a->rule != rule || a->is_of_guest) continue;
        counts[a->witness]++;
        if (a->witness != WITNESS_ORACLE) first = first ? first : a, last = a;
        if (!tells_causes(a)) continue;
        /* What the last test itself broke (it may cut off a leader that has an acks=1 record alone) is neither
         * what the scenario shows nor a failure. */
        if (r->trial_ns && a->cause_ns >= r->trial_ns) {
            by_trial++;
            continue;
        }
        if (!cause) cause = a;
        if (!unexplained && !contains_in_order(a->story, m->explains, m->explains_n))
            unexplained = a;
    }
    int64_t count = MAX(counts[WITNESS_CHECKER], counts[WITNESS_INVARIANT]);
    bool oracle_too = !knows(WITNESS_ORACLE, rule) || counts[WITNESS_ORACLE] == count;
    if (count - by_trial < m->min || (m->max && count - by_trial > m->max)) {
        run_fail(r, VERDICT_FAIL, "must-fail did not fail: %.*s was seen %d times, not %d%s",
                 SARG(m->rule), (int)(count - by_trial),
                 (int)(count - by_trial < m->min ? m->min : m->max),
                 count - by_trial < m->min ? " or more" : " or less");
    } else if (!oracle_too && r->is_read) {
        run_fail(r, VERDICT_DISAGREE, "%.*s: the checker names %d, the oracle %d", SARG(m->rule),
                 (int)count, (int)counts[WITNESS_ORACLE]);
    } else if (unexplained) {
        run_fail(r, VERDICT_FAIL,
                 "the story of %.*s does not name the causes that were expected, \"%.*s\": %.*s",
                 SARG(subject_of(r, unexplained)), SARG(causes_of(r, m)),
                 SARG(on_one_line(r, unexplained->story)));
    } else if (first) {
        confirm(r, m, first, last, cause, count);
    }
}
