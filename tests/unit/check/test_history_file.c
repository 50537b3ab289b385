#include <string.h>

#include "sim/check/history_file.h"
#include "tests/lib/test.h"

static struct mem mem;
static struct history_file file;
static struct history_error first;

static void
keep_first(void *ctx, const struct history_error *e)
{
    int64_t *n = ctx;
    if (!(*n)++) first = *e;
}

static int64_t
read_text(const char *text)
{
    int64_t told = 0;
    history_file_init(&file, &mem);
    int64_t wrong = history_file_read(&file, slice_cstr(text), keep_first, &told);
    assert_int_equal(told, wrong);
    return wrong;
}

static int
set_up(void **state)
{
    (void)state;
    test_mem_init(&mem);
    memset(&first, 0, sizeof first);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    history_file_release(&file);
    assert_int_equal(mem.used_bytes, 0);
    mem_release(&mem);
    return 0;
}

#define SENDS \
    "1.0 1.1 p1 send orders-0 p1:1 ok @0\n" \
    "1.2 1.3 p1 send orders-0 p1:2 ok @1\n" \
    "1.4 1.5 p1 send orders-0 p1:3 info\n"
#define READ \
    "5.0 = f poll orders-0 0=p1:1 final\n" \
    "5.1 = f final-end orders-0 @1 final\n"
#define PLACED "0.0 ! placed orders-0 leader=1 epoch=0 in-sync=1,2\n"
#define BOTH_GONE \
    "3.0 ! gone orders-0 node=1 from=1 to=2 what was wiped\n" \
    "3.0 ! gone orders-0 node=2 from=1 to=2 what was wiped\n"

static void
assert_judged(const char *text, int64_t disallowed, int64_t allowed)
{
    struct check_result r;
    assert_int_equal(read_text(text), 0);
    check_history(&mem, &file.history, &file.facts, &r);
    assert_int_equal(r.anomalies.disallowed, disallowed);
    assert_int_equal(r.anomalies.v.n, disallowed + allowed);
    check_result_release(&r);
}

static void
what_is_lost_without_a_cause_is_a_broken_promise(void **state)
{
    (void)state;
    assert_judged("! topic orders replicas=2 min-isr=1\n" PLACED SENDS READ, 1, 0);
}

static void
what_happened_to_the_copies_excuses(void **state)
{
    (void)state;
    assert_judged("! topic orders replicas=2 min-isr=1\n" PLACED BOTH_GONE SENDS READ, 0, 1);
}

static void
what_was_removed_on_demand_is_not_lost(void **state)
{
    (void)state;
    assert_judged("! topic orders removed=0:2\n" SENDS READ, 0, 0);
}

static void
the_order_of_lines_is_nothing_that_happened(void **state)
{
    (void)state;
    assert_judged(READ "! topic orders removed=0:2\n" SENDS, 0, 0);
    for (int64_t i = 1; i < file.history.ops.n; i++)
        assert_true(file.history.ops.v[i - 1].invoke_ns <= file.history.ops.v[i].invoke_ns);
}

static void
what_is_written_reads_the_same(void **state)
{
    (void)state;
    static const char text[] =
        "# A history of clients, for gregor check (see gregor-history.5).\n"
        "! begin 0.500000000\n"
        "! serves-within 3.000000000\n"
        "! owned-within 10.000000000\n"
        "! session 2.000000000\n"
        "! clients-live\n"
        "! topic orders replicas=3 min-isr=2 elr flush-messages=7 flush-ms=9 removed=1:12\n"
        "! topic keys may-remove compacted tombstones-go\n"
        "! offsets partitions=3 replicas=3 min-isr=2 elr\n"
        "0.600000000 ! placed orders-0 leader=1 epoch=0 in-sync=1,2,3 elr=2,3\n"
        "0.700000000 ! unclean-set - off\n"
        "0.700000000 ! unclean-set orders- on\n"
        "0.700000000 ! unclean-asked orders-0\n"
        "0.700000000 ! flush-set orders- messages=50\n"
        "0.700000000 ! flush-set orders- ms=0\n"
        "0.700000000 ! deleted orders-\n"
        "0.750000000 ! made orders- life=2\n"
        "0.800000000 ! trouble lasting what cut b1 b2\n"
        "0.800000000 ! trouble until=0.900000000 what slow b1\n"
        "0.900000000 ! gone orders-0 node=2 from=3 to=5 power what lost its unsynced tail\n"
        "0.900000000 ! ended node=2\n"
        "1.000000000 ! started node=2\n"
        "1.000000000 ! placed orders-0 in-sync=2\n"
        "1.002000000 1.009000000 p1 send orders-0 p1:17 ok @41 node=1\n"
        "1.002000000 1.010000000 p1 send keys-1 p1:20 ok @0 key=3 tombstone\n";
    struct writer w = writer_mem(&mem);
    assert_int_equal(read_text(text), 0);
    history_file_write(&file.history, &file.facts, &w);
    assert_slice(writer_slice(&w), text);
    writer_release(&w);
}

