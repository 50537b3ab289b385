#include "sim/play/line.h"

#include <string.h>

#include "broker/base/fmt.h"

#define PROMPT "> "
#define ESC 27
#define CTRL(c) ((c)&31)

void
line_init(struct line_editor *e, struct mem *mem, const struct line_ops *ops, void *ctx)
{
    *e = (struct line_editor){.mem = mem, .ops = ops, .ctx = ctx, .out = writer_mem(mem)};
}

void
line_release(struct line_editor *e)
{
    for (int64_t i = 0; i < e->kept.n; i++) mem_free_slice(e->mem, e->kept.v[i]);
    VEC_RELEASE(e->mem, &e->kept);
    writer_release(&e->out);
}

/* ---- on the terminal ---- */

void
line_hide(struct line_editor *e)
{
    fmt_str(&e->out, "\r\033[K");
}

/* Bytes that go on a character take no room of their own. */
static int64_t
columns(const char *text, int64_t n)
{
    int64_t all = 0;
    for (int64_t i = 0; i < n; i++) all += ((uint8_t)text[i] & 0xc0) != 0x80;
    return all;
}

void
line_show(struct line_editor *e)
{
    int64_t behind = columns(e->text + e->at, e->n - e->at);
    line_hide(e);
    fmt_str(&e->out, PROMPT);
    writer_bytes(&e->out, slice(e->text, e->n));
    if (behind) fmt_str(&e->out, "\033["), fmt_i64(&e->out, behind), fmt_char(&e->out, 'D');
}

/* ---- in the line ---- */

static void
insert(struct line_editor *e, const void *bytes, int64_t n)
{
    if (e->n + n > LINE_MAX_BYTES) return;
    memmove(e->text + e->at + n, e->text + e->at, (size_t)(e->n - e->at));
    memcpy(e->text + e->at, bytes, (size_t)n);
    e->n += n;
    e->at += n;
}

/* The line without what lies between these. */
static void
cut(struct line_editor *e, int64_t from, int64_t to)
{
    memmove(e->text + from, e->text + to, (size_t)(e->n - to));
    e->n -= to - from;
    e->at = from;
}

static int64_t
one_back(const struct line_editor *e)
{
    int64_t at = e->at;
    while (at > 0 && ((uint8_t)e->text[--at] & 0xc0) == 0x80) continue;
    return at;
}

static int64_t
one_on(const struct line_editor *e)
{
    int64_t at = e->at;
    if (at < e->n) at++;
    while (at < e->n && ((uint8_t)e->text[at] & 0xc0) == 0x80) at++;
    return at;
}

static int64_t
word_back(const struct line_editor *e)
{
    int64_t at = e->at;
    while (at > 0 && e->text[at - 1] == ' ') at--;
    while (at > 0 && e->text[at - 1] != ' ') at--;
    return at;
}

/* ---- what was typed before ---- */

static void
keep(struct line_editor *e)
{
    struct slice line = slice(e->text, e->n);
    bool is_last = e->kept.n && slice_eq(e->kept.v[e->kept.n - 1], line);
    if (!is_last && slice_trim(line).n) {
        if (e->kept.n == LINES_KEPT) {
            mem_free_slice(e->mem, e->kept.v[0]);
            VEC_REMOVE_AT(&e->kept, 0);
        }
        VEC_PUSH(e->mem, &e->kept, mem_dup(e->mem, line));
    }
    e->shown = e->kept.n;
}

static void
show_kept(struct line_editor *e, int64_t i)
{
    if (i < 0 || i > e->kept.n) return;
    struct slice line = i < e->kept.n ? e->kept.v[i] : SLICE_EMPTY;
    e->shown = i;
    if (line.n) memcpy(e->text, line.p, (size_t)line.n);
    e->n = e->at = line.n;
}

/* ---- Tab ---- */

struct going_on {
    struct line_editor *e;
    char common[128];
    int64_t common_n, words;
    bool shows;
};

static void
see_word(void *of, struct slice word)
{
    struct going_on *g = of;
    int64_t n = MIN(word.n, (int64_t)sizeof g->common);
    if (g->words++ == 0) {
        memcpy(g->common, word.p, (size_t)n);
        g->common_n = n;
    }
    int64_t same = 0;
    while (same < MIN(n, g->common_n) && (uint8_t)g->common[same] == word.p[same]) same++;
    g->common_n = same;
    if (g->shows) fmt_str(&g->e->out, "  "), fmt_slice(&g->e->out, word);
}

