/* The lanes of brokers: a band that says what each is of the partition, and below it the strip of its log (lane_strip.c). */
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

/* "orders", of "orders-0". */
static struct slice
topic_of_lanes(const struct timeline *t)
{
    struct slice name = t->r->partitions.v[t->partition].name;
    int64_t n = name.n;
    while (n > 0 && name.p[n - 1] != '-') n--;
    return slice_sub(name, 0, MAX(n - 1, 0));
}

/* The partition's topic is the how many-th of its name by then. */
static int64_t
life_at(const struct timeline *t, int64_t at_ns)
{
    struct slice topic = topic_of_lanes(t);
    int64_t life = 1;
    for (int64_t i = 0; i < t->r->moments.n && t->r->moments.v[i].at_ns <= at_ns; i++) {
        const struct moment *m = &t->r->moments.v[i];
        life += m->kind == MOMENT_TOPIC_DELETED && slice_eq(m->text, topic);
    }
    return life;
}

/* One that was made again is another topic: the second, the third. */
static void
life_words(const struct timeline *t, int64_t life, struct writer *w)
{
    fmt_str(w, " \xc2\xb7 "), fmt_i64(w, life);
    fmt_str(w, life == 2 ? "nd " : life == 3 ? "rd " : "th ");
    fmt_slice(w, topic_of_lanes(t));
}

/* "leader · epoch 0 · 2nd orders". Where that is too much, what is new is left: which topic it is, or the epoch. */
static void
state_words(const struct timeline *t, struct state s, int64_t from_ns, int64_t room_px,
            struct writer *w)
{
    static const char *const words[] = {"down", "paused", "up", "follower", "leader"};
    const char *epoch = s.look == LOOK_LEADER ? " \xc2\xb7 epoch " : ", epoch ";
    fmt_str(w, words[s.look]);
    if (s.epoch < 0 || s.look < LOOK_FOLLOWER) return;
    int64_t look_n = w->n, life = life_at(t, from_ns);
    fmt_str(w, epoch), fmt_i64(w, s.epoch);
    if (life == 1) return;
    int64_t epoch_n = w->n;
    life_words(t, life, w);
    if (svg_text_width(writer_slice(w), 11) + 8 <= room_px) return;
    w->n = s.epoch > 0 ? epoch_n : look_n;
    if (s.epoch == 0) life_words(t, life, w);
}

static void
draw_state(struct timeline *t, const struct lane *l, struct state s, int64_t from_ns, int64_t to_ns)
{
    static const char *const fills[] = {"down", "paused", "idle", "follower", "leader"};
    char room[512];
    struct writer w = writer_fixed(room, sizeof room);
    int64_t x0 = time_x(t, from_ns), x1 = MAX(time_x(t, to_ns), x0 + 1), y = l->band_y;
    state_words(t, s, from_ns, x1 - x0, &w);
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

void
draw_broker_lane(struct timeline *t, const struct lane *l)
{
    draw_band(t, l);
    draw_strip(t, l);
}
