/* Queries, as lab.yaml writes them; mistakes with file, line and column. */
#include <stdlib.h>

#include "broker/base/check.h"
#include "sim/cli/lab/query.h"

static const char *const source_words[QUERY_SOURCES_N] = {
    "report",  "anomalies", "notes",  "faults",  "lives",   "requests", "answers", "errors",
    "batches", "disk",      "sends",  "polls",   "calls",   "minus",    "plus",    "divide",
    "percent", "same",      "max-of", "changes", "written", "measured"};
static const char *const take_words[TAKES_N] = {"count", "first", "last", "min", "max",     "sum",
                                                "mean",  "p50",   "p99",  "gap", "distinct"};
static const char *const over_words[OVERS_N] = {"first", "min", "max", "sum", "mean", "runs"};

struct query_reader {
    struct desk *d;
    struct diags *diags;
    int depth;
};

static bool
text_number(struct slice text, double *ret)
{
    char copy[64], *end;
    if (!text.n || text.n >= (int64_t)sizeof copy) return false;
    memcpy(copy, text.p, (size_t)text.n);
    copy[text.n] = 0;
    *ret = strtod(copy, &end);
    return !*end;
}

static int
word_of(struct query_reader *r, const struct tree *t, const char *what, const char *const *words,
        int n)
{
    struct words known = {.arena = &r->d->a};
    for (int i = 0; i < n; i++) {
        if (t->kind == TREE_TEXT && slice_eq(t->text, slice_cstr(words[i]))) return i;
        words_add(&known, slice_cstr(words[i]));
    }
    if (t->kind == TREE_TEXT)
        diag_error(r->diags, t->mark, words_advice(&known, t->text), "%s: there is no %.*s", what,
                   SARG(t->text));
    else diag_error(r->diags, t->mark, NULL, "%s is one word", what);
    return 0;
}

static bool
text_of(struct query_reader *r, const struct tree *t, const char *what, struct slice *ret)
{
    if (t->kind == TREE_TEXT) {
        *ret = t->text;
        return true;
    }
    diag_error(r->diags, t->mark, NULL, "%s is a text", what);
    return false;
}

/* {min: 1}, {not: x}, {contains: x}, or the text itself. */
static void
read_filter(struct query_reader *r, const struct pair *p, struct query_filter *f)
{
    f->field = p->key;
    if (p->value->kind == TREE_TEXT) {
        f->is = p->value->text;
        return;
    }
    if (p->value->kind != TREE_MAP || !p->value->n) {
        diag_error(r->diags, p->value->mark, "{min: 1, max: 5}, {not: x}, {contains: x}, or a word",
                   "this says nothing of %.*s", SARG(p->key));
        return;
    }
    for (int32_t i = 0; i < p->value->n; i++) {
        const struct pair *q = &p->value->pairs[i];
        struct slice text = SLICE_EMPTY;
        if (!text_of(r, q->value, "a condition", &text)) continue;
        bool ok = true;
        if (slice_eq(q->key, S("min"))) f->has_min = ok = text_number(text, &f->min);
        else if (slice_eq(q->key, S("max"))) f->has_max = ok = text_number(text, &f->max);
        else if (slice_eq(q->key, S("not"))) f->is_not = text;
        else if (slice_eq(q->key, S("contains"))) f->contains = text;
        else
            diag_error(r->diags, q->mark, "min, max, not or contains", "there is no condition %.*s",
                       SARG(q->key));
        if (!ok) diag_error(r->diags, q->value->mark, NULL, "%.*s is no number", SARG(text));
    }
}

static void
read_where(struct query_reader *r, const struct tree *t, struct query *q)
{
    if (t->kind != TREE_MAP) {
        diag_error(r->diags, t->mark, "{subject: orders-0}", "where is a map");
        return;
    }
    q->where = ARENA_ARRAY(&r->d->a, struct query_filter, t->n + 1);
    for (int32_t i = 0; i < t->n; i++) read_filter(r, &t->pairs[i], &q->where[q->where_n++]);
}

static struct query *read_any(struct query_reader *r, const struct tree *t, struct slice from);

static bool
is_together(enum query_source s)
{
    return s >= QUERY_MINUS && s <= QUERY_MAX_OF;
}

/* It reads a file of the student's or of the lab. */
static bool
asks_no_run(enum query_source s)
{
    return s == QUERY_WRITTEN || s == QUERY_MEASURED;
}

