/* gregor hunt: workers go over seeds, one process each for many runs, and send a few words about each run through
 * one pipe. A worker that dies in a run is a find, too, and another goes on behind that run. Only of failures
 * folders are kept: the seed is run once more for it. */
#include <errno.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/fmt.h"
#include "sim/cli/hunt.h"
#include "sim/scenario/value.h"
#include "sim/world/pool.h"

#define SETS_MAX 64
#define FILES_MAX 256
#define JOBS_MAX 256
#define SEEDS_DEFAULT 100
#define KEEP_DEFAULT 3
#define LOOK_MS 100

struct hunt_options {
    const char *files[FILES_MAX];
    int files_n;
    uint64_t from, to;
    bool has_seeds, json, quiet;
    int64_t for_ns, jobs, keep, shard, shards;
    struct slice sets[SETS_MAX];
    int32_t sets_n;
    const char *bug, *out;
};

struct quarry {
    const char *path;
    const struct scenario *scenario;
};

/* What a worker says: it begins with a run, it is done with it. */
struct hunt_word {
    int32_t worker, exit_code;
    bool begins, twice;
    int64_t item, virtual_ns, events, acknowledged, peak_bytes;
    struct marks marks;
    int32_t key_n;
    uint8_t key[HUNT_KEY_MAX];
};
_Static_assert(sizeof(struct hunt_word) <= 512,
               "a pipe takes it as a whole (POSIX's smallest PIPE_BUF)");

struct worker {
    pid_t pid; /* 0: none is needed any more */
    int64_t item;
    bool in_run;
};

struct hunt {
    struct hunt_options o;
    struct pool pool;
    struct mem mem;
    struct arena a;
    VEC(struct quarry) quarries;
    struct tally tally;
    struct worker workers[JOBS_MAX];
    int words[2];
    int64_t begin_ns, shown_ns, running;
    bool passed_on;
};

static volatile sig_atomic_t interrupted;

/* The first ends what runs, in order; the second ends it at once. */
static void
hunt_on_interrupt(int number)
{
    interrupted = 1;
    if (number == SIGINT) signal(SIGINT, SIG_DFL);
}

static bool
is_interrupted(void)
{
    return interrupted != 0;
}

static int64_t
clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* ---- options ---- */

static const char *const option_names[] = {"--seeds", "--for", "--jobs", "--shard", "--keep",
                                           "--set",   "--bug", "--out",  "--json",  "--quiet"};

/* "2/8" */
static bool
parse_shard(struct slice s, int64_t *ret_shard, int64_t *ret_shards)
{
    int64_t at = slice_find(s, '/', 0);
    return at > 0 && slice_to_i64(slice_sub(s, 0, at), ret_shard) &&
           slice_to_i64(slice_sub(s, at + 1, s.n), ret_shards) && *ret_shard >= 1 &&
         *ret_shard <= *ret_shards && *ret_shards <= HUNT_SHARDS_MAX;
}

static int
take_number(const char *option, const char *value, int64_t from, int64_t to, int64_t *ret)
{
    if (slice_to_i64(slice_cstr(value), ret) && *ret >= from && *ret <= to) return EXIT_PASS;
    return usage_error("hunt", "%s %s: a number from %lld to %lld", option, value, (long long)from,
                       (long long)to);
}

static int
take_option(struct hunt_options *o, const char *arg, const char *value)
{
    if (strcmp(arg, "--seeds") == 0) {
        o->has_seeds = true;
        if (!parse_seeds(slice_cstr(value), &o->from, &o->to))
            return usage_error("hunt", "--seeds %s: a range like 1..1000, or one number", value);
    } else if (strcmp(arg, "--for") == 0) {
        if (!value_time(slice_cstr(value), &o->for_ns) || o->for_ns <= 0)
            return usage_error("hunt", "--for %s: a time with its unit, like 10m", value);
    } else if (strcmp(arg, "--jobs") == 0) {
        return take_number(arg, value, 1, JOBS_MAX, &o->jobs);
    } else if (strcmp(arg, "--keep") == 0) {
        return take_number(arg, value, 0, 1000, &o->keep);
    } else if (strcmp(arg, "--shard") == 0) {
        if (!parse_shard(slice_cstr(value), &o->shard, &o->shards))
            return usage_error("hunt", "--shard %s: which of how many, from 1/8 to 8/8", value);
    } else if (strcmp(arg, "--set") == 0) {
        if (o->sets_n == SETS_MAX) return usage_error("hunt", "too many --set");
        o->sets[o->sets_n++] = slice_cstr(value);
    } else if (strcmp(arg, "--bug") == 0) {
        o->bug = value;
    } else {
        o->out = value;
    }
    return EXIT_PASS;
}

