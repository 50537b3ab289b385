/* The rows of a frame: one replica each. */
#include "broker/base/check.h"
#include "visualize/frame.h"
#include "visualize/svg.h"

#define ROW 58
#define HEAD 46
#define NAME_WIDTH 146 /* of which: */
#define ACTOR_WIDTH 36
#define SYNC_WIDTH 62
#define OLD_WIDTH 80
#define CELL_WIDTH 42
#define CELL_HEIGHT 28
#define MARK_WIDTH 100
#define FETCH_WIDTH 100
#define TABLE_WIDTH (NAME_WIDTH + SYNC_WIDTH + 2 * OLD_WIDTH + CELLS * CELL_WIDTH)

struct frame {
    struct graph *g;
    const struct run *r;
    int32_t partition, leader; /* leader: an actor; -1 */
    const struct change *change;
    int number;
    int64_t y, first; /* offset of the first cell */
};

const char *
epoch_colour(int64_t epoch)
{
    static const char *const tints[] = {"#a9d8f2", "#e0c678", "#a8bb88",
                                        "#ffa8b8", "#e4fffd", "#fff978"};
    return epoch < 0 ? "#eeeeee" : tints[epoch % ARRAY_LEN(tints)];
}

static bool
is_replica(const struct run *r, int32_t partition, int32_t actor)
{
    return r->actors.v[actor].kind == ACTOR_BROKER && run_replica(r, partition, actor) != NULL;
}

static int
rows_of(const struct run *r, int32_t partition)
{
    int n = 0;
    for (int32_t i = 0; i < r->actors.n; i++) n += is_replica(r, partition, i);
    return n;
}

int64_t
frame_height(const struct run *all, int32_t partition)
{
    return HEAD + rows_of(all, partition) * ROW + 22;
}

/* ---- cells ---- */

/* The epoch of the record that it holds there; -1: none. */
static int64_t
epoch_at(const struct replica *one, int64_t offset)
{
    for (int64_t i = one->held.n - 1; i >= 0; i--) {
        const struct held *h = &one->held.v[i];
        if (h->gone_ns == RUN_FOREVER && offset >= h->base && offset < h->end) return h->epoch;
    }
    return -1;
}

/* It has there what the leader has not. */
static bool
diverges(const struct frame *f, const struct replica *one, int64_t offset)
{
    const struct replica *leader = run_replica(f->r, f->partition, f->leader);
    if (!leader || leader == one) return false;
    int64_t mine = epoch_at(one, offset), its = epoch_at(leader, offset);
    return mine >= 0 && mine < leader->epoch && mine != its && offset >= leader->log_start;
}

static void
cell_open(struct writer *w, const char *colour, const char *border, int64_t width, int64_t height,
          int thick)
{
    fmt_str(w, "<TD FIXEDSIZE=\"TRUE\" WIDTH=\"");
    fmt_i64(w, width);
    fmt_str(w, "\" HEIGHT=\"");
    fmt_i64(w, height);
    fmt_str(w, "\" BGCOLOR=\"");
    fmt_str(w, colour);
    fmt_str(w, "\" COLOR=\"");
    fmt_str(w, border);
    fmt_str(w, "\" BORDER=\"");
    fmt_i64(w, thick);
    fmt_str(w, "\">");
}

static void
sized(struct writer *w, int size, const char *colour, struct slice text)
{
    fmt_str(w, "<FONT POINT-SIZE=\"");
    fmt_i64(w, size);
    fmt_str(w, "\" COLOR=\"");
    fmt_str(w, colour);
    fmt_str(w, "\">");
    fmt_slice(w, text);
    fmt_str(w, "</FONT>");
}

/* Offset over epoch; what is not committed, as far as this replica knows, is in brackets. */
static void
record_cell(const struct frame *f, const struct replica *one, int64_t offset, struct writer *w)
{
    int64_t epoch = epoch_at(one, offset);
    char room[32];
    struct writer t = writer_fixed(room, sizeof room);
    if (epoch < 0) {
        cell_open(w, "#ffffff", "#dddddd", CELL_WIDTH, CELL_HEIGHT, 1);
        fmt_str(w, " </TD>");
        return;
    }
    bool bad = diverges(f, one, offset), open = offset >= one->high_watermark;
    cell_open(w, epoch_colour(epoch), bad ? "#c04a00" : "#444444", CELL_WIDTH, CELL_HEIGHT,
              bad ? 3 : 1);
    if (open) fmt_char(&t, '(');
    fmt_i64(&t, offset);
    if (open) fmt_char(&t, ')');
    sized(w, offset < 10000 ? 10 : offset < 100000 ? 9 : 8, "#111111", writer_slice(&t));
    fmt_str(w, "<BR/>");
    t.n = 0;
    fmt_char(&t, 'e');
    fmt_i64(&t, epoch);
    sized(w, 8, "#444444", writer_slice(&t));
    fmt_str(w, "</TD>");
}

