/* gregor shrink: from a run that fails to the smallest scenario that fails in the same way. Each candidate is
 * loaded and run in a process of its own, with a few seeds, for a changed scenario has other dice. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/fmt.h"
#include "sim/cli/cli.h"
#include "sim/cli/shrink.h"
#include "sim/scenario/value.h"
#include "sim/world/pool.h"

#define SEEDS 20
#define RUNS 2000

struct shrinking {
    struct pool pool;
    struct mem mem;
    struct arena a;
    const char *given, *out, *bug;
    bool has_seed, json, show;
    uint64_t seed; /* of the best */
    int64_t tries; /* seeds per candidate, now */
    int64_t runs, runs_max;
    int64_t end_ns;       /* 0: no end */
    struct slice failure; /* what "the same" means */
    struct words known;   /* candidates that did not fail, with the tries of then */
    bool out_of_budget;
};

static volatile sig_atomic_t interrupted;

static void
shrink_on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
    signal(SIGINT, SIG_DFL);
}

static int64_t
wall_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* ---- what is the same failure ---- */

/* A text with other times and counts is the same text. */
static struct slice
without_digits(struct arena *a, struct slice s)
{
    struct slice c = arena_dup(a, s);
    uint8_t *p = ARENA_ARRAY(a, uint8_t, c.n + 1);
    int64_t n = 0;
    for (int64_t i = 0; i < c.n; i++)
        if (c.p[i] < '0' || c.p[i] > '9') p[n++] = c.p[i];
    return slice(p, n);
}

/* The first topic behind this one, by name, in which the rule fired and nothing permitted it; null: no more. */
static struct slice
next_place(const struct run_result *r, struct slice rule, struct slice behind)
{
    struct slice next = SLICE_EMPTY;
    for (int64_t i = 0; i < r->anomalies.v.n; i++) {
        const struct anomaly *x = &r->anomalies.v.v[i];
        bool is_of_rule = !x->allowed && slice_eq(slice_cstr(rule_spelling(x->rule)), rule);
        if (is_of_rule && x->topic.n && slice_cmp(x->topic, behind) > 0 &&
            (!next.n || slice_cmp(x->topic, next) < 0))
            next = x->topic;
    }
    return next;
}

/* Two runs fail in the same way if they have the same verdict, the same rules fired that nothing permitted, and
 * each of them in the same topics (the numbers of partitions and offsets may differ, for partitions and records
 * become fewer). If no rule fired, the first reason must be the same but for numbers. Null: it did not fail. */
static struct slice
failure_of(struct arena *a, const struct run_result *r)
{
    struct slice text = slice_cstr(verdict_text(r->verdict));
    if (r->interrupted || r->verdict == VERDICT_PASS || r->verdict == VERDICT_INCONCLUSIVE)
        return SLICE_EMPTY;
    for (int64_t i = 0; i < r->fired.n; i++) {
        struct slice place = SLICE_EMPTY;
        text = arena_format(a, "%.*s, %.*s", SARG(text), SARG(r->fired.v[i]));
        while ((place = next_place(r, r->fired.v[i], place)).n)
            text = arena_format(a, "%.*s in %.*s", SARG(text), SARG(place));
    }
    if (!r->fired.n && r->reasons.v.n)
        text = arena_format(a, "%.*s, %.*s", SARG(text),
                            SARG(without_digits(a, r->reasons.v.v[0].text)));
    return text;
}

/* ---- a child ---- */

struct told { /* by a child through its pipe; texts follow */
    bool same, loads;
    uint64_t seed;
    int64_t runs, drawn_n;
    int64_t failure_n;
};

static const struct scenario *
load_text(struct arena *a, struct slice text)
{
    struct source *source = ARENA_NEW(a, struct source);
    struct diags diags;
    diags_init(&diags, a);
    *source = (struct source){S("candidate"), text};
    struct scenarios all = scenario_load(a, source, NULL, &diags);
    if (all.n == 1 && !diags.errors) scenario_lint(all.v[0], &diags);
    return all.n == 1 && !diags.errors ? all.v[0] : NULL;
}

static void
put_text(FILE *f, struct slice s)
{
    fwrite(&s.n, sizeof s.n, 1, f);
    fwrite(s.p, 1, (size_t)s.n, f);
}

