/* The course's own rules: what is drawn for a student, how numbers are read, and what an author is told of a mistake. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/cli/lab/drill.h"
#include "tests/lib/test.h"

/* Of the program's main file, which is not in here. */
int
usage_error(const char *command, const char *format, ...)
{
    fail_msg("%s: %s", command, format);
    return EXIT_USAGE;
}

int
unknown_option(const char *command, const char *const *known, int n, const char *wrong)
{
    (void)known, (void)n;
    return usage_error(command, "%s", wrong);
}

static void
seeds_are_a_students_own_and_always_the_same(void **state)
{
    (void)state;
    struct desk d;
    desk_init(&d);
    struct slice ann = own_seeds(&d, S("ann"), S("B2 random"), S("1..8"));
    assert_true(slice_eq(ann, own_seeds(&d, S("ann"), S("B2 random"), S("1..8"))));
    assert_false(slice_eq(ann, own_seeds(&d, S("ben"), S("B2 random"), S("1..8"))));
    assert_false(slice_eq(ann, own_seeds(&d, S("ann"), S("B3 random"), S("1..8"))));
    int64_t first, last, dots = slice_find(ann, '.', 0);
    assert_true(slice_to_i64(slice_sub(ann, 0, dots), &first));
    assert_true(slice_to_i64(slice_sub(ann, dots + 2, ann.n), &last));
    assert_int_equal(last - first, 7);
    desk_release(&d);
}

static void
without_an_id_and_where_one_seed_is_meant_they_stay(void **state)
{
    (void)state;
    struct desk d;
    desk_init(&d);
    assert_slice(own_seeds(&d, SLICE_EMPTY, S("B2 random"), S("1..8")), "1..8");
    assert_slice(own_seeds(&d, S("ann"), S("B2 crash"), S("42")), "42");
    assert_int_equal(own_seeds(&d, S("ann"), S("B2 crash"), SLICE_EMPTY).n, 0);
    desk_release(&d);
}

static void
a_choice_is_a_students_own_and_takes_each_now_and_then(void **state)
{
    (void)state;
    int32_t all[10], again[10], times[17] = {0}, differ = 0;
    own_choice(SLICE_EMPTY, S("B14"), 17, 10, all);
    for (int i = 0; i < 10; i++) assert_int_equal(all[i], i);
    for (int s = 0; s < 50; s++) {
        char id[16];
        (void)snprintf(id, sizeof id, "student%d", s);
        own_choice(slice_cstr(id), S("B14"), 17, 10, all);
        own_choice(slice_cstr(id), S("B14"), 17, 10, again);
        assert_memory_equal(all, again, sizeof all);
        for (int i = 0; i < 10; i++) {
            assert_true(all[i] < 17 && (i ? all[i] > all[i - 1] : all[i] >= 0));
            times[all[i]]++;
        }
        differ += all[9] != 9;
    }
    for (int i = 0; i < 17; i++) assert_true(times[i] > 10 && times[i] < 50);
    assert_true(differ > 40);
    own_choice(S("ann"), S("B14"), 3, 3, all);
    for (int i = 0; i < 3; i++) assert_int_equal(all[i], i);
}

static void
a_number_may_have_its_unit_behind_it(void **state)
{
    (void)state;
    double v = 0;
    assert_true(number_read(S("1.2 s"), S("ms"), &v));
    assert_true(v > 1199.9 && v < 1200.1);
    assert_true(number_read(S("1,200"), SLICE_NULL, &v));
    assert_true(v > 1199.9 && v < 1200.1);
    assert_false(number_read(S("1,2"), SLICE_NULL, &v));
    assert_false(number_read(S("1,2000"), SLICE_NULL, &v));
    assert_false(number_read(S("some"), S("ms"), &v));
    assert_false(number_read(S("12 apples"), S("ms"), &v));
    assert_true(number_read(S("6 m"), S("ms"), &v));
    assert_true(v > 359999.9 && v < 360000.1);
    assert_true(number_read(S("-.5 min"), S("ms"), &v));
    assert_true(v > -30000.1 && v < -29999.9);
    assert_false(number_read(S("6 m"), SLICE_NULL, &v));
    assert_false(number_read(S("0x10"), S("ms"), &v));
    assert_false(number_read(S("-nan"), S("ms"), &v));
    assert_false(number_read(S("."), S("ms"), &v));
}

/* An exercise.yaml of this text, in a folder of its own. */
static struct drill *
read_text(struct desk *d, const char *text)
{
    char room[] = "/tmp/gregor-lab-XXXXXX", path[64];
    assert_non_null(mkdtemp(room));
    (void)snprintf(path, sizeof path, "%s/exercise.yaml", room);
    assert_true(file_write_all(path, slice_cstr(text)));
    (void)freopen("/dev/null", "w", stderr); /* what is told is tested in tests/labs */
    struct drill *x = drill_read(d, arena_dup(&d->a, slice_cstr(room)));
    assert_true(folder_remove(d, room));
    return x;
}

#define HEAD "exercise: B9\ntitle: t\nquestion: q\nlab: 1\nminutes: 1\nhints: [[a, b, c]]\n"
#define BODY "functions: [f]\nrules: {one: It is one.}\n"

static void
an_exercise_has_one_hole_or_several(void **state)
{
    (void)state;
    struct desk d;
    desk_init(&d);
    struct drill *x = read_text(&d, HEAD BODY "hole: broker/a.c\nruns: {r: {scenario: s.yaml}}\n");
    assert_non_null(x);
    assert_int_equal(x->holes_n, 1);
    assert_slice(drill_file(x, 0), "a.c");
    x = read_text(&d, HEAD BODY "hole: [broker/a.c, broker/b.c]\nruns: {r: {scenario: s.yaml}}\n");
    assert_non_null(x);
    assert_int_equal(drill_files_n(x), 2);
    assert_slice(drill_file(x, 1), "b.c");
    desk_release(&d);
}

static void
only_what_is_no_brokers_needs_no_runs(void **state)
{
    (void)state;
    struct desk d;
    desk_init(&d);
    assert_null(read_text(&d, HEAD BODY "hole: broker/a.c\n"));
    assert_non_null(read_text(&d, HEAD BODY "hole: labs/exercises/B9-x/solution/a.c\n"));
    assert_null(read_text(&d, HEAD BODY
                          "hole: [a.c, b.c, c.c, d.c, e.c]\nruns: {r: {scenario: s.yaml}}\n"));
    desk_release(&d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeds_are_a_students_own_and_always_the_same),
        cmocka_unit_test(without_an_id_and_where_one_seed_is_meant_they_stay),
        cmocka_unit_test(a_choice_is_a_students_own_and_takes_each_now_and_then),
        cmocka_unit_test(a_number_may_have_its_unit_behind_it),
        cmocka_unit_test(an_exercise_has_one_hole_or_several),
        cmocka_unit_test(only_what_is_no_brokers_needs_no_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
