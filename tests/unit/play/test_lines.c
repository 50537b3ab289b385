/* Commands on a standard input that is no terminal. */
#include "tests/lib/test.h"

#include "broker/base/check.h"
#include "sim/play/lines.h"

static struct lines lines;

static void
lines_come_in_any_pieces(void **state)
{
    (void)state;
    struct slice line, rest = S("crash b1\n\nresta");
    lines = (struct lines){0};
    assert_int_equal(lines_next(&lines, &rest, &line), LINES_ONE);
    assert_slice(line, "crash b1");
    assert_int_equal(lines_next(&lines, &rest, &line), LINES_ONE);
    assert_int_equal(line.n, 0);
    assert_int_equal(lines_next(&lines, &rest, &line), LINES_MORE);
    assert_int_equal(rest.n, 0);
    rest = S("rt b1\nend");
    assert_int_equal(lines_next(&lines, &rest, &line), LINES_ONE);
    assert_slice(line, "restart b1");
    assert_int_equal(lines_next(&lines, &rest, &line), LINES_MORE);
}

static void
the_last_line_needs_no_end(void **state)
{
    (void)state;
    struct slice line, rest = S("end");
    lines = (struct lines){0};
    assert_int_equal(lines_next(&lines, &rest, &line), LINES_MORE);
    assert_int_equal(lines_end(&lines, &line), LINES_ONE);
    assert_slice(line, "end");
    assert_int_equal(lines_end(&lines, &line), LINES_MORE);
}

static void
of_a_line_that_is_too_long_nothing_is_a_command(void **state)
{
    (void)state;
    static char blanks[LINE_MAX_BYTES];
    memset(blanks, ' ', sizeof blanks);
    struct slice line, rest = slice(blanks, sizeof blanks);
    lines = (struct lines){0};
    assert_int_equal(lines_next(&lines, &rest, &line), LINES_MORE); /* as long as may be */
    rest = S("wipe b1\ncrash b1\n");
    assert_int_equal(lines_next(&lines, &rest, &line), LINES_TOO_LONG);
    assert_int_equal(lines_next(&lines, &rest, &line), LINES_ONE);
    assert_slice(line, "crash b1");
    rest = slice(blanks, sizeof blanks);
    assert_int_equal(lines_next(&lines, &rest, &line), LINES_MORE);
    rest = S(" ");
    assert_int_equal(lines_next(&lines, &rest, &line), LINES_MORE);
    assert_int_equal(lines_end(&lines, &line), LINES_TOO_LONG);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_in_any_pieces),
        cmocka_unit_test(the_last_line_needs_no_end),
        cmocka_unit_test(of_a_line_that_is_too_long_nothing_is_a_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
