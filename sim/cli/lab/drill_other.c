/* Exercises in which no function of the broker is written: a scenario that has to find broken brokers, and a checker that has to
 * find what is wrong in histories. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/check.h"
#include "sim/cli/lab/drill.h"

#define SCENARIO_WALL_MS 120000
#define SCENARIO_CPU_S 20
#define CHECKER_WALL_MS 60000
#define CHECKER_CPU_S 3

struct other_check {
    struct desk *d;
    const struct place *p;
    const struct drill *x;
    struct slice mine;
    const char *work, *source; /* absolute */
    struct grades *g;
    bool is_endless; /* the checker: one history is enough to know */
};

static struct graded *
add_row(struct other_check *k, enum grade grade, struct slice asked)
{
    return grades_add(k->d, k->g, grade, asked);
}

static const char *
work_file(struct other_check *k, const char *name)
{
    return (const char *)arena_format(&k->d->a, "%s/%s", k->work, name).p;
}

/* ---- a scenario ---- */

static int
run_with(struct other_check *k, const char *bug, struct slice *ret_json, struct slice *ret_err)
{
    const char *with_bugs = path_join(k->d, path_parent(k->p->self), "mutants/gregor");
    const char *program = bug ? with_bugs : (const char *)k->p->self.p,
               *out = work_file(k, "run.json"), *err = work_file(k, "run.err");
    const char *argv[] = {program,
                          "run",
                          k->source,
                          "--json",
                          "--jobs",
                          "2",
                          "--apart",
                          "--out",
                          work_file(k, "runs"),
                          bug ? "--bug" : NULL,
                          bug,
                          NULL};
    struct limits l = {.wall_ms = SCENARIO_WALL_MS,
                       .cpu_s = SCENARIO_CPU_S,
                       .file_bytes = 256LL << 20,
                       .writes = k->work};
    /* With the pictures of the right one alone: the others are only asked for their verdict. */
    if (bug) argv[7] = "--bug", argv[8] = bug, argv[9] = NULL;
    struct ended e = sandbox_run(argv, NULL, &l, out, err);
    if (!file_read_all(&k->d->a, out, ret_json)) *ret_json = SLICE_EMPTY;
    if (!file_read_all(&k->d->a, err, ret_err)) *ret_err = SLICE_EMPTY;
    return e.how == END_EXIT ? e.code : e.how == END_TIME ? EXIT_INCONCLUSIVE : EXIT_DIED;
}

/* "lost, duplicate": the rules that fired; or its first reason. */
static struct slice
what_fired(struct other_check *k, struct slice text)
{
    struct slice all = SLICE_EMPTY;
    while (text.n) {
        int64_t end = slice_find(text, '\n', 0);
        struct source s = {.path = S("report"), .text = end < 0 ? text : slice_sub(text, 0, end)};
        struct diags diags;
        text = end < 0 ? SLICE_EMPTY : slice_sub(text, end + 1, text.n);
        diags_init(&diags, &k->d->a);
        struct trees t = tree_parse(&k->d->a, &s, &diags);
        const struct tree *fired = t.n ? tree_get(t.v[0], S("fired")) : NULL,
                          *reasons = t.n ? tree_get(t.v[0], S("reasons")) : NULL;
        for (int32_t i = 0; fired && fired->kind == TREE_LIST && i < fired->n && all.n < 200; i++)
            all = arena_format(&k->d->a, "%.*s%s%.*s", SARG(all), all.n ? ", " : "",
                               SARG(fired->items[i]->text));
        if (!all.n && reasons && reasons->kind == TREE_LIST && reasons->n)
            all = reasons->items[0]->text;
    }
    return all;
}

static bool
grade_scenario(struct other_check *k)
{
    struct slice json, err;
    int64_t caught = 0;
    if (!path_exists(path_join(k->d, path_parent(k->p->self), "mutants/gregor"))) {
        fprintf(stderr, "gregor: this exercise needs the program with wrong rules: make mutants\n");
        return false;
    }
    int rc = run_with(k, NULL, &json, &err);
    struct graded *r = add_row(k, rc == EXIT_PASS ? GRADE_OK : GRADE_WRONG,
                               S("right: it passes on the right broker"));
    r->came = rc == EXIT_PASS  ? S("it passes")
            : rc == EXIT_USAGE ? S("it cannot be read: ")
                               : what_fired(k, json);
    if (rc == EXIT_USAGE)
        r->came = arena_format(&k->d->a, "it cannot be read: %.*s", (int)MIN(err.n, 400),
                               (const char *)err.p);
    r->why = S("A test that fails when nothing is wrong finds nothing.");
    r->look = arena_format(&k->d->a, "%s/runs", k->work);
    if (rc != EXIT_PASS) return true;
    int32_t *tried = ARENA_ARRAY(&k->d->a, int32_t, k->x->draw), n = (int32_t)k->x->draw;
    own_choice(k->p->student, k->x->as_lab.id, k->x->bugs_n, n, tried);
    for (int32_t i = 0; i < n; i++) {
        const struct drill_rule *bug = &k->x->bugs[tried[i]];
        rc = run_with(k, (const char *)arena_dup(&k->d->a, bug->name).p, &json, &err);
        bool is_caught = rc == EXIT_FAIL || rc == EXIT_DIED;
        caught += is_caught;
        r = add_row(k, is_caught ? GRADE_OK : GRADE_SKIPPED,
                    arena_format(&k->d->a, "%.*s: %.*s", SARG(bug->name), SARG(bug->says)));
        r->came = is_caught ? what_fired(k, json) : S("your scenario passes on this broken broker");
    }
    r = add_row(k, caught >= k->x->catch ? GRADE_OK : GRADE_WRONG,
                arena_format(&k->d->a, "caught: at least %lld of %d broken brokers",
                             (long long)k->x->catch, (int)n));
    r->came = arena_format(&k->d->a, "%lld of %d", (long long)caught, (int)n);
    r->why = S("A mistake shows only when something happens that the rule is there for. Which of "
               "those above were not caught, and what would bring each to light?");
    return true;
}

