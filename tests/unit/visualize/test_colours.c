/* Colours as people see them who lack one kind of cones: what stands beside each other and means different things stays
 * apart, and text stays readable, light and dark. (Nothing is told by colour alone; this is about not having to look
 * twice.) The simulation: Viénot, Brettel and Mollon 1999 for red and green, Brettel 1997 in one plane for blue. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/test.h"
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
    found++;
    double v[3];
    bool is_short = !((found[3] >= '0' && found[3] <= '9') || (found[3] >= 'a' && found[3] <= 'f'));
    for (int i = 0; i < 3; i++)
        v[i] = is_short ? digit(found[i]) * 17 : digit(found[2 * i]) * 16 + digit(found[2 * i + 1]);
    return (struct rgb){linear(v[0] / 255), linear(v[1] / 255), linear(v[2] / 255)};
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

/* Bands and bars that stand beside each other. */
static const char *const neighbours[][2] = {
    {"leader", "follower"},   {"leader", "down"},       {"leader", "paused"},
    {"leader", "idle"},       {"follower", "down"},     {"follower", "paused"},
    {"down", "paused"},       {"control", "idle"},      {"control", "control-2"},
    {"uncommitted", "paper"}, {"settled", "control-2"}, {"open", "control-2"},
    {"open", "settled"},      {"own-0", "own-1"},       {"own-0", "own-2"},
    {"own-0", "own-3"},       {"own-1", "own-2"},       {"own-1", "own-3"},
    {"own-2", "own-3"},       {"sent", "read"},         {"sent", "paper"},
    {"read", "paper"},        {"good", "bad"},          {"control", "leader"},
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

static void
what_stands_side_by_side_is_told_apart(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    int bad = 0;
    for (int dark = 0; dark < 2; dark++) {
        char *css = style_of(&mem, dark ? THEME_DARK : THEME_LIGHT);
        for (size_t i = 0; i < sizeof neighbours / sizeof *neighbours; i++)
            for (int s = 0; s < SIGHTS_N; s++) {
                struct rgb a = colour(css, neighbours[i][0], "fill"),
                           b = colour(css, neighbours[i][1], "fill");
                double d = distance(seen(a, (enum sight)s), seen(b, (enum sight)s));
                if (d >= 10) continue;
                print_error("%s and %s, %s, %s: distance %.1f, not 10\n", neighbours[i][0],
                            neighbours[i][1], sights[s], dark ? "dark" : "light", d);
                bad++;
            }
        free(css);
    }
    mem_release(&mem);
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
        cmocka_unit_test(text_is_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
