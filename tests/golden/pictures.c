/* Pictures, byte for byte: a small run drawn and told, against files that were looked at when they were
 * made. DOT and not its painting, which depends on the painter's version.
 *
 *     pictures DIR           compares
 *     pictures --write DIR   writes them anew (then look at them) */
#include <stdio.h>
#include <stdlib.h>

#include "sim/cli/machines.h"
#include "tests/unit/visualize/synthetic.h"
#include "visualize/filter.h"

typedef bool drawn(struct mem *mem, struct trace_reader *r, const struct view_options *o,
                   struct writer *w);

/* Of the code's own table. */
static bool
transaction_machine(struct mem *mem, struct trace_reader *r, const struct view_options *o,
                    struct writer *w)
{
    (void)r;
    visualize_machine(mem, machine_named(S("transaction")), o->theme, w);
    return true;
}

static const struct picture {
    const char *file;
    drawn *draw;
    struct trace_reader *(*run)(struct synthetic *s);
    const char *filter; /* NULL: none */
    enum view_theme theme;
    bool has_metrics;
    int64_t at_ms; /* 0: nobody says when */
} pictures[] = {
    {.file = "timeline.svg", .draw = visualize_timeline, .run = synthetic_run},
    {.file = "replication.dot", .draw = visualize_frame_dot, .run = synthetic_run},
    {.file = "story.txt", .draw = visualize_story, .run = synthetic_run},
    {.file = "groups.svg",
     .draw = visualize_timeline,
     .run = synthetic_group_run,
     .theme = THEME_DARK,
     .has_metrics = true},
    {.file = "filtered.svg",
     .draw = visualize_timeline,
     .run = synthetic_run,
     .filter = "kind:control -node:b1 t:0s..2s",
     .theme = THEME_PRINT},
    {.file = "machine.svg", .draw = transaction_machine, .run = synthetic_run},
    {.file = "why.svg", .draw = visualize_why, .run = synthetic_run},
    {.file = "topology.svg", .draw = visualize_topology, .run = synthetic_run, .at_ms = 1000},
    {.file = "replication-dark.dot",
     .draw = visualize_frame_dot,
     .run = synthetic_run,
     .theme = THEME_DARK,
     .at_ms = 9015},
    {.file = "replication-print.dot",
     .draw = visualize_frame_dot,
     .run = synthetic_run,
     .theme = THEME_PRINT,
     .at_ms = 9015},
};

static struct slice
read_file(struct mem *mem, const char *path)
{
    struct writer w = writer_mem(mem);
    FILE *f = fopen(path, "rb");
    if (!f) return SLICE_NULL;
    uint8_t room[4096];
    for (size_t n; (n = fread(room, 1, sizeof room, f)) > 0;)
        writer_bytes(&w, slice(room, (int64_t)n));
    (void)fclose(f);
    return writer_slice(&w);
}

static bool
write_file(const char *path, struct slice bytes)
{
    FILE *f = fopen(path, "wb");
    if (!f) return false;
    bool ok = fwrite(bytes.p, 1, (size_t)bytes.n, f) == (size_t)bytes.n;
    return fclose(f) == 0 && ok;
}

static bool
matches(const struct picture *p, const char *dir, bool write)
{
    struct synthetic s;
    struct trace_reader *r = p->run(&s);
    struct writer w = writer_mem(&s.mem), why = writer_mem(&s.mem);
    struct filter f;
    int64_t at_ns = p->at_ms * MS;
    struct view_options o = {
        .theme = p->theme, .has_metrics = p->has_metrics, .at_ns = &at_ns, .at_n = p->at_ms > 0};
    if (p->filter && !filter_parse(&f, slice_cstr(p->filter), &why)) return false;
    if (p->filter) o.filter = &f;
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s", dir, p->file);
    bool ok = p->draw(&s.mem, r, &o, &w);
    if (write) ok &= write_file(path, writer_slice(&w));
    else ok &= slice_eq(read_file(&s.mem, path), writer_slice(&w));
    trace_reader_free(r);
    mem_release(&s.mem);
    return ok;
}

int
main(int argc, char **argv)
{
    bool write = argc > 2;
    int passed = 0, failed = 0;
    if (argc < 2) return 2;
    for (size_t i = 0; i < sizeof pictures / sizeof *pictures; i++) {
        bool ok = matches(&pictures[i], argv[argc - 1], write);
        passed += ok;
        failed += !ok;
        printf("%s %s\n", ok ? "ok  " : "FAIL", pictures[i].file);
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed > 0;
}
