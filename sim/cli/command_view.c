/* gregor lint, reference, explain, timeline, frame. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/cli/cli.h"
#include "sim/cli/machines.h"
#include "sim/scenario/value.h"
#include "sim/trace/reader.h"
#include "visualize/filter.h"
#include "visualize/visualize.h"

void
desk_init(struct desk *d)
{
    *d = (struct desk){0};
    mem_init(&d->mem, pool_source(&d->pool), INT64_MAX);
    arena_init(&d->a, &d->mem, 0);
}

void
desk_release(struct desk *d)
{
    mem_release(&d->mem);
    pool_release(&d->pool);
}

/* ---- lint ---- */

static int
lint_file(struct desk *d, const char *path, int64_t *ret_warnings)
{
    struct load_request q = {.path = path, .say = SAY_LINT};
    struct scenarios all;
    return load_scenarios(&d->a, &q, &all, ret_warnings) ? EXIT_PASS : EXIT_USAGE;
}

int
command_lint(int argc, char **argv)
{
    struct desk d;
    int rc = EXIT_PASS;
    int64_t warnings = 0;
    if (argc < 1) return usage_error("lint", "which file?");
    desk_init(&d);
    for (int i = 0; i < argc; i++) {
        int one = lint_file(&d, argv[i], &warnings);
        if (one) rc = one;
    }
    if (!rc)
        printf("%d file%s, %lld warning%s\n", argc, argc == 1 ? "" : "s", (long long)warnings,
               warnings == 1 ? "" : "s");
    desk_release(&d);
    return rc;
}

int
command_reference(int argc, char **argv)
{
    struct desk d;
    (void)argv;
    if (argc) return usage_error("reference", "it takes no arguments");
    desk_init(&d);
    struct writer w = writer_mem(&d.mem);
    scenario_reference(&w);
    fwrite(w.p, 1, (size_t)w.n, stdout);
    desk_release(&d);
    return EXIT_PASS;
}

/* ---- pictures and tales ---- */

enum picture { TALE, TIMELINE, FRAME };

#define STRIP_MAX 6

struct view {
    const char *run, *partition;
    int64_t at_ns, from_ns, to_ns, strip_ns[STRIP_MAX], why;
    int32_t strip_n;
    bool topology, has_why;
    bool has_at, has_from, has_to, dot, has_metrics, is_blind, no_cuts;
    const char *filter_text;
    struct filter filter;
    enum view_theme theme;
};

/* Below zero is what came before the topics were there. */
static bool
take_time(const char *text, int64_t *ret)
{
    bool is_negative = *text == '-';
    if (!value_time(slice_cstr(text + is_negative), ret)) return false;
    if (is_negative) *ret = -*ret;
    return true;
}

static const char *const tale_options[] = {"--partition"};
static const char *const timeline_options[] = {"--partition", "--from",    "--to",    "--filter",
                                               "--theme",     "--metrics", "--blind", "--no-cuts"};
static const char *const frame_options[] = {"--partition", "--at",  "--strip", "--topology",
                                            "--why",       "--dot", "--theme"};

static const struct {
    const char *const *v;
    int n;
} options_of[] = {[TALE] = {tale_options, ARRAY_LEN(tale_options)},
                  [TIMELINE] = {timeline_options, ARRAY_LEN(timeline_options)},
                  [FRAME] = {frame_options, ARRAY_LEN(frame_options)}};

static bool
has_option(enum picture what, const char *arg)
{
    for (int i = 0; i < options_of[what].n; i++)
        if (strcmp(arg, options_of[what].v[i]) == 0) return true;
    return false;
}

static int
take_filter(const char *command, const char *text, struct view *v)
{
    char room[256];
    struct writer why = writer_fixed(room, sizeof room);
    v->filter_text = text;
    return filter_parse(&v->filter, slice_cstr(text), &why)
             ? 0
             : usage_error(command, "--filter: %.*s", SARG(writer_slice(&why)));
}

static int
take_theme(const char *command, const char *text, struct view *v)
{
    static const char *const themes[] = {
        [THEME_LIGHT] = "light", [THEME_DARK] = "dark", [THEME_PRINT] = "print"};
    for (int i = THEME_LIGHT; i <= THEME_PRINT; i++)
        if (strcmp(text, themes[i]) == 0) {
            v->theme = (enum view_theme)i;
            return 0;
        }
    return usage_error(command, "--theme %s: light, dark or print", text);
}

/* "2s,2.5s,6s": in the order of time. */
static int
take_strip(const char *command, const char *text, struct view *v)
{
    char room[32];
    for (struct slice rest = slice_cstr(text); rest.n;) {
        int64_t comma = slice_find(rest, ',', 0), n = comma < 0 ? rest.n : comma;
        int64_t *to = &v->strip_ns[v->strip_n];
        if (v->strip_n == STRIP_MAX) return usage_error(command, "--strip: at most six moments");
        (void)snprintf(room, sizeof room, "%.*s", (int)n, (const char *)rest.p);
        if (!take_time(room, to) || (v->strip_n && *to <= to[-1]))
            return usage_error(command, "--strip %s: times in order are due, like 2s,2.5s,6s",
                               text);
        v->strip_n++;
        rest = slice_sub(rest, n + 1, rest.n);
    }
    return v->strip_n ? 0 : usage_error(command, "--strip: which moments?");
}

