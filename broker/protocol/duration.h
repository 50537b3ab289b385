/* Durations as ISO 8601 writes them and Java reads them: "PT1H", "P1DT2H3M4.5S", in any case, each number with a
 * sign of its own. Days are 24 hours; weeks, months and years are none. */
#ifndef PROTOCOL_DURATION_H
#define PROTOCOL_DURATION_H

#include "broker/base/slice.h"

/* False: the text is no duration, or one too long for 64 bits of milliseconds. What is less than a millisecond is
 * cut off. */
bool duration_parse_ms(struct slice text, int64_t *ret_ms);

#endif
