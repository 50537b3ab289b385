#include "broker/base/fmt.h"

#include "broker/base/utf8.h"

void
fmt_str(struct writer *w, const char *s)
{
    writer_bytes(w, slice_cstr(s));
}

void
fmt_slice(struct writer *w, struct slice s)
{
    writer_bytes(w, s);
}

void
fmt_char(struct writer *w, char c)
{
    writer_i8(w, (int8_t)c);
}

void
fmt_u64(struct writer *w, uint64_t v)
{
    uint8_t tmp[20];
    int n = 20;
    do tmp[--n] = (uint8_t)('0' + v % 10);
    while (v /= 10);
    writer_bytes(w, slice(tmp + n, 20 - n));
}

void
fmt_i64(struct writer *w, int64_t v)
{
    if (v < 0) fmt_char(w, '-');
    fmt_u64(w, v < 0 ? (uint64_t)0 - (uint64_t)v : (uint64_t)v);
}

void
fmt_padded(struct writer *w, int64_t v, int width)
{
    int digits = 1;
    for (int64_t x = v; x >= 10; x /= 10) digits++;
    for (; digits < width; width--) fmt_char(w, '0');
    fmt_i64(w, v);
}

void
fmt_hex64(struct writer *w, uint64_t v)
{
    for (int shift = 60; shift >= 0; shift -= 4) fmt_char(w, "0123456789abcdef"[v >> shift & 15]);
}

void
fmt_uuid(struct writer *w, struct uuid u)
{
    char text[UUID_TEXT_BYTES];
    uuid_print(u, text);
    writer_bytes(w, slice(text, UUID_TEXT_BYTES));
}

void
fmt_seconds(struct writer *w, int64_t ns)
{
    int64_t ms = (ns + (ns < 0 ? -500000 : 500000)) / 1000000;
    if (ms < 0) fmt_char(w, '-'), ms = -ms;
    fmt_i64(w, ms / 1000);
    fmt_char(w, '.');
    fmt_padded(w, ms % 1000, 3);
    fmt_char(w, 's');
}

static void
json_escape(struct writer *w, uint8_t c)
{
    const char *hex = "0123456789abcdef";
    switch (c) {
    case '"': fmt_str(w, "\\\""); return;
    case '\\': fmt_str(w, "\\\\"); return;
    case '\n': fmt_str(w, "\\n"); return;
    case '\r': fmt_str(w, "\\r"); return;
    case '\t': fmt_str(w, "\\t"); return;
    }
    fmt_str(w, "\\u00");
    fmt_char(w, hex[c >> 4]);
    fmt_char(w, hex[c & 15]);
}

void
fmt_json(struct writer *w, struct slice s)
{
    fmt_char(w, '"');
    for (int64_t i = 0; i < s.n;) {
        int n = utf8_next(s, i);
        if (n < 0 || (n == 1 && (s.p[i] < 0x20 || s.p[i] == '"' || s.p[i] == '\\'))) {
            json_escape(w, s.p[i++]);
            continue;
        }
        writer_bytes(w, slice(s.p + i, n));
        i += n;
    }
    fmt_char(w, '"');
}

void
fmt_base64(struct writer *w, struct slice s)
{
    const char *d = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int64_t i = 0; i < s.n; i += 3) {
        uint32_t v = (uint32_t)s.p[i] << 16;
        if (i + 1 < s.n) v |= (uint32_t)s.p[i + 1] << 8;
        if (i + 2 < s.n) v |= s.p[i + 2];
        fmt_char(w, d[v >> 18]);
        fmt_char(w, d[v >> 12 & 63]);
        fmt_char(w, i + 1 < s.n ? d[v >> 6 & 63] : '=');
        fmt_char(w, i + 2 < s.n ? d[v & 63] : '=');
    }
}
