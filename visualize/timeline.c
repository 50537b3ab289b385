#include "visualize/timeline.h"

#include "broker/base/check.h"
#include "visualize/faults.h"

/* More than faults and calls of others can be worth. */
#define WORTH_MORE 1000000000LL
/* Of bars that lie over each other in a lane; what finds no row is told by the story alone. */
#define ROWS_MAX 5

/* ---- lanes ---- */

static int
faults_n(const struct timeline *t)
{
    int n = 0;
    for (int64_t i = 0; i < t->r->moments.n; i++) {
        const struct moment *m = &t->r->moments.v[i];
        n += m->kind == MOMENT_FAULT && m->at_ns >= t->from_ns && m->at_ns <= t->to_ns;
    }
    return n;
}

bool
has_many_faults(const struct timeline *t)
{
    return faults_n(t) > NUMBERS_MAX;
}

/* How many faults last at the same time, at most; no more than ROWS_MAX are counted. */
static int
faults_at_once(const struct timeline *t)
{
    int64_t ends[NUMBERS_MAX];
    int n = 0, most = 0;
    for (int64_t i = 0; i < t->r->moments.n && n < NUMBERS_MAX; i++) {
        const struct moment *m = &t->r->moments.v[i];
        if (m->kind != MOMENT_FAULT || m->at_ns < t->from_ns || m->at_ns > t->to_ns) continue;
        int64_t end_ns = fault_end(t, m);
        int now = 1;
        for (int k = 0; k < n; k++) now += ends[k] > m->at_ns;
        ends[n++] = end_ns == RUN_FOREVER ? m->at_ns : end_ns;
        most = MAX(most, now);
    }
    return MIN(most, ROWS_MAX);
}

/* How many controllers are down at some time; no more than ROWS_MAX are counted. */
static int
controllers_down(const struct timeline *t)
{
    int n = 0;
    for (int64_t i = 0; i < t->r->actors.n; i++) {
        const struct actor *a = &t->r->actors.v[i];
        bool is_down = false;
        for (int64_t k = 0; k < a->lives.n; k++) is_down |= a->lives.v[k].state == STATE_DOWN;
        n += a->kind == ACTOR_CONTROLLER && is_down;
    }
    return MIN(n, ROWS_MAX);
}

static int
rows_of(const struct timeline *t, enum lane_kind kind)
{
    int faults = faults_n(t), rows;
    if (kind == LANE_FAULTS) {
        rows = faults <= 4 ? 2 : faults <= NUMBERS_MAX ? 3 : 4;
        return has_many_faults(t) ? rows : MAX(rows, faults_at_once(t));
    }
    rows = faults <= NUMBERS_MAX ? 2 : 3;
    return kind == LANE_CONTROLLERS ? MAX(rows, controllers_down(t)) : rows;
}

static int64_t
height_of(enum lane_kind kind, int rows)
{
    switch (kind) {
    case LANE_FAULTS: return NUMBER_ROOM + rows * FAULT_ROW + 4;
    case LANE_CLIENT: return 62;
    case LANE_BROKER: return 120;
    case LANE_CONTROLLERS: return NUMBER_ROOM + BAND_HEIGHT + rows * ABSENCE_ROW + 8;
    case LANE_GROUP: break; /* group_height() */
    case LANE_TXN: return NUMBER_ROOM + BAND_HEIGHT + 8;
    case LANE_METRICS: return METRICS_N * METRIC_ROW + 14;
    }
    return 0;
}

static void
add_lane(struct timeline *t, enum lane_kind kind, int32_t actor, int64_t *y)
{
    struct lane *l = &t->lanes[t->lanes_n++];
    *l = (struct lane){.kind = kind, .actor = actor, .y = *y};
    l->rows = rows_of(t, kind);
    if (kind >= LANE_GROUP) l->index = actor, l->actor = -1;
    l->height = kind == LANE_GROUP ? group_height(t, actor) : height_of(kind, l->rows);
    if (kind == LANE_BROKER && !run_replica(t->r, t->partition, actor))
        l->height = 72; /* no strip */
    l->band_y = l->y + (kind == LANE_METRICS ? 8 : NUMBER_ROOM);
    *y += l->height;
}

