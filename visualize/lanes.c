/* What the lanes of a timeline show, but for messages. */
#include "broker/base/check.h"
#include "visualize/faults.h"
#include "visualize/timeline.h"

struct moments_at {
    struct mem *mem;
    VEC(int64_t) v;
};

static void
add_time(struct moments_at *m, const struct timeline *t, int64_t at_ns)
{
    if (at_ns > t->from_ns && at_ns < t->to_ns) VEC_PUSH(m->mem, &m->v, at_ns);
}

static void
sort_times(struct moments_at *m)
{
    for (int64_t i = 1; i < m->v.n; i++) {
        int64_t one = m->v.v[i], k = i;
        for (; k > 0 && m->v.v[k - 1] > one; k--) m->v.v[k] = m->v.v[k - 1];
        m->v.v[k] = one;
    }
}

void
lane_words(struct timeline *t, const char *class, int64_t y, struct slice words)
{
    svg_text_within(t->w, class, ANCHOR_END, LEFT - 8, y, 10, LEFT - 12, words);
}

void
band_text(struct timeline *t, const char *class, int64_t x0, int64_t x1, int64_t y,
          struct slice text)
{
    int64_t width = svg_text_width(text, 11) * 17 / 16 + 8, x = clear_x(t, x0, width);
    if (x + width <= x1) svg_text(t->w, class, ANCHOR_START, x + 5, y + 13, text);
}

/* ---- faults ---- */

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

/* Where its words stand: to the right of it, else to the left, else behind the cut that is in the way. */
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
    if (p.x + p.width > WIDTH) p.width = 0; /* nowhere */
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
    if (!has_many_faults(t) || moment_is_told(t, m))
        svg_line(t->w, "fault-line", x, l->y + NUMBER_ROOM, x, t->lanes_bottom);
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
            svg_text(t->w, "ink s11", p.is_left ? ANCHOR_END : ANCHOR_START, p.x, y + 11,
                     writer_slice(&words));
        break;
    }
    writer_release(&words);
}

void
draw_fault_lane(struct timeline *t, const struct lane *l)
{
    struct boxes rows = {.mem = t->r->mem};
    for (int64_t i = 0; i < t->r->moments.n; i++) {
        const struct moment *m = &t->r->moments.v[i];
        if (m->kind != MOMENT_FAULT || m->at_ns < t->from_ns || m->at_ns > t->to_ns) continue;
        draw_fault(t, l, &rows, m);
    }
    VEC_RELEASE(rows.mem, &rows.v);
}

/* ---- clients ---- */

#define BUCKET 4
#define BUCKETS ((RIGHT - LEFT) / BUCKET + 1)

static bool
is_in_cut(const struct timeline *t, int64_t at_ns)
{
    for (int64_t i = 1; i < t->scale.kept.n; i++)
        if (at_ns > t->scale.kept.v[i - 1].to_ns && at_ns < t->scale.kept.v[i].from_ns) return true;
    return false;
}

/* Full height is twice the usual rate: what had piled up in a silence goes through the roof. */
static int64_t
rate_height(int64_t n, int64_t usual)
{
    return n ? MAX(2, MIN(18, n * 9 / MAX(usual, 1))) : 0;
}

static void
draw_rate(struct timeline *t, const struct lane *l, const int64_t *buckets, bool is_producer)
{
    int64_t sum = 0, used = 0, bottom = l->band_y + 24;
    for (int64_t i = 0; i < BUCKETS; i++) sum += buckets[i], used += buckets[i] > 0;
    int64_t usual = sum / MAX(used, 1);
    for (int64_t i = 0, k; i < BUCKETS; i = k) {
        int64_t height = rate_height(buckets[i], usual);
        for (k = i + 1; k < BUCKETS && rate_height(buckets[k], usual) == height;) k++;
        struct box bar = {LEFT + i * BUCKET, bottom - height, (k - i) * BUCKET, height};
        if (height) VEC_PUSH(t->r->mem, &t->boxes.v, bar); /* no label on it */
        svg_rect(t->w, is_producer ? "sent" : "read", bar.x, bar.y, bar.width, bar.height);
    }
}

