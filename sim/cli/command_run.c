/* gregor run: files × documents × seeds (× disk operations), by workers, so that a CHECK that fails ends one run
 * and not all. What they print comes in order. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/check.h"
#include "sim/cli/cli.h"
#include "sim/cli/workers.h"
#include "sim/world/pool.h"

#define SETS_MAX 64
#define FILES_MAX 4096
#define CATCH_SEEDS 10
#define TASKS_MAX 10000000

struct options {
    const char *files[FILES_MAX];
    int files_n;
    bool has_seed;
    uint64_t seed_from, seed_to;
    int64_t jobs;
    struct slice sets[SETS_MAX];
    int32_t sets_n;
    const char *bug, *out, *only, *sweep, *node;
    uint64_t ops_from, ops_to; /* of a sweep; 0: all */
    bool json, quiet, catches, switches, twice, apart;
};

struct errand {
    const char *path;
    struct slice name;
    bool has_seed;
    uint64_t seed;
    const char *bug;       /* to be caught, or on */
    struct slice expected; /* with --catches: "a, b" */
    const char *sweep_node;
    int64_t op;
    /* when it has ended */
    struct slice output, json;
    int exit_code, signal;
    bool is_done;
};

struct session {
    struct options o;
    struct pool pool;
    struct mem mem;
    struct arena a;
    VEC(struct errand) tasks;
    struct reports reports;
    struct words names; /* of the scenarios */
    struct workers workers;
    bool cannot_sweep, has_twins;
};

/* ---- interrupts: the first ends what runs, in order, with a report; the second ends it at once ---- */

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int number)
{
    interrupted = 1;
    if (number == SIGINT) signal(SIGINT, SIG_DFL);
}

/* waitpid() must notice. */
static void
catch_interrupts(void)
{
    struct sigaction a = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
}

static bool
is_interrupted(void)
{
    return interrupted != 0;
}

/* ---- options ---- */

static const char *const option_names[] = {
    "--seed", "--jobs", "--set",   "--bug",     "--out",      "--only",  "--sweep", "--node",
    "--ops",  "--json", "--quiet", "--catches", "--switches", "--twice", "--apart"};

static bool
parse_u64(struct slice s, uint64_t *ret)
{
    int64_t v;
    if (!slice_to_i64(s, &v) || v < 0) return false;
    *ret = (uint64_t)v;
    return true;
}

/* "7" or "1..100" */
bool
parse_seeds(struct slice s, uint64_t *ret_from, uint64_t *ret_to)
{
    for (int64_t i = 1; i + 1 < s.n; i++) {
        if (s.p[i] != '.' || s.p[i + 1] != '.') continue;
        return parse_u64(slice_sub(s, 0, i), ret_from) &&
               parse_u64(slice_sub(s, i + 2, s.n), ret_to) && *ret_from <= *ret_to;
    }
    if (!parse_u64(s, ret_from)) return false;
    *ret_to = *ret_from;
    return true;
}

static bool
take_flag(struct options *o, const char *arg)
{
    if (strcmp(arg, "--json") == 0) o->json = true;
    else if (strcmp(arg, "--quiet") == 0) o->quiet = true;
    else if (strcmp(arg, "--catches") == 0) o->catches = true;
    else if (strcmp(arg, "--switches") == 0) o->switches = true;
    else if (strcmp(arg, "--twice") == 0) o->twice = true;
    else if (strcmp(arg, "--apart") == 0) o->apart = true;
    else return false;
    return true;
}

/* 0 taken, else an exit code. */
static int
take_option(struct options *o, const char *arg, const char *value)
{
    if (strcmp(arg, "--seed") == 0) {
        o->has_seed = true;
        if (!parse_seeds(slice_cstr(value), &o->seed_from, &o->seed_to))
            return usage_error("run", "--seed %s: a number, or a range like 1..100", value);
        if (o->seed_to - o->seed_from >= TASKS_MAX)
            return usage_error("run", "--seed %s: at most %d at a time", value, TASKS_MAX);
    } else if (strcmp(arg, "--ops") == 0) {
        if (!parse_seeds(slice_cstr(value), &o->ops_from, &o->ops_to) || !o->ops_from)
            return usage_error("run", "--ops %s: a number from 1, or a range like 1..400", value);
    } else if (strcmp(arg, "--jobs") == 0) {
        if (!slice_to_i64(slice_cstr(value), &o->jobs) || o->jobs < 1 || o->jobs > 256)
            return usage_error("run", "--jobs %s: a number from 1 to 256", value);
    } else if (strcmp(arg, "--set") == 0) {
        if (o->sets_n == SETS_MAX) return usage_error("run", "too many --set");
        o->sets[o->sets_n++] = slice_cstr(value);
    } else if (strcmp(arg, "--bug") == 0) {
        o->bug = value;
    } else if (strcmp(arg, "--out") == 0) {
        o->out = value;
    } else if (strcmp(arg, "--only") == 0) {
        o->only = value;
    } else if (strcmp(arg, "--node") == 0) {
        o->node = value;
    } else if (strcmp(arg, "--sweep") == 0) {
        o->sweep = value;
        if (strcmp(value, "crash") != 0 && strcmp(value, "power") != 0)
            return usage_error("run", "--sweep %s: crash or power", value);
    }
    return 0;
}

