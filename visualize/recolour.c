/* The colours of frames, as they are in the dark: each is told where it is drawn as it is in the light. */
#include "visualize/frame.h"

static const char *const pairs[][2] = {
    {"#ffffff", "#15181c"}, {"#111111", "#eeeeee"}, {"#444444", "#b0b0b0"}, {"#555555", "#b0b0b0"},
    {"#999999", "#777777"}, {"#dddddd", "#3a3f45"}, {"#cccccc", "#3a3a3a"}, {"#eeeeee", "#2a2e33"},
    {"#e3f2fb", "#1d3345"}, {"#a9d8f2", "#000e59"}, {"#e0c678", "#4f3700"}, {"#a8bb88", "#05473a"},
    {"#ffa8b8", "#250029"}, {"#e4fffd", "#6e0156"}, {"#fff978", "#4d2e7f"}, {"#007a59", "#3fd6ab"},
    {"#00664a", "#3fd6ab"}, {"#c04a00", "#ff9a5c"}, {"#b34700", "#ff9a5c"},
};

static const char *
in_the_dark(struct slice colour)
{
    for (int64_t i = 0; i < (int64_t)(sizeof pairs / sizeof *pairs); i++)
        if (slice_eq_any_case(colour, slice_cstr(pairs[i][0]))) return pairs[i][1];
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
    for (int64_t i = 0; i < (int64_t)(sizeof pairs / sizeof *pairs); i++) {
        put_rule(ret, "fill", pairs[i][0], pairs[i][1]);
        put_rule(ret, "stroke", pairs[i][0], pairs[i][1]);
    }
    put_rule(ret, "fill", "white", "#15181c");
    fmt_str(ret, "}</style>\n");
}

void
frame_recolour(struct slice text, struct writer *ret)
{
    static const struct slice white = {(const uint8_t *)"bgcolor=white", 13},
                              fill = {(const uint8_t *)"fill=\"white\"", 12};
    for (int64_t i = 0; i < text.n; i++) {
        struct slice rest = slice_sub(text, i, text.n);
        const char *dark = in_the_dark(slice_sub(rest, 0, 7));
        if (dark) {
            fmt_str(ret, dark);
            i += 6;
        } else if (slice_starts(rest, white)) {
            fmt_str(ret, "bgcolor=\"#15181c\"");
            i += white.n - 1;
        } else if (slice_starts(rest, fill)) {
            fmt_str(ret, "fill=\"#15181c\"");
            i += fill.n - 1;
        } else {
            fmt_char(ret, (char)text.p[i]);
        }
    }
}
