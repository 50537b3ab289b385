#include "broker/log/swap_holds.h"

bool
swap_holds(int64_t base_offset, int64_t first_cleaned)
{
    return base_offset < first_cleaned;
}
