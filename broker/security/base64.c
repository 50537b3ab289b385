#include "broker/security/base64.h"

/* -1: none of its letters. */
static int32_t
letter_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool
base64_read(struct slice text, struct arena *a, struct slice *ret)
{
    if (text.n % 4) return false;
    int64_t pad = 0;
    while (pad < 2 && pad < text.n && text.p[text.n - 1 - pad] == '=') pad++;
    int64_t letters = text.n - pad, n = 0;
    uint8_t *p = arena_alloc(a, text.n / 4 * 3 + 1);
    uint32_t bits = 0;
    for (int64_t i = 0; i < letters; i++) {
        int32_t v = letter_value(text.p[i]);
        if (v < 0) return false;
        bits = bits << 6 | (uint32_t)v;
        if (i % 4 == 0) continue;
        p[n++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    /* What is left over of the last letter says nothing, and so must be zero. */
    if (pad && bits & ((1u << 2 * pad) - 1)) return false;
    *ret = slice(p, n);
    return true;
}
