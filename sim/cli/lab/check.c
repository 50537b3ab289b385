/* Grades what was said against the runs, and the exercise: what was asked, what came, why, where to look. */
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/cli/lab/lab.h"
#include "visualize/words.h"

struct grading {
    struct desk *d;
    const struct place *p;
    const struct lab *l;
    struct slice mine;
    struct grades *g;
};

/* ---- values, said ---- */

/* Large ones whole, with commas as everywhere. */
static struct slice
number_said(struct desk *d, double v)
{
    char room[32];
    struct writer w = writer_fixed(room, sizeof room);
    double near = fabs(v) < 1000 ? v : floor(v + 0.5);
    if (fabs(v) >= 1e15 || near != floor(near))
        return arena_format(&d->a, fabs(v) < 10 ? "%.2f" : "%.1f", v);
    words_count(&w, (int64_t)near);
    return arena_dup(&d->a, writer_slice(&w));
}

struct slice
value_said(struct desk *d, struct value v, struct slice unit)
{
    if (v.is_none) return S("nothing of the kind");
    if (v.is_text) return v.text;
    double number = slice_eq(unit, S("ms")) ? floor(v.number + 0.5) : v.number;
    return arena_format(&d->a, "%.*s%s%.*s", SARG(number_said(d, number)), unit.n ? " " : "",
                        SARG(unit));
}

static bool
is_wanted(const struct lab_wanted *w, struct value v)
{
    if (v.is_none) return false;
    if (w->is.p) return v.is_text && slice_eq(v.text, w->is);
    if (v.is_text) return false;
    return (!w->has_min || v.number >= w->min) && (!w->has_max || v.number <= w->max);
}

static struct slice
wanted_said(struct desk *d, const struct lab_wanted *w, struct slice unit)
{
    bool is_one = w->has_min && w->has_max && w->min == w->max;
    struct slice behind = unit.n ? arena_format(&d->a, " %.*s", SARG(unit)) : SLICE_EMPTY;
    if (w->is.p) return w->is;
    if (w->has_min && w->has_max && !is_one)
        return arena_format(&d->a, "%.*s to %.*s%.*s", SARG(number_said(d, w->min)),
                            SARG(number_said(d, w->max)), SARG(behind));
    return arena_format(&d->a, "%s%.*s%.*s",
                        is_one       ? ""
                        : w->has_min ? "at least "
                                     : "at most ",
                        SARG(number_said(d, w->has_min ? w->min : w->max)), SARG(behind));
}

/* ---- folders of runs ---- */

/* The number behind the last dash. */
static uint64_t
seed_of(struct slice name)
{
    int64_t dash = name.n, v = 0;
    while (dash > 0 && name.p[dash - 1] != '-') dash--;
    (void)slice_to_i64(slice_sub(name, dash, name.n), &v);
    return (uint64_t)v;
}

static int
by_seed(const void *a, const void *b)
{
    uint64_t x = seed_of(*(const struct slice *)a), y = seed_of(*(const struct slice *)b);
    return x < y ? -1 : x > y;
}

static struct query_folders
folders_of(void *ctx, struct slice id)
{
    struct grading *k = ctx;
    struct query_folders ret = {0};
    const struct lab_run *r = lab_find_run(k->l, id);
    if (!r) return ret;
    const char *dir = runs_folder(k->d, k->mine, r);
    struct folders all = folder_names(k->d, dir);
    ret.v = ARENA_ARRAY(&k->d->a, struct slice, all.n + 1);
    for (int32_t i = 0; i < all.n; i++) {
        struct slice one = arena_format(&k->d->a, "%s/%.*s", dir, SARG(all.v[i]));
        /* Of several runs one more report lies beside their folders. */
        if (path_exists(path_join(k->d, one, "report.json"))) ret.v[ret.n++] = one;
    }
    if (ret.n) qsort(ret.v, (size_t)ret.n, sizeof *ret.v, by_seed);
    return ret;
}

