/* Grades an exercise in C: compiles, tries cases, runs scenarios; each rule is a row of the table. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/check.h"
#include "sim/cli/lab/drill.h"

/* Time on the wall is only for what sleeps: on a busy machine it says nothing. */
#define CASES_WALL_MS 60000
#define CASES_CPU_S 2
#define RUNS_CPU_S 12
#define RUNS_WALL_MS 120000
#define MEMORY_BYTES (3LL << 30)

struct drill_check {
    struct desk *d;
    const struct place *p;
    const struct drill *x;
    struct grades *g;
    struct build_flags f;
    /* Absolute: the student's folder, what is made of their files, what is made of ours; the files. */
    const char *mine, *work, *ours, *sources[DRILL_FILES_MAX];
    struct slice look;         /* the file, or where they are */
    bool has_cases, has_watch; /* of ours: made already */
    /* Files that are ours, in the student's place: made already, each. */
    bool is_ours[DRILL_FILES_MAX], has_stand_in[DRILL_FILES_MAX];
    bool cases_only;
};

static struct graded *
row(struct drill_check *k, enum grade grade, struct slice asked)
{
    return grades_add(k->d, k->g, grade, asked);
}

static const char *
in_work(struct drill_check *k, const char *name)
{
    return (const char *)arena_format(&k->d->a, "%s/%s", k->work, name).p;
}

static const char *
in_ours(struct drill_check *k, const char *name)
{
    return (const char *)arena_format(&k->d->a, "%s/%s", k->ours, name).p;
}

static const char *
in_root(struct drill_check *k, const char *name)
{
    return (const char *)arena_format(&k->d->a, "%.*s/%s", SARG(k->f.root), name).p;
}

static const char *
in_exercise(struct drill_check *k, const char *name)
{
    return in_root(k, (const char *)arena_format(&k->d->a, "labs/exercises/%.*s/%s",
                                                 SARG(k->x->as_lab.folder), name)
                          .p);
}

/* ---- compiling ---- */

struct slice
drill_reference(struct desk *d, const struct drill *x, int32_t i, bool sanitized)
{
    return arena_format(&d->a, "labs/exercises/%.*s/reference/%d%s.o", SARG(x->as_lab.folder),
                        (int)i, sanitized ? ".asan" : "");
}

/* A teacher may have handed out our version as an object only. */
static bool
has_source(struct drill_check *k, int32_t i)
{
    return path_exists(in_root(k, (const char *)arena_dup(&k->d->a, k->x->holes[i]).p));
}

/* "student1.asan.o": of their, or of our version of each file. */
static const char *
object(struct drill_check *k, bool is_reference, int32_t i, bool sanitized)
{
    if (is_reference && !has_source(k, i))
        return in_root(k, (const char *)drill_reference(k->d, k->x, i, sanitized).p);
    struct slice name = arena_format(&k->d->a, "%s%d%s.o", is_reference ? "reference" : "student",
                                     (int)i, sanitized ? ".asan" : "");
    return is_reference || k->is_ours[i] ? in_ours(k, (const char *)name.p)
                                         : in_work(k, (const char *)name.p);
}

/* Behind those that are there already: of both versions of all files, and NULL. */
static void
add_objects(struct drill_check *k, const char **objects, int n, bool sanitized)
{
    for (int32_t i = 0; i < k->x->holes_n; i++) {
        objects[n++] = object(k, false, i, sanitized);
        objects[n++] = object(k, true, i, sanitized);
    }
    objects[n] = NULL;
}
#define OBJECTS_MAX (4 + 2 * DRILL_FILES_MAX)

static struct compiled
compile_one_students(struct drill_check *k, int32_t i)
{
    if (k->is_ours[i] && k->has_stand_in[i]) return (struct compiled){.ok = true};
    k->has_stand_in[i] = k->is_ours[i];
    struct compiled c = compile_one(k->d, &k->f, k->x, k->sources[i], object(k, false, i, true),
                                    COMPILE_STUDENT, true, k->work);
    if (c.ok && !k->cases_only) /* optimised as the broker is, the compiler sees other things */
        c = compile_one(k->d, &k->f, k->x, k->sources[i], object(k, false, i, false),
                        COMPILE_STUDENT, false, k->work);
    return c;
}

