/* One run, from a scenario to its folder: trace.zst, report.json, story.txt, the pictures, and run.txt,
 * which says how it was run; scenario.yaml is what was run. */
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/fmt.h"
#include "sim/cli/cli.h"
#include "sim/play/play.h"
#include "sim/trace/reader.h"
#include "sim/world/panic.h"
#include "visualize/visualize.h"

static int64_t
wall_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

struct progress {
    FILE *trace, *outside;
    const char *history; /* its file; NULL: nobody wants it */
    bool show;
    int64_t begin_ns, next_ns;
    uint64_t seed;
    bool (*stop)(void);
};

static void
put_trace(void *ctx, struct slice bytes)
{
    struct progress *p = ctx;
    if (p->trace) fwrite(bytes.p, 1, (size_t)bytes.n, p->trace);
}

static void
put_history(void *ctx, struct slice text)
{
    struct progress *p = ctx;
    if (p->history && !file_write_all(p->history, text)) perror(p->history);
}

/* Shown on a terminal only. */
static bool
show_progress(void *ctx, int64_t now_ns, int64_t end_ns, int64_t events)
{
    struct progress *p = ctx;
    if (p->stop && p->stop()) return true;
    int64_t wall = p->show ? wall_now_ns() : 0;
    if (!p->show || wall < p->next_ns || end_ns <= 0) return false;
    p->next_ns = wall + 100 * NS_PER_MS;
    int done = (int)(now_ns < 0 ? 0 : now_ns >= end_ns ? 20 : now_ns * 20 / end_ns);
    fprintf(stderr, "\r[%.*s%.*s] %.1f/%.1f s of cluster life · %lld events · seed %llu ", done,
            "####################", 20 - done, "....................", (double)now_ns / 1e9,
            (double)end_ns / 1e9, (long long)events, (unsigned long long)p->seed);
    return false;
}

static struct slice
path_in(struct arena *a, struct slice dir, const char *name)
{
    return arena_format(a, "%.*s/%s", SARG(dir), name);
}

static void
write_in(struct arena *a, struct slice dir, const char *name, struct slice bytes)
{
    struct slice path = path_in(a, dir, name);
    if (!file_write_all((const char *)path.p, bytes)) perror((const char *)path.p);
}

/* r NULL: it has not ended. */
static void
write_run_txt(struct arena *a, struct slice dir, const struct scenario *s, const struct run_job *j,
              uint64_t seed, const struct run_result *r)
{
    struct writer w = writer_mem(a->mem);
    fmt_slice(&w, arena_format(a, "file=%s\nname=%.*s\nseed=%llu\n", j->path, SARG(s->name),
                               (unsigned long long)seed));
    if (r) fmt_slice(&w, arena_format(a, "hash=%016llx\n", (unsigned long long)r->trace_hash));
    for (int32_t i = 0; i < j->sets_n; i++)
        fmt_slice(&w, arena_format(a, "set=%.*s\n", SARG(j->sets[i])));
    if (j->bug) fmt_slice(&w, arena_format(a, "bug=%s\n", j->bug));
    if (j->crash_at_op)
        fmt_slice(&w, arena_format(a, "sweep=%s\nnode=%.*s\noperation=%lld\n",
                                   j->crash_power ? "power" : "crash", SARG(j->crash_node),
                                   (long long)j->crash_at_op));
    write_in(a, dir, "run.txt", writer_slice(&w));
    writer_release(&w);
}

/* The scenario as it was run: who changes its file can still replay the run. */
static void
write_scenario(struct arena *a, struct slice dir, const struct scenario *s)
{
    struct writer w = writer_mem(a->mem);
    scenario_print(s, &w);
    write_in(a, dir, "scenario.yaml", writer_slice(&w));
    writer_release(&w);
}

static void
write_story(struct arena *a, struct slice dir, const struct run_result *r,
            struct trace_reader *trace)
{
    struct writer w = writer_mem(a->mem);
    if (trace) visualize_story(a->mem, trace, NULL, &w);
    for (int64_t i = 0; !trace && i < r->story.v.n; i++)
        fmt_slice(&w, arena_format(a, "%8.3fs  %.*s\n", (double)r->story.v.v[i].at_ns / 1e9,
                                   SARG(r->story.v.v[i].text)));
    write_in(a, dir, "story.txt", writer_slice(&w));
    writer_release(&w);
}

