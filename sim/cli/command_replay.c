/* gregor replay: a run once more, as its folder says, and what came of it beside what came of it then. Also for
 * who wants more of a run than its folder keeps: what the messages said (gregor view). */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/cli/cli.h"
#include "sim/play/play.h"
#include "sim/trace/reader.h"

struct replayed {
    struct slice name, seed, hash, bug, sweep, node, operation;
    struct writer trace; /* of the replay */
};

static bool
read_run_txt(struct desk *d, const char *run, struct replayed *ret)
{
    const struct {
        const char *key;
        struct slice *value;
    } keys[] = {{"name", &ret->name},          {"seed", &ret->seed},
                {"hash", &ret->hash},          {"bug", &ret->bug},
                {"sweep", &ret->sweep},        {"node", &ret->node},
                {"operation", &ret->operation}};
    struct slice path = arena_format(&d->a, "%s/run.txt", run), text;
    if (!file_read_all(&d->a, (const char *)path.p, &text)) {
        fprintf(stderr, "gregor: %s: %s\n", (const char *)path.p, strerror(errno));
        return false;
    }
    for (int64_t at = 0; at < text.n;) {
        int64_t end = slice_find(text, '\n', at), eq = slice_find(text, '=', at);
        if (end < 0) end = text.n;
        if (eq < 0 || eq > end) break;
        struct slice key = slice_sub(text, at, eq - at);
        for (int64_t i = 0; i < ARRAY_LEN(keys); i++)
            if (slice_eq(key, slice_cstr(keys[i].key)))
                *keys[i].value = arena_dup(&d->a, slice_sub(text, eq + 1, end - eq - 1));
        at = end + 1;
    }
    if (ret->name.p && ret->seed.p && (!ret->sweep.p || (ret->node.p && ret->operation.p)))
        return true;
    fprintf(stderr, "gregor: %s: name or seed is missing\n", (const char *)path.p);
    return false;
}

static const struct scenario *
load_scenario_again(struct desk *d, const char *run)
{
    struct slice path = arena_format(&d->a, "%s/scenario.yaml", run);
    struct load_request q = {.path = (const char *)path.p, .say = SAY_ALL};
    struct scenarios all;
    return load_scenarios(&d->a, &q, &all, NULL) && all.n ? all.v[0] : NULL;
}

/* The same seed, the same switch and, of a sweep, the same disk operation. */
static bool
options_again(const struct replayed *p, struct run_options *ret)
{
    int64_t seed;
    if (!slice_to_i64(p->seed, &seed)) return false;
    *ret = (struct run_options){.has_seed = true, .seed = (uint64_t)seed};
    if (!p->sweep.p) return true;
    ret->crash_node = p->node;
    ret->crash_power = slice_eq(p->sweep, S("power"));
    return slice_to_i64(p->operation, &ret->crash_at_op);
}

static void
keep_trace(void *ctx, struct slice bytes)
{
    writer_bytes(ctx, bytes);
}

static void
print_difference(struct desk *d, const char *run, struct slice again)
{
    struct trace_reader *a = run_open_trace(d, run),
                        *b = a ? trace_reader_new(&d->mem, again) : NULL;
    if (!b) return;
    struct trace_difference x = trace_compare(a, b);
    if (x.found)
        printf("they differ from %.6f s of the world's time on (event %lld)\n",
               (double)(x.a_ends ? x.b.at_ns : x.a.at_ns) / 1e9, (long long)x.position);
}

/* The run was killed: what it would have left is made now. */
static int
finish_run(struct desk *d, const char *run, const struct run_result *r, struct slice trace)
{
    struct slice path = arena_format(&d->a, "%s/trace.zst", run);
    if (!file_write_all((const char *)path.p, trace)) {
        fprintf(stderr, "gregor: %s: %s\n", (const char *)path.p, strerror(errno));
        return EXIT_USAGE;
    }
    printf("the run was not ended, and there is no hash to compare: gone through up to %.1f s, and "
           "healed; %s is whole now (gregor explain %s)\n",
           (double)(r->virtual_ns - r->begin_ns) / 1e9, (const char *)path.p, run);
    return EXIT_PASS;
}

