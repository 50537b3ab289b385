#include "broker/env/marks.h"
#include "tests/unit/visualize/synthetic.h"

static bool
has(const struct writer *w, const char *text)
{
    int64_t n = (int64_t)strlen(text);
    for (int64_t i = 0; i + n <= w->n; i++)
        if (memcmp(w->p + i, text, (size_t)n) == 0) return true;
    return false;
}

static void
the_run_is_told_in_order_with_causes(void **state)
{
    (void)state;
    struct synthetic s;
    struct trace_reader *r = synthetic_run(&s);
    struct writer w = writer_mem(&s.mem);
    assert_true(visualize_story(&s.mem, r, NULL, &w));
    assert_slice(
        writer_slice(&w),
        "small: seed 7, 2 brokers (b1 b2), 1 controller (k1), 1 client (p1), 9.50 s of cluster "
        "life\n"
        "Two <brokers> & a \"crash\".\n"
        "\n"
        "  1    0.100 s  k1 is elected active controller (epoch 1)\n"
        "  2    0.130 s  the brokers have registered and serve: b1, b2\n"
        "  3    0.200 s  topic orders is created: 1 partition, replication factor 2\n"
        "  4    0.200 s  b1 leads orders-0 (epoch 0), ISR {1,2}\n"
        "  5    0.303 s  p1 gets its first acknowledgement (p1:1, acks=1)\n"
        "  6    0.450 s  b1 crashes, leader of orders-0 (epoch 0)\n"
        "  7    1.440 s  1 send of p1 ends unknown (p1:7; REQUEST_TIMED_OUT)\n"
        "  8    1.450 s  controller k1 fences b1\n"
        "  9    1.450 s  b2 leads orders-0 (epoch 1), ISR {2}\n"
        " 10    9.000 s  b1 starts again\n"
        " 11    9.010 s  b1 finds orders-0 on its disk, up to offset 5\n"
        " 12    9.020 s  lost (allowed) in orders-0, offsets 4 to 5 (2 records): acknowledged, and "
        "not in the\n"
        "                log\n"
        "                - 0.401 s  p1:5 is acknowledged at offset 4 (acks=1: the leader alone)\n"
        "                - 0.401 s  b1 alone has it by then; ISR {1,2}\n"
        "                - 0.450 s  b1 crashes\n"
        "                - 1.450 s  b2 becomes leader (epoch 1) without it\n"
        "                - 9.020 s  b1 cuts it off\n"
        " 13    9.020 s  b1 cuts its log of orders-0 at 4: 2 records (offsets 4 to 5) are not in "
        "the log of\n"
        "                leader b2\n"
        " 14    9.030 s  controller k1 unfences b1\n"
        " 15    9.030 s  ISR of orders-0 grows from {2} to {1,2}\n"
        " 16    9.500 s  pass: it lost what it must (produced 5, acknowledged 4, unknown 1, failed "
        "0, read\n"
        "                back 9)\n");
    writer_release(&w);
    synthetic_release(&s, r);
}

static void
what_stands_twice_is_told_with_both_writings(void **state)
{
    (void)state;
    struct synthetic s = {0};
    test_mem_init(&s.mem);
    s.bytes = writer_mem(&s.mem);
    s.t = trace_open(&s.mem, NULL, trace_put_memory, &s.bytes);
    synthetic_beginning(&s);
    s.now_ns = 300 * MS;
    put_batch(&s, B1, 0, 1, 0, true, 1);
    s.now_ns = 700 * MS;
    put_batch(&s, B1, 1, 1, 0, true, 2);
    put_call(&s, S("p1:1"), VIEW_OK, 1, 290 * MS, 703 * MS);
    put(&s,
        (struct trace_record){.kind = TRACE_SAID,
                              .machine = -1,
                              .a = S("anomaly"),
                              .b = S("duplicate orders-0"),
                              .c = S("p1:1 was sent; it lies at offset 0 and again at offset 1"),
                              .n = {-1, 1, 0, VIEW_CHECKER}});
    trace_close(s.t);
    struct trace_reader *r = trace_reader_new(&s.mem, writer_slice(&s.bytes));
    struct writer w = writer_mem(&s.mem);
    assert_true(visualize_story(&s.mem, r, NULL, &w));
    assert_true(has(&w, "duplicate in orders-0 at offset 1: p1:1 was sent; it lies at offset 0"));
    assert_true(has(&w, "                - 0.290 s  p1:1 is sent\n"
                        "                - 0.300 s  b1 writes it at offset 0\n"
                        "                - 0.700 s  b1 writes it again, at offset 1\n"
                        "                - 0.703 s  p1:1 is acknowledged at offset 1 (acks=1"));
    writer_release(&w);
    synthetic_release(&s, r);
}

