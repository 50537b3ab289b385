/* Colours as people see them who lack one kind of cones: what stands beside each other and means different things stays
 * apart, and text stays readable, light and dark. (Nothing is told by colour alone; this is about not having to look
 * twice.) The simulation: Viénot, Brettel and Mollon 1999 for red and green, Brettel 1997 in one plane for blue. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/test.h"
#include "visualize/frame.h"
#include "visualize/page.h"
#include "visualize/timeline.h"

struct rgb {
    double r, g, b; /* linear, 0 to 1 */
};

static double
linear(double v)
{
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

enum sight { ALL_CONES, NO_RED, NO_GREEN, NO_BLUE, SIGHTS_N };
static const char *const sights[] = {"all cones", "protanopia", "deuteranopia", "tritanopia"};

static struct rgb
seen(struct rgb c, enum sight s)
{
    static const double m[SIGHTS_N][9] = {
        {1, 0, 0, 0, 1, 0, 0, 0, 1},
        {0.11238, 0.88762, 0, 0.11238, 0.88762, 0, 0.00401, -0.00401, 1},
        {0.29275, 0.70725, 0, 0.29275, 0.70725, 0, -0.02234, 0.02234, 1},
        {1.01277, 0.13548, -0.14826, -0.01243, 0.86812, 0.14431, 0.07589, 0.80500, 0.11911}};
    const double *k = m[s];
    struct rgb o = {k[0] * c.r + k[1] * c.g + k[2] * c.b, k[3] * c.r + k[4] * c.g + k[5] * c.b,
                    k[6] * c.r + k[7] * c.g + k[8] * c.b};
    return (struct rgb){fmin(fmax(o.r, 0), 1), fmin(fmax(o.g, 0), 1), fmin(fmax(o.b, 0), 1)};
}

static double
luminance(struct rgb c)
{
    return 0.2126 * c.r + 0.7152 * c.g + 0.0722 * c.b;
}

static double
contrast(struct rgb a, struct rgb b)
{
    double x = luminance(a), y = luminance(b);
    return (fmax(x, y) + 0.05) / (fmin(x, y) + 0.05);
}

static double
cube(double t)
{
    return t > 0.008856 ? cbrt(t) : 7.787 * t + 16.0 / 116;
}

/* CIE 1976: 2.3 is just noticed, 10 at a glance. */
static double
distance(struct rgb a, struct rgb b)
{
    double lab[2][3];
    struct rgb both[] = {a, b};
    for (int i = 0; i < 2; i++) {
        struct rgb c = both[i];
        double x = cube((0.4124 * c.r + 0.3576 * c.g + 0.1805 * c.b) / 0.9505);
        double y = cube(luminance(c));
        double z = cube((0.0193 * c.r + 0.1192 * c.g + 0.9505 * c.b) / 1.089);
        lab[i][0] = 116 * y - 16, lab[i][1] = 500 * (x - y), lab[i][2] = 200 * (y - z);
    }
    return sqrt(pow(lab[0][0] - lab[1][0], 2) + pow(lab[0][1] - lab[1][1], 2) +
                pow(lab[0][2] - lab[1][2], 2));
}

/* ---- the style of a picture ---- */

static int
digit(char c)
{
    return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

/* "#0072b2" or "#eee" */
static struct rgb
hex_colour(const char *at)
{
    double v[3];
    bool is_short = !isxdigit((unsigned char)at[3]);
    for (int i = 0; i < 3; i++)
        v[i] = is_short ? digit(at[i]) * 17 : digit(at[2 * i]) * 16 + digit(at[2 * i + 1]);
    return (struct rgb){linear(v[0] / 255), linear(v[1] / 255), linear(v[2] / 255)};
}

/* The colour of ".leader{fill:#0072b2", the last that is said: the dark theme's rules come later. */
static struct rgb
colour(const char *css, const char *class, const char *property)
{
    char name[40];
    const char *found = NULL;
    (void)snprintf(name, sizeof name, ".%s", class);
    for (const char *p = css; (p = strstr(p, name)); p++) {
        char after = p[strlen(name)];
        const char *open = strchr(p, '{'), *close = strchr(p, '}');
        const char *rule = open ? strstr(open, property) : NULL;
        if ((after == '{' || after == ',') && rule && rule < close)
            found = rule + strlen(property) + 1;
    }
    if (!found || *found != '#') fail_msg("%s has no %s", class, property);
    return hex_colour(found + 1);
}

static char *
style_of(struct mem *mem, enum view_theme theme)
{
    struct writer w = writer_mem(mem);
    svg_begin(&w, 10, 10, S("t"), S("d"), theme);
    char *css = malloc((size_t)w.n + 1);
    memcpy(css, w.p, (size_t)w.n);
    css[w.n] = '\0';
    writer_release(&w);
    return css;
}

/* ---- the style of a page ---- */

/* "--leader" of a theme's block; ".e0" is a rule of both. */
static struct rgb
page_colour(const char *name, bool dark)
{
    char wanted[40];
    const char *css = (const char *)page_style, *block = css;
    bool is_rule = name[0] == '.', is_plain = name[0] == '#';
    if (is_plain) return hex_colour(name + 1);
    (void)snprintf(wanted, sizeof wanted, is_rule ? "\n%s { background: #" : "--%s: #", name);
    if (dark && !is_rule) block = strstr(css, ":root[data-theme=dark] {");
    const char *found = block ? strstr(block, wanted) : NULL;
    if (!found) fail_msg("the page has no %s", name);
    return hex_colour(found + strlen(wanted));
}

/* Of a record of this epoch, as frames draw it. */
static struct rgb
tint(int epoch, bool dark)
{
    char room[16];
    struct writer w = writer_fixed(room, sizeof room);
    if (!dark) return hex_colour(epoch_colour(epoch) + 1);
    frame_recolour(slice_cstr(epoch_colour(epoch)), THEME_DARK, &w);
    return hex_colour(room + 1);
}

/* ---- what is to be told apart ---- */

/* Bands and bars that stand beside each other. */
static const char *const neighbours[][2] = {
    {"leader", "follower"},   {"leader", "down"},       {"leader", "paused"},
    {"leader", "idle"},       {"follower", "down"},     {"follower", "paused"},
    {"down", "paused"},       {"control", "idle"},      {"control", "control-2"},
    {"uncommitted", "paper"}, {"settled", "control-2"}, {"open", "control-2"},
    {"open", "settled"},      {"settled", "idle"},      {"read", "alarm"},
    {"own-0", "own-1"},       {"own-0", "own-2"},       {"own-0", "own-3"},
    {"own-1", "own-2"},       {"own-1", "own-3"},       {"own-2", "own-3"},
    {"sent", "read"},         {"sent", "paper"},        {"read", "paper"},
    {"good", "bad"},          {"control", "leader"},    {"own-0", "paper"},
    {"own-1", "paper"},       {"own-2", "paper"},       {"own-3", "paper"},
    {"own-0", "idle"},        {"own-1", "idle"},        {"own-2", "idle"},
    {"own-3", "idle"},
};

static const struct {
    const char *text, *property, *on;
} texts[] = {
    {"ink", "fill", "paper"},
    {"dim", "fill", "paper"},
    {"alarm", "fill", "paper"},
    {"high-text", "fill", "paper"},
    {"committed-text", "fill", "paper"},
    {"on-colour", "fill", "leader"},
    {"on-light", "fill", "follower"},
    {"on-light", "fill", "idle"},
    {"on-light", "fill", "down"},
    {"dark", "fill", "control"},
    {"on-light", "fill", "control-2"},
    {"on-light", "fill", "settled"},
    {"on-light", "fill", "open"},
    {"on-light", "fill", "own-0"},
    {"on-light", "fill", "own-1"},
    {"on-light", "fill", "own-2"},
    {"on-light", "fill", "own-3"},
    {"on-colour", "fill", "good"},
    {"on-colour", "fill", "bad"},
};

/* Arrows and stairs that cross each other. */
static const char *const lines[][2] = {
    {"a-control", "a-data"},  {"a-control", "a-lost"},    {"a-data", "a-lost"},
    {"log-end", "high"},      {"high", "log-start"},      {"high", "committed"},
    {"log-end", "committed"}, {"log-start", "committed"}, {"log-start", "log-end"},
};

/* How many pairs are too near each other, each told. */
static int
style_failures(const char *const (*pairs)[2], size_t n, const char *property)
{
    struct mem mem;
    int bad = 0;
    test_mem_init(&mem);
    for (int dark = 0; dark < 2; dark++) {
        char *css = style_of(&mem, dark ? THEME_DARK : THEME_LIGHT);
        for (size_t i = 0; i < n * SIGHTS_N; i++) {
            const char *const *pair = pairs[i / SIGHTS_N];
            enum sight s = (enum sight)(i % SIGHTS_N);
            double d = distance(seen(colour(css, pair[0], property), s),
                                seen(colour(css, pair[1], property), s));
            if (d >= 10) continue;
            print_error("%s and %s, %s, %s: distance %.1f, not 10\n", pair[0], pair[1], sights[s],
                        dark ? "dark" : "light", d);
            bad++;
        }
        free(css);
    }
    mem_release(&mem);
    return bad;
}

static void
what_stands_side_by_side_is_told_apart(void **state)
{
    (void)state;
    int bad = style_failures(neighbours, ARRAY_LEN(neighbours), "fill") +
              style_failures(lines, ARRAY_LEN(lines), "stroke");
    assert_int_equal(bad, 0);
}

/* Records in frames, by the epoch in which they were written: any two may stand beside each other, here and in a page. */
static void
records_of_different_epochs_are_told_apart(void **state)
{
    (void)state;
    int bad = 0;
    for (int a = 0; a < 6; a++) {
        char name[8];
        (void)snprintf(name, sizeof name, ".e%d", a);
        assert_true(distance(page_colour(name, false), hex_colour(epoch_colour(a) + 1)) < 0.01);
        for (int k = 0; k < (6 - a - 1) * SIGHTS_N * 2; k++) {
            int b = a + 1 + k / (SIGHTS_N * 2);
            bool dark = k & 1;
            enum sight s = (enum sight)(k / 2 % SIGHTS_N);
            double d = distance(seen(tint(a, dark), s), seen(tint(b, dark), s));
            if (d >= 10) continue;
            print_error("epochs %d and %d, %s: distance %.1f, not 10\n", a, b, sights[s], d);
            bad++;
        }
        for (int s = 0; s < SIGHTS_N; s++) {
            double light = contrast(seen(tint(a, false), (enum sight)s), hex_colour("444444")),
                   dark = contrast(seen(tint(a, true), (enum sight)s), hex_colour("b0b0b0"));
            if (light >= 4.5 && dark >= 4.5) continue;
            print_error("text on epoch %d, %s: contrast %.2f, %.2f\n", a, sights[s], light, dark);
            bad++;
        }
    }
    assert_int_equal(bad, 0);
}

static void
text_is_readable(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    int bad = 0;
    for (int dark = 0; dark < 2; dark++) {
        char *css = style_of(&mem, dark ? THEME_DARK : THEME_LIGHT);
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
            for (int s = 0; s < SIGHTS_N; s++) {
                double c =
                    contrast(seen(colour(css, texts[i].text, texts[i].property), (enum sight)s),
                             seen(colour(css, texts[i].on, "fill"), (enum sight)s));
                if (c >= 4.5) continue;
                print_error("%s on %s, %s, %s: contrast %.2f, not 4.5\n", texts[i].text,
                            texts[i].on, sights[s], dark ? "dark" : "light", c);
                bad++;
            }
        free(css);
    }
    mem_release(&mem);
    assert_int_equal(bad, 0);
}

/* Bands, bars and lines. */
static const char *const page_neighbours[][2] = {
    {"leader", "follower"},  {"leader", "down"},       {"leader", "paused"},
    {"leader", "idle"},      {"leader", "control"},    {"follower", "down"},
    {"follower", "paused"},  {"follower", "idle"},     {"down", "paused"},
    {"control", "idle"},     {"uncommitted", "paper"}, {"high", "ink"},
    {"bars", "paper"},       {"bars", "idle"},         {"bars", "control"},
    {"bars", "lost"},        {"alarm", "idle"},        {"alarm", "ink"},
    {"a-control", "a-data"}, {"a-control", "a-read"},  {"a-data", "a-read"},
    {"a-data", "a-routine"}, {"a-read", "a-routine"},  {"a-control", "a-routine"},
    {"lost", "a-control"},   {"lost", "a-data"},       {"lost", "a-routine"},
    {"lost", "a-read"},      {"cursor", "ink"},        {"cursor", "lost"},
    {"good", "alarm"},       {".e0", ".e1"},           {".e1", ".e2"},
    {".e2", ".e3"},          {".e3", ".e4"},           {".e4", ".e5"},
    {".e5", ".e0"},
};

static const char *const page_texts[][2] = {
    {"ink", "paper"},        {"dim", "paper"},       {"ink", "panel"},      {"dim", "panel"},
    {"ink", "follower"},     {"ink", "down"},        {"ink", "idle"},       {"lost", "paper"},
    {"on-colour", "leader"}, {"on-colour", "alarm"}, {"on-colour", "good"}, {"on-colour", "paused"},
    {"a-control", "paper"},  {"a-data", "paper"},    {"a-read", "paper"},   {"#111111", "control"},
    {"#111111", ".e0"},      {"#111111", ".e1"},     {"#111111", ".e2"},    {"#111111", ".e3"},
    {"#111111", ".e4"},      {"#111111", ".e5"},     {"#444444", ".e0"},    {"#444444", ".e1"},
    {"#444444", ".e2"},      {"#444444", ".e3"},     {"#444444", ".e4"},    {"#444444", ".e5"},
};

/* How many pairs are too near each other, each told. */
static int
page_failures(const char *const (*pairs)[2], size_t n, double (*measure)(struct rgb, struct rgb),
              double least)
{
    int bad = 0;
    for (size_t i = 0; i < n * 2 * SIGHTS_N; i++) {
        const char *const *pair = pairs[i / (2 * SIGHTS_N)];
        bool dark = i & 1;
        enum sight s = (enum sight)(i / 2 % SIGHTS_N);
        double d =
            measure(seen(page_colour(pair[0], dark), s), seen(page_colour(pair[1], dark), s));
        if (d >= least) continue;
        print_error("page: %s and %s, %s, %s: %.2f, not %g\n", pair[0], pair[1], sights[s],
                    dark ? "dark" : "light", d, least);
        bad++;
    }
    return bad;
}

static void
a_pages_colours_are_told_apart_and_its_text_is_readable(void **state)
{
    (void)state;
    int bad = page_failures(page_neighbours, ARRAY_LEN(page_neighbours), distance, 10) +
              page_failures(page_texts, ARRAY_LEN(page_texts), contrast, 4.5);
    assert_int_equal(bad, 0);
}

/* The dark colours stand twice in the page: for who chose them, and for who has them from the system. */
static void
both_ways_into_the_dark_lead_to_the_same_colours(void **state)
{
    (void)state;
    const char *css = (const char *)page_style,
               *system = strstr(css, ":root:not([data-theme=light]) {"),
               *chosen = strstr(css, ":root[data-theme=dark] {");
    assert_non_null(system);
    assert_non_null(chosen);
    for (system = strstr(system, "--"), chosen = strstr(chosen, "--"); *chosen != '}';) {
        if (isspace((unsigned char)*system)) system++;
        else if (isspace((unsigned char)*chosen)) chosen++;
        else assert_int_equal(*system++, *chosen++);
    }
}

/* The simulation itself: red and green are the same to who lacks one of both kinds, blue and yellow are not. */
static void
the_simulation_takes_away_what_is_not_seen(void **state)
{
    (void)state;
    struct rgb red = {linear(0.75), linear(0.2), 0}, green = {linear(0.42), linear(0.38), 0},
               blue = {0, 0, 1}, yellow = {1, 1, 0};
    assert_true(distance(red, green) > 40);
    assert_true(distance(seen(red, NO_GREEN), seen(green, NO_GREEN)) < 20);
    assert_true(distance(seen(blue, NO_GREEN), seen(yellow, NO_GREEN)) > 100);
    struct rgb grey = {0.5, 0.5, 0.5};
    for (int s = 0; s < SIGHTS_N; s++) assert_true(distance(grey, seen(grey, (enum sight)s)) < 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_simulation_takes_away_what_is_not_seen),
        cmocka_unit_test(what_stands_side_by_side_is_told_apart),
        cmocka_unit_test(records_of_different_epochs_are_told_apart),
        cmocka_unit_test(text_is_readable),
        cmocka_unit_test(a_pages_colours_are_told_apart_and_its_text_is_readable),
        cmocka_unit_test(both_ways_into_the_dark_lead_to_the_same_colours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
