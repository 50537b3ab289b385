#include "broker/base/fmt.h"
#include "tests/unit/visualize/synthetic.h"

static int64_t
count(const struct writer *w, const char *text)
{
    int64_t n = (int64_t)strlen(text), found = 0;
    for (int64_t i = 0; i + n <= w->n; i++) found += memcmp(w->p + i, text, (size_t)n) == 0;
    return found;
}

static void
the_same_run_gives_the_same_bytes(void **state)
{
    (void)state;
    struct writer first = {0};
    struct synthetic a;
    struct trace_reader *r = synthetic_run(&a);
    first = writer_mem(&a.mem);
    assert_true(visualize_timeline(&a.mem, r, NULL, &first));
    assert_true(visualize_frame_dot(&a.mem, r, NULL, &first));
    struct synthetic b;
    struct trace_reader *q = synthetic_run(&b);
    struct writer second = writer_mem(&b.mem);
    assert_true(visualize_timeline(&b.mem, q, NULL, &second));
    assert_true(visualize_frame_dot(&b.mem, q, NULL, &second));
    assert_int_equal(first.n, second.n);
    assert_memory_equal(first.p, second.p, (size_t)first.n);
    writer_release(&first);
    writer_release(&second);
    synthetic_release(&a, r);
    synthetic_release(&b, q);
}

static void
it_shows_lanes_messages_and_what_was_cut_off(void **state)
{
    (void)state;
    struct synthetic s;
    struct trace_reader *r = synthetic_run(&s);
    struct writer w = writer_mem(&s.mem);
    assert_true(visualize_timeline(&s.mem, r, NULL, &w));
    assert_int_equal(count(&w, "role=\"img\""), 1);
    assert_int_equal(count(&w, "Two &lt;brokers&gt; &amp; a &quot;crash&quot;."), 1);
    assert_int_equal(count(&w, "prefers-color-scheme:dark"), 1);
    assert_true(count(&w, "leader \xc2\xb7 epoch 0") >= 1);
    assert_true(count(&w, "leader \xc2\xb7 epoch 1") >= 1);
    assert_int_equal(count(&w, ">k1 active \xc2\xb7 epoch 1</text>"), 1);
    assert_int_equal(count(&w, ">cut: 2 records</text>"), 1);
    assert_int_equal(count(&w, ">2 not committed</text>"), 1);
    assert_int_equal(count(&w, "p1 to b1, sent at 0.460 s, lost"), 1);
    assert_int_equal(count(&w, "class=\"tear\""), 4);    /* two edges of two cuts */
    assert_true(count(&w, "class=\"uncommitted\"") > 1); /* one is the legend's */
    struct view_options whole = {.no_cuts = true};
    w.n = 0;
    assert_true(visualize_timeline(&s.mem, r, &whole, &w));
    assert_int_equal(count(&w, "class=\"tear\""), 0);
    writer_release(&w);
    synthetic_release(&s, r);
}

static void
a_topic_that_was_made_again_is_told_from_the_former(void **state)
{
    (void)state;
    struct synthetic s;
    struct trace_reader *r = synthetic_made_again_run(&s);
    struct writer w = writer_mem(&s.mem);
    assert_true(visualize_timeline(&s.mem, r, NULL, &w));
    assert_int_equal(count(&w, "<title>leader \xc2\xb7 epoch 0</title>"), 1);
    assert_int_equal(count(&w, "<title>leader \xc2\xb7 epoch 0 \xc2\xb7 2nd orders</title>"), 1);
    assert_int_equal(count(&w, "3rd orders"), 0);
    writer_release(&w);
    synthetic_release(&s, r);
}

static int64_t
place(const struct writer *w, const char *text, bool is_last)
{
    int64_t n = (int64_t)strlen(text), found = -1;
    for (int64_t i = 0; i + n <= w->n && (is_last || found < 0); i++)
        if (memcmp(w->p + i, text, (size_t)n) == 0) found = i;
    return found;
}

