/* What became of transactions: the first of each id, those that were not ended by their producer, those that were open for long,
 * and at last how many there were. Where there are few, each is told. */
#include "broker/base/check.h"
#include "visualize/facts.h"
#include "visualize/words.h"

#define FEW 6
/* Open for so long, or so long without all of its markers: that is told. */
#define LONG_NS NS_PER_SECOND

struct txn_seen {
    int64_t begun_ns, decided_ns, completed_ns; /* RUN_FOREVER: not yet */
    int64_t epoch;                              /* the producer's, when it began */
    int32_t coordinator;                        /* who decided */
    bool is_commit;
    enum note_txn_end ended_by;
};

struct txns_seen {
    struct facts *f;
    struct run *r;
    struct slice id;
    int32_t n; /* of it, from 1 */
    bool are_few;
    VEC(struct txn_seen) v; /* of one id, one after the other */
    struct writer w;
};

/* ---- collecting ---- */

static struct txn_seen *
last_of(struct txns_seen *t)
{
    return t->v.n ? &t->v.v[t->v.n - 1] : NULL;
}

static void
stage_seen(struct txns_seen *t, const struct stage *s)
{
    struct txn_seen *last = last_of(t);
    bool is_open = last && last->decided_ns == RUN_FOREVER;
    if (slice_eq(s->state, S("Ongoing"))) {
        if (is_open && last->epoch == s->number) return; /* a new coordinator says it again */
        struct txn_seen one = {s->at_ns, RUN_FOREVER, RUN_FOREVER, s->number, -1, false, 0};
        VEC_PUSH(t->f->mem, &t->v, one);
    } else if (is_open && slice_starts(s->state, S("Prepare"))) {
        last->decided_ns = s->at_ns;
        last->is_commit = slice_ends(s->state, S("Commit"));
        last->ended_by = s->ended_by;
        last->coordinator = s->actor;
    } else if (last && !is_open && slice_starts(s->state, S("Complete"))) {
        last->completed_ns = MIN(last->completed_ns, s->at_ns);
    }
}

static void
collect_seen(struct txns_seen *t, const struct staged *s)
{
    t->v.n = 0;
    t->id = s->name;
    for (int64_t i = 0; i < s->stages.n; i++) stage_seen(t, &s->stages.v[i]);
}

static bool
is_remarkable(const struct txns_seen *t, const struct txn_seen *one)
{
    int64_t to_ns = MIN(one->decided_ns, t->r->end_ns);
    return one->ended_by != NOTE_TXN_END_ASKED || to_ns - one->begun_ns >= LONG_NS;
}

/* ---- telling ---- */

static void
said(struct txns_seen *t, int64_t at_ns, int32_t actor, enum tone tone, int32_t weight)
{
    struct slice text = load_words(t->r, &t->w);
    t->w = writer_mem(t->f->mem);
    facts_add(t->f, at_ns, actor, tone, weight, text)->txn_n = t->n;
}

static void
tell_begin(struct txns_seen *t, const struct txn_seen *one, bool is_first)
{
    bool is_left_open = one->decided_ns == RUN_FOREVER, is_odd = is_remarkable(t, one);
    if (one == t->v.v) fmt_str(&t->w, "transactional id ");
    fmt_slice(&t->w, t->id);
    fmt_str(&t->w, is_first ? " begins its first transaction" : " begins a transaction");
    if (is_odd && is_left_open) fmt_str(&t->w, " that nobody ends");
    fmt_str(&t->w, " (producer epoch ");
    fmt_i64(&t->w, one->epoch);
    fmt_char(&t->w, ')');
    said(t, one->begun_ns, -1, TONE_CLIENT, is_odd ? WEIGHT_MIDDLE : WEIGHT_LOW);
}

static void
put_age(struct txns_seen *t, const struct txn_seen *one)
{
    words_duration(&t->w, one->decided_ns - one->begun_ns);
}

/* Its producer had a say in it. */
static void
tell_asked(struct txns_seen *t, const struct txn_seen *one, const char *which)
{
    fmt_slice(&t->w, t->id);
    fmt_str(&t->w, one->is_commit ? " commits " : " aborts ");
    fmt_str(&t->w, which);
    fmt_str(&t->w, ", ");
    put_age(t, one);
    fmt_str(&t->w, " after its begin");
    said(t, one->decided_ns, -1, TONE_CLIENT, is_remarkable(t, one) ? WEIGHT_MIDDLE : WEIGHT_LOW);
}