static void
what_is_wrong_is_said_with_its_place(void **state)
{
    static const struct {
        const char *text;
        int line, column, width;
        const char *says;
    } bad[] = {
        {"\n1.0 = p1 sent orders-0 p1:1", 2, 10, 4, "send, poll"},
        {"x", 1, 1, 1, "a time in seconds"},
        {"1.0", 1, 4, 1, "when it ended"},
        {"1.0 0.5 p1 send orders-0 p1:1 ok", 1, 5, 3, "before it began"},
        {"1.0 1.5 p1 send orders-0 p1:1", 1, 30, 1, "ok, fail"},
        {"1.0 - p1 send orders-0 p1:1 ok", 1, 31, 1, "never ended"},
        {"1.0 - p1 send orders p1:1", 1, 15, 6, "orders-0"},
        {"1.0 - p1 send orders-10000 p1:1", 1, 15, 12, "0 to 9999"},
        {"1.0 - p1 send orders-0 p1", 1, 24, 2, "p1:17"},
        {"1.0 - p1 send orders-0 0x0", 1, 24, 3, "0 is no value"},
        {"1.0 = c1 poll orders- 1=p1:1", 1, 15, 7, "only a send"},
        {"1.0 = c1 poll orders-0 1:p1:1", 1, 24, 6, "OFFSET=VALUE"},
        {"1.0 = c1 own orders-0 g1", 1, 25, 1, "of=NAME"},
        {"1.0 2.0 a admin orders-0 removes ok", 1, 26, 7, "delete-records"},
        {"1.0 ! exploded node=1", 1, 7, 8, "gone, ended"},
        {"1.0 ! ended", 1, 12, 1, "node=N"},
        {"1.0 ! placed orders-0 in-sync=1,,2", 1, 23, 12, "a number"},
        {"2.0 ! ended node=1\n1.0 ! ended node=2", 2, 19, 1, "order of time"},
        {"! promise", 1, 3, 7, "topic, offsets"},
        {"! topic orders replica=3", 1, 16, 9, "replicas=N"},
        {"! topic orders removed=3", 1, 16, 9, "removed=0:120"},
        {"! begin soon", 1, 9, 4, "a time in seconds"},
        {"! clients-live always", 1, 16, 6, "nothing more"},
        {"1.0 - p1 send orders-0 p1:1\n# again\n2.0 - p1 send orders-0 p1:1", 3, 1, 1, "in line 1"},
        {"1.0 - p1 send orders-9999 p1:1 key=9999", 1, 1, 1, "too many keys"},
    };
    (void)state;
    for (int64_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(read_text(bad[i].text), 1);
        if (first.line != bad[i].line || first.column != bad[i].column ||
            first.width != bad[i].width || !strstr(first.what, bad[i].says))
            fail_msg("%s: %d:%d (%d): %s", bad[i].text, (int)first.line, (int)first.column,
                     (int)first.width, first.what);
        if (i + 1 < ARRAY_LEN(bad)) history_file_release(&file);
    }
}

static void
every_wrong_line_is_told(void **state)
{
    (void)state;
    assert_int_equal(read_text("x\n1.0 = - healed -\ny\n"), 2);
    assert_int_equal(first.line, 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(what_is_lost_without_a_cause_is_a_broken_promise),
        CASE(what_happened_to_the_copies_excuses),
        CASE(what_was_removed_on_demand_is_not_lost),
        CASE(the_order_of_lines_is_nothing_that_happened),
        CASE(what_is_written_reads_the_same),
        CASE(what_is_wrong_is_said_with_its_place),
        CASE(every_wrong_line_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
