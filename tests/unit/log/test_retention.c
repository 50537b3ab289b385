/* What goes at the front of a log, at the limits' edges and under load. */
#include "broker/log/internal.h"
#include "tests/unit/log/fixture.h"

#define NOW_MS 1700000000000

static void
begin(struct fixture *f, struct disk **d, uint64_t seed)
{
    *d = disk_new(seed);
    if (!f->config.segment_bytes) f->config = log_config_default();
    fixture_open(f, *d, false, 0);
}

static void
end(struct fixture *f, struct disk *d)
{
    fixture_close(f);
    disk_free(d);
}

static void
append_at(struct fixture *f, int64_t timestamp)
{
    struct batch_spec spec = PLAIN;
    struct log_append a;
    spec.timestamp = timestamp;
    assert_int_equal(append_spec(f, &spec, 0, 0, &a), LOG_OK);
}

static void
sweep(struct fixture *f)
{
    commitlog_sweep(&f->log, commitlog_written_end(&f->log));
    body_run(&f->body);
}

/* A step so that the log knows what time it is. */
static void
wait_ms(struct fixture *f, int64_t ms)
{
    f->body.wall_ms += ms;
    f->body.now_ns += ms * NS_PER_MS;
    struct waiter w = {.op.done = waiter_done};
    commitlog_sync(&f->log, &w.op);
    body_run(&f->body);
}

static int
files_with(struct disk *d, const char *part)
{
    int n = 0;
    for (int i = 0; i < d->now.n; i++) n += strstr(d->now.v[i].path, part) != NULL;
    return n;
}

/* ---- under load ---- */

/* A backfill: old records keep coming, so the segments are too old as soon as they are there. */
static void
retention_goes_on_while_old_records_keep_coming(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct fixture f = {.config = log_config_default()};
        struct disk *d;
        f.config.segment_bytes = 500;
        f.config.retention_ms = 1000;
        f.config.file_delete_delay_ms = 0;
        begin(&f, &d, seed);
        for (int i = 0; i < 400; i++) {
            append_at(&f, NOW_MS - 100000);
            for (int n = 0; n < 6; n++) (void)body_step(&f.body);
            commitlog_sweep(&f.log, commitlog_written_end(&f.log));
        }
        assert_true(commitlog_start(&f.log) > 300);
        assert_true(f.log.segments.n < 10);
        body_run(&f.body);
        end(&f, d);
    }
}

/* ---- retention.bytes ---- */

static void
fill(struct fixture *f, int n)
{
    for (int i = 0; i < n; i++) append_at(f, NOW_MS);
    body_run(&f->body);
}

static void
retention_bytes_0_keeps_nothing(void **state)
{
    (void)state;
    struct fixture f = {.config = log_config_default()};
    struct disk *d;
    f.config.segment_bytes = 500;
    f.config.retention_bytes = 0;
    begin(&f, &d, 1);
    fill(&f, 20);
    sweep(&f);
    assert_int_equal(commitlog_start(&f.log), 20);
    assert_int_equal(commitlog_size_bytes(&f.log), 0);
    assert_int_equal(f.log.segments.n, 1);
    sweep(&f); /* an empty segment stays */
    assert_int_equal(f.log.segments.n, 1);
    assert_int_equal(files_with(d, "00000000000000000020.log"), 1);
    fill(&f, 1);
    assert_int_equal(commitlog_assigned_end(&f.log), 21);
    end(&f, d);
}

static void
nothing_above_the_high_watermark_goes(void **state)
{
    (void)state;
    struct fixture f = {.config = log_config_default()};
    struct disk *d;
    f.config.retention_bytes = 0;
    begin(&f, &d, 1);
    fill(&f, 20);
    commitlog_sweep(&f.log, 19);
    body_run(&f.body);
    assert_int_equal(commitlog_start(&f.log), 0);
    sweep(&f);
    assert_int_equal(commitlog_start(&f.log), 20);
    end(&f, d);
}

static void
retention_bytes_keeps_at_least_as_much(void **state)
{
    (void)state;
    static const int64_t most[] = {-1, INT64_MAX, 1000, 1};
    for (int i = 0; i < ARRAY_LEN(most); i++) {
        struct fixture f = {.config = log_config_default()};
        struct disk *d;
        f.config.segment_bytes = 500;
        f.config.retention_bytes = most[i];
        begin(&f, &d, 1);
        fill(&f, 50);
        int64_t all = commitlog_size_bytes(&f.log);
        sweep(&f);
        int64_t left = commitlog_size_bytes(&f.log);
        if (i < 2) assert_int_equal(left, all);
        else assert_true(left >= most[i] && left < most[i] + 1000);
        end(&f, d);
    }
}

/* ---- retention.ms ---- */