/* What lies before the cells, or behind them. */
static void
range_cell(const struct frame *f, const struct replica *one, int64_t from, int64_t end,
           struct writer *w)
{
    char room[64];
    struct writer t = writer_fixed(room, sizeof room);
    if (end <= from) {
        cell_open(w, "#ffffff", "#ffffff", OLD_WIDTH, CELL_HEIGHT, 0);
        fmt_str(w, " </TD>");
        return;
    }
    bool bad = diverges(f, one, end - 1);
    int64_t epoch = epoch_at(one, end - 1);
    if (epoch_at(one, from) != epoch) epoch = -1; /* of several */
    cell_open(w, epoch_colour(epoch), bad ? "#c04a00" : "#444444", OLD_WIDTH, CELL_HEIGHT,
              bad ? 3 : 1);
    fmt_i64(&t, from);
    if (end - 1 > from) {
        fmt_str(&t, end - from == 2 ? ", " : " \xe2\x80\xa6 ");
        fmt_i64(&t, end - 1);
    }
    sized(w, 9, "#111111", writer_slice(&t));
    fmt_str(w, "</TD>");
}

/* ---- the name, and whether in sync ---- */

static void
name_cell(const struct frame *f, int32_t actor, const struct replica *one, struct writer *w)
{
    enum actor_state state = actor_state_at(&f->r->actors.v[actor], f->r->end_ns);
    const char *word = state == STATE_DOWN        ? "down"
                     : state == STATE_PAUSED      ? "paused"
                     : one->role == ROLE_LEADER   ? actor == f->leader ? "leader" : "old leader"
                     : one->role == ROLE_FOLLOWER ? "follower"
                                                  : "up";
    bool leads = state != STATE_DOWN && one->role == ROLE_LEADER && actor == f->leader;
    const char *ink = leads ? "#fffffe" : "#111111"; /* white in the dark, too */
    const char *fill = state == STATE_DOWN ? "#cccccc" : leads ? "#0072b2" : "#e3f2fb";
    char room[96];
    struct writer t = writer_fixed(room, sizeof room);
    cell_open(w, fill, "#444444", ACTOR_WIDTH, CELL_HEIGHT, 1);
    fmt_str(w, "<B>");
    sized(w, 12, ink, f->r->actors.v[actor].name);
    fmt_str(w, "</B></TD>");
    cell_open(w, fill, "#444444", NAME_WIDTH - ACTOR_WIDTH, CELL_HEIGHT, 1);
    fmt_str(&t, word);
    if (state != STATE_DOWN && one->epoch >= 0 && one->role != ROLE_NONE) {
        fmt_str(&t, ", epoch ");
        fmt_i64(&t, one->epoch);
    }
    sized(w, 10, ink, writer_slice(&t));
    fmt_str(w, "</TD>");
}

static void
sync_cell(const struct frame *f, int32_t actor, struct writer *w)
{
    int32_t id = f->r->actors.v[actor].node_id;
    bool in = f->change && list_has(f->change->isr, id),
         elr = f->change && list_has(f->change->elr, id);
    cell_open(w, "#ffffff", in ? "#007a59" : "#999999", SYNC_WIDTH, CELL_HEIGHT, in ? 2 : 1);
    sized(w, 9, in ? "#00664a" : "#555555", in ? S("in ISR") : elr ? S("in ELR") : S("not in ISR"));
    fmt_str(w, "</TD>");
}

/* ---- marks under the cells ---- */

/* The left edge of the cell of this offset; where the edges of what is not shown are, if there. */
static int64_t
offset_x(const struct frame *f, int64_t offset)
{
    int64_t at = offset - f->first, base = NAME_WIDTH + SYNC_WIDTH + OLD_WIDTH;
    if (at < 0) return base - 20;
    if (at > CELLS) return base + CELLS * CELL_WIDTH + OLD_WIDTH - 6;
    return base + at * CELL_WIDTH;
}