static struct slice
get_text(struct arena *a, FILE *f)
{
    int64_t n = 0;
    if (fread(&n, sizeof n, 1, f) != 1 || n < 0 || n > 1 << 20) return SLICE_EMPTY;
    uint8_t *p = ARENA_ARRAY(a, uint8_t, n + 1);
    return slice(p, (int64_t)fread(p, 1, (size_t)n, f));
}

/* Its own seed first, then 1, 2 …, until one fails as it must (wanted; null: as it likes). */
static void
run_child(const struct shrinking *h, struct slice text, int64_t tries, struct slice wanted,
          const char *bug, FILE *to)
{
    struct pool pool = {0};
    struct mem mem;
    struct arena a;
    struct told t = {.seed = h->seed};
    struct run_result r;
    struct slice failure = SLICE_EMPTY;
    mem_init(&mem, pool_source(&pool), INT64_MAX);
    arena_init(&a, &mem, 0);
    const struct scenario *s = load_text(&a, text);
    t.loads = s != NULL;
    memset(&r, 0, sizeof r);
    for (int64_t i = 0; t.loads && i < tries && !t.same; i++) {
        if (i && (uint64_t)i == h->seed) continue;
        t.seed = i ? (uint64_t)i : h->seed;
        struct run_options o = {.has_seed = true, .seed = t.seed, .hash_off = true};
        if (bug && !bug_on(bug)) break;
        memset(&r, 0, sizeof r);
        job_run_guarded(&a, s, &o, &r);
        t.runs++;
        failure = failure_of(&a, &r);
        t.same = failure.n && (!wanted.n || slice_eq(failure, wanted));
    }
    t.drawn_n = r.drawn.v.n;
    fwrite(&t, sizeof t, 1, to);
    put_text(to, failure);
    for (int64_t i = 0; i < t.drawn_n; i++) put_text(to, r.drawn.v.v[i].text);
    fflush(to);
}

/* ret_drawn may be NULL. False: the child ended otherwise, by a signal. */
static bool
ask_child(struct shrinking *h, struct slice text, int64_t tries, struct slice wanted,
          const char *bug, struct told *ret, struct slice *ret_failure, struct slice **ret_drawn)
{
    memset(ret, 0, sizeof *ret);
    FILE *f = tmpfile();
    if (!f) return false;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run_child(h, text, tries, wanted, bug, f);
        _exit(0);
    }
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    rewind(f);
    bool ok = pid > 0 && fread(ret, sizeof *ret, 1, f) == 1;
    h->runs += ok ? ret->runs : 1;
    if (ok) *ret_failure = get_text(&h->a, f);
    if (ok && ret_drawn) {
        *ret_drawn = ARENA_ARRAY(&h->a, struct slice, ret->drawn_n + 1);
        for (int64_t i = 0; i < ret->drawn_n; i++) (*ret_drawn)[i] = get_text(&h->a, f);
    }
    fclose(f);
    return ok;
}

/* ---- candidates ---- */

static struct slice
document_text(struct shrinking *h, const struct tree *doc)
{
    struct writer w = writer_mem(&h->mem);
    tree_print(doc, &w);
    struct slice text = arena_dup(&h->a, writer_slice(&w));
    writer_release(&w);
    return text;
}

static bool
is_known(const struct shrinking *h, struct slice text)
{
    for (int64_t i = 0; i < h->known.v.n; i++)
        if (slice_eq(h->known.v.v[i], text)) return true;
    return false;
}

static void
shrink_show_progress(const struct shrinking *h, const struct tree *t)
{
    if (!h->show) return;
    fprintf(stderr, "\r\033[K%lld runs of at most %lld · %lld steps · %lld seeds per candidate",
            (long long)h->runs, (long long)h->runs_max, (long long)shrink_steps_n(t),
            (long long)h->tries);
    fflush(stderr);
}

static bool
fails(void *ctx, const struct tree *candidate)
{
    struct shrinking *h = ctx;
    struct told t;
    struct slice failure;
    h->out_of_budget = h->out_of_budget || interrupted || h->runs >= h->runs_max ||
                       (h->end_ns && wall_now_ns() >= h->end_ns);
    if (h->out_of_budget) return false;
    struct slice text = document_text(h, candidate);
    struct slice key = arena_format(&h->a, "%lld\n%.*s", (long long)h->tries, SARG(text));
    if (is_known(h, key)) return false;
    shrink_show_progress(h, candidate);
    bool same = ask_child(h, text, h->tries, h->failure, h->bug, &t, &failure, NULL) && t.same;
    if (same) h->seed = t.seed;
    else words_add(&h->known, key);
    return same;
}

