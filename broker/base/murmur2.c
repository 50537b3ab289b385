#include "broker/base/murmur2.h"

int32_t
murmur2(struct slice key)
{
    const uint32_t m = 0x5bd1e995;
    uint32_t h = 0x9747b28c ^ (uint32_t)key.n;
    int64_t i = 0;
    for (; key.n - i >= 4; i += 4) {
        uint32_t k;
        memcpy(&k, key.p + i, 4);
        k *= m, k ^= k >> 24, k *= m;
        h *= m, h ^= k;
    }
    int64_t left = key.n - i;
    if (left >= 3) h ^= (uint32_t)key.p[i + 2] << 16;
    if (left >= 2) h ^= (uint32_t)key.p[i + 1] << 8;
    if (left >= 1) h ^= key.p[i], h *= m;
    h ^= h >> 13, h *= m, h ^= h >> 15;
    return (int32_t)h;
}

/* One code point; malformed bytes count as themselves. */
static uint32_t
code_point(struct slice s, int64_t *i)
{
    uint8_t c = s.p[(*i)++];
    int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
    if (!more || *i + more > s.n) return c;
    uint32_t v = c & (0x3fu >> more);
    while (more-- > 0) v = v << 6 | (s.p[(*i)++] & 0x3f);
    return v;
}

int32_t
java_string_hash(struct slice s)
{
    uint32_t h = 0;
    for (int64_t i = 0; i < s.n;) {
        uint32_t c = code_point(s, &i);
        if (c >= 0x10000) {
            h = h * 31 + (0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        h = h * 31 + c;
    }
    return (int32_t)h;
}

int32_t
java_abs(int32_t v)
{
    return v == INT32_MIN ? 0 : v < 0 ? -v : v;
}
