/* The strip below a broker's band: how its log grows, what of it is committed, and what was cut. */
#include "visualize/timeline.h"

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
        /* Over the line, or below it where the names of messages are. */
        int64_t least = l->band_y + BAND_HEIGHT + ARROW_LABELS * ARROW_LABEL_HEIGHT + 12;
        int64_t label_y = y - 4 >= least ? y - 4 : MAX(least, offset_y(s, m->n[0]) + 13);
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

void
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
