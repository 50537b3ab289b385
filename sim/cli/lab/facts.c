/* What a run left behind, as facts: out of its report, its trace and its history. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/check.h"
#include "broker/env/notes.h"
#include "broker/protocol/tables.h"
#include "sim/check/history_file.h"
#include "sim/cli/lab/inside.h"
#include "sim/cli/lab/query.h"
#include "sim/trace/reader.h"
#include "sim/world/world.h"

#define MS_IN_NS 1e6

void
fact_text(struct fact *f, const char *name, struct slice text)
{
    if (f->n < FACT_FIELDS)
        f->f[f->n++] =
            (struct fact_field){.name = slice_cstr(name), .text = text.p ? text : SLICE_EMPTY};
}

void
fact_number(struct fact *f, struct slice name, double v)
{
    if (f->n < FACT_FIELDS)
        f->f[f->n++] = (struct fact_field){.name = name, .number = v, .is_number = true};
}

const struct fact_field *
fact_get(const struct fact *f, struct slice name)
{
    for (int32_t i = 0; i < f->n; i++)
        if (slice_eq(f->f[i].name, name)) return &f->f[i];
    return NULL;
}

/* ---- report.json: what we write as JSON is YAML as well ---- */

static struct tree *
report_tree(struct desk *d, struct slice folder)
{
    struct source *s = ARENA_NEW(&d->a, struct source);
    struct diags diags;
    diags_init(&diags, &d->a);
    s->path = arena_format(&d->a, "%.*s/report.json", SARG(folder));
    if (!file_read_all(&d->a, (const char *)s->path.p, &s->text)) return NULL;
    struct trees all = tree_parse(&d->a, s, &diags);
    return all.n && !diags.errors ? all.v[0] : NULL;
}

static void
value_of_text(struct slice text, struct value *ret)
{
    int64_t v;
    *ret = (struct value){.text = text};
    if (slice_eq(text, S("true")) || slice_eq(text, S("false"))) ret->number = text.p[0] == 't';
    else if (slice_to_i64(text, &v)) ret->number = (double)v;
    else ret->is_text = true;
}

bool
report_value(struct desk *d, struct slice folder, struct slice path, struct value *ret)
{
    const struct tree *t = report_tree(d, folder);
    while (t && path.n) {
        int64_t dot = slice_find(path, '.', 0);
        struct slice word = dot < 0 ? path : slice_sub(path, 0, dot);
        path = dot < 0 ? SLICE_EMPTY : slice_sub(path, dot + 1, path.n);
        t = t->kind == TREE_MAP ? tree_get(t, word) : NULL;
    }
    if (!t) return false;
    if (t->kind == TREE_TEXT) value_of_text(t->text, ret);
    else *ret = (struct value){.number = t->n};
    return true;
}

static bool
each_anomaly(struct desk *d, struct slice folder, struct slice rule, fact_fn *each, void *ctx)
{
    const struct tree *t = report_tree(d, folder), *all = t ? tree_get(t, S("anomalies")) : NULL;
    for (int32_t i = 0; all && all->kind == TREE_LIST && i < all->n; i++) {
        struct fact f = {0};
        for (int32_t k = 0; k < all->items[i]->n; k++) {
            const struct pair *p = &all->items[i]->pairs[k];
            struct value v;
            if (p->value->kind != TREE_TEXT) continue;
            value_of_text(p->value->text, &v);
            if (v.is_text || slice_eq(p->key, S("allowed")))
                f.f[f.n++] = (struct fact_field){.name = p->key, .text = p->value->text};
            else fact_number(&f, p->key, v.number);
            if (f.n == FACT_FIELDS) break;
        }
        const struct fact_field *is = fact_get(&f, S("rule"));
        if (slice_eq(rule, S("any")) || (is && slice_eq(is->text, rule))) each(ctx, &f);
    }
    return all != NULL;
}

/* ---- the trace ---- */

#define MACHINES_MAX 256

static const char *const life_words[] = {"start", "crash", "power", "fatal", "pause", "resume"};

struct trace_walk {
    struct slice name;
    enum query_source source;
    struct slice machines[MACHINES_MAX];
    int64_t begin_ns;
    fact_fn *each;
    void *ctx;
};

