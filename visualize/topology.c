/* The cluster at a moment: controllers on top, brokers below them, clients at the bottom; who is active, who leads how
 * much, who follows whom, and which links are cut. */
#include "broker/base/check.h"
#include "visualize/timeline.h"

#define BOX_WIDTH 148
#define BOX_HEIGHT 66
#define BOX_GAP 22
#define PER_ROW 6
#define ROW_GAP 74

struct topology {
    const struct run *r;
    int64_t at_ns;
    struct writer *w;
    struct box *boxes; /* by actor */
    int64_t bottom;
};

/* ---- where ---- */

static void
place_kind(struct topology *t, enum actor_kind kind)
{
    int64_t n = 0, many = 0;
    for (int64_t i = 0; i < t->r->actors.n; i++) many += t->r->actors.v[i].kind == kind;
    int64_t across = MIN(many, PER_ROW), width = across * (BOX_WIDTH + BOX_GAP) - BOX_GAP;
    for (int64_t i = 0; i < t->r->actors.n; i++) {
        if (t->r->actors.v[i].kind != kind) continue;
        t->boxes[i] =
            (struct box){(WIDTH - width) / 2 + n % PER_ROW * (BOX_WIDTH + BOX_GAP),
                         t->bottom + n / PER_ROW * (BOX_HEIGHT + BOX_GAP), BOX_WIDTH, BOX_HEIGHT};
        n++;
    }
    if (many) t->bottom += (many + PER_ROW - 1) / PER_ROW * (BOX_HEIGHT + BOX_GAP) + ROW_GAP;
}

/* ---- what ---- */

static void
leaderships(const struct topology *t, int32_t actor, int64_t *ret_leads, int64_t *ret_follows)
{
    *ret_leads = *ret_follows = 0;
    for (int64_t p = 0; p < t->r->partitions.n; p++) {
        const struct replica *one = run_replica(t->r, (int32_t)p, actor);
        if (!one || slice_starts(t->r->partitions.v[p].name, S("__cluster_metadata"))) continue;
        *ret_leads += one->role == ROLE_LEADER;
        *ret_follows += one->role == ROLE_FOLLOWER;
    }
}

static void
node_words(const struct topology *t, int32_t actor, enum actor_state state, struct writer *w)
{
    const struct actor *a = &t->r->actors.v[actor];
    int64_t leads, follows;
    if (state != STATE_UP) {
        fmt_str(w, state == STATE_DOWN ? "down" : "paused");
    } else if (a->kind == ACTOR_CONTROLLER) {
        fmt_str(w, t->r->controller == actor ? "active controller" : "follows the active one");
    } else if (a->kind == ACTOR_CLIENT) {
        fmt_str(w, "client");
    } else {
        leaderships(t, actor, &leads, &follows);
        fmt_str(w, "leads ");
        fmt_i64(w, leads);
        fmt_str(w, ", follows ");
        fmt_i64(w, follows);
    }
}

/* ---- between them ---- */

/* Below the brokers, from who follows to whom. */
static void
draw_follow(struct topology *t, int32_t from, int32_t to, int64_t n, int64_t deep)
{
    const struct box *a = &t->boxes[from], *b = &t->boxes[to];
    int64_t x0 = a->x + BOX_WIDTH / 2 + (from < to ? 24 : -24);
    int64_t x1 = b->x + BOX_WIDTH / 2 + (from < to ? 12 : -12);
    int64_t y0 = a->y + BOX_HEIGHT, y1 = b->y + BOX_HEIGHT, low = MAX(y0, y1) + 14 + deep * 9;
    char room[48];
    struct writer w = writer_fixed(room, sizeof room);
    svg_path(t->w, "high");
    svg_point(t->w, 'M', x0, y0), svg_point(t->w, 'L', x0, low);
    svg_point(t->w, 'L', x1, low), svg_point(t->w, 'L', x1, y1 + 6);
    svg_path_end(t->w);
    svg_path(t->w, "good");
    svg_point(t->w, 'M', x1, y1), svg_point(t->w, 'L', x1 - 4, y1 + 8);
    svg_point(t->w, 'L', x1 + 4, y1 + 8);
    svg_path_end(t->w);
    fmt_i64(&w, n);
    svg_text(t->w, "high-text halo s10", ANCHOR_MIDDLE, x0, low - 3, writer_slice(&w));
}