static void
retention_ms_0_keeps_nothing_of_the_past(void **state)
{
    (void)state;
    struct fixture f = {.config = log_config_default()};
    struct disk *d;
    f.config.retention_ms = 0;
    begin(&f, &d, 1);
    fill(&f, 5);
    wait_ms(&f, 1);
    sweep(&f);
    assert_int_equal(commitlog_start(&f.log), 5);
    end(&f, d);
}

static void
retention_ms_without_limit_keeps_all(void **state)
{
    (void)state;
    static const int64_t ms[] = {-1, INT64_MAX};
    for (int i = 0; i < ARRAY_LEN(ms); i++) {
        struct fixture f = {.config = log_config_default()};
        struct disk *d;
        f.config.retention_ms = ms[i];
        begin(&f, &d, 1);
        append_at(&f, 0);
        append_at(&f, -1);
        wait_ms(&f, 1LL << 40);
        sweep(&f);
        assert_int_equal(commitlog_start(&f.log), 0);
        end(&f, d);
    }
}

static void
records_of_the_future_stay(void **state)
{
    (void)state;
    struct fixture f = {.config = log_config_default()};
    struct disk *d;
    f.config.retention_ms = 1000;
    begin(&f, &d, 1);
    append_at(&f, INT64_MAX - 1);
    wait_ms(&f, 100000);
    sweep(&f);
    assert_int_equal(commitlog_start(&f.log), 0);
    end(&f, d);
}

/* Kafka: then the file's time counts, also after a restart. */
static void
without_timestamps_the_time_of_the_file_counts(void **state)
{
    (void)state;
    for (int restart = 0; restart < 3; restart++) {
        struct fixture f = {.config = log_config_default()};
        struct disk *d;
        f.config.segment_bytes = 500;
        f.config.retention_ms = 1000;
        begin(&f, &d, 1);
        for (int i = 0; i < 20; i++) append_at(&f, -1);
        body_run(&f.body);
        if (restart) {
            fixture_close(&f);
            fixture_open(&f, d, restart == 1, restart == 1 ? 20 : 0);
        }
        wait_ms(&f, 1000);
        sweep(&f);
        assert_int_equal(commitlog_start(&f.log), 0);
        wait_ms(&f, 1);
        sweep(&f);
        assert_int_equal(commitlog_start(&f.log), 20);
        end(&f, d);
    }
}

static void
timestamps_below_minus_1_are_none(void **state)
{
    (void)state;
    struct fixture f = {.config = log_config_default()};
    struct disk *d;
    f.config.segment_bytes = 500;
    f.config.retention_ms = 1000;
    begin(&f, &d, 1);
    append_at(&f, INT64_MIN);
    append_at(&f, NOW_MS);
    append_at(&f, INT64_MIN / 2);
    for (int i = 0; i < 20; i++) append_at(&f, -5);
    body_run(&f.body);
    wait_ms(&f, 900);
    sweep(&f);
    assert_int_equal(commitlog_start(&f.log), 0);
    wait_ms(&f, 101);
    sweep(&f);
    assert_int_equal(commitlog_start(&f.log), 23);
    end(&f, d);
}

/* ---- files ---- */

static void
retired_files_do_not_wait_for_a_clock_that_was_set_back(void **state)
{
    (void)state;
    struct fixture f = {.config = log_config_default()};
    struct disk *d;
    f.config.retention_bytes = 0;
    f.config.file_delete_delay_ms = 1000;
    begin(&f, &d, 1);
    fill(&f, 5);
    sweep(&f);
    assert_true(files_with(d, ".deleted") > 0);
    f.body.wall_ms -= 3600000;
    wait_ms(&f, 999);
    sweep(&f);
    assert_true(files_with(d, ".deleted") > 0);
    wait_ms(&f, 1);
    sweep(&f);
    assert_int_equal(files_with(d, ".deleted"), 0);
    end(&f, d);
}

static void
retired_files_go_at_once_without_delay_and_never_with_the_longest(void **state)
{
    (void)state;
    static const int64_t delays[] = {0, INT64_MAX};
    for (int i = 0; i < ARRAY_LEN(delays); i++) {
        struct fixture f = {.config = log_config_default()};
        struct disk *d;
        f.config.retention_bytes = 0;
        f.config.file_delete_delay_ms = delays[i];
        begin(&f, &d, 1);
        fill(&f, 5);
        sweep(&f);
        if (i == 1) wait_ms(&f, 1LL << 40);
        if (i == 1) sweep(&f);
        assert_true((files_with(d, ".deleted") > 0) == (i == 1));
        end(&f, d);
    }
}

/* ---- rolling ---- */

static int64_t
segments_after(int64_t segment_ms, int64_t jitter_ms, const int64_t *timestamps, int n)
{
    struct fixture f = {.config = log_config_default()};
    struct disk *d;
    f.config.segment_ms = segment_ms;
    f.config.segment_jitter_ms = jitter_ms;
    begin(&f, &d, 1);
    for (int i = 0; i < n; i++) {
        append_at(&f, timestamps[i]);
        wait_ms(&f, 10);
    }
    int64_t segments = f.log.segments.n;
    end(&f, d);
    return segments;
}