static void
client_column(struct timeline *t, const struct lane *l, bool is_producer, int64_t ok)
{
    char room[64];
    struct writer w = writer_fixed(room, sizeof room);
    words_count(&w, ok);
    fmt_str(&w, is_producer ? " acked" : " read");
    svg_text(t->w, "ink s10", ANCHOR_END, LEFT - 8, l->band_y + 26, writer_slice(&w));
}

static void
draw_silences(struct timeline *t, const struct lane *l)
{
    for (int64_t i = 0; i < t->f->silences.n; i++) {
        const struct silence *s = &t->f->silences.v[i];
        if (s->actor != l->actor || s->to_ns < t->from_ns || s->from_ns > t->to_ns) continue;
        char room[64];
        struct writer w = writer_fixed(room, sizeof room);
        int64_t x0 = time_x(t, s->from_ns), x1 = time_x(t, s->to_ns);
        words_duration(&w, s->to_ns - s->from_ns);
        if (svg_text_width(S("0.00 s not acknowledged"), 10) + 12 < x1 - x0)
            fmt_str(&w, " not acknowledged");
        svg_rect(t->w, "silence", x0 + 1, l->band_y + 6, MAX(x1 - x0 - 2, 1), 18);
        if (svg_text_width(writer_slice(&w), 10) + 6 < x1 - x0)
            put_label(t, "alarm halo s10", ANCHOR_MIDDLE, (x0 + x1) / 2, l->band_y + 19, 10,
                      writer_slice(&w));
    }
}

/* An open circle for what may have happened, a cross for what surely failed. */
static void
draw_bad_ends(struct timeline *t, const struct lane *l)
{
    int64_t last[3] = {-100, -100, -100};
    for (int64_t i = 0; i < t->r->calls.n; i++) {
        const struct call *c = &t->r->calls.v[i];
        if (c->actor != l->actor || c->kind != VIEW_SEND || c->outcome == VIEW_OK) continue;
        if (!filter_lets_call(t->filter, c)) continue;
        int64_t at = c->completed_ns == RUN_FOREVER ? t->r->end_ns : c->completed_ns;
        if (at < t->from_ns || at > t->to_ns) continue;
        int64_t x = time_x(t, at), y = l->band_y + 3;
        if (x - last[c->outcome] < 9) continue;
        last[c->outcome] = x;
        if (c->outcome == VIEW_UNKNOWN) {
            svg_circle(t->w, "x-lost", x, y, 4);
        } else {
            svg_path(t->w, "x-lost");
            svg_point(t->w, 'M', x - 3, y - 3), svg_point(t->w, 'L', x + 3, y + 3);
            svg_point(t->w, 'M', x + 3, y - 3), svg_point(t->w, 'L', x - 3, y + 3);
            svg_path_end(t->w);
        }
    }
}

void
draw_client_lane(struct timeline *t, const struct lane *l)
{
    int64_t sends[BUCKETS] = {0}, reads[BUCKETS] = {0}, sent = 0, read = 0;
    bool is_writer = false, is_reader = false;
    for (int64_t i = 0; i < t->r->calls.n; i++) {
        const struct call *c = &t->r->calls.v[i];
        if (c->actor != l->actor || c->outcome != VIEW_OK || c->completed_ns == RUN_FOREVER)
            continue;
        bool is_read = c->kind == VIEW_POLL;
        int64_t n = is_read ? c->records : c->kind == VIEW_SEND;
        is_writer |= n && !is_read, is_reader |= n && is_read;
        if (!filter_lets_call(t->filter, c)) continue;
        if (c->completed_ns < t->from_ns || c->completed_ns > t->to_ns) continue;
        *(is_read ? &read : &sent) += n;
        if (is_in_cut(t, c->completed_ns)) continue;
        (is_read ? reads : sends)[(time_x(t, c->completed_ns) - LEFT) / BUCKET] += n;
    }
    bool is_producer = is_writer || !is_reader;
    svg_line(t->w, "lane", LEFT, l->band_y + 24, RIGHT, l->band_y + 24);
    draw_rate(t, l, is_producer ? sends : reads, is_producer);
    client_column(t, l, is_producer, is_producer ? sent : read);
    draw_silences(t, l);
    draw_bad_ends(t, l);
}

