/* gregor play: a cluster on real ports, whose brokers can be crashed and cut off while clients work with it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/fmt.h"
#include "sim/cli/cli.h"
#include "sim/play/input.h"
#include "sim/play/play.h"
#include "sim/play/terminal.h"
#include "sim/world/pool.h"

#define BROKERS_MAX 9
#define USERS_MAX 100

struct options {
    const char *file, *out, *bug;
    int64_t brokers, port, speed_permille;
    const char *users[USERS_MAX]; /* NAME:PASSWORD */
    int users_n;
    bool json, has_seed, has_brokers, has_control, ends_with_input;
    int64_t control_port;
    uint64_t seed;
};

/* ---- the end ---- */

static volatile sig_atomic_t asked_to_end;

/* The first ends it in order, with a verdict; the second at once. */
static void
on_signal(int number)
{
    if (asked_to_end) {
        terminal_end();
        signal(number, SIG_DFL);
        raise(number);
    }
    asked_to_end = 1;
}

static bool
is_to_end(void)
{
    return asked_to_end != 0;
}

static void
catch_signals(void)
{
    struct sigaction a = {.sa_handler = on_signal};
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* ---- options ---- */

static const char *const option_names[] = {
    "--listen", "--port", "--brokers",         "--user", "--speed", "--control", "--seed",
    "--bug",    "--out",  "--ends-with-input", "--json"};

static bool
take_address(const char *value, int64_t *ret_port)
{
    struct slice s = slice_cstr(value), host = S("127.0.0.1");
    int64_t colon = slice_find(s, ':', 0);
    if (colon >= 0) host = slice_sub(s, 0, colon);
    return (slice_eq(host, S("127.0.0.1")) || slice_eq(host, S("localhost"))) &&
           slice_to_i64(slice_sub(s, colon + 1, s.n), ret_port) && *ret_port >= 0 &&
         *ret_port <= 65535;
}

static int
take_play_option(struct options *o, const char *arg, const char *value)
{
    struct slice v = slice_cstr(value);
    int64_t n = 0;
    if (strcmp(arg, "--listen") == 0) {
        if (!take_address(value, &o->port))
            return usage_error("play", "--listen %s: 127.0.0.1:PORT; 0 chooses free ports", value);
    } else if (strcmp(arg, "--port") == 0) {
        if (!slice_to_i64(v, &o->port) || o->port < 0 || o->port > 65535)
            return usage_error("play", "--port %s: a number to 65535; 0 chooses free ports", value);
    } else if (strcmp(arg, "--control") == 0) {
        o->has_control = true;
        if (!take_address(value, &o->control_port))
            return usage_error("play", "--control %s: 127.0.0.1:PORT; 0 chooses a free port",
                               value);
    } else if (strcmp(arg, "--brokers") == 0) {
        o->has_brokers = true;
        if (!slice_to_i64(v, &o->brokers) || o->brokers < 1 || o->brokers > BROKERS_MAX)
            return usage_error("play", "--brokers %s: a number from 1 to %d", value, BROKERS_MAX);
    } else if (strcmp(arg, "--user") == 0) {
        if (slice_find(v, ':', 0) < 1 || o->users_n == USERS_MAX)
            return usage_error("play", "--user %s: NAME:PASSWORD, %d of them at most", value,
                               USERS_MAX);
        o->users[o->users_n++] = value;
    } else if (strcmp(arg, "--speed") == 0) {
        char *end;
        double speed = strcmp(value, "max") == 0 ? 0 : strtod(value, &end);
        if (strcmp(value, "max") != 0 && (*end || !(speed >= 0.01 && speed <= 1000)))
            return usage_error("play", "--speed %s: a number from 0.01 to 1000, or max", value);
        o->speed_permille = (int64_t)(speed * 1000);
    } else if (strcmp(arg, "--seed") == 0) {
        o->has_seed = true;
        if (!slice_to_i64(v, &n) || n < 0) return usage_error("play", "--seed %s: a number", value);
        o->seed = (uint64_t)n;
    } else if (strcmp(arg, "--bug") == 0) {
        o->bug = value;
    } else if (strcmp(arg, "--out") == 0) {
        o->out = value;
    } else {
        return unknown_option("play", option_names, ARRAY_LEN(option_names), arg);
    }
    return 0;
}

static int
parse_options(int argc, char **argv, struct options *o)
{
    *o = (struct options){.brokers = 3, .port = 9092, .speed_permille = 1000, .out = "out"};
    for (int i = 0; i < argc; i++) {
        int rc = 0;
        if (strcmp(argv[i], "--json") == 0) o->json = true;
        else if (strcmp(argv[i], "--ends-with-input") == 0) o->ends_with_input = true;
        else if (argv[i][0] != '-' && o->file)
            return usage_error("play", "one scenario at a time: %s", argv[i]);
        else if (argv[i][0] != '-') o->file = argv[i];
        else if (i + 1 == argc) rc = take_play_option(o, argv[i], "");
        else rc = take_play_option(o, argv[i], argv[i + 1]), i++;
        if (rc) return rc;
    }
    if (o->file && o->has_brokers)
        return usage_error("play",
                           "--brokers goes without a scenario, which says how many there are");
    if (o->file && o->users_n)
        return usage_error("play", "--user goes without a scenario, which says itself who they are "
                                   "(users, in cluster)");
    if (o->bug && !bug_on(o->bug))
        return usage_error(
            "play", "no switch %s is linked into this program (make mutants: build/mutants/gregor)",
            o->bug);
    return 0;
}

/* ---- the scenario ---- */

struct stage {
    struct pool pool;
    struct mem mem;
    struct arena a;
    struct options o;
};

/* "  users: {alice: 'wonder'}" and a line's end; nothing without users. */
static struct slice
users_of_scenario(struct stage *s)
{
    struct writer w = writer_mem(&s->mem);
    for (int i = 0; i < s->o.users_n; i++) {
        struct slice user = slice_cstr(s->o.users[i]);
        int64_t colon = slice_find(user, ':', 0);
        fmt_str(&w, i ? ", " : "  users: {");
        fmt_slice(&w, slice_sub(user, 0, colon));
        fmt_str(&w, ": ");
        fmt_json(&w, slice_sub(user, colon + 1, user.n));
    }
    if (w.n) fmt_str(&w, "}\n");
    struct slice text = arena_dup(&s->a, writer_slice(&w));
    writer_release(&w);
    return text;
}

/* Without a file: so many nodes, each broker and controller. */
static struct slice
plain_scenario(struct stage *s)
{
    struct slice users = users_of_scenario(s);
    int brokers = (int)s->o.brokers, copies = MIN(brokers, 3), min_isr = copies == 3 ? 2 : 1;
    return arena_format(
        &s->a,
        "scenario: 1\nname: play\nabout: a cluster for clients outside\n"
        "cluster:\n  brokers: %d\n  controllers: 0\n  combined: %d\n%.*s"
        "  config: {default.replication.factor: %d, min.insync.replicas: %d,\n"
        "    offsets.topic.replication.factor: %d, transaction.state.log.replication.factor: %d,\n"
        "    transaction.state.log.min.isr: %d, group.initial.rebalance.delay.ms: 0,\n"
        "    share.coordinator.state.topic.replication.factor: %d,\n"
        "    share.coordinator.state.topic.min.isr: %d}\n",
        brokers, brokers == 2 ? 1 : copies, (int)users.n, (const char *)users.p, copies, min_isr,
        copies, copies, min_isr, copies, min_isr);
}

static const struct scenario *
load(struct stage *s)
{
    struct source *source = ARENA_NEW(&s->a, struct source);
    struct load_options lo = {.read = read_sibling, .ctx = &s->a};
    struct diags d;
    struct writer w = writer_mem(&s->mem);
    diags_init(&d, &s->a);
    *source = (struct source){S("play"), SLICE_EMPTY};
    if (!s->o.file) {
        source->text = plain_scenario(s);
    } else {
        source->path = slice_cstr(s->o.file);
        if (!file_read_all(&s->a, s->o.file, &source->text)) {
            fprintf(stderr, "gregor: %s: %s\n", s->o.file, strerror(errno));
            return NULL;
        }
    }
    struct scenarios all = scenario_load(&s->a, source, &lo, &d);
    diags_print(&d, &w);
    fwrite(w.p, 1, (size_t)w.n, stderr);
    writer_release(&w);
    if (d.errors) return NULL;
    if (all.n == 1) return all.v[0];
    fprintf(stderr, "gregor: %s has %d scenarios; play takes a file with one\n", s->o.file,
            (int)all.n);
    return NULL;
}

/* ---- what is said ---- */

static void
say_serves(void *ctx, const int32_t *ports, int32_t ports_n, struct slice control)
{
    const struct stage *s = ctx;
    bool json = s->o.json;
    fputs(json ? "{\"bootstrap\":\"" : "serves at ", stdout);
    for (int32_t i = 0; i < ports_n; i++) printf("%s127.0.0.1:%d", i ? "," : "", ports[i]);
    if (json) putchar('"');
    if (control.p)
        printf(json ? ",\"control\":\"%.*s\"" : "\ncontrol at %.*s (open it in a browser)",
               SARG(control));
    fputs(json ? "}\n" : "\n", stdout);
    if (!json && isatty(STDIN_FILENO))
        fputs("type a fault (crash b1, restart b1, cut [b2, rest], heal all; help, Tab), or end\n",
              stdout);
    fflush(stdout);
}

static void
say_line(void *ctx, struct slice line)
{
    const struct stage *s = ctx;
    fprintf(s->o.json ? stderr : stdout, "%.*s\n", SARG(line));
    fflush(stdout);
}

/* ---- the play ---- */

static int
play(struct stage *s, const struct scenario *sc)
{
    int32_t ports[INPUT_PORTS_MAX], n = (int32_t)sc->cluster.brokers, taken = 0;
    int32_t control_port = (int32_t)s->o.control_port;
    if (n > INPUT_PORTS_MAX) {
        fprintf(stderr, "gregor: play has at most %d brokers\n", INPUT_PORTS_MAX);
        return EXIT_USAGE;
    }
    for (int32_t i = 0; i < n; i++) ports[i] = s->o.port ? (int32_t)s->o.port + i : 0;
    struct play_params params = {.ports = ports,
                                 .ports_n = n,
                                 .control_port = s->o.has_control ? &control_port : NULL,
                                 .speed_permille = s->o.speed_permille,
                                 .reads_terminal = true,
                                 .edits_lines = !s->o.json,
                                 .ends_with_input = s->o.ends_with_input,
                                 .serves = say_serves,
                                 .tell = say_line,
                                 .is_over = is_to_end,
                                 .ctx = s};
    struct play *p = play_new(&s->a, &params, &taken);
    if (!p) {
        fprintf(stderr,
                "gregor: port %d of 127.0.0.1 cannot be listened at: %s (127.0.0.1:0 chooses free "
                "ports)\n",
                (int)taken, strerror(errno));
        return EXIT_USAGE;
    }
    struct run_job job = {.path = s->o.file ? s->o.file : "play",
                          .name = sc->name,
                          .has_seed = s->o.has_seed,
                          .seed = s->o.seed,
                          .bug = s->o.bug,
                          .out = s->o.out,
                          .is_of_many = true,
                          .json = s->o.json,
                          .play = p};
    struct run_output output;
    job_run(&s->a, sc, &job, &output);
    play_ended(p, writer_slice(&output.json));
    play_free(p);
    struct writer *w = s->o.json ? &output.json : &output.human;
    fwrite(w->p, 1, (size_t)w->n, stdout);
    if (s->o.json) putchar('\n');
    return output.exit_code;
}

int
command_play(int argc, char **argv)
{
    struct stage s = {0};
    int rc = parse_options(argc, argv, &s.o);
    if (rc) return rc;
    mem_init(&s.mem, pool_source(&s.pool), INT64_MAX);
    arena_init(&s.a, &s.mem, 0);
    catch_signals();
    const struct scenario *sc = load(&s);
    rc = sc ? play(&s, sc) : EXIT_USAGE;
    mem_release(&s.mem);
    pool_release(&s.pool);
    return rc;
}