static bool
is_option(const char *arg)
{
    for (int i = 0; i < ARRAY_LEN(option_names); i++)
        if (strcmp(arg, option_names[i]) == 0) return true;
    return false;
}

static int
parse_options(struct options *o, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            if (o->files_n < FILES_MAX) o->files[o->files_n++] = argv[i];
        } else if (!take_flag(o, argv[i])) {
            if (!is_option(argv[i]))
                return unknown_option("run", option_names, ARRAY_LEN(option_names), argv[i]);
            if (i + 1 >= argc) return usage_error("run", "%s needs a value", argv[i]);
            int rc = take_option(o, argv[i], argv[i + 1]);
            if (rc) return rc;
            i++;
        }
    }
    if (!o->files_n && !o->switches) return usage_error("run", "which scenario?");
    if ((o->ops_from || o->node) && !o->sweep)
        return usage_error("run", "%s goes with --sweep", o->node ? "--node" : "--ops");
    if (o->catches && o->sweep)
        return usage_error("run", "--catches and --sweep do not go together");
    return 0;
}

/* ---- in a worker ---- */

static const struct scenario *
load_one(struct arena *a, const struct options *o, const struct errand *t)
{
    struct load_request q = {.path = t->path, .sets = o->sets, .sets_n = o->sets_n};
    struct scenarios all;
    if (!load_scenarios(a, &q, &all, NULL)) return NULL;
    for (int32_t i = 0; i < all.n; i++)
        if (slice_eq(all.v[i]->name, t->name)) return all.v[i];
    return NULL;
}

/* With none listed the run must fail for another reason. */
static bool
is_caught(const struct errand *t, const struct run_output *out)
{
    return out->result.fired.n > 0 || (t->expected.n == 0 && out->exit_code == EXIT_FAIL);
}

/* Exactly the rules that the scenario lists must have fired; with none listed it fails for another reason. */
static int
judge_catch(struct arena *a, const struct errand *t, const struct run_output *out)
{
    struct slice fired = SLICE_EMPTY;
    for (int64_t i = 0; i < out->result.fired.n; i++)
        fired = fired.n ? arena_format(a, "%.*s, %.*s", SARG(fired), SARG(out->result.fired.v[i]))
                        : out->result.fired.v[i];
    if (out->exit_code == EXIT_NONDETERMINISTIC) {
        fwrite(out->human.p, 1, (size_t)out->human.n, stdout);
        return out->exit_code;
    }
    /* Where no rule is to fire an expectation must not hold. */
    bool ok = slice_eq(fired, t->expected) && (fired.n || out->exit_code == EXIT_FAIL);
    printf("%s %.*s catches %s: fired {%.*s}, expected {%.*s}\n", ok ? "ok  " : "FAIL",
           SARG(t->name), t->bug, SARG(fired), SARG(t->expected));
    return ok ? EXIT_PASS : EXIT_FAIL;
}