/* ---- brokers: the band ---- */

enum look { LOOK_DOWN, LOOK_PAUSED, LOOK_IDLE, LOOK_FOLLOWER, LOOK_LEADER };

struct state {
    enum look look;
    bool is_fenced;
    int64_t epoch;
};

static bool
is_fenced_at(const struct timeline *t, int32_t node_id, int64_t at_ns)
{
    bool fenced = false;
    for (int64_t i = 0; i < t->r->moments.n && t->r->moments.v[i].at_ns <= at_ns; i++) {
        const struct moment *m = &t->r->moments.v[i];
        if (m->kind != MOMENT_FENCED && m->kind != MOMENT_UNFENCED && m->kind != MOMENT_REGISTERED)
            continue;
        if (m->n[0] == node_id) fenced = m->kind != MOMENT_UNFENCED;
    }
    return fenced;
}

static struct state
state_at(const struct timeline *t, int32_t actor, int64_t at_ns)
{
    const struct actor *a = &t->r->actors.v[actor];
    const struct replica *one = run_replica(t->r, t->partition, actor);
    struct state s = {LOOK_IDLE, is_fenced_at(t, a->node_id, at_ns), -1};
    enum actor_state life = actor_state_at(a, at_ns);
    for (int64_t i = 0; one && i < one->tenures.n && one->tenures.v[i].at_ns <= at_ns; i++) {
        const struct tenure *n = &one->tenures.v[i];
        s.look = n->role == ROLE_LEADER   ? LOOK_LEADER
               : n->role == ROLE_FOLLOWER ? LOOK_FOLLOWER
                                          : LOOK_IDLE;
        s.epoch = s.look == LOOK_IDLE ? -1 : n->epoch;
    }
    if (life == STATE_DOWN) s.look = LOOK_DOWN;
    if (life == STATE_PAUSED) s.look = LOOK_PAUSED;
    return s;
}

static void
draw_state(struct timeline *t, const struct lane *l, struct state s, int64_t from_ns, int64_t to_ns)
{
    static const char *const fills[] = {"down", "paused", "idle", "follower", "leader"};
    static const char *const words[] = {"down", "paused", "up", "follower", "leader"};
    char room[96];
    struct writer w = writer_fixed(room, sizeof room);
    int64_t x0 = time_x(t, from_ns), x1 = MAX(time_x(t, to_ns), x0 + 1), y = l->band_y;
    fmt_str(&w, words[s.look]);
    if (s.epoch >= 0 && s.look >= LOOK_FOLLOWER) {
        fmt_str(&w, s.look == LOOK_LEADER ? " \xc2\xb7 epoch " : ", epoch ");
        fmt_i64(&w, s.epoch);
    }
    if (s.is_fenced) fmt_str(&w, ", fenced");
    svg_rect_titled(t->w, fills[s.look], x0, y, x1 - x0, BAND_HEIGHT, writer_slice(&w));
    if (s.look == LOOK_DOWN) svg_rect(t->w, "down-x", x0, y, x1 - x0, BAND_HEIGHT);
    else if (s.is_fenced) svg_rect(t->w, "fenced", x0, y, x1 - x0, BAND_HEIGHT);
    if (s.look == LOOK_FOLLOWER) svg_rect(t->w, "follower-edge", x0, y, x1 - x0, BAND_HEIGHT);
    const char *class = s.look == LOOK_LEADER ? "on-colour s11 bold"
                      : s.look == LOOK_PAUSED ? "on-colour s11"
                                              : "on-light s11";
    int64_t width = svg_text_width(writer_slice(&w), 11) + 8;
    int64_t clear = clear_x(t, x0, width);
    if (s.look == LOOK_DOWN && clear + 2 + width <= x1)
        svg_rect(t->w, "down", clear + 2, y + 2, width, BAND_HEIGHT - 4);
    band_text(t, class, x0, x1, y, writer_slice(&w));
}

