/* gregor view: a run, or two beside each other, as one file for a browser. What the messages said is in no run's folder
 * (it would be ten times as large), so each run is gone through once more for it; where that cannot be, the page says
 * so and shows the rest. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim/cli/cli.h"
#include "sim/trace/reader.h"
#include "visualize/visualize.h"

/* Of each message; what is longer is records. */
#define MESSAGE_BYTES 4096

struct page {
    const char *run, *with, *out, *partition;
    bool no_bytes;
};

static const char *const page_options[] = {"--with", "--partition", "--no-bytes", "-o"};

/* 0 taken, else an exit code. */
static int
take_page_option(struct page *p, int argc, char **argv, int *i)
{
    const char *arg = argv[*i];
    const char **to = strcmp(arg, "--with") == 0      ? &p->with
                    : strcmp(arg, "--partition") == 0 ? &p->partition
                    : strcmp(arg, "-o") == 0          ? &p->out
                                                      : NULL;
    if (strcmp(arg, "--no-bytes") == 0) {
        p->no_bytes = true;
        return 0;
    }
    if (!to) return unknown_option("view", page_options, ARRAY_LEN(page_options), arg);
    if (*i + 1 >= argc) return usage_error("view", "%s needs a value", arg);
    *to = argv[++*i];
    return 0;
}

static int
parse_page(int argc, char **argv, struct page *p)
{
    for (int i = 0; i < argc; i++) {
        if (argv[i][0] == '-' && argv[i][1]) {
            int rc = take_page_option(p, argc, argv, &i);
            if (rc) return rc;
        } else if (p->run) {
            return usage_error("view", "one run at a time: %s or %s? (--with compares two)", p->run,
                               argv[i]);
        } else {
            p->run = argv[i];
        }
    }
    if (!p->run) return usage_error("view", "which run? (its folder, like out/leader-crash-42)");
    return p->out ? 0 : usage_error("view", "where to? (-o run.html)");
}

/* With the messages' bytes, if they can be had. */
static bool
open_side(struct desk *d, const struct page *p, const char *run, struct view_side *ret)
{
    struct slice again;
    if (p->no_bytes) {
        ret->why_no_bytes = S("The page was made with --no-bytes.");
    } else if (replay_bytes(d, run, MESSAGE_BYTES, &again) == 0) {
        ret->reader = trace_reader_new(&d->mem, again);
    } else {
        fprintf(stderr, "gregor: %s: the page will not have what the messages said\n", run);
        ret->why_no_bytes =
            S("The run could not be gone through again, which is how a page gets them.");
    }
    if (!ret->reader) ret->reader = run_open_trace(d, run);
    return ret->reader != NULL;
}

static bool
has_partition(struct desk *d, struct trace_reader *r, const struct page *p)
{
    struct view_extent e;
    struct writer partitions = writer_mem(&d->mem);
    visualize_extent(&d->mem, r, &e, &partitions);
    if (!p->partition || words_have(writer_slice(&partitions), p->partition)) return true;
    (void)usage_error("view", "--partition %s: this run has %.*s", p->partition,
                      SARG(writer_slice(&partitions)));
    return false;
}

static int
make_page(struct desk *d, const struct page *p)
{
    struct view_side sides[2] = {0};
    struct writer html = writer_mem(&d->mem);
    struct view_options o = {.partition = p->partition ? slice_cstr(p->partition) : SLICE_NULL};
    if (!open_side(d, p, p->run, &sides[0]) || !has_partition(d, sides[0].reader, p))
        return EXIT_USAGE;
    if (p->with && !open_side(d, p, p->with, &sides[1])) return EXIT_USAGE;
    bool ok = visualize_view(&d->mem, sides, p->with ? 2 : 1, &o, &html);
    if (!ok) fprintf(stderr, "gregor: %s: the trace is damaged\n", p->run);
    if (!file_write_all(p->out, writer_slice(&html))) {
        fprintf(stderr, "gregor: %s: %s\n", p->out, strerror(errno));
        ok = false;
    }
    return ok ? EXIT_PASS : EXIT_USAGE;
}

int
command_page(int argc, char **argv)
{
    struct page p = {0};
    struct desk d;
    int rc = parse_page(argc, argv, &p);
    if (rc) return rc;
    desk_init(&d);
    rc = make_page(&d, &p);
    desk_release(&d);
    return rc;
}
