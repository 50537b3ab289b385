/* How many records go out at once when one of them may be what its members die of. */
#ifndef SHARE_GIVEN_TOGETHER_H
#define SHARE_GIVEN_TOGETHER_H

#include <stdint.h>

#define GIVEN_WITHOUT_LIMIT INT64_MAX

/* Of records that were delivered `count` times already, of at most `count_max`; batch_n: how many went out together when they
 * were first given out. One bad record takes those with it that are delivered beside it, each time: so from half of the
 * deliveries on it is half of them, then a quarter, and the last delivery is of one record alone (as in Kafka since 4.2). */
int64_t given_together(int16_t count, int16_t count_max, int64_t batch_n);

#endif
