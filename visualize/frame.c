#include "visualize/frame.h"

#include "broker/base/check.h"
#include "visualize/svg.h"

struct frames {
    struct run all;
    struct facts facts;
    int32_t partition;
    struct frame_moments moments;
    bool ok;
};

/* The last sentence before each that is more than a detail says where in the story it is. */
static void
given_moments(struct frames *f, const struct view_options *o)
{
    f->moments.n = 0;
    for (int32_t i = 0; i < o->at_n && i < MOMENTS_MAX; i++) {
        const struct fact *last = NULL;
        struct writer w = writer_mem(f->all.mem);
        for (int64_t k = 0; k < f->facts.v.n && f->facts.v.v[k].at_ns <= o->at_ns[i]; k++)
            if (f->facts.v.v[k].weight >= WEIGHT_MIDDLE) last = &f->facts.v.v[k];
        if (last && o->at_n > 1) {
            fmt_str(&w, "after ");
            fmt_i64(&w, last->number);
            fmt_str(&w, ": ");
            fmt_slice(&w, last->text);
        }
        f->moments.v[f->moments.n++] = (struct frame_moment){o->at_ns[i], load_words(&f->all, &w)};
    }
}

static void
put_themed(const struct view_options *o, struct slice text, struct writer *ret)
{
    if (o && (o->theme == THEME_DARK || o->theme == THEME_PRINT))
        frame_recolour(text, o->theme, ret);
    else fmt_slice(ret, text);
}

static void
frames_init(struct frames *f, struct mem *mem, struct trace_reader *reader,
            const struct view_options *o)
{
    run_load(&f->all, mem, reader, RUN_FOREVER);
    f->partition = o && o->partition.p ? run_partition_named(&f->all, o->partition)
                                       : run_main_partition(&f->all);
    facts_make(&f->facts, &f->all, f->partition);
    f->ok = !f->all.is_damaged;
    if (f->partition < 0) return;
    if (o && o->at_n) given_moments(f, o);
    else choose_moments(&f->moments, &f->all, &f->facts, f->partition);
}

static void
frames_release(struct frames *f)
{
    facts_release(&f->facts);
    run_release(&f->all);
}

static void
draw_title(struct graph *g, const struct run *r, int32_t partition)
{
    struct writer w = writer_mem(g->mem);
    fmt_slice(&w, r->name.n ? r->name : S("run"));
    fmt_str(&w, ", seed ");
    fmt_u64(&w, r->seed);
    fmt_str(&w, ": what each replica ");
    if (partition >= 0) fmt_str(&w, "of "), fmt_slice(&w, r->partitions.v[partition].name);
    fmt_str(&w, " holds");
    graph_text(g, S("title"), 0, 0, FRAME_WIDTH - 20, 16, "#111111", true, writer_slice(&w));
    writer_release(&w);
}

/* The partition as it was at that moment has another number than in the whole run: it may be younger. */
static void
draw_at(struct graph *g, struct frames *f, struct mem *mem, struct trace_reader *reader, int i,
        int64_t y)
{
    struct run now;
    if (f->moments.v[i].at_ns == f->all.end_ns) { /* the whole of it is there already */
        draw_frame(g, &f->all, f->partition, &f->moments.v[i], i + 1, y);
        return;
    }
    run_load(&now, mem, reader, f->moments.v[i].at_ns);
    int32_t p = run_partition_named(&now, f->all.partitions.v[f->partition].name);
    now.end_ns = f->moments.v[i].at_ns;
    if (p >= 0) draw_frame(g, &now, p, &f->moments.v[i], i + 1, y);
    run_release(&now);
}

#define TITLE_HEIGHT 30

/* For readers who do not see. */
static void
frame_describe(struct frames *f, struct writer *w)
{
    fmt_str(w, "<title>");
    svg_escaped(w, f->all.name);
    fmt_str(w, ": what each replica holds</title>\n<desc>");
    for (int i = 0; i < f->moments.n; i++) {
        words_time(w, f->moments.v[i].at_ns);
        fmt_str(w, ", ");
        svg_escaped(w, f->moments.v[i].caption);
        fmt_str(w, ". ");
    }
    fmt_str(w, "</desc>\n");
}

/* description: NULL, or gets what a reader hears. */
static bool
make(struct graph *g, struct mem *mem, struct trace_reader *reader, const struct view_options *o,
     struct writer *description)
{
    struct frames f = {0};
    frames_init(&f, mem, reader, o);
    int64_t each = f.partition >= 0 ? frame_height(&f.all, f.partition) : 0;
    graph_open(g, mem, "replication", TITLE_HEIGHT + f.moments.n * each + FRAME_LEGEND_HEIGHT);
    draw_title(g, &f.all, f.partition);
    for (int i = 0; i < f.moments.n; i++) draw_at(g, &f, mem, reader, i, TITLE_HEIGHT + i * each);
    draw_frame_legend(g, TITLE_HEIGHT + f.moments.n * each, !o || o->theme != THEME_PRINT);
    if (description) frame_describe(&f, description);
    frames_release(&f);
    return f.ok;
}

bool
visualize_frame_dot(struct mem *mem, struct trace_reader *r, const struct view_options *o,
                    struct writer *ret_dot)
{
    struct graph g;
    struct writer dot = writer_mem(mem);
    bool ok = make(&g, mem, r, o, NULL);
    graph_write(&g, &dot);
    put_themed(o, writer_slice(&dot), ret_dot);
    writer_release(&dot);
    graph_close(&g);
    return ok;
}

/* The element itself, without prologue and comments (they name versions); with a description, and colours for who has it dark. */
static void
put_described(struct writer *ret, struct slice svg, struct slice description, bool has_dark)
{
    int64_t at = 0;
    while (at < svg.n && !slice_starts(slice_sub(svg, at, svg.n), S("<svg"))) at++;
    int64_t end = slice_find(svg, '>', at);
    if (end < 0) return;
    fmt_str(ret, "<svg role=\"img\"");
    fmt_slice(ret, slice_sub(svg, at + 4, end + 1 - at - 4));
    fmt_char(ret, '\n');
    fmt_slice(ret, description);
    if (has_dark) frame_dark_style(ret);
    fmt_slice(ret, slice_sub(svg, end + 1, svg.n));
}

bool
visualize_frame_svg(struct mem *mem, struct trace_reader *r, const struct view_options *o,
                    struct writer *ret_svg)
{
    struct graph g;
    struct writer painted = writer_mem(mem), description = writer_mem(mem), svg = writer_mem(mem);
    bool ok = make(&g, mem, r, o, &description);
    ok &= graph_paint(&g, &painted);
    put_described(&svg, writer_slice(&painted), writer_slice(&description),
                  !o || o->theme == THEME_AUTO);
    put_themed(o, writer_slice(&svg), ret_svg);
    writer_release(&svg);
    writer_release(&painted);
    writer_release(&description);
    graph_close(&g);
    return ok;
}