static void
draw_follows(struct topology *t)
{
    int64_t deep = 0;
    for (int32_t from = 0; from < t->r->actors.n; from++)
        for (int32_t to = 0; to < t->r->actors.n; to++) {
            int64_t n = 0;
            for (int32_t p = 0; p < t->r->partitions.n; p++) {
                const struct replica *one = run_replica(t->r, p, from);
                n += one && one->role == ROLE_FOLLOWER && one->fetch_offset >= 0 &&
                     one->fetch_from == to &&
                     !slice_starts(t->r->partitions.v[p].name, S("__cluster_metadata"));
            }
            bool both = t->r->actors.v[from].kind == ACTOR_BROKER &&
                        t->r->actors.v[to].kind == ACTOR_BROKER;
            if (n && both && from != to) draw_follow(t, from, to, n, deep++ % 6);
        }
}

/* From edge to edge; an arrow where it is cut in one direction alone. */
static void
draw_cut_link(struct topology *t, int32_t a, int32_t b)
{
    const struct box *from = &t->boxes[a], *to = &t->boxes[b];
    bool below = to->y > from->y, level = to->y == from->y;
    int64_t x0 = from->x + BOX_WIDTH / 2, x1 = to->x + BOX_WIDTH / 2;
    int64_t y0 = level ? from->y - 10 : below ? from->y + BOX_HEIGHT : from->y;
    int64_t y1 = level ? to->y - 10 : below ? to->y : to->y + BOX_HEIGHT;
    int64_t x = (x0 + x1) / 2, y = (y0 + y1) / 2;
    svg_line(t->w, "a-lost arrow", x0, y0, x1, y1);
    svg_path(t->w, "x-lost");
    svg_point(t->w, 'M', x - 5, y - 5), svg_point(t->w, 'L', x + 5, y + 5);
    svg_point(t->w, 'M', x + 5, y - 5), svg_point(t->w, 'L', x - 5, y + 5);
    svg_path_end(t->w);
    if (run_is_cut(t->r, b, a)) return;
    struct writer w = writer_mem(t->r->mem);
    fmt_slice(&w, t->r->actors.v[a].name);
    fmt_str(&w, " > ");
    fmt_slice(&w, t->r->actors.v[b].name);
    svg_text(t->w, "alarm halo s10", ANCHOR_START, x + 8, y + 4, writer_slice(&w));
    writer_release(&w);
}

/* From most nodes, both ways: said at the machine itself, or its lines would hide the picture. Of how many it is; 0: it
 * is not. */
static int
cut_off_from(const struct topology *t, int32_t actor, int *ret_nodes)
{
    int cuts = 0, nodes = 0;
    for (int32_t i = 0; i < t->r->actors.n; i++) {
        if (i == actor || t->r->actors.v[i].kind == ACTOR_CLIENT) continue;
        cuts += run_is_cut(t->r, actor, i) && run_is_cut(t->r, i, actor);
        nodes++;
    }
    *ret_nodes = nodes;
    return cuts * 2 > nodes ? cuts : 0;
}

static bool
is_cut_off(const struct topology *t, int32_t actor)
{
    int nodes;
    return cut_off_from(t, actor, &nodes) > 0;
}

static int
draw_cut_links(struct topology *t)
{
    int n = 0;
    for (int32_t a = 0; a < t->r->actors.n; a++)
        for (int32_t b = 0; b < t->r->actors.n; b++) {
            if (!run_is_cut(t->r, a, b) || (b < a && run_is_cut(t->r, b, a))) continue;
            n++;
            if (!is_cut_off(t, a) && !is_cut_off(t, b)) draw_cut_link(t, a, b);
        }
    return n;
}

/* ---- a machine ---- */

