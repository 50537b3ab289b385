/* The lane of controllers: who was active from when to when, and who was away. */
#include "visualize/timeline.h"

static int64_t
end_of_reign(const struct timeline *t, const struct moment *m)
{
    int64_t end = t->to_ns;
    const struct actor *a = &t->r->actors.v[m->actor];
    for (int64_t i = 0; i < a->lives.n; i++)
        if (a->lives.v[i].at_ns > m->at_ns && a->lives.v[i].state == STATE_DOWN)
            end = MIN(end, a->lives.v[i].at_ns);
    for (const struct moment *o = m + 1; o < t->r->moments.v + t->r->moments.n; o++)
        if (o->actor == m->actor && (o->kind == MOMENT_RESIGNED || o->kind == MOMENT_CONTROLLER))
            return MIN(end, o->at_ns);
    return end;
}

struct reign {
    const struct moment *m;
    int64_t x0, x1, full; /* full: from where nobody else believes to be active */
};

static void
draw_reign(struct timeline *t, const struct lane *l, const struct reign *g, const char *class)
{
    /* Two that both believe to be active are seen as two halves. */
    svg_rect(t->w, class, g->x0, l->band_y + BAND_HEIGHT / 2, g->full - g->x0, BAND_HEIGHT / 2);
    svg_rect(t->w, class, g->full, l->band_y, g->x1 - g->full, BAND_HEIGHT);
}

/* Up to where the next one begins, which lies over it. */
static void
name_reign(struct timeline *t, const struct lane *l, const struct reign *g, int64_t next_x0,
           const char *class)
{
    char room[64];
    struct writer w = writer_fixed(room, sizeof room);
    int64_t end = MIN(g->x1, next_x0), before = w.n;
    fmt_slice(&w, t->r->actors.v[g->m->actor].name);
    before = w.n;
    fmt_str(&w, " active \xc2\xb7 epoch ");
    fmt_i64(&w, g->m->n[0]);
    if (svg_text_width(writer_slice(&w), 11) * 17 / 16 + 8 > end - g->full) w.n = before;
    band_text(t, class, g->full, end, l->band_y, writer_slice(&w));
}

static void
draw_absence(struct timeline *t, const struct lane *l, struct boxes *rows, const struct actor *a,
             int64_t from_ns, int64_t to_ns)
{
    if (to_ns <= t->from_ns || from_ns >= t->to_ns) return;
    char room[64];
    struct writer w = writer_fixed(room, sizeof room);
    int64_t x0 = time_x(t, MAX(from_ns, t->from_ns)), x1 = time_x(t, MIN(to_ns, t->to_ns));
    int64_t y = l->band_y + BAND_HEIGHT + 2;
    int row = 0;
    while (row < l->rows && !boxes_take(rows, (struct box){x0, y, x1 - x0 + 2, ABSENCE_ROW - 1}))
        row++, y += ABSENCE_ROW;
    if (row == l->rows) return;
    fmt_slice(&w, a->name);
    fmt_str(&w, " down");
    svg_rect_titled(t->w, "down", x0, y, x1 - x0, ABSENCE_ROW - 1, writer_slice(&w));
    if (svg_text_width(writer_slice(&w), 10) + 8 > x1 - x0) w.n = a->name.n;
    int64_t width = svg_text_width(writer_slice(&w), 10) + 6, x = clear_x(t, x0, width);
    if (x + width <= x1)
        svg_text(t->w, "on-light s10", ANCHOR_START, x + 3, y + 10, writer_slice(&w));
}

static void
draw_absences(struct timeline *t, const struct lane *l, struct boxes *rows, const struct actor *a)
{
    int64_t down_ns = RUN_FOREVER;
    for (int64_t i = 0; i < a->lives.n; i++) {
        bool is_down = a->lives.v[i].state == STATE_DOWN;
        if (is_down && down_ns == RUN_FOREVER) down_ns = a->lives.v[i].at_ns;
        if (is_down || down_ns == RUN_FOREVER) continue;
        draw_absence(t, l, rows, a, down_ns, a->lives.v[i].at_ns);
        down_ns = RUN_FOREVER;
    }
    if (down_ns != RUN_FOREVER) draw_absence(t, l, rows, a, down_ns, t->to_ns);
}

static void
controllers_column(struct timeline *t, const struct lane *l)
{
    struct writer w = writer_mem(t->r->mem);
    for (int64_t i = 0; i < t->r->actors.n; i++) {
        if (t->r->actors.v[i].kind != ACTOR_CONTROLLER) continue;
        if (w.n) fmt_char(&w, ' ');
        fmt_slice(&w, t->r->actors.v[i].name);
    }
    struct slice text = writer_slice(&w);
    svg_text_within(t->w, "dim s10", ANCHOR_START, 12, l->band_y + 26, 10, LEFT - 16, text);
    writer_release(&w);
}

static void
draw_reigns(struct timeline *t, const struct lane *l)
{
    struct {
        struct mem *mem;
        VEC(struct reign) v;
    } all = {.mem = t->r->mem};
    int64_t taken = LEFT;
    for (int64_t i = 0; i < t->r->moments.n; i++) {
        const struct moment *m = &t->r->moments.v[i];
        int64_t end = m->kind == MOMENT_CONTROLLER ? end_of_reign(t, m) : 0;
        if (m->kind != MOMENT_CONTROLLER || end < t->from_ns || m->at_ns > t->to_ns) continue;
        struct reign g = {.m = m,
                          .x0 = time_x(t, MAX(m->at_ns, t->from_ns)),
                          .x1 = time_x(t, MIN(end, t->to_ns))};
        g.full = MAX(g.x0, MIN(taken, g.x1));
        taken = MAX(taken, g.x1);
        VEC_PUSH(all.mem, &all.v, g);
        draw_reign(t, l, &g, (all.v.n & 1) == 0 ? "control-2" : "control");
    }
    for (int64_t i = 0; i < all.v.n; i++)
        name_reign(t, l, &all.v.v[i], i + 1 < all.v.n ? all.v.v[i + 1].x0 : RIGHT,
                   (i & 1) != 0 ? "on-light s11" : "dark s11");
    VEC_RELEASE(all.mem, &all.v);
}

void
draw_controllers_lane(struct timeline *t, const struct lane *l)
{
    struct boxes rows = {.mem = t->r->mem};
    controllers_column(t, l);
    svg_rect(t->w, "idle", LEFT, l->band_y, RIGHT - LEFT, BAND_HEIGHT);
    draw_reigns(t, l);
    for (int64_t i = 0; i < t->r->actors.n; i++)
        if (t->r->actors.v[i].kind == ACTOR_CONTROLLER)
            draw_absences(t, l, &rows, &t->r->actors.v[i]);
    VEC_RELEASE(rows.mem, &rows.v);
}
