/* What an operator's dashboard would show, under a timeline: partitions with fewer replicas in sync than they have, with
 * fewer than min.insync.replicas, without leader; how far the slowest replica of the one that is drawn is behind; and how
 * many leaders were elected within a second. */
#include "broker/base/check.h"
#include "broker/base/search.h"
#include "visualize/timeline.h"

enum metric { UNDER_REPLICATED, UNDER_MIN_ISR, OFFLINE, LAG, ELECTIONS };

#define ELECTIONS_WITHIN_NS 1000000000LL

struct moments_of {
    struct mem *mem;
    VEC(int64_t) v; /* by time */
};

static int64_t
ids_n(struct slice list)
{
    int64_t n = list.n > 0;
    for (int64_t i = 0; i < list.n; i++) n += list.p[i] == ',';
    return n;
}

static bool
is_true(const struct partition_view *p, enum metric what, int64_t at_ns)
{
    const struct change *c = change_at(p, at_ns);
    if (!c) return false;
    switch (what) {
    case UNDER_REPLICATED: return ids_n(c->isr) < ids_n(c->replicas);
    case UNDER_MIN_ISR: return ids_n(c->isr) < p->min_isr;
    case OFFLINE: return c->leader_id < 0;
    case LAG:
    case ELECTIONS: break;
    }
    return false;
}

/* Of replicas whose process runs, and which follow: how many records the slowest lacks. */
static int64_t
lag_at(const struct timeline *t, int64_t at_ns)
{
    const struct partition_view *p = &t->r->partitions.v[t->partition];
    const struct change *c = change_at(p, at_ns);
    int64_t most = 0, least = INT64_MAX;
    for (int32_t i = 0; i < p->replicas.n; i++) {
        const struct replica *one = &p->replicas.v[i];
        int32_t id = t->r->actors.v[i].node_id;
        if (!one->is_known || !one->steps.n || !c || !list_has(c->replicas, id)) continue;
        LOWER_BOUND(at, one->steps.n, k, one->steps.v[k].at_ns <= at_ns);
        int64_t end = at ? one->steps.v[at - 1].log_end : 0;
        most = MAX(most, end);
        if (id != c->leader_id) least = MIN(least, end);
    }
    return least == INT64_MAX ? 0 : most - least;
}

/* How often a partition got another leader in the second before. */
static int64_t
elections_at(const struct partition_view *p, int64_t at_ns)
{
    int64_t n = 0;
    for (int64_t i = 1; i < p->changes.n; i++) {
        const struct change *c = &p->changes.v[i];
        bool is_near = c->at_ns <= at_ns && c->at_ns > at_ns - ELECTIONS_WITHIN_NS;
        n += is_near && c->leader_id >= 0 && c->leader_id != c[-1].leader_id;
    }
    return n;
}

static int64_t
metric_at(const struct timeline *t, enum metric what, int64_t at_ns)
{
    int64_t n = 0;
    if (what == LAG) return t->partition >= 0 ? lag_at(t, at_ns) : 0;
    for (int64_t i = 0; i < t->r->partitions.n; i++)
        n += what == ELECTIONS ? elections_at(&t->r->partitions.v[i], at_ns)
                               : is_true(&t->r->partitions.v[i], what, at_ns);
    return n;
}

