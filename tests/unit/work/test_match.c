/* Which names a regular expression stands for; and that no expression takes for ever. */
#include <stdlib.h>
#include <time.h>

#include "broker/work/work.h"
#include "tests/lib/test.h"

#define CEILING (1 << 20)

static enum env_err
match(struct slice pattern, struct slice names, struct work_result *ret)
{
    struct seg segs[2] = {{.bytes = pattern}, {.bytes = names}};
    return work_run(WORK_MATCH, CODEC_NONE, 0, segs, 2, CEILING, ret);
}

static void
expect(struct slice pattern, const char *out)
{
    struct work_result r;
    assert_int_equal(match(pattern, S("orders\norders-eu\nmore-orders\n__consumer_offsets\n"), &r),
                     ENV_OK);
    assert_int_equal(r.n, (int64_t)strlen(out));
    if (r.n) assert_memory_equal(r.p, out, (size_t)r.n);
    free(r.p);
}

static void
a_name_matches_as_a_whole(void **state)
{
    (void)state;
    expect(S("orders"), "orders\n");
    expect(S("orders.*"), "orders\norders-eu\n");
    expect(S("(more-)?orders"), "orders\nmore-orders\n");
    expect(S("ord|orders"), "orders\n");
    expect(S("[^_].*"), "orders\norders-eu\nmore-orders\n");
    expect(S("^orders$"), "orders\n");
    expect(S("(?i)ORDERS"), "orders\n");
    expect(S("\\w+"), "orders\n__consumer_offsets\n");
    expect(S("x"), "");
    expect(SLICE_EMPTY, "");
}

static void
what_is_no_expression_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"(",      "a{2,1}", "[z-a]",    "\\",           "(?P<n>a",
                                        "(a)\\1", "\\C",    "(?&none)", "(?<n>a)\\k<n>"};
    for (int i = 0; i < ARRAY_LEN(wrong); i++) {
        struct work_result r;
        assert_int_equal(match(slice_cstr(wrong[i]), S("a\n"), &r), ENV_EINVAL);
        assert_null(r.p);
    }
    struct work_result r;
    assert_int_equal(match(S("\xff\xfe"), S("a\n"), &r), ENV_EINVAL);
}

/* Backtracking would take longer than anybody lives. */
static void
hostile_expressions_end(void **state)
{
    (void)state;
    static const char *const hostile[] = {"(a+)+$",
                                          "(a|aa)+$",
                                          "(a*)*b",
                                          "(.*a){20}",
                                          "((a{1,50}){1,50}){1,2}",
                                          "(((((((a*)*)*)*)*)*)*)*b",
                                          "(?=(a+)+$)a*c",
                                          "(?(?=(a+)+b)a|c)+",
                                          "(a?){100}a{100}"};
    char name[251];
    memset(name, 'a', 249);
    name[249] = '!';
    name[250] = '\n';
    clock_t began = clock();
    for (int i = 0; i < ARRAY_LEN(hostile); i++) {
        struct work_result r = {0};
        (void)match(slice_cstr(hostile[i]), slice(name, sizeof name), &r);
        free(r.p);
    }
    assert_true(clock() - began < 60 * CLOCKS_PER_SEC);
}

static void
expressions_that_are_too_large_are_refused(void **state)
{
    (void)state;
    struct work_result r;
    static char deep[4000], longer[9000];
    memset(deep, '(', 2000);
    memset(deep + 2000, ')', 2000);
    memset(longer, 'a', sizeof longer);
    assert_int_equal(match(slice(deep, sizeof deep), S("a\n"), &r), ENV_EINVAL);
    assert_int_equal(match(slice(longer, sizeof longer), S("a\n"), &r), ENV_EINVAL);
    assert_int_equal(match(S("((a{1000}){1000}){1000}"), S("a\n"), &r), ENV_EINVAL);
}

static void
more_names_than_fit_are_too_many(void **state)
{
    (void)state;
    struct work_result r;
    struct seg segs[2] = {{.bytes = S(".*")}, {.bytes = S("orders\nbills\n")}};
    assert_int_equal(work_run(WORK_MATCH, CODEC_NONE, 0, segs, 2, 8, &r), ENV_ETOOBIG);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_matches_as_a_whole),
        cmocka_unit_test(what_is_no_expression_is_refused),
        cmocka_unit_test(hostile_expressions_end),
        cmocka_unit_test(expressions_that_are_too_large_are_refused),
        cmocka_unit_test(more_names_than_fit_are_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
