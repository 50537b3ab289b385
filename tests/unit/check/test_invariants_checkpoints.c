/* What checkpoints say of logs, against the logs. */
#include "sim/check/invariants_own.h"
#include "tests/unit/check/written.h"

#define ORDERS S("orders-0")
#define POINTS "data/recovery-point-offset-checkpoint"
#define WATERMARKS "data/replication-offset-checkpoint"
#define STARTS "data/log-start-offset-checkpoint"

/* Four batches of one record, all of them committed and on the medium. */
static void
begin(struct tale *s)
{
    tale_begin(s, S("b1"));
    for (int i = 0; i < 4; i++) {
        assert_true(builder_add(&s->batch, 0, SLICE_NULL, S("value"), NULL, 0));
        tale_commit(s, ORDERS);
    }
}

#define BEGIN \
    (void)state; \
    struct tale s; \
    begin(&s)

static void
written_down(struct tale *s, const char *file, const char *text)
{
    uint8_t room[200];
    struct writer w = writer_fixed(room, sizeof room);
    fmt_str(&w, file);
    disk_put(s->m, writer_slice(&w), slice_cstr(text));
    fmt_str(&w, ".tmp");
    checkpoint_renamed(s->v, 1, s->m->index, writer_slice(&w));
}

static void
what_is_true_is_silent(void **state)
{
    BEGIN;
    for (int i = 0; i < 2; i++) {
        written_down(&s, POINTS, "0\n2\norders 1 9\norders 0 4\n");
        written_down(&s, WATERMARKS, "0\n2\nmy orders 0 9\norders 0 3\n");
        written_down(&s, STARTS, "0\n0\n");
    }
    say(&s, NOTE_LOG_START, ORDERS, 2, 0, 0, 0, 0);
    written_down(&s, STARTS, "0\n0\n"); /* printed before */
    written_down(&s, STARTS, "0\n1\norders 0 2\n");
    assert_silent(&s);
}

static void
fewer_lines_than_it_says(void **state)
{
    BEGIN;
    written_down(&s, POINTS, "0\n2\norders 0 4\n");
    assert_told(&s, RULE_DISK_TRUTH, "b1: has a checkpoint that says it has 2 lines, and has 1");
}

static void
more_lines_than_it_says(void **state)
{
    BEGIN;
    written_down(&s, POINTS, "0\n1\norders 1 9\norders 0 4\n");
    assert_told(&s, RULE_DISK_TRUTH, "b1: has a checkpoint that says it has 1 lines, and has 2");
}

static void
a_watermark_above_what_is_committed(void **state)
{
    BEGIN;
    written_down(&s, WATERMARKS, "0\n1\norders 0 5\n");
    assert_told(&s, RULE_DISK_TRUTH,
                "b1: has 5 written down as its high watermark; committed is all below 4");
}

/* It was printed before the log was opened that has this name now; the next one was not. */
static void
a_watermark_of_a_former_topic(void **state)
{
    BEGIN;
    struct topic_key *k = model_key(&s.v->model, ORDERS);
    struct topic_key former = {.subject = ORDERS};
    struct node_log *l = model_log(&s.v->model, s.m->index, k);
    k->older = &former;
    l->epoch = -1; /* it has no role there yet */
    written_down(&s, WATERMARKS, "0\n1\norders 0 5\n");
    assert_int_equal(invariants_anomalies(s.v)->v.n, 0);
    written_down(&s, WATERMARKS, "0\n1\norders 0 5\n");
    assert_told(&s, RULE_DISK_TRUTH,
                "b1: has 5 written down as its high watermark; committed is all below 4");
}

static void
a_recovery_point_above_what_is_synced(void **state)
{
    BEGIN;
    say(&s, NOTE_LOG_APPEND, ORDERS, 4, 4, 1, 77, true); /* and not written yet */
    written_down(&s, POINTS, "0\n1\norders 0 5\n");
    assert_told(&s, RULE_DISK_TRUTH,
                "b1: has written down that all below 5 is synced; a power loss may take offset 4");
}

static void
a_log_that_is_left_out(void **state)
{
    BEGIN;
    written_down(&s, POINTS, "0\n0\n"); /* opened just now */
    written_down(&s, POINTS, "0\n1\norders 1 0\n");
    assert_told(&s, RULE_DISK_TRUTH, "b1: has a checkpoint that leaves out a log of 0 to 4");
}

/* Nothing is believed of it then, and it has nothing. So does a log that waits for the files to leave out its namesake. */
static void
an_empty_log_may_be_left_out(void **state)
{
    BEGIN;
    (void)written_log(&s, S("orders-1"));
    for (int i = 0; i < 2; i++) {
        written_down(&s, POINTS, "0\n1\norders 0 4\n");
        written_down(&s, WATERMARKS, "0\n1\norders 0 4\n");
    }
    assert_silent(&s);
}

