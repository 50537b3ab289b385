#include "broker/base/crc32c.h"

uint32_t
crc32c(enum crc32c_impl impl, uint32_t crc, struct slice bytes)
{
    /* Yours. */
    (void)impl, (void)crc, (void)bytes;
    return 0;
}
