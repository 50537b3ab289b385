/* rule: zigzag
 * A negative number is taken as a large one. */
#include "broker/base/leb128.h"

int
leb128_read(const uint8_t *p, int64_t n, int bits, uint64_t *ret)
{
    uint64_t v = 0;
    for (int i = 0, shift = 0; i < n && shift < bits; i++, shift += 7) {
        uint64_t part = p[i] & 0x7f;
        if (bits - shift < 7 && part >> (bits - shift)) return 0;
        v |= part << shift;
        if (p[i] & 0x80) continue;
        *ret = v;
        return i + 1;
    }
    return 0;
}

int
leb128_write(uint64_t v, uint8_t ret[LEB128_MAX_BYTES])
{
    int n = 0;
    for (; v >= 0x80; v >>= 7) ret[n++] = (uint8_t)(v | 0x80);
    ret[n++] = (uint8_t)v;
    return n;
}

static int
leb128_bytes(uint64_t v)
{
    return v ? (70 - __builtin_clzll(v)) / 7 : 1;
}

int
uvarint_bytes(uint32_t v)
{
    return leb128_bytes(v);
}

int
varint_bytes(int32_t v)
{
    return leb128_bytes((uint32_t)v << 1 ^ (uint32_t)(v >> 31));
}

int
varlong_bytes(int64_t v)
{
    return leb128_bytes((uint64_t)v);
}