static void
write_pictures(struct arena *a, struct slice dir, struct trace_reader *trace)
{
    struct writer w = writer_mem(a->mem);
    if (visualize_timeline(a->mem, trace, NULL, &w) && w.n)
        write_in(a, dir, "timeline.svg", writer_slice(&w));
    w.n = 0;
    if (visualize_frame_svg(a->mem, trace, NULL, &w) && w.n)
        write_in(a, dir, "replication.svg", writer_slice(&w));
    writer_release(&w);
}

static void
write_folder(struct arena *a, struct slice dir, const struct scenario *s, const struct run_job *j,
             struct trace_kept *kept, struct run_output *o)
{
    struct trace_reader *trace = kept ? trace_reader_of(a->mem, kept) : NULL;
    write_run_txt(a, dir, s, j, o->result.seed, &o->result);
    write_scenario(a, dir, s);
    write_in(a, dir, "report.json", writer_slice(&o->json));
    write_story(a, dir, &o->result, trace);
    if (!trace) return;
    write_pictures(a, dir, trace);
    trace_reader_free(trace);
}

/* False, and said: the folder cannot be written. */
static bool
open_folder(struct arena *a, struct slice dir, struct progress *p)
{
    struct slice path = path_in(a, dir, "trace.zst");
    if (make_dir((const char *)dir.p)) p->trace = fopen((const char *)path.p, "w+b");
    if (p->trace) return true;
    fprintf(stderr, "gregor: %s: %s (--out DIR says where a run's folder goes)\n",
            (const char *)dir.p, strerror(errno));
    return false;
}

/* ---- a CHECK that fails ---- */

static struct run *under_way;
static jmp_buf way_back;

static void
on_panic(const char *file, int line, const char *what)
{
    if (!under_way) return;
    run_died(under_way, file, line, what);
    longjmp(way_back, 1);
}

void
job_run_guarded(struct arena *a, const struct scenario *s, const struct run_options *o,
                struct run_result *ret)
{
    struct run_options guarded = *o;
    guarded.under_way = &under_way;
    panic_set_hook(on_panic);
    if (setjmp(way_back) == 0) run_scenario(a, s, &guarded, ret);
    under_way = NULL;
    panic_set_hook(NULL);
}

/* ---- remarks ---- */

static struct {
    struct slice scenario;
    uint64_t seed;
} remarked;

void
job_remark(struct slice text)
{
    const char *path = getenv("GREGOR_REMARKS");
    struct slice machine;
    int64_t at_ns;
    if (!under_way) return;
    run_remark(under_way, text, &at_ns, &machine);
    FILE *f = path ? fopen(path, "a") : NULL;
    if (!f) return;
    fprintf(f, "%.*s\t%llu\t%.3f\t%.*s\t%.*s\n", SARG(remarked.scenario),
            (unsigned long long)remarked.seed, at_ns < 0 ? -1.0 : (double)at_ns / 1e6,
            SARG(machine), SARG(text));
    fclose(f);
}

bool
job_is_in_machine(void)
{
    return under_way && run_is_in_machine(under_way);
}

/* ---- twice ---- */

/* The verdict "nondeterministic" goes before whatever the first run came to. */
static void
run_twice(struct arena *a, const struct scenario *s, const struct run_options *o,
          struct run_result *first)
{
    struct run_options options = *o;
    struct run_result again;
    options.put_trace = NULL;
    options.kept = NULL;
    options.put_history = NULL;
    job_run_guarded(a, s, &options, &again);
    if (again.interrupted) first->interrupted = true;
    if (again.interrupted ||
        (again.trace_hash == first->trace_hash && again.events == first->events))
        return;
    struct slice text = arena_format(
        a, "run again it came out otherwise: trace %016llx, events %lld; first %016llx, %lld",
        (unsigned long long)again.trace_hash, (long long)again.events,
        (unsigned long long)first->trace_hash, (long long)first->events);
    struct line why = {first->virtual_ns, text};
    VEC_PUSH(a->mem, &first->reasons.v, why);
    first->verdict = VERDICT_NONDETERMINISTIC;
}

