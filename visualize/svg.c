#include "visualize/svg.h"

#include "broker/base/check.h"
#include "broker/base/utf8.h"

/* Advance widths of a wide sans-serif face, in thousandths of the size, from ' ' on. */
static const int16_t widths[95] = {
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361,  318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635,  611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352,  635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592,  525, 636, 337, 636, 838};

int64_t
svg_text_width(struct slice text, int64_t size_px)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        if (c >= ' ' && c < 0x7f) sum += widths[c - ' '];
        else if (c < 0x80 || c >= 0xc0) sum += 838;
    }
    return (sum * size_px + 999) / 1000;
}

int64_t
svg_text_fit(struct slice text, int64_t size_px, int64_t width)
{
    int64_t fits = 0;
    for (int64_t at = 0; at <= text.n;) {
        int64_t space = slice_find(text, ' ', at);
        if (space < 0) space = text.n;
        if (fits && svg_text_width(slice_sub(text, 0, space), size_px) > width) break;
        fits = space;
        at = space + 1;
    }
    return fits;
}

int64_t
svg_bold_fit(struct slice text, int64_t size_px, int64_t width)
{
    return svg_text_fit(text, size_px, width * 8 / 9);
}

void
svg_escaped(struct writer *w, struct slice text)
{
    for (int64_t i = 0, n; i < text.n; i += n) {
        struct slice rest = slice_sub(text, i, text.n);
        n = utf8_next(rest, 0);
        if (n > 1) {
            fmt_slice(w, slice_sub(rest, 0, n));
            continue;
        }
        uint8_t c = text.p[i];
        if (c == '&') fmt_str(w, "&amp;");
        else if (c == '<') fmt_str(w, "&lt;");
        else if (c == '>') fmt_str(w, "&gt;");
        else if (c == '"') fmt_str(w, "&quot;");
        else if (c == '\'') fmt_str(w, "&#39;");
        else if (n < 0 || c < ' ' || c == 0x7f) fmt_char(w, '?');
        else fmt_char(w, (char)c);
        n = 1;
    }
}

static void
attribute(struct writer *w, const char *name, int64_t v)
{
    fmt_char(w, ' ');
    fmt_str(w, name);
    fmt_str(w, "=\"");
    fmt_i64(w, v);
    fmt_char(w, '"');
}

static void
element(struct writer *w, const char *name, const char *class)
{
    fmt_char(w, '<');
    fmt_str(w, name);
    fmt_str(w, " class=\"");
    fmt_str(w, class);
    fmt_char(w, '"');
}

static void
rect(struct writer *w, const char *class, int64_t x, int64_t y, int64_t width, int64_t height)
{
    element(w, "rect", class);
    attribute(w, "x", x);
    attribute(w, "y", y);
    attribute(w, "width", width);
    attribute(w, "height", height);
}

void
svg_rect(struct writer *w, const char *class, int64_t x, int64_t y, int64_t width, int64_t height)
{
    if (width <= 0 || height <= 0) return;
    rect(w, class, x, y, width, height);
    fmt_str(w, "/>\n");
}

void
svg_rect_titled(struct writer *w, const char *class, int64_t x, int64_t y, int64_t width,
                int64_t height, struct slice title)
{
    if (width <= 0 || height <= 0) return;
    rect(w, class, x, y, width, height);
    fmt_str(w, "><title>");
    svg_escaped(w, title);
    fmt_str(w, "</title></rect>\n");
}

void
svg_line(struct writer *w, const char *class, int64_t x1, int64_t y1, int64_t x2, int64_t y2)
{
    element(w, "line", class);
    attribute(w, "x1", x1);
    attribute(w, "y1", y1);
    attribute(w, "x2", x2);
    attribute(w, "y2", y2);
    fmt_str(w, "/>\n");
}

void
svg_circle(struct writer *w, const char *class, int64_t x, int64_t y, int64_t radius)
{
    element(w, "circle", class);
    attribute(w, "cx", x);
    attribute(w, "cy", y);
    attribute(w, "r", radius);
    fmt_str(w, "/>\n");
}

static void
text_begin(struct writer *w, const char *class, enum anchor anchor, int64_t x, int64_t y)
{
    element(w, "text", class);
    attribute(w, "x", x);
    attribute(w, "y", y);
    if (anchor != ANCHOR_START)
        fmt_str(w, anchor == ANCHOR_MIDDLE ? " text-anchor=\"middle\"" : " text-anchor=\"end\"");
    fmt_char(w, '>');
}

void
svg_text(struct writer *w, const char *class, enum anchor anchor, int64_t x, int64_t y,
         struct slice text)
{
    text_begin(w, class, anchor, x, y);
    svg_escaped(w, text);
    fmt_str(w, "</text>\n");
}

#define ELLIPSIS "\xe2\x80\xa6"
#define TAIL_BYTES 5 /* the number of a partition is at the end of its name */

static bool
is_inside_character(struct slice text, int64_t at)
{
    return at > 0 && at < text.n && (text.p[at] & 0xc0) == 0x80;
}

void
svg_text_within(struct writer *w, const char *class, enum anchor anchor, int64_t x, int64_t y,
                int64_t size_px, int64_t width, struct slice text)
{
    struct slice words = slice_sub(text, 0, svg_text_fit(text, size_px, width));
    if (svg_text_width(words, size_px) <= width) {
        svg_text(w, class, anchor, x, y, words);
        return;
    }
    int64_t tail = MAX(0, words.n - TAIL_BYTES), head = tail;
    while (is_inside_character(words, tail)) tail++;
    int64_t rest = width - svg_text_width(S(ELLIPSIS), size_px) -
                   svg_text_width(slice_sub(words, tail, words.n), size_px);
    while (head > 0 && (is_inside_character(words, head) ||
                        svg_text_width(slice_sub(words, 0, head), size_px) > rest))
        head--;
    text_begin(w, class, anchor, x, y);
    fmt_str(w, "<title>");
    svg_escaped(w, text);
    fmt_str(w, "</title>");
    svg_escaped(w, slice_sub(words, 0, head));
    fmt_str(w, ELLIPSIS);
    svg_escaped(w, slice_sub(words, tail, words.n));
    fmt_str(w, "</text>\n");
}

void
svg_group(struct writer *w, const char *class, const char *id, int64_t number)
{
    element(w, "g", class);
    fmt_str(w, " id=\"");
    fmt_str(w, id);
    if (number >= 0) fmt_i64(w, number);
    fmt_str(w, "\">\n");
}

void
svg_group_end(struct writer *w)
{
    fmt_str(w, "</g>\n");
}

void
svg_path(struct writer *w, const char *class)
{
    element(w, "path", class);
    fmt_str(w, " d=\"");
}

void
svg_point(struct writer *w, char command, int64_t x, int64_t y)
{
    fmt_char(w, command);
    fmt_i64(w, x);
    fmt_char(w, ' ');
    fmt_i64(w, y);
}

void
svg_path_end(struct writer *w)
{
    fmt_str(w, "\"/>\n");
}

bool
boxes_are_free(const struct boxes *b, struct box one)
{
    for (int64_t i = 0; i < b->v.n; i++) {
        const struct box *o = &b->v.v[i];
        if (one.x < o->x + o->width && o->x < one.x + one.width && one.y < o->y + o->height &&
            o->y < one.y + one.height)
            return false;
    }
    return true;
}

bool
boxes_take(struct boxes *b, struct box one)
{
    if (!boxes_are_free(b, one)) return false;
    VEC_PUSH(b->mem, &b->v, one);
    return true;
}
