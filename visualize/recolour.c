/* The colours of frames, as they are in the dark, and on paper, where epochs are numbers alone and what will be cut off has a thick border:
 * each is told where it is drawn as it is in the light. */
#include <string.h>

#include "broker/base/check.h"
#include "visualize/frame.h"

static const struct {
    const char *light, *dark, *print;
} colours[] = {
    {"#ffffff", "#15181c", "#ffffff"}, {"#111111", "#eeeeee", "#111111"},
    {"#444444", "#b0b0b0", "#444444"}, {"#555555", "#b0b0b0", "#555555"},
    {"#999999", "#777777", "#999999"}, {"#dddddd", "#3a3f45", "#dddddd"},
    {"#cccccc", "#3a3a3a", "#cccccc"}, {"#eeeeee", "#2a2e33", "#eeeeee"},
    {"#e3f2fb", "#1d3345", "#ffffff"}, {"#a9d8f2", "#000e59", "#ffffff"},
    {"#e0c678", "#4f3700", "#ffffff"}, {"#a8bb88", "#05473a", "#ffffff"},
    {"#ffa8b8", "#250029", "#ffffff"}, {"#e4fffd", "#6e0156", "#ffffff"},
    {"#fff978", "#4d2e7f", "#ffffff"}, {"#007a59", "#3fd6ab", "#111111"},
    {"#00664a", "#3fd6ab", "#111111"}, {"#c04a00", "#ff9a5c", "#111111"},
    {"#b34700", "#ff9a5c", "#111111"}, {"#0072b2", "#0072b2", "#111111"},
};

/* NULL: it is none of them, or stays as it is. */
static const char *
colour_in(struct slice colour, enum view_theme theme)
{
    for (int64_t i = 0; i < ARRAY_LEN(colours); i++)
        if (slice_eq_any_case(colour, slice_cstr(colours[i].light)))
            return theme == THEME_DARK ? colours[i].dark : colours[i].print;
    return NULL;
}

static void
put_rule(struct writer *w, const char *property, const char *from, const char *to)
{
    fmt_char(w, '[');
    fmt_str(w, property);
    fmt_str(w, "=\"");
    fmt_str(w, from);
    fmt_str(w, "\"]{");
    fmt_str(w, property);
    fmt_char(w, ':');
    fmt_str(w, to);
    fmt_char(w, '}');
}

void
frame_dark_style(struct writer *ret)
{
    fmt_str(ret, "<style>@media (prefers-color-scheme:dark){");
    for (int64_t i = 0; i < ARRAY_LEN(colours); i++) {
        if (strcmp(colours[i].light, colours[i].dark) == 0) continue;
        put_rule(ret, "fill", colours[i].light, colours[i].dark);
        put_rule(ret, "stroke", colours[i].light, colours[i].dark);
    }
    put_rule(ret, "fill", "white", "#15181c");
    fmt_str(ret, "}</style>\n");
}

void
frame_recolour(struct slice text, enum view_theme theme, struct writer *ret)
{
    bool is_dark = theme == THEME_DARK;
    static const struct slice white = {(const uint8_t *)"bgcolor=white", 13},
                              fill = {(const uint8_t *)"fill=\"white\"", 12};
    for (int64_t i = 0; i < text.n; i++) {
        struct slice rest = slice_sub(text, i, text.n);
        const char *other = colour_in(slice_sub(rest, 0, 7), theme);
        if (other) {
            fmt_str(ret, other);
            i += 6;
        } else if (is_dark && slice_starts(rest, white)) {
            fmt_str(ret, "bgcolor=\"#15181c\"");
            i += white.n - 1;
        } else if (is_dark && slice_starts(rest, fill)) {
            fmt_str(ret, "fill=\"#15181c\"");
            i += fill.n - 1;
        } else {
            fmt_char(ret, (char)text.p[i]);
        }
    }
}
