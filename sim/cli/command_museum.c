/* gregor museum: lists the exhibits, and runs one of them twice, with what is right and with what is wrong. The
 * two runs have the same seed: up to where the mistake matters they are the same run. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/fmt.h"
#include "sim/cli/cli.h"
#include "sim/cli/museum.h"
#include "sim/world/pool.h"

#define SETS_MAX 16
#define PATH_BYTES 4096
#define DIFFERENCES_MAX 3

struct visit {
    struct pool pool;
    struct mem mem;
    struct arena a;
    const struct exhibit *exhibit;
    const char *out;
    bool json, quiet;
    int argc;
    char **argv;
};

static const char *const option_names[] = {"--out", "--json", "--quiet"};

/* ---- the list ---- */

static int
exhibits_n(void)
{
    int n = 0;
    while (museum[n].id) n++;
    return n;
}

static const char *
kind_of(const struct exhibit *e)
{
    return exhibit_is_setting(e) ? "setting" : "rule";
}

static void
json_member(struct writer *w, const char *name, const char *text, bool is_last)
{
    fmt_json(w, slice_cstr(name));
    fmt_char(w, ':');
    fmt_json(w, slice_cstr(text));
    if (!is_last) fmt_char(w, ',');
}

static void
json_exhibit(struct writer *w, const struct exhibit *e)
{
    fmt_char(w, '{');
    json_member(w, "id", e->id, false);
    json_member(w, "kind", kind_of(e), false);
    json_member(w, "title", e->title, false);
    json_member(w, "source", e->source, false);
    json_member(w, "right", e->right, false);
    json_member(w, "wrong", e->wrong, false);
    json_member(w, "teaches", e->teaches, false);
    json_member(w, "file", e->file, false);
    json_member(w, "scenario", e->scenario, true);
    fmt_char(w, '}');
}

static int
list_exhibits(struct visit *v)
{
    if (v->json) {
        struct writer w = writer_mem(&v->mem);
        fmt_str(&w, "{\"schema\":1,\"exhibits\":[\n");
        for (int i = 0; i < exhibits_n(); i++) {
            json_exhibit(&w, &museum[i]);
            fmt_str(&w, museum[i + 1].id ? ",\n" : "\n");
        }
        fmt_str(&w, "]}\n");
        fwrite(w.p, 1, (size_t)w.n, stdout);
        writer_release(&w);
        return EXIT_PASS;
    }
    for (int i = 0; i < exhibits_n(); i++)
        printf("  %-5s %-8s %s\n        %s\n", museum[i].id, kind_of(&museum[i]), museum[i].title,
               museum[i].teaches);
    printf("\n%d exhibits. gregor museum run ID shows one; those of kind \"rule\" need the program "
           "with\nwrong rules: make mutants\n",
           exhibits_n());
    return EXIT_PASS;
}

static int
unknown_exhibit(struct visit *v, const char *id)
{
    struct words known = {.arena = &v->a};
    for (int i = 0; i < exhibits_n(); i++) words_add(&known, slice_cstr(museum[i].id));
    return usage_error("museum", "there is no exhibit %s: %s", id,
                       words_advice(&known, slice_cstr(id)));
}

static const struct exhibit *
find_exhibit(const char *id)
{
    for (int i = 0; i < exhibits_n(); i++)
        if (strcmp(museum[i].id, id) == 0) return &museum[i];
    return NULL;
}

/* ---- the other program ---- */

/* The program with wrong rules lies beside this one. Goes on there; returns only if it cannot. */
static void
go_to_mutants(struct visit *v)
{
    char self[PATH_BYTES - 32], path[PATH_BYTES];
    static char museum_word[] = "museum", run_word[] = "run";
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0) return;
    self[n] = 0;
    char *slash = strrchr(self, '/'), **args = ARENA_ARRAY(&v->a, char *, v->argc + 4);
    if (!slash) return;
    *slash = 0;
    (void)snprintf(path, sizeof path, "%s/mutants/gregor", self);
    args[0] = path;
    args[1] = museum_word, args[2] = run_word;
    for (int i = 0; i < v->argc; i++) args[3 + i] = v->argv[i];
    fflush(NULL);
    execv(args[0], args);
}

/* ---- the two runs ---- */

struct showing {
    struct run_job job;
    struct run_output out;
    const struct scenario *scenario;
};

static int32_t
split_sets(struct visit *v, const char *text, struct slice *ret)
{
    int32_t n = 0;
    for (struct slice s = slice_cstr(text); s.n && n < SETS_MAX;) {
        int64_t end = slice_find(s, '\n', 0);
        if (end < 0) end = s.n;
        ret[n++] = arena_dup(&v->a, slice_sub(s, 0, end));
        s = end < s.n ? slice_sub(s, end + 1, s.n) : SLICE_EMPTY;
    }
    return n;
}

