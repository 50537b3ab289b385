/* The syntax of Java's properties: NAME=VALUE, NAME: VALUE or NAME VALUE; comments begin with # or !; a
 * backslash escapes, and joins lines at their end. A line that is only a name is refused: as a setting
 * it is always a mistake. */
#include "broker/os/settings.h"

struct scan {
    struct slice text, file;
    int64_t at, line, line_start;
    struct writer *why;
    bool failed;
};

static int
peek(const struct scan *s)
{
    return s->at < s->text.n ? s->text.p[s->at] : -1;
}

static bool
is_end_of_line(int c)
{
    return c == '\n' || c == '\r' || c < 0;
}

static bool
is_blank(int c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

static void
skip_blanks(struct scan *s)
{
    while (is_blank(peek(s))) s->at++;
}

/* \n, \r or \r\n */
static void
next_line(struct scan *s)
{
    if (peek(s) == '\r') s->at++;
    if (peek(s) == '\n') s->at++;
    s->line++;
    s->line_start = s->at;
}

static void
fmt_place(struct scan *s, struct writer *w)
{
    fmt_slice(w, s->file);
    fmt_char(w, ':');
    fmt_i64(w, s->line);
    fmt_char(w, ':');
    fmt_i64(w, s->at - s->line_start + 1);
}

static void
fail(struct scan *s, const char *what)
{
    if (s->failed) return;
    s->failed = true;
    fmt_place(s, s->why);
    fmt_str(s->why, ": ");
    fmt_str(s->why, what);
}

static int
hex_digit(int c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void
fmt_utf8(struct writer *w, int32_t c)
{
    if (c < 0x80) {
        fmt_char(w, (char)c);
    } else if (c < 0x800) {
        fmt_char(w, (char)(0xc0 | c >> 6));
        fmt_char(w, (char)(0x80 | (c & 0x3f)));
    } else {
        fmt_char(w, (char)(0xe0 | c >> 12));
        fmt_char(w, (char)(0x80 | (c >> 6 & 0x3f)));
        fmt_char(w, (char)(0x80 | (c & 0x3f)));
    }
}

/* Behind \u: four digits. */
static void
scan_unicode(struct scan *s, struct writer *w)
{
    int32_t c = 0;
    for (int i = 0; i < 4; i++, s->at++) {
        int digit = hex_digit(peek(s));
        if (digit < 0) {
            fail(s, "expected four hexadecimal digits after \\u");
            return;
        }
        c = c * 16 + digit;
    }
    fmt_utf8(w, c);
}

/* Behind a backslash. */
static void
scan_escape(struct scan *s, struct writer *w)
{
    int c = peek(s);
    if (is_end_of_line(c)) {
        if (c >= 0) next_line(s);
        skip_blanks(s);
        return;
    }
    s->at++;
    switch (c) {
    case 'n': fmt_char(w, '\n'); break;
    case 't': fmt_char(w, '\t'); break;
    case 'r': fmt_char(w, '\r'); break;
    case 'f': fmt_char(w, '\f'); break;
    case 'u': scan_unicode(s, w); break;
    default: fmt_char(w, (char)c);
    }
}

static bool
ends_name(int c)
{
    return is_end_of_line(c) || is_blank(c) || c == '=' || c == ':';
}

static bool
ends_value(int c)
{
    return is_end_of_line(c);
}

static void
scan_text(struct scan *s, struct writer *w, bool (*ends)(int))
{
    for (int c; !s->failed && !ends(c = peek(s));) {
        if (c == 0) fail(s, "a NUL byte: this is not a text file");
        s->at++;
        if (c == '\\') scan_escape(s, w);
        else fmt_char(w, (char)c);
    }
}

static void
scan_setting(struct scan *s, struct os_settings *to)
{
    struct writer name = writer_mem(to->mem), value = writer_mem(to->mem);
    struct writer place = writer_mem(to->mem);
    fmt_place(s, &place);
    if (peek(s) == '=' || peek(s) == ':') fail(s, "expected a name before the value");
    scan_text(s, &name, ends_name);
    skip_blanks(s);
    if (is_end_of_line(peek(s))) fail(s, "expected \"=\" and a value after the name");
    if (peek(s) == '=' || peek(s) == ':') s->at++;
    skip_blanks(s);
    scan_text(s, &value, ends_value);
    if (!s->failed)
        os_settings_add(to, writer_slice(&name), slice_trim(writer_slice(&value)),
                        writer_slice(&place));
    writer_release(&place);
    writer_release(&value);
    writer_release(&name);
}

bool
os_properties_parse(struct os_settings *to, struct slice file, struct slice text,
                    struct writer *why)
{
    struct scan s = {.text = text, .file = file, .line = 1, .why = why};
    while (s.at < text.n && !s.failed) {
        skip_blanks(&s);
        int c = peek(&s);
        if (c == '#' || c == '!')
            while (!is_end_of_line(peek(&s))) s.at++;
        else if (!is_end_of_line(c)) scan_setting(&s, to);
        if (!s.failed && s.at < text.n) next_line(&s);
    }
    return !s.failed;
}
