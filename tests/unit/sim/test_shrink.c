/* gregor shrink: what is left of a document when only some of it is needed. Whether a candidate fails is decided
 * here by looking at its text. */
#include "tests/lib/test.h"

#include "sim/cli/shrink.h"
#include "sim/world/pool.h"

static struct pool pool;
static struct mem mem;
static struct arena a;
static const char *const *needles;
static int64_t asked;

static int
set_up(void **state)
{
    (void)state;
    pool = (struct pool){0};
    mem_init(&mem, pool_source(&pool), INT64_MAX);
    arena_init(&a, &mem, 0);
    asked = 0;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    mem_release(&mem);
    pool_release(&pool);
    return 0;
}

static struct slice
text_of(const struct tree *doc)
{
    struct writer w = writer_mem(&mem);
    tree_print(doc, &w);
    struct slice s = arena_dup(&a, writer_slice(&w));
    writer_release(&w);
    return s;
}

static struct tree *
parse(const char *text)
{
    struct source *s = ARENA_NEW(&a, struct source);
    struct diags d;
    diags_init(&d, &a);
    *s = (struct source){S("test"), slice_cstr(text)};
    struct trees t = tree_parse(&a, s, &d);
    assert_int_equal(d.errors, 0);
    assert_int_equal(t.n, 1);
    return t.v[0];
}

/* It fails if all needles are in it. */
static bool
has_needles(void *ctx, const struct tree *candidate)
{
    (void)ctx;
    const char *text = (const char *)arena_format(&a, "%.*s", SARG(text_of(candidate))).p;
    asked++;
    for (int i = 0; needles[i]; i++)
        if (!strstr(text, needles[i])) return false;
    return true;
}

static const char haystack[] =
    "scenario: 1\nname: hay\nabout: a test\nseed: 3\n"
    "cluster: {brokers: 5, config: {min.insync.replicas: 2}}\n"
    "topics: {orders: {partitions: 4, rf: 3}, others: {}}\n"
    "clients: {p1: {produce: orders, rate: 100/s, until: 9s}, c1: {consume: others}}\n"
    "timeline:\n"
    "- {at: 1s, note: one}\n"
    "- {at: 1234567890ns, crash: b1, as: old}\n"
    "- {at: 2s, note: two}\n"
    "- {at: 3s, restart: $old}\n"
    "- {at: 3456ms, power: b2, for: 777ms}\n"
    "- {at: 4s, note: three}\n"
    "expect: {at-end: [{acked: p1, min: 10}]}\n";

static struct slice
shrink_it(const char *const *needed)
{
    struct shrink k = {.a = &a, .best = parse(haystack), .fails = has_needles};
    needles = needed;
    while (shrink_round(&k)) {
    }
    return text_of(k.best);
}

static void
only_what_the_failure_needs_is_left(void **state)
{
    static const char *const needed[] = {"power: b2", "produce: orders", NULL};
    (void)state;
    const char *s = (const char *)arena_format(&a, "%.*s", SARG(shrink_it(needed))).p;
    assert_string_equal(s, "scenario: 1\nname: hay\nabout: \"a test\"\nseed: 3\n"
                           "\nclients:\n  p1: {produce: orders}\n"
                           "\ntimeline:\n  - {at: 1s, power: b2, for: 1s}\n");
}

static void
numbers_become_round_and_small(void **state)
{
    static const char *const needed[] = {
        "{at: ", "power: b2, for: ", "until: ", "rate: ", "00/s", "brokers: ", NULL};
    (void)state;
    const char *s = (const char *)arena_format(&a, "%.*s", SARG(shrink_it(needed))).p;
    assert_non_null(strstr(s, "{at: 1s, power: b2, for: 1s}"));
    assert_non_null(strstr(s, "until: 1s"));
    assert_non_null(strstr(s, "rate: 100/s"));
    assert_non_null(strstr(s, "brokers: 1"));
}

static void
a_step_goes_with_those_that_name_it(void **state)
{
    (void)state;
    struct tree *doc = parse(haystack);
    struct slice before = text_of(doc);
    struct tree *less = shrink_without_step(&a, doc, 1);
    assert_int_equal(shrink_steps_n(doc), 6);
    assert_int_equal(shrink_steps_n(less), 4);
    assert_null(strstr((const char *)arena_format(&a, "%.*s", SARG(text_of(less))).p, "$old"));
    assert_true(slice_eq(before, text_of(doc)));
}

static void
the_same_answers_give_the_same_result(void **state)
{
    static const char *const needed[] = {"restart: $old", "consume: others", NULL};
    (void)state;
    struct slice first = shrink_it(needed);
    int64_t once = asked;
    assert_true(slice_eq(first, shrink_it(needed)));
    assert_int_equal(asked, once * 2);
}

static void
drawn_faults_take_the_place_of_random(void **state)
{
    (void)state;
    struct tree *doc = parse("scenario: 1\nname: x\ntimeline: [{at: 1s, note: one}]\n"
                             "random: {faults: {crash: 1}}\n");
    struct slice steps[] = {S("{at: 5ns, crash: b1, for: 7ns}")}, bad[] = {S("{at: ")};
    assert_true(shrink_put_steps(&a, doc, steps, 1));
    assert_true(slice_eq(text_of(doc), S("scenario: 1\nname: x\n\ntimeline:\n"
                                         "  - {at: 1s, note: one}\n"
                                         "  - {at: 5ns, crash: b1, for: 7ns}\n")));
    assert_false(shrink_put_steps(&a, doc, bad, 1));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_what_the_failure_needs_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_become_round_and_small, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_step_goes_with_those_that_name_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_same_answers_give_the_same_result, set_up, tear_down),
        cmocka_unit_test_setup_teardown(drawn_faults_take_the_place_of_random, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
