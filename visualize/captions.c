/* Words under and in a timeline: numbered sentences, what was left out, the legend. */
#include "broker/base/check.h"
#include "broker/protocol/tables.h"
#include "visualize/spread.h"
#include "visualize/timeline.h"

/* ---- which sentences ---- */

static bool
may_be_shown(const struct timeline *t, int64_t i)
{
    const struct fact *f = &t->f->v.v[i];
    bool is_verdict = f->actor < 0 && t->r->has_verdict && i == t->f->v.n - 1;
    return i < ARRAY_LEN(t->is_shown) && !t->is_shown[i] && !is_verdict &&
           filter_lets_actor(t->filter, t->r, f->actor) && f->at_ns >= t->from_ns &&
           f->at_ns <= t->to_ns;
}

/* Where there are too many: what went wrong goes before who leads, this before what was done, before what
 * clients felt. */
static int
class_of(const struct fact *f)
{
    static const int order[] = {
        [TONE_BAD] = 0,     [TONE_LEADER] = 1, [TONE_FAULT] = 2, [TONE_CLIENT] = 3,
        [TONE_CONTROL] = 4, [TONE_PLAIN] = 5,  [TONE_GOOD] = 5};
    return (WEIGHT_HIGHEST - f->weight) * 6 + order[f->tone];
}

/* Of a class that has no room as a whole every so manieth, so that no part of the run is without. */
static int
choose_of_class(struct timeline *t, int class, int room)
{
    int all = 0, seen = 0, chosen = 0;
    for (int64_t i = 0; i < t->f->v.n; i++)
        all += class_of(&t->f->v.v[i]) == class && may_be_shown(t, i);
    for (int64_t i = 0; i < t->f->v.n && chosen < room; i++) {
        if (class_of(&t->f->v.v[i]) != class || !may_be_shown(t, i)) continue;
        if (all <= room || seen * room / all > (seen - 1) * room / all || seen == 0) {
            t->is_shown[i] = true;
            chosen++;
        }
        seen++;
    }
    return chosen;
}

void
choose_facts(struct timeline *t)
{
    int n = 0;
    for (int class = 0; class < 6 * WEIGHT_HIGHEST && n < NUMBERS_MAX; class ++)
        n += choose_of_class(t, class, NUMBERS_MAX - n);
}

/* ---- circles ---- */

static const char *
circle_class(enum tone tone)
{
    return tone == TONE_BAD ? "number-bad" : tone == TONE_FAULT ? "number-fault" : "number";
}

static void
circle(struct timeline *t, const struct fact *f, int64_t x, int64_t y)
{
    char room[16], letters[32];
    struct writer w = writer_fixed(room, sizeof room),
                  class = writer_fixed(letters, sizeof letters);
    fmt_i64(&w, f->number);
    svg_circle(t->w, circle_class(f->tone), x, y, f->number < 100 ? 9 : 10);
    fmt_str(&class, f->tone == TONE_BAD ? "n-bad" : f->tone == TONE_FAULT ? "n-fault" : "ink");
    fmt_str(&class, f->number < 100 ? " s10 bold" : " s9 bold");
    fmt_char(&class, '\0');
    svg_text(t->w, letters, ANCHOR_MIDDLE, x, y + 4, writer_slice(&w));
}

static const struct lane *
lane_of_number(const struct timeline *t, const struct fact *f)
{
    for (int32_t i = 0; f->txn_n && i < t->lanes_n; i++)
        if (t->lanes[i].kind == LANE_TXN && t->lanes[i].index == f->txn_n - 1) return &t->lanes[i];
    const struct lane *l = f->tone == TONE_GOOD ? NULL : lane_of(t, f->actor);
    return l ? l : &t->lanes[0];
}

static int64_t
half_of_number(const struct fact *f)
{
    return f->number < 100 ? 10 : 11;
}

static void
draw_number(struct timeline *t, const struct lane *l, const struct fact *f, int64_t at)
{
    int64_t x = time_x(t, f->at_ns), y = l->y + 11, half = half_of_number(f);
    VEC_PUSH(t->boxes.mem, &t->boxes.v, ((struct box){at - half, y - 9, 2 * half, 18}));
    svg_group(t->w, "numbered", "sentence-", f->number);
    svg_line(t->w, "stem", at, y + 9, x, l->band_y);
    circle(t, f, at, y);
    svg_group_end(t->w);
}

