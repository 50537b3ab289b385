/* Who judges a run, and how their words become a verdict: the checker sees the history, the oracle the
 * truth, the invariants every step. */
#include "sim/scenario/run_internal.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/check/check.h"
#include "sim/check/invariants.h"
#include "sim/check/oracle.h"

#define REASONS_PER_RULE 3
struct witnesses {
    struct check_result checked;
    struct anomalies by_oracle;
    struct invariants *invariants;
    struct oracle *oracle;
};

void
witnesses_begin(struct run *r)
{
    struct witnesses *w = ARENA_NEW(r->a, struct witnesses);
    r->witnesses = w;
    anomalies_init(&r->ret->anomalies, r->a->mem);
    anomalies_init(&w->by_oracle, r->a->mem);
    w->invariants = invariants_new(r->a->mem);
    for (int32_t i = 0; i < r->s->topics_n; i++)
        invariants_topic(w->invariants, r->s->topics[i].name,
                         (int32_t)topic_min_isr(r, &r->s->topics[i]));
    invariants_watch(w->invariants, r->w);
    w->oracle = oracle_new(r->a->mem);
    oracle_watch(w->oracle, r->w, r->h);
}

void
witnesses_free(struct run *r)
{
    struct witnesses *w = r->witnesses;
    invariants_free(w->invariants);
    oracle_free(w->oracle);
}

/* ---- what the checker must know ---- */

static struct slice
topic_setting_of(const struct topic *t, struct slice name)
{
    for (int32_t i = 0; i < t->config.n; i++)
        if (slice_eq(t->config.v[i].name, name)) return t->config.v[i].value;
    return SLICE_NULL;
}

/* As the cluster had it: unclean elections by configuration, or seen. */
static struct check_topic
topic_facts(const struct run *r, const struct topic *t)
{
    struct slice unclean = topic_setting_of(t, S("unclean.leader.election.enable"));
    struct check_topic f = {
        .replicas = (int32_t)t->rf,
        .min_isr = (int32_t)topic_min_isr(r, t),
        .unclean = slice_eq(unclean, S("true")) ||
                   (!unclean.p && cluster_config_i64(r->s, "unclean.leader.election.enable")),
        .elr = true,
        .flush_each = slice_eq(topic_setting_of(t, S("flush.messages")), S("1"))};
    for (int64_t i = 0; i < r->truth.partitions.n; i++) {
        const struct truth_partition *p = r->truth.partitions.v[i];
        if (!slice_eq(p->topic, t->name)) continue;
        f.unclean = f.unclean || p->was_unclean;
        f.smallest_isr = f.smallest_isr ? MIN(f.smallest_isr, p->smallest_isr) : p->smallest_isr;
    }
    return f;
}

static void
add_removed(struct run *r, const struct topic *t, struct check_topic *f)
{
    int64_t *to = ARENA_ARRAY(r->a, int64_t, t->partitions + 1);
    for (int32_t i = 0; i < t->partitions; i++)
        to[i] = oracle_removed_to(r->witnesses->oracle, t->name, i);
    f->removed_to = to;
    f->removed_n = (int32_t)t->partitions;
}

static void
ask_checker(struct run *r)
{
    struct check_facts f = {.topics_n = r->s->topics_n,
                            .faults = (int32_t)r->faults,
                            .power_losses = (int32_t)r->power_losses,
                            .wipes = (int32_t)r->wipes,
                            .clients_live = true};
    struct check_topic *topics = ARENA_ARRAY(r->a, struct check_topic, r->s->topics_n + 1);
    f.topics = topics;
    for (int32_t i = 0; i < r->s->topics_n; i++) {
        int32_t at = history_topic(r->h, r->s->topics[i].name);
        if (at >= r->s->topics_n) continue;
        topics[at] = topic_facts(r, &r->s->topics[i]);
        add_removed(r, &r->s->topics[i], &topics[at]);
    }
    check_history(r->a->mem, r->h, &f, &r->witnesses->checked);
}

/* ---- into one list ---- */

static bool
names(const struct slice *v, int32_t n, enum rule rule)
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

static void
gather(struct run *r, const struct anomalies *from)
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
        int64_t v[] = {a->at_ns, a->offset, a->allowed, (int64_t)a->witness};
        world_say(r->w, S("anomaly"), writer_slice(&w), a->story, NULL, v, 4);
    }
}

/* Where checker and oracle speak of the same (and they must agree), the checker knows what the configuration
 * permits; the oracle alone knows that a loss was needless. */
static bool
counts_against(const struct anomaly *a)
{
    return a->witness != WITNESS_ORACLE || a->loss == LOSS_BUG;
}

