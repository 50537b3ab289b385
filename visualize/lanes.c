/* What the lanes of a timeline have in common: words beside a lane, and texts in its bands. */
#include "visualize/timeline.h"

void
lane_words(struct timeline *t, const char *class, int64_t y, struct slice words)
{
    svg_text_within(t->w, class, ANCHOR_END, LEFT - 8, y, 10, LEFT - 12, words);
}

void
band_text(struct timeline *t, const char *class, int64_t x0, int64_t x1, int64_t y,
          struct slice text)
{
    int64_t width = svg_text_width(text, 11) * 17 / 16 + 8, x = clear_x(t, x0, width);
    if (x + width <= x1) svg_text(t->w, class, ANCHOR_START, x + 5, y + 13, text);
}
