#include "broker/base/leb128.h"

int
leb128_read(const uint8_t *p, int64_t n, int bits, uint64_t *ret)
{
    /* Yours. As it stands there is never a number. */
    (void)p, (void)n, (void)bits, (void)ret;
    return 0;
}

int
leb128_write(uint64_t v, uint8_t ret[LEB128_MAX_BYTES])
{
    /* Yours. */
    (void)v;
    ret[0] = 0;
    return 1;
}

int
uvarint_bytes(uint32_t v)
{
    /* Yours. */
    (void)v;
    return 1;
}

int
varint_bytes(int32_t v)
{
    /* Yours. */
    (void)v;
    return 1;
}

int
varlong_bytes(int64_t v)
{
    /* Yours. */
    (void)v;
    return 1;
}
