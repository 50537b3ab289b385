/* Things of some width along a line: each as near as may be to where it belongs, in their order, and none over another.
 *
 *      belong at     1 2 3       4
 *      placed     (1)(2)(3)     (4)          not (1)(2)(3) with the first in its place, and the last far off */
#ifndef VISUALIZE_SPREAD_H
#define VISUALIZE_SPREAD_H

#include "broker/base/bytes.h"

#define SPREAD_MAX 64

struct spread_one {
    int64_t x;    /* where it belongs, in rising order; then where it stands */
    int64_t half; /* of its width */
};

/* Centres stay between low and high, if there is room for all. Not more than SPREAD_MAX. */
void spread(struct spread_one *v, int n, int64_t low, int64_t high);

#endif
