/* The messages of a timeline: those that change something, got lost or were late, and the first and last
 * of what clients send; the rest is counted. */
#include "apis.h"
#include "broker/base/check.h"
#include "broker/protocol/tables.h"
#include "visualize/timeline.h"
#include "visualize/faults.h"

/* A client's requests further apart than this are different bursts. */
#define BURST_NS 250000000LL
/* Who writes to several brokers by turns does not begin anew with each turn. */
#define TURN_NS 2000000000LL
/* What takes longer is drawn as late. */
#define LATE_NS 100000000LL

enum rank { RANK_NONE, RANK_ROUTINE, RANK_EARLY, RANK_DATA, RANK_CONTROL, RANK_LOST };

struct arrow {
    const struct message *m;
    enum rank rank;
    int64_t end_x, end_y; /* of one that is lost: where its cross is */
};

/* Arrows before the first fault, which only bring the cluster up. */
#define EARLY_MAX 6
/* An API is named again only so far away. */
#define NAME_AGAIN_PX 100

#define LOST_LEAN_PX 30

struct name {
    int64_t x, y, api; /* y -1: of a lost one, in any lane */
};

struct arrows {
    struct mem *mem;
    VEC(struct arrow) v;
    VEC(struct name) names;
};

/* How long before or after this one the same client sent the like: to the same broker, or to any. Forever:
 * it did not. */
static int64_t
gap_ns(const struct run *r, const struct message *m, int step, bool same_to)
{
    for (const struct message *o = m + step;
         o >= r->messages.v && o < r->messages.v + r->messages.n; o += step)
        if (o->from == m->from && (!same_to || o->to == m->to) && o->api == m->api && !o->is_answer)
            return step < 0 ? m->sent_ns - o->sent_ns : o->sent_ns - m->sent_ns;
    return RUN_FOREVER;
}

static bool
is_edge_of_burst(const struct run *r, const struct message *m)
{
    for (int step = -1; step <= 1; step += 2)
        if (gap_ns(r, m, step, false) > BURST_NS || gap_ns(r, m, step, true) > TURN_NS) return true;
    return false;
}

static int64_t
first_fault(const struct run *r)
{
    for (int64_t i = 0; i < r->moments.n; i++)
        if (r->moments.v[i].kind == MOMENT_FAULT && r->moments.v[i].n[0] != FAULT_IS_TOLD)
            return r->moments.v[i].at_ns;
    return 0;
}

/* Not even lost are these of interest: they come again at once. */
static bool
is_background(int16_t api)
{
    return api == K_API_METADATA || api == K_API_API_VERSIONS || api == K_API_BROKER_HEARTBEAT ||
           api == K_API_LIST_OFFSETS || api == K_API_CONTROLLER_REGISTRATION;
}

/* It could be drawn: it goes from one lane to another, at a time that is seen. */
static bool
is_between_lanes(const struct timeline *t, const struct message *m)
{
    const struct lane *a = lane_of(t, m->from), *b = lane_of(t, m->to);
    return a && b && a != b && message_is_within(m, t->from_ns, t->to_ns) &&
           filter_lets_message(t->filter, t->r, m);
}

int64_t
messages_in_window(const struct timeline *t)
{
    int64_t n = t->r->near_n > NEAR_MAX ? t->r->near_n : 0; /* not all of them were kept */
    for (int64_t i = 0; i < t->r->messages.n; i++) n += is_between_lanes(t, &t->r->messages.v[i]);
    return n;
}

static enum rank
rank_of(const struct timeline *t, const struct message *m)
{
    if (!is_between_lanes(t, m)) return RANK_NONE;
    if (t->is_close_up) return m->is_lost ? RANK_LOST : RANK_ROUTINE;
    if (m->sent_ns < t->from_ns) return RANK_NONE;
    if (m->is_lost || m->is_held || m->at_ns - m->sent_ns > LATE_NS) {
        bool is_routine = m->api != K_API_PRODUCE && !m->is_control;
        if (is_background(m->api)) return RANK_NONE;
        return is_routine ? RANK_DATA : RANK_LOST;
    }
    if (m->is_control) return m->sent_ns < first_fault(t->r) ? RANK_EARLY : RANK_CONTROL;
    if (m->api == K_API_PRODUCE && !m->is_answer && is_edge_of_burst(t->r, m)) return RANK_DATA;
    return RANK_NONE;
}

