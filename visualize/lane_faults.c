/* The lane of faults: what was done to the cluster, from when to when. */
#include "visualize/faults.h"
#include "visualize/timeline.h"

static bool
ends(const struct moment *fault, const struct moment *m)
{
    bool is_machine = slice_eq(fault->text, S("crash")) || slice_eq(fault->text, S("power"));
    if (m->kind == MOMENT_START) return m->actor == fault->actor && is_machine;
    if (is_machine) return false;
    if (m->kind == MOMENT_HEALED) return true;
    if (m->kind != MOMENT_FAULT) return false;
    if (m->n[0] == FAULT_IS_TRIAL || fault->n[0] == FAULT_IS_TRIAL) return true;
    return fault_is_end(m) &&
           (fault->actor >= 0 ? m->actor == fault->actor : slice_eq(m->text2, fault->text2));
}

/* RUN_FOREVER: it is a moment, or an end. */
int64_t
fault_end(const struct timeline *t, const struct moment *fault)
{
    static const char *const lasting[] = {"crash", "power", "cut",   "flap",  "slow",   "hold",
                                          "pause", "lose",  "delay", "break", "repeat", "answer"};
    bool lasts = slice_starts(fault->text, S("disk"));
    for (int64_t i = 0; i < ARRAY_LEN(lasting); i++)
        lasts = lasts || slice_eq(fault->text, slice_cstr(lasting[i]));
    if (!lasts || fault_is_end(fault)) return RUN_FOREVER;
    for (const struct moment *m = fault + 1; m < t->r->moments.v + t->r->moments.n; m++)
        if (ends(fault, m)) return m->at_ns;
    return t->to_ns;
}

/* Where its words stand: to the right of it, else to the left, else behind the cut that is in the way; not further off, where nobody
 * would know whose they are. */
#define WORDS_FROM_FAULT_MAX 160

struct fault_place {
    int64_t x, width;
    bool is_left;
};

static struct fault_place
fault_place(const struct timeline *t, int64_t x, struct slice words)
{
    struct fault_place p = {.x = x + 6, .width = svg_text_width(words, 11) + 8};
    int64_t left = x - 6 - p.width;
    bool right_is_free = clear_x(t, p.x, p.width) == p.x && p.x + p.width <= WIDTH;
    bool left_is_free = left >= LEFT && clear_x(t, left, p.width) == left;
    if (right_is_free) return p;
    if (left_is_free) return (struct fault_place){x - 6, p.width, true};
    p.x = clear_x(t, p.x, p.width);
    if (p.x - x > WORDS_FROM_FAULT_MAX || p.x + p.width > WIDTH) p.width = 0; /* nowhere */
    return p;
}

static bool
moment_is_told(const struct timeline *t, const struct moment *m)
{
    for (int64_t i = 0; i < t->f->v.n && i < ARRAY_LEN(t->is_shown); i++)
        if (t->is_shown[i] && t->f->v.v[i].tone == TONE_FAULT && t->f->v.v[i].at_ns == m->at_ns)
            return true;
    return false;
}

/* Bar and words go into the first row that is free where they are. Words that find no room are dropped:
 * the story has them. */
static void
draw_fault(struct timeline *t, const struct lane *l, struct boxes *rows, const struct moment *m)
{
    struct writer words = writer_mem(t->r->mem);
    int64_t x = time_x(t, m->at_ns), end_ns = fault_end(t, m);
    int64_t bar = end_ns != RUN_FOREVER ? time_x(t, MIN(end_ns, t->to_ns)) - x : 0;
    if (!has_many_faults(t) || !fault_is_end(m)) fault_label(t->r, m, &words);
    for (int tries = 0; tries <= 2 * l->rows; tries++) {
        struct fault_place p = fault_place(t, x, writer_slice(&words));
        bool has_words = words.n && p.width && tries < l->rows;
        int64_t y = l->band_y + tries % l->rows * FAULT_ROW;
        int64_t from = has_words && p.is_left ? p.x - p.width : x - 4;
        int64_t to = has_words && !p.is_left ? MAX(p.x + p.width, x + bar + 4) : x + bar + 4;
        if (tries == 2 * l->rows) { /* no room: only that something was, below the rows */
            svg_rect(t->w, "fault", x, l->y + l->height - 5, 1, 5);
            break;
        }
        if (!boxes_take(rows, (struct box){from, y, to - from, FAULT_ROW - 1})) continue;
        svg_rect(t->w, "fault-bar", x, y + 13, bar, 3);
        svg_rect(t->w, "fault", x - 3, y + 3, 6, 13);
        if (has_words)
            svg_text(t->w, "ink s11 halo", p.is_left ? ANCHOR_END : ANCHOR_START, p.x, y + 11,
                     writer_slice(&words));
        break;
    }
    writer_release(&words);
}

static bool
is_fault_shown(const struct timeline *t, const struct moment *m)
{
    return m->kind == MOMENT_FAULT && m->at_ns >= t->from_ns && m->at_ns <= t->to_ns;
}

/* First the lines: words stand over them, and not the other way round. */
static void
draw_fault_lines(struct timeline *t, const struct lane *l)
{
    for (int64_t i = 0; i < t->r->moments.n; i++) {
        const struct moment *m = &t->r->moments.v[i];
        if (!is_fault_shown(t, m) || (has_many_faults(t) && !moment_is_told(t, m))) continue;
        int64_t x = time_x(t, m->at_ns);
        svg_line(t->w, "fault-line", x, l->y + NUMBER_ROOM, x, t->lanes_bottom);
    }
}

void
draw_fault_lane(struct timeline *t, const struct lane *l)
{
    struct boxes rows = {.mem = t->r->mem};
    draw_fault_lines(t, l);
    for (int64_t i = 0; i < t->r->moments.n; i++)
        if (is_fault_shown(t, &t->r->moments.v[i])) draw_fault(t, l, &rows, &t->r->moments.v[i]);
    VEC_RELEASE(rows.mem, &rows.v);
}
