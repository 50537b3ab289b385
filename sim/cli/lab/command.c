/* gregor lab: the course. Lists the labs, copies what a student edits, asks, runs, grades, hints. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"
#include "sim/cli/lab/drill.h"
#include "sim/cli/lab/lab.h"

struct visit_options {
    const char *verb, *word, *mine, *answers, *run;
    bool json, cases;
};

struct lab_visit {
    struct desk d;
    struct visit_options o;
    struct place place;
    struct lab *lab;
    struct drill *drill; /* of an exercise in C; NULL: a lab */
    struct slice mine;
    struct progress progress;
};

static const char *const lab_verbs[] = {"list",  "start", "predict", "run",
                                        "check", "hint",  "reset",   "progress"};
static const char *const lab_options[] = {"--dir", "--answers", "--only", "--cases", "--json"};

/* ---- list and progress ---- */

static struct progress
progress_of(struct lab_visit *v, const struct lab *l)
{
    struct progress p;
    progress_read(
        &v->d,
        slice_cstr(path_join(&v->d, v->place.mine, (const char *)arena_dup(&v->d.a, l->folder).p)),
        &p);
    return p;
}

static void
json_lab(struct writer *w, struct lab_visit *v, const struct lab *l)
{
    struct progress p = progress_of(v, l);
    fmt_slice(w, arena_format(&v->d.a, "{\"lab\":\"%.*s\",\"title\":", SARG(l->id)));
    fmt_json(w, l->title);
    fmt_slice(w, arena_format(&v->d.a,
                              ",\"minutes\":%lld,\"state\":\"%s\",\"predicted\":%lld,\"questions\":"
                              "%d,\"hints\":%lld}",
                              (long long)l->minutes, lab_state_text(p.state),
                              (long long)p.predicted.n, (int)l->questions_n, (long long)p.hints));
}

static struct lab *
read_any_lab(struct lab_visit *v, struct slice dir, bool is_drill)
{
    v->drill = is_drill ? drill_read(&v->d, dir) : NULL;
    if (is_drill) return v->drill ? &v->drill->as_lab : NULL;
    return lab_read(&v->d, dir);
}

struct listing {
    struct writer json;
    int64_t n, done;
    int rc;
};

static void
list_some(struct lab_visit *v, struct folders all, bool are_drills, struct listing *t)
{
    static const char *const marks[] = {" ", ">", "~", "*"};
    for (int32_t i = 0; i < all.n; i++) {
        const struct lab *l = read_any_lab(v, all.v[i], are_drills);
        if (!l) {
            t->rc = EXIT_USAGE;
            continue;
        }
        if (t->n++) fmt_str(&t->json, ",\n");
        json_lab(&t->json, v, l);
        struct progress p = progress_of(v, l);
        t->done += p.state == LAB_DONE;
        if (!v->o.json)
            printf("%s %3.*s  %-28.*s %3lld min  %.*s\n", marks[p.state], SARG(l->id),
                   SARG(l->title), (long long)l->minutes, SARG(l->question));
    }
}

static int
list_labs(struct lab_visit *v)
{
    struct listing t = {.json = writer_mem(&v->d.mem)};
    list_some(v, place_labs(&v->d, &v->place), false, &t);
    struct folders drills = place_drills(&v->d, &v->place);
    if (drills.n && !v->o.json) puts("\nin C, within the broker:");
    list_some(v, drills, true, &t);
    if (v->o.json)
        printf("{\"schema\":1,\"done\":%lld,\"labs\":[\n%.*s\n]}\n", (long long)t.done,
               SARG(writer_slice(&t.json)));
    else
        printf(
            "\n%lld of %lld done (* done, ~ run, > started). One begins with: gregor lab start 4\n",
            (long long)t.done, (long long)t.n);
    writer_release(&t.json);
    return t.rc;
}

/* ---- start and reset ---- */

static void
tell_next(const struct lab_visit *v)
{
    const struct lab *l = v->lab;
    printf("%.*s · %.*s\n\n  %.*s\n\n", SARG(l->id), SARG(l->title), SARG(l->question));
    printf("read      %.*s/README.md   (about %lld minutes)\nyours     %.*s\nthen      gregor lab "
           "%s %.*s\n",
           SARG(l->dir), (long long)l->minutes, SARG(v->mine), v->drill ? "check" : "predict",
           SARG(l->id));
    if (l->needs_n) printf("needs     ");
    for (int32_t i = 0; i < l->needs_n; i++)
        printf("%.*s%s", SARG(l->needs[i]), i + 1 == l->needs_n ? "\n" : ", ");
}