static struct slice
machine_name(const struct trace_walk *k, int32_t i)
{
    return i >= 0 && i < MACHINES_MAX && k->machines[i].p ? k->machines[i] : SLICE_EMPTY;
}

static void
note_fact(struct trace_walk *k, const struct trace_record *t, struct fact *f)
{
    fact_text(f, "machine", machine_name(k, t->machine));
    fact_text(f, "subject", t->a);
    fact_text(f, "text", t->b);
    struct slice names = slice_cstr(note_fields((enum note_kind)t->what));
    for (int i = 0; names.n && i < NOTE_NUMBERS; i++) {
        int64_t blank = slice_find(names, ' ', 0);
        fact_number(f, blank < 0 ? names : slice_sub(names, 0, blank), (double)t->n[i]);
        names = blank < 0 ? SLICE_EMPTY : slice_sub(names, blank + 1, names.n);
    }
}

static void
frame_fact(struct trace_walk *k, const struct trace_record *t, struct fact *f)
{
    fact_text(f, "from", machine_name(k, t->machine));
    fact_text(f, "to", machine_name(k, t->other));
    fact_text(f, "api", k_api_name((int16_t)t->n[4]));
    fact_number(f, S("version"), (double)t->n[5]);
    fact_number(f, S("bytes"), (double)t->n[7]);
}

/* The world has no fault for who is asked to stop, alone or in a roll: the scenario says it. */
static bool
is_shutdown(const struct trace_record *t)
{
    return slice_eq(t->a, S("fault")) &&
           (slice_eq(t->b, S("shutdown")) || slice_eq(t->b, S("shut down")));
}

/* Is it one of those that are asked for? */
static bool
is_asked_for(const struct trace_walk *k, const struct trace_record *t)
{
    bool any = slice_eq(k->name, S("any"));
    switch (t->kind) {
    case TRACE_NOTE:
        return k->source == QUERY_NOTES && t->what >= 0 && t->what < NOTE_KINDS_N &&
               slice_eq(k->name, slice_cstr(note_spelling((enum note_kind)t->what)));
    case TRACE_FAULT: return k->source == QUERY_FAULTS && (any || slice_eq(k->name, t->a));
    case TRACE_SAID:
        return k->source == QUERY_FAULTS && is_shutdown(t) &&
               (any || slice_eq(k->name, S("shutdown")));
    case TRACE_LIFE:
        return k->source == QUERY_LIVES && t->what >= 0 && t->what < (int)ARRAY_LEN(life_words) &&
               (any || slice_eq(k->name, slice_cstr(life_words[t->what])));
    case TRACE_FRAME:
        return t->what == FRAME_SENT && k->source == (t->n[3] ? QUERY_ANSWERS : QUERY_REQUESTS) &&
               (any || slice_eq(k->name, k_api_name((int16_t)t->n[4])));
    default: return false;
    }
}

static void
walk_record(struct trace_walk *k, const struct trace_record *t)
{
    struct fact f = {0};
    fact_number(&f, S("at"), (double)(t->at_ns - k->begin_ns) / MS_IN_NS);
    if (k->source == QUERY_NOTES) note_fact(k, t, &f);
    else if (t->kind == TRACE_SAID)
        fact_text(&f, "verb", S("shutdown")), fact_text(&f, "what", t->c);
    else if (k->source == QUERY_FAULTS) fact_text(&f, "verb", t->a), fact_text(&f, "what", t->b);
    else if (k->source == QUERY_LIVES) {
        fact_text(&f, "machine", machine_name(k, t->machine));
        fact_text(&f, "what", slice_cstr(life_words[t->what]));
    } else frame_fact(k, t, &f);
    k->each(k->ctx, &f);
}