static int64_t
sends_of(const struct timeline *t, int32_t actor)
{
    int64_t n = 0;
    for (int64_t i = 0; i < t->r->calls.n; i++) {
        const struct call *c = &t->r->calls.v[i];
        n += c->actor == actor && c->kind == VIEW_SEND && c->invoked_ns < t->load_ends_ns;
    }
    return n;
}

/* Those that brought something in the time that is seen. */
static int64_t
reads_of(const struct timeline *t, int32_t actor)
{
    int64_t n = 0;
    for (int64_t i = 0; i < t->r->calls.n; i++) {
        const struct call *c = &t->r->calls.v[i];
        n += c->actor == actor && c->kind == VIEW_POLL && c->records > 0 &&
             c->invoked_ns < t->load_ends_ns && c->completed_ns >= t->from_ns &&
             c->completed_ns <= t->to_ns;
    }
    return n;
}

/* How much there is to see of a machine: who writes goes before who reads, who holds the partition before
 * who does not. 0: nothing. */
static int64_t
worth(const struct timeline *t, int32_t actor)
{
    const struct run *r = t->r;
    int64_t faults = 0;
    if (r->actors.v[actor].kind == ACTOR_CLIENT) {
        int64_t sends = sends_of(t, actor);
        return sends ? WORTH_MORE + MIN(sends, WORTH_MORE) : reads_of(t, actor);
    }
    for (int64_t i = 0; i < r->moments.n; i++)
        faults += r->moments.v[i].kind == MOMENT_FAULT && r->moments.v[i].actor == actor;
    return 1 + MIN(faults, 1000) + (run_replica(r, t->partition, actor) ? WORTH_MORE : 0);
}

static bool
is_in(const int32_t *v, int n, int32_t one)
{
    for (int i = 0; i < n; i++)
        if (v[i] == one) return true;
    return false;
}

/* Those of a kind with most to show, in the order of their names. Returns how many. */
static int
choose(const struct timeline *t, enum actor_kind kind, int most, int32_t *ret)
{
    const struct run *r = t->r;
    int32_t taken[LANES_MAX];
    int n = 0;
    while (n < most) {
        int32_t best = -1;
        int64_t best_worth = 0;
        for (int32_t i = 0; i < r->actors.n; i++) {
            if (r->actors.v[i].kind != kind || is_in(taken, n, i)) continue;
            int64_t its = worth(t, i);
            if (its <= best_worth) continue;
            best = i;
            best_worth = its;
        }
        if (best < 0) break;
        taken[n++] = best;
    }
    int at = 0;
    for (int32_t i = 0; i < r->actors.n; i++)
        if (is_in(taken, n, i)) ret[at++] = i;
    return n;
}

/* Those that have most stages first. */
static void
make_staged_lanes(struct timeline *t, enum lane_kind kind, const struct staged *v, int64_t n,
                  int most, int64_t *y)
{
    bool taken[64] = {0};
    for (int k = 0; k < most; k++) {
        int64_t best = -1;
        for (int64_t i = 0; i < n && i < ARRAY_LEN(taken); i++)
            if (!taken[i] && v[i].stages.n > 1 && (best < 0 || v[i].stages.n > v[best].stages.n))
                best = i;
        if (best < 0) return;
        taken[best] = true;
        add_lane(t, kind, (int32_t)best, y);
    }
}

static void
make_further_lanes(struct timeline *t, int64_t *y)
{
    const struct run *r = t->r;
    make_staged_lanes(t, LANE_GROUP, r->groups.v, r->groups.n, 2, y);
    make_staged_lanes(t, LANE_TXN, r->txns.v, r->txns.n, 2, y);
    if (t->has_metrics) add_lane(t, LANE_METRICS, -1, y);
}

/* Whether a client gets anything within the window. */
static bool
is_seen(const struct timeline *t, int32_t actor)
{
    for (int64_t i = 0; i < t->r->calls.n; i++) {
        const struct call *c = &t->r->calls.v[i];
        if (c->actor == actor && c->completed_ns >= t->from_ns && c->completed_ns <= t->to_ns)
            return true;
    }
    return false;
}

