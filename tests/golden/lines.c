#include "tests/golden/lines.h"

#include <stdio.h>
#include <stdlib.h>
#include <zstd.h>

static struct slice
unzstd(const void *p, size_t n)
{
    size_t cap = 64u << 20;
    char *out = malloc(cap);
    if (!out) return SLICE_NULL;
    size_t got = ZSTD_decompress(out, cap - 1, p, n);
    if (ZSTD_isError(got)) {
        free(out);
        return SLICE_NULL;
    }
    out[got] = '\0';
    return slice(out, (int64_t)got);
}

struct slice
golden_load(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f) return SLICE_NULL;
    size_t cap = 16u << 20;
    char *p = malloc(cap);
    size_t n = p ? fread(p, 1, cap - 1, f) : 0;
    fclose(f);
    if (n < 4 || memcmp(p, "\x28\xb5\x2f\xfd", 4) != 0) {
        if (p) p[n] = '\0';
        return slice(p, (int64_t)n);
    }
    struct slice out = unzstd(p, n);
    free(p);
    return out;
}

bool
golden_line(struct slice *rest, struct slice *ret)
{
    if (rest->n == 0) return false;
    int64_t end = slice_find(*rest, '\n', 0);
    if (end < 0) end = rest->n;
    *ret = slice(rest->p, end);
    int64_t used = end < rest->n ? end + 1 : end;
    *rest = slice(rest->p + used, rest->n - used);
    return true;
}

static void
unescape(struct slice s, struct writer *w)
{
    for (int64_t i = 0; i < s.n; i++) {
        uint8_t c = s.p[i];
        if (c == '\\' && i + 1 < s.n) {
            c = s.p[++i];
            if (c == 'n') c = '\n';
            if (c == 't') c = '\t';
            if (c == 'r') c = '\r';
            if (c == 'u' && i + 4 < s.n) {
                char hex[5] = {(char)s.p[i + 1], (char)s.p[i + 2], (char)s.p[i + 3],
                               (char)s.p[i + 4], 0};
                c = (uint8_t)strtol(hex, NULL, 16);
                i += 4;
            }
        }
        writer_i8(w, (int8_t)c);
    }
}

/* Where the value of a field begins, or -1. */
static int64_t
value_at(struct slice line, const char *name)
{
    int64_t n = (int64_t)strlen(name);
    for (int64_t i = 0; i + n + 3 < line.n; i++)
        if (line.p[i] == '"' && memcmp(line.p + i + 1, name, (size_t)n) == 0 &&
            line.p[i + 1 + n] == '"' && line.p[i + 2 + n] == ':')
            return i + n + 3;
    return -1;
}

struct slice
golden_field(struct slice line, const char *name, struct writer *room)
{
    int64_t at = value_at(line, name);
    if (at < 0) return SLICE_NULL;
    int64_t end = at;
    if (line.p[at] == '"') {
        for (end = ++at; end < line.n && line.p[end] != '"'; end++)
            if (line.p[end] == '\\') end++;
        int64_t start = room->n;
        unescape(slice(line.p + at, end - at), room);
        return slice(writer_slice(room).p + start, room->n - start);
    }
    while (end < line.n && line.p[end] != ',' && line.p[end] != '}') end++;
    return slice(line.p + at, end - at);
}

int64_t
golden_i64(struct slice line, const char *name, int64_t otherwise)
{
    int64_t at = value_at(line, name), end = at, v;
    if (at < 0) return otherwise;
    while (end < line.n && line.p[end] != ',' && line.p[end] != '}') end++;
    return slice_to_i64(slice(line.p + at, end - at), &v) ? v : otherwise;
}

static int
nibble(uint8_t c)
{
    return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

struct slice
golden_hex(struct slice line, const char *name, struct writer *room)
{
    int64_t at = value_at(line, name);
    if (at < 0 || line.p[at] != '"') return SLICE_NULL;
    int64_t start = room->n;
    (void)writer_room(room, 0);
    for (at++; at + 1 < line.n && line.p[at] != '"'; at += 2)
        writer_i8(room, (int8_t)(nibble(line.p[at]) << 4 | nibble(line.p[at + 1])));
    return slice(writer_slice(room).p + start, room->n - start);
}