/* ---- options ---- */

static const char *const option_names[] = {"--seed", "--bug", "--for", "--runs", "-o", "--json"};

static int
shrink_parse_options(struct shrinking *h, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const char *x = argv[i];
        int64_t n;
        if (strcmp(x, "--json") == 0) {
            h->json = true;
            continue;
        }
        if (x[0] != '-') {
            if (h->given) return usage_error("shrink", "one run at a time");
            h->given = x;
            continue;
        }
        bool known = false;
        for (int64_t j = 0; j < ARRAY_LEN(option_names); j++)
            known = known || strcmp(x, option_names[j]) == 0;
        if (!known) return unknown_option("shrink", option_names, (int)ARRAY_LEN(option_names), x);
        if (++i == argc) return usage_error("shrink", "%s needs a value", x);
        struct slice v = slice_cstr(argv[i]);
        if (strcmp(x, "-o") == 0) {
            h->out = argv[i];
        } else if (strcmp(x, "--bug") == 0) {
            h->bug = argv[i];
        } else if (strcmp(x, "--for") == 0) {
            if (!value_time(v, &n) || n <= 0)
                return usage_error("shrink", "--for needs a time, like 60s");
            h->end_ns = wall_now_ns() + n;
        } else if (!slice_to_i64(v, &n) || n < 0 || (!n && strcmp(x, "--runs") == 0)) {
            return usage_error("shrink", "%s needs a number", x);
        } else if (strcmp(x, "--runs") == 0) {
            h->runs_max = n;
        } else {
            h->has_seed = true;
            h->seed = (uint64_t)n;
        }
    }
    if (!h->given)
        return usage_error("shrink",
                           "which run? (its folder, like out/leader-crash-42, or FILE --seed N)");
    return EXIT_PASS;
}

/* ---- the run to shrink ---- */

static struct slice
line_of(struct slice text, const char *key)
{
    struct slice name = slice_cstr(key);
    for (int64_t at = 0; at < text.n;) {
        int64_t end = slice_find(text, '\n', at);
        if (end < 0) end = text.n;
        struct slice line = slice_sub(text, at, end - at);
        if (slice_starts(line, name)) return slice_sub(line, name.n, line.n - name.n);
        at = end + 1;
    }
    return SLICE_EMPTY;
}

/* The path of the scenario; NULL, and said: it is none. */
static const char *
open_run(struct shrinking *h)
{
    struct slice run, path = arena_format(&h->a, "%s/run.txt", h->given);
    int64_t seed;
    if (!file_read_all(&h->a, (const char *)path.p, &run)) return h->given; /* a file */
    if (line_of(run, "sweep=").n) {
        usage_error("shrink", "a run of a sweep ends a node at a disk operation: write it as a "
                              "step with at-op, and shrink that scenario");
        return NULL;
    }
    if (!h->has_seed && slice_to_i64(line_of(run, "seed="), &seed)) {
        h->seed = (uint64_t)seed;
        h->has_seed = true;
    }
    struct slice bug = line_of(run, "bug=");
    if (bug.n && !h->bug) h->bug = (const char *)arena_format(&h->a, "%.*s", SARG(bug)).p;
    if (!h->out) h->out = (const char *)arena_format(&h->a, "%s/shrunk.yaml", h->given).p;
    return (const char *)arena_format(&h->a, "%s/scenario.yaml", h->given).p;
}

static const struct scenario *
open_scenario(struct shrinking *h, const char *path)
{
    struct load_request q = {.path = path, .say = SAY_MISTAKES};
    struct scenarios all;
    if (!load_scenarios(&h->a, &q, &all, NULL)) return NULL;
    if (all.n == 1) return all.v[0];
    usage_error("shrink", "%s has several scenarios: run one, and shrink its folder", path);
    return NULL;
}

/* Of a swarm, what the seed draws. NULL, and said: it does not go with what the scenario says. */
static const struct scenario *
played_by(struct shrinking *h, const struct scenario *s)
{
    struct diags diags;
    diags_init(&diags, &h->a);
    s = scenario_of_seed(&h->a, s, h->seed, &diags);
    if (!diags.errors) return s;
    struct writer w = writer_mem(&h->mem);
    diags_print(&diags, &w);
    fwrite(w.p, 1, (size_t)w.n, stderr);
    writer_release(&w);
    return NULL;
}

