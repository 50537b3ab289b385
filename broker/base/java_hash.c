#include "broker/base/java_hash.h"

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