static int
copy_students(struct lab_visit *v, bool over)
{
    const char *from = path_join(&v->d, v->lab->dir, "student");
    const char *to = (const char *)arena_dup(&v->d.a, v->mine).p;
    if (!make_dir(to) || (path_exists(from) && !folder_copy(&v->d, from, to, over))) {
        fprintf(stderr, "gregor: %s: %s\n", to, strerror(errno));
        return EXIT_USAGE;
    }
    return EXIT_PASS;
}

static int
start_lab(struct lab_visit *v)
{
    int rc = copy_students(v, false);
    if (v->progress.state == LAB_NEW) v->progress.state = LAB_STARTED;
    if (rc == EXIT_PASS && !progress_write(&v->d, v->mine, v->lab, &v->progress)) rc = EXIT_USAGE;
    if (rc == EXIT_PASS) tell_next(v);
    return rc;
}

/* The student's files go, into a folder beside: nobody's work is thrown away. */
static int
reset_lab(struct lab_visit *v)
{
    const char *old = (const char *)arena_format(&v->d.a, "%.*s.old", SARG(v->mine)).p;
    const char *mine = (const char *)arena_dup(&v->d.a, v->mine).p;
    if (path_exists(mine)) {
        if (!folder_remove(&v->d, old) || rename(mine, old) != 0) {
            fprintf(stderr, "gregor: %s: %s\n", mine, strerror(errno));
            return EXIT_USAGE;
        }
        printf("What was there is in %s now.\n\n", old);
    }
    v->progress = (struct progress){0};
    return start_lab(v);
}

/* ---- predict, run, check, hint ---- */

static bool
has_run(struct lab_visit *v)
{
    return v->progress.state >= LAB_RUN;
}

static int
predict(struct lab_visit *v)
{
    const struct lab *asks = v->drill ? own_questions(&v->d, &v->place, v->drill) : v->lab;
    if (!asks)
        return usage_error("lab", "%s asks nothing: gregor lab check %s", v->o.word, v->o.word);
    return lab_predict(&v->d, asks, v->mine, &v->progress, v->o.answers, has_run(v), false);
}

static int
run_lab(struct lab_visit *v)
{
    const struct lab *l = v->drill ? own_questions(&v->d, &v->place, v->drill) : v->lab;
    int made = 0;
    if (!l)
        return usage_error("lab", "an exercise in C is compiled and run by: gregor lab check %s",
                           v->o.word);
    if (!v->drill && !has_run(v) && !v->progress.predicted.n)
        printf("(Nothing is predicted yet. What you learn is the difference: gregor lab predict "
               "%.*s)\n\n",
               SARG(l->id));
    for (int32_t i = 0; i < l->runs_n; i++) {
        if (l->runs[i].is_exercise && !v->o.run) continue;
        if (v->o.run && !slice_eq(l->runs[i].id, slice_cstr(v->o.run))) continue;
        int rc = runs_make(&v->d, &v->place, l, v->mine, &l->runs[i], false);
        if (rc) return rc;
        made++;
    }
    if (v->o.run && !made) {
        struct words known = {.arena = &v->d.a};
        for (int32_t i = 0; i < l->runs_n; i++) words_add(&known, l->runs[i].id);
        return usage_error("lab", "there is no run %s: %s", v->o.run,
                           words_advice(&known, slice_cstr(v->o.run)));
    }
    if (v->progress.state < LAB_RUN) v->progress.state = LAB_RUN;
    if (!progress_write(&v->d, v->mine, l, &v->progress)) return EXIT_USAGE;
    printf("Now look, then: gregor lab %s %.*s\n", v->drill ? "predict" : "check", SARG(l->id));
    return EXIT_PASS;
}

/* Answers may also be written into a file, before or after the run. */
static int
take_answers(struct lab_visit *v)
{
    const char *own = path_join(&v->d, v->mine, "answers.yaml");
    if (!v->o.answers && !path_exists(own)) return EXIT_PASS;
    return lab_predict(&v->d, v->lab, v->mine, &v->progress, v->o.answers ? v->o.answers : own,
                       has_run(v), v->o.json);
}

