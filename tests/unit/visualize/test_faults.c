/* Faults in words, and the clock that all times count from. */
#include "broker/base/fmt.h"
#include "tests/unit/visualize/synthetic.h"

static void
begin(struct synthetic *s)
{
    *s = (struct synthetic){0};
    test_mem_init(&s->mem);
    s->bytes = writer_mem(&s->mem);
    s->t = trace_open(&s->mem, NULL, trace_put_memory, &s->bytes);
    put(s, (struct trace_record){.kind = TRACE_RUN, .machine = -1, .n = {7, 0}, .a = S("words")});
    put_machine(s, 0, S("b1"), S("broker"));
    put_machine(s, 1, S("b2"), S("broker"));
    put_machine(s, 2, S("k1"), S("controller"));
    put_machine(s, 3, S("p1"), S("client"));
    for (int32_t i = 0; i < 4; i++) put_life(s, i, 0, 1);
    s->now_ns = 500 * MS;
    put_said(s, -1, S("begin"), SLICE_NULL, SLICE_NULL);
    s->now_ns = 2500 * MS;
}

static void
put_fault(struct synthetic *s, struct slice verb, struct slice what)
{
    put(s, (struct trace_record){.kind = TRACE_FAULT, .machine = -1, .a = verb, .b = what});
    s->now_ns += 100 * MS;
}

static void
assert_story_has(struct synthetic *s, const char *text, bool is_there)
{
    struct writer w = writer_mem(&s->mem);
    trace_close(s->t);
    struct trace_reader *r = trace_reader_new(&s->mem, writer_slice(&s->bytes));
    assert_true(visualize_story(&s->mem, r, NULL, &w));
    fmt_char(&w, '\0');
    bool found = strstr((const char *)w.p, text) != NULL;
    if (found != is_there) print_message("%s\n", (const char *)w.p);
    assert_int_equal(found, is_there);
    writer_release(&w);
    trace_reader_free(r);
    writer_release(&s->bytes);
    mem_release(&s->mem);
}

static void
times_count_from_where_the_scenario_begins(void **state)
{
    (void)state;
    struct synthetic s;
    begin(&s);
    put_fault(&s, S("crash"), S("b1"));
    assert_story_has(&s, "2.000 s  b1 crashes\n", true);
}

static void
each_fault_is_a_sentence(void **state)
{
    static const char *const told[][3] = {
        {"cut", "b1 <> k1 b2 p1", "the network is cut between b1 and k1, b2 and p1\n"},
        {"cut", "b1 > k1", "the network is cut one way, from b1 to k1\n"},
        {"heal", "b1 > k1", "the network heals from b1 to k1\n"},
        {"flap", "b1 <> b2", "the network between b1 and b2 is cut off and on\n"},
        {"slow", "b1 > b2", "the network is slow from b1 to b2\n"},
        {"reset", "b1 <> p1", "the connections between b1 and p1 are reset\n"},
        {"hold", "answers api 0 from b1", "Produce answers from b1 are held back\n"},
        {"hold", "requests api 1 from b2 to b1", "Fetch requests from b2 to b1 are held back\n"},
        {"release", "answers api 0 from b1", "Produce answers from b1 pass again\n"},
        {"release", "", "what was held back passes again\n"},
        {"clock step", "b1 by -42265 ms", "the clock of b1 jumps back by 42.27 s\n"},
        {"clock drift", "b2 by 500 ppm", "the clock of b2 goes fast, by 500 millionths\n"},
        {"disk slow", "b2 437", "b2's disk takes 4.4 times as long\n"},
        {"disk full", "b2", "b2's disk is full\n"},
        {"bit rot", "b2 orders-0 3", "b2's disk rots: bits flip in orders-0 3\n"},
        {"earthquake", "everywhere", "earthquake: everywhere\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(told); i++) {
        struct synthetic s;
        begin(&s);
        put_fault(&s, slice_cstr(told[i][0]), slice_cstr(told[i][1]));
        assert_story_has(&s, told[i][2], true);
    }
}

/* The scenario says "hold-fetch", the world "hold": that is one fault. */
static void
what_scenario_and_world_call_otherwise_is_told_once(void **state)
{
    static const char *const verbs[][3] = {{"cut-one-way", "cut", "b1 > k1"},
                                           {"split", "cut", "b1 <> b2 k1"},
                                           {"hold-fetch", "hold", "requests api 1 from b1"}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        struct synthetic s;
        begin(&s);
        put_said(&s, -1, S("fault"), slice_cstr(verbs[i][0]), S("in other words"));
        put_fault(&s, slice_cstr(verbs[i][1]), slice_cstr(verbs[i][2]));
        assert_story_has(&s, "in other words", false);
    }
}

static void
the_last_test_is_one_sentence(void **state)
{
    (void)state;
    struct synthetic s;
    begin(&s);
    put_fault(&s, S("cut"), S("b1 > k1"));
    put_said(&s, -1, S("trial"), SLICE_NULL, S("b2"));
    put(&s, (struct trace_record){
                .kind = TRACE_FAULT, .machine = -1, .a = S("heal"), .b = S("b1 > k1")});
    put_fault(&s, S("cut"), S("b2 <> b1 k1"));
    put(&s, (struct trace_record){
                .kind = TRACE_FAULT, .machine = -1, .a = S("heal"), .b = S("b2 <> b1 k1")});
    put_said(&s, -1, S("healed"), SLICE_NULL, SLICE_NULL);
    assert_story_has(&s,
                     "  2    2.100 s  the faults of the scenario end; a last test begins: b2 stays "
                     "as it is and is cut\n"
                     "                off, the rest is healed and must serve alone\n"
                     "  3    2.200 s  all is healed: every partition must serve again, with all "
                     "replicas\n",
                     true);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_count_from_where_the_scenario_begins),
        cmocka_unit_test(each_fault_is_a_sentence),
        cmocka_unit_test(what_scenario_and_world_call_otherwise_is_told_once),
        cmocka_unit_test(the_last_test_is_one_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