/* ---- a checker ---- */

/* The words of a text, sorted, with one blank between them; "ok" alone is none. */
static int
by_word(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static struct slice
sorted_words(struct desk *d, struct slice text)
{
    VEC(struct slice) v = {0};
    struct slice all = SLICE_EMPTY;
    for (int64_t i = 0, from = -1; i <= text.n; i++) {
        bool is_letter = i < text.n && (text.p[i] == '-' || (text.p[i] >= 'a' && text.p[i] <= 'z'));
        if (is_letter && from < 0) from = i;
        if (is_letter || from < 0) continue;
        struct slice one = slice_sub(text, from, i - from);
        from = -1;
        if (!slice_eq(one, S("ok"))) VEC_PUSH(&d->mem, &v, one);
    }
    if (v.n) qsort(v.v, (size_t)v.n, sizeof *v.v, by_word);
    for (int64_t i = 0; i < v.n && all.n < 400; i++)
        if (!i || !slice_eq(v.v[i], v.v[i - 1]))
            all = arena_format(&d->a, "%.*s%s%.*s", SARG(all), all.n ? " " : "", SARG(v.v[i]));
    return all.n ? all : S("ok");
}

static bool
grade_history(struct other_check *k, struct slice name)
{
    const char *path =
        path_join(k->d, k->x->as_lab.dir,
                  (const char *)arena_format(&k->d->a, "histories/%.*s", SARG(name)).p);
    const char *in = work_file(k, "history.jsonl"), *out = work_file(k, "says.txt"),
               *err = work_file(k, "errors.txt"), *argv[] = {k->source, NULL};
    struct limits l = {.wall_ms = CHECKER_WALL_MS,
                       .cpu_s = CHECKER_CPU_S,
                       .memory_bytes = 2LL << 30,
                       .file_bytes = 16LL << 20,
                       .writes = k->work,
                       .in = in,
                       .cwd = k->work};
    struct slice text, said = SLICE_EMPTY, errors = SLICE_EMPTY;
    struct writer w = writer_mem(&k->d->mem);
    if (!file_read_all(&k->d->a, path, &text) || !history_json(k->d, path, &w) ||
        !file_write_all(in, writer_slice(&w)))
        return false;
    writer_release(&w);
    /* Its first line is "# lost", the rules that are broken. */
    int64_t end = slice_find(text, '\n', 0);
    struct slice right = sorted_words(k->d, slice_sub(text, 0, end < 0 ? text.n : end));
    struct ended e = sandbox_run(argv, NULL, &l, out, err);
    (void)file_read_all(&k->d->a, out, &said);
    (void)file_read_all(&k->d->a, err, &errors);
    struct slice yours = sorted_words(k->d, said);
    bool ended_well = e.how == END_EXIT && e.code == 0,
         ok = ended_well && said.n > 0 && slice_eq(yours, right);
    struct graded *r =
        add_row(k, ok ? GRADE_OK : GRADE_WRONG,
                arena_format(&k->d->a, "%.*s: yours and ours say the same", SARG(name)));
    k->is_endless = e.how == END_TIME;
    if (e.how == END_TIME)
        r->came = S("it does not come to an end; the histories after this one were not tried");
    else if (e.how == END_NOT_STARTED || (e.how == END_EXIT && e.code == 126))
        r->came = S("it cannot be started: is it executable, and does its first line name an "
                    "interpreter that is there?");
    else if (!ended_well)
        r->came = arena_format(&k->d->a, "it ends with %d%s%.*s", e.code, errors.n ? ": " : "",
                               (int)MIN(errors.n, 300), (const char *)errors.p);
    else if (!said.n) r->came = S("it says nothing; of a history that is right it says ok");
    else
        r->came =
            arena_format(&k->d->a, "yours says %.*s, right is %.*s", SARG(yours), SARG(right));
    r->look = arena_format(&k->d->a, "gregor course history %s", path);
    return true;
}

static bool
grade_checker(struct other_check *k)
{
    struct folders all = folder_names(k->d, path_join(k->d, k->x->as_lab.dir, "histories"));
    for (int32_t i = 0; i < all.n && !k->is_endless; i++)
        if (!grade_history(k, all.v[i])) return false;
    return all.n > 0;
}

bool
drill_grade_other(struct desk *d, const struct place *p, const struct drill *x, struct slice mine,
                  struct grades *ret)
{
    struct other_check k = {.d = d, .p = p, .x = x, .mine = mine, .g = ret};
    char room[PATH_MAX];
    const char *work = path_join(d, mine, "build"),
               *source = path_join(d, mine, (const char *)arena_dup(&d->a, drill_file(x, 0)).p);
    if (!folder_remove(d, work) || !make_dir(work) || !realpath(work, room)) {
        fprintf(stderr, "gregor: %s: %s\n", work, strerror(errno));
        return false;
    }
    k.work = (const char *)arena_dup(&d->a, slice_cstr(room)).p;
    if (!realpath(source, room)) return false;
    k.source = (const char *)arena_dup(&d->a, slice_cstr(room)).p;
    return x->kind == DRILL_SCENARIO ? grade_scenario(&k) : grade_checker(&k);
}