static void
tell_not_asked(struct txns_seen *t, const struct txn_seen *one)
{
    static const char *const words[][2] = {
        [NOTE_TXN_END_LATE] = {": it has been open for ", ", longer than its time-out"},
        [NOTE_TXN_END_REPLACED] = {": a producer begins anew with this id, ",
                                   " after the transaction began"},
        [NOTE_TXN_END_BEFORE] = {", as was decided before it took over, ",
                                 " after the transaction began"},
    };
    fmt_str(&t->w, "coordinator ");
    fmt_slice(&t->w, t->r->actors.v[one->coordinator].name);
    fmt_str(&t->w, " aborts the transaction of ");
    fmt_slice(&t->w, t->id);
    fmt_str(&t->w, words[one->ended_by][0]);
    put_age(t, one);
    fmt_str(&t->w, words[one->ended_by][1]);
    said(t, one->decided_ns, one->coordinator, TONE_CONTROL, WEIGHT_HIGH);
}

static void
tell_markers(struct txns_seen *t, const struct txn_seen *one)
{
    int64_t took_ns = MIN(one->completed_ns, t->r->end_ns) - one->decided_ns;
    if (took_ns < LONG_NS) return;
    fmt_str(&t->w, one->is_commit ? "the commit of " : "the abort of ");
    fmt_slice(&t->w, t->id);
    if (one->completed_ns == RUN_FOREVER) {
        fmt_str(&t->w, " is decided; its markers are not all written by the end");
    } else {
        fmt_str(&t->w, " has all its markers, ");
        words_duration(&t->w, took_ns);
        fmt_str(&t->w, " after it was decided");
    }
    bool ever = one->completed_ns != RUN_FOREVER;
    said(t, ever ? one->completed_ns : one->decided_ns, -1, TONE_CONTROL, WEIGHT_MIDDLE);
}

static void
tell_sum(struct txns_seen *t)
{
    int64_t n[5] = {0}, last_ns = INT64_MIN;
    static const char *const words[] = {
        " committed", " aborted as its producer asked", " aborted because open for too long",
        " aborted for a new producer", " found aborted by a new coordinator"};
    for (int64_t i = 0; i < t->v.n; i++) {
        const struct txn_seen *one = &t->v.v[i];
        if (one->decided_ns == RUN_FOREVER) continue;
        n[one->is_commit ? 0 : 1 + (int)one->ended_by]++;
        last_ns = MAX(last_ns, one->decided_ns);
    }
    if (last_ns == INT64_MIN) return;
    fmt_str(&t->w, "transactional id ");
    fmt_slice(&t->w, t->id);
    fmt_str(&t->w, " has had ");
    words_counted(&t->w, t->v.n, "transaction");
    for (int i = 0, at = 0; i < 5; i++) {
        if (!n[i]) continue;
        fmt_str(&t->w, at++ ? ", " : ": ");
        words_count(&t->w, n[i]);
        fmt_str(&t->w, words[i]);
    }
    said(t, last_ns, -1, TONE_CLIENT, WEIGHT_LOW);
}

static void
tell_id(struct txns_seen *t)
{
    bool has[2] = {false, false}; /* aborted, committed, as asked */
    for (int64_t i = 0; i < t->v.n; i++) {
        const struct txn_seen *one = &t->v.v[i];
        bool is_told = t->are_few || is_remarkable(t, one), is_asked = !one->ended_by;
        if (is_told || i == 0) tell_begin(t, one, i == 0 && t->v.n > 1);
        if (one->decided_ns == RUN_FOREVER) continue;
        bool is_first = is_asked && !has[one->is_commit];
        if (!is_asked) tell_not_asked(t, one);
        else if (is_told) tell_asked(t, one, "the transaction");
        else if (is_first) tell_asked(t, one, i ? "one for the first time" : "it");
        has[one->is_commit] |= is_asked;
        tell_markers(t, one);
    }
    if (!t->are_few) tell_sum(t);
}

void
facts_about_transactions(struct facts *f, struct run *r)
{
    struct txns_seen t = {.f = f, .r = r, .w = writer_mem(f->mem)};
    int64_t n = 0;
    for (int64_t i = 0; i < r->txns.n; i++) {
        collect_seen(&t, &r->txns.v[i]);
        n += t.v.n;
    }
    t.are_few = n <= FEW;
    for (int64_t i = 0; i < r->txns.n; i++) {
        collect_seen(&t, &r->txns.v[i]);
        t.n = (int32_t)i + 1;
        tell_id(&t);
    }
    VEC_RELEASE(f->mem, &t.v);
    writer_release(&t.w);
}