static void
read_source(struct query_reader *r, enum query_source source, const struct tree *t, struct query *q)
{
    q->source = source;
    if (!is_together(source) && source != QUERY_CHANGES) {
        struct words known = {.arena = &r->d->a};
        if (!text_of(r, t, source_words[source], &q->name)) return;
        if (!source_knows(source, q->name, &known))
            diag_error(r->diags, t->mark, words_advice(&known, q->name), "%s: there is no %.*s",
                       source_words[source], SARG(q->name));
        return;
    }
    if (t->kind != TREE_LIST || t->n < 2 || (source == QUERY_CHANGES && t->n != 2)) {
        diag_error(r->diags, t->mark, NULL, "%s takes a list of two", source_words[source]);
        return;
    }
    q->parts = ARENA_ARRAY(&r->d->a, struct query *, t->n);
    for (int32_t i = 0; i < t->n; i++) {
        struct query *part = NULL;
        if (source == QUERY_CHANGES) {
            part = ARENA_NEW(&r->d->a, struct query);
            (void)text_of(r, t->items[i], "a file", &part->name);
        } else {
            part = read_any(r, t->items[i], q->from);
        }
        if (part) q->parts[q->parts_n++] = part;
    }
}

static void
read_pair(struct query_reader *r, const struct pair *p, struct query *q)
{
    struct slice k = p->key;
    if (slice_eq(k, S("from"))) return; /* was read before */
    if (slice_eq(k, S("where"))) read_where(r, p->value, q);
    else if (slice_eq(k, S("take")))
        q->take = (enum query_take)word_of(r, p->value, "take", take_words, TAKES_N);
    else if (slice_eq(k, S("over")))
        q->over = (enum query_over)word_of(r, p->value, "over", over_words, OVERS_N);
    else if (slice_eq(k, S("field"))) (void)text_of(r, p->value, "field", &q->field);
    else if (slice_eq(k, S("after"))) q->after = read_any(r, p->value, q->from);
    else if (slice_eq(k, S("before"))) q->before = read_any(r, p->value, q->from);
    else {
        struct words known = {.arena = &r->d->a};
        for (int i = 0; i < QUERY_SOURCES_N; i++) {
            if (slice_eq(k, slice_cstr(source_words[i]))) {
                if (q->name.p || q->parts_n)
                    diag_error(r->diags, p->mark, NULL, "a query has one source");
                read_source(r, (enum query_source)i, p->value, q);
                return;
            }
            words_add(&known, slice_cstr(source_words[i]));
        }
        static const char *const others[] = {"from", "where", "after", "before",
                                             "take", "field", "over"};
        for (int i = 0; i < ARRAY_LEN(others); i++) words_add(&known, slice_cstr(others[i]));
        diag_error(r->diags, p->mark, words_advice(&known, k), "a query has no %.*s", SARG(k));
    }
}

static struct query *
read_any(struct query_reader *r, const struct tree *t, struct slice from)
{
    struct query *q = ARENA_NEW(&r->d->a, struct query);
    q->mark = t->mark;
    q->from = from;
    if (t->kind == TREE_TEXT && text_number(t->text, &q->number)) {
        q->is_number = true;
        return q;
    }
    if (t->kind != TREE_MAP) {
        diag_error(r->diags, t->mark, "{report: counts.read}, or a number", "this is no query");
        return NULL;
    }
    const struct tree *own = tree_get(t, S("from"));
    if (own) (void)text_of(r, own, "from", &q->from);
    for (int32_t i = 0; i < t->n; i++) read_pair(r, &t->pairs[i], q);
    if (!q->name.p && !q->parts_n)
        diag_error(r->diags, t->mark, "report, anomalies, notes, sends …", "what does it ask?");
    if (!q->from.p && q->source != QUERY_CHANGES && !asks_no_run(q->source) &&
        !is_together(q->source))
        diag_error(r->diags, t->mark, "from: the id of one of the runs", "which run does it ask?");
    return q;
}

struct query *
query_read(struct desk *d, const struct tree *t, struct slice from, struct diags *diags)
{
    struct query_reader r = {.d = d, .diags = diags};
    return read_any(&r, t, from);
}

void
query_runs(const struct query *q, void (*each)(void *ctx, struct slice run, struct mark at),
           void *ctx)
{
    if (!q || q->is_number) return;
    if (q->from.p && !q->parts_n && !asks_no_run(q->source)) each(ctx, q->from, q->mark);
    query_runs(q->after, each, ctx);
    query_runs(q->before, each, ctx);
    for (int32_t i = 0; i < q->parts_n && q->source != QUERY_CHANGES; i++)
        query_runs(q->parts[i], each, ctx);
}