static void
draw_node(struct topology *t, int32_t actor)
{
    const struct actor *a = &t->r->actors.v[actor];
    const struct box *b = &t->boxes[actor];
    enum actor_state state = actor_state_at(a, t->at_ns);
    bool active = state == STATE_UP && t->r->controller == actor;
    char room[96];
    struct writer w = writer_fixed(room, sizeof room);
    const char *fill = state == STATE_DOWN         ? "down"
                     : state == STATE_PAUSED       ? "paused"
                     : active                      ? "control"
                     : a->kind == ACTOR_CONTROLLER ? "control-2"
                     : a->kind == ACTOR_CLIENT     ? "idle"
                                                   : "follower";
    const char *ink = active ? "dark s11" : "on-light s11";
    svg_rect(t->w, fill, b->x, b->y, b->width, b->height);
    if (state == STATE_DOWN) svg_rect(t->w, "down-x", b->x, b->y + 44, b->width, b->height - 44);
    if (a->kind == ACTOR_BROKER && a->is_fenced && state != STATE_DOWN)
        svg_rect(t->w, "fenced", b->x, b->y + 44, b->width, b->height - 44);
    svg_rect(t->w, "follower-edge", b->x, b->y, b->width, b->height);
    if (active) svg_rect(t->w, "follower-edge", b->x + 3, b->y + 3, b->width - 6, b->height - 6);
    svg_text(t->w, active ? "dark s14 bold" : "on-light s14 bold", ANCHOR_START, b->x + 10,
             b->y + 21, slice_sub(a->name, 0, svg_text_fit(a->name, 14, BOX_WIDTH - 20)));
    node_words(t, actor, state, &w);
    svg_text(t->w, ink, ANCHOR_START, b->x + 10, b->y + 39, writer_slice(&w));
    if (is_cut_off(t, actor)) {
        svg_rect(t->w, "silence", b->x - 7, b->y - 7, b->width + 14, b->height + 14);
        int nodes;
        w.n = 0;
        fmt_str(&w, "cut off from ");
        fmt_i64(&w, cut_off_from(t, actor, &nodes));
        fmt_str(&w, " of ");
        fmt_i64(&w, nodes);
        svg_text(t->w, "alarm halo s10 bold", ANCHOR_START, b->x, b->y - 11, writer_slice(&w));
    }
    if (a->kind == ACTOR_BROKER && a->is_fenced)
        svg_text(t->w, "on-light halo s11", ANCHOR_START, b->x + 10, b->y + 58, S("fenced"));
}

/* ---- all ---- */

static void
topology_words(const struct topology *t, struct writer *w)
{
    for (int32_t i = 0; i < t->r->actors.n; i++) {
        if (t->r->actors.v[i].kind == ACTOR_CLIENT) continue;
        svg_escaped(w, t->r->actors.v[i].name);
        fmt_str(w, ": ");
        node_words(t, i, actor_state_at(&t->r->actors.v[i], t->at_ns), w);
        if (t->r->actors.v[i].is_fenced) fmt_str(w, ", fenced");
        fmt_str(w, ".\n");
    }
}

bool
visualize_topology(struct mem *mem, struct trace_reader *reader, const struct view_options *o,
                   struct writer *ret_svg)
{
    struct run r;
    struct writer body = writer_mem(mem), words = writer_mem(mem), title = writer_mem(mem);
    run_load(&r, mem, reader, o->at_n ? o->at_ns[0] : RUN_FOREVER);
    struct topology t = {
        .r = &r, .at_ns = o->at_n ? o->at_ns[0] : r.end_ns, .w = &body, .bottom = 92};
    int64_t bytes = MAX(r.actors.n, 1) * (int64_t)sizeof *t.boxes;
    t.boxes = mem_alloc(mem, bytes);
    for (int kind = ACTOR_CONTROLLER; kind >= ACTOR_CLIENT; kind--)
        place_kind(&t, (enum actor_kind)kind);
    int cuts = draw_cut_links(&t);
    draw_follows(&t);
    for (int32_t i = 0; i < r.actors.n; i++) draw_node(&t, i);
    topology_words(&t, &words);
    fmt_slice(&title, r.name);
    fmt_str(&title, ": the cluster at ");
    words_time(&title, t.at_ns);
    svg_begin(ret_svg, WIDTH, t.bottom - ROW_GAP + 40, writer_slice(&title), writer_slice(&words),
              o->theme);
    svg_text(ret_svg, "ink s20 bold", ANCHOR_START, 12, 30, writer_slice(&title));
    title.n = 0;
    fmt_str(
        &title,
        "Arrows below brokers: who follows whom, in how many partitions. Double frame: the active "
        "controller. Broken lines with a cross: links that are cut; a broken frame: most of them");
    fmt_str(&title, cuts ? "." : " (none).");
    svg_text(ret_svg, "dim s11", ANCHOR_START, 12, 52, writer_slice(&title));
    fmt_slice(ret_svg, writer_slice(&body));
    fmt_str(ret_svg, "</svg>\n");
    bool ok = !r.is_damaged;
    mem_free(mem, t.boxes, bytes);
    writer_release(&body);
    writer_release(&words);
    writer_release(&title);
    run_release(&r);
    return ok;
}