/* Replicas step often: the first and the last step in each pixel, so that what they come to is never left out. */
static void
lag_moments(const struct timeline *t, struct moments_of *m)
{
    struct pixel {
        bool any;
        int64_t first_ns, last_ns;
    } *pixels = mem_alloc(m->mem, (RIGHT + 1) * (int64_t)sizeof *pixels);
    const struct partition_view *p = &t->r->partitions.v[t->partition];
    for (int64_t a = 0; a < p->replicas.n; a++)
        for (int64_t k = 0; k < p->replicas.v[a].steps.n; k++) {
            int64_t at_ns = p->replicas.v[a].steps.v[k].at_ns;
            struct pixel *one = &pixels[MAX(0, MIN(time_x(t, at_ns), RIGHT))];
            one->first_ns = one->any ? MIN(one->first_ns, at_ns) : at_ns;
            one->last_ns = one->any ? MAX(one->last_ns, at_ns) : at_ns;
            one->any = true;
        }
    for (int64_t x = 0; x <= RIGHT; x++) {
        if (!pixels[x].any) continue;
        VEC_PUSH(m->mem, &m->v, pixels[x].first_ns);
        if (pixels[x].last_ns > pixels[x].first_ns) VEC_PUSH(m->mem, &m->v, pixels[x].last_ns);
    }
    mem_free(m->mem, pixels, (RIGHT + 1) * (int64_t)sizeof *pixels);
}

/* When it may have another value, in order. */
static void
metric_moments(const struct timeline *t, enum metric what, struct moments_of *m)
{
    VEC_PUSH(m->mem, &m->v, t->from_ns);
    for (int64_t i = 0; what != LAG && i < t->r->partitions.n; i++) {
        const struct partition_view *p = &t->r->partitions.v[i];
        for (int64_t k = 0; k < p->changes.n; k++) {
            VEC_PUSH(m->mem, &m->v, p->changes.v[k].at_ns);
            if (what == ELECTIONS)
                VEC_PUSH(m->mem, &m->v, p->changes.v[k].at_ns + ELECTIONS_WITHIN_NS);
        }
    }
    if (what == LAG && t->partition >= 0) lag_moments(t, m);
    for (int64_t i = 1; i < m->v.n; i++) {
        int64_t one = m->v.v[i], k = i;
        for (; k > 0 && m->v.v[k - 1] > one; k--) m->v.v[k] = m->v.v[k - 1];
        m->v.v[k] = one;
    }
}

static void
draw_metric(struct timeline *t, enum metric what, const char *name, int64_t y)
{
    struct moments_of m = {.mem = t->r->mem};
    int64_t most = 0, bottom = y + METRIC_ROW - 4;
    metric_moments(t, what, &m);
    for (int64_t i = 0; i < m.v.n; i++)
        if (m.v.v[i] >= t->from_ns && m.v.v[i] <= t->to_ns)
            most = MAX(most, metric_at(t, what, m.v.v[i]));
    lane_words(t, "dim s10", y + 11, slice_cstr(name));
    svg_line(t->w, "lane", LEFT, bottom, RIGHT, bottom);
    for (int64_t i = 0; i < m.v.n; i++) {
        int64_t value = metric_at(t, what, m.v.v[i]);
        int64_t to_ns = i + 1 < m.v.n ? m.v.v[i + 1] : t->to_ns;
        if (!value || to_ns <= t->from_ns || m.v.v[i] >= t->to_ns) continue;
        int64_t x0 = time_x(t, MAX(m.v.v[i], t->from_ns)), x1 = time_x(t, MIN(to_ns, t->to_ns));
        int64_t height = MAX(2, value * (METRIC_ROW - 6) / most);
        svg_rect(t->w, what == LAG ? "uncommitted" : "metric", x0, bottom - height, MAX(x1 - x0, 1),
                 height);
    }
    char room[48];
    struct writer w = writer_fixed(room, sizeof room);
    fmt_str(&w, "most ");
    words_count(&w, most);
    svg_text(t->w, "ink halo s10", ANCHOR_END, RIGHT, y + 9, writer_slice(&w));
    VEC_RELEASE(m.mem, &m.v);
}

void
draw_metrics_lane(struct timeline *t, const struct lane *l)
{
    static const char *const names[METRICS_N] = {"under-replicated", "under min ISR",
                                                 "without leader", "replica lag", "elections/s"};
    for (int i = 0; i < METRICS_N; i++)
        draw_metric(t, (enum metric)i, names[i], l->band_y + i * METRIC_ROW);
}
