/* exercise.yaml, and how this program was built. */
#include <errno.h>
#include <stdio.h>

#include "broker/base/check.h"
#include "sim/cli/lab/drill.h"
#include "sim/cli/lab/fields.h"

#define DRILL_TEXT(member, name) \
    static void read_drill_##name(struct fields *r, const struct tree *t, void *into) \
    { \
        ((struct drill *)into)->member = fields_text(r, t); \
    }

DRILL_TEXT(as_lab.id, id)
DRILL_TEXT(as_lab.title, title)
DRILL_TEXT(as_lab.question, question)
DRILL_TEXT(of_lab, lab)
DRILL_TEXT(file, file)

static void
read_drill_minutes(struct fields *r, const struct tree *t, void *into)
{
    double v = 0;
    if (fields_number(r, t, &v)) ((struct drill *)into)->as_lab.minutes = (int64_t)v;
}

static void
read_holes(struct fields *r, const struct tree *t, void *into)
{
    struct drill *x = into;
    if (t->kind == TREE_LIST) {
        x->holes = fields_list(r, t, &x->holes_n);
    } else {
        x->holes = ARENA_NEW(&r->d->a, struct slice);
        x->holes[x->holes_n++] = fields_text(r, t);
    }
    if (x->holes_n > DRILL_FILES_MAX)
        diag_error(&r->diags, t->mark, NULL, "there are at most %d files", DRILL_FILES_MAX);
}

static void
read_functions(struct fields *r, const struct tree *t, void *into)
{
    struct drill *x = into;
    x->functions = fields_list(r, t, &x->functions_n);
}

static struct drill_rule *
named_rules(struct fields *r, const struct tree *t, int32_t *ret_n)
{
    *ret_n = 0;
    if (t->kind != TREE_MAP || !t->n) {
        diag_error(&r->diags, t->mark, "monotone: It never goes back.", "rules are a map");
        return NULL;
    }
    struct drill_rule *all = ARENA_ARRAY(&r->d->a, struct drill_rule, t->n);
    for (int32_t i = 0; i < t->n; i++)
        all[(*ret_n)++] = (struct drill_rule){t->pairs[i].key, fields_text(r, t->pairs[i].value)};
    return all;
}

static void
read_rules(struct fields *r, const struct tree *t, void *into)
{
    struct drill *x = into;
    x->rules = named_rules(r, t, &x->rules_n);
}

static void
read_bugs(struct fields *r, const struct tree *t, void *into)
{
    struct drill *x = into;
    x->bugs = named_rules(r, t, &x->bugs_n);
}

static void
read_catch(struct fields *r, const struct tree *t, void *into)
{
    double v = 0;
    if (fields_number(r, t, &v)) ((struct drill *)into)->catch = (int64_t)v;
}

static void
read_draw(struct fields *r, const struct tree *t, void *into)
{
    double v = 0;
    if (fields_number(r, t, &v)) ((struct drill *)into)->draw = (int64_t)v;
}

static void
read_kind(struct fields *r, const struct tree *t, void *into)
{
    static const char *const kinds[] = {"function", "scenario", "checker"};
    struct slice text = fields_text(r, t);
    for (int i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!slice_eq(text, slice_cstr(kinds[i]))) continue;
        ((struct drill *)into)->kind = (enum drill_kind)i;
        return;
    }
    diag_error(&r->diags, t->mark, "function, scenario or checker",
               "there is no exercise of kind %.*s", SARG(text));
}

static void
read_drill_runs(struct fields *r, const struct tree *t, void *into)
{
    struct drill *x = into;
    x->as_lab.runs = lab_read_runs(r, t, &x->as_lab.runs_n);
}

static void
read_drill_hints(struct fields *r, const struct tree *t, void *into)
{
    struct drill *x = into;
    x->as_lab.hints = lab_read_hints(r, t, &x->as_lab.hints_n);
}

static const struct field drill_keys[] = {{"exercise", read_drill_id, true},
                                          {"title", read_drill_title, true},
                                          {"question", read_drill_question, true},
                                          {"lab", read_drill_lab, true},
                                          {"minutes", read_drill_minutes, true},
                                          {"kind", read_kind, false},
                                          {"hole", read_holes, false},
                                          {"functions", read_functions, false},
                                          {"rules", read_rules, false},
                                          {"runs", read_drill_runs, false},
                                          {"file", read_drill_file, false},
                                          {"bugs", read_bugs, false},
                                          {"catch", read_catch, false},
                                          {"draw", read_draw, false},
                                          {"hints", read_drill_hints, true}};