/* 0 taken, else an exit code. */
static int
take_value(const char *command, const char *arg, const char *value, struct view *v)
{
    if (strcmp(arg, "--partition") == 0) {
        v->partition = value;
        return 0;
    }
    if (strcmp(arg, "--filter") == 0) return take_filter(command, value, v);
    if (strcmp(arg, "--theme") == 0) return take_theme(command, value, v);
    if (strcmp(arg, "--strip") == 0) return take_strip(command, value, v);
    if (strcmp(arg, "--why") == 0) {
        v->has_why = true;
        return slice_to_i64(slice_cstr(value), &v->why) && v->why > 0
                 ? 0
                 : usage_error(command, "--why %s: the number of a sentence is due", value);
    }
    int64_t *to = strcmp(arg, "--at") == 0   ? &v->at_ns
                : strcmp(arg, "--from") == 0 ? &v->from_ns
                                             : &v->to_ns;
    *(to == &v->at_ns ? &v->has_at : to == &v->from_ns ? &v->has_from : &v->has_to) = true;
    return take_time(value, to)
             ? 0
             : usage_error(command, "%s %s: a time like 2.5s is due", arg, value);
}

static int
parse_view(const char *command, enum picture what, int argc, char **argv, struct view *v)
{
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            if (v->run)
                return usage_error(command, "one run at a time: %s or %s?", v->run, argv[i]);
            v->run = argv[i];
        } else if (!has_option(what, argv[i])) {
            return unknown_option(command, options_of[what].v, options_of[what].n, argv[i]);
        } else if (strcmp(argv[i], "--dot") == 0) {
            v->dot = true;
        } else if (strcmp(argv[i], "--topology") == 0) {
            v->topology = true;
        } else if (strcmp(argv[i], "--metrics") == 0) {
            v->has_metrics = true;
        } else if (strcmp(argv[i], "--blind") == 0) {
            v->is_blind = true;
        } else if (strcmp(argv[i], "--no-cuts") == 0) {
            v->no_cuts = true;
        } else {
            if (i + 1 >= argc) return usage_error(command, "%s needs a value", argv[i]);
            int rc = take_value(command, argv[i], argv[i + 1], v);
            if (rc) return rc;
            i++;
        }
    }
    return v->run ? 0 : usage_error(command, "which run? (its folder, like out/leader-crash-42)");
}

struct trace_reader *
run_open_trace(struct desk *d, const char *run)
{
    struct slice path = arena_format(&d->a, "%s/trace.zst", run), bytes;
    if (!file_read_all(&d->a, (const char *)path.p, &bytes)) {
        fprintf(stderr, "gregor: %s: %s\n", (const char *)path.p, strerror(errno));
        return NULL;
    }
    struct trace_reader *r = trace_reader_new(&d->mem, bytes);
    if (!r)
        fprintf(stderr, "gregor: %s: this is no trace, or its end is missing\n",
                (const char *)path.p);
    return r;
}

bool
words_have(struct slice all, const char *name)
{
    for (int64_t at = 0; at < all.n;) {
        int64_t blank = slice_find(all, ' ', at);
        if (blank < 0) blank = all.n;
        if (slice_eq(slice_sub(all, at, blank - at), slice_cstr(name))) return true;
        at = blank + 1;
    }
    return false;
}

/* A window without one end goes on to the run's; what is asked for must be there. 0, or an exit code. */
static int
check_view(const char *command, const struct view_extent *e, struct slice partitions,
           struct view *v)
{
    if (v->filter.has_window && !v->has_from && !v->has_to) {
        v->has_from = v->has_to = true;
        v->from_ns = v->filter.from_ns;
        v->to_ns = v->filter.to_ns;
    }
    double from = (double)e->start_ns / 1e9, to = (double)e->end_ns / 1e9;
    if (!v->has_from) v->from_ns = e->start_ns;
    if (!v->has_to) v->to_ns = e->end_ns;
    if (v->partition && !words_have(partitions, v->partition))
        return usage_error(command, "--partition %s: this run has %.*s", v->partition,
                           SARG(partitions));
    if (v->has_at && (v->at_ns < e->start_ns || v->at_ns > e->end_ns))
        return usage_error(command, "--at %.3fs: this run lasts from %.3fs to %.3fs",
                           (double)v->at_ns / 1e9, from, to);
    for (int32_t i = 0; i < v->strip_n; i++)
        if (v->strip_ns[i] < e->start_ns || v->strip_ns[i] > e->end_ns)
            return usage_error(command, "--strip %.3fs: this run lasts from %.3fs to %.3fs",
                               (double)v->strip_ns[i] / 1e9, from, to);
    if (v->topology + v->has_why + (v->strip_n > 0) > 1)
        return usage_error(command, "one of --strip, --topology and --why");
    if (v->from_ns >= v->to_ns || v->from_ns >= e->end_ns || v->to_ns <= e->start_ns)
        return usage_error(
            command, "from %.3fs to %.3fs is nothing to draw: this run lasts from %.3fs to %.3fs",
            (double)v->from_ns / 1e9, (double)v->to_ns / 1e9, from, to);
    return 0;
}