static void
draw_band(struct timeline *t, const struct lane *l)
{
    struct moments_at at = {.mem = t->r->mem};
    const struct actor *a = &t->r->actors.v[l->actor];
    const struct replica *one = run_replica(t->r, t->partition, l->actor);
    for (int64_t i = 0; i < a->lives.n; i++) add_time(&at, t, a->lives.v[i].at_ns);
    for (int64_t i = 0; one && i < one->tenures.n; i++) add_time(&at, t, one->tenures.v[i].at_ns);
    for (int64_t i = 0; i < t->r->moments.n; i++) {
        const struct moment *m = &t->r->moments.v[i];
        bool is_fence =
            m->kind == MOMENT_FENCED || m->kind == MOMENT_UNFENCED || m->kind == MOMENT_REGISTERED;
        if (is_fence && m->n[0] == a->node_id) add_time(&at, t, m->at_ns);
    }
    VEC_PUSH(at.mem, &at.v, t->to_ns);
    sort_times(&at);
    int64_t from = t->from_ns;
    struct state s = state_at(t, l->actor, from);
    for (int64_t i = 0; i < at.v.n; i++) {
        struct state next = state_at(t, l->actor, at.v.v[i]);
        bool same = next.look == s.look && next.epoch == s.epoch && next.is_fenced == s.is_fenced;
        if (same && i < at.v.n - 1) continue;
        draw_state(t, l, s, from, at.v.v[i]);
        s = next;
        from = at.v.v[i];
    }
    VEC_RELEASE(at.mem, &at.v);
}

/* ---- brokers: the strip ---- */

#define STRIP_HEIGHT 44
#define LASTING_PX 8

/* gap: records between the two, as few as there were while it stood there. */
struct corner {
    int64_t x, log_end, high, gap;
};
struct strip {
    struct mem *mem;
    int64_t low, most, bottom;
    VEC(struct corner) v;
};

static int64_t
offset_y(const struct strip *s, int64_t offset)
{
    return s->bottom - (offset - s->low) * STRIP_HEIGHT / MAX(s->most - s->low, 1);
}

/* Of all replicas the least, so that what any of them still has is seen. */
static int64_t
log_start_at(const struct timeline *t, int64_t at_ns)
{
    const struct partition_view *p = &t->r->partitions.v[t->partition];
    int64_t least = INT64_MAX;
    for (int64_t i = 0; i < p->replicas.n; i++) {
        int64_t its = 0;
        const struct replica *one = &p->replicas.v[i];
        for (int64_t k = 0; k < one->starts.n && one->starts.v[k].at_ns <= at_ns; k++)
            its = one->starts.v[k].offset;
        if (one->is_known) least = MIN(least, its);
    }
    return least == INT64_MAX ? 0 : least;
}

bool
log_start_moves(const struct timeline *t)
{
    const struct partition_view *p = t->partition < 0 ? NULL : &t->r->partitions.v[t->partition];
    for (int64_t i = 0; p && i < p->replicas.n; i++)
        for (int64_t k = 0; k < p->replicas.v[i].starts.n; k++) {
            const struct start *m = &p->replicas.v[i].starts.v[k];
            if (m->offset > 0 && m->at_ns >= t->from_ns && m->at_ns <= t->to_ns) return true;
        }
    return false;
}