static bool
each_record(struct desk *d, struct slice folder, enum query_source source, struct slice name,
            fact_fn *each, void *ctx)
{
    struct trace_walk k = {.name = name, .source = source, .each = each, .ctx = ctx};
    struct slice bytes, path = arena_format(&d->a, "%.*s/trace.zst", SARG(folder));
    struct trace_reader *r = NULL;
    struct trace_record t;
    if (file_read_all(&d->a, (const char *)path.p, &bytes)) r = trace_reader_new(&d->mem, bytes);
    if (!r) return false;
    while (trace_next(r, &t))
        if (t.kind == TRACE_SAID && slice_eq(t.a, S("begin"))) k.begin_ns = t.at_ns;
    trace_rewind(r);
    while (trace_next(r, &t)) {
        if (t.kind == TRACE_MACHINE && t.machine >= 0 && t.machine < MACHINES_MAX)
            k.machines[t.machine] = arena_dup(&d->a, t.a);
        else if (is_asked_for(&k, &t)) walk_record(&k, &t);
    }
    bool ok = !trace_is_damaged(r);
    trace_reader_free(r);
    return ok;
}

/* ---- the history ---- */

static void
say_history_error(void *ctx, const struct history_error *e)
{
    (void)ctx;
    fprintf(stderr, "gregor: history.txt:%lld: %s\n", (long long)e->line, e->what);
}

static enum query_source
source_of(const struct history_op *op)
{
    return op->kind == HISTORY_SEND ? QUERY_SENDS
         : op->kind == HISTORY_POLL ? QUERY_POLLS
                                    : QUERY_CALLS;
}

/* To a share group: how often the record that was given most often has been given by now, and how many of these records
 * are not given for the first time. */
static void
given_fact(const struct history *h, const struct history_op *op, struct fact *f)
{
    const struct history_read *reads = history_reads(h, op);
    int64_t most = 0, again = 0;
    for (int32_t i = 0; i < op->reads_n; i++) {
        most = MAX(most, (int64_t)reads[i].leader_epoch);
        again += reads[i].leader_epoch > 1;
    }
    fact_number(f, S("deliveries"), (double)most);
    fact_number(f, S("again"), (double)again);
}

static void
op_fact(const struct history *h, const struct history_op *op, struct fact *f)
{
    fact_number(f, S("at"), (double)(op->invoke_ns - h->begin_ns) / MS_IN_NS);
    if (op->complete_ns >= 0) {
        fact_number(f, S("ended"), (double)(op->complete_ns - h->begin_ns) / MS_IN_NS);
        fact_number(f, S("took"), (double)(op->complete_ns - op->invoke_ns) / MS_IN_NS);
    }
    if (op->process >= 0) fact_text(f, "process", history_process_name(h, op->process));
    if (op->topic >= 0) fact_text(f, "topic", history_topic_name(h, op->topic));
    fact_text(f, "outcome", slice_cstr(history_outcome_name(op->outcome)));
    fact_text(f, "final", op->is_final ? S("yes") : S("no"));
    fact_number(f, S("partition"), op->partition);
    fact_number(f, S("offset"), (double)op->offset);
    fact_number(f, S("error"), op->error);
    fact_number(f, S("records"), op->reads_n);
    fact_number(f, S("key"), (double)op->key);
    fact_number(f, S("value"), (double)history_value_n(op->value));
    fact_number(f, S("first"), op->reads_n ? (double)history_reads(h, op)->offset : -1);
    fact_number(f, S("node"), op->node);
    if (op->kind == HISTORY_GIVEN) given_fact(h, op, f);
}

/* When a value was sent. */
struct sending {
    uint64_t value;
    int64_t at_ns;
};

static int
by_value(const void *a, const void *b)
{
    uint64_t x = ((const struct sending *)a)->value, y = ((const struct sending *)b)->value;
    return x < y ? -1 : x > y;
}

/* All sendings of a history, in the order of their values. */
static struct sending *
sendings_of(struct desk *d, const struct history *h, size_t *ret_n)
{
    struct sending *all = arena_alloc(&d->a, (size_t)h->ops.n * sizeof *all + 1);
    *ret_n = 0;
    for (int64_t i = 0; i < h->ops.n; i++)
        if (h->ops.v[i].kind == HISTORY_SEND)
            all[(*ret_n)++] = (struct sending){h->ops.v[i].value, h->ops.v[i].invoke_ns};
    qsort(all, *ret_n, sizeof *all, by_value);
    return all;
}

