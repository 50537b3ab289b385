/* What the files that draw frames share. A frame is what each replica of a partition holds at a moment:
 *
 *      2.547 s  right before: b1 crashes                     orders-0: leader b1 (epoch 0), ISR {1,2,3}
 *      b1 leader  in sync  0 … 983 │984│985│986│ … │995│        ◄──┐ fetches at 996, lag 0
 *                                          ▲ HW     ▲ end          │
 *      b2 follower …                                             ──┘
 *
 * Columns are offsets, the same in every row, so that what one replica lacks is a hole under what another
 * one has. */
#ifndef VISUALIZE_FRAME_H
#define VISUALIZE_FRAME_H

#include "visualize/facts.h"
#include "visualize/graph.h"
#include "visualize/words.h"

#define CELLS 12
#define MOMENTS_MAX 6

struct frame_moment {
    int64_t at_ns;
    struct slice caption;
};

struct frame_moments {
    struct frame_moment v[MOMENTS_MAX];
    int n;
};

/* What to show when nobody says: before the fault that cost a leader, after the election, before a log is
 * cut, at the end. */
void choose_moments(struct frame_moments *m, struct run *all, const struct facts *f,
                    int32_t partition);
int64_t frame_height(const struct run *all, int32_t partition);
void draw_frame(struct graph *g, const struct run *now, int32_t partition,
                const struct frame_moment *m, int number, int64_t y);
void draw_frame_legend(struct graph *g, int64_t y, bool has_colours);
/* Of the leadership with this epoch. */
const char *epoch_colour(int64_t epoch);

/* DOT or SVG of a frame as it is in the dark, or in print; the rules by which a browser that has it dark does the same. In recolour.c. */
void frame_recolour(struct slice text, enum view_theme theme, struct writer *ret);
void frame_dark_style(struct writer *ret);

#define FRAME_WIDTH 1040
#define FRAME_LEGEND_HEIGHT 76

#endif