/* One scale of offsets for all replicas, so that lanes can be compared. */
static void
strip_measure(const struct timeline *t, struct strip *s)
{
    const struct partition_view *p = &t->r->partitions.v[t->partition];
    s->low = INT64_MAX;
    for (int64_t i = 0; i < p->replicas.n; i++)
        for (int64_t k = 0; k < p->replicas.v[i].steps.n; k++) {
            const struct step *st = &p->replicas.v[i].steps.v[k];
            if (st->at_ns > t->to_ns) continue;
            if (st->at_ns >= t->from_ns) s->low = MIN(s->low, MIN(st->high_watermark, st->log_end));
            s->most = MAX(s->most, st->log_end);
        }
    if (s->low == INT64_MAX) s->low = 0;
    if (log_start_moves(t)) s->low = MIN(s->low, log_start_at(t, t->from_ns));
}

static bool
is_leader_at(const struct replica *one, int64_t at_ns)
{
    enum role role = ROLE_NONE;
    for (int64_t i = 0; i < one->tenures.n && one->tenures.v[i].at_ns <= at_ns; i++)
        role = one->tenures.v[i].role;
    return role == ROLE_LEADER;
}

static void
collect_corners(const struct timeline *t, const struct replica *one, struct strip *s)
{
    int64_t gap = 0; /* after the step before */
    for (int64_t i = 0; i < one->steps.n; i++) {
        const struct step *st = &one->steps.v[i];
        if (st->at_ns > t->to_ns) break;
        struct corner c = {
            time_x(t, MAX(st->at_ns, t->from_ns)), offset_y(s, MAX(st->log_end, s->low)),
            offset_y(s, MAX(st->high_watermark, s->low)), st->log_end - st->high_watermark};
        struct corner *last = s->v.n ? &s->v.v[s->v.n - 1] : NULL;
        /* A follower hears of the high watermark a fetch later; that is no news. */
        if (!is_leader_at(one, st->at_ns)) c.gap = 0;
        int64_t now = c.gap;
        if (last && c.x > last->x + 1 && last->gap != gap) { /* it stayed so till now */
            struct corner stays = *last;
            stays.x++;
            stays.gap = gap;
            VEC_PUSH(s->mem, &s->v, stays);
            last = &s->v.v[s->v.n - 1];
        }
        c.gap = MIN(c.gap, last && last->x == c.x ? last->gap : gap);
        if (last && last->x == c.x) *last = c;
        else VEC_PUSH(s->mem, &s->v, c);
        gap = now;
    }
    if (s->v.n) s->v.v[s->v.n - 1].gap = gap;
}

static void
draw_stairs(struct timeline *t, const struct strip *s, const char *class, bool is_log_end,
            int64_t end_x)
{
    svg_path(t->w, class);
    for (int64_t i = 0; i < s->v.n; i++) {
        int64_t y = is_log_end ? s->v.v[i].log_end : s->v.v[i].high;
        int64_t before = i == 0 ? y : is_log_end ? s->v.v[i - 1].log_end : s->v.v[i - 1].high;
        if (i && y == before) continue;
        svg_point(t->w, i ? 'L' : 'M', s->v.v[i].x, before);
        if (i) svg_point(t->w, 'L', s->v.v[i].x, y);
        before = y;
    }
    const struct corner *last = &s->v.v[s->v.n - 1];
    svg_point(t->w, 'L', end_x, is_log_end ? last->log_end : last->high);
    svg_path_end(t->w);
}

/* Between log end and high watermark: written, but not committed. What lasts is never too thin to be
 * seen. */
static void
draw_uncommitted(struct timeline *t, const struct strip *s, int64_t end_x)
{
    for (int64_t i = 0, k; i < s->v.n; i = k) {
        for (k = i; k < s->v.n && s->v.v[k].gap > 0;) k++;
        if (k == i) {
            k++;
            continue;
        }
        int64_t run_end = k < s->v.n ? s->v.v[k].x : end_x;
        if (run_end - s->v.v[i].x < LASTING_PX) continue;
        for (int64_t j = i; j < k; j++) {
            const struct corner *c = &s->v.v[j];
            int64_t to = j + 1 < s->v.n ? s->v.v[j + 1].x : end_x;
            svg_rect(t->w, "uncommitted", c->x, c->log_end, to - c->x,
                     MAX(c->high - c->log_end, 6));
        }
    }
}