/* Of a lane between two cuts, each over its moment or beside the others of about that time. Where that stretch has no room for them,
 * they may stand over a cut. */
static void
draw_numbers_of(struct timeline *t, const struct lane *l, const struct stretch *s)
{
    enum { OFF_CUT = 6, OFF_NAMES = 9, OFF_EDGE = 4 };
    const struct stretch *first = t->scale.kept.v, *last = first + t->scale.kept.n - 1;
    const struct fact *of[NUMBERS_MAX];
    struct spread_one v[NUMBERS_MAX];
    int64_t width = 0;
    int n = 0;
    for (int64_t i = 0; i < t->f->v.n && i < ARRAY_LEN(t->is_shown); i++) {
        const struct fact *f = &t->f->v.v[i];
        int64_t x = time_x(t, f->at_ns);
        if (!t->is_shown[i] || lane_of_number(t, f) != l) continue;
        if ((s > first && x < s->x0) || (s < last && x >= s[1].x0)) continue;
        int at = n++;
        for (; at > 0 && v[at - 1].x > x; at--) v[at] = v[at - 1], of[at] = of[at - 1];
        v[at] = (struct spread_one){x, half_of_number(f)};
        of[at] = f;
        width += 2 * v[at].half;
    }
    bool has_room = width <= s->x1 - s->x0;
    spread(v, n, s > first && has_room ? s->x0 + OFF_CUT : LEFT + OFF_NAMES,
           s < last && has_room ? s->x1 - OFF_CUT : RIGHT - OFF_EDGE);
    for (int i = 0; i < n; i++) draw_number(t, l, of[i], v[i].x);
}

/* In the lane of whom they are about. */
void
draw_numbers(struct timeline *t)
{
    for (int32_t i = 0; i < t->lanes_n; i++)
        for (int64_t k = 0; k < t->scale.kept.n; k++)
            draw_numbers_of(t, &t->lanes[i], &t->scale.kept.v[k]);
}

/* ---- sentences ---- */

#define COLUMN 540
#define LINE 15

/* Of the words, behind number and time. */
static int64_t
indent(const struct timeline *t)
{
    int64_t widest = 0;
    for (int64_t i = 0; i < t->f->v.n && i < ARRAY_LEN(t->is_shown); i++) {
        char room[32];
        struct writer w = writer_fixed(room, sizeof room);
        words_time(&w, t->f->v.v[i].at_ns);
        if (t->is_shown[i]) widest = MAX(widest, svg_text_width(writer_slice(&w), 11));
    }
    return 36 + widest * 9 / 8; /* bold */
}

/* Draws them or only measures; returns how many lines. */
static int64_t
lines(struct timeline *t, struct slice text, int64_t x, int64_t y, bool draw)
{
    int64_t n = 0;
    while (text.n) {
        int64_t fit = svg_text_fit(text, 11, 12 + COLUMN - 10 - (x % (COLUMN + 14)));
        if (draw) svg_text(t->w, "ink s11", ANCHOR_START, x, y + n * LINE, slice_sub(text, 0, fit));
        text = slice_trim(slice_sub(text, fit, text.n));
        n++;
    }
    return n;
}

/* The sentence, and below it the chain of an anomaly, one cause after the other. */
static int64_t
sentence_lines(struct timeline *t, const struct fact *f, int64_t x, int64_t y, bool draw)
{
    int64_t left = x + indent(t), n = lines(t, f->text, left, y, draw);
    struct writer w = writer_mem(t->r->mem);
    for (int32_t i = 0; i < f->chain.n; i++) {
        w.n = 0;
        cause_words(&f->chain.v[i], &w);
        if (draw) svg_text(t->w, "ink s11", ANCHOR_START, left, y + n * LINE, S("\xe2\x86\xb3"));
        n += lines(t, writer_slice(&w), left + 16, y + n * LINE, draw);
    }
    writer_release(&w);
    return n;
}

