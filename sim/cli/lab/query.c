/* Asks a query of runs. */
#include <math.h>
#include <stdlib.h>

#include "broker/base/check.h"
#include "sim/cli/lab/query.h"

struct harvest {
    const struct query *q;
    double after, before;
    bool has_after, has_before;
    const struct query_world *world;
    struct mem *mem;
    VEC(struct value) v; /* of the field that is taken */
    int64_t count;
};

static bool
contains(struct slice text, struct slice part)
{
    for (int64_t i = 0; i + part.n <= text.n; i++)
        if (memcmp(text.p + i, part.p, (size_t)part.n) == 0) return true;
    return false;
}

static bool
number_is(double number, struct slice text)
{
    int64_t v;
    return slice_to_i64(text, &v) && (double)v == number;
}

static bool
field_is(const struct fact_field *f, struct slice text)
{
    return f->is_number ? number_is(f->number, text) : slice_eq(f->text, text);
}

static bool
filter_fits(const struct query_filter *w, const struct fact *fact)
{
    const struct fact_field *f = fact_get(fact, w->field);
    if (!f) return w->is_not.p != NULL;
    if (w->is.p && !field_is(f, w->is)) return false;
    if (w->is_not.p && field_is(f, w->is_not)) return false;
    if (w->contains.p && (f->is_number || !contains(f->text, w->contains))) return false;
    if ((w->has_min || w->has_max) && !f->is_number) return false;
    return (!w->has_min || f->number >= w->min) && (!w->has_max || f->number <= w->max);
}

static void
take_in(void *ctx, const struct fact *fact)
{
    struct harvest *h = ctx;
    const struct fact_field *at = fact_get(fact, S("at"));
    for (int32_t i = 0; i < h->q->where_n; i++)
        if (!filter_fits(&h->q->where[i], fact)) return;
    if (h->has_after && (!at || at->number <= h->after)) return;
    if (h->has_before && (!at || at->number >= h->before)) return;
    h->count++;
    if (h->world->seen) h->world->seen(h->world->seen_ctx, fact);
    const struct fact_field *f = fact_get(fact, h->q->field.p ? h->q->field : S("at"));
    if (!f || h->q->take == TAKE_COUNT) return;
    struct value v = {.is_text = !f->is_number, .number = f->number};
    if (v.is_text) v.text = mem_dup(h->mem, f->text);
    VEC_PUSH(h->mem, &h->v, v);
}

static int
by_number(const void *a, const void *b)
{
    double x = ((const struct value *)a)->number, y = ((const struct value *)b)->number;
    return x < y ? -1 : x > y;
}

static bool
value_eq(struct value a, struct value b)
{
    if (a.is_text != b.is_text || a.is_none != b.is_none) return false;
    return a.is_text ? slice_eq(a.text, b.text) : a.number == b.number;
}

static int64_t
distinct_n(const struct harvest *h)
{
    int64_t n = 0;
    for (int64_t i = 0; i < h->v.n; i++) {
        bool is_new = true;
        for (int64_t k = 0; k < i && is_new; k++) is_new = !value_eq(h->v.v[k], h->v.v[i]);
        n += is_new;
    }
    return n;
}

static struct value
of_number(double v)
{
    return (struct value){.number = v};
}

/* One value of all that were taken in. */
static struct value
press(struct harvest *h)
{
    enum query_take take = h->q->take;
    int64_t n = h->v.n;
    double sum = 0, gap = 0;
    if (take == TAKE_COUNT) return of_number((double)h->count);
    if (take == TAKE_DISTINCT) return of_number((double)distinct_n(h));
    if (take == TAKE_SUM && !n) return of_number(0);
    if (!n || (take == TAKE_GAP && n < 2)) return (struct value){.is_none = true};
    if (take == TAKE_FIRST) return h->v.v[0];
    if (take == TAKE_LAST) return h->v.v[n - 1];
    for (int64_t i = 0; i < n; i++) sum += h->v.v[i].number;
    if (take == TAKE_SUM) return of_number(sum);
    if (take == TAKE_MEAN) return of_number(sum / (double)n);
    qsort(h->v.v, (size_t)n, sizeof *h->v.v, by_number);
    for (int64_t i = 1; i < n; i++) gap = fmax(gap, h->v.v[i].number - h->v.v[i - 1].number);
    switch (take) {
    case TAKE_MIN: return h->v.v[0];
    case TAKE_MAX: return h->v.v[n - 1];
    case TAKE_P50: return h->v.v[(n - 1) / 2];
    case TAKE_P99: return h->v.v[(n - 1) * 99 / 100];
    default: return of_number(gap);
    }
}