static bool
draw_picture(struct desk *d, struct trace_reader *r, enum picture what, const struct view *v,
             struct writer *w)
{
    struct view_options o = {.partition = v->partition ? slice_cstr(v->partition) : SLICE_NULL,
                             .has_window = v->has_from || v->has_to,
                             .from_ns = v->from_ns,
                             .to_ns = v->to_ns,
                             .at_ns = v->strip_n ? v->strip_ns : &v->at_ns,
                             .at_n = v->strip_n ? v->strip_n : v->has_at,
                             .why = v->why,
                             .has_metrics = v->has_metrics,
                             .is_blind = v->is_blind,
                             .no_cuts = v->no_cuts,
                             .filter = v->filter_text ? &v->filter : NULL,
                             .theme = v->theme};
    if (what == TALE) return visualize_story(&d->mem, r, &o, w);
    if (v->topology) return visualize_topology(&d->mem, r, &o, w);
    if (v->has_why) return visualize_why(&d->mem, r, &o, w);
    if (what == TIMELINE) return visualize_timeline(&d->mem, r, &o, w);
    return v->dot ? visualize_frame_dot(&d->mem, r, &o, w) : visualize_frame_svg(&d->mem, r, &o, w);
}

static int
show_run(struct desk *d, const char *command, enum picture what, struct view *v)
{
    struct trace_reader *r = run_open_trace(d, v->run);
    struct writer w = writer_mem(&d->mem), partitions = writer_mem(&d->mem);
    struct view_extent e;
    if (!r) return EXIT_USAGE;
    visualize_extent(&d->mem, r, &e, &partitions);
    struct writer why = writer_mem(&d->mem);
    if (v->filter_text && !visualize_filter_fits(&d->mem, r, &v->filter, &why))
        return usage_error(command, "--filter: %.*s", SARG(writer_slice(&why)));
    int rc = check_view(command, &e, writer_slice(&partitions), v);
    if (rc) return rc;
    bool ok = draw_picture(d, r, what, v, &w);
    fwrite(w.p, 1, (size_t)w.n, stdout);
    if (!ok && v->has_why && !w.n)
        return usage_error(command, "--why %lld: that sentence has no causes (gregor explain)",
                           (long long)v->why);
    if (!ok) fprintf(stderr, "gregor: %s: the trace is damaged\n", v->run);
    return ok ? EXIT_PASS : EXIT_USAGE;
}

static int
show(const char *command, enum picture what, int argc, char **argv)
{
    struct view v = {0};
    struct desk d;
    int rc = parse_view(command, what, argc, argv, &v);
    if (rc) return rc;
    desk_init(&d);
    rc = show_run(&d, command, what, &v);
    desk_release(&d);
    return rc;
}

int
command_explain(int argc, char **argv)
{
    return show("explain", TALE, argc, argv);
}

int
command_timeline(int argc, char **argv)
{
    return show("timeline", TIMELINE, argc, argv);
}

/* Of the code, and of no run. */
static int
draw_machine(int argc, char **argv)
{
    const struct view_machine *m = argc > 1 ? machine_named(slice_cstr(argv[1])) : NULL;
    bool has_theme = argc == 4 && strcmp(argv[2], "--theme") == 0;
    enum view_theme theme = has_theme && strcmp(argv[3], "dark") == 0  ? THEME_DARK
                          : has_theme && strcmp(argv[3], "light") == 0 ? THEME_LIGHT
                          : has_theme && strcmp(argv[3], "print") == 0 ? THEME_PRINT
                                                                       : THEME_AUTO;
    if (!m || (argc > 2 && theme == THEME_AUTO))
        return usage_error("frame", "--machine takes one of %s, and --theme light, dark or print",
                           machine_names());
    struct desk d;
    desk_init(&d);
    struct writer w = writer_mem(&d.mem);
    visualize_machine(&d.mem, m, theme, &w);
    fwrite(w.p, 1, (size_t)w.n, stdout);
    writer_release(&w);
    desk_release(&d);
    return EXIT_PASS;
}

int
command_frame(int argc, char **argv)
{
    if (argc > 0 && strcmp(argv[0], "--machine") == 0) return draw_machine(argc, argv);
    return show("frame", FRAME, argc, argv);
}
