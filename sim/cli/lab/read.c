/* Reads a lab.yaml; whatever is wrong in it is said with its file, line and column, all at once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/base/check.h"
#include "sim/cli/lab/fields.h"
#include "sim/cli/lab/lab.h"

#define TEXT_KEY(type, member) \
    static void read_##type##_##member(struct fields *r, const struct tree *t, void *into) \
    { \
        ((struct lab_##type *)into)->member = fields_text(r, t); \
    }

/* ---- runs ---- */

TEXT_KEY(run, scenario)
TEXT_KEY(run, seeds)
TEXT_KEY(run, bug)
TEXT_KEY(run, only)

static void
read_students_scenario(struct fields *r, const struct tree *t, void *into)
{
    struct lab_run *run = into;
    run->scenario = fields_text(r, t);
    run->is_students = true;
}

static void
read_sets(struct fields *r, const struct tree *t, void *into)
{
    struct lab_run *run = into;
    run->sets = fields_list(r, t, &run->sets_n);
}

static const struct field run_keys[] = {{"scenario", read_run_scenario, false},
                                        {"student", read_students_scenario, false},
                                        {"seed", read_run_seeds, false},
                                        {"seeds", read_run_seeds, false},
                                        {"set", read_sets, false},
                                        {"bug", read_run_bug, false},
                                        {"only", read_run_only, false}};

static bool
run_is_known(const struct lab_run *runs, int32_t n, struct slice id)
{
    for (int32_t i = 0; i < n; i++)
        if (slice_eq(runs[i].id, id)) return true;
    return false;
}

struct lab_run *
lab_read_runs(struct fields *r, const struct tree *t, int32_t *ret_n)
{
    int32_t n = 0;
    *ret_n = 0;
    if (t->kind != TREE_MAP) {
        diag_error(&r->diags, t->mark, "crash: {scenario: crash.yaml}", "runs is a map");
        return NULL;
    }
    struct lab_run *all = ARENA_ARRAY(&r->d->a, struct lab_run, t->n + 1);
    for (int32_t i = 0; i < t->n; i++) {
        struct lab_run run = {.id = t->pairs[i].key, .mark = t->pairs[i].mark};
        uint64_t from, to;
        fields_map(r, t->pairs[i].value, "a run", run_keys, ARRAY_LEN(run_keys), &run);
        if (!run.scenario.n)
            diag_error(&r->diags, run.mark, "scenario: crash.yaml", "which scenario does it run?");
        if (run.seeds.n && !parse_seeds(run.seeds, &from, &to))
            diag_error(&r->diags, run.mark, NULL, "seeds are a number, or a range like 1..10");
        if (run_is_known(all, n, run.id))
            diag_error(&r->diags, run.mark, NULL, "there is a run %.*s already", SARG(run.id));
        all[n++] = run;
    }
    *ret_n = n;
    return all;
}

/* Those of the lab and those of its exercise are told apart, and share their names. */
static void
read_runs(struct fields *r, const struct tree *t, bool of_exercise)
{
    struct lab *l = r->whole;
    int32_t n;
    struct lab_run *more = lab_read_runs(r, t, &n),
                   *all = ARENA_ARRAY(&r->d->a, struct lab_run, l->runs_n + n + 1);
    for (int32_t i = 0; i < l->runs_n; i++) all[i] = l->runs[i];
    for (int32_t i = 0; i < n; i++) {
        more[i].is_exercise = of_exercise;
        if (run_is_known(all, l->runs_n, more[i].id))
            diag_error(&r->diags, more[i].mark, NULL, "there is a run %.*s already",
                       SARG(more[i].id));
        all[l->runs_n++] = more[i];
    }
    l->runs = all;
}

static void
read_lab_runs(struct fields *r, const struct tree *t, void *into)
{
    (void)into;
    read_runs(r, t, false);
}

struct lab_run *
lab_find_run(const struct lab *l, struct slice id)
{
    for (int32_t i = 0; i < l->runs_n; i++)
        if (slice_eq(l->runs[i].id, id)) return &l->runs[i];
    return NULL;
}

void
lab_need_run(void *ctx, struct slice run, struct mark at)
{
    struct fields *r = ctx;
    struct words known = {.arena = &r->d->a};
    if (lab_find_run(((struct lab *)r->whole), run)) return;
    for (int32_t i = 0; i < ((struct lab *)r->whole)->runs_n; i++)
        words_add(&known, ((struct lab *)r->whole)->runs[i].id);
    diag_error(&r->diags, at, words_advice(&known, run), "there is no run %.*s", SARG(run));
}

