#include "broker/base/utf8.h"

#define REPLACEMENT S("\xef\xbf\xbd")

/* What a second byte has to be, by the first: not overlong, not above U+10FFFF. Surrogates (ed a0 …)
 * pass: Java takes one for a character and only then refuses it, whole. */
static bool
is_second(uint8_t lead, uint8_t c)
{
    uint8_t least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t most = lead == 0xf4 ? 0x8f : 0xbf;
    return c >= least && c <= most;
}

int
utf8_next(struct slice s, int64_t at)
{
    const uint8_t *p = s.p + at;
    uint8_t lead = p[0];
    if (lead < 0x80) return 1;
    if (lead < 0xc2 || lead > 0xf4) return -1;
    int want = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    int64_t left = s.n - at;
    if (left < 2 || !is_second(lead, p[1])) return -1;
    for (int i = 2; i < want; i++)
        if (i >= left || (p[i] & 0xc0) != 0x80) return -i;
    bool is_surrogate = lead == 0xed && p[1] >= 0xa0;
    return is_surrogate ? -want : want;
}

bool
utf8_is_valid(struct slice s)
{
    if (utf8_is_ascii(s)) return true;
    int n = 1;
    for (int64_t i = 0; i < s.n && n > 0; i += n) n = utf8_next(s, i);
    return n > 0;
}

int64_t
utf8_mended_bytes(struct slice s)
{
    if (utf8_is_ascii(s)) return s.n;
    int64_t bytes = 0;
    for (int64_t i = 0; i < s.n;) {
        int n = utf8_next(s, i);
        bytes += n > 0 ? n : REPLACEMENT.n;
        i += n > 0 ? n : -n;
    }
    return bytes;
}

void
writer_utf8(struct writer *w, struct slice s)
{
    if (utf8_is_ascii(s)) {
        writer_bytes(w, s);
        return;
    }
    for (int64_t i = 0; i < s.n;) {
        int n = utf8_next(s, i);
        writer_bytes(w, n > 0 ? slice(s.p + i, n) : REPLACEMENT);
        i += n > 0 ? n : -n;
    }
}

struct slice
utf8_mended(struct slice s, struct arena *a)
{
    if (utf8_is_valid(s)) return s;
    int64_t n = utf8_mended_bytes(s);
    struct writer w = writer_fixed(arena_alloc(a, n), n);
    if (!w.p) return SLICE_NULL;
    writer_utf8(&w, s);
    return writer_slice(&w);
}

void
writer_code_point(struct writer *w, int32_t c)
{
    if (c < 0x80) {
        writer_i8(w, (int8_t)c);
        return;
    }
    static const uint8_t leads[] = {0, 0xc0, 0xe0, 0xf0};
    int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    writer_i8(w, (int8_t)(leads[more] | c >> 6 * more));
    while (more-- > 0) writer_i8(w, (int8_t)(0x80 | (c >> 6 * more & 0x3f)));
}