static int
check_lab(struct lab_visit *v)
{
    struct grades g = {0};
    int rc = v->drill ? EXIT_PASS : take_answers(v);
    if (rc) return rc;
    bool graded = v->drill ? drill_grade(&v->d, &v->place, v->drill, v->mine, v->o.cases, &g)
                           : lab_grade(&v->d, &v->place, v->lab, v->mine, &v->progress, &g);
    if (graded && v->drill && !v->o.cases)
        graded = own_grade(&v->d, &v->place, v->drill, v->mine, &v->progress, &g);
    if (!graded) return EXIT_USAGE;
    bool holds = !g.wrong && !g.open;
    v->progress.state = holds && !v->o.cases ? LAB_DONE : LAB_RUN;
    if (!progress_write(&v->d, v->mine, v->lab, &v->progress)) return EXIT_USAGE;
    if (v->o.json) {
        struct writer w = writer_mem(&v->d.mem);
        grades_json(&v->d, v->lab, &g, &w);
        fwrite(w.p, 1, (size_t)w.n, stdout);
        writer_release(&w);
    } else {
        grades_table(&v->d, v->lab, &g);
    }
    return holds ? EXIT_PASS : EXIT_FAIL;
}

static int
hint(struct lab_visit *v)
{
    static const char *const levels[] = {"where to look", "which rule", "which line"};
    const struct lab *l = v->lab;
    int64_t seen = v->progress.hints, all = (int64_t)l->hints_n * LAB_HINTS;
    if (seen >= all) {
        printf("There are no more hints than these %lld:\n\n", (long long)all);
        for (int64_t i = 0; i < all; i++)
            printf("%s: %.*s\n", levels[i % LAB_HINTS],
                   SARG(l->hints[i / LAB_HINTS][i % LAB_HINTS]));
        return EXIT_PASS;
    }
    printf("%s: %.*s\n", levels[seen % LAB_HINTS],
           SARG(l->hints[seen / LAB_HINTS][seen % LAB_HINTS]));
    v->progress.hints++;
    if (v->progress.state == LAB_NEW) v->progress.state = LAB_STARTED;
    return progress_write(&v->d, v->mine, l, &v->progress) ? EXIT_PASS : EXIT_USAGE;
}

/* ---- the command ---- */

static const struct {
    const char *verb;
    int (*run)(struct lab_visit *v);
} of_a_lab[] = {{"start", start_lab}, {"predict", predict}, {"run", run_lab},
                {"check", check_lab}, {"hint", hint},       {"reset", reset_lab}};

static int
take_options(struct visit_options *o, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const char **value = NULL;
        if (strcmp(argv[i], "--json") == 0) o->json = true;
        else if (strcmp(argv[i], "--cases") == 0) o->cases = true;
        else if (strcmp(argv[i], "--dir") == 0) value = &o->mine;
        else if (strcmp(argv[i], "--answers") == 0) value = &o->answers;
        else if (strcmp(argv[i], "--only") == 0) value = &o->run;
        else if (argv[i][0] == '-')
            return unknown_option("lab", lab_options, ARRAY_LEN(lab_options), argv[i]);
        else if (!o->verb) o->verb = argv[i];
        else if (!o->word) o->word = argv[i];
        else return usage_error("lab", "one lab at a time: %s?", argv[i]);
        if (!value) continue;
        if (i + 1 == argc) return usage_error("lab", "%s needs a value", argv[i]);
        *value = argv[++i];
    }
    return EXIT_PASS;
}

static int
visit(struct lab_visit *v)
{
    const char *verb = v->o.verb ? v->o.verb : "list";
    if (!place_find(&v->d, v->o.mine, &v->place)) return EXIT_USAGE;
    if (strcmp(verb, "list") == 0 || strcmp(verb, "progress") == 0) return list_labs(v);
    for (int i = 0; i < ARRAY_LEN(of_a_lab); i++) {
        if (strcmp(verb, of_a_lab[i].verb) != 0) continue;
        if (!v->o.word) return usage_error("lab", "which lab? (gregor lab lists them)");
        bool is_drill;
        struct slice dir = place_lab(&v->d, &v->place, v->o.word, &is_drill);
        v->lab = dir.p ? read_any_lab(v, dir, is_drill) : NULL;
        if (!v->lab) return EXIT_USAGE;
        v->mine = arena_format(&v->d.a, "%.*s/%.*s", SARG(v->place.mine), SARG(v->lab->folder));
        progress_read(&v->d, v->mine, &v->progress);
        return of_a_lab[i].run(v);
    }
    struct words known = {.arena = &v->d.a};
    for (int i = 0; i < ARRAY_LEN(lab_verbs); i++) words_add(&known, slice_cstr(lab_verbs[i]));
    return usage_error("lab", "there is no gregor lab %s: %s", verb,
                       words_advice(&known, slice_cstr(verb)));
}

int
command_lab(int argc, char **argv)
{
    static struct lab_visit v;
    memset(&v, 0, sizeof v);
    int rc = take_options(&v.o, argc, argv);
    if (rc) return rc;
    desk_init(&v.d);
    rc = visit(&v);
    desk_release(&v.d);
    return rc;
}
