#include "sim/history/words.h"

#include "broker/base/fmt.h"

/* ---- lines and words ----------------------------------------------------------------------------- */

bool
text_next_line(struct slice text, int64_t *at, int64_t number, struct text_line *ret)
{
    if (*at >= text.n) return false;
    int64_t end = slice_find(text, '\n', *at);
    if (end < 0) end = text.n;
    *ret = (struct text_line){.text = slice_sub(text, *at, end - *at), .error = {.line = number}};
    if (ret->text.n && ret->text.p[ret->text.n - 1] == '\r') ret->text.n--;
    *at = end + 1;
    return true;
}

bool
text_line_is_empty(const struct text_line *l)
{
    struct slice s = slice_trim(l->text);
    return s.n == 0 || s.p[0] == '#';
}

static bool
is_gap(uint8_t c)
{
    return c == ' ' || c == '\t';
}

struct slice
line_word(struct text_line *l)
{
    int64_t to;
    while (l->at < l->text.n && is_gap(l->text.p[l->at])) l->at++;
    for (to = l->at; to < l->text.n && !is_gap(l->text.p[to]);) to++;
    l->word = slice_sub(l->text, l->at, to - l->at);
    l->at = to;
    return l->word;
}

struct slice
line_rest(struct text_line *l)
{
    struct slice rest = slice_trim(slice_sub(l->text, l->at, l->text.n - l->at));
    l->at = l->text.n;
    return rest;
}

/* ---- what is wrong --------------------------------------------------------------------------------- */

bool
line_fail(struct text_line *l, const char *what)
{
    return line_fail_of(l, what, NULL, 0);
}

bool
line_fail_of(struct text_line *l, const char *what, const char *const *words, int n)
{
    struct history_error *e = &l->error;
    struct writer w = writer_fixed(e->what, sizeof e->what - 1);
    if (e->column) return false;
    e->column = l->at - l->word.n + 1;
    e->width = l->word.n ? l->word.n : 1;
    fmt_str(&w, what);
    for (int i = 0; i < n; i++) fmt_str(&w, i ? ", " : ": "), fmt_str(&w, words[i]);
    e->what[w.n] = 0;
    return false;
}

/* ---- numbers, times, places -------------------------------------------------------------------------- */

bool
line_number(struct text_line *l, struct slice s, int64_t min, int64_t max, int64_t *ret)
{
    char what[120];
    struct writer w = writer_fixed(what, sizeof what - 1);
    if (slice_to_i64(s, ret) && *ret >= min && *ret <= max) return true;
    fmt_str(&w, "a number from "), fmt_i64(&w, min), fmt_str(&w, " to "), fmt_i64(&w, max);
    fmt_str(&w, " is wanted");
    what[w.n] = 0;
    return line_fail(l, what);
}

static bool
read_time(struct slice s, int64_t *ret)
{
    int64_t whole, part = 0, dot = slice_find(s, '.', 0);
    if (!slice_to_i64(slice_sub(s, 0, dot < 0 ? s.n : dot), &whole)) return false;
    if (whole < 0 || whole > 1000000000) return false;
    int64_t digits = dot < 0 ? 0 : s.n - dot - 1;
    if (digits > 9 || (dot >= 0 && digits == 0)) return false;
    if (digits && (!slice_to_i64(slice_sub(s, dot + 1, digits), &part) || part < 0)) return false;
    for (; digits < 9; digits++) part *= 10;
    *ret = whole * 1000000000 + part;
    return true;
}

bool
line_time(struct text_line *l, struct slice s, int64_t *ret)
{
    return read_time(s, ret) ||
           line_fail(l, "a time in seconds is wanted, from 0 to 1000000000, like 12.5 (count from "
                        "when you began)");
}

bool
line_where(struct text_line *l, struct slice s, struct slice *ret_topic, int32_t *ret_partition)
{
    int64_t dash = s.n - 1, n;
    while (dash >= 0 && s.p[dash] != '-') dash--;
    if (dash < 0) return line_fail(l, "a topic and its partition are wanted, like orders-0");
    *ret_topic = slice_sub(s, 0, dash);
    *ret_partition = -1;
    if (dash == s.n - 1) return true;
    if (dash == 0) return line_fail(l, "the topic's name is missing: orders-0 is one of orders");
    if (!line_number(l, slice_sub(s, dash + 1, s.n - dash - 1), 0, HISTORY_PARTITIONS_MAX - 1, &n))
        return false;
    *ret_partition = (int32_t)n;
    return true;
}

void
fmt_history_time(struct writer *w, int64_t ns)
{
    fmt_i64(w, ns / 1000000000), fmt_char(w, '.'), fmt_padded(w, ns % 1000000000, 9);
}