/* With the safe settings the scenario need not fail, nor what it expects of the failure come true. */
static const struct scenario *
museum_load(struct visit *v, const struct slice *sets, int32_t sets_n)
{
    const struct exhibit *e = v->exhibit;
    struct source *source = ARENA_NEW(&v->a, struct source);
    struct load_options lo = {.sets = sets, .sets_n = sets_n, .read = read_sibling, .ctx = &v->a};
    struct diags diags;
    struct writer w = writer_mem(&v->mem);
    diags_init(&diags, &v->a);
    source->path = slice_cstr(e->file);
    if (!file_read_all(&v->a, e->file, &source->text)) {
        fprintf(stderr, "gregor: %s: %s (the museum's scenarios lie where gregor was built)\n",
                e->file, strerror(errno));
        return NULL;
    }
    struct scenarios all = scenario_load(&v->a, source, &lo, &diags);
    diags_print(&diags, &w);
    if (diags.errors) fwrite(w.p, 1, (size_t)w.n, stderr);
    writer_release(&w);
    for (int32_t i = 0; i < all.n && !diags.errors; i++) {
        if (!slice_eq(all.v[i]->name, slice_cstr(e->scenario))) continue;
        if (sets_n) all.v[i]->must_fail_n = all.v[i]->at_end_n = 0;
        return all.v[i];
    }
    if (!diags.errors) fprintf(stderr, "gregor: %s has no scenario %s\n", e->file, e->scenario);
    return NULL;
}

static bool
run_one(struct visit *v, const char *side, const struct slice *sets, int32_t sets_n,
        const char *bug, struct showing *ret)
{
    const struct exhibit *e = v->exhibit;
    ret->scenario = museum_load(v, sets, sets_n);
    if (!ret->scenario) return false;
    struct slice out = arena_format(&v->a, "%s/%s/%s", v->out, e->id, side);
    ret->job = (struct run_job){.path = e->file,
                                .name = ret->scenario->name,
                                .sets = sets,
                                .sets_n = sets_n,
                                .bug = bug,
                                .out = (const char *)out.p,
                                .is_of_many = true,
                                .json = v->json,
                                .quiet = v->quiet};
    job_run(&v->a, ret->scenario, &ret->job, &ret->out);
    return ret->out.result.seed != 0 || ret->out.exit_code != EXIT_USAGE;
}

/* "lost 6, duplicate 1": what the checker and the invariants told, permitted or not. */
static struct slice
what_went_wrong(struct visit *v, const struct run_result *r)
{
    struct slice all = SLICE_EMPTY;
    for (int rule = 0; rule < RULES_N; rule++) {
        int64_t n = 0;
        for (int64_t i = 0; i < r->anomalies.v.n; i++)
            n += r->anomalies.v.v[i].rule == (enum rule)rule &&
                 r->anomalies.v.v[i].witness != WITNESS_ORACLE;
        if (n)
            all = arena_format(&v->a, "%.*s%s%lld %s", SARG(all), all.n ? ", " : "", (long long)n,
                               rule_spelling((enum rule)rule));
    }
    if (!all.n && r->reasons.v.n) return r->reasons.v.v[0].text;
    return all;
}

static void
tell_side(struct visit *v, const char *head, const struct showing *s)
{
    const struct run_result *r = &s->out.result;
    struct slice wrong = what_went_wrong(v, r);
    printf("\n%s\n  produced %lld · acknowledged %lld · read back %lld\n  %.*s\n", head,
           (long long)r->counts.produced, (long long)r->counts.acknowledged,
           (long long)r->counts.read, SARG(wrong.n ? wrong : S("nothing went wrong")));
    for (int64_t i = 0, n = 0; i < r->anomalies.v.n && n < DIFFERENCES_MAX; i++) {
        const struct anomaly *x = &r->anomalies.v.v[i];
        if (x->witness == WITNESS_ORACLE || !x->story.n) continue;
        printf("  ! %s: %.*s\n", rule_spelling(x->rule), SARG(x->story));
        n++;
    }
    printf("  %s/%.*s-%llu/  timeline.svg  replication.svg  story.txt\n", s->job.out,
           SARG(s->scenario->name), (unsigned long long)r->seed);
}

/* Where the two stories part. */
static void
tell_parting(const struct run_result *right, const struct run_result *wrong)
{
    int64_t n = MIN(right->story.v.n, wrong->story.v.n), i = 0;
    while (i < n && right->story.v.v[i].at_ns == wrong->story.v.v[i].at_ns &&
           slice_eq(right->story.v.v[i].text, wrong->story.v.v[i].text))
        i++;
    puts("\nthe same story up to here; then");
    if (i > 0)
        printf("           %8.3fs  %.*s\n", (double)right->story.v.v[i - 1].at_ns / 1e9,
               SARG(right->story.v.v[i - 1].text));
    if (i < right->story.v.n)
        printf("    right  %8.3fs  %.*s\n", (double)right->story.v.v[i].at_ns / 1e9,
               SARG(right->story.v.v[i].text));
    if (i < wrong->story.v.n)
        printf("    wrong  %8.3fs  %.*s\n", (double)wrong->story.v.v[i].at_ns / 1e9,
               SARG(wrong->story.v.v[i].text));
}