/* Who comes after that looks whether all is well again, and has no lane. */
static int64_t
load_ends(const struct run *r)
{
    for (int64_t i = 0; i < r->moments.n; i++) {
        const struct moment *m = &r->moments.v[i];
        bool is_trial = m->kind == MOMENT_FAULT && m->n[0] == FAULT_IS_TRIAL;
        if (is_trial || m->kind == MOMENT_HEALED) return m->at_ns;
    }
    return RUN_FOREVER;
}

/* Five clients and three brokers; where there are fewer of the ones, more of the others. */
static void
make_lanes(struct timeline *t, int64_t *y)
{
    int32_t clients[LANES_MAX], brokers[LANES_MAX];
    int room = LANES_MAX - 2, brokers_n = choose(t, ACTOR_BROKER, 4, brokers);
    t->load_ends_ns = load_ends(t->r);
    int clients_n = choose(t, ACTOR_CLIENT, MIN(5, room - brokers_n), clients);
    if (!clients_n) { /* there are none but those of the last test */
        t->load_ends_ns = RUN_FOREVER;
        clients_n = choose(t, ACTOR_CLIENT, MIN(5, room - brokers_n), clients);
    }
    brokers_n = choose(t, ACTOR_BROKER, MIN(5, room - clients_n), brokers);
    if (!t->is_blind) add_lane(t, LANE_FAULTS, -1, y);
    for (int i = 0; i < clients_n; i++)
        if (!t->is_blind || is_seen(t, clients[i])) add_lane(t, LANE_CLIENT, clients[i], y);
    for (int i = 0; i < brokers_n && !t->is_blind; i++) add_lane(t, LANE_BROKER, brokers[i], y);
    if (!t->is_blind) add_lane(t, LANE_CONTROLLERS, -1, y);
    if (t->is_blind) add_lane(t, LANE_METRICS, -1, y);
    else make_further_lanes(t, y);
    t->lanes_bottom = *y;
}

const struct lane *
lane_of(const struct timeline *t, int32_t actor)
{
    if (actor < 0) return NULL;
    for (int32_t i = 0; i < t->lanes_n; i++) {
        const struct lane *l = &t->lanes[i];
        if (l->actor == actor) return l;
        if (l->kind == LANE_CONTROLLERS && t->r->actors.v[actor].kind == ACTOR_CONTROLLER) return l;
    }
    return NULL;
}

/* ---- time ---- */

int64_t
clear_x(const struct timeline *t, int64_t x, int64_t width)
{
    for (int64_t i = 1; i < t->scale.kept.n; i++) {
        int64_t a = t->scale.kept.v[i - 1].x1, b = t->scale.kept.v[i].x0;
        if (x < b && a < x + width) x = b;
    }
    return x;
}

/* So many moments, evenly spread, leave no distance that is long enough to be cut. */
#define EVENLY 32

struct times {
    struct mem *mem;
    VEC(int64_t) v;
};

/* What must not be cut away. */
static void
collect_times(struct timeline *t, struct times *times)
{
    for (int64_t i = 0; i < t->f->v.n; i++) VEC_PUSH(times->mem, &times->v, t->f->v.v[i].at_ns);
    for (int64_t i = 0; i < t->f->silences.n; i++) {
        VEC_PUSH(times->mem, &times->v, t->f->silences.v[i].from_ns);
        VEC_PUSH(times->mem, &times->v, t->f->silences.v[i].to_ns);
    }
    for (int64_t i = 0; i < t->r->actors.n; i++)
        for (int64_t k = 0; k < t->r->actors.v[i].lives.n; k++)
            VEC_PUSH(times->mem, &times->v, t->r->actors.v[i].lives.v[k].at_ns);
    const struct partition_view *p = log_start_moves(t) ? &t->r->partitions.v[t->partition] : NULL;
    for (int64_t i = 0; p && i < p->replicas.n; i++) {
        const struct replica *one = &p->replicas.v[i];
        for (int64_t k = 0; k < one->starts.n; k++)
            VEC_PUSH(times->mem, &times->v, one->starts.v[k].at_ns);
        for (int64_t k = 0; k < one->rolls.n; k++)
            VEC_PUSH(times->mem, &times->v, one->rolls.v[k].at_ns);
    }
    for (int64_t i = 0; t->is_close_up && i < t->r->messages.n; i++) {
        const struct message *m = &t->r->messages.v[i];
        if (m->sent_ns >= t->from_ns && m->sent_ns <= t->to_ns)
            VEC_PUSH(times->mem, &times->v, m->sent_ns);
        if (m->at_ns >= t->from_ns && m->at_ns <= t->to_ns)
            VEC_PUSH(times->mem, &times->v, m->at_ns);
    }
    for (int i = 1; t->no_cuts && i < EVENLY; i++)
        VEC_PUSH(times->mem, &times->v, t->from_ns + (t->to_ns - t->from_ns) / EVENLY * i);
}