/* ---- the whole of it ---- */

/* What is written down while it goes on: the trace, its kept records for the pictures, the history, and what comes from outside. */
static void
record_run(struct arena *a, const struct scenario *s, const struct run_job *j, struct slice dir,
           struct progress *p, struct run_options *o)
{
    if (p->trace) {
        o->put_trace = put_trace;
        o->put_history = put_history;
        o->kept = trace_kept_new(a->mem, visualize_kinds());
        p->history = (const char *)path_in(a, dir, "history.txt").p;
    }
    if (!j->play) return;
    o->outside = play_outside(j->play);
    p->outside = fopen((const char *)path_in(a, dir, "outside.log").p, "wb");
    if (p->outside) play_record(j->play, p->outside, p->trace, dir);
    else perror("gregor: outside.log");
    /* Should the process be killed, what was written down can be gone through again. */
    write_run_txt(a, dir, s, j, p->seed, NULL);
    write_scenario(a, dir, s);
}

static void
report_run(struct arena *a, const struct scenario *s, const struct run_job *j, struct slice dir,
           const struct progress *p, struct trace_kept *kept, int64_t wall_ns,
           struct run_output *ret)
{
    if (p->show) fputs(j->out ? "\r\033[Kdrawing what happened" : "\r\033[K", stderr);
    if (ret->result.played) s = ret->result.played;
    report_json(a, s, &ret->result, j, wall_ns, &ret->json);
    report_human(a, s, &ret->result, j, wall_ns, &ret->human);
    if (j->out) write_folder(a, dir, s, j, kept, ret);
    if (p->show) fputs("\r\033[K", stderr);
    if (!j->out) return;
    fmt_slice(
        &ret->human,
        arena_format(a, "%.*s/  timeline.svg  replication.svg  story.txt  report.json  trace.zst\n",
                     SARG(dir)));
}

void
job_run(struct arena *a, const struct scenario *s, const struct run_job *j, struct run_output *ret)
{
    struct progress p = {.show = !j->json && !j->quiet && !j->is_of_many && isatty(STDERR_FILENO),
                         .begin_ns = wall_now_ns(),
                         .stop = j->stop,
                         .seed = j->has_seed ? j->seed : (uint64_t)s->seed};
    struct run_options o = {.has_seed = j->has_seed,
                            .seed = j->seed,
                            .crash_node = j->crash_node,
                            .crash_at_op = j->crash_at_op,
                            .crash_power = j->crash_power,
                            .progress = show_progress,
                            .ctx = &p};
    struct slice dir = arena_format(a, "%s/%.*s-%llu", j->out ? j->out : "", SARG(s->name),
                                    (unsigned long long)p.seed);
    if (j->crash_at_op) /* each of a sweep has its own */
        dir = arena_format(a, "%.*s-%.*s-%lld", SARG(dir), SARG(j->crash_node),
                           (long long)j->crash_at_op);
    ret->human = writer_mem(a->mem);
    ret->json = writer_mem(a->mem);
    ret->exit_code = EXIT_USAGE;
    if (j->out && !open_folder(a, dir, &p)) return;
    record_run(a, s, j, dir, &p, &o);
    remarked.scenario = s->name;
    remarked.seed = p.seed;
    job_run_guarded(a, s, &o, &ret->result);
    int64_t wall_ns = wall_now_ns() - p.begin_ns;
    if (p.trace) fclose(p.trace);
    if (p.outside) fclose(p.outside);
    if (j->twice && !ret->result.interrupted) run_twice(a, s, &o, &ret->result);
    report_run(a, s, j, dir, &p, o.kept, wall_ns, ret);
    if (o.kept) trace_kept_free(o.kept);
    ret->exit_code =
        ret->result.interrupted ? EXIT_INTERRUPTED : verdict_exit_code(ret->result.verdict);
}