/* ---- questions ---- */

/* is, min and max; a text that is a number is one. */
static void
read_is(struct fields *r, const struct tree *t, void *into)
{
    struct lab_wanted *w = into;
    struct slice text = fields_text(r, t);
    if (number_read(text, SLICE_NULL, &w->min)) w->has_min = w->has_max = true, w->max = w->min;
    else w->is = text;
}
static void
read_min(struct fields *r, const struct tree *t, void *into)
{
    struct lab_wanted *w = into;
    w->has_min = fields_number(r, t, &w->min);
}
static void
read_max(struct fields *r, const struct tree *t, void *into)
{
    struct lab_wanted *w = into;
    w->has_max = fields_number(r, t, &w->max);
}
static const struct field wanted_keys[] = {
    {"is", read_is, false}, {"min", read_min, false}, {"max", read_max, false}};

TEXT_KEY(question, ask)
TEXT_KEY(question, why)
TEXT_KEY(question, look)
TEXT_KEY(question, unit)

static void
read_within(struct fields *r, const struct tree *t, void *into)
{
    struct lab_question *q = into;
    struct slice text = fields_text(r, t);
    q->is_percent = text.n && text.p[text.n - 1] == '%';
    if (!number_read(slice_sub(text, 0, text.n - q->is_percent), SLICE_NULL, &q->within) ||
        q->within < 0)
        diag_error(&r->diags, t->mark, NULL, "a number, or a share like 20%%");
}

static void
read_answer(struct fields *r, const struct tree *t, void *into)
{
    ((struct lab_question *)into)->answer = query_read(r->d, t, SLICE_NULL, &r->diags);
}

static void
read_question_at(struct fields *r, const struct tree *t, void *into)
{
    ((struct lab_question *)into)->at = query_read(r->d, t, SLICE_NULL, &r->diags);
}

static void
read_choices(struct fields *r, const struct tree *t, void *into)
{
    struct lab_question *q = into;
    if (t->kind != TREE_MAP || t->n < 2) {
        diag_error(&r->diags, t->mark, "{shorter: {max: -1}, same: {is: 0}, longer: {min: 1}}",
                   "choices are a map of two or more words");
        return;
    }
    q->choices = ARENA_ARRAY(&r->d->a, struct lab_choice, t->n);
    for (int32_t i = 0; i < t->n; i++) {
        struct lab_choice *c = &q->choices[q->choices_n++];
        c->word = t->pairs[i].key;
        fields_map(r, t->pairs[i].value, "a choice", wanted_keys, ARRAY_LEN(wanted_keys),
                   &c->right);
    }
}

static const struct field question_keys[] = {
    {"ask", read_question_ask, true},    {"answer", read_answer, true},
    {"choices", read_choices, false},    {"within", read_within, false},
    {"unit", read_question_unit, false}, {"why", read_question_why, true},
    {"look", read_question_look, true},  {"at", read_question_at, false}};

void
lab_read_questions(struct fields *r, const struct tree *t, struct lab *l)
{
    if (t->kind != TREE_MAP || !t->n) {
        diag_error(&r->diags, t->mark, NULL, "questions are a map");
        return;
    }
    l->questions = ARENA_ARRAY(&r->d->a, struct lab_question, t->n);
    for (int32_t i = 0; i < t->n; i++) {
        struct lab_question *q = &l->questions[l->questions_n++];
        q->id = t->pairs[i].key;
        q->mark = t->pairs[i].mark;
        fields_map(r, t->pairs[i].value, "a question", question_keys, ARRAY_LEN(question_keys), q);
    }
}

static void
read_questions(struct fields *r, const struct tree *t, void *into)
{
    lab_read_questions(r, t, into);
}

/* ---- the exercise ---- */

TEXT_KEY(claim, say)
TEXT_KEY(claim, why)
TEXT_KEY(claim, look)

static void
read_claim_of(struct fields *r, const struct tree *t, void *into)
{
    ((struct lab_claim *)into)->of = query_read(r->d, t, SLICE_NULL, &r->diags);
}
static void
read_claim_at(struct fields *r, const struct tree *t, void *into)
{
    ((struct lab_claim *)into)->at = query_read(r->d, t, SLICE_NULL, &r->diags);
}
static void
read_claim_is(struct fields *r, const struct tree *t, void *into)
{
    read_is(r, t, &((struct lab_claim *)into)->wanted);
}
static void
read_claim_min(struct fields *r, const struct tree *t, void *into)
{
    read_min(r, t, &((struct lab_claim *)into)->wanted);
}
static void
read_claim_max(struct fields *r, const struct tree *t, void *into)
{
    read_max(r, t, &((struct lab_claim *)into)->wanted);
}