static bool
is_option(const char *arg)
{
    for (int i = 0; i < ARRAY_LEN(option_names); i++)
        if (strcmp(arg, option_names[i]) == 0) return true;
    return false;
}

static int
check_options(struct hunt *h)
{
    struct hunt_options *o = &h->o;
    if (o->bug && !bug_on(o->bug))
        return usage_error("hunt", "no switch %s is linked into this program", o->bug);
    if (!o->has_seeds && o->for_ns && o->shards > 1)
        return usage_error("hunt", "--shard needs --seeds, so that all shards share out the same");
    if (!o->has_seeds) { /* by time alone: seeds that nobody has run */
        o->from = o->for_ns ? (uint64_t)time(NULL) * 1000 : 1;
        o->to = o->for_ns ? INT64_MAX : SEEDS_DEFAULT;
    }
    if (!o->out)
        o->out = o->shards > 1
                   ? (const char *)arena_format(&h->a, "out/hunt-%lld-of-%lld", (long long)o->shard,
                                                (long long)o->shards)
                         .p
                   : "out/hunt";
    return EXIT_PASS;
}

static int
hunt_parse_options(struct hunt *h, int argc, char **argv)
{
    struct hunt_options *o = &h->o;
    *o = (struct hunt_options){.jobs = 1, .keep = KEEP_DEFAULT, .shard = 1, .shards = 1};
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            if (o->files_n == FILES_MAX) return usage_error("hunt", "too many files");
            o->files[o->files_n++] = argv[i];
        } else if (strcmp(argv[i], "--json") == 0) {
            o->json = true;
        } else if (strcmp(argv[i], "--quiet") == 0) {
            o->quiet = true;
        } else if (!is_option(argv[i])) {
            return unknown_option("hunt", option_names, ARRAY_LEN(option_names), argv[i]);
        } else {
            if (i + 1 >= argc) return usage_error("hunt", "%s needs a value", argv[i]);
            int rc = take_option(o, argv[i], argv[i + 1]);
            if (rc) return rc;
            i++;
        }
    }
    return check_options(h);
}

/* ---- scenarios ---- */

static int
add_file(struct hunt *h, const char *path)
{
    struct load_request ask = {path, h->o.sets, h->o.sets_n, SAY_LINT};
    struct scenarios all;
    if (!load_scenarios(&h->a, &ask, &all, NULL)) return EXIT_USAGE;
    for (int32_t i = 0; i < all.n; i++) {
        struct quarry q = {path, all.v[i]};
        for (int64_t j = 0; j < h->quarries.n; j++)
            if (slice_eq(h->quarries.v[j].scenario->name, q.scenario->name))
                return usage_error("hunt", "two scenarios have the name %.*s",
                                   SARG(q.scenario->name));
        VEC_PUSH(&h->mem, &h->quarries, q);
    }
    return EXIT_PASS;
}

static int
add_random_files(struct hunt *h)
{
    glob_t g = {0};
    int rc = EXIT_PASS;
    if (glob("scenarios/random-*.yaml", 0, NULL, &g) != 0)
        rc = usage_error("hunt", "there is no scenarios/random-*.yaml here: which scenario?");
    for (size_t i = 0; i < g.gl_pathc && !rc; i++)
        rc = add_file(h, (const char *)arena_dup(&h->a, slice_cstr(g.gl_pathv[i])).p);
    globfree(&g);
    return rc;
}

static int
load_quarries(struct hunt *h)
{
    int rc = h->o.files_n ? EXIT_PASS : add_random_files(h);
    for (int i = 0; i < h->o.files_n && !rc; i++) rc = add_file(h, h->o.files[i]);
    if (!rc && !h->quarries.n) rc = usage_error("hunt", "there is no scenario in these files");
    return rc;
}

/* ---- items: each seed of this shard with each scenario, in turns ---- */

static uint64_t
seed_of(const struct hunt *h, int64_t item)
{
    return h->o.from + (uint64_t)(h->o.shard - 1) +
           (uint64_t)(item / h->quarries.n) * (uint64_t)h->o.shards;
}

static const struct quarry *
quarry_of(const struct hunt *h, int64_t item)
{
    return &h->quarries.v[item % h->quarries.n];
}