/* "my-labs/…/timeline.svg at 2.979 s: the band begins" */
static struct slice
look_said(struct grading *k, const struct query_world *w, struct slice look, const struct query *at)
{
    struct value v = at ? query_ask(w, at) : (struct value){.is_none = true};
    if (v.is_none || v.is_text) return look;
    struct query_folders f = at->from.p ? folders_of(k, at->from) : (struct query_folders){0};
    if (!f.n && at->parts_n) f = folders_of(k, at->parts[0]->from);
    if (!f.n) return arena_format(&k->d->a, "at %.3f s: %.*s", v.number / 1000, SARG(look));
    return arena_format(&k->d->a, "%.*s/timeline.svg at %.3f s: %.*s", SARG(f.v[0]),
                        v.number / 1000, SARG(look));
}

/* ---- questions ---- */

static bool
is_right(const struct lab_question *q, struct slice said, struct value v, struct slice *ret_right)
{
    double number, slack = q->is_percent ? fabs(v.number) * q->within / 100 : q->within;
    if (!q->choices_n)
        return !v.is_none && !v.is_text && number_read(said, q->unit, &number) &&
               fabs(number - v.number) <= slack + 1e-9;
    for (int32_t i = 0; i < q->choices_n; i++) {
        if (!is_wanted(&q->choices[i].right, v)) continue;
        *ret_right = q->choices[i].word;
        return slice_eq_any_case(said, q->choices[i].word);
    }
    return false;
}

static void
grade_question(struct grading *k, const struct query_world *w, const struct lab_question *q,
               const struct progress *s)
{
    struct value v = query_ask(w, q->answer);
    struct slice said = progress_said(s, q->id), right = SLICE_NULL;
    struct graded row = {.asked = q->ask, .said = said, .why = q->why};
    bool ok = is_right(q, said.p ? said : SLICE_EMPTY, v, &right);
    row.came = value_said(k->d, v, q->unit.n ? q->unit : query_unit(q->answer));
    if (right.p) row.came = arena_format(&k->d->a, "%.*s (%.*s)", SARG(right), SARG(row.came));
    else if (q->within > 0)
        row.came = arena_format(&k->d->a, "%.*s, give or take %.*s%s", SARG(row.came),
                                SARG(number_said(k->d, q->within)), q->is_percent ? " %" : "");
    row.grade = !said.p ? GRADE_SKIPPED : ok ? GRADE_OK : GRADE_WRONG;
    row.look = look_said(k, w, q->look, q->at);
    for (int64_t i = 0; i < s->predicted.n; i++) {
        struct slice first = s->predicted.v[i].text;
        if (said.p && slice_eq(s->predicted.v[i].id, q->id) && !slice_eq(first, said))
            row.said = arena_format(&k->d->a, "%.*s (predicted: %.*s)", SARG(said), SARG(first));
    }
    k->g->wrong += row.grade == GRADE_WRONG;
    VEC_PUSH(&k->d->mem, &k->g->v, row);
}

/* ---- the exercise ---- */

static void
grade_claim(struct grading *k, const struct query_world *w, const struct lab_claim *c)
{
    struct value v = query_ask(w, c->of);
    struct graded row = {.asked = c->say, .said = SLICE_NULL, .why = c->why, .is_exercise = true};
    row.grade = is_wanted(&c->wanted, v) ? GRADE_OK : GRADE_WRONG;
    struct slice unit = query_unit(c->of);
    row.came = arena_format(&k->d->a, "%.*s; it must be %.*s", SARG(value_said(k->d, v, unit)),
                            SARG(wanted_said(k->d, &c->wanted, unit)));
    row.look = look_said(k, w, c->look, c->at);
    k->g->wrong += row.grade == GRADE_WRONG;
    VEC_PUSH(&k->d->mem, &k->g->v, row);
}