static void
make_scale(struct timeline *t)
{
    struct times times = {.mem = t->r->mem};
    collect_times(t, &times);
    scale_make(&t->scale, t->r->mem, t->from_ns, t->to_ns, times.v.v, times.v.n, LEFT, RIGHT);
    VEC_RELEASE(times.mem, &times.v);
}

static void
tick_text(struct writer *w, int64_t at_ns, int64_t tick_ns)
{
    int64_t us = at_ns / 1000;
    if (us < 0) fmt_char(w, '-'), us = -us;
    fmt_i64(w, us / 1000000);
    int digits = 0;
    for (int64_t unit = NS_PER_SECOND; digits < 6 && tick_ns < unit; unit /= 10) digits++;
    if (digits) {
        int64_t part = us % 1000000;
        for (int i = digits; i < 6; i++) part /= 10;
        fmt_char(w, '.');
        fmt_padded(w, part, digits);
    }
    fmt_str(w, " s");
}

static void
draw_tick(struct timeline *t, int64_t at_ns, int64_t tick_ns, int64_t y)
{
    char room[32];
    struct writer w = writer_fixed(room, sizeof room);
    int64_t x = time_x(t, at_ns);
    tick_text(&w, at_ns, tick_ns);
    svg_line(t->w, "grid", x, y, x, t->lanes_bottom);
    x = MIN(x, WIDTH - 4 - svg_text_width(writer_slice(&w), 11) / 2);
    int64_t half = svg_text_width(writer_slice(&w), 11) / 2 + 3;
    if (boxes_take(&t->boxes, (struct box){x - half, y - 14, 2 * half, 12}))
        svg_text(t->w, "dim s11", ANCHOR_MIDDLE, x, y - 4, writer_slice(&w));
}

/* Idle time that was taken out: a torn strip over all lanes, with its length. */
static void
draw_cut(struct timeline *t, const struct stretch *a, const struct stretch *b, int64_t y)
{
    char room[64];
    struct writer w = writer_fixed(room, sizeof room);
    int64_t middle = (a->x1 + b->x0) / 2;
    svg_rect(t->w, "cut", a->x1 + 4, y, b->x0 - a->x1 - 8, t->lanes_bottom - y);
    for (int side = 0; side < 2; side++) {
        int64_t x = side ? b->x0 - 4 : a->x1 + 4;
        svg_path(t->w, "tear");
        for (int64_t at = y, i = 0; at <= t->lanes_bottom; at += 8, i++)
            svg_point(t->w, i ? 'L' : 'M', x + (i & 1 ? 2 : -2), at);
        svg_path_end(t->w);
    }
    words_duration(&w, b->from_ns - a->to_ns);
    int64_t half = svg_text_width(writer_slice(&w), 10) / 2 + 8;
    fmt_str(&w, " cut");
    half += 10;
    middle = MIN(middle, WIDTH - 4 - half);
    svg_text(t->w, "dim s10", ANCHOR_MIDDLE, middle, y - 18, writer_slice(&w));
}