static const struct field claim_keys[] = {
    {"say", read_claim_say, true},   {"of", read_claim_of, true},    {"is", read_claim_is, false},
    {"min", read_claim_min, false},  {"max", read_claim_max, false}, {"why", read_claim_why, true},
    {"look", read_claim_look, true}, {"at", read_claim_at, false}};

/* A proof says less: what it is about stands beside it. */
static const struct field proof_keys[] = {{"of", read_claim_of, true},
                                          {"is", read_claim_is, false},
                                          {"min", read_claim_min, false},
                                          {"max", read_claim_max, false}};

struct lab_claim *
lab_read_claim(struct fields *r, const struct tree *t)
{
    struct lab_claim *c = ARENA_NEW(&r->d->a, struct lab_claim);
    c->mark = t->mark;
    c->say = c->why = c->look = SLICE_EMPTY;
    fields_map(r, t, "a proof", proof_keys, ARRAY_LEN(proof_keys), c);
    query_runs(c->of, lab_need_run, r);
    if (!c->wanted.has_min && !c->wanted.has_max && !c->wanted.is.p)
        diag_error(&r->diags, c->mark, "is, min or max", "what must it be?");
    return c;
}

static void
read_claims(struct fields *r, const struct tree *t, void *into)
{
    struct lab_exercise *e = into;
    if (t->kind != TREE_LIST || !t->n) {
        diag_error(&r->diags, t->mark, NULL, "checks are a list");
        return;
    }
    e->claims = ARENA_ARRAY(&r->d->a, struct lab_claim, t->n);
    for (int32_t i = 0; i < t->n; i++) {
        struct lab_claim *c = &e->claims[e->claims_n++];
        c->mark = t->items[i]->mark;
        fields_map(r, t->items[i], "a check", claim_keys, ARRAY_LEN(claim_keys), c);
        if (!c->wanted.has_min && !c->wanted.has_max && !c->wanted.is.p)
            diag_error(&r->diags, c->mark, "is, min or max", "what must it be?");
    }
}

static void
read_exercise_runs(struct fields *r, const struct tree *t, void *into)
{
    (void)into;
    read_runs(r, t, true);
}
TEXT_KEY(exercise, ask)
static void
read_files(struct fields *r, const struct tree *t, void *into)
{
    struct lab_exercise *e = into;
    e->files = fields_list(r, t, &e->files_n);
}

static const struct field exercise_keys[] = {{"ask", read_exercise_ask, true},
                                             {"files", read_files, true},
                                             {"runs", read_exercise_runs, false},
                                             {"checks", read_claims, true}};

static void
read_exercise(struct fields *r, const struct tree *t, void *into)
{
    struct lab *l = into;
    l->exercise = ARENA_NEW(&r->d->a, struct lab_exercise);
    fields_map(r, t, "an exercise", exercise_keys, ARRAY_LEN(exercise_keys), l->exercise);
}

/* ---- pictures and hints ---- */

TEXT_KEY(picture, run)
TEXT_KEY(picture, seed)
TEXT_KEY(picture, draw)
static void
read_args(struct fields *r, const struct tree *t, void *into)
{
    struct lab_picture *p = into;
    p->args = fields_list(r, t, &p->args_n);
}
static const struct field picture_keys[] = {{"run", read_picture_run, true},
                                            {"seed", read_picture_seed, false},
                                            {"draw", read_picture_draw, true},
                                            {"args", read_args, false}};

static void
read_pictures(struct fields *r, const struct tree *t, void *into)
{
    struct lab *l = into;
    if (t->kind != TREE_MAP) {
        diag_error(&r->diags, t->mark, "crash.svg: {run: crash, draw: timeline}",
                   "pictures are a map");
        return;
    }
    l->pictures = ARENA_ARRAY(&r->d->a, struct lab_picture, t->n + 1);
    for (int32_t i = 0; i < t->n; i++) {
        struct lab_picture *p = &l->pictures[l->pictures_n++];
        *p = (struct lab_picture){.file = t->pairs[i].key, .mark = t->pairs[i].mark};
        fields_map(r, t->pairs[i].value, "a picture", picture_keys, ARRAY_LEN(picture_keys), p);
        if (p->draw.n && !slice_eq(p->draw, S("timeline")) && !slice_eq(p->draw, S("frame")))
            diag_error(&r->diags, p->mark, "timeline or frame", "it cannot draw a %.*s",
                       SARG(p->draw));
    }
}

