/* A writer of SVG: integer coordinates, classes instead of colours, and the width of text from a table
 * of our own, so that no font is looked up and the same run gives the same bytes everywhere. */
#ifndef VISUALIZE_SVG_H
#define VISUALIZE_SVG_H

#include "broker/base/fmt.h"

enum anchor { ANCHOR_START, ANCHOR_MIDDLE, ANCHOR_END };

/* Text between tags or in attributes: & < > " ' escaped, control characters and broken UTF-8 replaced. */
void svg_escaped(struct writer *w, struct slice text);
/* Pixels, rounded up, of sans-serif text at this size; on the wide side. */
int64_t svg_text_width(struct slice text, int64_t size_px);
/* The longest beginning, up to a blank, that is not wider. At least one word. */
int64_t svg_text_fit(struct slice text, int64_t size_px, int64_t width);
/* The same of bold text, which is wider by an eighth. */
int64_t svg_bold_fit(struct slice text, int64_t size_px, int64_t width);

/* class: one or more, separated by blanks. The title (may be empty) is what hovering shows. */
void svg_rect(struct writer *w, const char *class, int64_t x, int64_t y, int64_t width,
              int64_t height);
void svg_rect_titled(struct writer *w, const char *class, int64_t x, int64_t y, int64_t width,
                     int64_t height, struct slice title);
void svg_line(struct writer *w, const char *class, int64_t x1, int64_t y1, int64_t x2, int64_t y2);
void svg_circle(struct writer *w, const char *class, int64_t x, int64_t y, int64_t radius);
void svg_text(struct writer *w, const char *class, enum anchor anchor, int64_t x, int64_t y,
              struct slice text);
/* No wider than this: cut at a blank; a word that is wider loses its middle, and says all of itself when hovered. */
void svg_text_within(struct writer *w, const char *class, enum anchor anchor, int64_t x, int64_t y,
                     int64_t size_px, int64_t width, struct slice text);
void svg_group(struct writer *w, const char *class, const char *id, int64_t number);
void svg_group_end(struct writer *w);
/* <path class="…" d="  …  "/>: in between, svg_point(w, 'M', x, y) and so on. */
void svg_path(struct writer *w, const char *class);
void svg_point(struct writer *w, char command, int64_t x, int64_t y);
void svg_path_end(struct writer *w);

/* Rectangles that are taken, so that labels do not lie on each other. */
struct box {
    int64_t x, y, width, height;
};
struct boxes {
    struct mem *mem;
    VEC(struct box) v;
};
bool boxes_are_free(const struct boxes *b, struct box one);
/* False, and nothing taken, if it would overlap. */
bool boxes_take(struct boxes *b, struct box one);

#endif