static void
draw_axis(struct timeline *t, int64_t y)
{
    int64_t tick = scale_tick_ns(&t->scale, 11);
    for (int64_t i = 0; i < t->scale.kept.n; i++) {
        const struct stretch *k = &t->scale.kept.v[i];
        svg_line(t->w, "axis", k->x0, y, k->x1, y);
        int64_t first = k->from_ns / tick * tick; /* rounded towards 0 */
        if (first < k->from_ns) first += tick;
        for (int64_t at = first; at <= k->to_ns; at += tick) draw_tick(t, at, tick, y);
    }
    svg_text(t->w, "dim s11", ANCHOR_START, 12, y - 4, S("time"));
}

static void
draw_cuts(struct timeline *t, int64_t y)
{
    for (int64_t i = 1; i < t->scale.kept.n; i++)
        draw_cut(t, &t->scale.kept.v[i - 1], &t->scale.kept.v[i], y);
}

/* ---- title ---- */

static void
draw_verdict(struct timeline *t)
{
    if (!t->r->has_verdict) return;
    bool good = slice_eq(t->r->verdict, S("pass"));
    char room[32];
    struct writer w = writer_fixed(room, sizeof room);
    for (int64_t i = 0; i < t->r->verdict.n && i < 24; i++) {
        char c = (char)t->r->verdict.p[i];
        fmt_char(&w, c >= 'a' && c <= 'z' ? (char)(c - 32) : c);
    }
    int64_t width = svg_text_width(writer_slice(&w), 14) + 20;
    svg_rect(t->w, good ? "good" : "bad", RIGHT - width, 12, width, 24);
    svg_text(t->w, "on-colour s14 bold", ANCHOR_MIDDLE, RIGHT - width / 2, 29, writer_slice(&w));
    struct writer c = writer_mem(t->r->mem);
    static const char *const nouns[] = {"produced", "acknowledged", "unknown", "failed",
                                        "read back"};
    for (int i = 0; i < 5; i++) {
        if (i) fmt_str(&c, " \xc2\xb7 ");
        fmt_str(&c, nouns[i]);
        fmt_char(&c, ' ');
        words_count(&c, t->r->counts[i]);
    }
    svg_text(t->w, "dim s11", ANCHOR_END, RIGHT - width - 12, 28, writer_slice(&c));
    writer_release(&c);
}

static void
draw_title(struct timeline *t)
{
    char room[64];
    if (t->is_blind) {
        svg_text(t->w, "ink s20 bold", ANCHOR_START, 12, 30, S("What the dashboard shows"));
        return;
    }
    struct writer w = writer_fixed(room, sizeof room);
    svg_text(t->w, "ink s20 bold", ANCHOR_START, 12, 30, t->r->name.n ? t->r->name : S("run"));
    fmt_str(&w, "seed ");
    fmt_u64(&w, t->r->seed);
    svg_text(t->w, "dim s11", ANCHOR_START, 12 + svg_text_width(t->r->name, 20) * 9 / 8 + 12, 30,
             writer_slice(&w));
    struct slice about = slice_sub(t->r->about, 0, svg_text_fit(t->r->about, 12, RIGHT - 12));
    svg_text(t->w, "ink s12", ANCHOR_START, 12, 50, about);
    draw_verdict(t);
}

/* ---- all of it ---- */

bool
put_label(struct timeline *t, const char *class, enum anchor anchor, int64_t x, int64_t y,
          int64_t size_px, struct slice text)
{
    int64_t width = svg_text_width(text, size_px) + 8;
    int64_t left = anchor == ANCHOR_START ? x : anchor == ANCHOR_END ? x - width : x - width / 2;
    if (t->labels_n >= LABELS_MAX || left < LEFT - 2 || left + width > WIDTH) return false;
    if (!boxes_take(&t->boxes, (struct box){left, y - size_px, width, size_px + 2})) return false;
    svg_text(t->w, class, anchor, x, y, text);
    t->labels_n++;
    return true;
}

static struct slice
lane_name(const struct timeline *t, const struct lane *l)
{
    switch (l->kind) {
    case LANE_FAULTS: return S("faults");
    case LANE_CONTROLLERS: return S("controllers");
    case LANE_GROUP: return t->r->groups.v[l->index].name;
    case LANE_TXN: return t->r->txns.v[l->index].name;
    case LANE_METRICS: return SLICE_EMPTY;
    case LANE_CLIENT:
    case LANE_BROKER: break;
    }
    return t->r->actors.v[l->actor].name;
}