static int64_t
draw_sentence(struct timeline *t, const struct fact *f, int64_t x, int64_t y)
{
    char room[32];
    struct writer w = writer_fixed(room, sizeof room);
    words_time(&w, f->at_ns);
    circle(t, f, x + 10, y - 4);
    svg_text(t->w, "ink s11 bold", ANCHOR_END, x + indent(t) - 6, y, writer_slice(&w));
    return sentence_lines(t, f, x, y, true) * LINE + 6;
}

int64_t
draw_sentences(struct timeline *t, int64_t y)
{
    int64_t all = 0, sum = 0, at[2] = {0, 0};
    for (int64_t i = 0; i < t->f->v.n && i < ARRAY_LEN(t->is_shown); i++)
        if (t->is_shown[i]) all += sentence_lines(t, &t->f->v.v[i], 12, 0, false) * LINE + 6;
    for (int64_t i = 0; i < t->f->v.n && i < ARRAY_LEN(t->is_shown); i++) {
        if (!t->is_shown[i]) continue;
        int column = sum >= (all + 1) / 2;
        int64_t height =
            draw_sentence(t, &t->f->v.v[i], 12 + column * (COLUMN + 14), y + 14 + at[column]);
        at[column] += height;
        sum += height;
    }
    return MAX(at[0], at[1]) + 14;
}

/* ---- what was left out ---- */

static void
comma(struct writer *w, int *n)
{
    if ((*n)++) fmt_str(w, ", ");
}

/* The most frequent first; small ones together. */
static void
hidden_messages(struct timeline *t, struct writer *w, int *n)
{
    int64_t left[APIS_MAX], rest = 0;
    for (int i = 0; i < APIS_MAX; i++) left[i] = t->hidden[i] + t->r->counted[i];
    for (int k = 0; k < 7; k++) {
        int best = 0;
        for (int i = 1; i < APIS_MAX; i++)
            if (left[i] > left[best]) best = i;
        if (!left[best]) break;
        comma(w, n);
        words_count(w, left[best]);
        fmt_char(w, ' ');
        fmt_slice(w, k_api_name((int16_t)best));
        left[best] = 0;
    }
    for (int i = 0; i < APIS_MAX; i++) rest += left[i];
    if (!rest) return;
    comma(w, n);
    words_count(w, rest);
    fmt_str(w, " other requests");
}

static void
hidden_actors(struct timeline *t, struct writer *w, int *n)
{
    for (int32_t i = 0; i < t->r->actors.n; i++) {
        const struct actor *a = &t->r->actors.v[i];
        if (lane_of(t, i)) continue;
        comma(w, n);
        fmt_slice(w, a->name);
    }
}

int64_t
draw_hidden(struct timeline *t, int64_t y)
{
    struct writer w = writer_mem(t->r->mem);
    int n = 0;
    int64_t told = 0, all = 0, used = 0;
    if (t->filter && t->filter->n) {
        fmt_str(&w, "filter: ");
        fmt_slice(&w, t->filter->text);
        fmt_str(&w, "; ");
        n = 0;
    }
    int64_t prefix = w.n;
    fmt_str(&w, "hidden: ");
    hidden_messages(t, &w, &n);
    hidden_actors(t, &w, &n);
    for (int64_t i = 0; i < t->f->v.n && i < ARRAY_LEN(t->is_shown); i++) told += t->is_shown[i];
    for (int64_t i = 0; i < t->f->v.n - t->r->has_verdict; i++)
        all += t->f->v.v[i].at_ns >= t->from_ns && t->f->v.v[i].at_ns <= t->to_ns;
    if (told < all) {
        comma(&w, &n);
        words_counted(&w, all - told, "lesser sentence");
        fmt_str(&w, " of the story");
    }
    if (!n) w.n = prefix;
    struct slice text = writer_slice(&w);
    while (text.n) {
        int64_t fit = svg_text_fit(text, 11, WIDTH - 24);
        svg_text(t->w, "dim s11", ANCHOR_START, 12, y + 12 + used, slice_sub(text, 0, fit));
        text = slice_trim(slice_sub(text, fit, text.n));
        used += 14;
    }
    writer_release(&w);
    return used + 8;
}