static void
go_on(struct line_editor *e)
{
    struct going_on g = {.e = e};
    struct slice before = slice(e->text, e->at);
    int64_t there = e->ops->goes_on(e->ctx, before, see_word, &g);
    if (g.words == 1) {
        bool is_first = before.n == there, is_key = g.common[g.common_n - 1] == ':';
        insert(e, g.common + there, g.common_n - there);
        if (is_first || is_key) insert(e, " ", 1);
    } else if (g.words > 1 && g.common_n > there) {
        insert(e, g.common + there, g.common_n - there);
    } else if (g.words > 1 && e->is_asked_again) {
        g.shows = true;
        line_hide(e);
        (void)e->ops->goes_on(e->ctx, before, see_word, &g);
        fmt_char(&e->out, '\n');
    } else if (g.words > 1) {
        e->is_asked_again = true;
        return;
    }
    e->is_asked_again = false;
}

/* ---- keys ---- */

static void
enter(struct line_editor *e)
{
    e->at = e->n;
    line_show(e);
    fmt_char(&e->out, '\n');
    keep(e);
    struct slice line = slice(e->text, e->n);
    e->n = e->at = 0;
    e->ops->typed(e->ctx, line);
}

/* "\033[D" and its like, in whole. */
static void
take_escape(struct line_editor *e)
{
    uint8_t last = e->escape[e->escape_n - 1];
    switch (last) {
    case 'A': show_kept(e, e->shown - 1); break;
    case 'B': show_kept(e, e->shown + 1); break;
    case 'C': e->at = one_on(e); break;
    case 'D': e->at = one_back(e); break;
    case 'H': e->at = 0; break;
    case 'F': e->at = e->n; break;
    case '~':
        if (e->escape_n != 4) break; /* another key */
        if (e->escape[2] == '3') cut(e, e->at, one_on(e));
        if (e->escape[2] == '1') e->at = 0;
        if (e->escape[2] == '4') e->at = e->n;
        break;
    default: break;
    }
}

static void
take_key(struct line_editor *e, uint8_t c)
{
    switch (c) {
    case '\r':
    case '\n': enter(e); break;
    case 127:
    case CTRL('H'): cut(e, one_back(e), e->at); break;
    case CTRL('A'): e->at = 0; break;
    case CTRL('E'): e->at = e->n; break;
    case CTRL('B'): e->at = one_back(e); break;
    case CTRL('F'): e->at = one_on(e); break;
    case CTRL('P'): show_kept(e, e->shown - 1); break;
    case CTRL('N'): show_kept(e, e->shown + 1); break;
    case CTRL('U'): cut(e, 0, e->at); break;
    case CTRL('W'): cut(e, word_back(e), e->at); break;
    case CTRL('K'): e->n = e->at; break;
    case CTRL('D'):
        if (e->n) cut(e, e->at, one_on(e));
        else e->ops->ended(e->ctx);
        break;
    default:
        if (c >= ' ') insert(e, &c, 1);
        break;
    }
}

static void
take_byte(struct line_editor *e, uint8_t c)
{
    if (c == '\t') {
        go_on(e);
        return;
    }
    e->is_asked_again = false;
    if (c == ESC || e->escape_n) {
        if (c == ESC) e->escape_n = 0;
        if (e->escape_n == (int32_t)sizeof e->escape)
            e->escape_n--; /* of a long one only the end counts */
        e->escape[e->escape_n++] = c;
        bool begins = e->escape_n == 1 || (e->escape_n == 2 && (c == '[' || c == 'O'));
        if (begins || (e->escape_n > 2 && (c < '@' || c > '~'))) return;
        if (e->escape_n > 2) take_escape(e);
        e->escape_n = 0;
        return;
    }
    take_key(e, c);
}

void
line_take(struct line_editor *e, struct slice bytes)
{
    for (int64_t i = 0; i < bytes.n; i++) take_byte(e, bytes.p[i]);
    line_show(e);
}
