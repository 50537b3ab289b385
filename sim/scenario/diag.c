#include "sim/scenario/diag.h"

#include <stdarg.h>
#include <stdio.h>

#include "broker/base/check.h"
#include "broker/base/fmt.h"

#define ERRORS_MAX 20
#define WORD_MAX 64
#define LINE_MAX_SHOWN 160 /* characters, … */
#define CARET_MAX 100      /* … and of these before the caret */

void
diags_init(struct diags *d, struct arena *arena)
{
    *d = (struct diags){.arena = arena};
}

__attribute__((format(printf, 2, 0))) static struct slice
format_v(struct arena *a, const char *format, va_list ap)
{
    char text[1024];
    int n = vsnprintf(text, sizeof text, format, ap);
    if (n < 0) n = 0;
    return arena_dup(a, slice(text, MIN(n, (int)sizeof text - 1)));
}

struct slice
arena_format(struct arena *a, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    struct slice s = format_v(a, format, ap);
    va_end(ap);
    return s;
}

static void
diags_add(struct diags *d, enum severity severity, struct mark at, const char *help,
          struct slice message)
{
    struct diag *g = VEC_ADD(d->arena->mem, &d->v);
    g->severity = severity;
    g->mark = at;
    g->message = message;
    g->help = help ? arena_dup(d->arena, slice_cstr(help)) : SLICE_NULL;
    if (severity == DIAG_ERROR) d->errors++;
    else d->warnings++;
}

void
diag_error(struct diags *d, struct mark at, const char *help, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    struct slice message = format_v(d->arena, format, ap);
    va_end(ap);
    diags_add(d, DIAG_ERROR, at, help, message);
}

void
diag_warn(struct diags *d, struct mark at, const char *help, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    struct slice message = format_v(d->arena, format, ap);
    va_end(ap);
    diags_add(d, DIAG_WARNING, at, help, message);
}

/* ---- printing ---- */

static struct slice
line_of(const struct source *s, int32_t line)
{
    int64_t at = slice_starts(s->text, S("\xef\xbb\xbf")) ? 3 : 0;
    for (int32_t i = 1; i < line; i++) {
        int64_t end = slice_find(s->text, '\n', at);
        if (end < 0) return SLICE_EMPTY;
        at = end + 1;
    }
    int64_t end = slice_find(s->text, '\n', at);
    struct slice l = slice_sub(s->text, at, end < 0 ? s->text.n : end - at);
    return slice_ends(l, S("\r")) ? slice_sub(l, 0, l.n - 1) : l;
}

/* Other bytes than printable ones become '?', tabs a blank, so that the caret stands where it should. */
static void
print_line(struct slice line, struct writer *w)
{
    for (int64_t i = 0; i < line.n; i++) {
        uint8_t c = line.p[i];
        fmt_char(w, c == '\t' ? ' ' : c < 32 || c == 127 ? '?' : (char)c);
    }
}

static void
print_place(const struct diag *g, struct writer *w)
{
    fmt_slice(w, g->mark.source->path);
    if (g->mark.line > 0) {
        fmt_char(w, ':');
        fmt_i64(w, g->mark.line);
        fmt_char(w, ':');
        fmt_i64(w, g->mark.column);
    }
    fmt_str(w, g->severity == DIAG_ERROR ? ": error: " : ": warning: ");
    print_line(g->message, w);
    fmt_char(w, '\n');
}

/* Where the column's character begins. */
static int64_t
byte_of(struct slice line, int64_t column)
{
    int64_t at = 0;
    while (column > 1 && at < line.n) {
        for (at++; at < line.n && (line.p[at] & 0xc0) == 0x80;) at++;
        column--;
    }
    return at;
}

/* Of a long line the part around the caret is shown, whose column then is counted from there. */
struct shown {
    struct slice line;
    int64_t column;
    bool has_before, has_behind;
};

static struct shown
shown_of(const struct diag *g, struct slice line)
{
    int64_t from = MAX(1, (int64_t)g->mark.column - CARET_MAX);
    int64_t begin = byte_of(line, from), end = byte_of(line, from + LINE_MAX_SHOWN);
    return (struct shown){slice_sub(line, begin, end - begin), g->mark.column - from + 1, begin > 0,
                          end < line.n};
}