static int64_t
items_n(const struct hunt *h)
{
    uint64_t first = seed_of(h, 0);
    if (first > h->o.to) return 0;
    if (h->o.to == INT64_MAX) return INT64_MAX;
    return (int64_t)((h->o.to - first) / (uint64_t)h->o.shards + 1) * h->quarries.n;
}

static bool
time_is_out(const struct hunt *h)
{
    return h->o.for_ns && clock_ns() - h->begin_ns >= h->o.for_ns;
}

/* ---- in a worker ---- */

static void
say_word(const struct hunt *h, const struct hunt_word *word)
{
    ssize_t n;
    do n = write(h->words[1], word, sizeof *word);
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)sizeof *word) _exit(EXIT_DIED);
}

static struct run_job
job_of(const struct hunt *h, int64_t item)
{
    const struct quarry *q = quarry_of(h, item);
    uint64_t seed = seed_of(h, item);
    return (struct run_job){.path = q->path,
                            .name = q->scenario->name,
                            .has_seed = true,
                            .seed = seed,
                            .sets = h->o.sets,
                            .sets_n = h->o.sets_n,
                            .bug = h->o.bug,
                            .is_of_many = true,
                            .twice = hunt_is_twice(seed),
                            .stop = is_interrupted};
}

/* False: what a failed CHECK left behind is not to be trusted; another process goes on. */
static bool
hunt_one(const struct hunt *h, struct pool *pool, int32_t worker, int64_t item)
{
    struct mem mem;
    struct arena a;
    struct run_output out = {0};
    struct run_job j = job_of(h, item);
    struct hunt_word word = {.worker = worker, .item = item, .begins = true};
    say_word(h, &word);
    mem_init(&mem, pool_source(pool), INT64_MAX);
    arena_init(&a, &mem, 0);
    job_run(&a, quarry_of(h, item)->scenario, &j, &out);
    const struct run_result *r = &out.result;
    word = (struct hunt_word){.worker = worker,
                              .item = item,
                              .exit_code = out.exit_code,
                              .twice = j.twice,
                              .virtual_ns = r->virtual_ns,
                              .events = r->events,
                              .acknowledged = r->counts.acknowledged,
                              .peak_bytes = r->peak_bytes};
    marks_of_run(r, &word.marks);
    if (out.exit_code) {
        struct slice key = hunt_place(&a, r);
        word.key_n = (int32_t)MIN(key.n, HUNT_KEY_MAX);
        memcpy(word.key, key.p, (size_t)word.key_n);
    }
    bool sound = r->verdict != VERDICT_DIED;
    mem_release(&mem);
    say_word(h, &word);
    return sound;
}

static void
work(const struct hunt *h, int32_t worker, int64_t item)
{
    struct pool pool = {0};
    for (; item < items_n(h) && !interrupted && !time_is_out(h); item += h->o.jobs)
        if (!hunt_one(h, &pool, worker, item)) _exit(EXIT_DIED);
    _exit(EXIT_PASS);
}

/* ---- the parent ---- */

/* In a child of its own; true: in the child. */
static bool
fork_child(pid_t *ret)
{
    pid_t parent = getpid();
    fflush(NULL); /* or the child would write it once more */
    *ret = fork();
    if (*ret != 0) return false;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody would read what it says */
    if (getppid() != parent) _exit(EXIT_INTERRUPTED);
    return true;
}

static bool
start_worker(struct hunt *h, int32_t i, int64_t item)
{
    struct worker *w = &h->workers[i];
    *w = (struct worker){.item = item};
    if (item >= items_n(h) || interrupted || time_is_out(h)) return true;
    if (fork_child(&w->pid)) work(h, i, item);
    if (w->pid > 0) h->running++;
    if (w->pid < 0) fprintf(stderr, "gregor: no worker: %s\n", strerror(errno));
    if (w->pid < 0) w->pid = 0;
    return w->pid != 0;
}

static bool
write_report(struct hunt *h)
{
    struct writer w = writer_mem(&h->mem);
    const char *path = (const char *)arena_format(&h->a, "%s/hunt.json", h->o.out).p;
    h->tally.wall_ns = clock_ns() - h->begin_ns;
    tally_json(&h->tally, &w);
    bool ok = make_dir(h->o.out) && file_write_all(path, writer_slice(&w));
    if (!ok) fprintf(stderr, "gregor: %s: %s\n", path, strerror(errno));
    writer_release(&w);
    return ok;
}