static void
tell_exhibit(const struct exhibit *e)
{
    printf("%s · %s\n(%s)\n\n  right: %s\n  wrong: %s\n\n%s\n", e->id, e->title, e->source,
           e->right, e->wrong, e->teaches);
}

static void
json_visit(struct visit *v, const struct showing *right, const struct showing *wrong, bool shown)
{
    struct writer w = writer_mem(&v->mem);
    struct slice reports[] = {writer_slice(&right->out.json), writer_slice(&wrong->out.json)};
    fmt_str(&w, "{\"schema\":1,\"exhibit\":");
    json_exhibit(&w, v->exhibit);
    fmt_str(&w, shown ? ",\"shown\":true" : ",\"shown\":false");
    for (int i = 0; i < 2; i++) {
        fmt_str(&w, i ? ",\"wrong\":" : ",\"right\":");
        fmt_slice(&w, slice_sub(reports[i], 0, MAX(reports[i].n - 1, 0))); /* its line feed */
    }
    fmt_str(&w, "}\n");
    fwrite(w.p, 1, (size_t)w.n, stdout);
    writer_release(&w);
}

static int
show(struct visit *v)
{
    const struct exhibit *e = v->exhibit;
    static struct showing right, wrong;
    struct slice sets[SETS_MAX];
    bool is_setting = exhibit_is_setting(e);
    int32_t sets_n = is_setting ? split_sets(v, e->safe_sets, sets) : 0;
    if (!v->json) tell_exhibit(e);
    if (!run_one(v, "right", sets, sets_n, NULL, &right)) return EXIT_USAGE;
    if (!is_setting && !bug_on(e->id)) return EXIT_DIED;
    if (!run_one(v, "wrong", NULL, 0, is_setting ? NULL : e->id, &wrong)) return EXIT_USAGE;
    /* A dangerous setting is told and permitted; a wrong rule fails the run. */
    bool is_wrong =
        is_setting ? what_went_wrong(v, &wrong.out.result).n > 0 : wrong.out.exit_code != EXIT_PASS;
    bool shown = right.out.exit_code == EXIT_PASS && is_wrong;
    if (v->json) {
        json_visit(v, &right, &wrong, shown);
    } else {
        tell_side(v, is_setting ? "with the safe setting" : "with the right rule", &right);
        tell_side(v, is_setting ? "with the dangerous setting" : "with the wrong rule", &wrong);
        if (!v->quiet) tell_parting(&right.out.result, &wrong.out.result);
    }
    if (!shown) fprintf(stderr, "gregor: %s does not show what it is to show\n", e->id);
    return shown ? EXIT_PASS : EXIT_FAIL;
}

/* ---- the command ---- */

static int
run_exhibit(struct visit *v)
{
    const struct exhibit *e = v->exhibit;
    if (exhibit_is_setting(e) || bug_is_linked(e->id)) return show(v);
    go_to_mutants(v);
    fprintf(stderr,
            "gregor: %s is a wrong rule, and this program has right ones only. Make the other one "
            "first:\n\n    make mutants\n    build/mutants/gregor museum run %s\n",
            e->id, e->id);
    return EXIT_USAGE;
}

int
command_museum(int argc, char **argv)
{
    static struct visit v;
    memset(&v, 0, sizeof v);
    mem_init(&v.mem, pool_source(&v.pool), INT64_MAX);
    arena_init(&v.a, &v.mem, 0);
    v.out = "out/museum";
    const char *verb = argc > 0 ? argv[0] : "", *id = NULL;
    bool runs = strcmp(verb, "run") == 0;
    if (!runs && strcmp(verb, "list") != 0) return usage_error("museum", "list or run?");
    v.argc = argc - 1;
    v.argv = argv + 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) v.json = true;
        else if (strcmp(argv[i], "--quiet") == 0) v.quiet = true;
        else if (strcmp(argv[i], "--out") == 0 && i + 1 < argc) v.out = argv[++i];
        else if (strcmp(argv[i], "--out") == 0) return usage_error("museum", "--out needs a value");
        else if (argv[i][0] == '-')
            return unknown_option("museum", option_names, ARRAY_LEN(option_names), argv[i]);
        else if (id || !runs) return usage_error("museum", "one exhibit at a time: %s?", argv[i]);
        else id = argv[i];
    }
    if (runs && !id) return usage_error("museum", "which exhibit?");
    v.exhibit = id ? find_exhibit(id) : NULL;
    int rc = !runs ? list_exhibits(&v) : v.exhibit ? run_exhibit(&v) : unknown_exhibit(&v, id);
    mem_release(&v.mem);
    pool_release(&v.pool);
    return rc;
}