/* ---- legend ---- */

enum swatch {
    SWATCH_BAND,
    SWATCH_STRIP,
    SWATCH_LINE,
    SWATCH_TICK,
    SWATCH_ARROW,
    SWATCH_LOST,
    SWATCH_CIRCLE
};

/* Of messages that were chosen, of all those of a close-up, of records that are deleted, of groups' and transactions' lanes, of
 * copies in them. */
enum key_of { KEY_ALWAYS, KEY_CHOSEN, KEY_CLOSE_UP, KEY_DELETED, KEY_FURTHER, KEY_COPIES };

struct key {
    enum swatch swatch;
    const char *class, *over, *text;
    enum key_of of;
};

static const struct key keys[] = {
    {SWATCH_BAND, "leader", NULL, "leads the partition", KEY_ALWAYS},
    {SWATCH_BAND, "follower", "follower-edge", "follows", KEY_ALWAYS},
    {SWATCH_BAND, "follower", "fenced", "fenced by the controller", KEY_ALWAYS},
    {SWATCH_BAND, "down", "down-x", "down", KEY_ALWAYS},
    {SWATCH_BAND, "paused", NULL, "paused", KEY_ALWAYS},
    {SWATCH_BAND, "control", NULL, "active controller", KEY_ALWAYS},
    {SWATCH_LINE, "log-end", NULL, "log end", KEY_ALWAYS},
    {SWATCH_LINE, "high", NULL, "high watermark (HW)", KEY_ALWAYS},
    {SWATCH_LINE, "log-start", NULL, "log start: below, all is deleted", KEY_DELETED},
    {SWATCH_TICK, "roll", "log-end", "a segment begins", KEY_DELETED},
    {SWATCH_BAND, "uncommitted", NULL, "written, not committed", KEY_ALWAYS},
    {SWATCH_BAND, "sent", NULL, "rate of acknowledged records", KEY_ALWAYS},
    {SWATCH_BAND, "read", NULL, "rate of records read", KEY_ALWAYS},
    {SWATCH_BAND, "paper", "silence", "nothing acknowledged", KEY_ALWAYS},
    {SWATCH_ARROW, "a-control", "f-control", "message that decides", KEY_CHOSEN},
    {SWATCH_ARROW, "a-data", "f-data", "first or last of a burst of data", KEY_CHOSEN},
    {SWATCH_ARROW, "a-data", "f-data", "Produce, Fetch", KEY_CLOSE_UP},
    {SWATCH_ARROW, "a-control", "f-control", "other request", KEY_CLOSE_UP},
    {SWATCH_ARROW, "a-data answer", "f-data", "answer", KEY_CLOSE_UP},
    {SWATCH_LOST, "a-lost", NULL, "lost message", KEY_ALWAYS},
    {SWATCH_CIRCLE, "x-lost", NULL, "send with unknown end", KEY_ALWAYS},
    {SWATCH_CIRCLE, "number", NULL, "number of a sentence (story.txt)", KEY_ALWAYS},
    {SWATCH_BAND, "settled", NULL, "stable, or complete", KEY_FURTHER},
    {SWATCH_BAND, "open", NULL, "transaction under way", KEY_FURTHER},
    {SWATCH_BAND, "control-2", NULL, "rebalance, or prepared", KEY_FURTHER},
    {SWATCH_BAND, "control-2", "fenced",
     "prepared to abort; or a member that thinks it has the partition still", KEY_FURTHER},
    {SWATCH_BAND, "own-0", NULL, "the member's partition", KEY_FURTHER},
    {SWATCH_STRIP, "own-1", NULL, "the member keeps a copy of it (standby)", KEY_COPIES},
    {SWATCH_BAND, "nobody", NULL, "nobody's", KEY_FURTHER},
    {SWATCH_LINE, "committed", NULL, "committed position", KEY_FURTHER},
    {SWATCH_LINE, "stable", NULL, "last stable offset, below HW", KEY_FURTHER},
    {SWATCH_BAND, "read", NULL, "records given to the member", KEY_FURTHER},
    {SWATCH_BAND, "alarm", NULL, "given back or rejected", KEY_FURTHER},
};

