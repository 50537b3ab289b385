#include "sim/history/history.h"
#include "tests/lib/test.h"

static int64_t clock_ns;

static int64_t
now(void *ctx)
{
    (void)ctx;
    return clock_ns;
}

static struct mem mem;
static struct history h;

static int
set_up(void **state)
{
    (void)state;
    test_mem_init(&mem);
    history_init(&h, &mem, now, NULL);
    clock_ns = 0;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    history_release(&h);
    assert_int_equal(mem.used_bytes, 0);
    mem_release(&mem);
    return 0;
}

static int64_t
invoke_send(int32_t process)
{
    struct history_op op =
        history_op_new(HISTORY_SEND, process, history_topic(&h, S("orders")), -1);
    op.value = history_next_value(&h, process);
    return history_invoke(&h, &op);
}

static void
values_are_unique_and_name_their_writer(void **state)
{
    (void)state;
    int32_t p1 = history_process(&h, S("p1")), p2 = history_process(&h, S("p2"));
    uint64_t a = history_next_value(&h, p1), b = history_next_value(&h, p2),
             c = history_next_value(&h, p2);
    assert_true(a != b && b != c && a != 0);
    assert_int_equal(history_value_process(c), p2);
    assert_int_equal(history_value_n(c), 2);
    assert_int_equal(history_process(&h, S("p1")), p1);
    assert_true(history_gave_value(&h, a) && history_gave_value(&h, b) &&
                history_gave_value(&h, c));
    assert_false(history_gave_value(&h, history_value(p2, 3)));
    assert_false(history_gave_value(&h, history_value(p2 + 1, 1)));
    assert_false(history_gave_value(&h, history_value(p1, 0)));
    assert_false(history_gave_value(&h, 1));
    assert_false(history_gave_value(&h, UINT64_MAX));
}

static void
events_come_in_the_order_in_which_things_happened(void **state)
{
    (void)state;
    int32_t p = history_process(&h, S("p1"));
    int64_t first = invoke_send(p), second = invoke_send(p);
    clock_ns = 5;
    history_complete(&h, second, HISTORY_OK, 0, 1, 40);
    history_complete(&h, first, HISTORY_FAIL, 19, 1, -1);
    assert_int_equal(h.events.n, 4);
    assert_int_equal(history_event_op(h.events.v[2]), second);
    assert_true(history_event_is_complete(h.events.v[2]));
    assert_int_equal(history_event_ns(&h, h.events.v[2]), 5);
    assert_int_equal(h.ops.v[second].offset, 40);
    assert_int_equal(h.topics.v[0].partitions, 2);
}

static void
what_never_ended_counts_as_info(void **state)
{
    (void)state;
    int64_t op = invoke_send(history_process(&h, S("p1")));
    assert_true(history_is_info(&h.ops.v[op]));
    history_complete(&h, op, HISTORY_OK, 0, 0, 0);
    assert_false(history_is_info(&h.ops.v[op]));
}

static void
prints_a_line_for_each_operation(void **state)
{
    (void)state;
    int32_t p = history_process(&h, S("p1")), c = history_process(&h, S("c1"));
    int64_t op = invoke_send(p);
    clock_ns = 4000000;
    history_complete(&h, op, HISTORY_OK, 0, 0, 7);
    struct history_op poll = history_op_new(HISTORY_POLL, c, 0, 0);
    struct history_read read = {7, h.ops.v[op].value, 1};
    poll.offset = 8;
    history_add(&h, &poll, HISTORY_OK, &read, 1);
    struct writer w = writer_mem(&mem);
    history_print(&h, &w);
    assert_slice(writer_slice(&w),
                 "0.000000000 0.004000000 p1 send orders-0 p1:1 ok @7 acks=0 plain\n"
                 "0.004000000 = c1 poll orders-0 @8 7=p1:1/1\n");
    writer_release(&w);
}

static void
names_of_others_are_one_word_and_come_back(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"plain-name.1", "plain-name.1"},
                                           {"my group", "my%20group"},
                                           {"100%\n", "100%25%0a"},
                                           {"", "%"},
                                           {"%20", "%2520"}};
    for (int i = 0; i < 5; i++) {
        uint8_t room[64];
        struct writer w = writer_mem(&mem);
        history_name_write(&w, slice_cstr(pairs[i][0]));
        assert_true(slice_eq(writer_slice(&w), slice_cstr(pairs[i][1])));
        int64_t n = history_name_read(writer_slice(&w), room);
        assert_true(slice_eq(slice(room, n), slice_cstr(pairs[i][0])));
        writer_release(&w);
    }
    uint8_t room[8];
    assert_int_equal(history_name_read(S("a%2"), room), 3); /* nobody wrote that */
    assert_int_equal(history_name_read(S("a%zz"), room), 4);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(values_are_unique_and_name_their_writer),
        CASE(events_come_in_the_order_in_which_things_happened),
        CASE(what_never_ended_counts_as_info),
        CASE(prints_a_line_for_each_operation),
        CASE(names_of_others_are_one_word_and_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