/* False: it does not compile, and a row says why. */
static bool
compile_students(struct drill_check *k)
{
    struct compiled c = {.ok = true};
    int32_t at = 0;
    for (int32_t i = 0; c.ok && !c.has_warnings && i < k->x->holes_n; i++)
        c = compile_one_students(k, at = i);
    struct graded *r = row(k, c.ok && !c.has_warnings ? GRADE_OK : GRADE_WRONG,
                           S("compile: it compiles as the broker does, without a warning"));
    r->look = slice_cstr(k->sources[at]);
    r->came = !c.ok          ? S("it does not compile")
            : c.has_warnings ? S("it compiles, with warnings")
                             : S("it compiles");
    r->why = c.says.n ? c.says
                      : S("The broker is built with these warnings as errors: each of them has "
                          "found mistakes.");
    for (int32_t i = at + 1; c.ok && i < k->x->holes_n; i++) /* behind one with warnings */
        c = compile_one_students(k, i);
    return c.ok;
}

/* Ours must compile; if not the exercise is broken, and not the student's work. */
static bool
compile_ours(struct drill_check *k, const char *source, const char *object, enum compile_as as,
             bool sanitized)
{
    struct compiled c = compile_one(k->d, &k->f, k->x, source, object, as, sanitized, k->work);
    if (!c.ok) fprintf(stderr, "gregor: %s: %.*s\n", source, SARG(c.says));
    return c.ok;
}

static bool
link_ours(struct drill_check *k, const char *const *objects, bool with_gregor, bool sanitized,
          const char *program)
{
    struct compiled c =
        link_program(k->d, &k->f, objects, with_gregor, sanitized, program, k->work);
    if (c.ok) return true;
    struct graded *r = row(k, GRADE_WRONG, S("compile: it fits in the place of the broker's own"));
    r->came = S("it cannot be linked");
    r->why = c.says;
    r->look = k->look;
    return false;
}

/* ---- cases ---- */

/* A word up to the next tab. */
static struct slice
next_word(struct slice *line)
{
    int64_t tab = slice_find(*line, '\t', 0);
    struct slice w = tab < 0 ? *line : slice_sub(*line, 0, tab);
    *line = tab < 0 ? SLICE_EMPTY : slice_sub(*line, tab + 1, line->n);
    return w;
}

static struct slice
next_line(struct slice *text)
{
    int64_t end = slice_find(*text, '\n', 0);
    struct slice line = end < 0 ? *text : slice_sub(*text, 0, end);
    *text = end < 0 ? SLICE_EMPTY : slice_sub(*text, end + 1, text->n);
    return line;
}

/* What cases.c wrote of a rule: how many cases held, and the first that did not. */
struct rule_tally {
    int64_t held, broken;
    struct slice of, got, wanted;
};

static void
tally_line(struct drill_check *k, struct rule_tally *t, struct slice line)
{
    struct slice what = next_word(&line), rule = next_word(&line);
    for (int32_t i = 0; i < k->x->rules_n; i++) {
        if (!slice_eq(k->x->rules[i].name, rule)) continue;
        if (slice_eq(what, S("ok"))) t[i].held++;
        if (!slice_eq(what, S("bad"))) return;
        if (t[i].broken++) return;
        t[i].of = next_word(&line), t[i].got = next_word(&line), t[i].wanted = next_word(&line);
        return;
    }
    if (rule.n)
        fprintf(stderr, "gregor: cases.c speaks of a rule that exercise.yaml has not: %.*s\n",
                SARG(rule));
}

/* The first line of what a sanitizer says, without its process number. */
static struct slice
sanitizer_says(struct drill_check *k, const char *path)
{
    static const char *const marks[] = {"runtime error: ", "AddressSanitizer: ", "CHECK failed: "};
    struct slice text;
    if (!file_read_all(&k->d->a, path, &text)) return SLICE_EMPTY;
    for (int m = 0; m < 3; m++)
        for (int64_t i = 0; i + 16 < text.n; i++) {
            if (memcmp(text.p + i, marks[m], strlen(marks[m])) != 0) continue;
            struct slice rest = slice_sub(text, i + (int64_t)strlen(marks[m]), text.n);
            struct slice line = next_line(&rest);
            int64_t address = slice_find(line, '(', 0);
            return address > 0 && m == 1 ? slice_trim(slice_sub(line, 0, address)) : line;
        }
    return SLICE_EMPTY;
}

