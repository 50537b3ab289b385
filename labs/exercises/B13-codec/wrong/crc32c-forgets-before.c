/* rule: crc-pieces
 * What came before is not taken in. */
#include "broker/base/crc32c.h"

uint32_t
crc32c(enum crc32c_impl impl, uint32_t crc, struct slice bytes)
{
    (void)impl, (void)crc;
    uint32_t c = ~0U;
    for (int64_t i = 0; i < bytes.n; i++) {
        c ^= bytes.p[i];
        for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0x82f63b78 : c >> 1;
    }
    return ~c;
}