/* Names of groups may be long: smaller, then without their middle. */
static void
draw_lane_name(struct timeline *t, const struct lane *l)
{
    struct slice name = lane_name(t, l);
    int64_t room = (LEFT - 14) * 9 / 10; /* bold is wider */
    int64_t size = svg_text_width(name, 13) <= room ? 13
                 : svg_text_width(name, 11) <= room ? 11
                                                    : 10;
    const char *class = size == 13 ? "ink s13 bold" : size == 11 ? "ink s11 bold" : "ink s10 bold";
    if (name.n) svg_text_within(t->w, class, ANCHOR_START, 12, l->band_y + 13, size, room, name);
}

static void
draw_lane(struct timeline *t, const struct lane *l)
{
    svg_line(t->w, "lane", 0, l->y, WIDTH, l->y);
    draw_lane_name(t, l);
    if (l->kind == LANE_BROKER)
        svg_text(t->w, "dim s10", ANCHOR_START, 34, l->band_y + 13, S("broker"));
    switch (l->kind) {
    case LANE_FAULTS: draw_fault_lane(t, l); break;
    case LANE_CLIENT: draw_client_lane(t, l); break;
    case LANE_BROKER: draw_broker_lane(t, l); break;
    case LANE_CONTROLLERS: draw_controllers_lane(t, l); break;
    case LANE_GROUP: draw_group_lane(t, l); break;
    case LANE_TXN: draw_txn_lane(t, l); break;
    case LANE_METRICS: draw_metrics_lane(t, l); break;
    }
}

static void
draw_body(struct timeline *t, int64_t axis_y)
{
    draw_title(t);
    draw_axis(t, axis_y);
    for (int64_t i = 1; i < t->scale.kept.n; i++) { /* no label there */
        int64_t x0 = t->scale.kept.v[i - 1].x1, x1 = t->scale.kept.v[i].x0;
        VEC_PUSH(t->r->mem, &t->boxes.v, ((struct box){x0, axis_y + 40, x1 - x0, t->lanes_bottom}));
    }
    for (int32_t i = 0; i < t->lanes_n; i++) { /* nor in bands */
        const struct lane *l = &t->lanes[i];
        if (l->kind == LANE_BROKER || l->kind == LANE_CONTROLLERS || l->kind >= LANE_GROUP)
            VEC_PUSH(t->r->mem, &t->boxes.v,
                     ((struct box){LEFT, l->band_y, RIGHT - LEFT, BAND_HEIGHT}));
    }
    for (int32_t i = 0; i < t->lanes_n; i++) draw_lane(t, &t->lanes[i]);
    svg_line(t->w, "lane", 0, t->lanes_bottom, WIDTH, t->lanes_bottom);
    draw_cuts(t, axis_y);
    if (!t->is_blind) draw_arrows_and_numbers(t);
}

/* What a reader gets who does not see: the weightiest sentences. */
static void
description(struct timeline *t, struct writer *w)
{
    for (int64_t i = 0; i < t->f->v.n; i++) {
        const struct fact *f = &t->f->v.v[i];
        if (f->weight < WEIGHT_HIGH) continue;
        words_time(w, f->at_ns);
        fmt_str(w, ": ");
        svg_escaped(w, f->text);
        fmt_str(w, ".\n");
    }
}

static void
timeline_head(struct timeline *t, struct writer *w, int64_t height, enum view_theme theme)
{
    struct writer title = writer_mem(t->r->mem), said = writer_mem(t->r->mem);
    if (t->is_blind) {
        fmt_str(&title, "What the dashboard shows");
    } else {
        fmt_slice(&title, t->r->name.n ? t->r->name : S("run"));
        fmt_str(&title, ": what happened");
        description(t, &said);
    }
    svg_begin(w, WIDTH, height, writer_slice(&title), writer_slice(&said), theme);
    writer_release(&title);
    writer_release(&said);
}