/* "it does not come to an end", "it crashes": a sentence, or empty. */
static struct slice
how_it_ended(struct drill_check *k, struct ended e, const char *err)
{
    struct slice says = sanitizer_says(k, err);
    if (e.how == END_TIME) return S("it does not come to an end");
    if (says.n) return arena_format(&k->d->a, "it reaches where it must not: %.*s", SARG(says));
    if (e.how == END_SIGNAL) return arena_format(&k->d->a, "it crashes: %s", strsignal(e.code));
    if (e.how == END_NOT_STARTED) return S("it could not be started");
    if (e.code > 1) return arena_format(&k->d->a, "it ends the program with %d", e.code);
    return SLICE_EMPTY;
}

static void
grade_cases(struct drill_check *k, struct rule_tally *t, struct ended e)
{
    struct slice now, fate = how_it_ended(k, e, in_work(k, "cases.err"));
    if (fate.n) {
        struct graded *r = row(k, GRADE_WRONG,
                               S("ends: each call comes back, and touches only what it was given"));
        r->came = fate;
        if (file_read_all(&k->d->a, in_work(k, "now.txt"), &now) && now.n)
            r->came = arena_format(&k->d->a, "%.*s; in the case: %.*s", SARG(fate),
                                   SARG(next_line(&now)));
        r->why = S("In the broker a rule that crashes ends the node, and one that does not end "
                   "stops it; a length is looked at before an array is.");
        r->look = k->look;
    }
    for (int32_t i = 0; i < k->x->rules_n; i++) {
        const struct drill_rule *rule = &k->x->rules[i];
        enum grade grade = t[i].broken ? GRADE_WRONG
                         : t[i].held   ? GRADE_OK
                         : fate.n      ? GRADE_SKIPPED
                                       : GRADE_WRONG;
        struct graded *r =
            row(k, grade, arena_format(&k->d->a, "%.*s: %.*s", SARG(rule->name), SARG(rule->says)));
        if (t[i].broken)
            r->came =
                arena_format(&k->d->a, "%.*s: yours says %.*s, right is %.*s (%lld of %lld cases)",
                             SARG(t[i].of), SARG(t[i].got), SARG(t[i].wanted),
                             (long long)t[i].broken, (long long)(t[i].broken + t[i].held));
        else if (t[i].held) r->came = arena_format(&k->d->a, "%lld cases", (long long)t[i].held);
        else r->came = S("no case came to this rule");
        r->look = arena_format(&k->d->a, "labs/exercises/%.*s/cases.c", SARG(k->x->as_lab.folder));
    }
}

static bool
compile_references(struct drill_check *k, bool sanitized)
{
    bool ok = true;
    for (int32_t i = 0; ok && i < k->x->holes_n; i++) {
        const char *hole = in_root(k, (const char *)arena_dup(&k->d->a, k->x->holes[i]).p);
        if (has_source(k, i))
            ok = compile_ours(k, hole, object(k, true, i, sanitized), COMPILE_REFERENCE, sanitized);
    }
    return ok;
}

static bool
make_cases(struct drill_check *k)
{
    if (k->has_cases) return true;
    k->has_cases =
        compile_references(k, true) &&
        compile_ours(k, in_exercise(k, "cases.c"), in_ours(k, "cases.o"), COMPILE_PLAIN, true) &&
        compile_ours(k, in_root(k, "labs/exercises/judge.c"), in_ours(k, "judge.o"), COMPILE_PLAIN,
                     true);
    return k->has_cases;
}

