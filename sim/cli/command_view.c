/* gregor lint, reference, explain, timeline, frame, replay. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sim/cli/cli.h"
#include "sim/scenario/value.h"
#include "sim/trace/reader.h"
#include "sim/world/pool.h"
#include "visualize/visualize.h"

struct desk {
    struct pool pool;
    struct mem mem;
    struct arena a;
};

static void
desk_init(struct desk *d)
{
    *d = (struct desk){0};
    mem_init(&d->mem, pool_source(&d->pool), INT64_MAX);
    arena_init(&d->a, &d->mem, 0);
}

static void
desk_release(struct desk *d)
{
    mem_release(&d->mem);
    pool_release(&d->pool);
}

/* ---- lint ---- */

static int
lint_file(struct desk *d, const char *path, int64_t *ret_warnings)
{
    struct source source = {.path = slice_cstr(path)};
    struct load_options lo = {.read = read_sibling, .ctx = &d->a};
    struct diags diags;
    struct writer w = writer_mem(&d->mem);
    diags_init(&diags, &d->a);
    if (!file_read_all(&d->a, path, &source.text)) {
        fprintf(stderr, "gregor: %s: %s\n", path, strerror(errno));
        return EXIT_USAGE;
    }
    struct scenarios all = scenario_load(&d->a, &source, &lo, &diags);
    for (int32_t i = 0; i < all.n && !diags.errors; i++) scenario_lint(all.v[i], &diags);
    diags_print(&diags, &w);
    fwrite(w.p, 1, (size_t)w.n, stderr);
    writer_release(&w);
    *ret_warnings += diags.warnings;
    return diags.errors ? EXIT_USAGE : EXIT_PASS;
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
    if (!rc) printf("%d file%s, %lld warning%s\n", argc, argc == 1 ? "" : "s", (long long)warnings,
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

struct view {
    const char *run, *partition;
    int64_t at_ns, from_ns, to_ns;
    bool has_at, dot;
};

static bool
take_time(const char *text, int64_t *ret)
{
    return value_time(slice_cstr(text), ret);
}

static const char *const option_names[] = {"--dot", "--partition", "--at", "--from", "--to"};

static int
wrong_option(const char *command, const char *arg)
{
    for (int i = 0; i < ARRAY_LEN(option_names); i++)
        if (strcmp(arg, option_names[i]) == 0) return usage_error(command, "%s needs a value", arg);
    return unknown_option(command, option_names, ARRAY_LEN(option_names), arg);
}

static int
parse_view(const char *command, int argc, char **argv, struct view *v)
{
    for (int i = 0; i < argc; i++) {
        bool last = i + 1 >= argc;
        if (strcmp(argv[i], "--dot") == 0) {
            v->dot = true;
        } else if (strncmp(argv[i], "--", 2) != 0) {
            v->run = argv[i];
        } else if (last) {
            return wrong_option(command, argv[i]);
        } else if (strcmp(argv[i], "--partition") == 0) {
            v->partition = argv[++i];
        } else {
            int64_t *to = strcmp(argv[i], "--at") == 0     ? &v->at_ns
                          : strcmp(argv[i], "--from") == 0 ? &v->from_ns
                          : strcmp(argv[i], "--to") == 0   ? &v->to_ns
                                                           : NULL;
            if (!to) return wrong_option(command, argv[i]);
            v->has_at = v->has_at || to == &v->at_ns;
            if (!take_time(argv[++i], to)) return usage_error(command, "%s: a time like 2.5s is due", argv[i]);
        }
    }
    return v->run ? 0 : usage_error(command, "which run? (its folder, like out/leader-crash-42)");
}

static struct trace_reader *
open_trace(struct desk *d, const char *run)
{
    struct slice path = arena_format(&d->a, "%s/trace.zst", run), bytes;
    if (!file_read_all(&d->a, (const char *)path.p, &bytes)) {
        fprintf(stderr, "gregor: %s: %s\n", (const char *)path.p, strerror(errno));
        return NULL;
    }
    struct trace_reader *r = trace_reader_new(&d->mem, bytes);
    if (!r) fprintf(stderr, "gregor: %s: this is no trace, or its end is missing\n", (const char *)path.p);
    return r;
}

enum picture { TALE, TIMELINE, FRAME };

static bool
draw(struct desk *d, struct trace_reader *r, enum picture what, const struct view *v, struct writer *w)
{
    struct view_options o = {.partition = v->partition ? slice_cstr(v->partition) : SLICE_NULL,
                             .from_ns = v->from_ns,
                             .to_ns = v->to_ns,
                             .at_ns = &v->at_ns,
                             .at_n = v->has_at};
    if (what == TALE) return visualize_story(&d->mem, r, &o, w);
    if (what == TIMELINE) return visualize_timeline(&d->mem, r, &o, w);
    return v->dot ? visualize_frame_dot(&d->mem, r, &o, w) : visualize_frame_svg(&d->mem, r, &o, w);
}

static int
show(const char *command, enum picture what, int argc, char **argv)
{
    struct view v = {0};
    struct desk d;
    int rc = parse_view(command, argc, argv, &v);
    if (rc) return rc;
    desk_init(&d);
    struct trace_reader *r = open_trace(&d, v.run);
    struct writer w = writer_mem(&d.mem);
    bool ok = r && draw(&d, r, what, &v, &w);
    if (r) fwrite(w.p, 1, (size_t)w.n, stdout);
    if (r && !ok) fprintf(stderr, "gregor: %s: the trace is damaged\n", v.run);
    desk_release(&d);
    return ok ? EXIT_PASS : EXIT_USAGE;
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

int
command_frame(int argc, char **argv)
{
    return show("frame", FRAME, argc, argv);
}

/* ---- replay ---- */

struct replayed {
    struct slice file, name, seed, hash, bug;
    struct slice sets[64];
    int32_t sets_n;
};

static bool
read_run_txt(struct desk *d, const char *run, struct replayed *ret)
{
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
        struct slice value = arena_dup(&d->a, slice_sub(text, eq + 1, end - eq - 1));
        if (slice_eq(key, S("file"))) ret->file = value;
        if (slice_eq(key, S("name"))) ret->name = value;
        if (slice_eq(key, S("seed"))) ret->seed = value;
        if (slice_eq(key, S("hash"))) ret->hash = value;
        if (slice_eq(key, S("bug"))) ret->bug = value;
        if (slice_eq(key, S("set")) && ret->sets_n < 64) ret->sets[ret->sets_n++] = value;
        at = end + 1;
    }
    return ret->file.p && ret->name.p && ret->seed.p && ret->hash.p;
}

static const struct scenario *
load_again(struct desk *d, const struct replayed *p)
{
    struct source *source = ARENA_NEW(&d->a, struct source);
    struct load_options lo = {.sets = p->sets, .sets_n = p->sets_n, .read = read_sibling, .ctx = &d->a};
    struct diags diags;
    diags_init(&diags, &d->a);
    source->path = p->file;
    if (!file_read_all(&d->a, (const char *)p->file.p, &source->text)) return NULL;
    struct scenarios all = scenario_load(&d->a, source, &lo, &diags);
    for (int32_t i = 0; i < all.n && !diags.errors; i++)
        if (slice_eq(all.v[i]->name, p->name)) return all.v[i];
    return NULL;
}

static int
replay(struct desk *d, const char *run)
{
    struct replayed p = {0};
    int64_t seed;
    if (!read_run_txt(d, run, &p) || !slice_to_i64(p.seed, &seed)) return EXIT_USAGE;
    const struct scenario *s = load_again(d, &p);
    if (!s) {
        fprintf(stderr, "gregor: %.*s has no scenario %.*s (any more)\n", SARG(p.file), SARG(p.name));
        return EXIT_USAGE;
    }
    if (p.bug.p && !bug_on((const char *)p.bug.p)) return usage_error("replay", "the switch is not linked in");
    struct run_options o = {.has_seed = true, .seed = (uint64_t)seed};
    struct run_result r;
    job_run_guarded(&d->a, s, &o, &r);
    struct slice hash = arena_format(&d->a, "%016llx", (unsigned long long)r.trace_hash);
    bool same = slice_eq(hash, p.hash);
    printf("%s: trace %.*s, recorded %.*s\n", same ? "the same run" : "another run", SARG(hash), SARG(p.hash));
    return same ? EXIT_PASS : EXIT_NONDETERMINISTIC;
}

int
command_replay(int argc, char **argv)
{
    struct desk d;
    if (argc != 1) return usage_error("replay", "which run? (its folder, like out/leader-crash-42)");
    desk_init(&d);
    int rc = replay(&d, argv[0]);
    desk_release(&d);
    return rc;
}