/* And have a halo, so that the lines do not strike them out. */
static void
words_of_faults_stand_over_their_lines(void **state)
{
    (void)state;
    struct synthetic s;
    struct trace_reader *r = synthetic_run(&s);
    struct writer w = writer_mem(&s.mem);
    assert_true(visualize_timeline(&s.mem, r, NULL, &w));
    int64_t words = place(&w, ">crash b1</text>", false);
    assert_true(place(&w, "class=\"fault-line\"", true) >= 0);
    assert_true(place(&w, "class=\"fault-line\"", true) < words);
    assert_true(place(&w, "class=\"ink s11 halo\"", false) < words);
    writer_release(&w);
    synthetic_release(&s, r);
}

static void
the_budget_of_arrows_is_kept_and_the_rest_counted(void **state)
{
    (void)state;
    struct synthetic s;
    struct trace_reader *r = synthetic_run(&s);
    struct writer all = writer_mem(&s.mem), one = writer_mem(&s.mem);
    struct view_options o = {.arrows_max = 1};
    assert_true(visualize_timeline(&s.mem, r, NULL, &all));
    assert_true(visualize_timeline(&s.mem, r, &o, &one));
    assert_int_equal(count(&all, "id=\"message-"), 4);
    assert_int_equal(count(&one, "id=\"message-"), 1);
    assert_int_equal(count(&all, "hidden: "), 0);
    assert_int_equal(count(&one, "hidden: "), 1);
    assert_int_equal(count(&all, "1 AlterPartition"), 0);
    assert_int_equal(count(&one, "1 AlterPartition"), 1);
    writer_release(&all);
    writer_release(&one);
    synthetic_release(&s, r);
}

static void
a_window_shows_its_time_only(void **state)
{
    (void)state;
    struct synthetic s;
    struct trace_reader *r = synthetic_run(&s);
    struct writer w = writer_mem(&s.mem);
    struct view_options o = {.has_window = true, .from_ns = 8900 * MS, .to_ns = 9100 * MS};
    assert_true(visualize_timeline(&s.mem, r, &o, &w));
    assert_int_equal(count(&w, "id=\"sentence-6\""), 0);
    assert_int_equal(count(&w, "id=\"sentence-10\""), 1);
    assert_int_equal(count(&w, ">cut: 2 records</text>"), 1);
    writer_release(&w);
    synthetic_release(&s, r);
}

/* So many fetches of b2's, 1 ms after each other from 1000 ms on, each under way for 4 ms. */
static struct trace_reader *
fetching_run(struct synthetic *s, int fetches)
{
    *s = (struct synthetic){0};
    test_mem_init(&s->mem);
    s->bytes = writer_mem(&s->mem);
    s->t = trace_open(&s->mem, NULL, trace_put_memory, &s->bytes);
    synthetic_beginning(s);
    for (int i = 0; i < fetches; i++) {
        s->now_ns = (1000 + i) * MS;
        put_frame(s, B2, B1, K_API_FETCH, 1, 4 * MS);
    }
    s->now_ns = 5000 * MS;
    put(s, (struct trace_record){.kind = TRACE_END, .machine = -1, .n = {1234}});
    return synthetic_end(s);
}

static void
a_short_window_shows_each_message_in_it(void **state)
{
    (void)state;
    struct synthetic s;
    struct trace_reader *r = fetching_run(&s, 20);
    struct writer whole = writer_mem(&s.mem), part = writer_mem(&s.mem);
    struct view_options o = {.has_window = true, .from_ns = 1002 * MS, .to_ns = 1008 * MS};
    assert_true(visualize_timeline(&s.mem, r, NULL, &whole));
    assert_int_equal(count(&whole, "<title>Fetch: b2 to b1"), 0);
    assert_int_equal(count(&whole, "20 Fetch"), 1);
    assert_true(visualize_timeline(&s.mem, r, &o, &part));
    /* Sent at 1000 … 1008: the first two and the last four are there in part, these without a head. */
    assert_int_equal(count(&part, "<title>Fetch: b2 to b1"), 9);
    assert_int_equal(count(&part, "class=\"f-data\" d=\""), 5 + 2); /* two are the legend's */
    assert_int_equal(count(&part, " Fetch"), 1);                    /* the legend's */
    writer_release(&whole);
    writer_release(&part);
    synthetic_release(&s, r);
}