static bool
try_cases(struct drill_check *k)
{
    const char *program = in_work(k, "cases"), *argv[] = {program, NULL};
    const char *objects[OBJECTS_MAX] = {in_ours(k, "cases.o"), in_ours(k, "judge.o")};
    const char *now = (const char *)arena_format(&k->d->a, "GREGOR_NOW=%s/now.txt", k->work).p;
    const char *dice =
        (const char *)arena_format(
            &k->d->a, "GREGOR_DICE=%llu",
            (unsigned long long)(k->p->student.n ? own_dice(k->p->student, k->x->as_lab.id) : 0))
            .p;
    const char *env[] = {
        now, dice,
        "ASAN_OPTIONS=detect_leaks=0:hard_rss_limit_mb=1024:abort_on_error=0:exitcode=99",
        "UBSAN_OPTIONS=print_stacktrace=0", NULL};
    struct limits l = {.wall_ms = CASES_WALL_MS,
                       .cpu_s = CASES_CPU_S,
                       .file_bytes = 64LL << 20,
                       .writes = k->work};
    struct slice text;
    if (!make_cases(k)) return false;
    add_objects(k, objects, 2, true);
    if (!link_ours(k, objects, false, true, program)) return true;
    struct ended e = sandbox_run(argv, env, &l, in_work(k, "cases.txt"), in_work(k, "cases.err"));
    struct rule_tally *t = ARENA_ARRAY(&k->d->a, struct rule_tally, k->x->rules_n + 1);
    if (!file_read_all(&k->d->a, in_work(k, "cases.txt"), &text)) return false;
    while (text.n) tally_line(k, t, next_line(&text));
    grade_cases(k, t, e);
    return true;
}

/* ---- runs ---- */

/* scenario, seed, milliseconds, machine, text: the first of a run. */
struct remark {
    struct slice scenario, seed, at, machine, text;
};

static bool
first_remark(struct drill_check *k, const char *path, struct remark *ret)
{
    struct slice text;
    if (!file_read_all(&k->d->a, path, &text) || !text.n) return false;
    struct slice line = next_line(&text);
    ret->scenario = next_word(&line), ret->seed = next_word(&line), ret->at = next_word(&line),
    ret->machine = next_word(&line);
    ret->text = line;
    return true;
}

/* The first report that is not a pass; null: all passed. */
static struct slice
first_failure(struct drill_check *k, struct slice text, int64_t *ret_passed)
{
    struct slice failed = SLICE_NULL;
    while (text.n) {
        struct source s = {.path = S("report"), .text = next_line(&text)};
        struct diags diags;
        diags_init(&diags, &k->d->a);
        struct trees all = tree_parse(&k->d->a, &s, &diags);
        const struct tree *verdict = all.n ? tree_get(all.v[0], S("verdict")) : NULL;
        if (!verdict) continue;
        if (slice_eq(verdict->text, S("pass"))) {
            ++*ret_passed;
            continue;
        }
        const struct tree *reasons = tree_get(all.v[0], S("reasons")),
                          *name = tree_get(all.v[0], S("scenario")),
                          *seed = tree_get(all.v[0], S("seed"));
        struct slice why = reasons && reasons->n ? reasons->items[0]->text : SLICE_EMPTY;
        if (!failed.p)
            failed =
                arena_format(&k->d->a, "%.*s, seed %.*s: %.*s%s%.*s", SARG(name->text),
                             SARG(seed->text), SARG(verdict->text), why.n ? ": " : "", SARG(why));
    }
    return failed;
}

/* As the timeline counts. */
static struct slice
when_said(struct drill_check *k, const struct remark *m)
{
    double ms = strtod((const char *)arena_dup(&k->d->a, m->at).p, NULL);
    return ms < 0 ? S("before the topics are there")
                  : arena_format(&k->d->a, "at %.3f s", ms / 1000);
}

static struct limits
run_limits(const struct drill_check *k)
{
    return (struct limits){.wall_ms = RUNS_WALL_MS,
                           .cpu_s = RUNS_CPU_S,
                           .memory_bytes = MEMORY_BYTES,
                           .file_bytes = 256LL << 20,
                           .writes = k->mine,
                           .cwd = (const char *)k->f.root.p};
}

/* Where its timeline is; a run that was one of many is made once more, and drawn. */
static struct slice
draw_remark(struct drill_check *k, const char *scenario, bool is_drawn, const struct remark *m)
{
    const char *out = in_work(k, "../runs"), *seed = (const char *)arena_dup(&k->d->a, m->seed).p;
    const char *argv[] = {
        in_work(k, "gregor"), "run", scenario, "--seed", seed, "--out", out, NULL};
    struct limits l = run_limits(k);
    if (!is_drawn) sandbox_run(argv, NULL, &l, NULL, NULL);
    return arena_format(&k->d->a, "%s/runs/%.*s-%.*s/timeline.svg %.*s, and story.txt beside it",
                        k->mine, SARG(m->scenario), SARG(m->seed), SARG(when_said(k, m)));
}