static bool
is_used(const struct timeline *t, enum key_of of)
{
    if (of == KEY_CHOSEN || of == KEY_CLOSE_UP) return t->is_close_up == (of == KEY_CLOSE_UP);
    if (of == KEY_DELETED) return log_start_moves(t);
    for (int32_t i = 0; of == KEY_COPIES && i < t->lanes_n; i++)
        if (t->lanes[i].kind == LANE_GROUP && group_has_copies(t, t->lanes[i].index)) return true;
    for (int32_t i = 0; of == KEY_FURTHER && i < t->lanes_n; i++)
        if (t->lanes[i].kind == LANE_GROUP || t->lanes[i].kind == LANE_TXN) return true;
    return of == KEY_ALWAYS;
}

static void
draw_swatch(struct timeline *t, const struct key *k, int64_t number, int64_t x, int64_t y)
{
    switch (k->swatch) {
    case SWATCH_BAND:
        svg_rect(t->w, k->class, x, y, 22, 12);
        if (k->over) svg_rect(t->w, k->over, x, y, 22, 12);
        break;
    case SWATCH_STRIP: svg_rect(t->w, k->class, x, y + 5, 22, 3); break;
    case SWATCH_TICK:
        svg_line(t->w, k->over, x, y + 6, x + 22, y + 6);
        svg_line(t->w, k->class, x + 11, y + 2, x + 11, y + 10);
        break;
    case SWATCH_LINE: svg_line(t->w, k->class, x, y + 6, x + 22, y + 6); break;
    case SWATCH_ARROW:
        svg_group(t->w, "arrow", "key-", number);
        svg_line(t->w, k->class, x + 11, y - 1, x + 11, y + 12);
        svg_path(t->w, k->over);
        svg_point(t->w, 'M', x + 11, y + 13), svg_point(t->w, 'L', x + 8, y + 7);
        svg_point(t->w, 'L', x + 14, y + 7);
        svg_point(t->w, 'L', x + 11, y + 13);
        svg_path_end(t->w);
        svg_group_end(t->w);
        break;
    case SWATCH_LOST:
        svg_line(t->w, k->class, x + 11, y - 2, x + 11, y + 8);
        svg_path(t->w, "x-lost");
        svg_point(t->w, 'M', x + 7, y + 5), svg_point(t->w, 'L', x + 15, y + 13);
        svg_point(t->w, 'M', x + 15, y + 5), svg_point(t->w, 'L', x + 7, y + 13);
        svg_path_end(t->w);
        break;
    case SWATCH_CIRCLE: svg_circle(t->w, k->class, x + 11, y + 6, 5); break;
    }
}

int64_t
draw_legend(struct timeline *t, int64_t y)
{
    int64_t x = 12, row = y + 4;
    svg_line(t->w, "lane", 0, y, WIDTH, y);
    for (int64_t i = 0; i < ARRAY_LEN(keys); i++) {
        const struct key *k = &keys[i];
        if (!is_used(t, k->of)) continue;
        struct slice text = slice_cstr(k->text);
        int64_t width = 28 + svg_text_width(text, 11) + 16;
        if (x + width > WIDTH) {
            x = 12;
            row += 19;
        }
        draw_swatch(t, k, i, x, row + 3);
        svg_text(t->w, "dim s11", ANCHOR_START, x + 28, row + 13, text);
        x += width;
    }
    static const char since[] = "Time counts from when the topics are there. ";
    struct slice words =
        S("Time counts from when the topics are there. Epoch: the number of a leadership. ISR: the "
          "replicas in sync, which may lead next. Committed: on all of them, and readable. Log end "
          "and high watermark climb as records are written and committed. Time that passes without "
          "news is cut out.");
    if (t->r->start_ns == 0) words = slice_sub(words, sizeof since - 1, words.n);
    for (row += 32; words.n; row += 14) {
        int64_t fit = svg_text_fit(words, 11, WIDTH - 24);
        svg_text(t->w, "dim s11", ANCHOR_START, 12, row, slice_sub(words, 0, fit));
        words = slice_trim(slice_sub(words, fit, words.n));
    }
    return row - y - 6;
}