/* ---- the result ---- */

/* Takes each step away once more, with all seeds. -1: there was no time to look at all of them. */
static int64_t
count_needed(struct shrinking *h, const struct tree *doc)
{
    int64_t needed = 0, n = shrink_steps_n(doc);
    for (int64_t i = 0; i < n; i++) {
        needed += !fails(h, shrink_without_step(&h->a, doc, i));
        if (h->out_of_budget) return -1;
    }
    return needed;
}

static void
name_it(struct shrinking *h, struct tree *doc, const struct scenario *s)
{
    struct mark at = doc->mark;
    tree_put(&h->a, doc, S("name"), at,
             tree_text(&h->a, arena_format(&h->a, "%.*s-shrunk", SARG(s->name)), at));
    tree_put(
        &h->a, doc, S("about"), at,
        tree_text(&h->a, arena_format(&h->a, "The least that gives: %.*s.", SARG(h->failure)), at));
    tree_put(&h->a, doc, S("seed"), at,
             tree_text(&h->a, arena_format(&h->a, "%llu", (unsigned long long)h->seed), at));
}

struct outcome {
    uint64_t first_seed;
    int64_t steps_before, steps, needed;
    bool passes_without_bug;
};

static struct slice
say_needed(struct shrinking *h, const struct outcome *x)
{
    if (x->needed < 0) return S("there was no time to see whether each step is needed");
    if (x->steps == 0) return S("it fails so without any step");
    if (x->needed == x->steps)
        return arena_format(&h->a, "without any one of them it does not fail so (%d seeds)", SEEDS);
    return arena_format(&h->a, "%lld of %lld steps are needed", (long long)x->needed,
                        (long long)x->steps);
}

static bool
write_result(struct shrinking *h, const struct scenario *s, const struct tree *doc,
             const struct outcome *x)
{
    struct writer w = writer_mem(&h->mem);
    fmt_slice(&w, arena_format(&h->a, "# Shows: %.*s.\n# From %.*s, seed %llu", SARG(h->failure),
                               SARG(s->name), (unsigned long long)x->first_seed));
    if (h->bug) fmt_slice(&w, arena_format(&h->a, ", with --bug %s", h->bug));
    fmt_slice(&w,
              arena_format(&h->a, ".\n# Steps: %lld of %lld are left; %.*s.\n", (long long)x->steps,
                           (long long)x->steps_before, SARG(say_needed(h, x))));
    fmt_slice(&w, document_text(h, doc));
    bool ok = file_write_all(h->out, writer_slice(&w));
    if (!ok) fprintf(stderr, "gregor: %s: %s\n", h->out, strerror(errno));
    writer_release(&w);
    return ok;
}

static void
print_result(struct shrinking *h, const struct outcome *x)
{
    if (h->json) {
        struct writer w = writer_mem(&h->mem);
        fmt_str(&w, "{\"schema\":1,\"failure\":");
        fmt_json(&w, h->failure);
        fmt_str(&w, ",\"file\":");
        fmt_json(&w, slice_cstr(h->out));
        fmt_slice(&w, arena_format(&h->a,
                                   ",\"seed\":%llu,\"steps_before\":%lld,\"steps\":%lld,"
                                   "\"needed\":%lld,\"runs\":%lld,\"complete\":%s",
                                   (unsigned long long)h->seed, (long long)x->steps_before,
                                   (long long)x->steps, (long long)x->needed, (long long)h->runs,
                                   h->out_of_budget ? "false" : "true"));
        if (h->bug)
            fmt_str(&w, x->passes_without_bug ? ",\"passes_without_bug\":true"
                                              : ",\"passes_without_bug\":false");
        fmt_str(&w, "}\n");
        fwrite(w.p, 1, (size_t)w.n, stdout);
        writer_release(&w);
        return;
    }
    struct slice needed = say_needed(h, x);
    printf("%.*s\n%lld steps before, %lld now: %.*s\n", SARG(h->failure),
           (long long)x->steps_before, (long long)x->steps, SARG(needed));
    if (h->bug)
        printf("without %s it %s\n", h->bug, x->passes_without_bug ? "passes" : "does NOT pass");
    printf("%lld runs%s\n%s\nsee it: gregor run %s%s%s\n", (long long)h->runs,
           interrupted        ? ", interrupted"
           : h->out_of_budget ? ", no more were allowed"
                              : "",
           h->out, h->out, h->bug ? " --bug " : "", h->bug ? h->bug : "");
}

