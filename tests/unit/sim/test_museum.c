/* gregor museum: what it lists, and what it says of an exhibit. That each wrong rule is caught in its scenario is tested
 * with the program that has them (tests/mutants). */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/check.h"
#include "sim/cli/cli.h"
#include "sim/cli/museum.h"

/* ---- in place of sim/cli/main.c ---- */

int
usage_error(const char *command, const char *format, ...)
{
    (void)command, (void)format;
    return EXIT_USAGE;
}

int
unknown_option(const char *command, const char *const *known, int n, const char *wrong)
{
    (void)command, (void)known, (void)n, (void)wrong;
    return EXIT_USAGE;
}

static int
museum_command(const char *verb, const char *id, const char *out)
{
    static char text[4][256];
    char *argv[] = {text[0], text[1], text[2], text[3]};
    (void)snprintf(text[0], sizeof text[0], "%s", verb);
    (void)snprintf(text[1], sizeof text[1], "%s", id ? id : "--json");
    (void)snprintf(text[2], sizeof text[2], "--out");
    (void)snprintf(text[3], sizeof text[3], "%s", out ? out : "");
    return command_museum(out ? 4 : 2, argv);
}

static bool
is_said(const char *text)
{
    return text && strlen(text) > 4;
}

static void
every_exhibit_has_its_texts_and_an_id_of_its_own(void **state)
{
    (void)state;
    int n = 0, settings = 0;
    for (; museum[n].id; n++) {
        const struct exhibit *e = &museum[n];
        assert_true(is_said(e->title) && is_said(e->source) && is_said(e->teaches));
        assert_true(is_said(e->right) && is_said(e->wrong) && strcmp(e->right, e->wrong) != 0);
        assert_int_equal(access(e->file, R_OK), 0);
        for (int i = 0; i < n; i++) assert_string_not_equal(museum[i].id, e->id);
        settings += exhibit_is_setting(e);
    }
    assert_true(n >= 40);
    assert_true(settings > 0 && settings < n);
    assert_int_equal(museum_command("list", NULL, NULL), EXIT_PASS);
}

static void
a_setting_is_shown_with_both_runs_and_their_pictures(void **state)
{
    (void)state;
    char dir[] = "/tmp/museum-XXXXXX", path[256];
    assert_non_null(mkdtemp(dir));
    assert_int_equal(museum_command("run", "CF05", dir), EXIT_PASS);
    static const char *const sides[] = {"right", "wrong"};
    static const char *const files[] = {"timeline.svg", "replication.svg", "story.txt",
                                        "report.json"};
    for (int i = 0; i < ARRAY_LEN(sides); i++)
        for (int k = 0; k < ARRAY_LEN(files); k++) {
            (void)snprintf(path, sizeof path, "%s/CF05/%s/retry-without-idempotence-31/%s", dir,
                           sides[i], files[k]);
            assert_int_equal(access(path, R_OK), 0);
        }
}

static void
a_wrong_rule_needs_the_other_program(void **state)
{
    (void)state;
    char dir[] = "/tmp/museum-XXXXXX";
    assert_non_null(mkdtemp(dir));
    assert_int_equal(museum_command("run", "RE01", dir), EXIT_USAGE);
}

static void
what_is_not_there_cannot_be_shown(void **state)
{
    (void)state;
    assert_int_equal(museum_command("run", "RE99", NULL), EXIT_USAGE);
    assert_int_equal(museum_command("walk", "RE01", NULL), EXIT_USAGE);
    assert_int_equal(museum_command("list", "RE01", NULL), EXIT_USAGE);
    assert_int_equal(museum_command("run", "--json", NULL), EXIT_USAGE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_exhibit_has_its_texts_and_an_id_of_its_own),
        cmocka_unit_test(a_setting_is_shown_with_both_runs_and_their_pictures),
        cmocka_unit_test(a_wrong_rule_needs_the_other_program),
        cmocka_unit_test(what_is_not_there_cannot_be_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
