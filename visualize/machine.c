#include "visualize/machine.h"

#include "broker/base/check.h"
#include "visualize/timeline.h"

#define BOX_WIDTH 150
#define BOX_HEIGHT 34
#define STEP_X 210
#define STEP_Y 110
#define TOP 76

struct point {
    int64_t x, y;
};

static struct point
middle(const struct view_state *s)
{
    return (struct point){40 + s->column * STEP_X + BOX_WIDTH / 2,
                          TOP + s->row * STEP_Y + BOX_HEIGHT / 2};
}

/* Where the line from the middle of the one towards the other leaves its box. */
static struct point
border(struct point a, struct point b)
{
    int64_t dx = b.x - a.x, dy = b.y - a.y, ax = dx < 0 ? -dx : dx, ay = dy < 0 ? -dy : dy;
    if (ax * BOX_HEIGHT > ay * BOX_WIDTH)
        return (struct point){a.x + (dx < 0 ? -1 : 1) * BOX_WIDTH / 2,
                              a.y + dy * BOX_WIDTH / 2 / MAX(ax, 1)};
    return (struct point){a.x + dx * BOX_HEIGHT / 2 / MAX(ay, 1),
                          a.y + (dy < 0 ? -1 : 1) * BOX_HEIGHT / 2};
}

/* A head at `to`, for who comes from `from`. */
static void
head(struct writer *w, struct point from, struct point to)
{
    int64_t dx = to.x - from.x, dy = to.y - from.y, n = 1;
    while (n * n < dx * dx + dy * dy) n++;
    svg_path(w, "f-control");
    svg_point(w, 'M', to.x, to.y);
    svg_point(w, 'L', to.x - dx * 9 / n - dy * 4 / n, to.y - dy * 9 / n + dx * 4 / n);
    svg_point(w, 'L', to.x - dx * 9 / n + dy * 4 / n, to.y - dy * 9 / n - dx * 4 / n);
    svg_point(w, 'L', to.x, to.y);
    svg_path_end(w);
}

static bool
is_between(const struct view_machine *m, int a, int b)
{
    const struct view_state *x = &m->states[a], *y = &m->states[b];
    for (int i = 0; i < m->n; i++) {
        const struct view_state *s = &m->states[i];
        if (i == a || i == b) continue;
        int64_t dx = y->column - x->column, dy = y->row - x->row;
        int64_t ex = s->column - x->column, ey = s->row - x->row;
        if (dx * ey != dy * ex) continue; /* not on the line */
        if (ex * dx + ey * dy > 0 && ex * ex + ey * ey < dx * dx + dy * dy) return true;
    }
    return false;
}

/* Both ways are one line with two heads. Around what is in the way. */
static void
draw_move(struct writer *w, const struct view_machine *m, int from, int to)
{
    struct point a = middle(&m->states[from]), b = middle(&m->states[to]);
    bool both = m->may_follow(to, from), bends = is_between(m, from, to);
    struct point by = {(a.x + b.x) / 2 + (a.y == b.y ? 0 : BOX_WIDTH * 3 / 4),
                       (a.y + b.y) / 2 - (a.y == b.y ? BOX_HEIGHT * 2 : 0)};
    struct point start = border(a, bends ? by : b), end = border(b, bends ? by : a);
    svg_path(w, "arrow a-control");
    svg_point(w, 'M', start.x, start.y);
    if (bends) svg_point(w, 'L', by.x, by.y);
    svg_point(w, 'L', end.x, end.y);
    svg_path_end(w);
    head(w, bends ? by : start, end);
    if (both) head(w, bends ? by : end, start);
}

static bool
is_final(const struct view_machine *m, int state)
{
    for (int to = 0; to < m->n; to++)
        if (to != state && m->may_follow(state, to)) return false;
    return true;
}

/* "Empty goes to Ongoing, Dead." */
static void
moves_in_words(const struct view_machine *m, struct writer *w)
{
    for (int from = 0; from < m->n; from++) {
        int n = 0;
        svg_escaped(w, slice_cstr(m->states[from].name));
        for (int to = 0; to < m->n; to++) {
            if (to == from || !m->may_follow(from, to)) continue;
            fmt_str(w, n++ ? ", " : " goes to ");
            svg_escaped(w, slice_cstr(m->states[to].name));
        }
        fmt_str(w, n ? ".\n" : " is the end.\n");
    }
}

void
visualize_machine(struct mem *mem, const struct view_machine *m, enum view_theme theme,
                  struct writer *ret)
{
    struct writer said = writer_mem(mem);
    int columns = 0, rows = 0;
    for (int i = 0; i < m->n; i++) {
        columns = MAX(columns, m->states[i].column + 1);
        rows = MAX(rows, m->states[i].row + 1);
    }
    int64_t width = 80 + (columns - 1) * STEP_X + BOX_WIDTH;
    moves_in_words(m, &said);
    svg_begin(ret, width, TOP + (rows - 1) * STEP_Y + BOX_HEIGHT + 30, slice_cstr(m->name),
              writer_slice(&said), theme);
    svg_text(ret, "ink s14 bold", ANCHOR_START, 12, 26, slice_cstr(m->name));
    svg_text(ret, "dim s11", ANCHOR_START, 12, 44, slice_cstr(m->about));
    for (int from = 0; from < m->n; from++)
        for (int to = 0; to < m->n; to++)
            if (from != to && m->may_follow(from, to) && (from < to || !m->may_follow(to, from)))
                draw_move(ret, m, from, to);
    for (int i = 0; i < m->n; i++) {
        struct point p = middle(&m->states[i]);
        bool final = is_final(m, i);
        svg_rect(ret, "follower", p.x - BOX_WIDTH / 2, p.y - BOX_HEIGHT / 2, BOX_WIDTH, BOX_HEIGHT);
        for (int edge = 0; edge <= (final ? 3 : 0); edge += 3) /* a double edge: nothing follows */
            svg_rect(ret, "follower-edge", p.x - BOX_WIDTH / 2 + edge, p.y - BOX_HEIGHT / 2 + edge,
                     BOX_WIDTH - 2 * edge, BOX_HEIGHT - 2 * edge);
        svg_text(ret, "on-light s12", ANCHOR_MIDDLE, p.x, p.y + 4, slice_cstr(m->states[i].name));
    }
    fmt_str(ret, "</svg>\n");
    writer_release(&said);
}