struct graded *
grades_add(struct desk *d, struct grades *g, enum grade grade, struct slice asked)
{
    struct graded row = {.grade = grade, .is_exercise = true, .asked = asked};
    row.came = row.why = row.look = SLICE_EMPTY;
    VEC_PUSH(&d->mem, &g->v, row);
    g->wrong += grade == GRADE_WRONG;
    g->open += grade == GRADE_OPEN;
    return &g->v.v[g->v.n - 1];
}

static void
open_exercise(struct grading *k, struct slice asked, struct slice why)
{
    grades_add(k->d, k->g, GRADE_OPEN, asked)->why = why;
}

/* The student's files are there, and are not as they were handed out. */
static bool
exercise_is_begun(struct grading *k)
{
    const struct lab_exercise *e = k->l->exercise;
    bool begun = false;
    for (int32_t i = 0; i < e->files_n; i++) {
        const char *name = (const char *)arena_dup(&k->d->a, e->files[i]).p;
        struct slice own, given;
        if (!file_read_all(&k->d->a, path_join(k->d, k->mine, name), &own)) {
            open_exercise(k, e->ask,
                          arena_format(&k->d->a,
                                       "%.*s/%s is not there: gregor lab reset %.*s brings it back",
                                       SARG(k->mine), name, SARG(k->l->id)));
            return false;
        }
        const char *first =
            path_join(k->d, k->l->dir, (const char *)arena_format(&k->d->a, "student/%s", name).p);
        begun |= !file_read_all(&k->d->a, first, &given) || !slice_eq(own, given);
    }
    if (!begun)
        open_exercise(
            k, e->ask,
            arena_format(&k->d->a, "your file in %.*s is as it was handed out", SARG(k->mine)));
    return begun;
}

static bool
grade_exercise(struct grading *k, const struct query_world *w)
{
    const struct lab_exercise *e = k->l->exercise;
    if (!e || !exercise_is_begun(k)) return true;
    for (int32_t i = 0; i < k->l->runs_n; i++) {
        const struct lab_run *r = &k->l->runs[i];
        if (!r->is_exercise) continue;
        int rc = runs_make(k->d, k->p, k->l, k->mine, r, true);
        if (rc == EXIT_USAGE && r->is_students) {
            open_exercise(
                k, e->ask,
                arena_format(&k->d->a, "%.*s cannot be run: see above", SARG(r->scenario)));
            return true;
        }
        if (rc) return false;
    }
    for (int32_t i = 0; i < e->claims_n; i++) grade_claim(k, w, &e->claims[i]);
    return true;
}

bool
lab_grade(struct desk *d, const struct place *p, const struct lab *l, struct slice mine,
          const struct progress *s, struct grades *ret)
{
    struct grading k = {d, p, l, mine, ret};
    struct query_world w = {.d = d, .folders = folders_of, .mine = mine, .dir = l->dir, .ctx = &k};
    for (int32_t i = 0; i < l->runs_n; i++) {
        if (l->runs[i].is_exercise || folders_of(&k, l->runs[i].id).n) continue;
        if (runs_make(d, p, l, mine, &l->runs[i], true)) return false;
    }
    for (int32_t i = 0; i < l->questions_n; i++) grade_question(&k, &w, &l->questions[i], s);
    return grade_exercise(&k, &w);
}

bool
lab_grade_claims(struct desk *d, const struct place *p, const struct lab *l, struct slice mine,
                 const struct guide *g, struct grades *ret)
{
    struct grading k = {d, p, l, mine, ret};
    struct query_world w = {.d = d, .folders = folders_of, .mine = mine, .dir = l->dir, .ctx = &k};
    for (int32_t i = 0; i < l->runs_n; i++)
        if (runs_make(d, p, l, mine, &l->runs[i], true)) return false;
    for (int32_t i = 0; i < g->n; i++)
        if (g->v[i].proof) grade_claim(&k, &w, g->v[i].proof);
    return true;
}

/* ---- the table ---- */

static const char *const grade_words[] = {"ok", "WRONG", "open", "skipped"};