/* Stands at the boundary between the last record that counts and the next. */
static void
mark(struct frame *f, int32_t actor, const char *what, int64_t offset, int64_t y, bool is_end)
{
    struct writer name = writer_mem(f->g->mem), t = writer_mem(f->g->mem);
    fmt_char(&name, 'f');
    fmt_i64(&name, f->number);
    fmt_slice(&name, f->r->actors.v[actor].name);
    fmt_str(&name, what);
    const char *arrow = is_end ? "\xe2\x96\xb3" : "\xe2\x96\xb2";
    if (offset - f->first <= CELLS) fmt_str(&t, arrow), fmt_char(&t, ' ');
    fmt_str(&t, what);
    fmt_char(&t, ' ');
    fmt_i64(&t, offset);
    bool is_behind = offset - f->first > CELLS; /* in the last cell, at its right */
    if (is_behind) fmt_char(&t, ' '), fmt_str(&t, arrow);
    const char *ink = is_end ? "#111111" : "#00664a";
    if (is_behind)
        graph_text_right(f->g, writer_slice(&name), TABLE_WIDTH - MARK_WIDTH, y, MARK_WIDTH, 10,
                         ink, writer_slice(&t));
    else
        graph_text(f->g, writer_slice(&name), offset_x(f, offset) - 5, y, MARK_WIDTH, 10, ink,
                   false, writer_slice(&t));
    writer_release(&name);
    writer_release(&t);
}

static void
draw_marks(struct frame *f, int32_t actor, const struct replica *one, int64_t y)
{
    int64_t y0 = y + CELL_HEIGHT + 1;
    bool near = offset_x(f, one->log_end) - offset_x(f, one->high_watermark) < 66 &&
                one->log_end != one->high_watermark;
    if (one->log_end == one->high_watermark) {
        mark(f, actor, "HW = end", one->log_end, y0, false);
    } else {
        mark(f, actor, "HW", one->high_watermark, y0, false);
        mark(f, actor, "end", one->log_end, near ? y0 + 11 : y0, true);
    }
}

/* ---- rows ---- */

static void
node_name(const struct frame *f, int32_t actor, struct writer *w)
{
    fmt_char(w, 'f');
    fmt_i64(w, f->number);
    fmt_slice(w, f->r->actors.v[actor].name);
}

static void
draw_row(struct frame *f, int32_t actor, const struct replica *one, int64_t y)
{
    struct writer w = writer_mem(f->g->mem), name = writer_mem(f->g->mem);
    int64_t start = one->held.n ? one->log_start : one->log_end;
    fmt_str(&w, "<TABLE BORDER=\"0\" CELLBORDER=\"1\" CELLSPACING=\"0\" CELLPADDING=\"0\"><TR>");
    name_cell(f, actor, one, &w);
    sync_cell(f, actor, &w);
    range_cell(f, one, start, MIN(one->log_end, f->first), &w);
    for (int64_t i = 0; i < CELLS; i++) record_cell(f, one, f->first + i, &w);
    range_cell(f, one, f->first + CELLS, one->log_end, &w);
    fmt_str(&w, "</TR></TABLE>");
    node_name(f, actor, &name);
    graph_table(f->g, writer_slice(&name), 0, y, TABLE_WIDTH, CELL_HEIGHT, writer_slice(&w));
    draw_marks(f, actor, one, y);
    writer_release(&name);
    writer_release(&w);
}

#define BOW 44
#define BOW_STEP 22

/* How far the bow of this number reaches: a cubic curve comes as far as three quarters of its handles. */
static int64_t
bow_width(int64_t n)
{
    return (BOW + MAX(n, 0) * BOW_STEP) * 3 / 4;
}