/* 0, or an exit code; why not is said. */
static int
go_through(struct desk *d, const char *run, int64_t message_bytes, struct replayed *p,
           struct run_result *ret)
{
    struct run_options o;
    *p = (struct replayed){.trace = writer_mem(&d->mem)};
    if (!read_run_txt(d, run, p)) return EXIT_USAGE;
    const struct scenario *s = load_scenario_again(d, run);
    if (!s) return EXIT_USAGE;
    if (!options_again(p, &o)) return usage_error("replay", "%s/run.txt is damaged", run);
    if (p->bug.p && !bug_on((const char *)p->bug.p))
        return usage_error("replay",
                           "the run had the switch %s, which this program has not (make mutants)",
                           (const char *)p->bug.p);
    struct slice outside;
    if (file_read_all(&d->a, (const char *)arena_format(&d->a, "%s/outside.log", run).p,
                      &outside)) {
        o.outside = play_again(&d->a, outside);
        if (!o.outside) return usage_error("replay", "%s/outside.log is damaged", run);
    }
    if (!p->hash.p && !o.outside) return usage_error("replay", "%s/run.txt has no hash", run);
    o.trace_message_bytes = message_bytes;
    o.put_trace = keep_trace;
    o.ctx = &p->trace;
    job_run_guarded(&d->a, s, &o, ret);
    return 0;
}

static bool
is_same(struct desk *d, const struct replayed *p, const struct run_result *r)
{
    return slice_eq(arena_format(&d->a, "%016llx", (unsigned long long)r->trace_hash), p->hash);
}

static int
replay(struct desk *d, const char *run)
{
    struct replayed p;
    struct run_result r;
    int rc = go_through(d, run, 0, &p, &r);
    if (rc) return rc;
    if (!p.hash.p) return finish_run(d, run, &r, writer_slice(&p.trace));
    bool same = is_same(d, &p, &r);
    printf("%s: trace %016llx, recorded %.*s\n", same ? "the same run" : "another run",
           (unsigned long long)r.trace_hash, SARG(p.hash));
    if (!same) print_difference(d, run, writer_slice(&p.trace));
    return same ? EXIT_PASS : EXIT_NONDETERMINISTIC;
}

int
command_replay(int argc, char **argv)
{
    struct desk d;
    if (argc != 1)
        return usage_error("replay", "which run? (its folder, like out/leader-crash-42)");
    desk_init(&d);
    int rc = replay(&d, argv[0]);
    desk_release(&d);
    return rc;
}

/* ---- with what the messages said ---- */

/* Never returns. */
static _Noreturn void
replay_into(struct desk *d, const char *run, int64_t message_bytes, FILE *to)
{
    struct replayed p;
    struct run_result r;
    int rc = go_through(d, run, message_bytes, &p, &r);
    if (!rc && !is_same(d, &p, &r)) rc = EXIT_NONDETERMINISTIC;
    if (!rc && (fwrite(p.trace.p, 1, (size_t)p.trace.n, to) != (size_t)p.trace.n || fflush(to)))
        rc = EXIT_USAGE;
    _exit(rc);
}

/* In a process of its own: a switch that is on stays on, and the memory of a whole run is gone with it. */
int
replay_bytes(struct desk *d, const char *run, int64_t message_bytes, struct slice *ret_trace)
{
    FILE *f = tmpfile();
    int status = 0;
    if (!f) return EXIT_USAGE;
    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) replay_into(d, run, message_bytes, f);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    int rc = child < 0 ? EXIT_USAGE : WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_DIED;
    if (!rc && !file_read_rest(&d->a, f, ret_trace)) rc = EXIT_USAGE;
    (void)fclose(f);
    return rc;
}