/* A leader that goes down with records that nobody else need have. */
static void
label_uncommitted(struct timeline *t, const struct lane *l, const struct replica *one,
                  const struct strip *s)
{
    const struct actor *a = &t->r->actors.v[l->actor];
    for (int64_t i = 0; i < a->lives.n; i++) {
        int64_t at = a->lives.v[i].at_ns;
        if (a->lives.v[i].state == STATE_UP || at < t->from_ns || at > t->to_ns) continue;
        const struct step *st = NULL;
        for (int64_t k = 0; k < one->steps.n && one->steps.v[k].at_ns <= at; k++)
            st = &one->steps.v[k];
        if (!st || st->log_end <= st->high_watermark || !is_leader_at(one, at - 1)) continue;
        char room[64];
        struct writer w = writer_fixed(room, sizeof room);
        words_count(&w, st->log_end - st->high_watermark);
        fmt_str(&w, " not committed");
        int64_t x = time_x(t, at), y = offset_y(s, st->log_end) - 5;
        if (!put_label(t, "ink halo s10", ANCHOR_START, x + 5, y, 10, writer_slice(&w)))
            put_label(t, "ink halo s10", ANCHOR_END, x - 4, y, 10, writer_slice(&w));
    }
}

/* Where it leads and a transaction holds back what is read as committed. */
static void
draw_stable(struct timeline *t, const struct replica *one, const struct strip *s)
{
    for (int64_t i = 0; i < one->stable.n; i++) {
        const struct stable *now = &one->stable.v[i];
        int64_t to_ns = i + 1 < one->stable.n ? now[1].at_ns : t->to_ns;
        if (now->offset == RUN_FOREVER || to_ns <= t->from_ns || now->at_ns >= t->to_ns) continue;
        int64_t x0 = time_x(t, MAX(now->at_ns, t->from_ns)), x1 = time_x(t, MIN(to_ns, t->to_ns));
        int64_t y = offset_y(s, MAX(now->offset, s->low));
        svg_line(t->w, "stable", x0, y, MAX(x1, x0 + 1), y);
    }
}

/* What is deleted from the front: the log's beginning climbs behind its end. A segment that begins is a tick on the log end;
 * the last that are deleted are told by number. */
static void
draw_log_start(struct timeline *t, const struct lane *l, const struct replica *one,
               const struct strip *s)
{
    int64_t offset = log_start_at(t, t->from_ns), y = offset_y(s, MAX(offset, s->low));
    bool is_told = false;
    if (!log_start_moves(t)) return;
    for (int64_t i = 0; i < one->rolls.n; i++) {
        const struct offset_mark *m = &one->rolls.v[i];
        if (m->at_ns < t->from_ns || m->at_ns > t->to_ns || m->offset < s->low) continue;
        int64_t x = time_x(t, m->at_ns), at = offset_y(s, m->offset);
        svg_line(t->w, "roll", x, at - 4, x, at + 4);
    }
    svg_path(t->w, "log-start");
    svg_point(t->w, 'M', time_x(t, t->from_ns), y);
    for (int64_t i = 0; i < one->starts.n; i++) {
        const struct start *m = &one->starts.v[i];
        if (m->at_ns < t->from_ns || m->at_ns > t->to_ns) continue;
        int64_t x = time_x(t, m->at_ns), next = offset_y(s, MAX(m->offset, s->low));
        svg_point(t->w, 'L', x, y), svg_point(t->w, 'L', x, next);
        y = next;
    }
    svg_point(t->w, 'L', time_x(t, t->to_ns), y);
    svg_path_end(t->w);
    for (int64_t i = one->starts.n - 1; i >= 0 && !is_told; i--) {
        const struct start *m = &one->starts.v[i];
        if (m->at_ns < t->from_ns || m->at_ns > t->to_ns || !m->offset) continue;
        char room[64];
        struct writer w = writer_fixed(room, sizeof room);
        fmt_str(&w, "deleted: below ");
        words_count(&w, m->offset);
        int64_t x = time_x(t, m->at_ns);
        int64_t below = MIN(offset_y(s, m->offset) + 12, l->y + l->height - 4);
        is_told = put_label(t, "dim halo s10", ANCHOR_START, x + 5, below, 10, writer_slice(&w)) ||
                  put_label(t, "dim halo s10", ANCHOR_END, x - 4, below, 10, writer_slice(&w));
    }
}