static void
what_is_deleted_from_the_front_is_drawn_and_what_begins_a_segment(void **state)
{
    (void)state;
    struct synthetic s = {0};
    test_mem_init(&s.mem);
    s.bytes = writer_mem(&s.mem);
    s.t = trace_open(&s.mem, NULL, trace_put_memory, &s.bytes);
    synthetic_beginning(&s);
    for (int64_t i = 0; i < 4; i++) {
        s.now_ns = (1000 + i * 100) * MS;
        put_batch(&s, B1, i * 10, 10, 0, true, i * 10 + 10);
        put_note(&s, B1, NOTE_LOG_ROLL, S("orders-0"), SLICE_NULL, i * 10 + 10, 0, 0, 0);
    }
    s.now_ns = 1500 * MS;
    put_note(&s, B1, NOTE_LOG_START, S("orders-0"), SLICE_NULL, 20, 0, 0, 0);
    s.now_ns = 2000 * MS;
    put(&s, (struct trace_record){.kind = TRACE_END, .machine = -1, .n = {1234}});
    struct trace_reader *r = synthetic_end(&s);
    struct writer whole = writer_mem(&s.mem), before = writer_mem(&s.mem);
    struct view_options o = {.has_window = true, .from_ns = 900 * MS, .to_ns = 1400 * MS};
    assert_true(visualize_timeline(&s.mem, r, NULL, &whole));
    assert_int_equal(count(&whole, "class=\"roll\""), 4 + 1); /* one is the legend's */
    assert_int_equal(count(&whole, ">deleted: below 20<"), 1);
    assert_true(visualize_timeline(&s.mem, r, &o, &before)); /* nothing is deleted yet */
    assert_int_equal(count(&before, "class=\"roll\""), 0);
    assert_int_equal(count(&before, "log start"), 0);
    writer_release(&whole);
    writer_release(&before);
    synthetic_release(&s, r);
}

/* b2 lacks ten records for a moment that is narrower than a pixel of this picture, and none for the rest. */
static void
a_lag_that_is_over_at_once_is_not_drawn_on(void **state)
{
    (void)state;
    struct synthetic s = {0};
    test_mem_init(&s.mem);
    s.bytes = writer_mem(&s.mem);
    s.t = trace_open(&s.mem, NULL, trace_put_memory, &s.bytes);
    synthetic_beginning(&s);
    s.now_ns = 1000 * MS;
    put_batch(&s, B1, 0, 10, 0, true, 10);
    s.now_ns += MS / 10;
    put_batch(&s, B2, 0, 10, 0, false, 10);
    s.now_ns = 9000 * MS;
    put(&s, (struct trace_record){.kind = TRACE_END, .machine = -1, .n = {1234}});
    struct trace_reader *r = synthetic_end(&s);
    struct writer w = writer_mem(&s.mem);
    struct view_options o = {.has_metrics = true, .no_cuts = true};
    assert_true(visualize_timeline(&s.mem, r, &o, &w));
    assert_int_equal(count(&w, ">most 10<"), 1);
    /* Below, the legend has one as well. */
    writer_i8(&w, 0);
    const char *at = strstr((const char *)w.p, "class=\"uncommitted\" x=");
    assert_non_null(at);
    at = strstr(at, "width=");
    assert_int_equal(strncmp(at, "width=\"1\"", 9), 0);
    writer_release(&w);
    synthetic_release(&s, r);
}

static void
a_window_with_too_many_messages_says_how_many(void **state)
{
    (void)state;
    struct synthetic s;
    for (int fetches = 161; fetches < 2000; fetches += 1500) {
        struct trace_reader *r = fetching_run(&s, fetches);
        struct writer w = writer_mem(&s.mem);
        struct view_options o = {.has_window = true, .from_ns = 900 * MS, .to_ns = 3000 * MS};
        assert_true(visualize_timeline(&s.mem, r, &o, &w));
        assert_int_equal(count(&w, "<title>Fetch: b2 to b1"), 0);
        assert_int_equal(count(&w, fetches == 161 ? "161 Fetch" : "1,661 Fetch"), 1);
        writer_release(&w);
        synthetic_release(&s, r);
    }
}