/* What its kind needs. */
static void
look_over_drill(struct fields *r, const struct drill *x, const struct tree *t)
{
    bool whole = x->kind == DRILL_FUNCTION
                   ? x->holes_n && x->holes_n <= DRILL_FILES_MAX && x->functions_n && x->rules_n &&
                         (x->as_lab.runs_n || slice_starts(x->holes[0], S("labs/")))
               : x->kind == DRILL_SCENARIO ? x->file.n && x->bugs_n && x->catch > 0 &&
                                                 x->catch <= x->draw && x->draw <= x->bugs_n
                                           : x->file.n > 0;
    static const char *const needs[] = {"hole, functions, rules, and (if it is the broker's) runs",
                                        "file, bugs, catch and draw (catch <= draw <= bugs)",
                                        "file"};
    if (!whole)
        diag_error(&r->diags, t->mark, NULL, "an exercise of this kind has %s", needs[x->kind]);
}

struct drill *
drill_read(struct desk *d, struct slice dir)
{
    struct drill *x = ARENA_NEW(&d->a, struct drill);
    struct fields r;
    const struct tree *t = fields_open(&r, d, path_join(d, dir, "exercise.yaml"));
    if (!t) return NULL;
    x->as_lab.dir = dir;
    x->as_lab.folder = path_last(dir);
    fields_map(&r, t, "an exercise", drill_keys, ARRAY_LEN(drill_keys), x);
    look_over_drill(&r, x, t);
    return fields_close(&r) ? x : NULL;
}

int32_t
drill_files_n(const struct drill *x)
{
    return x->kind == DRILL_FUNCTION ? x->holes_n : 1;
}

struct slice
drill_file(const struct drill *x, int32_t i)
{
    return x->kind == DRILL_FUNCTION ? path_last(x->holes[i]) : x->file;
}

/* ---- how this program was built ---- */

static struct slice *
line_words(struct desk *d, struct slice line, int32_t *ret_n)
{
    VEC(struct slice) v = {0};
    for (struct slice rest = slice_trim(line); rest.n;) {
        int64_t blank = slice_find(rest, ' ', 0);
        VEC_PUSH(&d->mem, &v, arena_dup(&d->a, blank < 0 ? rest : slice_sub(rest, 0, blank)));
        rest = blank < 0 ? SLICE_EMPTY : slice_trim(slice_sub(rest, blank, rest.n));
    }
    *ret_n = (int32_t)v.n;
    return v.v;
}

bool
flags_read(struct desk *d, const struct place *p, struct build_flags *ret)
{
    const char *path = path_join(d, path_parent(p->self), "lab.flags");
    struct slice text;
    if (!file_read_all(&d->a, path, &text)) {
        fprintf(stderr,
                "gregor: %s: %s\nThe exercises in C need the folder in which gregor was built, and "
                "its compiler.\n",
                path, strerror(errno));
        return false;
    }
    *ret = (struct build_flags){.root = p->root, .dir = path_parent(p->self)};
    while (text.n) {
        int64_t end = slice_find(text, '\n', 0), blank;
        struct slice line = end < 0 ? text : slice_sub(text, 0, end);
        text = end < 0 ? SLICE_EMPTY : slice_sub(text, end + 1, text.n);
        if ((blank = slice_find(line, ' ', 0)) < 0) continue;
        struct slice key = slice_sub(line, 0, blank), rest = slice_sub(line, blank, line.n);
        if (slice_eq(key, S("cc"))) ret->cc = line_words(d, rest, &ret->cc_n);
        if (slice_eq(key, S("link"))) ret->link = line_words(d, rest, &ret->link_n);
        if (slice_eq(key, S("libs"))) ret->libs = line_words(d, rest, &ret->libs_n);
        if (slice_eq(key, S("objects"))) ret->objects = line_words(d, rest, &ret->objects_n);
    }
    if (ret->cc_n && ret->objects_n) return true;
    fprintf(stderr, "gregor: %s is damaged: make writes it anew\n", path);
    return false;
}