static void
judge_rule(struct run *r, enum rule rule)
{
    const struct anomalies *all = &r->ret->anomalies;
    int64_t count = 0;
    if (names(r->s->may, r->s->may_n, rule)) return;
    /* What must fail must fail because the configuration permits it; where none does, any such is meant. */
    if (must_fail_of(r, rule) && !permission_exists(rule)) return;
    for (int64_t i = 0; i < all->v.n; i++) {
        const struct anomaly *a = &all->v.v[i];
        if (a->rule != rule || a->allowed || !counts_against(a)) continue;
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

static void
judge_must_fail(struct run *r, const struct must_fail *m)
{
    const struct anomalies *all = &r->ret->anomalies;
    enum rule rule;
    int64_t counts[3] = {0};
    const struct anomaly *first = NULL, *last = NULL, *cause = NULL, *unexplained = NULL;
    if (!rule_find(m->rule, &rule)) return;
    for (int64_t i = 0; i < all->v.n; i++) {
        const struct anomaly *a = &all->v.v[i];
        if (a->rule != rule) continue;
        counts[a->witness]++;
        if (a->witness != WITNESS_ORACLE) first = first ? first : a, last = a;
        if (!tells_causes(a)) continue;
        if (!cause) cause = a;
        if (!unexplained && !contains_in_order(a->story, m->explains, m->explains_n))
            unexplained = a;
    }
    int64_t count = MAX(counts[WITNESS_CHECKER], counts[WITNESS_INVARIANT]);
    bool oracle_too = !knows(WITNESS_ORACLE, rule) || counts[WITNESS_ORACLE] == count;
    if (count < m->min || (m->max && count > m->max)) {
        run_fail(r, VERDICT_FAIL, "must-fail did not fail: %.*s was seen %d times, not %d%s",
                 SARG(m->rule), (int)count, (int)(count < m->min ? m->min : m->max),
                 count < m->min ? " or more" : " or less");
    } else if (!oracle_too && r->is_read) {
        run_fail(r, VERDICT_DISAGREE, "%.*s: the checker names %d, the oracle %d", SARG(m->rule),
                 (int)count, (int)counts[WITNESS_ORACLE]);
    } else if (unexplained) {
        run_fail(r, VERDICT_FAIL,
                 "the story of a record does not name the causes that were expected (%.*s): %.*s",
                 SARG(unexplained->name), SARG(on_one_line(r, unexplained->story)));
    } else if (first) {
        confirm(r, m, first, last, cause, count);
    }
}

/* ---- the history, for the pictures ---- */

static void
say_call(struct run *r, const struct history_op *op)
{
    enum { VIEW_SEND, VIEW_POLL };
    if (op->kind != HISTORY_SEND && (op->kind != HISTORY_POLL || !op->reads_n)) return;
    char text[64], subject[300];
    struct writer w = writer_fixed(text, sizeof text), s = writer_fixed(subject, sizeof subject);
    int64_t first = op->reads_n ? history_reads(r->h, op)->offset : op->offset;
    int64_t outcome = op->outcome == HISTORY_OK ? 0 : op->outcome == HISTORY_FAIL ? 1 : 2;
    if (op->kind == HISTORY_SEND) history_value_print(r->h, op->value, &w);
    fmt_slice(&s, history_topic_name(r->h, op->topic));
    if (op->partition >= 0) fmt_char(&s, '-'), fmt_i64(&s, op->partition);
    int64_t v[] = {op->kind == HISTORY_SEND ? VIEW_SEND : VIEW_POLL,
                   outcome,
                   first,
                   op->invoke_ns,
                   op->complete_ns,
                   op->error,
                   op->acks,
                   op->reads_n};
    world_say(r->w, S("history"), writer_slice(&s), writer_slice(&w),
              world_machine(r->w, history_process_name(r->h, op->process)), v, 8);
}

/* ---- all ---- */

void
witnesses_speak(struct run *r)
{
    struct witnesses *w = r->witnesses;
    struct run_result *ret = r->ret;
    ask_checker(r);
    struct history_counts c = w->checked.counts;
    ret->counts =
        (struct run_counts){c.produced, c.acknowledged, c.unknown, c.failed, w->checked.read};
    for (int64_t i = 0; r->trace && i < r->h->ops.n; i++) say_call(r, &r->h->ops.v[i]);
    gather(r, &w->checked.anomalies);
    struct writer story = writer_mem(r->a->mem);
    oracle_finish(w->oracle, &w->by_oracle);
    gather(r, &w->by_oracle);
    /* Who could not read to the end cannot say what is not there; the run has failed for that already. */
    if (r->is_read && !witnesses_agree(&w->checked.anomalies, &w->by_oracle, &story)) {
        struct slice text = writer_slice(&story);
        run_fail(r, VERDICT_DISAGREE, "checker and oracle disagree: %.*s", SARG(text));
    }
    writer_release(&story);
    gather(r, invariants_anomalies(w->invariants));
    for (int i = 0; i < RULES_N; i++) judge_rule(r, (enum rule)i);
    for (int32_t i = 0; i < r->s->must_fail_n; i++) judge_must_fail(r, &r->s->must_fail[i]);
    if (!w->checked.is_conclusive)
        run_fail(r, VERDICT_INCONCLUSIVE,
                 "nothing was acknowledged, or nothing was read: this proves nothing");
    int64_t v[] = {c.produced, c.acknowledged, c.unknown, c.failed, w->checked.read};
    world_say(r->w, S("verdict"), slice_cstr(verdict_text(ret->verdict)),
              ret->reasons.v.n        ? ret->reasons.v.v[0].text
              : r->s->must_fail_n > 0 ? S("it lost what it must, and nothing else went wrong")
                                      : S("all that must hold held"),
              NULL, v, 5);
}
