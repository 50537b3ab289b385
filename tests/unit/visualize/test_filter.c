/* What a filter lets through, and what it says of words that are none. */
#include "apis.h"
#include "tests/lib/test.h"
#include "visualize/filter.h"
#include "visualize/run.h"

static struct actor actors[] = {{.name = {(const uint8_t *)"b1", 2}, .kind = ACTOR_BROKER},
                                {.name = {(const uint8_t *)"b2", 2}, .kind = ACTOR_BROKER},
                                {.name = {(const uint8_t *)"p1", 2}, .kind = ACTOR_CLIENT}};
static struct partition_view partitions[] = {{.name = {(const uint8_t *)"orders-0", 8}},
                                             {.name = {(const uint8_t *)"red-orders-1", 12}}};
static const struct run run = {.actors = {actors, 3, 3}, .partitions = {partitions, 2, 2}};

static const struct message produce = {.from = 2, .to = 0, .api = K_API_PRODUCE, .at_ns = 1},
                            fetch = {.from = 1, .to = 0, .api = K_API_FETCH, .at_ns = 1},
                            lost = {.from = 0,
                                    .to = 1,
                                    .api = K_API_VOTE,
                                    .is_lost = true,
                                    .is_control = true};

static bool
lets(const char *text, const struct message *m)
{
    char room[256];
    struct writer why = writer_fixed(room, sizeof room);
    struct filter f;
    assert_true(filter_parse(&f, slice_cstr(text), &why));
    return filter_lets_message(&f, &run, m);
}

static void
terms_must_all_hold_and_values_are_alternatives(void **state)
{
    (void)state;
    assert_true(lets("", &produce));
    assert_true(lets("node:b1", &produce));
    assert_false(lets("node:b2", &produce));
    assert_true(lets("node:b2,p1", &produce));
    assert_false(lets("-node:p1", &produce));
    assert_true(lets("-node:p1", &fetch));
    assert_true(lets("api:fetch", &fetch));
    assert_false(lets("api:Fetch,Vote", &produce));
    assert_true(lets("kind:data", &produce));
    assert_false(lets("kind:data", &fetch)); /* a broker's */
    assert_true(lets("kind:routine", &fetch));
    assert_true(lets("kind:lost,late", &lost));
    assert_false(lets("kind:lost -kind:control", &lost));
    assert_false(lets("node:b1 api:Produce kind:answer", &produce));
}

static void
a_key_is_that_of_records_and_of_requests_that_may_carry_them(void **state)
{
    (void)state;
    struct call calls[] = {
        {.kind = VIEW_SEND, .actor = 2, .invoked_ns = 10, .completed_ns = 20, .key = 7},
        {.kind = VIEW_SEND, .actor = 2, .invoked_ns = 30, .completed_ns = 40, .key = 8},
        {.kind = VIEW_SEND, .actor = 2, .invoked_ns = 50, .completed_ns = 60, .key = -1},
        {.kind = VIEW_POLL, .actor = 2, .invoked_ns = 10, .completed_ns = 20, .key = -1}};
    const struct run with_keys = {
        .actors = {actors, 3, 3}, .partitions = {partitions, 2, 2}, .calls = {calls, 4, 4}};
    char room[64];
    struct writer why = writer_fixed(room, sizeof room);
    struct filter f;
    assert_true(filter_parse(&f, S("key:7,9"), &why));
    assert_true(filter_lets_call(&f, &calls[0]));
    assert_false(filter_lets_call(&f, &calls[1]));
    assert_false(filter_lets_call(&f, &calls[2]));
    assert_true(filter_lets_call(&f, &calls[3])); /* what is read has many */
    struct message m = {.from = 2, .to = 0, .api = K_API_PRODUCE, .sent_ns = 15};
    assert_true(filter_lets_message(&f, &with_keys, &m));
    m.sent_ns = 35;
    assert_false(filter_lets_message(&f, &with_keys, &m));
    m.api = K_API_FETCH;
    assert_true(filter_lets_message(&f, &with_keys, &m));
    assert_true(filter_parse(&f, S("-key:7"), &why));
    assert_false(filter_lets_call(&f, &calls[0]));
    assert_true(filter_lets_call(&f, &calls[1]));
    assert_true(filter_lets_call(&f, &calls[2]));
    m.api = K_API_PRODUCE;
    assert_true(filter_lets_message(&f, &with_keys, &m));
    m.sent_ns = 15;
    assert_false(filter_lets_message(&f, &with_keys, &m));
}