/* ---- values put together ---- */

static struct value ask_folder(const struct query_world *w, const struct query *q,
                               struct slice folder);

static struct value
together(const struct query_world *w, const struct query *q, struct slice folder)
{
    struct value r = {0};
    bool same = true;
    for (int32_t i = 0; i < q->parts_n; i++) {
        /* A part that asks another run is asked there. */
        bool is_elsewhere =
            q->parts[i]->from.p && !(q->from.p && slice_eq(q->parts[i]->from, q->from));
        struct value v = is_elsewhere || !folder.p ? query_ask(w, q->parts[i])
                                                   : ask_folder(w, q->parts[i], folder);
        if (v.is_none) return v;
        if (i == 0) {
            r = v;
            continue;
        }
        same = same && value_eq(r, v);
        if (q->source == QUERY_MINUS) r.number -= v.number;
        else if (q->source == QUERY_PLUS) r.number += v.number;
        else if (q->source == QUERY_MAX_OF) r.number = fmax(r.number, v.number);
        else if (q->source == QUERY_DIVIDE || q->source == QUERY_PERCENT) {
            if (v.number == 0) return (struct value){.is_none = true};
            r.number = r.number / v.number * (q->source == QUERY_PERCENT ? 100 : 1);
        }
    }
    return q->source == QUERY_SAME ? of_number(same) : r;
}

/* ---- two of the student's files ---- */

static const struct tree *
read_yaml(const struct query_world *w, struct slice name)
{
    struct source *s = ARENA_NEW(&w->d->a, struct source);
    struct diags diags;
    diags_init(&diags, &w->d->a);
    s->path = arena_format(&w->d->a, "%.*s/%.*s", SARG(w->mine), SARG(name));
    if (!file_read_all(&w->d->a, (const char *)s->path.p, &s->text)) return NULL;
    struct trees all = tree_parse(&w->d->a, s, &diags);
    return all.n && !diags.errors ? all.v[0] : NULL;
}

/* A value that is in one only is one difference, however much is in it. */
static int64_t
differences(const struct tree *a, const struct tree *b)
{
    int64_t n = 0;
    if (!a || !b || a->kind != b->kind) return 1;
    if (a->kind == TREE_TEXT) return !slice_eq(a->text, b->text);
    if (a->kind == TREE_LIST) {
        for (int32_t i = 0; i < MIN(a->n, b->n); i++) n += differences(a->items[i], b->items[i]);
        return n + (a->n > b->n ? a->n - b->n : b->n - a->n);
    }
    for (int32_t i = 0; i < a->n; i++)
        n += differences(a->pairs[i].value, tree_get(b, a->pairs[i].key));
    for (int32_t i = 0; i < b->n; i++) n += !tree_get(a, b->pairs[i].key);
    return n;
}

/* What a scenario is called and what it expects may differ as it likes. */
static struct value
changes(const struct query_world *w, const struct query *q)
{
    const struct tree *a = read_yaml(w, q->parts[0]->name), *b = read_yaml(w, q->parts[1]->name);
    int64_t n = 0;
    if (!a || !b || a->kind != TREE_MAP || b->kind != TREE_MAP)
        return (struct value){.is_none = true};
    for (int pass = 0; pass < 2; pass++) {
        const struct tree *x = pass ? b : a, *y = pass ? a : b;
        for (int32_t i = 0; i < x->n; i++) {
            struct slice k = x->pairs[i].key;
            if (slice_eq(k, S("name")) || slice_eq(k, S("about")) || slice_eq(k, S("expect")))
                continue;
            const struct tree *other = tree_get(y, k);
            if (!pass || !other) n += differences(x->pairs[i].value, other);
        }
    }
    return of_number((double)n);
}