/* A scenario with the student's code in the broker, and what came of it. */
struct trial {
    const struct lab_run *of;
    const char *scenario;
    struct slice seeds;
    bool
        is_one; /* run: its pictures are drawn at once; of several only the one that is told of is drawn */
    struct slice fate;   /* of the process; empty: nothing is to be said */
    struct slice failed; /* null: no run did */
    int64_t passed;
    bool ended_well;
    bool differs; /* a decision, from the broker's own; the first one: */
    struct remark remark;
};

static struct ended
run_trial(struct drill_check *k, const struct trial *t, const char *out, const char *err,
          const char *remarks)
{
    struct arena *a = &k->d->a;
    const struct lab_run *r = t->of;
    const char *argv[64];
    const char *env[] = {(const char *)arena_format(a, "GREGOR_REMARKS=%s", remarks).p, NULL};
    struct limits l = run_limits(k);
    int n = 0;
    argv[n++] = in_work(k, "gregor"), argv[n++] = "run", argv[n++] = t->scenario,
    argv[n++] = "--json", argv[n++] = "--jobs", argv[n++] = "2", argv[n++] = "--apart";
    if (t->seeds.n) argv[n++] = "--seed", argv[n++] = (const char *)arena_dup(a, t->seeds).p;
    if (r->only.n) argv[n++] = "--only", argv[n++] = (const char *)arena_dup(a, r->only).p;
    for (int32_t i = 0; i < r->sets_n && n < 60; i++)
        argv[n++] = "--set", argv[n++] = (const char *)arena_dup(a, r->sets[i]).p;
    if (t->is_one) argv[n++] = "--out", argv[n++] = in_work(k, "../runs");
    argv[n] = NULL;
    (void)remove(remarks);
    return sandbox_run(argv, env, &l, out, err);
}

static struct trial
try_run(struct drill_check *k, const struct lab_run *r)
{
    struct arena *a = &k->d->a;
    const char *out = in_work(k, "run.txt"), *err = in_work(k, "run.err"),
               *remarks = in_work(k, "remarks.txt");
    struct slice about = arena_format(a, "%.*s %.*s", SARG(k->x->as_lab.id), SARG(r->id));
    struct trial t = {.of = r,
                      .scenario = in_exercise(k, (const char *)arena_dup(a, r->scenario).p),
                      .seeds = own_seeds(k->d, k->p->student, about, r->seeds),
                      .failed = SLICE_NULL};
    struct slice text = SLICE_EMPTY;
    t.is_one = slice_find(t.seeds, '.', 0) < 0;
    struct ended e = run_trial(k, &t, out, err, remarks);
    t.fate = how_it_ended(k, e, err);
    t.ended_well = e.how == END_EXIT && e.code <= EXIT_DIED; /* a run that dies has its report */
    if (file_read_all(a, out, &text)) t.failed = first_failure(k, text, &t.passed);
    t.differs = first_remark(k, remarks, &t.remark);
    /* Seeds that nobody has tried may fail whoever decides; where every decision is ours it is not the student's. */
    if (!slice_eq(t.seeds, r->seeds) && !t.differs)
        t.failed = SLICE_NULL, t.passed = MAX(t.passed, 1);
    return t;
}

static void
tell_difference(struct drill_check *k, const struct trial *t, struct graded *g)
{
    struct arena *a = &k->d->a;
    const struct remark *m = &t->remark;
    g->came = arena_format(a, "seed %.*s, %.*s, %.*s: %.*s", SARG(m->seed), SARG(when_said(k, m)),
                           SARG(m->machine), SARG(m->text));
    g->why = t->failed.p
               ? arena_format(
                     a, "That is the first decision that is another one. What came of it: %.*s",
                     SARG(t->failed))
               : S("That is the first decision that is another one. It did no harm in this "
                   "run; in another it may.");
    g->look = draw_remark(k, t->scenario, t->is_one, m);
}