static struct slice
again_command(struct hunt *h, int64_t item, bool twice)
{
    const struct quarry *q = quarry_of(h, item);
    struct slice s = arena_format(&h->a, "gregor run %s --only %.*s --seed %llu", q->path,
                                  SARG(q->scenario->name), (unsigned long long)seed_of(h, item));
    if (h->o.bug) s = arena_format(&h->a, "%.*s --bug %s", SARG(s), h->o.bug);
    for (int32_t i = 0; i < h->o.sets_n; i++)
        s = arena_format(&h->a, "%.*s --set '%.*s'", SARG(s), SARG(h->o.sets[i]));
    return twice ? arena_format(&h->a, "%.*s --twice", SARG(s)) : s;
}

/* In a process of its own, as the failure may be one that ends it. The exit code; -1: it was ended by a signal. */
static int
keep_folder(struct hunt *h, int64_t item)
{
    pid_t pid;
    int status;
    if (fork_child(&pid)) {
        struct pool pool = {0};
        struct mem mem;
        struct arena a;
        struct run_output out = {0};
        struct run_job j = job_of(h, item);
        j.out = h->o.out;
        mem_init(&mem, pool_source(&pool), INT64_MAX);
        arena_init(&a, &mem, 0);
        job_run(&a, quarry_of(h, item)->scenario, &j, &out);
        _exit(out.exit_code);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
say_find(struct hunt *h, const struct bucket *b, const struct sight *s)
{
    if (h->o.json || h->o.quiet) return;
    if (isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
    printf("found: %.*s\n      %.*s\n", SARG(b->key), SARG(s->again));
    fflush(stdout);
}

static void
count_failure(struct hunt *h, int64_t item, struct slice key, int exit_code)
{
    struct bucket *b = tally_fail(&h->tally, key, exit_code, 1);
    struct sight s = {.scenario = quarry_of(h, item)->scenario->name,
                      .seed = seed_of(h, item),
                      .again = again_command(h, item, exit_code == EXIT_NONDETERMINISTIC)};
    bucket_add_sight(&h->tally, b, &s);
    if (b->count == 1) say_find(h, b, &s);
    int64_t number = b->count;
    int code = number <= h->o.keep && !interrupted ? keep_folder(h, item) : exit_code;
    if (code >= 0 && code != exit_code && code != EXIT_INTERRUPTED && !interrupted) {
        struct slice other =
            arena_format(&h->a, "nondeterministic: exit %d, and run again %d", exit_code, code);
        b = tally_fail(&h->tally, other, EXIT_NONDETERMINISTIC, 1);
        s.again = again_command(h, item, true);
        bucket_add_sight(&h->tally, b, &s);
    }
    if (number == 1) write_report(h);
}

static void
take_word(struct hunt *h, const struct hunt_word *word)
{
    struct worker *w = &h->workers[word->worker];
    struct tally *t = &h->tally;
    w->item = word->item;
    w->in_run = word->begins;
    if (word->begins || word->exit_code == EXIT_INTERRUPTED) return;
    t->runs++;
    t->passed += word->exit_code == EXIT_PASS;
    t->twice += word->twice;
    t->virtual_ns += word->virtual_ns;
    t->events += word->events;
    t->acknowledged += word->acknowledged;
    t->peak_bytes = MAX(t->peak_bytes, word->peak_bytes);
    tally_reach(t, &word->marks);
    if (word->exit_code)
        count_failure(h, word->item, (struct slice){word->key, word->key_n}, word->exit_code);
}

/* All that lies in the pipe. */
static void
take_words(struct hunt *h, int wait_ms)
{
    struct pollfd p = {.fd = h->words[0], .events = POLLIN};
    struct hunt_word word;
    while (poll(&p, 1, wait_ms) > 0) {
        if (read(h->words[0], &word, sizeof word) == (ssize_t)sizeof word) take_word(h, &word);
        wait_ms = 0;
    }
}

/* The pipe has been emptied since it ended: what it was at is known. */
static bool
worker_ended(struct hunt *h, int32_t i, int status)
{
    struct worker *w = &h->workers[i];
    h->running--;
    w->pid = 0;
    if (w->in_run && !interrupted) {
        h->tally.runs++;
        struct slice key = WIFSIGNALED(status)
                             ? arena_format(&h->a, "died: ended by signal %d", WTERMSIG(status))
                             : S("died: ended without a report");
        count_failure(h, w->item, key, EXIT_DIED);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_PASS) return true;
    return start_worker(h, i, w->item + h->o.jobs);
}

static bool
look_after_workers(struct hunt *h)
{
    /* Read once: a signal that comes in the middle is passed on to all of them in the next turn, not to some in this. */
    bool passes_on = interrupted && !h->passed_on;
    for (int32_t i = 0; i < h->o.jobs; i++) {
        int status;
        pid_t pid = h->workers[i].pid;
        if (passes_on && pid > 0) kill(pid, SIGTERM);
        if (pid <= 0 || waitpid(pid, &status, WNOHANG) != pid) continue;
        take_words(h, 0);
        if (!worker_ended(h, i, status)) return false;
    }
    h->passed_on |= passes_on;
    return true;
}

/* On a terminal only; over what it wrote there before. */
static void
show_hunt_progress(struct hunt *h)
{
    const struct tally *t = &h->tally;
    int64_t now = clock_ns(), took = now - h->begin_ns, left = -1, all = items_n(h);
    if (h->o.json || h->o.quiet || !isatty(STDERR_FILENO) || now < h->shown_ns) return;
    h->shown_ns = now + LOOK_MS * NS_PER_MS;
    if (t->runs && all < INT64_MAX)
        left = (int64_t)((double)took / (double)t->runs * (double)(all - t->runs));
    if (h->o.for_ns && (left < 0 || h->o.for_ns - took < left)) left = MAX(h->o.for_ns - took, 0);
    fprintf(stderr, "\r\033[K%lld runs · %.1f a second · %lld not passed, in %lld buckets",
            (long long)t->runs, took > 0 ? (double)t->runs * 1e9 / (double)took : 0.0,
            (long long)(t->runs - t->passed), (long long)t->buckets.n);
    if (left >= 0)
        fprintf(stderr, " · %lld:%02lld left", (long long)(left / NS_PER_S / 60),
                (long long)(left / NS_PER_S % 60));
    fflush(stderr);
}

static bool
run_workers(struct hunt *h)
{
    for (int32_t i = 0; i < h->o.jobs; i++)
        if (!start_worker(h, i, i)) return false;
    while (h->running) {
        take_words(h, LOOK_MS);
        if (!look_after_workers(h)) return false;
        show_hunt_progress(h);
    }
    if (!h->o.json && !h->o.quiet && isatty(STDERR_FILENO)) fputs("\r\033[K", stderr);
    return true;
}

static struct slice
names_of(struct hunt *h)
{
    struct slice s = SLICE_EMPTY;
    for (int64_t i = 0; i < h->quarries.n; i++)
        s = arena_format(&h->a, "%.*s%s%.*s", SARG(s), i ? ", " : "",
                         SARG(h->quarries.v[i].scenario->name));
    return s;
}

static void
tell(struct hunt *h)
{
    struct writer w = writer_mem(&h->mem);
    tally_json(&h->tally, &w);
    if (h->o.json) fwrite(w.p, 1, (size_t)w.n, stdout);
    else tally_human(&h->tally, stdout);
    if (!h->o.json) printf("%s/hunt.json\n", h->o.out);
    writer_release(&w);
}

static int
go_hunting(struct hunt *h)
{
    struct sigaction on = {.sa_handler = hunt_on_interrupt};
    h->tally = (struct tally){.a = &h->a,
                              .scenarios = names_of(h),
                              .from = h->o.from,
                              .to = h->o.to,
                              .shard = h->o.shard,
                              .shards = h->o.shards};
    h->begin_ns = clock_ns();
    interrupted = 0;
    sigaction(SIGINT, &on, NULL);
    sigaction(SIGTERM, &on, NULL);
    if (!write_report(h)) return EXIT_USAGE;
    if (pipe(h->words) < 0) {
        perror("gregor");
        return EXIT_DIED;
    }
    bool ended = run_workers(h);
    h->tally.interrupted = interrupted != 0;
    h->tally.ended = ended && !interrupted;
    close(h->words[0]), close(h->words[1]);
    if (!write_report(h)) ended = false;
    tell(h);
    return ended ? tally_exit_code(&h->tally) : gravest_of(tally_exit_code(&h->tally), EXIT_DIED);
}

int
command_hunt(int argc, char **argv)
{
    static struct hunt h;
    if (argc > 0 && strcmp(argv[0], "merge") == 0) return hunt_merge(argc - 1, argv + 1);
    memset(&h, 0, sizeof h);
    mem_init(&h.mem, pool_source(&h.pool), INT64_MAX);
    arena_init(&h.a, &h.mem, 0);
    int rc = hunt_parse_options(&h, argc, argv);
    if (!rc) rc = load_quarries(&h);
    if (!rc) rc = go_hunting(&h);
    mem_release(&h.mem);
    pool_release(&h.pool);
    return rc;
}
