/* Words under and in a timeline: numbered sentences, what was left out, the legend. */
#include "broker/base/check.h"
#include "broker/protocol/tables.h"
#include "visualize/timeline.h"

/* ---- which sentences ---- */

static bool
may_be_shown(const struct timeline *t, int64_t i)
{
    const struct fact *f = &t->f->v.v[i];
    bool is_verdict = f->actor < 0 && t->r->has_verdict && i == t->f->v.n - 1;
    return i < ARRAY_LEN(t->is_shown) && !t->is_shown[i] && !is_verdict && f->at_ns >= t->from_ns &&
           f->at_ns <= t->to_ns;
}

void
choose_facts(struct timeline *t)
{
    int n = 0;
    for (int32_t weight = WEIGHT_HIGH; weight >= WEIGHT_LOW; weight--)
        for (int64_t i = 0; i < t->f->v.n && n < NUMBERS_MAX; i++) {
            if (t->f->v.v[i].weight != weight || !may_be_shown(t, i)) continue;
            t->is_shown[i] = true;
            n++;
        }
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
    char room[16];
    struct writer w = writer_fixed(room, sizeof room);
    fmt_i64(&w, f->number);
    svg_circle(t->w, circle_class(f->tone), x, y, 9);
    svg_text(t->w,
             f->tone == TONE_BAD     ? "n-bad s10 bold"
             : f->tone == TONE_FAULT ? "n-fault s10 bold"
                                     : "ink s10 bold",
             ANCHOR_MIDDLE, x, y + 4, writer_slice(&w));
}

/* In the lane of whom it is about, over its moment; pushed aside where another one is. */
static void
draw_number(struct timeline *t, const struct fact *f)
{
    const struct lane *l = lane_of(t, f->actor);
    if (!l || f->tone == TONE_GOOD) l = &t->lanes[0];
    int64_t x = time_x(t, f->at_ns), y = l->y + 11, at = x;
    for (int step = 0; step < 12; step++) {
        at = step < 7 ? x + step * 10 : x - (step - 6) * 10;
        if (at < LEFT + 9 || at > RIGHT - 4) continue;
        if (boxes_take(&t->boxes, (struct box){at - 10, y - 9, 20, 18})) break;
    }
    svg_group(t->w, "numbered", "sentence-", f->number);
    svg_line(t->w, "stem", at, y + 9, x, l->band_y);
    circle(t, f, at, y);
    svg_group_end(t->w);
}

void
draw_numbers(struct timeline *t)
{
    for (int64_t i = 0; i < t->f->v.n && i < ARRAY_LEN(t->is_shown); i++)
        if (t->is_shown[i]) draw_number(t, &t->f->v.v[i]);
}

/* ---- sentences ---- */

#define COLUMN 540
#define INDENT 84
#define LINE 15

/* Draws them (w != NULL) or only measures; returns the lines. */
static int64_t
lines(struct timeline *t, struct slice text, int64_t x, int64_t y, bool draw)
{
    int64_t n = 0;
    while (text.n) {
        int64_t fit = svg_text_fit(text, 11, COLUMN - INDENT - 10);
        if (draw)
            svg_text(t->w, "ink s11", ANCHOR_START, x + INDENT, y + n * LINE,
                     slice_sub(text, 0, fit));
        text = slice_trim(slice_sub(text, fit, text.n));
        n++;
    }
    return n;
}

/* The story of an anomaly is told with its chain, one cause after the other. */
static struct slice
full_text(struct timeline *t, const struct fact *f)
{
    if (!f->chain.n) return f->text;
    struct writer w = writer_mem(t->r->mem);
    fmt_slice(&w, f->text);
    fmt_str(&w, ". ");
    for (int64_t i = 0; i < f->chain.n; i++) {
        if (f->chain.p[i] == '\n') fmt_str(&w, "; ");
        else if (f->chain.p[i] != ' ' || i == 0 || f->chain.p[i - 1] != ' ')
            fmt_char(&w, (char)f->chain.p[i]);
    }
    return load_words(t->r, &w);
}

static int64_t
draw_sentence(struct timeline *t, const struct fact *f, int64_t x, int64_t y)
{
    char room[32];
    struct writer w = writer_fixed(room, sizeof room);
    words_time(&w, f->at_ns);
    circle(t, f, x + 10, y - 4);
    svg_text(t->w, "ink s11 bold", ANCHOR_END, x + INDENT - 6, y, writer_slice(&w));
    return lines(t, full_text(t, f), x, y, true) * LINE + 6;
}