struct slice (*lab_read_hints(struct fields *r, const struct tree *t, int32_t *ret_n))[LAB_HINTS]
{
    struct slice(*all)[LAB_HINTS] = arena_alloc(&r->d->a, (int64_t)sizeof *all * (t->n + 1));
    *ret_n = 0;
    for (int32_t i = 0; t->kind == TREE_LIST && i < t->n; i++) {
        const struct tree *one = t->items[i];
        if (one->kind != TREE_LIST || one->n != LAB_HINTS) {
            diag_error(&r->diags, one->mark, "[where to look, which rule, which line]",
                       "a hint has three levels");
            continue;
        }
        for (int k = 0; k < LAB_HINTS; k++) all[*ret_n][k] = fields_text(r, one->items[k]);
        (*ret_n)++;
    }
    if (!*ret_n) diag_error(&r->diags, t->mark, NULL, "hints are a list");
    return all;
}

static void
read_hints(struct fields *r, const struct tree *t, void *into)
{
    struct lab *l = into;
    l->hints = lab_read_hints(r, t, &l->hints_n);
}

/* ---- the whole ---- */

static void
read_id(struct fields *r, const struct tree *t, void *into)
{
    ((struct lab *)into)->id = fields_text(r, t);
}
static void
read_title(struct fields *r, const struct tree *t, void *into)
{
    ((struct lab *)into)->title = fields_text(r, t);
}
static void
read_question(struct fields *r, const struct tree *t, void *into)
{
    ((struct lab *)into)->question = fields_text(r, t);
}
static void
read_minutes(struct fields *r, const struct tree *t, void *into)
{
    struct lab *l = into;
    if (!slice_to_i64(fields_text(r, t), &l->minutes) || l->minutes < 1 || l->minutes > 600)
        diag_error(&r->diags, t->mark, NULL, "minutes are a number from 1 to 600");
}
static void
read_needs(struct fields *r, const struct tree *t, void *into)
{
    static const char *const known[] = {"mutants", "compiler", "kcat", "python", "java", "network"};
    struct lab *l = into;
    struct words words = {.arena = &r->d->a};
    for (int i = 0; i < ARRAY_LEN(known); i++) words_add(&words, slice_cstr(known[i]));
    l->needs = fields_list(r, t, &l->needs_n);
    for (int32_t i = 0; i < l->needs_n; i++) {
        bool is_known = false;
        for (int k = 0; k < ARRAY_LEN(known); k++)
            is_known |= slice_eq(l->needs[i], slice_cstr(known[k]));
        if (!is_known)
            diag_error(&r->diags, t->mark, words_advice(&words, l->needs[i]),
                       "nobody knows what %.*s is", SARG(l->needs[i]));
    }
}
static void
read_code(struct fields *r, const struct tree *t, void *into)
{
    struct lab *l = into;
    l->code = fields_list(r, t, &l->code_n);
}

static const struct field lab_keys[] = {{"lab", read_id, true},
                                        {"title", read_title, true},
                                        {"question", read_question, true},
                                        {"minutes", read_minutes, true},
                                        {"needs", read_needs, false},
                                        {"runs", read_lab_runs, false},
                                        {"questions", read_questions, true},
                                        {"exercise", read_exercise, false},
                                        {"code", read_code, false},
                                        {"hints", read_hints, true},
                                        {"pictures", read_pictures, false}};

/* What can be said only when all is read. */
static void
look_over(struct fields *r)
{
    const struct lab *l = ((struct lab *)r->whole);
    for (int32_t i = 0; i < l->questions_n; i++) {
        query_runs(l->questions[i].answer, lab_need_run, r);
        query_runs(l->questions[i].at, lab_need_run, r);
    }
    for (int32_t i = 0; l->exercise && i < l->exercise->claims_n; i++) {
        query_runs(l->exercise->claims[i].of, lab_need_run, r);
        query_runs(l->exercise->claims[i].at, lab_need_run, r);
    }
    for (int32_t i = 0; i < l->pictures_n; i++)
        lab_need_run(r, l->pictures[i].run, l->pictures[i].mark);
}

struct lab *
lab_read(struct desk *d, struct slice dir)
{
    struct lab *l = ARENA_NEW(&d->a, struct lab);
    struct fields r;
    l->dir = dir;
    l->folder = path_last(dir);
    const struct tree *t = fields_open(&r, d, path_join(d, dir, "lab.yaml"));
    if (!t) return NULL;
    r.whole = l;
    fields_map(&r, t, "a lab", lab_keys, ARRAY_LEN(lab_keys), l);
    look_over(&r);
    return fields_close(&r) ? l : NULL;
}
