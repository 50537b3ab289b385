/* Syncing under load: a sync covers what was written when it began, and ends. */
#include "broker/log/settled_end.h"
#include "tests/unit/log/fixture.h"

/* One operation of this kind to its end, with what is deferred; the others wait meanwhile. */
static bool
carry_out_one(struct fixture *f, enum op_kind kind)
{
    while (env_has_deferred(&f->body.env)) (void)body_step(&f->body);
    int i = body_pending(&f->body, kind);
    if (i < 0) return false;
    (void)body_step_of(&f->body, i);
    while (env_has_deferred(&f->body.env)) (void)body_step(&f->body);
    return true;
}

/* A write is done during each sync, so that there always is more to be synced. */
static void
a_sync_under_load_ends(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct disk *d = disk_new(1);
    fixture_open(&f, d, false, 0);
    append_plain(&f, 0, 0);
    body_run(&f.body);
    append_plain(&f, 0, 1);
    while (carry_out_one(&f, OP_WRITE)) continue;
    struct waiter w = {.op.done = waiter_done};
    commitlog_sync(&f.log, &w.op);
    int rounds = 0;
    for (; !w.is_done && rounds < 100; rounds++) {
        append_plain(&f, 0, rounds);
        while (carry_out_one(&f, OP_WRITE)) continue;
        if (!carry_out_one(&f, OP_SYNC)) (void)body_step(&f.body);
    }
    assert_true(w.is_done);
    assert_true(rounds < 20);
    assert_true(commitlog_synced_end(&f.log) >= 2);
    assert_true(commitlog_synced_end(&f.log) < commitlog_written_end(&f.log));
    fixture_close(&f);
    disk_free(d);
}

/* Who comes while one is under way is served by the next one, for which nobody has to ask. */
static void
who_comes_during_a_sync_joins_the_next(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct disk *d = disk_new(2);
    fixture_open(&f, d, false, 0);
    append_plain(&f, 0, 0);
    body_run(&f.body);
    append_plain(&f, 0, 1);
    while (carry_out_one(&f, OP_WRITE)) continue;
    struct waiter first = {.op.done = waiter_done}, second = {.op.done = waiter_done};
    commitlog_sync(&f.log, &first.op);
    append_plain(&f, 0, 2);
    while (carry_out_one(&f, OP_WRITE)) continue;
    commitlog_sync(&f.log, &second.op);
    while (!first.is_done) assert_true(body_step(&f.body));
    assert_int_equal(commitlog_synced_end(&f.log), 2);
    assert_false(second.is_done);
    body_run(&f.body);
    assert_true(second.is_done);
    assert_int_equal(commitlog_synced_end(&f.log), 3);
    fixture_close(&f);
    disk_free(d);
}

/* Others who go on asking for syncs do not hold off a truncation. */
struct asker {
    struct log_op op;
    struct fixture *f;
    int left;
};

static void
ask_again(struct log_op *op, enum log_err err)
{
    struct asker *a = CONTAINER_OF(op, struct asker, op);
    (void)err;
    if (a->left-- > 0) commitlog_sync(&a->f->log, &a->op);
}

static void
syncs_do_not_hold_off_a_truncation(void **state)
{
    (void)state;
    struct fixture f = {0};
    struct disk *d = disk_new(3);
    fixture_open(&f, d, false, 0);
    for (int i = 0; i < 5; i++) append_plain(&f, 0, i);
    body_run(&f.body);
    struct asker one = {.op.done = ask_again, .f = &f, .left = 500};
    struct asker two = {.op.done = ask_again, .f = &f, .left = 500};
    commitlog_sync(&f.log, &one.op);
    commitlog_sync(&f.log, &two.op);
    struct waiter cut = {.op.done = waiter_done};
    commitlog_truncate(&f.log, 3, &cut.op);
    while (!cut.is_done && body_step(&f.body)) continue;
    assert_true(cut.is_done);
    assert_true(one.left > 400 && two.left > 400);
    assert_int_equal(commitlog_assigned_end(&f.log), 3);
    body_run(&f.body);
    assert_true(one.left < 0 && two.left < 0);
    fixture_close(&f);
    disk_free(d);
}