static void
hide(struct timeline *t, const struct message *m)
{
    bool is_counted = m->api >= 0 && m->api < APIS_MAX && !m->is_answer &&
                      message_is_within(m, t->from_ns, t->to_ns);
    if (is_counted) t->hidden[m->api]++;
}

/* The same between the same two, shortly before: once is enough. Of what decides, only what is tried
 * again and again. */
#define SAME_NS 2000000000LL
#define AGAIN_NS 300000000LL

static bool
is_repeated(const struct arrows *a, const struct arrow *one)
{
    bool is_routine =
        one->rank == RANK_LOST || one->m->at_ns - one->m->sent_ns > LATE_NS || one->m->is_lost;
    int64_t shortly_ns = is_routine || one->rank == RANK_DATA ? SAME_NS : AGAIN_NS;
    for (int64_t i = a->v.n - 1; i >= 0; i--) {
        const struct message *m = a->v.v[i].m;
        bool same = m->from == one->m->from && m->to == one->m->to && m->api == one->m->api &&
                    m->is_answer == one->m->is_answer && m->is_lost == one->m->is_lost;
        if (same && one->m->sent_ns - m->sent_ns < shortly_ns) return true;
    }
    return false;
}

static void
collect(struct timeline *t, struct arrows *a)
{
    for (int64_t i = 0; i < t->r->messages.n; i++) {
        const struct message *m = &t->r->messages.v[i];
        struct arrow one = {.m = m, .rank = rank_of(t, m)};
        if (one.rank == RANK_NONE || (!t->is_close_up && is_repeated(a, &one))) hide(t, m);
        else VEC_PUSH(a->mem, &a->v, one);
    }
}

/* Of what brings the cluster up the first; of any other rank that has no room as a whole every so manieth, so that no part of the run
 * is without. */
static void
spend_on_rank(struct timeline *t, struct arrows *a, enum rank rank)
{
    int64_t all = 0, seen = 0, room = t->is_close_up ? INT32_MAX : t->arrows_max - t->arrows_n;
    for (int64_t i = 0; i < a->v.n; i++) all += a->v.v[i].rank == rank;
    if (rank == RANK_EARLY) room = MIN(room, EARLY_MAX);
    for (int64_t i = 0; i < a->v.n; i++) {
        struct arrow *one = &a->v.v[i];
        if (one->rank != rank) continue;
        int64_t at = seen++;
        bool is_turn = at == 0 || at * room / all > (at - 1) * room / all;
        if (rank == RANK_EARLY ? at < room : room > 0 && (all <= room || is_turn)) {
            t->arrows_n++;
            continue;
        }
        hide(t, one->m);
        one->rank = RANK_NONE;
    }
}

/* Keeps the higher ranks within the budget. */
static void
spend(struct timeline *t, struct arrows *a)
{
    for (int rank = RANK_LOST; rank > RANK_NONE; rank--) spend_on_rank(t, a, (enum rank)rank);
}

static int64_t
bottom_of(const struct lane *l)
{
    return l->kind == LANE_CLIENT ? l->band_y + 25 : l->band_y + BAND_HEIGHT;
}

static void
arrow_head(struct timeline *t, const char *fill, int64_t x, int64_t y, bool down, int64_t lean)
{
    int64_t back = down ? y - 6 : y + 6;
    fmt_str(t->w, "<path class=\"");
    fmt_str(t->w, fill);
    fmt_str(t->w, "\" d=\"");
    svg_point(t->w, 'M', x, y);
    svg_point(t->w, 'L', x - 3 - lean, back);
    svg_point(t->w, 'L', x + 3 - lean, back);
    fmt_str(t->w, "Z\"/>\n");
}

static void
cross(struct timeline *t, int64_t x, int64_t y)
{
    svg_path(t->w, "x-lost");
    svg_point(t->w, 'M', x - 4, y - 4), svg_point(t->w, 'L', x + 4, y + 4);
    svg_point(t->w, 'M', x + 4, y - 4), svg_point(t->w, 'L', x - 4, y + 4);
    svg_path_end(t->w);
}

static void
words(const struct message *m, struct writer *w)
{
    struct slice api = k_api_name(m->api);
    if (m->is_answer) fmt_str(w, "answer to ");
    if (api.p) fmt_slice(w, api);
    else fmt_str(w, "message");
}