static void
draw_truncations(struct timeline *t, const struct lane *l, const struct strip *s)
{
    for (int64_t i = 0; i < t->r->moments.n; i++) {
        const struct moment *m = &t->r->moments.v[i];
        if (m->kind != MOMENT_TRUNCATED || m->actor != l->actor || m->partition != t->partition)
            continue;
        if (m->at_ns < t->from_ns || m->at_ns > t->to_ns || m->n[0] >= m->n[1]) continue;
        char room[64];
        struct writer w = writer_fixed(room, sizeof room);
        int64_t x = time_x(t, m->at_ns), y = offset_y(s, m->n[1]);
        fmt_str(&w, "cut: ");
        words_counted(&w, m->n[1] - m->n[0], "record");
        svg_line(t->w, "x-lost", x, MIN(y, s->bottom - 14) - 4, x, offset_y(s, m->n[0]) + 2);
        int64_t label_y =
            MAX(y - 4, l->band_y + BAND_HEIGHT + ARROW_LABELS * ARROW_LABEL_HEIGHT + 12);
        if (put_label(t, "alarm halo s10 bold", ANCHOR_START, x + 5, label_y, 10, writer_slice(&w)))
            continue;
        put_label(t, "alarm halo s10 bold", ANCHOR_END, x - 4, label_y, 10, writer_slice(&w));
    }
}

/* As it is where the picture ends. */
static void
strip_column(struct timeline *t, const struct lane *l, const struct replica *one)
{
    const struct step *last = NULL;
    for (int64_t i = 0; i < one->steps.n && one->steps.v[i].at_ns <= t->to_ns; i++)
        last = &one->steps.v[i];
    char room[64];
    struct writer w = writer_fixed(room, sizeof room);
    int64_t y = l->band_y + BAND_HEIGHT;
    lane_words(t, "dim s10", y + 24, t->r->partitions.v[t->partition].name);
    fmt_str(&w, "end ");
    words_count(&w, last ? last->log_end : 0);
    svg_text(t->w, "ink s10", ANCHOR_END, LEFT - 8, y + 39, writer_slice(&w));
    w.n = 0;
    fmt_str(&w, "HW ");
    words_count(&w, last ? last->high_watermark : 0);
    svg_text(t->w, "high-text s10", ANCHOR_END, LEFT - 8, y + 53, writer_slice(&w));
}

static void
draw_strip(struct timeline *t, const struct lane *l)
{
    const struct replica *one = run_replica(t->r, t->partition, l->actor);
    if (!one || !one->steps.n) return;
    struct strip s = {.mem = t->r->mem, .bottom = l->y + l->height - 6};
    strip_measure(t, &s);
    collect_corners(t, one, &s);
    if (s.v.n) {
        int64_t end_x = time_x(t, t->to_ns);
        draw_uncommitted(t, &s, end_x);
        draw_stairs(t, &s, "log-end", true, end_x);
        draw_stairs(t, &s, "high", false, end_x);
        draw_stable(t, one, &s);
        draw_log_start(t, l, one, &s);
        draw_truncations(t, l, &s);
        label_uncommitted(t, l, one, &s);
    }
    strip_column(t, l, one);
    VEC_RELEASE(s.mem, &s.v);
}

void
draw_broker_lane(struct timeline *t, const struct lane *l)
{
    draw_band(t, l);
    draw_strip(t, l);
}

/* ---- controllers ---- */

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
