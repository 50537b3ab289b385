#include "broker/share/given_together.h"

#include "broker/base/check.h"

/* Less than two deliveries prove nothing. */
#define SUSPECT_MIN 2

int64_t
given_together(int16_t count, int16_t count_max, int64_t batch_n)
{
    int32_t suspect = MAX(SUSPECT_MIN, (count_max + 1) / 2);
    if (count_max > SUSPECT_MIN && count >= count_max - 1) return 1;
    if (count < suspect) return GIVEN_WITHOUT_LIMIT;
    return MAX(1, batch_n >> MIN(count - suspect + 1, 62));
}
