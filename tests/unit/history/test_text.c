#include "sim/history/history.h"
#include "tests/lib/test.h"

static int64_t
never(void *ctx)
{
    (void)ctx;
    return 0;
}

static const char text[] =
    "1.000000000 = c1 assign orders-0 @0\n"
    "1.002000000 1.009000000 p1 send orders-0 p1:17 ok @41\n"
    "1.002000000 - p1 send orders- p1:18 key=3 acks=1 plain\n"
    "1.002000000 1.010000000 p1 send orders-0 p1:19 fail !19\n"
    "1.006000000 = c1 poll orders-0 40=p1:16/3 41=p1:17/3\n"
    "2.000000000 2.500000000 p1 send orders-1 p1:20 info !7\n"
    "2.000000000 = c1 corrupt orders-0 !2 @7\n"
    "5.000000000 5.010000000 admin admin orders-0 delete-records ok @900\n"
    "5.000000000 - admin admin - alter-broker\n"
    "6.000000000 = c2 begin - of=readers\n"
    "6.000000000 = c2 own orders-0 g3 of=readers\n"
    "6.000000000 6.010000000 c2 committed orders-0 ok @40 g3 of=readers\n"
    "6.000000000 = c2 process orders-0 @41 40=p1:16 g3 of=readers before\n"
    "6.000000000 6.010000000 c2 commit orders-0 fail !22 @40 g3 of=readers auto\n"
    "6.000000000 = c2 disown orders-0 !25 @41 g3 of=readers\n"
    "6.000000000 = c2 leave - of=readers\n"
    "6.000000000 6.010000000 w1 send copies-0 w1:1 ok @4 40=p1:16/3 e1\n"
    "6.000000000 6.010000000 w1 commit orders-0 ok @41 g3 of=copiers txn\n"
    "6.000000000 7.000000000 c2 commit orders-0 ok @41 g3 of=readers after retried\n"
    "6.000000000 7.000000000 c2 commit orders-0 ok @42 g4 of=readers after back=5900000000\n"
    "7.000000000 7.100000000 c3 acknowledge orders-0 ok @9223372036854775806 "
    "to=9223372036854775807 of=work accept\n"
    "7.000000000 7.100000000 c3 commit orders-0 ok @9223372036854775807 of=readers after\n"
    "8.000000000 = - healed -\n"
    "9.000000000 9.001000000 f end orders-0 ok @120 e3 final\n"
    "9.000000000 = f poll orders-0 0=0xffff000000000001 committed final node=2\n"
    "9.100000000 = f final-end orders-0 @120 final node=2\n";

/* Topics of one name, one after the other: the first goes without saying. */
static void
topics_of_one_name_are_told_apart(void **state)
{
    (void)state;
    static const char lives[] = "1.000000000 1.100000000 p1 send orders-0 p1:1 ok @0\n"
                                "2.000000000 2.100000000 p1 send orders-0 p1:2 ok @0 life=2\n"
                                "2.000000000 2.100000000 p1 send orders-0 p1:3 ok @1 any-life\n"
                                "3.000000000 = c1 poll orders-1 0=p1:2 life=3\n";
    struct mem mem;
    struct history h;
    test_mem_init(&mem);
    struct writer w = writer_mem(&mem);
    history_init(&h, &mem, never, NULL);
    assert_int_equal(history_parse(&h, slice_cstr(lives)), 0);
    history_print(&h, &w);
    assert_slice(writer_slice(&w), lives);
    assert_int_equal(h.topics.n, 3);
    assert_true(history_is_namesake(&h, h.ops.v[0].topic, h.ops.v[3].topic));
    assert_int_equal(h.topics.v[h.ops.v[1].topic].partitions, 1);
    assert_int_equal(h.topics.v[h.ops.v[3].topic].partitions, 2);
    assert_int_equal(history_parse(&h, S("4.0 = c1 begin - of=g life=2")), 1);
    writer_release(&w);
    history_release(&h);
    mem_release(&mem);
}

static void
what_is_printed_can_be_parsed(void **state)
{
    (void)state;
    struct mem mem;
    struct history h;
    struct writer w;
    test_mem_init(&mem);
    w = writer_mem(&mem);
    history_init(&h, &mem, never, NULL);
    assert_int_equal(history_parse(&h, slice_cstr(text)), 0);
    history_print(&h, &w);
    assert_slice(writer_slice(&w), text);
    assert_int_equal(h.ops.n, 26);
    assert_int_equal(h.events.n, 50);
    for (int64_t i = 1; i < h.events.n; i++)
        assert_true(history_event_ns(&h, h.events.v[i - 1]) <= history_event_ns(&h, h.events.v[i]));
    struct history_counts c = history_counts(&h);
    assert_int_equal(c.produced, 5);
    assert_int_equal(c.acknowledged, 2);
    assert_int_equal(c.failed, 1);
    assert_int_equal(c.unknown, 2);
    assert_int_equal(c.read, 3);
    assert_int_equal(h.topics.v[0].partitions, 2);
    history_release(&h);
    mem_release(&mem);
}

static void
what_is_no_history_is_refused_with_its_line(void **state)
{
    static const char *const bad[] = {
        "1.0",
        "1.0 = c1 assign",
        "x = c1 assign orders-0 @0",
        "1.0 0.5 p1 send orders-0 p1:1 ok @0",
        "1.0 - p1 send orders-0 p1:1 ok @0",
        "1.0 = p1 send orders-0 p1:1",
        "1.0 = p1 send orders-0 p1: ok",
        "1.0 = p1 send orders-0 ok @1",
        "1.0 = p1 sends orders-0 p1:1 ok @1",
        "1.0 = c1 poll orders-0 1:p1:1",
        "1.0 = c1 poll orders-0 -1=p1:1",
        "1.0 = - assign orders-0 @0",
        "1.0 = - healed orders-0",
        "1.0 = c1 assign orders-x @0",
        "1.0000000000 = c1 assign orders-0 @0",
        "99999999999999 = c1 assign orders-0 @0",
        "1.0 = p1 send orders-0 p1:1 ok acks=2",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct mem mem;
        struct history h;
        struct writer w;
        test_mem_init(&mem);
        w = writer_mem(&mem);
        history_init(&h, &mem, never, NULL);
        fmt_str(&w, "# a comment\n\n"), fmt_str(&w, bad[i]);
        assert_int_equal(history_parse(&h, writer_slice(&w)), 3);
        mem_release(&mem);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_of_one_name_are_told_apart),
        cmocka_unit_test(what_is_printed_can_be_parsed),
        cmocka_unit_test(what_is_no_history_is_refused_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
