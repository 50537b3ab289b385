/* Conditions that somebody outside waits for. Nothing of the run depends on whether anybody does. */
#include "sim/scenario/run_internal.h"

#include "broker/base/check.h"
#include "broker/base/fmt.h"

struct run_watch {
    struct run *r;
    struct mem *mem;
    struct arena a, scratch; /* of the condition; of one look at it */
    const struct cond *cond; /* NULL: all in sync everywhere */
    struct sight *sight;     /* of a frame; NULL: the condition is none of frames */
};

/* Whether a frame was sent. It outlives whoever waits for it. */
struct sight {
    bool is_seen;
};

static void
see(struct world *w, void *ctx)
{
    (void)w;
    ((struct sight *)ctx)->is_seen = true;
}

/* A row of words, and where each begins. */
struct phrase {
    struct slice all, v[8];
    int n;
};

static struct phrase
phrase_of(struct slice words)
{
    struct phrase p = {.all = words};
    for (int64_t at = 0, end; at < words.n && p.n < (int)ARRAY_LEN(p.v); at = end + 1) {
        end = slice_find(words, ' ', at);
        if (end < 0) end = words.n;
        if (end > at) p.v[p.n++] = slice_sub(words, at, end - at);
    }
    return p;
}

static bool
phrase_has(const struct phrase *p, int i, struct slice word)
{
    return i < p->n && slice_eq(p->v[i], word);
}

/* From the i-th word to the end. */
static struct slice
phrase_from(const struct phrase *p, int i)
{
    return i < p->n ? slice_sub(p->all, p->v[i].p - p->all.p, p->all.n) : SLICE_EMPTY;
}

/* "leader of orders-0 is not b1" is {leader-of: orders-0, not: b1}; "isr of orders-0 is full", {isr-of: orders-0, is: all};
 * "request EndTxn seen", {sent: EndTxn}. What is in braces is a condition already; of others the first word is what and
 * the rest of whom: "serving b1". */
struct slice
run_watch_words(struct arena *a, struct slice words)
{
    struct phrase p = phrase_of(words);
    bool is_request = phrase_has(&p, 0, S("request"));
    if (p.n < 2 || words.p[0] == '{') return words;
    if (phrase_has(&p, p.n - 1, S("seen")) || (is_request && p.n == 2))
        return arena_format(a, "{sent: %.*s}", SARG(p.v[is_request]));
    bool has_of = phrase_has(&p, 1, S("of"));
    int of = has_of ? 2 : 1;
    struct slice what = has_of ? arena_format(a, "%.*s-of", SARG(p.v[0])) : p.v[0];
    if (!phrase_has(&p, of + 1, S("is")))
        return arena_format(a, "{%.*s: %.*s}", SARG(what), SARG(phrase_from(&p, of)));
    bool is_not = phrase_has(&p, of + 2, S("not"));
    struct slice value = phrase_from(&p, of + 2 + is_not);
    if (slice_eq(value, S("full"))) value = S("all");
    return arena_format(a, "{%.*s: %.*s, %s: %.*s}", SARG(what), SARG(p.v[of]),
                        is_not ? "not" : "is", SARG(value));
}

struct run_watch *
run_watch_new(struct run *r, struct slice text, struct diags *wrong)
{
    struct mem *mem = r->a->mem;
    struct run_watch *x = MEM_NEW(mem, struct run_watch);
    *x = (struct run_watch){.r = r, .mem = mem};
    arena_init(&x->a, mem, 0);
    arena_init(&x->scratch, mem, 0);
    diags_init(wrong, r->a);
    text = arena_dup(&x->a, slice_trim(text));
    if (slice_eq(text, S("isr full"))) return x;
    x->cond = cond_of_text(&x->a, r->s, run_watch_words(&x->a, text), &r->typed, wrong);
    if (!x->cond) {
        run_watch_free(x);
        return NULL;
    }
    if (x->cond->row->id != COND_SENT) return x;
    struct frame_filter f = filter_of(r, &x->cond->args, WHICH_REQUEST);
    x->sight = ARENA_NEW(r->a, struct sight);
    world_when_frame(r->w, &f, (int32_t)MAX(x->cond->args.nth, 1), see, x->sight);
    return x;
}

void
run_watch_free(struct run_watch *x)
{
    struct mem *mem = x->mem;
    arena_release(&x->a);
    arena_release(&x->scratch);
    MEM_DELETE(mem, x);
}

/* Looking leaves no trace in the run: neither what it takes of memory nor of chance (`any(2)`). */
struct looking {
    struct arena *a;
    struct dice dice;
};

static struct looking
look_in(struct run_watch *x)
{
    struct looking was = {x->r->a, x->r->dice};
    x->r->a = &x->scratch;
    return was;
}

static void
look_away(struct run_watch *x, struct looking was)
{
    x->r->a = was.a;
    x->r->dice = was.dice;
    arena_reset(&x->scratch);
}

/* Who has died still stands in the ISR for a while: that is not full. */
static const struct truth_partition *
first_not_full(const struct run *r)
{
    for (int64_t i = 0; i < r->truth.partitions.n; i++) {
        const struct truth_partition *p = r->truth.partitions.v[i];
        for (int32_t j = 0; j < p->replicas.n; j++)
            if (!truth_may_lead(&r->truth, p, p->replicas.v[j])) return p;
        if (p->leader < 0) return p;
    }
    return NULL;
}

bool
run_watch_holds(struct run_watch *x)
{
    if (!x->cond) return !first_not_full(x->r);
    if (x->sight) return x->sight->is_seen;
    struct looking was = look_in(x);
    bool holds = cond_holds(x->r, x->cond);
    look_away(x, was);
    return holds;
}

void
run_watch_tell(struct run_watch *x, struct writer *w)
{
    const struct truth_partition *p = x->cond ? NULL : first_not_full(x->r);
    if (p) {
        fmt_slice(w, p->name);
        fmt_str(w, ": ");
        int32_t there = 0;
        for (int32_t i = 0; i < p->replicas.n; i++)
            there += truth_may_lead(&x->r->truth, p, p->replicas.v[i]);
        fmt_i64(w, there), fmt_str(w, " of "), fmt_i64(w, p->replicas.n);
        fmt_str(w, " in sync and alive");
    } else if (x->sight) {
        fmt_str(w, "no such frame was sent since");
    } else if (x->cond) {
        struct looking was = look_in(x);
        fmt_slice(w, cond_state(x->r, x->cond));
        look_away(x, was);
    }
}
