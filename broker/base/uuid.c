#include "broker/base/uuid.h"

#include "broker/base/bytes.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool
uuid_from_random(uint64_t hi, uint64_t lo, struct uuid *ret)
{
    struct uuid u;
    store_be64(u.b, hi);
    store_be64(u.b + 8, lo);
    u.b[6] = (uint8_t)((u.b[6] & 0x0f) | 0x40);
    u.b[8] = (uint8_t)((u.b[8] & 0x3f) | 0x80);
    if (u.b[0] >> 2 == 62) return false; /* would print as a leading '-' */
    *ret = u;
    return true;
}

int64_t
base64url_print(struct slice s, char *ret)
{
    int64_t n = 0;
    for (int64_t i = 0; i < s.n; i += 3) {
        uint32_t v = (uint32_t)s.p[i] << 16;
        if (i + 1 < s.n) v |= (uint32_t)s.p[i + 1] << 8;
        if (i + 2 < s.n) v |= s.p[i + 2];
        int64_t chars = s.n - i >= 3 ? 4 : s.n - i + 1;
        for (int64_t k = 0; k < chars; k++) ret[n++] = digits[v >> (18 - 6 * k) & 63];
    }
    return n;
}

static int
digit_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

int64_t
base64url_parse(struct slice s, uint8_t *ret)
{
    int64_t n = 0;
    uint32_t v = 0;
    int bits = 0;
    if (s.n % 4 == 1) return -1;
    for (int64_t i = 0; i < s.n; i++) {
        int d = digit_value(s.p[i]);
        if (d < 0) return -1;
        v = v << 6 | (uint32_t)d;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            ret[n++] = (uint8_t)(v >> bits);
        }
    }
    return n;
}

void
uuid_print(struct uuid u, char ret[UUID_TEXT_BYTES])
{
    (void)base64url_print(slice(u.b, 16), ret);
}

bool
uuid_parse(struct slice text, struct uuid *ret)
{
    struct uuid u;
    /* A trailing "==" is what some tools print. */
    if (slice_ends(text, S("=="))) text.n -= 2;
    if (text.n != UUID_TEXT_BYTES || base64url_parse(text, u.b) != 16) return false;
    *ret = u;
    return true;
}