/* flush.messages: what Kafka's append would not have returned from yet is not settled. */
static void
with_flush_messages_1_only_what_is_synced_is_settled(void **state)
{
    (void)state;
    struct fixture f = {.config = log_config_default()};
    struct disk *d = disk_new(4);
    f.config.flush_messages = 1;
    fixture_open(&f, d, false, 0);
    for (int i = 0; i < 50; i++) {
        append_plain(&f, 0, i);
        while (commitlog_settled_end(&f.log) <= i) {
            assert_true(commitlog_settled_end(&f.log) <= commitlog_synced_end(&f.log));
            assert_true(body_step(&f.body));
        }
        assert_true(commitlog_synced_end(&f.log) > i);
    }
    fixture_close(&f);
    disk_free(d);
}

static void
with_flush_messages_n_fewer_than_n_are_settled_and_not_synced(void **state)
{
    (void)state;
    struct fixture f = {.config = log_config_default()};
    struct disk *d = disk_new(5);
    bool was_ahead = false;
    f.config.flush_messages = 7;
    fixture_open(&f, d, false, 0);
    for (int i = 0; i < 300; i++) {
        append_plain(&f, 0, i);
        for (int n = 0; n < 3; n++) (void)body_step(&f.body);
        int64_t ahead = commitlog_settled_end(&f.log) - commitlog_synced_end(&f.log);
        assert_true(ahead < 7);
        was_ahead |= ahead > 0;
    }
    body_run(&f.body);
    assert_true(was_ahead);
    assert_int_equal(commitlog_settled_end(&f.log), 300);
    fixture_close(&f);
    disk_free(d);
}

static void
what_is_settled_stays_so_when_flush_messages_is_lowered(void **state)
{
    (void)state;
    assert_int_equal(settled_end(0, 100, 0, INT64_MAX), 100);
    assert_int_equal(settled_end(100, 100, 0, 1), 100);
    assert_int_equal(settled_end(100, 120, 0, 1), 100);
    assert_int_equal(settled_end(100, 120, 110, 1), 110);
    assert_int_equal(settled_end(110, 120, 120, 1), 120);
    assert_int_equal(settled_end(0, 99, 0, 100), 99);
    assert_int_equal(settled_end(99, 100, 0, 100), 99);
}

static void
flush_ms_syncs_what_is_older(void **state)
{
    (void)state;
    struct fixture f = {.config = log_config_default()};
    struct disk *d = disk_new(6);
    f.config.flush_ms = 1000;
    fixture_open(&f, d, false, 0);
    append_plain(&f, 0, 0);
    body_run(&f.body); /* the epoch's beginning is synced at once */
    append_plain(&f, 0, 1);
    body_run(&f.body);
    assert_int_equal(commitlog_synced_end(&f.log), 1);
    f.body.now_ns += 999 * NS_PER_MS;
    append_plain(&f, 0, 2); /* so that the log knows what time it is */
    body_run(&f.body);
    commitlog_flush_if_due(&f.log);
    body_run(&f.body);
    assert_int_equal(commitlog_synced_end(&f.log), 1);
    f.body.now_ns += 1 * NS_PER_MS;
    append_plain(&f, 0, 3);
    body_run(&f.body);
    commitlog_flush_if_due(&f.log);
    body_run(&f.body);
    assert_int_equal(commitlog_synced_end(&f.log), 4);
    fixture_close(&f);
    disk_free(d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sync_under_load_ends),
        cmocka_unit_test(who_comes_during_a_sync_joins_the_next),
        cmocka_unit_test(syncs_do_not_hold_off_a_truncation),
        cmocka_unit_test(with_flush_messages_1_only_what_is_synced_is_settled),
        cmocka_unit_test(with_flush_messages_n_fewer_than_n_are_settled_and_not_synced),
        cmocka_unit_test(what_is_settled_stays_so_when_flush_messages_is_lowered),
        cmocka_unit_test(flush_ms_syncs_what_is_older),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