static void
timeline_draw(struct timeline *t, enum view_theme theme, struct writer *ret)
{
    struct writer body = writer_mem(t->r->mem);
    int64_t axis_y = 96, y = axis_y;
    t->w = &body;
    make_lanes(t, &y);
    t->is_close_up = t->is_window && messages_in_window(t) <= CLOSE_UP_MAX;
    make_scale(t);
    choose_facts(t);
    draw_body(t, axis_y);
    y += 10;
    if (!t->is_blind) {
        y += draw_sentences(t, y);
        y += draw_hidden(t, y);
        y += draw_legend(t, y);
    }
    timeline_head(t, ret, y + 8, theme);
    fmt_slice(ret, writer_slice(&body));
    fmt_str(ret, "</svg>\n");
    writer_release(&body);
}

/* ---- the window ---- */

struct window {
    bool is_given;
    int64_t from_ns, to_ns;
};

static int32_t
partition_of(const struct run *r, const struct view_options *o)
{
    int32_t p = o && o->partition.p ? run_partition_named(r, o->partition) : run_main_partition(r);
    if (o && filter_partition(o->filter, r) >= 0) p = filter_partition(o->filter, r);
    return p;
}

/* From the first to the last cause of a sentence, with some room. */
static struct window
window_of_causes(struct mem *mem, struct trace_reader *reader, const struct view_options *o)
{
    struct window w = {0};
    struct run r;
    struct facts f;
    run_load(&r, mem, reader, RUN_FOREVER);
    facts_make(&f, &r, partition_of(&r, o));
    for (int64_t i = 0; i < f.v.n; i++) {
        const struct fact *one = &f.v.v[i];
        if (one->number != o->filter->why || !one->chain.n) continue;
        int64_t first = one->chain.v[0].at_ns;
        int64_t last = MAX(one->at_ns, one->chain.v[one->chain.n - 1].at_ns);
        int64_t room = MAX((last - first) / 10, NS_PER_SECOND / 100);
        w = (struct window){true, MAX(first - room, r.start_ns), MIN(last + room, r.end_ns)};
    }
    facts_release(&f);
    run_release(&r);
    return w;
}

/* That of the options goes before that of the filter's t:, and the causes go before both. */
static struct window
window_of(struct mem *mem, struct trace_reader *reader, const struct view_options *o)
{
    struct window w = {0};
    if (!o) return w;
    if (o->filter && o->filter->why) w = window_of_causes(mem, reader, o);
    if (w.is_given) return w;
    if (o->has_window) return (struct window){true, o->from_ns, o->to_ns};
    if (o->filter && o->filter->has_window)
        return (struct window){true, o->filter->from_ns, o->filter->to_ns};
    return w;
}

bool
visualize_timeline(struct mem *mem, struct trace_reader *reader, const struct view_options *o,
                   struct writer *ret_svg)
{
    struct run r;
    struct facts f;
    struct window w = window_of(mem, reader, o);
    if (w.is_given) run_load_window(&r, mem, reader, w.from_ns, w.to_ns);
    else run_load(&r, mem, reader, RUN_FOREVER);
    struct timeline *t = MEM_NEW(mem, struct timeline);
    t->r = &r;
    t->f = &f;
    t->partition = partition_of(&r, o);
    facts_make(&f, &r, t->partition);
    t->boxes.mem = t->lines.mem = mem;
    t->arrows_max = o && o->arrows_max ? o->arrows_max : 60;
    t->is_window = w.is_given;
    t->from_ns = w.is_given ? w.from_ns : r.start_ns;
    t->to_ns = w.is_given ? w.to_ns : r.end_ns;
    t->is_blind = o && o->is_blind;
    t->has_metrics = t->is_blind || (o && o->has_metrics);
    t->no_cuts = t->is_blind || (o && o->no_cuts); /* a cut would say where nothing happens */
    t->filter = o ? o->filter : NULL;
    timeline_draw(t, o ? o->theme : THEME_AUTO, ret_svg);
    bool ok = !r.is_damaged;
    scale_release(&t->scale);
    VEC_RELEASE(mem, &t->boxes.v);
    VEC_RELEASE(mem, &t->lines.v);
    MEM_DELETE(mem, t);
    facts_release(&f);
    run_release(&r);
    return ok;
}
