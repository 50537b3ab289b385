#include "visualize/words.h"

#include "broker/base/check.h"

void
words_count(struct writer *w, int64_t n)
{
    char digits[24];
    int at = 0;
    if (n < 0) {
        fmt_char(w, '-');
        n = -n;
    }
    do digits[at++] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    while (at > 0) {
        fmt_char(w, digits[--at]);
        if (at && at % 3 == 0) fmt_char(w, ',');
    }
}

void
words_counted(struct writer *w, int64_t n, const char *noun)
{
    words_count(w, n);
    fmt_char(w, ' ');
    fmt_str(w, noun);
    if (n != 1) fmt_char(w, 's');
}

void
words_duration(struct writer *w, int64_t ns)
{
    int64_t ms = (ns + 500000) / 1000000;
    if (ms < 100) {
        fmt_i64(w, ms);
        fmt_str(w, " ms");
        return;
    }
    int64_t hundredths = (ms + 5) / 10;
    fmt_i64(w, hundredths / 100);
    fmt_char(w, '.');
    fmt_padded(w, hundredths % 100, 2);
    fmt_str(w, " s");
}

void
words_time(struct writer *w, int64_t ns)
{
    int64_t ms = (ns + (ns < 0 ? -500000 : 500000)) / 1000000;
    if (ms < 0) fmt_char(w, '-'), ms = -ms;
    fmt_i64(w, ms / 1000);
    fmt_char(w, '.');
    fmt_padded(w, ms % 1000, 3);
    fmt_str(w, " s");
}

void
words_set(struct writer *w, struct slice list)
{
    int64_t ids[64], n = 0;
    for (int64_t at = 0; at < list.n && n < ARRAY_LEN(ids);) {
        int64_t comma = slice_find(list, ',', at), id;
        if (comma < 0) comma = list.n;
        if (slice_to_i64(slice_sub(list, at, comma - at), &id)) {
            int64_t k = n++;
            for (; k > 0 && ids[k - 1] > id; k--) ids[k] = ids[k - 1];
            ids[k] = id;
        }
        at = comma + 1;
    }
    fmt_char(w, '{');
    for (int64_t i = 0; i < n; i++) {
        if (i) fmt_char(w, ',');
        fmt_i64(w, ids[i]);
    }
    fmt_char(w, '}');
}

void
words_range(struct writer *w, int64_t first, int64_t last)
{
    fmt_i64(w, first);
    if (last == first) return;
    fmt_str(w, " to ");
    fmt_i64(w, last);
}

struct sides
words_sides(struct slice text)
{
    int64_t at = slice_find(text, '>', 0);
    if (at < 0) return (struct sides){text, SLICE_EMPTY, false};
    bool both = at > 0 && text.p[at - 1] == '<';
    return (struct sides){slice_trim(slice_sub(text, 0, at - both)),
                          slice_trim(slice_sub(text, at + 1, text.n)), both};
}

/* The name that begins at or after *at, which then stands behind it; empty at the end. */
static struct slice
next_name(struct slice names, int64_t *at)
{
    while (*at < names.n && (names.p[*at] == ' ' || names.p[*at] == ',')) (*at)++;
    int64_t from = *at;
    while (*at < names.n && names.p[*at] != ' ' && names.p[*at] != ',') (*at)++;
    return slice_sub(names, from, *at - from);
}

int64_t
words_names_n(struct slice names)
{
    int64_t n = 0, at = 0;
    while (next_name(names, &at).n) n++;
    return n;
}

void
words_names(struct writer *w, struct slice names)
{
    int64_t all = words_names_n(names), at = 0;
    for (int64_t i = 0; i < all; i++) {
        if (i) fmt_str(w, i + 1 < all ? ", " : " and ");
        fmt_slice(w, next_name(names, &at));
    }
}