/* The partition has moved to others: its log goes. */
static void
a_log_that_is_left_out_as_it_goes(void **state)
{
    BEGIN;
    struct topic_key *k = model_find_key(&s.v->model, S("orders"), 0);
    written_down(&s, POINTS, "0\n1\norders 0 4\n");
    k->now = (struct decision){.known = true, .replicas = {.v = {2}, .n = 1}};
    for (int i = 0; i < 2; i++) written_down(&s, POINTS, "0\n0\n");
    assert_silent(&s);
}

static void
a_log_that_begins_later_than_it_does(void **state)
{
    BEGIN;
    written_down(&s, STARTS, "0\n1\norders 0 2\n"); /* it may have been printed before a cut */
    assert_int_equal(invariants_anomalies(s.v)->v.n, 0);
    written_down(&s, STARTS, "0\n1\norders 0 2\n");
    assert_told(&s, RULE_DISK_TRUTH,
                "b1: has written down that its log begins at 2; it begins at 0");
}

static void
a_beginning_that_is_not_written_down(void **state)
{
    BEGIN;
    say(&s, NOTE_LOG_START, ORDERS, 2, 0, 0, 0, 0);
    written_down(&s, STARTS, "0\n1\norders 0 2\n");
    written_down(&s, STARTS, "0\n0\n");
    assert_told(&s, RULE_DISK_TRUTH,
                "b1: has written down that its log begins at 0, which had begun at 2 before");
}

/* Its first batch is not its beginning. */
static void
a_compacted_log_may_begin_before_its_first_batch(void **state)
{
    BEGIN;
    model_key(&s.v->model, ORDERS)->is_compacted = true;
    say(&s, NOTE_LOG_START, ORDERS, 2, 0, 0, 0, 0);
    written_down(&s, STARTS, "0\n0\n");
    written_down(&s, STARTS, "0\n0\n");
    assert_silent(&s);
}

/* Four batches, of which the leader of epoch 2 has the first two. */
static void
cut_at_two(struct tale *s)
{
    say(s, NOTE_PARTITION_ROLE, ORDERS, 1, 2, 2, 5, 0); /* follower of b2 */
    say(s, NOTE_LOG_TRUNCATE, ORDERS, 2, 4, 1, 0, 0);
}

static void
a_watermark_above_the_cut(void **state)
{
    BEGIN;
    written_down(&s, WATERMARKS, "0\n1\norders 0 4\n");
    cut_at_two(&s);
    written_down(&s, WATERMARKS, "0\n1\norders 0 4\n");
    assert_told(&s, RULE_HIGH_WATERMARK_BOUNDS,
                "b1: has 4 written down as its high watermark; its log ends at 2");
}

/* It was to be cut within the batch at 2, or at its end. */
static void
a_watermark_at_the_cut(void **state)
{
    BEGIN;
    written_down(&s, WATERMARKS, "0\n1\norders 0 3\n");
    cut_at_two(&s);
    written_down(&s, WATERMARKS, "0\n1\norders 0 3\n");
    written_down(&s, WATERMARKS, "0\n1\norders 0 2\n");
    assert_silent(&s);
}

/* Its tail is gone: what the file says it has from the start before. */
static void
a_watermark_from_before_it_was_opened(void **state)
{
    BEGIN;
    written_down(&s, WATERMARKS, "0\n1\norders 0 4\n");
    say(&s, NOTE_LOG_RECOVERED, ORDERS, 0, 2, 0, 0, 0);
    written_down(&s, WATERMARKS, "0\n1\norders 0 4\n");
    assert_int_equal(invariants_anomalies(s.v)->v.n, 0);
    written_down(&s, WATERMARKS, "0\n1\norders 0 4\n");
    assert_told(&s, RULE_HIGH_WATERMARK_BOUNDS,
                "b1: has 4 written down as its high watermark; its log ends at 2");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_true_is_silent),
        cmocka_unit_test(fewer_lines_than_it_says),
        cmocka_unit_test(more_lines_than_it_says),
        cmocka_unit_test(a_watermark_above_what_is_committed),
        cmocka_unit_test(a_recovery_point_above_what_is_synced),
        cmocka_unit_test(a_log_that_is_left_out),
        cmocka_unit_test(an_empty_log_may_be_left_out),
        cmocka_unit_test(a_log_that_is_left_out_as_it_goes),
        cmocka_unit_test(a_log_that_begins_later_than_it_does),
        cmocka_unit_test(a_beginning_that_is_not_written_down),
        cmocka_unit_test(a_compacted_log_may_begin_before_its_first_batch),
        cmocka_unit_test(a_watermark_of_a_former_topic),
        cmocka_unit_test(a_watermark_above_the_cut),
        cmocka_unit_test(a_watermark_at_the_cut),
        cmocka_unit_test(a_watermark_from_before_it_was_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
