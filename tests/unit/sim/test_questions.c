/* Questions of a scenario, as they are judged in a run. */
#include "tests/lib/test.h"

#include "sim/scenario/run.h"
#include "sim/world/pool.h"

#define CLUSTER \
    "scenario: 1\nname: t\nabout: a test\nrun: 3s\n" \
    "cluster: {brokers: 1, controllers: 1}\n" \
    "topics: {orders: {partitions: 1, rf: 1}, bills: {partitions: 1, rf: 1}}\n" \
    "clients: {p1: {produce: bills, until: 1s}}\n"

/* A fetch that waits: whoever is asked meanwhile cannot be compared with its answer. */
#define SLOW(then) \
    CLUSTER \
    "timeline:\n" \
    "- {at: 500ms, ask: b1, by: c1, rpc: Fetch, version: 12, as: slow, send: {maxWaitMs: " \
    "600, minBytes: 1, topics: [{topic: orders, partitions: [{partition: 0, fetchOffset: 0, " \
    "partitionMaxBytes: 1000}]}]}, answer: {errorCode: NONE}}\n" \
    "- {then: " then ", ask: b1, by: c2, rpc: Metadata, send: {topics: []}, answer: " \
    "{throttleTimeMs: $slow/throttleTimeMs}}\n"

/* The end of the story of what was wrong; NULL: nothing was. */
static void
expect_difference(const char *text, const char *end)
{
    struct pool pool = {0};
    struct mem mem;
    struct arena a;
    struct diags diags;
    struct run_result r = {0};
    struct run_options o = {0};
    struct source source = {S("test"), slice_cstr(text)};
    mem_init(&mem, pool_source(&pool), INT64_MAX);
    arena_init(&a, &mem, 0);
    diags_init(&diags, &a);
    struct scenarios all = scenario_load(&a, &source, NULL, &diags);
    assert_int_equal(diags.errors, 0);
    run_scenario(&a, all.v[0], &o, &r);
    assert_int_equal(r.verdict, end ? VERDICT_FAIL : VERDICT_PASS);
    assert_int_equal(r.anomalies.v.n, end != NULL);
    if (end) {
        struct slice story = r.anomalies.v.v[0].story, want = slice_cstr(end);
        assert_true(story.n > want.n);
        assert_true(slice_eq(slice_sub(story, story.n - want.n, story.n), want));
    }
    mem_release(&mem);
    pool_release(&pool);
}

static void
what_refers_to_no_answer_yet_is_not_right(void **state)
{
    (void)state;
    expect_difference(SLOW("900ms"), NULL);
    expect_difference(SLOW("100ms"), ": $slow is not answered yet");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_refers_to_no_answer_yet_is_not_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
