/* What led to an anomaly, as a graph: a column for each machine, time downwards. Causes are letters in the column of whose
 * doing they were; between them the messages by which the news could arrive first, or a broken line where none could:
 * then it was silence that told.
 *
 *          p1    b1    b2    k2
 *      a   (a)                     1.916 s  p1:383 is acknowledged at offset 382 (acks=1: the leader alone)
 *           ╎
 *      b         (b)               2.000 s  b1 crashes
 *                 ╎ ╎ ╎
 *      c               (c)         2.955 s  b2 becomes leader (epoch 1) without it */
#include "broker/base/check.h"
#include "broker/protocol/tables.h"
#include "visualize/news.h"
#include "visualize/timeline.h"

#define WHY_ROW 30
#define WHY_COLUMN 84
#define WHY_TOP 84
#define WHY_LEFT 40
#define ACTORS_MAX 16

struct why {
    const struct run *r;
    const struct events *e;
    const struct fact *f;
    struct writer *w;
    int32_t columns[ACTORS_MAX], columns_n;
    int64_t y, words_x;
};

static void
why_column(struct why *y, int32_t actor)
{
    for (int32_t i = 0; i < y->columns_n; i++)
        if (y->columns[i] == actor) return;
    if (actor >= 0 && y->columns_n < ACTORS_MAX) y->columns[y->columns_n++] = actor;
}

static int64_t
why_x(const struct why *y, int32_t actor)
{
    for (int32_t i = 0; i < y->columns_n; i++)
        if (y->columns[i] == actor) return WHY_LEFT + i * WHY_COLUMN + WHY_COLUMN / 2;
    return WHY_LEFT / 2;
}

/* Between the last cause with a machine and this one. */
static int
why_way(const struct why *y, int32_t i, const struct sent **ret, const struct cause **ret_before)
{
    const struct cause *v = y->f->chain.v, *before = NULL;
    for (int32_t k = 0; k < i; k++)
        if (v[k].actor >= 0) before = &v[k];
    *ret_before = before;
    if (!before || v[i].actor < 0) return 0;
    return news_way(y->e, y->r, before->actor, before->at_ns, v[i].actor, v[i].at_ns, ret);
}

static void
why_words(struct why *y, const char *class, int64_t at_ns, struct slice text)
{
    char room[32];
    struct writer w = writer_fixed(room, sizeof room);
    words_time(&w, at_ns);
    svg_text(y->w, "ink s11 bold", ANCHOR_END, y->words_x + 66, y->y + 4, writer_slice(&w));
    int64_t fit = svg_text_fit(text, 11, WIDTH - y->words_x - 84);
    svg_text(y->w, class, ANCHOR_START, y->words_x + 74, y->y + 4, slice_sub(text, 0, fit));
    text = slice_trim(slice_sub(text, fit, text.n));
    if (text.n)
        svg_text(y->w, class, ANCHOR_START, y->words_x + 74, y->y + 18,
                 slice_sub(text, 0, svg_text_fit(text, 11, WIDTH - y->words_x - 84)));
}

static void
why_message(struct why *y, const struct sent *s)
{
    int64_t x0 = why_x(y, s->from), x1 = why_x(y, s->to), back = x1 > x0 ? -7 : 7;
    struct writer w = writer_mem(y->r->mem);
    svg_line(y->w, "arrow a-control", x0, y->y - 4, x1, y->y + 4);
    svg_path(y->w, "f-control");
    svg_point(y->w, 'M', x1, y->y + 4);
    svg_point(y->w, 'L', x1 + back, y->y - 1), svg_point(y->w, 'L', x1 + back, y->y + 7);
    svg_path_end(y->w);
    fmt_slice(&w, k_api_name(s->api));
    fmt_str(&w, s->flags & MESSAGE_IS_ANSWER ? " answer, " : " request, ");
    fmt_slice(&w, y->r->actors.v[s->from].name);
    fmt_str(&w, " to ");
    fmt_slice(&w, y->r->actors.v[s->to].name);
    fmt_str(&w, ", on its way for ");
    words_duration(&w, s->end_ns - s->at_ns);
    why_words(y, "dim s11", s->at_ns, writer_slice(&w));
    writer_release(&w);
    y->y += WHY_ROW;
}