static void
begin_story(struct synthetic *s)
{
    *s = (struct synthetic){0};
    test_mem_init(&s->mem);
    s->bytes = writer_mem(&s->mem);
    s->t = trace_open(&s->mem, NULL, trace_put_memory, &s->bytes);
    synthetic_beginning(s);
}

static void
put_txn(struct synthetic *s, int64_t at_ms, int machine, const char *state, int64_t epoch,
        enum note_txn_end ended_by)
{
    s->now_ns = at_ms * MS;
    put_note(s, machine, NOTE_TXN_STATE, S("t1"), slice_cstr(state), 4000, epoch, ended_by, 0);
}

static void
story_of(struct synthetic *s, struct writer *ret)
{
    struct trace_reader *r = synthetic_end(s);
    *ret = writer_mem(&s->mem);
    assert_true(visualize_story(&s->mem, r, NULL, ret));
    trace_reader_free(r);
}

static void
end_story(struct synthetic *s, struct writer *w)
{
    writer_release(w);
    writer_release(&s->bytes);
    assert_int_equal(s->mem.used_bytes, 0);
    mem_release(&s->mem);
}

static void
each_of_a_few_transactions_is_told(void **state)
{
    (void)state;
    struct synthetic s;
    struct writer w;
    begin_story(&s);
    put_txn(&s, 300, B1, "Empty", 0, NOTE_TXN_END_ASKED);
    put_txn(&s, 310, B1, "Ongoing", 0, NOTE_TXN_END_ASKED);
    put_txn(&s, 320, B1, "PrepareCommit", 1, NOTE_TXN_END_ASKED);
    put_txn(&s, 330, B1, "CompleteCommit", 1, NOTE_TXN_END_ASKED);
    put_txn(&s, 340, B1, "Ongoing", 1, NOTE_TXN_END_ASKED);
    put_txn(&s, 350, B1, "PrepareAbort", 2, NOTE_TXN_END_ASKED);
    put_txn(&s, 1400, B1, "CompleteAbort", 2, NOTE_TXN_END_ASKED);
    put_txn(&s, 1500, B1, "Ongoing", 2, NOTE_TXN_END_ASKED);
    put_txn(&s, 1510, B2, "Ongoing", 2, NOTE_TXN_END_ASKED); /* another coordinator */
    put_txn(&s, 5500, B2, "PrepareAbort", 3, NOTE_TXN_END_LATE);
    put_txn(&s, 5510, B2, "CompleteAbort", 3, NOTE_TXN_END_ASKED);
    put_txn(&s, 5600, B2, "Ongoing", 3, NOTE_TXN_END_ASKED);
    put_txn(&s, 5700, B2, "PrepareAbort", 4, NOTE_TXN_END_REPLACED);
    put_txn(&s, 5710, B2, "CompleteAbort", 4, NOTE_TXN_END_ASKED);
    put_txn(&s, 5800, B2, "Ongoing", 5, NOTE_TXN_END_ASKED);
    s.now_ns = 9000 * MS;
    put(&s, (struct trace_record){.kind = TRACE_END, .machine = -1, .n = {1}});
    story_of(&s, &w);
    assert_true(has(&w, "transactional id t1 begins its first transaction (producer epoch 0)\n"));
    assert_true(has(&w, "  t1 commits the transaction, 10 ms after its begin\n"));
    assert_true(has(&w, "  t1 begins a transaction (producer epoch 1)\n"));
    assert_true(has(&w, "  t1 aborts the transaction, 10 ms after its begin\n"));
    assert_true(has(&w, "the abort of t1 has all its markers, 1.05 s after it was decided\n"));
    assert_true(has(&w, "coordinator b2 aborts the transaction of t1: it has been open for 4.00 s, "
                        "longer"));
    assert_true(
        has(&w, "coordinator b2 aborts the transaction of t1: a producer begins anew with"));
    assert_true(has(&w, "t1 begins a transaction that nobody ends (producer epoch 5)\n"));
    assert_false(has(&w, "has had"));
    end_story(&s, &w);
}