static void
grade_run(struct drill_check *k, const struct lab_run *r)
{
    struct arena *a = &k->d->a;
    struct trial t = try_run(k, r);
    bool ok = !t.differs && !t.failed.p && t.ended_well && t.passed > 0;
    struct graded *g =
        row(k, ok ? GRADE_OK : GRADE_WRONG,
            arena_format(a, "run %.*s: %.*s%s%.*s", SARG(r->id), SARG(path_last(r->scenario)),
                         t.seeds.n ? ", seeds " : "", SARG(t.seeds)));
    g->look = arena_format(a, "scenarios: %.*s", SARG(path_last(r->scenario)));
    g->why = S("In each run every decision of yours is compared with the broker's own.");
    if (t.differs) tell_difference(k, &t, g);
    else if (t.failed.p) g->came = t.failed;
    else if (!t.ended_well) g->came = t.fate.n ? t.fate : S("it did not come to its end");
    else
        g->came = arena_format(a, "%lld run%s, each decision the same", (long long)t.passed,
                               t.passed == 1 ? "" : "s");
}

static bool
make_watch(struct drill_check *k)
{
    if (k->has_watch) return true;
    k->has_watch =
        compile_references(k, false) &&
        compile_ours(k, in_exercise(k, "watch.c"), in_ours(k, "watch.o"), COMPILE_PLAIN, false) &&
        compile_ours(k, in_root(k, "labs/exercises/watching.c"), in_ours(k, "watching.o"),
                     COMPILE_PLAIN, false);
    return k->has_watch;
}

static bool
make_runs(struct drill_check *k)
{
    const char *objects[OBJECTS_MAX] = {in_ours(k, "watch.o"), in_ours(k, "watching.o")};
    if (!k->x->as_lab.runs_n) return true;
    if (!make_watch(k)) return false;
    add_objects(k, objects, 2, false);
    if (!link_ours(k, objects, true, false, in_work(k, "gregor"))) return true;
    for (int32_t i = 0; i < k->x->as_lab.runs_n; i++) grade_run(k, &k->x->as_lab.runs[i]);
    return true;
}

/* ---- the whole ---- */

static const char *
absolute(struct drill_check *k, const char *path)
{
    char room[PATH_MAX];
    return realpath(path, room) ? (const char *)arena_dup(&k->d->a, slice_cstr(room)).p : NULL;
}

static bool
look_around(struct drill_check *k)
{
    const char *root;
    if (!flags_read(k->d, k->p, &k->f) ||
        !(root = absolute(k, (const char *)arena_dup(&k->d->a, k->f.root).p)))
        return false;
    k->f.root = slice_cstr(root);
    return true;
}

/* A folder that is empty then. False, and said: it cannot be. */
static const char *
fresh_folder(struct drill_check *k, const char *path)
{
    if (folder_remove(k->d, path) && make_dir(path)) return absolute(k, path);
    fprintf(stderr, "gregor: %s: %s\n", path, strerror(errno));
    return NULL;
}

static bool
grade_file(struct drill_check *k)
{
    if (!compile_students(k)) return true;
    if (!try_cases(k)) return false;
    return k->cases_only || make_runs(k);
}

static void
leave_open(struct drill_check *k, struct slice why)
{
    row(k, GRADE_OPEN, k->x->as_lab.question)->why = why;
}

/* All files are there, and one at least is not as it was handed out. */
static bool
is_begun(struct drill_check *k, struct slice mine)
{
    int32_t n = drill_files_n(k->x), same = 0;
    const char *source = NULL;
    for (int32_t i = 0; i < n; i++) {
        const char *file = (const char *)arena_dup(&k->d->a, drill_file(k->x, i)).p;
        const char *first = path_join(k->d, k->x->as_lab.dir,
                                      (const char *)arena_format(&k->d->a, "student/%s", file).p);
        struct slice own, given;
        source = path_join(k->d, mine, file);
        if (!file_read_all(&k->d->a, source, &own)) {
            leave_open(k, arena_format(&k->d->a, "%s is not there: gregor lab start %.*s", source,
                                       SARG(k->x->as_lab.id)));
            return false;
        }
        same += file_read_all(&k->d->a, first, &given) && slice_eq(own, given);
        k->sources[i] = absolute(k, source);
    }
    k->look = n == 1 ? slice_cstr(k->sources[0]) : mine;
    if (same == n && n == 1)
        leave_open(k, arena_format(&k->d->a, "%s is as it was handed out", source));
    else if (same == n)
        leave_open(
            k, arena_format(&k->d->a, "the files in %.*s are as they were handed out", SARG(mine)));
    return same < n;
}