/* What a failed CHECK left behind is not to be trusted: then is_spent. */
static int
run_in(struct arena *a, const struct session *s, const struct errand *t, FILE *json, bool *is_spent)
{
    struct run_output out = {0};
    const struct scenario *sc = load_one(a, &s->o, t);
    if (!sc) return EXIT_USAGE;
    if (!bug_on(NULL) || (t->bug && !bug_on(t->bug))) return EXIT_USAGE;
    bool many = s->tasks.n > 1;
    struct run_job j = {.path = t->path,
                        .name = t->name,
                        .has_seed = t->has_seed,
                        .seed = t->seed,
                        .sets = s->o.sets,
                        .sets_n = s->o.sets_n,
                        .bug = t->bug,
                        .out = many && !s->o.out ? NULL
                             : s->o.out          ? s->o.out
                                                 : "out",
                        .is_of_many = many,
                        .json = s->o.json,
                        .quiet = s->o.quiet,
                        .twice = s->o.twice,
                        .stop = is_interrupted};
    if (t->op) {
        j.crash_node = slice_cstr(t->sweep_node);
        j.crash_at_op = t->op;
        j.crash_power = strcmp(s->o.sweep, "power") == 0;
    }
    job_run(a, sc, &j, &out);
    *is_spent = out.result.verdict == VERDICT_DIED;
    /* A switch must be caught within a fixed budget of seeds, the scenario's own first. */
    for (int i = 1; s->o.catches && i < CATCH_SEEDS && !is_caught(t, &out); i++) {
        j.has_seed = true;
        j.seed = t->seed + (uint64_t)i;
        out = (struct run_output){0};
        job_run(a, sc, &j, &out);
        *is_spent = *is_spent || out.result.verdict == VERDICT_DIED;
    }
    if (json && out.json.n) fwrite(out.json.p, 1, (size_t)out.json.n, json);
    if (s->o.catches && t->expected.p) return judge_catch(a, t, &out);
    if (s->o.json) return out.exit_code;
    struct slice text = writer_slice(&out.human);
    struct slice allowed = report_allowed(a, &out.result);
    if (many && out.exit_code == EXIT_PASS)
        text = arena_format(
            a, "ok   %.*s · seed %llu · %d acknowledged, %d read%s%.*s · trace %016llx\n",
            SARG(t->name), (unsigned long long)out.result.seed, (int)out.result.counts.acknowledged,
            (int)out.result.counts.read, allowed.n ? " · permitted: " : "", SARG(allowed),
            (unsigned long long)out.result.trace_hash);
    if (t->op)
        printf("%s at disk operation %lld of %s: ", s->o.sweep, (long long)t->op, t->sweep_node);
    fwrite(text.p, 1, (size_t)text.n, stdout);
    return out.exit_code;
}

static int
run_task(void *ctx, int64_t task, FILE *json, bool *is_spent)
{
    struct session *s = ctx;
    struct pool pool = {0};
    struct mem mem;
    struct arena a;
    mem_init(&mem, pool_source(&pool), INT64_MAX);
    arena_init(&a, &mem, 0);
    int rc = run_in(&a, s, &s->tasks.v[task], s->o.json || s->reports.file ? json : NULL, is_spent);
    *is_spent = *is_spent || s->o.apart;
    if (*is_spent) return rc;
    mem_release(&mem);
    pool_release(&pool);
    return rc;
}

/* ---- the parent ---- */

static void
start_task(struct session *s, int64_t i)
{
    struct errand *t = &s->tasks.v[i];
    if (workers_give(&s->workers, i)) return;
    fprintf(stderr, "gregor: %.*s, seed %llu: %s\n", SARG(t->name), (unsigned long long)t->seed,
            strerror(errno));
    t->is_done = true; /* nothing was run: no pass */
    t->exit_code = EXIT_DIED;
}

/* Who ended without a report of its own is told of all the same. */
static void
report_for(struct session *s, struct errand *t)
{
    if (t->json.n || t->exit_code != EXIT_DIED) return;
    struct run_job j = {.name = t->name, .seed = t->seed, .bug = t->bug};
    struct writer w = writer_mem(&s->mem);
    report_json_short(&s->a, &j,
                      t->signal
                          ? arena_format(&s->a, "the process was ended by signal %d", t->signal)
                          : S("it did not come to a report"),
                      &w);
    t->json = mem_dup(&s->mem, writer_slice(&w));
    writer_release(&w);
}

static void
show_output(struct session *s, struct errand *t)
{
    fwrite(t->output.p, 1, (size_t)t->output.n, stdout);
    if (s->o.json || s->reports.file) {
        report_for(s, t);
        if (s->o.json && !s->o.catches) fwrite(t->json.p, 1, (size_t)t->json.n, stdout);
        reports_add(&s->reports, t->json);
    }
    mem_free_slice(&s->mem, t->output);
    mem_free_slice(&s->mem, t->json);
    t->output = t->json = SLICE_NULL;
}

static void
task_ended(struct session *s, const struct task_end *e)
{
    struct errand *t = &s->tasks.v[e->task];
    t->is_done = true;
    t->output = e->output;
    t->json = e->beside;
    t->exit_code = e->exit_code < 0 ? EXIT_DIED : e->exit_code;
    t->signal = e->signal;
    if (t->signal)
        fprintf(stderr, "gregor: %.*s, seed %llu: ended by signal %d\n", SARG(t->name),
                (unsigned long long)t->seed, t->signal);
}