/* ---- asking ---- */

static struct value
ask_folder(const struct query_world *w, const struct query *q, struct slice folder)
{
    struct value r = {.is_none = true};
    if (q->is_number) return of_number(q->number);
    if (q->parts_n) return q->source == QUERY_CHANGES ? changes(w, q) : together(w, q, folder);
    if (q->source == QUERY_REPORT) {
        (void)report_value(w->d, folder, q->name, &r);
        return r;
    }
    struct harvest h = {.q = q, .world = w, .mem = &w->d->mem};
    struct query_world unseen = *w; /* for the moments that it lies between */
    unseen.seen = NULL;
    if (q->source == QUERY_WRITTEN) folder = w->mine;
    if (q->source == QUERY_MEASURED) folder = w->dir;
    if (q->after) {
        struct value v = ask_folder(&unseen, q->after, folder);
        if (v.is_none) return v;
        h.has_after = true, h.after = v.number;
    }
    if (q->before) {
        struct value v = ask_folder(&unseen, q->before, folder);
        if (v.is_none) return v;
        h.has_before = true, h.before = v.number;
    }
    if (facts_each(w->d, folder, q->source, q->name, take_in, &h)) r = press(&h);
    return r;
}

static struct value
over_all(enum query_over over, const struct value *v, int32_t n)
{
    double min = HUGE_VAL, max = -HUGE_VAL, sum = 0;
    int32_t found = 0, runs = 0;
    for (int32_t i = 0; i < n; i++) {
        if (v[i].is_none) continue;
        found++;
        runs += v[i].number != 0;
        min = fmin(min, v[i].number), max = fmax(max, v[i].number), sum += v[i].number;
    }
    if (over == OVER_RUNS) return of_number(runs);
    if (!found) return (struct value){.is_none = true};
    switch (over) {
    case OVER_MIN: return of_number(min);
    case OVER_MAX: return of_number(max);
    case OVER_SUM: return of_number(sum);
    case OVER_MEAN: return of_number(sum / found);
    default: return v[0];
    }
}

struct value
query_ask(const struct query_world *w, const struct query *q)
{
    struct query_folders all = q->from.p ? w->folders(w->ctx, q->from) : (struct query_folders){0};
    if (!all.n) return ask_folder(w, q, SLICE_NULL);
    struct value *v = ARENA_ARRAY(&w->d->a, struct value, all.n);
    int32_t n = q->over == OVER_FIRST ? 1 : all.n;
    for (int32_t i = 0; i < n; i++) v[i] = ask_folder(w, q, all.v[i]);
    return over_all(q->over, v, n);
}

/* ---- what a value is counted in ---- */

static struct slice
unit_of_field(const struct query *q)
{
    static const char *const times[] = {"at", "ended", "took", "age"};
    if (q->source == QUERY_REPORT || q->take == TAKE_COUNT || q->take == TAKE_DISTINCT)
        return SLICE_NULL;
    if (q->source == QUERY_MEASURED) return SLICE_NULL;
    for (int i = 0; i < ARRAY_LEN(times); i++)
        if (!q->field.p || slice_eq(q->field, slice_cstr(times[i]))) return S("ms");
    return slice_eq(q->field, S("bytes")) ? S("bytes") : SLICE_NULL;
}

struct slice
query_unit(const struct query *q)
{
    if (q->is_number || q->over == OVER_RUNS) return SLICE_NULL;
    switch (q->source) {
    case QUERY_PERCENT: return S("%");
    case QUERY_DIVIDE:
    case QUERY_SAME:
    case QUERY_CHANGES: return SLICE_NULL;
    case QUERY_MINUS:
    case QUERY_PLUS:
    case QUERY_MAX_OF: {
        struct slice unit = SLICE_NULL;
        for (int32_t i = 0; i < q->parts_n && !unit.p; i++) unit = query_unit(q->parts[i]);
        return unit;
    }
    default: return unit_of_field(q);
    }
}