bool
drill_grade(struct desk *d, const struct place *p, const struct drill *x, struct slice mine,
            bool cases_only, struct grades *ret)
{
    struct drill_check k = {.d = d, .p = p, .x = x, .g = ret, .cases_only = cases_only};
    if (!is_begun(&k, mine)) return true;
    if (x->kind != DRILL_FUNCTION) return drill_grade_other(d, p, x, mine, ret);
    if (!look_around(&k) || !fresh_folder(&k, path_join(d, mine, "runs"))) return false;
    k.work = k.ours = fresh_folder(&k, path_join(d, mine, "build"));
    k.mine = absolute(&k, (const char *)arena_dup(&d->a, mine).p);
    return k.work && k.mine && grade_file(&k);
}

/* ---- many files: is each wrong solution refused, and by which rule? ---- */

static void
print_refusal(const char *path, const struct grades *g)
{
    printf("%s: %s", path, g->wrong ? "refused:" : "ok");
    for (int64_t i = 0; i < g->v.n; i++) {
        struct slice asked = g->v.v[i].asked;
        if (g->v.v[i].grade == GRADE_WRONG)
            printf(" %.*s", SARG(slice_sub(asked, 0, slice_find(asked, ':', 0))));
    }
    puts("");
}

/* Of several files a wrong one takes the place of that whose name it begins with: crc32c-no-inversion.c is a crc32c.c.
 * The others are ours. */
static bool
choose_sources(struct drill_check *k, const char *file)
{
    const char *path = absolute(k, file);
    struct slice name = path_last(slice_cstr(file));
    bool found = false;
    if (!path) {
        perror(file);
        return false;
    }
    for (int32_t i = 0; i < k->x->holes_n; i++) {
        struct slice hole = drill_file(k->x, i);
        bool is_it = k->x->holes_n == 1 || slice_starts(name, slice_sub(hole, 0, hole.n - 2));
        found |= is_it;
        k->is_ours[i] = !is_it;
        k->sources[i] =
            is_it ? path : in_root(k, (const char *)arena_dup(&k->d->a, k->x->holes[i]).p);
    }
    k->look = slice_cstr(path);
    if (!found) fprintf(stderr, "gregor: %s: its name begins with that of no file\n", file);
    return found;
}

int
course_drill(struct desk *d, int argc, char **argv)
{
    struct place p;
    struct drill_check k = {.d = d, .p = &p, .cases_only = true};
    char room[] = "/tmp/gregor-drill-XXXXXX";
    bool is_drill, ok = true;
    if (argc < 2) return usage_error("course", "drill B2 FILE…");
    if (!place_find(d, NULL, &p)) return EXIT_USAGE;
    struct slice dir = place_lab(d, &p, argv[0], &is_drill);
    k.x = dir.p && is_drill ? drill_read(d, dir) : NULL;
    if (k.x && k.x->kind != DRILL_FUNCTION)
        return usage_error("course", "%s is no exercise in C", argv[0]);
    if (dir.p && !is_drill) return usage_error("course", "%s is no exercise in C", argv[0]);
    if (!k.x || !look_around(&k)) return EXIT_USAGE;
    if (!mkdtemp(room)) {
        perror("gregor: /tmp");
        return EXIT_USAGE;
    }
    k.ours = path_join(d, slice_cstr(room), "ours");
    ok = make_dir(k.ours);
    for (int i = 1; ok && i < argc; i++) {
        struct grades g = {0};
        k.g = &g;
        k.mine = k.work = fresh_folder(&k, path_join(d, slice_cstr(room), "one"));
        ok = k.work && choose_sources(&k, argv[i]) && grade_file(&k);
        if (ok) print_refusal(argv[i], &g);
        fflush(stdout);
    }
    (void)folder_remove(d, room);
    return ok ? EXIT_PASS : EXIT_USAGE;
}