static void
tooltip(struct timeline *t, const struct message *m)
{
    fmt_str(t->w, "<title>");
    words(m, t->w);
    fmt_str(t->w, ": ");
    svg_escaped(t->w, t->r->actors.v[m->from].name);
    fmt_str(t->w, " to ");
    svg_escaped(t->w, t->r->actors.v[m->to].name);
    fmt_str(t->w, ", sent at ");
    words_time(t->w, m->sent_ns);
    if (m->is_lost) {
        fmt_str(t->w, ", lost");
    } else {
        fmt_str(t->w, ", on its way for ");
        words_duration(t->w, m->at_ns - m->sent_ns);
    }
    fmt_str(t->w, "</title>\n");
}

/* Arrows nearer than three pixels stand side by side. */
static int64_t
free_x(const struct timeline *t, int64_t x, int64_t y0, int64_t y1)
{
    for (int64_t by = 0; by < 60; by += 3)
        if (boxes_are_free(&t->lines, (struct box){x + by, y0, 3, y1 - y0})) return by;
    return 0;
}

/* In pieces as high as a label, which may pass between them. */
static void
take_line(struct timeline *t, int64_t x0, int64_t y0, int64_t x1, int64_t y1)
{
    int64_t pieces = MAX((MAX(y0, y1) - MIN(y0, y1)) / ARROW_LABEL_HEIGHT, 1);
    for (int64_t i = 0; i < pieces; i++) {
        int64_t xa = x0 + (x1 - x0) * i / pieces, xb = x0 + (x1 - x0) * (i + 1) / pieces;
        int64_t ya = y0 + (y1 - y0) * i / pieces, yb = y0 + (y1 - y0) * (i + 1) / pieces;
        struct box b = {MIN(xa, xb) - 1, MIN(ya, yb), MAX(xa, xb) - MIN(xa, xb) + 3,
                        MAX(ya, yb) - MIN(ya, yb)};
        VEC_PUSH(t->lines.mem, &t->lines.v, b);
    }
}

/* What is under way when the window begins or ends is seen on a part of its way. */
static void
clip(const struct timeline *t, const struct message *m, int64_t *y0, int64_t *y1)
{
    int64_t all_ns = m->at_ns - m->sent_ns, way = *y1 - *y0, from = *y0;
    if (m->is_lost || all_ns <= 0 || m->at_ns == RUN_FOREVER) return;
    if (m->sent_ns < t->from_ns) *y0 = from + way * (t->from_ns - m->sent_ns) / all_ns;
    if (m->at_ns > t->to_ns) *y1 = from + way * (t->to_ns - m->sent_ns) / all_ns;
}

static void
draw_one(struct timeline *t, struct arrow *one)
{
    const struct message *m = one->m;
    const struct lane *from = lane_of(t, m->from), *to = lane_of(t, m->to);
    bool down = from->y < to->y, arrives = m->at_ns <= t->to_ns;
    int64_t y0 = down ? bottom_of(from) : from->band_y, y1 = down ? to->band_y : bottom_of(to);
    int64_t x0 = time_x(t, MAX(m->sent_ns, t->from_ns)), x1 = time_x(t, MIN(m->at_ns, t->to_ns));
    clip(t, m, &y0, &y1);
    int64_t by = t->is_close_up ? 0 : free_x(t, x0, MIN(y0, y1), MAX(y0, y1));
    x0 += by, x1 += by;
    bool is_data = m->api == K_API_PRODUCE || m->api == K_API_FETCH;
    svg_group(t->w, "message", "message-", (int64_t)m->id);
    tooltip(t, m);
    if (m->is_lost) { /* when it was given up says little */
        int64_t end = y0 + (y1 - y0) * 3 / 4, back = down ? -6 : 6;
        x1 = MIN(x1, x0 + LOST_LEAN_PX);
        /* Not on a label. */
        for (int tries = 0; tries < 12; tries++, end += back)
            if (boxes_take(&t->boxes, (struct box){x1 - 5, end - 5, 10, 10})) break;
        svg_line(t->w, "arrow a-lost", x0, y0, x1, end);
        take_line(t, x0, y0, x1, end);
        take_line(t, x1 - 4, end - 4, x1 + 4, end + 4);
        cross(t, x1, end);
        one->end_x = x1;
        one->end_y = end;
    } else {
        bool is_answer = t->is_close_up && m->is_answer;
        svg_line(t->w,
                 is_answer ? is_data ? "arrow a-data answer" : "arrow a-control answer"
                 : is_data ? "arrow a-data"
                           : "arrow a-control",
                 x0, y0, x1, y1);
        take_line(t, x0, y0, x1, y1);
        int64_t length = MAX(down ? y1 - y0 : y0 - y1, 1);
        if (arrives)
            arrow_head(t, is_data ? "f-data" : "f-control", x1, y1, down, (x1 - x0) * 6 / length);
    }
    svg_group_end(t->w);
}