/* How old the oldest record of a poll is, in milliseconds: from when its producer was given it to when the consumer has it. */
static void
age_fact(const struct history *h, const struct history_op *op, const struct sending *sent,
         size_t sent_n, struct fact *f)
{
    int64_t first_ns = INT64_MAX;
    const struct history_read *reads = history_reads(h, op);
    for (int32_t i = 0; i < op->reads_n; i++) {
        struct sending key = {.value = reads[i].value};
        const struct sending *s = bsearch(&key, sent, sent_n, sizeof *sent, by_value);
        if (s && s->at_ns < first_ns) first_ns = s->at_ns;
    }
    if (first_ns != INT64_MAX && op->complete_ns >= 0)
        fact_number(f, S("age"), (double)(op->complete_ns - first_ns) / MS_IN_NS);
}

static bool
each_op(struct desk *d, struct slice folder, enum query_source source, struct slice name,
        fact_fn *each, void *ctx)
{
    struct history_file *file = ARENA_NEW(&d->a, struct history_file);
    struct slice text, path = arena_format(&d->a, "%.*s/history.txt", SARG(folder));
    if (!file_read_all(&d->a, (const char *)path.p, &text)) return false;
    history_file_init(file, &d->mem);
    bool ok = history_file_read(file, text, say_history_error, NULL) == 0;
    const struct history *h = &file->history;
    int64_t begin_ns = h->begin_ns ? h->begin_ns : file->facts.begin_ns;
    file->history.begin_ns = begin_ns;
    size_t sent_n = 0;
    const struct sending *sent =
        source == QUERY_POLLS || slice_eq(name, slice_cstr(history_kind_name(HISTORY_GIVEN)))
            ? sendings_of(d, h, &sent_n)
            : NULL;
    for (int64_t i = 0; i < h->ops.n; i++) {
        const struct history_op *op = &h->ops.v[i];
        struct fact f = {0};
        if (source_of(op) != source) continue;
        struct slice is = source == QUERY_CALLS ? slice_cstr(history_kind_name(op->kind))
                        : op->process >= 0      ? history_process_name(h, op->process)
                                                : SLICE_EMPTY;
        if (!slice_eq(name, S("any")) && !slice_eq(name, is)) continue;
        op_fact(h, op, &f);
        if (sent_n) age_fact(h, op, sent, sent_n, &f);
        each(ctx, &f);
    }
    history_file_release(file);
    return ok;
}

/* ---- what a student wrote ---- */

/* Each value by its path, as a.b; yes and no are 1 and 0. */
static void
written_fields(struct desk *d, const struct tree *t, struct slice path, struct fact *f)
{
    struct value v;
    if (t->kind == TREE_MAP) {
        for (int32_t i = 0; i < t->n; i++) {
            struct slice key = t->pairs[i].key;
            written_fields(d, t->pairs[i].value,
                           path.n ? arena_format(&d->a, "%.*s.%.*s", SARG(path), SARG(key)) : key,
                           f);
        }
    } else if (t->kind == TREE_TEXT) {
        value_of_text(t->text, &v);
        bool is_yes = slice_eq(t->text, S("yes"));
        if (is_yes || slice_eq(t->text, S("no"))) fact_number(f, path, is_yes);
        else if (v.is_text)
            fact_text(f, (const char *)arena_format(&d->a, "%.*s", SARG(path)).p, v.text);
        else fact_number(f, path, v.number);
    }
}

static bool
each_written(struct desk *d, struct slice folder, struct slice name, fact_fn *each, void *ctx)
{
    struct source *s = ARENA_NEW(&d->a, struct source);
    struct fact f = {0};
    struct diags diags;
    diags_init(&diags, &d->a);
    s->path = arena_format(&d->a, "%.*s/%.*s", SARG(folder), SARG(name));
    if (!file_read_all(&d->a, (const char *)s->path.p, &s->text)) return false;
    struct trees all = tree_parse(&d->a, s, &diags);
    if (diags.errors || !all.n) return false;
    written_fields(d, all.v[0], SLICE_EMPTY, &f);
    each(ctx, &f);
    return true;
}

/* ---- what a program of the lab said of the real thing ---- */

#define MEASURED_NUMBERS 6

