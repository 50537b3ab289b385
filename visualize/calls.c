/* What clients lived through: first acknowledgements, silences, calls that did not end well. */
#include "broker/base/check.h"
#include "broker/protocol/tables.h"
#include "visualize/facts.h"
#include "visualize/words.h"

/* Shorter is no silence. */
#define SILENCE_NS 250000000LL
#define TOGETHER_NS 1000000LL
/* Bad ends further apart than this are told apart. */
#define GROUP_NS 1000000000LL

struct ends {
    struct mem *mem;
    VEC(struct call) v; /* of one client and outcome, by completion */
};

static void
collect(struct ends *e, const struct run *r, int32_t actor, bool is_ok)
{
    e->v.n = 0;
    for (int64_t i = 0; i < r->calls.n; i++) {
        const struct call *c = &r->calls.v[i];
        if (c->actor != actor || c->kind != VIEW_SEND || (c->outcome == VIEW_OK) != is_ok) continue;
        if (c->completed_ns == RUN_FOREVER && is_ok) continue;
        VEC_PUSH(e->mem, &e->v, *c);
        if (c->completed_ns == RUN_FOREVER) e->v.v[e->v.n - 1].completed_ns = r->end_ns;
    }
    for (int64_t i = 1; i < e->v.n; i++) {
        struct call c = e->v.v[i];
        int64_t k = i;
        for (; k > 0 && e->v.v[k - 1].completed_ns > c.completed_ns; k--) e->v.v[k] = e->v.v[k - 1];
        e->v.v[k] = c;
    }
}

static void
tell_call_words(struct facts *f, struct run *r, int64_t at_ns, int32_t actor, enum tone tone,
                int32_t weight, struct writer *w)
{
    (void)facts_add(f, at_ns, actor, tone, weight, load_words(r, w));
}

static void
first_one(struct facts *f, struct run *r, int32_t actor, const struct call *c)
{
    struct writer w = writer_mem(f->mem);
    fmt_slice(&w, r->actors.v[actor].name);
    fmt_str(&w, " gets its first acknowledgement (");
    fmt_slice(&w, c->value);
    fmt_str(&w, c->acks == 1 ? ", acks=1)" : c->acks == 0 ? ", acks=0)" : ", acks=all)");
    tell_call_words(f, r, c->completed_ns, actor, TONE_CLIENT, WEIGHT_LOW, &w);
}

static void
silence_ends(struct facts *f, struct run *r, int32_t actor, int64_t from_ns, int64_t to_ns)
{
    struct writer w = writer_mem(f->mem);
    VEC_PUSH(f->mem, &f->silences, ((struct silence){actor, from_ns, to_ns}));
    fmt_slice(&w, r->actors.v[actor].name);
    fmt_str(&w, " is acknowledged again, after ");
    words_duration(&w, to_ns - from_ns);
    fmt_str(&w, " without");
    tell_call_words(f, r, to_ns, actor, TONE_CLIENT, WEIGHT_HIGH, &w);
}

/* How many acknowledgements come at least so long after the one before. */
static int64_t
gaps(const struct ends *e, int64_t least_ns)
{
    int64_t n = 0;
    for (int64_t i = 1; i < e->v.n; i++)
        n += e->v.v[i].completed_ns - e->v.v[i - 1].completed_ns >= least_ns;
    return n;
}

/* Silences are those that stand out among the usual distances. Whoever lingers has one before many of his batches, and is not
 * silent. */
static void
look_at_good(struct facts *f, struct run *r, int32_t actor, const struct ends *e)
{
    int64_t n = e->v.n;
    if (!n) return;
    const struct call *c = e->v.v;
    first_one(f, r, actor, &c[0]);
    int64_t span = c[n - 1].completed_ns - c[0].completed_ns;
    int64_t least = MAX(SILENCE_NS, 10 * (span / n)), batches = 1 + gaps(e, TOGETHER_NS);
    if (3 * gaps(e, least) > batches) least = MAX(least, 3 * (span / batches));
    for (int64_t i = 1; i < n; i++)
        if (c[i].completed_ns - c[i - 1].completed_ns >= least &&
            c[i].invoked_ns < c[i].completed_ns)
            silence_ends(f, r, actor, c[i - 1].completed_ns, c[i].completed_ns);
}

static void
bad_group(struct facts *f, struct run *r, int32_t actor, const struct call *first,
          const struct call *last, int64_t unknown, int64_t failed)
{
    struct writer w = writer_mem(f->mem);
    if (unknown) {
        words_counted(&w, unknown, "send");
        fmt_str(&w, " of ");
        fmt_slice(&w, r->actors.v[actor].name);
        fmt_str(&w, unknown == 1 ? " ends unknown" : " end unknown");
    }
    if (unknown && failed) fmt_str(&w, ", ");
    if (failed) {
        words_counted(&w, failed, "send");
        fmt_str(&w, unknown ? " for sure failed" : " of ");
        if (!unknown) fmt_slice(&w, r->actors.v[actor].name), fmt_str(&w, " surely failed");
    }
    fmt_str(&w, " (");
    fmt_slice(&w, first->value);
    if (last != first) fmt_str(&w, " to "), fmt_slice(&w, last->value);
    if (first->error) fmt_str(&w, "; "), fmt_slice(&w, k_err_name((int16_t)first->error));
    fmt_char(&w, ')');
    tell_call_words(f, r, first->completed_ns, actor, TONE_CLIENT, WEIGHT_MIDDLE, &w);
}

static void
look_at_bad(struct facts *f, struct run *r, int32_t actor, const struct ends *e)
{
    for (int64_t i = 0, k; i < e->v.n; i = k) {
        int64_t unknown = 0;
        for (k = i; k < e->v.n; k++) {
            if (k > i && e->v.v[k].completed_ns - e->v.v[k - 1].completed_ns > GROUP_NS) break;
            unknown += e->v.v[k].outcome == VIEW_UNKNOWN;
        }
        bad_group(f, r, actor, &e->v.v[i], &e->v.v[k - 1], unknown, k - i - unknown);
    }
}

void
facts_about_calls(struct facts *f, struct run *r)
{
    struct ends e = {.mem = f->mem};
    for (int32_t i = 0; i < r->actors.n; i++) {
        if (r->actors.v[i].kind != ACTOR_CLIENT) continue;
        collect(&e, r, i, true);
        look_at_good(f, r, i, &e);
        collect(&e, r, i, false);
        look_at_bad(f, r, i, &e);
    }
    VEC_RELEASE(f->mem, &e.v);
}