static int64_t
attribute(const uint8_t *at, const uint8_t *end, const char *name)
{
    int64_t n = (int64_t)strlen(name), v = 0;
    for (; at + n < end && *at != '>'; at++)
        if (memcmp(at, name, (size_t)n) == 0) {
            for (at += n; *at >= '0' && *at <= '9'; at++) v = v * 10 + (*at - '0');
            return v;
        }
    return -1;
}

/* The numbers in circles: eighteen pixels wide, none over another in its row. */
static void
numbers_do_not_lie_on_each_other(void **state)
{
    (void)state;
    struct synthetic s;
    struct trace_reader *r = synthetic_run(&s);
    struct writer w = writer_mem(&s.mem);
    assert_true(visualize_timeline(&s.mem, r, NULL, &w));
    int64_t x[64], y[64];
    int n = 0;
    for (const uint8_t *p = w.p; p + 20 < w.p + w.n && n < 64; p++) {
        if (memcmp(p, "<circle class=\"number", 21) != 0) continue;
        if (attribute(p, w.p + w.n, " r=\"") != 9) continue;
        x[n] = attribute(p, w.p + w.n, " cx=\"");
        y[n] = attribute(p, w.p + w.n, " cy=\"");
        for (int i = 0; i < n; i++)
            assert_true(y[i] != y[n] || x[i] - x[n] >= 18 || x[n] - x[i] >= 18);
        n++;
    }
    assert_true(n > 20); /* each twice: in its lane, and before its sentence */
    writer_release(&w);
    synthetic_release(&s, r);
}

/* Forty cuts and a crash of the leader among them: what is told is from all of the run, and the crash is. */
static void
of_many_faults_those_are_told_that_matter(void **state)
{
    (void)state;
    struct synthetic s = {0};
    test_mem_init(&s.mem);
    s.bytes = writer_mem(&s.mem);
    s.t = trace_open(&s.mem, NULL, trace_put_memory, &s.bytes);
    synthetic_beginning(&s);
    for (int i = 0; i < 40; i++) {
        s.now_ns = (1000 + i * 250) * MS;
        bool is_crash = i == 25;
        put(&s, (struct trace_record){.kind = TRACE_FAULT,
                                      .machine = -1,
                                      .a = is_crash ? S("crash") : S("cut"),
                                      .b = is_crash ? S("b1") : S("b1 > b2")});
    }
    trace_close(s.t);
    struct trace_reader *r = trace_reader_new(&s.mem, writer_slice(&s.bytes));
    struct writer w = writer_mem(&s.mem);
    assert_true(visualize_timeline(&s.mem, r, NULL, &w));
    assert_int_equal(count(&w, "id=\"sentence-"), 16);
    assert_int_equal(count(&w, ">b1 crashes, leader of orders-0 (epoch 0)<"), 1);
    assert_true(count(&w, ">the network is cut one way, from b1 to b2<") > 10);
    assert_true(count(&w, ">1.") > 0 && count(&w, ">5.") > 0 && count(&w, ">10.") > 0);
    writer_release(&w);
    synthetic_release(&s, r);
}

static void
a_frame_shows_the_records_of_that_moment(void **state)
{
    (void)state;
    struct synthetic s;
    struct trace_reader *r = synthetic_run(&s);
    struct writer then = writer_mem(&s.mem), later = writer_mem(&s.mem);
    int64_t at = 440 * MS;
    struct view_options o = {.at_ns = &at, .at_n = 1};
    assert_true(visualize_frame_dot(&s.mem, r, &o, &then));
    assert_int_equal(count(&then, "(4)"), 1); /* on b1, not committed; b2 has it not */
    assert_int_equal(count(&then, ">e1<"), 0);
    assert_int_equal(count(&then, "leader, epoch 0"), 1);
    assert_int_equal(count(&then, ">fetches at 4<"), 1);
    assert_int_equal(count(&then, ">behind by 2<"), 1);
    at = 8999 * MS;
    assert_true(visualize_frame_dot(&s.mem, r, &o, &later));
    assert_int_equal(count(&later, ">down<"), 1);
    assert_int_equal(count(&later, "BORDER=\"3\""), 2); /* what b1 will have to cut off */
    assert_int_equal(count(&later, ">e1<"), 5);
    writer_release(&then);
    writer_release(&later);
    synthetic_release(&s, r);
}