static void
of_many_transactions_the_odd_ones_are_told(void **state)
{
    (void)state;
    struct synthetic s;
    struct writer w;
    begin_story(&s);
    for (int64_t i = 0; i < 30; i++) {
        bool is_abort = i % 3 == 2, is_late = i == 20;
        int64_t at = 300 + 20 * i + (i > 20 ? 3000 : 0);
        put_txn(&s, at, B1, "Ongoing", i, NOTE_TXN_END_ASKED);
        put_txn(&s, at + 5 + (is_late ? 3000 : 0), B1, is_abort ? "PrepareAbort" : "PrepareCommit",
                i + 1, is_late ? NOTE_TXN_END_LATE : NOTE_TXN_END_ASKED);
        put_txn(&s, at + 6 + (is_late ? 3000 : 0), B1,
                is_abort ? "CompleteAbort" : "CompleteCommit", i + 1, NOTE_TXN_END_ASKED);
    }
    story_of(&s, &w);
    assert_true(has(&w, "  t1 commits it, 5 ms after its begin\n"));
    assert_true(has(&w, "  t1 aborts one for the first time, 5 ms after its begin\n"));
    assert_true(has(&w, "  t1 begins a transaction (producer epoch 20)\n"));
    assert_true(
        has(&w, "coordinator b1 aborts the transaction of t1: it has been open for 3.01 s"));
    assert_false(has(&w, "(producer epoch 19)"));
    assert_true(has(&w, "transactional id t1 has had 30 transactions: 20 committed, 9 aborted as"));
    end_story(&s, &w);
}

static void
put_start(struct synthetic *s, int64_t at_ms, int machine, int64_t offset, bool is_retention)
{
    s->now_ns = at_ms * MS;
    if (is_retention)
        put_note(s, machine, NOTE_MARK, slice_cstr(mark_spelling(MARK_RETENTION_REMOVES)),
                 SLICE_EMPTY, MARK_RETENTION_REMOVES, 0, 0, 0);
    put_note(s, machine, NOTE_LOG_START, S("orders-0"), SLICE_EMPTY, offset, 0, 0, 0);
}

static void
what_goes_from_the_front_of_a_log_is_told(void **state)
{
    (void)state;
    struct synthetic s;
    struct writer w;
    begin_story(&s);
    put_start(&s, 300, B1, 50, true);
    put_start(&s, 301, B2, 50, false); /* a follower does as its leader */
    put_start(&s, 400, B1, 51, false);
    story_of(&s, &w);
    assert_true(has(&w, "0.300 s  retention takes offsets 0 to 49 from orders-0 (leader b1)\n"));
    assert_true(has(&w, "0.400 s  DeleteRecords takes offset 50 from orders-0 (leader b1)\n"));
    assert_false(has(&w, "0.301 s"));
    end_story(&s, &w);
    begin_story(&s);
    for (int64_t i = 1; i <= 9; i++) put_start(&s, 300 + 10 * i, B1, 100 * i, true);
    story_of(&s, &w);
    assert_true(has(&w, "0.310 s  retention takes offsets 0 to 99 from orders-0 (leader b1)\n"));
    assert_true(has(&w, "0.390 s  retention has moved the start of orders-0 9 times; its first "
                        "offset is 900 by now\n"));
    assert_false(has(&w, "0.320 s"));
    end_story(&s, &w);
}

static void
a_partition_that_is_not_there_is_no_error(void **state)
{
    (void)state;
    struct synthetic s;
    struct trace_reader *r = synthetic_run(&s);
    struct writer w = writer_mem(&s.mem);
    struct view_options o = {.partition = S("nothing-0")};
    assert_true(visualize_story(&s.mem, r, &o, &w));
    assert_true(visualize_timeline(&s.mem, r, &o, &w));
    assert_true(visualize_frame_dot(&s.mem, r, &o, &w));
    assert_true(has(&w, "</svg>"));
    writer_release(&w);
    synthetic_release(&s, r);
}

static void
a_trace_of_nothing_is_told_and_drawn(void **state)
{
    (void)state;
    struct mem mem;
    test_mem_init(&mem);
    struct writer bytes = writer_mem(&mem), w = writer_mem(&mem);
    trace_close(trace_open(&mem, NULL, trace_put_memory, &bytes));
    struct trace_reader *r = trace_reader_new(&mem, writer_slice(&bytes));
    assert_true(visualize_story(&mem, r, NULL, &w));
    assert_true(visualize_timeline(&mem, r, NULL, &w));
    assert_true(visualize_frame_dot(&mem, r, NULL, &w));
    assert_true(has(&w, "</svg>"));
    trace_reader_free(r);
    mem_release(&mem);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_run_is_told_in_order_with_causes),
        cmocka_unit_test(what_stands_twice_is_told_with_both_writings),
        cmocka_unit_test(each_of_a_few_transactions_is_told),
        cmocka_unit_test(of_many_transactions_the_odd_ones_are_told),
        cmocka_unit_test(what_goes_from_the_front_of_a_log_is_told),
        cmocka_unit_test(a_partition_that_is_not_there_is_no_error),
        cmocka_unit_test(a_trace_of_nothing_is_told_and_drawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