/* A text in lines of at most 100 characters, each begun with blanks. */
static void
print_wrapped(const char *head, struct slice text)
{
    int64_t width = 84, at = 0;
    while (at < text.n || !at) {
        int64_t n = MIN(width, text.n - at);
        if (at + n < text.n) {
            int64_t cut = n;
            while (cut > 0 && text.p[at + cut] != ' ') cut--;
            if (cut > 0) n = cut;
        }
        printf("           %-5s %.*s\n", at ? "" : head, (int)n, (const char *)text.p + at);
        at += n + 1;
    }
}

void
grades_table(struct desk *d, const struct lab *l, const struct grades *g)
{
    int64_t ok = 0;
    printf("%.*s · %.*s\n", SARG(l->id), SARG(l->title));
    for (int64_t i = 0; i < g->v.n; i++) {
        const struct graded *r = &g->v.v[i];
        if (!i || r->is_exercise != g->v.v[i - 1].is_exercise)
            puts(r->is_exercise ? "\n the exercise" : "\n what you were asked");
        ok += r->grade == GRADE_OK;
        bool is_brief = r->is_exercise && r->grade == GRADE_OK;
        if (!is_brief || !i || g->v.v[i - 1].grade != GRADE_OK || !g->v.v[i - 1].is_exercise)
            puts("");
        printf("  %-8s %.*s\n", grade_words[r->grade], SARG(r->asked));
        if (is_brief) continue;
        if (r->said.p) print_wrapped("said", r->said);
        if (r->came.n) print_wrapped("came", r->came);
        if (r->why.n) print_wrapped("why", r->why);
        if (r->look.n) print_wrapped("look", r->look);
    }
    printf("\n%lld of %lld %s", (long long)ok, (long long)g->v.n, ok == 1 ? "holds" : "hold");
    if (g->wrong) printf(", %lld %s not", (long long)g->wrong, g->wrong == 1 ? "does" : "do");
    if (g->open) printf(", the exercise is open");
    if (g->v.n - ok - g->wrong - g->open)
        printf(", %lld skipped", (long long)(g->v.n - ok - g->wrong - g->open));
    puts("");
    bool questions_wrong = false;
    for (int64_t i = 0; i < g->v.n; i++)
        questions_wrong |= !g->v.v[i].is_exercise && g->v.v[i].grade == GRADE_WRONG;
    if (questions_wrong) printf("Say it again with: gregor lab predict %.*s\n", SARG(l->id));
    if (g->wrong) printf("A hint: gregor lab hint %.*s\n", SARG(l->id));
    (void)d;
}

static void
json_text(struct writer *w, const char *name, struct slice v, bool is_first)
{
    if (!is_first) fmt_char(w, ',');
    fmt_json(w, slice_cstr(name));
    fmt_char(w, ':');
    if (v.p) fmt_json(w, v);
    else fmt_str(w, "null");
}

void
grades_json(struct desk *d, const struct lab *l, const struct grades *g, struct writer *w)
{
    fmt_slice(w,
              arena_format(&d->a,
                           "{\"schema\":1,\"lab\":\"%.*s\",\"wrong\":%lld,\"open\":%lld,\"rows\":[",
                           SARG(l->id), (long long)g->wrong, (long long)g->open));
    for (int64_t i = 0; i < g->v.n; i++) {
        const struct graded *r = &g->v.v[i];
        fmt_str(w, i ? ",{" : "{");
        json_text(w, "grade", slice_cstr(grade_words[r->grade]), true);
        json_text(w, "part", r->is_exercise ? S("exercise") : S("question"), false);
        json_text(w, "asked", r->asked, false);
        json_text(w, "said", r->said, false);
        json_text(w, "came", r->came, false);
        json_text(w, "why", r->why, false);
        json_text(w, "look", r->look, false);
        fmt_char(w, '}');
    }
    fmt_str(w, "]}\n");
}