/* Who fetches from whom, in a bow beside the rows; broken where the network is. */
static void
draw_fetch(struct frame *f, int32_t actor, const struct replica *one, int64_t y, int64_t leader_y,
           int n)
{
    const struct run *r = f->r;
    int32_t from = f->leader;
    if (from < 0 || from == actor || actor_state_at(&r->actors.v[actor], r->end_ns) != STATE_UP)
        return;
    bool cut = run_is_cut(r, actor, from) || run_is_cut(r, from, actor);
    bool dead = actor_state_at(&r->actors.v[from], r->end_ns) != STATE_UP;
    bool fetches = one->fetch_from == from && one->fetch_offset >= 0 && one->role == ROLE_FOLLOWER;
    if (!fetches && !cut) return;
    struct writer a = writer_mem(f->g->mem), b = writer_mem(f->g->mem), t = writer_mem(f->g->mem);
    node_name(f, actor, &a);
    node_name(f, from, &b);
    bool broken = cut || dead;
    int64_t middle = CELL_HEIGHT / 2,
            label_x = TABLE_WIDTH + 8 + bow_width(rows_of(r, f->partition) - 2);
    graph_bow(f->g, writer_slice(&a), writer_slice(&b), TABLE_WIDTH + 2, y + middle,
              leader_y + middle + n * 6 - 6, BOW + n * BOW_STEP, broken ? "#c04a00" : "#007a59",
              broken);
    fmt_str(&t, cut ? "link cut" : dead ? "no answer" : "fetches at ");
    if (!broken) fmt_i64(&t, one->fetch_offset);
    fmt_str(&a, "fetch");
    graph_text(f->g, writer_slice(&a), label_x, y + middle - (broken ? 8 : 15), FETCH_WIDTH, 10,
               broken ? "#b34700" : "#00664a", broken, writer_slice(&t));
    if (!broken) {
        const struct replica *leader = run_replica(r, f->partition, from);
        int64_t lag = leader ? leader->log_end - one->fetch_offset : one->fetch_lag;
        t.n = 0;
        fmt_str(&t, lag > 0 ? "behind by " : "not behind");
        if (lag > 0) fmt_i64(&t, lag);
        fmt_str(&a, "lag");
        graph_text(f->g, writer_slice(&a), label_x, y + middle - 2, FETCH_WIDTH, 10, "#00664a",
                   false, writer_slice(&t));
    }
    writer_release(&a);
    writer_release(&b);
    writer_release(&t);
}

/* ---- which offsets ---- */

/* Further behind the end is not looked at. */
#define NEAR 1000

/* The epochs of NEAR records, from this one on, as epoch_at() has them. */
static void
epochs_from(const struct replica *one, int64_t from, int64_t ret[NEAR])
{
    for (int64_t i = 0; i < NEAR; i++) ret[i] = -1;
    for (int64_t i = 0; i < one->held.n; i++) {
        const struct held *h = &one->held.v[i];
        int64_t end = h->gone_ns == RUN_FOREVER ? MIN(h->end, from + NEAR) : 0;
        for (int64_t at = MAX(h->base, from); at < end; at++) ret[at - from] = h->epoch;
    }
}

/* The first offset, from this one on, at which two logs have records of different epochs. */
static int64_t
parting(const struct replica *a, const struct replica *b, int64_t from)
{
    int64_t ea[NEAR], eb[NEAR], n = MIN(a->log_end, b->log_end) - from;
    epochs_from(a, from, ea);
    epochs_from(b, from, eb);
    for (int64_t i = 0; i < n; i++)
        if (ea[i] >= 0 && eb[i] >= 0 && ea[i] != eb[i]) return from + i;
    return INT64_MAX;
}

/* The columns begin a little before the end of the shortest log that is not far behind, or before the place
 * where two logs part. */
static int64_t
first_offset(const struct run *r, int32_t partition)
{
    int64_t most = 0, least = INT64_MAX;
    for (int32_t i = 0; i < r->actors.n; i++)
        if (is_replica(r, partition, i)) most = MAX(most, run_replica(r, partition, i)->log_end);
    for (int32_t i = 0; i < r->actors.n; i++) {
        if (!is_replica(r, partition, i)) continue;
        const struct replica *one = run_replica(r, partition, i);
        if (one->log_end >= most - NEAR) least = MIN(least, one->log_end);
        for (int32_t k = 0; k < i; k++) {
            if (!is_replica(r, partition, k)) continue;
            least = MIN(least, parting(one, run_replica(r, partition, k), MAX(0, most - NEAR)));
        }
    }
    if (least == INT64_MAX || most - least < CELLS - 4) return MAX(0, most - CELLS);
    return MAX(0, least - 4);
}

/* ---- the head ---- */

/* Between nodes; more than a few are said to be many. */
static void
cut_links(const struct run *r, struct writer *w)
{
    int n = 0;
    for (int32_t a = 0; a < r->actors.n; a++)
        for (int32_t b = 0; b < r->actors.n; b++) {
            bool nodes = r->actors.v[a].kind != ACTOR_CLIENT && r->actors.v[b].kind != ACTOR_CLIENT;
            if (!nodes || !run_is_cut(r, a, b)) continue;
            if (++n > 6) continue;
            fmt_str(w, n > 1 ? ", " : "; cut links: ");
            fmt_slice(w, r->actors.v[a].name);
            fmt_str(w, " > ");
            fmt_slice(w, r->actors.v[b].name);
        }
    if (n > 6) fmt_str(w, " and more");
}