static void
segments_roll_by_time(void **state)
{
    (void)state;
    static const int64_t none[] = {-1, -1, -1, -1}, odd[] = {5, INT64_MIN, INT64_MAX - 1, 6},
                         ascending[] = {100, 101, 111, 112, 122};
    assert_int_equal(segments_after(INT64_MAX, 0, none, 4), 1);
    assert_int_equal(segments_after(15, 0, none, 4), 2); /* by the time since it was made */
    assert_int_equal(segments_after(10, 0, ascending, 5), 3);
    assert_int_equal(segments_after(INT64_MAX, INT64_MAX, odd, 2), 1);
    assert_int_equal(segments_after(1000, 0, odd, 4), 2);
    assert_true(segments_after(100, 100, ascending, 5) >= 1);
    assert_int_equal(segments_after(1, 1, ascending, 5), 3);
}

/* ---- the time index of records without timestamps ---- */

static int64_t
ops_to_read(struct fixture *f, int64_t offset)
{
    struct loader l;
    int64_t before = f->body.ops;
    load(f, &l, offset, INT64_MAX, 1);
    assert_int_equal(l.load.read.err, LOG_OK);
    buf_unref(l.load.buf);
    return f->body.ops - before;
}

static void
looked_up(struct log_lookup *l)
{
    l->limit = -1;
}

static int64_t
ops_to_look_up(struct fixture *f)
{
    struct log_lookup l = {.done = looked_up, .timestamp = 1, .limit = INT64_MAX};
    int64_t before = f->body.ops;
    commitlog_lookup(&f->log, &l);
    body_run(&f->body);
    assert_int_equal(l.limit, -1);
    assert_int_equal(l.err, LOG_OK);
    assert_int_equal(l.offset, -1);
    return f->body.ops - before;
}

/* It takes a look at each batch to know that none has one. That is written down: an empty time index may as well
 * have lost its entries. */
static void
without_timestamps_each_batch_is_looked_at_once(void **state)
{
    (void)state;
    struct fixture f = {.config = log_config_default(), .open_files_max = 1};
    struct disk *d;
    struct batch_spec spec = PLAIN;
    struct log_append a;
    f.config.segment_bytes = 400000;
    spec.timestamp = -1, spec.value_bytes = 1900;
    begin(&f, &d, 1);
    for (int i = 0; i < 600; i++) {
        assert_int_equal(append_spec(&f, &spec, 0, i, &a), LOG_OK);
        if (i % 50 == 0) body_run(&f.body);
    }
    body_run(&f.body);
    assert_int_equal(f.log.segments.n, 3);
    fixture_close(&f);
    fixture_open(&f, d, true, 600);
    assert_true(ops_to_read(&f, 100) < 20);
    assert_true(ops_to_read(&f, 300) < 20);
    assert_true(ops_to_read(&f, 100) < 20);
    assert_true(ops_to_look_up(&f) < 20); /* written down as the segments were closed */
    int64_t bases[3];
    for (int i = 0; i < 3; i++) bases[i] = f.log.segments.v[i]->base_offset;
    fixture_close(&f);
    for (int i = 0; i < 3; i++) { /* as if by another program, or lost */
        char path[80];
        snprintf(path, sizeof path, "orders-0/%020lld.timeindex", (long long)bases[i]);
        assert_non_null(disk_file(d, path).p);
        disk_put_file(d, path, SLICE_EMPTY);
    }
    fixture_open(&f, d, true, 600);
    assert_true(ops_to_look_up(&f) >
                40); /* by window: to walk over two segments takes many reads */
    for (int i = 0; i < 3; i++) {
        (void)ops_to_read(&f, 300); /* drops another's index */
        assert_true(ops_to_look_up(&f) < 20);
    }
    fixture_close(&f);
    fixture_open(&f, d, true, 600);
    assert_true(ops_to_look_up(&f) < 20);
    end(&f, d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retention_goes_on_while_old_records_keep_coming),
        cmocka_unit_test(retention_bytes_0_keeps_nothing),
        cmocka_unit_test(nothing_above_the_high_watermark_goes),
        cmocka_unit_test(retention_bytes_keeps_at_least_as_much),
        cmocka_unit_test(retention_ms_0_keeps_nothing_of_the_past),
        cmocka_unit_test(retention_ms_without_limit_keeps_all),
        cmocka_unit_test(records_of_the_future_stay),
        cmocka_unit_test(without_timestamps_the_time_of_the_file_counts),
        cmocka_unit_test(timestamps_below_minus_1_are_none),
        cmocka_unit_test(retired_files_do_not_wait_for_a_clock_that_was_set_back),
        cmocka_unit_test(retired_files_go_at_once_without_delay_and_never_with_the_longest),
        cmocka_unit_test(segments_roll_by_time),
        cmocka_unit_test(without_timestamps_each_batch_is_looked_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