/* "  12.5 s  two workers run" → "two workers run" */
static struct slice
without_time(struct slice line)
{
    int64_t at = slice_find(line, 's', 0);
    bool is_timed = at > 0 && slice_trim(slice_sub(line, 0, at)).n > 0;
    for (int64_t i = 0; is_timed && i < at; i++)
        is_timed = line.p[i] == ' ' || line.p[i] == '.' || (line.p[i] >= '0' && line.p[i] <= '9');
    return slice_trim(is_timed ? slice_sub(line, at + 1, line.n) : line);
}

/* The numbers that stand in it, n1 to n6. */
static void
measured_numbers(struct desk *d, struct slice line, struct fact *f)
{
    for (int64_t i = 0, k = 0; i < line.n && k < MEASURED_NUMBERS;) {
        int64_t from = i, v;
        while (i < line.n && line.p[i] >= '0' && line.p[i] <= '9') i++;
        if (i == from) {
            i++;
            continue;
        }
        if (slice_to_i64(slice_sub(line, from, i - from), &v))
            fact_number(f, arena_format(&d->a, "n%d", (int)++k), (double)v);
    }
}

static bool
each_measured(struct desk *d, struct slice folder, struct slice name, fact_fn *each, void *ctx)
{
    struct slice text;
    if (!file_read_all(&d->a,
                       (const char *)arena_format(&d->a, "%.*s/%.*s", SARG(folder), SARG(name)).p,
                       &text))
        return false;
    while (text.n) {
        struct fact f = {0};
        int64_t end = slice_find(text, '\n', 0);
        struct slice line = without_time(end < 0 ? text : slice_sub(text, 0, end));
        text = end < 0 ? SLICE_EMPTY : slice_sub(text, end + 1, text.n);
        fact_text(&f, "line", line);
        measured_numbers(d, line, &f);
        each(ctx, &f);
    }
    return true;
}

/* ---- all of them ---- */

bool
facts_each(struct desk *d, struct slice folder, enum query_source source, struct slice name,
           fact_fn *each, void *ctx)
{
    switch (source) {
    case QUERY_ANOMALIES: return each_anomaly(d, folder, name, each, ctx);
    case QUERY_NOTES:
    case QUERY_FAULTS:
    case QUERY_LIVES:
    case QUERY_REQUESTS:
    case QUERY_ANSWERS: return each_record(d, folder, source, name, each, ctx);
    case QUERY_ERRORS:
    case QUERY_BATCHES:
    case QUERY_DISK: return inside_each(d, folder, source, name, each, ctx);
    case QUERY_WRITTEN: return each_written(d, folder, name, each, ctx);
    case QUERY_MEASURED: return each_measured(d, folder, name, each, ctx);
    case QUERY_SENDS:
    case QUERY_POLLS:
    case QUERY_CALLS: return each_op(d, folder, source, name, each, ctx);
    default: return false;
    }
}

bool
source_knows(enum query_source source, struct slice name, struct words *known)
{
    int64_t before = known->v.n;
    if (source == QUERY_NOTES)
        for (int i = 0; i < NOTE_KINDS_N; i++)
            words_add(known, slice_cstr(note_spelling((enum note_kind)i)));
    else if (source == QUERY_ANOMALIES)
        for (int i = 0; i < RULES_N; i++) words_add(known, slice_cstr(rule_spelling((enum rule)i)));
    else if (source == QUERY_LIVES)
        for (int i = 0; i < (int)ARRAY_LEN(life_words); i++)
            words_add(known, slice_cstr(life_words[i]));
    else if (source == QUERY_CALLS)
        for (int i = 0; i < HISTORY_KINDS_N; i++)
            words_add(known, slice_cstr(history_kind_names[i]));
    else if (source == QUERY_REQUESTS || source == QUERY_ANSWERS) {
        for (int16_t i = 0; i < 128; i++)
            if (k_api_of(i)) words_add(known, k_api_name(i));
    } else if (source == QUERY_ERRORS || source == QUERY_BATCHES || source == QUERY_DISK) {
        inside_words(source, known);
    } else return true;
    words_add(known, S("any"));
    for (int64_t i = before; i < known->v.n; i++)
        if (slice_eq(known->v.v[i], name))
            return source != QUERY_NOTES || !slice_eq(name, S("any"));
    return false;
}