/* How far several runs are, on a terminal only; over what it wrote there before. */
static void
show_progress(const struct session *s)
{
    int64_t done = 0, bad = 0;
    if (s->tasks.n < 2 || s->o.json || s->o.quiet || !isatty(STDERR_FILENO)) return;
    for (int64_t i = 0; i < s->tasks.n; i++) {
        done += s->tasks.v[i].is_done;
        bad += s->tasks.v[i].is_done && s->tasks.v[i].exit_code != EXIT_PASS;
    }
    fputs("\r\033[K", stderr);
    if (done == s->tasks.n) return;
    fprintf(stderr, "%lld of %lld runs", (long long)done, (long long)s->tasks.n);
    if (bad) fprintf(stderr, ", %lld not passed", (long long)bad);
    fflush(stderr);
}

static void
hide_progress(const struct session *s)
{
    if (s->tasks.n > 1 && !s->o.json && !s->o.quiet && isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

static void
run_all(struct session *s)
{
    int64_t next = 0, shown = 0;
    bool passed_on = false;
    struct task_end e;
    s->workers = (struct workers){.mem = &s->mem, .carry_out = run_task, .ctx = s};
    show_progress(s);
    while (shown < s->tasks.n) {
        while (!interrupted && next < s->tasks.n && s->workers.busy_n < s->o.jobs)
            start_task(s, next++);
        /* From a terminal they have heard it; sent to one process they have not. Once more does no harm. */
        if (interrupted && !passed_on) workers_signal(&s->workers, SIGTERM), passed_on = true;
        if (workers_wait(&s->workers, &e)) task_ended(s, &e);
        else if (!s->workers.busy_n && (interrupted || shown == next)) break;
        if (s->tasks.v[shown].is_done) hide_progress(s);
        while (shown < s->tasks.n && s->tasks.v[shown].is_done)
            show_output(s, &s->tasks.v[shown++]);
        fflush(stdout);
        show_progress(s);
    }
    workers_dismiss(&s->workers);
    hide_progress(s);
}

/* Of several the gravest, in the order 5, 4, 3, 1, 2, 0. */
static int
gravest(const struct session *s)
{
    static const int order[] = {EXIT_NONDETERMINISTIC, EXIT_DIED, EXIT_USAGE, EXIT_FAIL,
                                EXIT_INCONCLUSIVE};
    if (interrupted) return EXIT_INTERRUPTED;
    for (int64_t i = 0; i < s->tasks.n; i++)
        if (s->tasks.v[i].exit_code == EXIT_INTERRUPTED) return EXIT_INTERRUPTED;
    for (int64_t k = 0; k < ARRAY_LEN(order); k++)
        for (int64_t i = 0; i < s->tasks.n; i++)
            if (s->tasks.v[i].exit_code == order[k]) return order[k];
    return EXIT_PASS;
}

/* How to see it again. */
static void
print_again(const struct session *s, const struct errand *t)
{
    printf("not passed: gregor run %s --only %.*s --seed %llu", t->path, SARG(t->name),
           (unsigned long long)t->seed);
    if (t->bug) printf(" --bug %s", t->bug);
    for (int32_t i = 0; i < s->o.sets_n; i++) printf(" --set '%.*s'", SARG(s->o.sets[i]));
    if (t->op)
        printf(" --sweep %s --node %s --ops %lld", s->o.sweep, t->sweep_node, (long long)t->op);
    putchar('\n');
}

static void
sum_up_session(const struct session *s)
{
    int64_t passed = 0, failed = 0, inconclusive = 0, left = 0;
    for (int64_t i = 0; i < s->tasks.n; i++) {
        const struct errand *t = &s->tasks.v[i];
        if (t->is_done && t->exit_code == EXIT_PASS) passed++;
        else if (t->is_done && t->exit_code == EXIT_INCONCLUSIVE) inconclusive++;
        else if (t->is_done && t->exit_code != EXIT_INTERRUPTED) failed++;
        else left++;
        if (t->is_done && t->exit_code && !s->o.json) print_again(s, t);
    }
    if (s->o.json) return;
    printf("%lld passed, %lld failed", (long long)passed, (long long)failed);
    if (inconclusive) printf(", %lld inconclusive", (long long)inconclusive);
    if (left) printf(", %lld not run to their end", (long long)left);
    putchar('\n');
}

/* ---- tasks ---- */

static void
add_task(struct session *s, struct errand t)
{
    VEC_PUSH(&s->mem, &s->tasks, t);
}

static void
add_catches(struct session *s, const struct scenario *sc, struct errand t)
{
    for (int32_t i = 0; i < sc->catches_n; i++) {
        const struct catches *c = &sc->catches[i];
        t.bug = (const char *)arena_dup(&s->a, c->id).p;
        t.expected = SLICE_EMPTY;
        for (int32_t j = 0; j < c->n; j++)
            t.expected = t.expected.n
                           ? arena_format(&s->a, "%.*s, %.*s", SARG(t.expected), SARG(c->rules[j]))
                           : c->rules[j];
        add_task(s, t);
    }
}

/* Every disk operation of every node that the run has without the fault. */
static void
add_sweep(struct session *s, const struct scenario *sc, struct errand t)
{
    struct run_options o = {.has_seed = true, .seed = t.seed};
    int32_t n;
    const struct node_ops *all = sweep_measure(&s->a, sc, &o, &n);
    if (!n)
        fprintf(stderr,
                "gregor: %.*s, seed %llu: it does not come to its end without the fault either\n",
                SARG(t.name), (unsigned long long)t.seed);
    s->cannot_sweep = s->cannot_sweep || !n;
    t.has_seed = true;
    for (int32_t i = 0; i < n; i++) {
        if (s->o.node && !slice_eq(all[i].name, slice_cstr(s->o.node))) continue;
        int64_t from = MAX((int64_t)s->o.ops_from, 1);
        int64_t to = s->o.ops_to ? MIN((int64_t)s->o.ops_to, all[i].n) : all[i].n;
        t.sweep_node = (const char *)arena_dup(&s->a, all[i].name).p;
        for (t.op = from; t.op <= to && s->tasks.n < TASKS_MAX; t.op++) add_task(s, t);
    }
}

static void
add_scenario(struct session *s, const char *path, const struct scenario *sc)
{
    struct errand t = {.path = path,
                       .name = arena_dup(&s->a, sc->name),
                       .bug = s->o.bug,
                       .seed = (uint64_t)sc->seed};
    if (s->o.only && !slice_eq(sc->name, slice_cstr(s->o.only))) return;
    if (s->o.catches) {
        add_catches(s, sc, t);
        return;
    }
    for (int64_t i = 0; i < s->names.v.n; i++)
        s->has_twins = s->has_twins || slice_eq(s->names.v.v[i], t.name);
    words_add(&s->names, t.name);
    t.has_seed = s->o.has_seed;
    uint64_t first = t.has_seed ? s->o.seed_from : t.seed,
             last = t.has_seed ? s->o.seed_to : t.seed;
    for (t.seed = first; t.seed <= last; t.seed++) {
        if (s->o.sweep) add_sweep(s, sc, t);
        else add_task(s, t);
    }
}

static int
add_file(struct session *s, const char *path)
{
    struct load_request q = {path, s->o.sets, s->o.sets_n, SAY_LINT};
    struct scenarios all;
    if (!load_scenarios(&s->a, &q, &all, NULL)) return EXIT_USAGE;
    for (int32_t i = 0; i < all.n; i++) add_scenario(s, path, all.v[i]);
    return EXIT_PASS;
}

int
command_run(int argc, char **argv)
{
    static struct session s;
    memset(&s, 0, sizeof s);
    mem_init(&s.mem, pool_source(&s.pool), INT64_MAX);
    arena_init(&s.a, &s.mem, 0);
    s.names.arena = &s.a;
    s.o.jobs = 1;
    int rc = parse_options(&s.o, argc, argv);
    if (rc) return rc;
    if (s.o.switches) {
        for (int i = 0; bug_name(i); i++) puts(bug_name(i));
        return EXIT_PASS;
    }
    if (s.o.bug && !bug_is_linked(s.o.bug))
        return usage_error(
            "run", "no switch %s is linked into this program (make mutants: build/mutants/gregor)",
            s.o.bug);
    for (int i = 0; i < s.o.files_n; i++) {
        int one = add_file(&s, s.o.files[i]);
        if (one) rc = one;
    }
    if (rc) return rc;
    if (s.has_twins && s.o.out)
        return usage_error("run", "two scenarios have one name: they would write into one folder");
    if (s.cannot_sweep) return EXIT_INCONCLUSIVE;
    if (!s.tasks.n && s.o.sweep) return usage_error("run", "no node has so many disk operations");
    if (s.o.sweep)
        fprintf(stderr, "gregor: %lld runs (--ops A..B for fewer)\n", (long long)s.tasks.n);
    if (!s.tasks.n && !s.o.catches) return usage_error("run", "no such scenario in these files");
    if (s.tasks.n > 1 && s.o.out && !reports_open(&s.reports, &s.a, s.o.out)) return EXIT_USAGE;
    catch_interrupts();
    run_all(&s);
    reports_close(&s.reports);
    if (s.tasks.n != 1) sum_up_session(&s);
    return gravest(&s);
}