/* ---- all of it ---- */

/* Random faults as steps: all of them, or a part (a half, a quarter, an eighth) that fails in the same way, for
 * with other dice all of them together may break more rules than the first run did. If none does, they stay. */
static struct tree *
explicit_steps(struct shrinking *h, const struct tree *doc, const struct slice *drawn, int64_t n)
{
    if (!tree_get(doc, S("random"))) return tree_copy(&h->a, doc);
    h->tries = SEEDS;
    for (int64_t parts = 1; parts <= 8 && n / parts >= 1; parts *= 2)
        for (int64_t i = 0; i < parts; i++) {
            struct tree *copy = tree_copy(&h->a, doc);
            int64_t from = n * i / parts, to = n * (i + 1) / parts;
            if (shrink_put_steps(&h->a, copy, drawn + from, to - from) && fails(h, copy))
                return copy;
        }
    fputs("gregor: the random faults written as steps do not fail in this way: they stay\n",
          stderr);
    return tree_copy(&h->a, doc);
}

/* First with one seed each, which is fast; what resists then gets more of them. */
static void
all_rounds(struct shrinking *h, struct shrink *k)
{
    static const int64_t tries[] = {1, 5, SEEDS};
    for (int64_t i = 0; i < ARRAY_LEN(tries); i++) {
        h->tries = tries[i];
        while (shrink_round(k)) {
        }
    }
}

static int
shrink_run(struct shrinking *h, const struct scenario *s)
{
    struct told t;
    struct slice *drawn;
    struct outcome x = {.first_seed = h->seed};
    struct shrink k = {.a = &h->a, .fails = fails, .ctx = h};
    struct slice first = document_text(h, s->document);
    if (!ask_child(h, first, 1, SLICE_EMPTY, h->bug, &t, &h->failure, &drawn))
        return usage_error("shrink", "the run ends its process: there is nothing to compare with");
    if (!t.same) {
        fprintf(stderr, "gregor: %.*s with seed %llu does not fail: nothing to shrink\n",
                SARG(s->name), (unsigned long long)h->seed);
        return EXIT_INCONCLUSIVE;
    }
    k.best = explicit_steps(h, s->document, drawn, t.drawn_n);
    x.steps_before = shrink_steps_n(s->document) + t.drawn_n;
    all_rounds(h, &k);
    x.steps = shrink_steps_n(k.best);
    uint64_t seed = h->seed;
    x.needed = count_needed(h, k.best);
    h->seed = seed;
    if (h->bug) {
        struct slice failure;
        x.passes_without_bug =
            ask_child(h, document_text(h, k.best), 1, SLICE_EMPTY, NULL, &t, &failure, NULL) &&
            !t.same && t.runs;
    }
    struct tree *doc = tree_copy(&h->a, k.best);
    name_it(h, doc, s);
    if (h->show) fputs("\r\033[K", stderr);
    if (!write_result(h, s, doc, &x)) return EXIT_USAGE;
    print_result(h, &x);
    return interrupted ? EXIT_INTERRUPTED : EXIT_PASS;
}

int
command_shrink(int argc, char **argv)
{
    static struct shrinking h;
    memset(&h, 0, sizeof h);
    h.runs_max = RUNS;
    mem_init(&h.mem, pool_source(&h.pool), INT64_MAX);
    arena_init(&h.a, &h.mem, 0);
    h.known.arena = &h.a;
    interrupted = 0;
    int rc = shrink_parse_options(&h, argc, argv);
    const char *path = rc ? NULL : open_run(&h);
    const struct scenario *s = NULL;
    if (path && h.bug && !bug_is_linked(h.bug))
        rc =
            usage_error("shrink", "no switch %s is linked into this program (make mutants)", h.bug);
    else if (path) s = open_scenario(&h, path);
    if (s) {
        if (!h.has_seed) h.seed = (uint64_t)s->seed;
        s = played_by(&h, s);
        if (!h.out) h.out = "shrunk.yaml";
        h.show = !h.json && isatty(STDERR_FILENO);
        signal(SIGINT, shrink_on_interrupt);
        rc = s ? shrink_run(&h, s) : EXIT_USAGE;
        signal(SIGINT, SIG_DFL);
    } else if (!rc) {
        rc = EXIT_USAGE;
    }
    mem_release(&h.mem);
    pool_release(&h.pool);
    return rc;
}