static void
draw_head(struct frame *f, const struct frame_moment *m)
{
    struct writer w = writer_mem(f->g->mem), name = writer_mem(f->g->mem);
    fmt_char(&name, 'f');
    fmt_i64(&name, f->number);
    fmt_str(&name, "head");
    words_time(&w, m->at_ns);
    fmt_str(&w, "   ");
    int64_t fits = svg_bold_fit(m->caption, 13, FRAME_WIDTH - 160);
    fmt_slice(&w, slice_sub(m->caption, 0, fits));
    if (fits < m->caption.n) fmt_str(&w, " \xe2\x80\xa6");
    graph_text(f->g, writer_slice(&name), 0, f->y, FRAME_WIDTH - 20, 13, "#111111", true,
               writer_slice(&w));
    w.n = name.n = 0;
    fmt_char(&name, 'f');
    fmt_i64(&name, f->number);
    fmt_str(&name, "state");
    fmt_slice(&w, f->r->partitions.v[f->partition].name);
    if (f->change) {
        fmt_str(&w, f->change->leader_id >= 0 ? ": the controller has made "
                                              : ": the controller knows no leader");
        if (f->change->leader_id >= 0) {
            run_node_name(f->r, f->change->leader_id, &w);
            fmt_str(&w, " leader in epoch ");
            fmt_i64(&w, f->change->epoch);
        }
        fmt_str(&w, ", ISR ");
        words_set(&w, f->change->isr);
    }
    if (f->r->controller >= 0) {
        fmt_str(&w, "; active controller ");
        fmt_slice(&w, f->r->actors.v[f->r->controller].name);
    }
    cut_links(f->r, &w);
    fits = svg_text_fit(writer_slice(&w), 11, FRAME_WIDTH - 40);
    if (fits < w.n) w.n = fits, fmt_str(&w, " \xe2\x80\xa6");
    graph_text(f->g, writer_slice(&name), 0, f->y + 20, FRAME_WIDTH - 20, 11, "#444444", false,
               writer_slice(&w));
    writer_release(&name);
    writer_release(&w);
}

void
draw_frame(struct graph *g, const struct run *now, int32_t partition, const struct frame_moment *m,
           int number, int64_t y)
{
    struct frame f = {
        .g = g, .r = now, .partition = partition, .leader = -1, .number = number, .y = y};
    int64_t row = y + HEAD, leader_y = -1;
    f.change = change_at(&now->partitions.v[partition], m->at_ns);
    if (f.change) f.leader = run_actor_of_node(now, f.change->leader_id);
    f.first = first_offset(now, partition);
    draw_head(&f, m);
    for (int32_t i = 0; i < now->actors.n; i++) {
        if (!is_replica(now, partition, i)) continue;
        if (i == f.leader) leader_y = row;
        draw_row(&f, i, run_replica(now, partition, i), row);
        row += ROW;
    }
    row = y + HEAD;
    for (int32_t i = 0, n = 0; i < now->actors.n && leader_y >= 0; i++) {
        if (!is_replica(now, partition, i)) continue;
        if (i != f.leader) draw_fetch(&f, i, run_replica(now, partition, i), row, leader_y, n++);
        row += ROW;
    }
}

/* ---- legend ---- */

void
draw_frame_legend(struct graph *g, int64_t y, bool has_colours)
{
    const char *const lines[] = {
        has_colours ? "A cell is a record: its offset, and the epoch of the leader that wrote it "
                      "(each epoch has its colour; grey: of several epochs)."
                    : "A cell is a record: its offset, and the epoch of the leader that wrote it.",
        has_colours ? "In brackets: not committed, as far as this replica knows. Thick orange "
                      "border: the leader has not got this record; it will be cut off."
                    : "In brackets: not committed, as far as this replica knows. Thick border: the "
                      "leader has not got this record; it will be cut off.",
        "\xe2\x96\xb2 HW: high watermark, the first offset that is not committed. \xe2\x96\xb3 "
        "end: "
        "log end, where the next record goes. ISR: the replicas that count as in sync.",
        "Arrows: who fetches from the leader, and from which offset; dashed: no way through. Times "
        "are "
        "those of the scenario.",
    };
    for (int64_t i = 0; i < ARRAY_LEN(lines); i++) {
        char room[16];
        struct writer name = writer_fixed(room, sizeof room);
        fmt_str(&name, "legend");
        fmt_i64(&name, i);
        graph_text(g, writer_slice(&name), 0, y + i * 17, FRAME_WIDTH - 20, 11, "#444444", false,
                   slice_cstr(lines[i]));
    }
}
