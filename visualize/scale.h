/* Time → x. Linear, but for idle time, which is cut out and marked: every kept piece has the same pixels
 * for a second.
 *
 *      0    1    2       // 4.2 s //      7    8
 *      ├────┼────┼────────┤        ├──────┼────┤ */
#ifndef VISUALIZE_SCALE_H
#define VISUALIZE_SCALE_H

#include "broker/base/mem.h"

#define SCALE_CUT_PX 18

struct stretch {
    int64_t from_ns, to_ns, x0, x1;
};

struct scale {
    struct mem *mem;
    VEC(struct stretch) kept; /* between two of them is a cut */
};

/* moments: when something happens, in any order; they and what is around them is kept. */
void scale_make(struct scale *s, struct mem *mem, int64_t from_ns, int64_t to_ns,
                const int64_t *moments, int64_t moments_n, int64_t x0, int64_t x1);
void scale_release(struct scale *s);
/* Times within a cut lie in its middle; outside of the scale at its ends. */
int64_t scale_x(const struct scale *s, int64_t at_ns);
/* Whether it is neither within a cut nor outside of the scale. */
bool scale_shows(const struct scale *s, int64_t at_ns);
/* Of a tick: 1, 2 or 5 times a power of ten, so that about `ticks` of them are shown. */
int64_t scale_tick_ns(const struct scale *s, int64_t ticks);

#endif