int64_t
draw_sentences(struct timeline *t, int64_t y)
{
    int64_t all = 0, sum = 0, at[2] = {0, 0};
    for (int64_t i = 0; i < t->f->v.n && i < ARRAY_LEN(t->is_shown); i++)
        if (t->is_shown[i]) all += lines(t, full_text(t, &t->f->v.v[i]), 0, 0, false) * LINE + 6;
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
    int64_t told = 0, used = 0;
    fmt_str(&w, "hidden: ");
    hidden_messages(t, &w, &n);
    hidden_actors(t, &w, &n);
    for (int64_t i = 0; i < t->f->v.n && i < ARRAY_LEN(t->is_shown); i++) told += t->is_shown[i];
    if (told < t->f->v.n - t->r->has_verdict) {
        comma(&w, &n);
        words_counted(&w, t->f->v.n - t->r->has_verdict - told, "lesser sentence");
        fmt_str(&w, " of the story");
    }
    struct slice text = writer_slice(&w);
    while (n && text.n) {
        int64_t fit = svg_text_fit(text, 10, WIDTH - 24);
        svg_text(t->w, "dim s10", ANCHOR_START, 12, y + 12 + used, slice_sub(text, 0, fit));
        text = slice_trim(slice_sub(text, fit, text.n));
        used += 13;
    }
    writer_release(&w);
    return used + 8;
}

/* ---- legend ---- */

enum swatch { SWATCH_BAND, SWATCH_LINE, SWATCH_ARROW, SWATCH_LOST, SWATCH_CIRCLE };

struct key {
    enum swatch swatch;
    const char *class, *over, *text;
};

static const struct key keys[] = {
    {SWATCH_BAND, "leader", NULL, "leads the partition"},
    {SWATCH_BAND, "follower", "follower-edge", "follows"},
    {SWATCH_BAND, "follower", "fenced", "fenced by the controller"},
    {SWATCH_BAND, "down", "down-x", "down"},
    {SWATCH_BAND, "control", NULL, "active controller"},
    {SWATCH_LINE, "log-end", NULL, "log end"},
    {SWATCH_LINE, "high", NULL, "high watermark (HW)"},
    {SWATCH_BAND, "uncommitted", NULL, "written, not committed"},
    {SWATCH_BAND, "sent", NULL, "rate of acknowledged records"},
    {SWATCH_BAND, "read", NULL, "rate of records read"},
    {SWATCH_BAND, "paper", "silence", "nothing acknowledged"},
    {SWATCH_ARROW, "a-control", "f-control", "message that decides"},
    {SWATCH_ARROW, "a-data", "f-data", "first or last of a burst of data"},
    {SWATCH_LOST, "a-lost", NULL, "lost message"},
    {SWATCH_CIRCLE, "x-lost", NULL, "send with unknown end"},
    {SWATCH_CIRCLE, "number", NULL, "number of a sentence (story.txt)"},
};

static void
draw_swatch(struct timeline *t, const struct key *k, int64_t x, int64_t y)
{
    switch (k->swatch) {
    case SWATCH_BAND:
        svg_rect(t->w, k->class, x, y, 22, 12);
        if (k->over) svg_rect(t->w, k->over, x, y, 22, 12);
        break;
    case SWATCH_LINE: svg_line(t->w, k->class, x, y + 6, x + 22, y + 6); break;
    case SWATCH_ARROW:
        svg_group(t->w, "arrow", "key-", (int64_t)(k - keys));
        svg_line(t->w, k->class, x + 11, y - 1, x + 11, y + 12);
        svg_path(t->w, k->over);
        svg_point(t->w, 'M', x + 11, y + 13), svg_point(t->w, 'L', x + 8, y + 7);
        svg_point(t->w, 'L', x + 14, y + 7);
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
        struct slice text = slice_cstr(keys[i].text);
        int64_t width = 28 + svg_text_width(text, 10) + 16;
        if (x + width > WIDTH) {
            x = 12;
            row += 19;
        }
        draw_swatch(t, &keys[i], x, row + 3);
        svg_text(t->w, "dim s10", ANCHOR_START, x + 28, row + 13, text);
        x += width;
    }
    svg_text(t->w, "dim s10", ANCHOR_START, 12, row + 32,
             S("Epoch: the number of a leadership. ISR: the replicas in sync, which may lead next. "
               "Committed: on "
               "all of them, and readable. Time that passes without news is cut out."));
    return row - y + 40;
}
