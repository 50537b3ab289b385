/* The lanes of clients: how much they do, when nothing is acknowledged, and what ended badly. */
#include "visualize/timeline.h"

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