static void
print_caret(const struct diag *g, const struct shown *s, struct writer *w)
{
    int64_t characters = 0, column = s->column + s->has_before;
    for (int64_t i = 0; i < s->line.n; i++) characters += (s->line.p[i] & 0xc0) != 0x80;
    fmt_str(w, "      | ");
    for (int64_t i = 1; i < MIN(column, characters + 1 + s->has_before); i++) fmt_char(w, ' ');
    fmt_char(w, '^');
    int64_t width = MIN((int64_t)g->mark.width, characters - s->column + 1);
    for (int64_t i = 1; i < width; i++) fmt_char(w, '~');
    if (g->help.p) {
        fmt_char(w, ' ');
        print_line(g->help, w);
    }
    fmt_char(w, '\n');
}

static void
print_one(const struct diag *g, struct writer *w)
{
    print_place(g, w);
    if (g->mark.line <= 0) return;
    struct shown s = shown_of(g, line_of(g->mark.source, g->mark.line));
    char number[16];
    snprintf(number, sizeof number, "%5d | ", g->mark.line);
    fmt_str(w, number);
    if (s.has_before) fmt_str(w, "…");
    print_line(s.line, w);
    if (s.has_behind) fmt_str(w, "…");
    fmt_char(w, '\n');
    print_caret(g, &s, w);
}

static int
diag_compare(const struct diag *a, const struct diag *b)
{
    if (a->mark.source != b->mark.source)
        return slice_cmp(a->mark.source->path, b->mark.source->path);
    if (a->mark.line != b->mark.line) return a->mark.line < b->mark.line ? -1 : 1;
    if (a->mark.column != b->mark.column) return a->mark.column < b->mark.column ? -1 : 1;
    return 0;
}

/* Few: insertion keeps the order of equals. */
static void
diags_sort(struct diag *v, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        struct diag x = v[i];
        int64_t j = i;
        for (; j > 0 && diag_compare(&v[j - 1], &x) > 0; j--) v[j] = v[j - 1];
        v[j] = x;
    }
}

void
diags_print(const struct diags *d, struct writer *w)
{
    diags_sort(d->v.v, d->v.n);
    int64_t errors = 0;
    for (int64_t i = 0; i < d->v.n; i++) {
        const struct diag *g = &d->v.v[i];
        if (g->severity == DIAG_ERROR && errors++ >= ERRORS_MAX) continue;
        print_one(g, w);
    }
    if (errors <= ERRORS_MAX) return;
    fmt_str(w, "… and ");
    fmt_i64(w, errors - ERRORS_MAX);
    fmt_str(w, " more errors\n");
}

/* ---- what was meant ---- */

void
words_add(struct words *w, struct slice word)
{
    VEC_PUSH(w->arena->mem, &w->v, word);
}

/* Levenshtein's distance, a swap of neighbours counting as one. */
static int32_t
distance(struct slice a, struct slice b)
{
    int32_t rows[3][WORD_MAX + 1];
    if (a.n > WORD_MAX || b.n > WORD_MAX) return WORD_MAX;
    int32_t *two = rows[0], *one = rows[1], *now = rows[2];
    for (int64_t j = 0; j <= b.n; j++) one[j] = (int32_t)j, two[j] = 0;
    for (int64_t i = 1; i <= a.n; i++) {
        now[0] = (int32_t)i;
        for (int64_t j = 1; j <= b.n; j++) {
            int32_t same = a.p[i - 1] == b.p[j - 1] ? 0 : 1;
            int32_t best = MIN(one[j] + 1, MIN(now[j - 1] + 1, one[j - 1] + same));
            bool swapped = i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1];
            now[j] = swapped ? MIN(best, two[j - 2] + 1) : best;
        }
        int32_t *spare = two;
        two = one, one = now, now = spare;
    }
    return one[b.n];
}

const char *
words_advice(const struct words *w, struct slice wrong)
{
    int64_t best = -1;
    int32_t best_d = (int32_t)MIN(wrong.n / 2, 3) + 1;
    for (int64_t i = 0; i < w->v.n; i++) {
        int32_t d = distance(wrong, w->v.v[i]);
        if (d < best_d) best = i, best_d = d;
    }
    if (best >= 0)
        return (const char *)arena_format(w->arena, "did you mean %.*s?", SARG(w->v.v[best])).p;
    if (!w->v.n) return NULL;
    struct writer text = writer_mem(w->arena->mem);
    fmt_str(&text, "one of ");
    for (int64_t i = 0; i < w->v.n && i < 24; i++) {
        if (i) fmt_str(&text, ", ");
        fmt_slice(&text, w->v.v[i]);
    }
    if (w->v.n > 24) fmt_str(&text, ", …");
    const char *s = (const char *)arena_dup(w->arena, writer_slice(&text)).p;
    writer_release(&text);
    return s;
}
