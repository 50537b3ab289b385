#include "broker/protocol/properties.h"

#include "broker/base/fmt.h"
#include "broker/base/utf8.h"

/* Reads characters of one logical line at a time; positions are those of the file. */
struct scanner {
    struct slice text;
    int64_t at;
    int32_t line, column;
    struct arena *arena;
    struct writer buffer; /* of one key or value: two bytes for a Latin-1 letter at most */
    struct writer *why;
    bool failed;
};

static int
peek_char(const struct scanner *s)
{
    return s->at < s->text.n ? s->text.p[s->at] : -1;
}

static bool
is_end_of_line(int c)
{
    return c < 0 || c == '\n' || c == '\r';
}

static bool
is_blank(int c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

/* CR, LF and CR LF each end one line. */
static void
next_char(struct scanner *s)
{
    int c = peek_char(s);
    s->at++;
    s->column++;
    if (c == '\r' && peek_char(s) == '\n') s->at++;
    if (c == '\n' || c == '\r') s->line++, s->column = 1;
}

static void
skip_blank_chars(struct scanner *s)
{
    while (is_blank(peek_char(s))) next_char(s);
}

static void
skip_line(struct scanner *s)
{
    while (!is_end_of_line(peek_char(s))) next_char(s);
    if (peek_char(s) >= 0) next_char(s);
}

static void
properties_fail(struct scanner *s, const char *what)
{
    if (s->failed) return;
    s->failed = true;
    fmt_i64(s->why, s->line);
    fmt_char(s->why, ':');
    fmt_i64(s->why, s->column);
    fmt_str(s->why, ": ");
    fmt_str(s->why, what);
}

/* A backslash at the end of a line: the logical line goes on behind the next one's blanks. */
static void
join_lines(struct scanner *s)
{
    while (peek_char(s) == '\\' && s->at + 1 < s->text.n && is_end_of_line(s->text.p[s->at + 1])) {
        next_char(s);
        next_char(s);
        skip_blank_chars(s);
    }
}

static int
hex_digit(int c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* Four digits behind "\u"; -1 on an error. */
static int32_t
read_unit(struct scanner *s)
{
    int32_t v = 0;
    for (int i = 0; i < 4; i++, next_char(s)) {
        int d = hex_digit(peek_char(s));
        if (d < 0) {
            properties_fail(s, "expected four hexadecimal digits after \\u");
            return -1;
        }
        v = v << 4 | d;
    }
    return v;
}

/* A character beyond the first plane is written as two units, as Java does. */
static void
read_unicode(struct scanner *s, struct writer *w)
{
    int32_t c = read_unit(s);
    bool pair = c >= 0xd800 && c < 0xdc00 && peek_char(s) == '\\' && s->at + 1 < s->text.n &&
                s->text.p[s->at + 1] == 'u';
    if (pair) {
        next_char(s);
        next_char(s);
        int32_t low = read_unit(s);
        if (low >= 0xdc00 && low < 0xe000) c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        else if (low >= 0) properties_fail(s, "half a surrogate pair");
    }
    if (c >= 0xd800 && c < 0xe000) properties_fail(s, "half a surrogate pair");
    if (!s->failed) writer_code_point(w, c);
}

static void
read_escape(struct scanner *s, struct writer *w)
{
    static const char from[] = "tnrf", to[] = "\t\n\r\f";
    next_char(s);
    int c = peek_char(s);
    if (c < 0) return; /* a backslash ends the file */
    next_char(s);
    if (c == 'u') {
        read_unicode(s, w);
        return;
    }
    for (int i = 0; i < 4; i++)
        if (c == from[i]) c = to[i];
    writer_code_point(w, c);
}

/* Each byte is a letter of Latin-1. Up to the end of the logical line, or for a key up to what separates it from the value. */
static struct slice
read_text(struct scanner *s, bool is_key)
{
    struct writer *w = &s->buffer;
    w->n = 0;
    for (;;) {
        join_lines(s);
        int c = peek_char(s);
        if (is_end_of_line(c) || s->failed) break;
        if (is_key && (is_blank(c) || c == '=' || c == ':')) break;
        if (c == 0) properties_fail(s, "a NUL byte: this is not a text file");
        if (c == '\\') read_escape(s, w);
        else writer_code_point(w, c), next_char(s);
    }
    return arena_dup(s->arena, writer_slice(w));
}

/* Whether it is more than blanks. */
static bool
skip_separator(struct scanner *s)
{
    join_lines(s);
    skip_blank_chars(s);
    join_lines(s);
    bool is_sign = peek_char(s) == '=' || peek_char(s) == ':';
    if (is_sign) next_char(s);
    join_lines(s);
    skip_blank_chars(s);
    join_lines(s);
    return is_sign;
}

static int32_t
count_lines(struct slice text)
{
    int32_t n = 1;
    for (int64_t i = 0; i < text.n; i++) n += text.p[i] == '\n' || text.p[i] == '\r';
    return n;
}

bool
properties_parse(struct slice text, struct arena *a, struct properties *ret, struct writer *why)
{
    struct scanner s = {.text = text, .line = 1, .column = 1, .arena = a, .why = why};
    struct properties p = {.v = ARENA_ARRAY(a, struct property, count_lines(text))};
    s.buffer = writer_fixed(arena_alloc(a, 2 * text.n + 1), 2 * text.n + 1);
    if (!p.v || !s.buffer.p) properties_fail(&s, "too much text");
    while (!s.failed && peek_char(&s) >= 0) {
        skip_blank_chars(&s);
        int c = peek_char(&s);
        if (c == '#' || c == '!' || is_end_of_line(c)) {
            skip_line(&s);
            continue;
        }
        struct property *q = &p.v[p.n++];
        q->line = s.line, q->column = s.column;
        q->key = read_text(&s, true);
        bool has_sign = skip_separator(&s);
        q->value_line = s.line, q->value_column = s.column;
        q->value = read_text(&s, false);
        q->is_bare = !has_sign && q->value.n == 0;
        if (peek_char(&s) >= 0 && !s.failed) next_char(&s);
    }
    if (!s.failed) *ret = p;
    return !s.failed;
}

struct slice
properties_get(const struct properties *p, struct slice key)
{
    for (int32_t i = p->n - 1; i >= 0; i--)
        if (slice_eq(p->v[i].key, key)) return p->v[i].value;
    return SLICE_NULL;
}