static void
why_cause(struct why *y, int32_t i)
{
    const struct sent *way[NEWS_WAY_MAX];
    const struct cause *before, *c = &y->f->chain.v[i];
    int n = why_way(y, i, way, &before);
    for (int k = 0; k < n; k++) why_message(y, way[k]);
    if (n < 0 && c->at_ns > before->at_ns) {
        svg_line(y->w, "silence", why_x(y, before->actor), y->y - WHY_ROW / 2, why_x(y, c->actor),
                 y->y + WHY_ROW / 2);
        svg_text(y->w, "dim s11", ANCHOR_START, y->words_x + 74, y->y + 4,
                 S("no message can have told of it: silence did"));
        y->y += WHY_ROW;
    }
    char letter[2] = {(char)('a' + MIN(i, 25)), 0};
    svg_circle(y->w, "number", why_x(y, c->actor), y->y, 10);
    svg_text(y->w, "ink s11 bold", ANCHOR_MIDDLE, why_x(y, c->actor), y->y + 4, slice_cstr(letter));
    why_words(y, "ink s11", c->at_ns, c->text);
    y->y += WHY_ROW;
}

static void
why_columns(struct why *y)
{
    const struct sent *way[NEWS_WAY_MAX];
    const struct cause *before;
    for (int32_t i = 0; i < y->f->chain.n; i++) {
        int n = why_way(y, i, way, &before);
        for (int k = 0; k < n; k++) why_column(y, way[k]->from), why_column(y, way[k]->to);
        why_column(y, y->f->chain.v[i].actor);
    }
    y->words_x = WHY_LEFT + y->columns_n * WHY_COLUMN;
}

static void
why_describe(const struct why *y, struct writer *w)
{
    for (int32_t i = 0; i < y->f->chain.n; i++) {
        words_time(w, y->f->chain.v[i].at_ns);
        fmt_str(w, ": ");
        svg_escaped(w, y->f->chain.v[i].text);
        fmt_str(w, ".\n");
    }
}

static void
why_draw(struct why *y, struct writer *ret, enum view_theme theme)
{
    struct writer body = writer_mem(y->r->mem), title = writer_mem(y->r->mem),
                  said = writer_mem(y->r->mem);
    y->w = &body;
    why_columns(y);
    y->y = WHY_TOP + 26;
    for (int32_t i = 0; i < y->f->chain.n; i++) why_cause(y, i);
    int64_t bottom = y->y + 4;
    fmt_str(&title, "Why ");
    fmt_i64(&title, y->f->number);
    fmt_str(&title, ": ");
    fmt_slice(&title, y->f->text);
    why_describe(y, &said);
    svg_begin(ret, WIDTH, bottom + 30, writer_slice(&title), writer_slice(&said), theme);
    svg_text(
        ret, "ink s14 bold", ANCHOR_START, 12, 28,
        slice_sub(writer_slice(&title), 0, svg_text_fit(writer_slice(&title), 14, WIDTH * 5 / 6)));
    svg_text(ret, "dim s11", ANCHOR_START, 12, 48,
             S("Letters: causes, in the column of whose doing they were. Arrows: the messages by "
               "which the news could arrive first."));
    for (int32_t i = 0; i < y->columns_n; i++) {
        int64_t x = why_x(y, y->columns[i]);
        svg_line(ret, "lane", x, WHY_TOP + 6, x, bottom);
        svg_text(ret, "ink s13 bold", ANCHOR_MIDDLE, x, WHY_TOP,
                 y->r->actors.v[y->columns[i]].name);
    }
    fmt_slice(ret, writer_slice(&body));
    fmt_str(ret, "</svg>\n");
    writer_release(&body);
    writer_release(&title);
    writer_release(&said);
}

bool
visualize_why(struct mem *mem, struct trace_reader *reader, const struct view_options *o,
              struct writer *ret_svg)
{
    struct run r;
    struct facts f;
    struct events e;
    bool found = false;
    run_load(&r, mem, reader, RUN_FOREVER);
    facts_make(&f, &r,
               o->partition.p ? run_partition_named(&r, o->partition) : run_main_partition(&r));
    events_load(&e, mem, reader, &r);
    for (int64_t i = 0; i < f.v.n && !found; i++) {
        const struct fact *one = &f.v.v[i];
        if (!one->chain.n || (o->why && one->number != o->why)) continue;
        struct why y = {.r = &r, .e = &e, .f = one};
        why_draw(&y, ret_svg, o->theme);
        found = true;
    }
    events_release(&e);
    facts_release(&f);
    run_release(&r);
    return found;
}