static void
a_frame_is_painted_again_and_again_alike(void **state)
{
    (void)state;
    struct synthetic s;
    struct trace_reader *r = synthetic_run(&s);
    struct writer once = writer_mem(&s.mem), again = writer_mem(&s.mem);
    assert_true(visualize_frame_svg(&s.mem, r, NULL, &once));
    assert_true(visualize_frame_svg(&s.mem, r, NULL, &again));
    assert_true(once.n > 10000);
    assert_int_equal(count(&once, "role=\"img\""), 1);
    assert_int_equal(count(&once, "prefers-color-scheme:dark"), 1);
    assert_int_equal(once.n, again.n);
    assert_memory_equal(once.p, again.p, (size_t)once.n);
    writer_release(&once);
    writer_release(&again);
    synthetic_release(&s, r);
}

/* KIP-848 and KIP-932 have no generations. */
static void
newer_groups_have_group_epochs(void **state)
{
    static const enum note_group kinds[] = {NOTE_GROUP_CONSUMER, NOTE_GROUP_SHARE};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct synthetic s;
        struct trace_reader *r = synthetic_newer_group_run(&s, kinds[i]);
        struct writer w = writer_mem(&s.mem);
        assert_true(visualize_timeline(&s.mem, r, NULL, &w));
        assert_int_equal(count(&w, "\xc2\xb7 generation"), 0);
        assert_true(count(&w, "Stable \xc2\xb7 group epoch 1, 1 member") >= 1);
        writer_release(&w);
        synthetic_release(&s, r);
    }
}

static void
a_streams_group_has_epochs_and_copies(void **state)
{
    (void)state;
    struct synthetic s;
    struct trace_reader *r = synthetic_group_run(&s);
    struct writer w = writer_mem(&s.mem);
    assert_true(visualize_timeline(&s.mem, r, NULL, &w));
    assert_int_equal(count(&w, ">group</text>"), 1);
    assert_true(count(&w, "Stable \xc2\xb7 generation 1, 1 member") >= 1);
    assert_int_equal(count(&w, "(standby)"), 0);
    int64_t thin = count(&w, "height=\"3\"");
    writer_release(&w);
    synthetic_release(&s, r);
    r = synthetic_streams_run(&s);
    w = writer_mem(&s.mem);
    assert_true(visualize_timeline(&s.mem, r, NULL, &w));
    assert_int_equal(count(&w, ">streams group</text>"), 1);
    assert_int_equal(count(&w, "Stable \xc2\xb7 generation"), 0);
    assert_true(count(&w, "Stable \xc2\xb7 group epoch 1, 1 member") >= 1);
    assert_int_equal(count(&w, "keeps a copy of it (standby)"), 1);
    assert_int_equal(count(&w, "height=\"3\""), thin + 2); /* the copy, and the legend's */
    writer_release(&w);
    synthetic_release(&s, r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_run_gives_the_same_bytes),
        cmocka_unit_test(it_shows_lanes_messages_and_what_was_cut_off),
        cmocka_unit_test(a_topic_that_was_made_again_is_told_from_the_former),
        cmocka_unit_test(words_of_faults_stand_over_their_lines),
        cmocka_unit_test(the_budget_of_arrows_is_kept_and_the_rest_counted),
        cmocka_unit_test(a_window_shows_its_time_only),
        cmocka_unit_test(a_short_window_shows_each_message_in_it),
        cmocka_unit_test(what_is_deleted_from_the_front_is_drawn_and_what_begins_a_segment),
        cmocka_unit_test(a_window_with_too_many_messages_says_how_many),
        cmocka_unit_test(numbers_do_not_lie_on_each_other),
        cmocka_unit_test(of_many_faults_those_are_told_that_matter),
        cmocka_unit_test(a_lag_that_is_over_at_once_is_not_drawn_on),
        cmocka_unit_test(a_frame_shows_the_records_of_that_moment),
        cmocka_unit_test(a_frame_is_painted_again_and_again_alike),
        cmocka_unit_test(newer_groups_have_group_epochs),
        cmocka_unit_test(a_streams_group_has_epochs_and_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
