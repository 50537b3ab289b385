/* rule: crc-known
 * Seven steps a byte. */
#include "broker/base/crc32c.h"

uint32_t
crc32c(enum crc32c_impl impl, uint32_t crc, struct slice bytes)
{
    (void)impl;
    uint32_t c = ~crc;
    for (int64_t i = 0; i < bytes.n; i++) {
        c ^= bytes.p[i];
        for (int k = 0; k < 7; k++) c = c & 1 ? c >> 1 ^ 0x82f63b78 : c >> 1;
    }
    return ~c;
}