static bool
is_named_nearby(const struct arrows *a, const struct message *m, int64_t x, int64_t y)
{
    for (int64_t i = 0; i < a->names.n; i++) {
        const struct name *n = &a->names.v[i];
        if (n->api == m->api && n->y == y && n->x - x < NAME_AGAIN_PX && x - n->x < NAME_AGAIN_PX)
            return true;
    }
    return false;
}

/* Beside the arrow, in one of the rows below the band; first where no arrow passes, then anywhere. */
static bool
place_label(struct timeline *t, int64_t x, int64_t y, struct slice text)
{
    int64_t width = svg_text_width(text, 10) + 4;
    for (int tries = 0; tries < 4 * ARROW_LABELS; tries++) {
        bool is_left = tries & 1, may_cross = tries >= 2 * ARROW_LABELS;
        int64_t at = is_left ? x - 4 : x + 6,
                row = y + tries / 2 % ARROW_LABELS * ARROW_LABEL_HEIGHT;
        struct box b = {is_left ? at - width : at, row - 9, width, 10};
        if (!may_cross && !boxes_are_free(&t->lines, b)) continue;
        enum anchor anchor = is_left ? ANCHOR_END : ANCHOR_START;
        if (put_label(t, "dim halo s10", anchor, at, row, 10, text)) return true;
    }
    return false;
}

/* Beside the cross. */
static void
label_lost(struct timeline *t, struct arrows *a, const struct arrow *one)
{
    char room[80];
    struct writer w = writer_fixed(room, sizeof room);
    int64_t x = one->end_x, y = one->end_y + 4;
    if (is_named_nearby(a, one->m, x, -1)) return;
    words(one->m, &w);
    fmt_str(&w, " lost");
    if (put_label(t, "dim halo s10", ANCHOR_START, x + 7, y, 10, writer_slice(&w)) ||
        put_label(t, "dim halo s10", ANCHOR_END, x - 7, y, 10, writer_slice(&w)))
        VEC_PUSH(a->mem, &a->names, ((struct name){x, -1, one->m->api}));
}

static void
label_one(struct timeline *t, struct arrows *a, const struct arrow *one)
{
    char room[80];
    struct writer w = writer_fixed(room, sizeof room);
    const struct message *m = one->m;
    const struct lane *from = lane_of(t, m->from), *to = lane_of(t, m->to);
    bool is_late = !m->is_lost && m->at_ns - m->sent_ns > LATE_NS;
    if (m->is_lost) {
        label_lost(t, a, one);
        return;
    }
    if (m->is_answer && (!is_late || t->is_close_up)) return;
    bool down = from->y < to->y;
    int64_t y = down ? bottom_of(from) + 11 : bottom_of(to) + 11;
    int64_t x = time_x(t, down ? MAX(m->sent_ns, t->from_ns) : MIN(m->at_ns, t->to_ns));
    if (is_named_nearby(a, m, x, y)) return;
    words(m, &w);
    if (is_late) fmt_str(&w, " late");
    if (place_label(t, x, y, writer_slice(&w)))
        VEC_PUSH(a->mem, &a->names, ((struct name){x, y, m->api}));
}

void
draw_arrows_and_numbers(struct timeline *t)
{
    struct arrows a = {.mem = t->r->mem};
    collect(t, &a);
    spend(t, &a);
    for (int64_t i = 0; i < a.v.n; i++)
        if (a.v.v[i].rank != RANK_NONE) draw_one(t, &a.v.v[i]);
    draw_numbers(t); /* where labels must not be */
    for (int rank = RANK_LOST; rank > RANK_NONE; rank--)
        for (int64_t i = 0; i < a.v.n; i++)
            if (a.v.v[i].rank == (enum rank)rank) label_one(t, &a, &a.v.v[i]);
    VEC_RELEASE(a.mem, &a.v);
    VEC_RELEASE(a.mem, &a.names);
}