static void
what_is_no_filter_is_told(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"node", "\"node\" is no term: KEY:VALUE is, like node:b1"},
        {"api:", "\"api:\" is no term: KEY:VALUE is, like node:b1"},
        {"nodes:b1", "there is no key \"nodes\": there are node, topic, p, api, kind, t, why, key"},
        {"kind:bad", "kind: takes control, data, routine, lost, late, held, request, answer"},
        {"t:2s", "t: takes two times, like t:1.9s..2.4s"},
        {"t:2s..1s", "t: takes two times, like t:1.9s..2.4s"},
        {"t:..", "t: takes two times, like t:1.9s..2.4s"},
        {"why:x", "why: takes the number of a sentence, like why:7"},
        {"a:b a:b", "there is no key \"a\": there are node, topic, p, api, kind, t, why, key"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char room[256];
        struct writer why = writer_fixed(room, sizeof room);
        struct filter f;
        assert_false(filter_parse(&f, slice_cstr(wrong[i][0]), &why));
        assert_int_equal(why.n, (int64_t)strlen(wrong[i][1]));
        assert_memory_equal(room, wrong[i][1], strlen(wrong[i][1]));
    }
}

static void
times_are_read_with_their_units(void **state)
{
    (void)state;
    char room[64];
    struct writer why = writer_fixed(room, sizeof room);
    struct filter f;
    assert_true(filter_parse(&f, S("t:-0.5s..1.25"), &why));
    assert_int_equal(f.from_ns, -500000000);
    assert_int_equal(f.to_ns, 1250000000);
    assert_true(filter_parse(&f, S("t:250ms..1m"), &why));
    assert_int_equal(f.from_ns, 250000000);
    assert_int_equal(f.to_ns, 60 * NS_PER_SECOND);
    assert_false(filter_parse(&f, S("t:99999999999999999s..999999999999999999s"), &why));
}

/* Topics have dashes, too. */
static void
a_partition_is_found_by_topic_and_number(void **state)
{
    (void)state;
    char room[64];
    struct writer why = writer_fixed(room, sizeof room);
    struct filter f;
    assert_true(filter_parse(&f, S("topic:red-orders"), &why));
    assert_int_equal(filter_partition(&f, &run), 1);
    assert_true(filter_parse(&f, S("topic:orders p:0"), &why));
    assert_int_equal(filter_partition(&f, &run), 0);
    assert_true(filter_parse(&f, S("topic:orders p:1"), &why));
    assert_int_equal(filter_partition(&f, &run), -2);
    assert_true(filter_parse(&f, S("api:Fetch"), &why));
    assert_int_equal(filter_partition(&f, &run), -1);
}

static void
who_is_not_there_is_named(void **state)
{
    (void)state;
    char room[64];
    struct writer why = writer_fixed(room, sizeof room);
    struct filter f;
    assert_true(filter_parse(&f, S("node:b1,b9"), &why));
    assert_slice(filter_stranger(&f, &run), "b9");
    assert_true(filter_lets_actor(&f, &run, 0));
    assert_false(filter_lets_actor(&f, &run, 1));
    assert_true(filter_lets_actor(&f, &run, -1));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_must_all_hold_and_values_are_alternatives),
        cmocka_unit_test(a_key_is_that_of_records_and_of_requests_that_may_carry_them),
        cmocka_unit_test(what_is_no_filter_is_told),
        cmocka_unit_test(times_are_read_with_their_units),
        cmocka_unit_test(a_partition_is_found_by_topic_and_number),
        cmocka_unit_test(who_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
