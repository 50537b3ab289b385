/* Segment files that vanished while nobody looked: what is left of the log, and what is known of the rest. */
#include "broker/log/missing_segments.h"
#include "tests/unit/log/fixture.h"

static bool
kept(bool stopped_in_order, bool compact, int64_t expected, int64_t recovery_point)
{
    struct gap_facts f = {stopped_in_order, compact, expected, recovery_point};
    return gap_is_kept(&f);
}

static void
a_gap_that_a_power_loss_can_have_made_ends_the_log(void **state)
{
    (void)state;
    assert_true(kept(true, false, 10, 0));
    assert_true(kept(false, true, 10, 0));
    assert_true(kept(false, false, 10, 11));
    assert_false(kept(false, false, 10, 10));
    assert_false(kept(false, false, 10, 0));
}

/* Four segments of three batches each: 0, 3, 6, 9; the end is 12. */
static void
make_log(struct fixture *f, struct disk *d)
{
    f->config = log_config_default();
    f->config.segment_bytes = 300;
    fixture_open(f, d, false, 0);
    for (int i = 0; i < 12; i++) append_plain(f, 0, i);
    body_run(&f->body);
    fixture_close(f);
}

static void
rob(struct disk *d, const char *path)
{
    assert_non_null(names_find(&d->now, path));
    names_remove(&d->now, path);
    names_remove(&d->safe, path);
}

static int64_t
base_offset_from(struct fixture *f, int64_t offset)
{
    struct loader l;
    struct batch_header h;
    load(f, &l, offset, INT64_MAX, 1);
    assert_int_equal(l.load.read.err, LOG_OK);
    if (!l.load.buf) return -1;
    assert_int_equal(batch_parse(buf_slice(l.load.buf), &h), BATCH_OK);
    buf_unref(l.load.buf);
    return h.base_offset;
}

/* What lies behind the hole is there, and a read in the hole begins with it. */
static void
check_hole(struct fixture *f, int64_t from, int64_t to)
{
    struct log_hole hole = {-1, -1};
    assert_true(commitlog_first_hole(&f->log, &hole));
    assert_int_equal(hole.from, from);
    assert_int_equal(hole.to, to);
    assert_int_equal(commitlog_assigned_end(&f->log), 12);
    if (from == 0) assert_int_equal(commitlog_start(&f->log), to);
    else assert_int_equal(base_offset_from(f, from - 1), from - 1);
    for (int64_t at = MAX(from, commitlog_start(&f->log)); at <= to; at++)
        assert_int_equal(base_offset_from(f, at), to);
    append_plain(f, 1, 12);
    body_run(&f->body);
    assert_int_equal(base_offset_from(f, 12), 12);
}

static void
what_follows_a_missing_segment_is_kept_and_the_hole_is_known(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    struct log_hole hole;
    make_log(&f, d);
    fixture_open(&f, d, true, 12);
    assert_false(commitlog_first_hole(&f.log, &hole));
    fixture_close(&f);
    rob(d, "orders-0/00000000000000000003.log"); /* its index is left */
    fixture_open(&f, d, true, 12);
    check_hole(&f, 3, 6);
    fixture_close(&f);
    disk_free(d);
}

static void
an_emptied_segment_is_as_a_missing_one(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    make_log(&f, d);
    disk_put_file(d, "orders-0/00000000000000000003.log", SLICE_EMPTY);
    disk_put_file(d, "orders-0/00000000000000000006.log", SLICE_EMPTY);
    fixture_open(&f, d, true, 12);
    check_hole(&f, 3, 9);
    assert_null(disk_file(d, "orders-0/00000000000000000003.log").p);
    fixture_close(&f);
    disk_free(d);
}

static void
a_hole_is_known_without_any_file_of_it(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    make_log(&f, d);
    rob(d, "orders-0/00000000000000000003.log");
    rob(d, "orders-0/00000000000000000003.index");
    rob(d, "orders-0/00000000000000000003.timeindex");
    rob(d, "orders-0/00000000000000000003.snapshot");
    fixture_open(&f, d, true, 12);
    check_hole(&f, 3, 6);
    fixture_close(&f);
    disk_free(d);
}

static void
after_a_crash_what_was_synced_behind_the_hole_is_kept(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    make_log(&f, d);
    rob(d, "orders-0/00000000000000000003.log");
    fixture_open(&f, d, false, 12);
    check_hole(&f, 3, 6);
    fixture_close(&f);
    rob(d, "orders-0/00000000000000000009.log");
    fixture_open(&f, d, false, 13);
    struct log_hole hole;
    assert_true(commitlog_first_hole(&f.log, &hole));
    assert_int_equal(hole.from, 3);
    commitlog_shrink_hole(&f.log, 5);
    commitlog_shrink_hole(&f.log, 6);
    assert_true(commitlog_first_hole(&f.log, &hole));
    assert_int_equal(hole.from, 9);
    assert_int_equal(hole.to, 12);
    assert_int_equal(base_offset_from(&f, 3), 6);
    assert_int_equal(base_offset_from(&f, 9), 12);
    fixture_close(&f);
    disk_free(d);
}

static void
after_a_power_loss_the_log_ends_where_something_unsynced_is_missing(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    make_log(&f, d);
    rob(d, "orders-0/00000000000000000006.log");
    fixture_open(&f, d, false, 4);
    assert_int_equal(commitlog_assigned_end(&f.log), 6);
    fixture_close(&f);
    disk_put_file(d, "orders-0/00000000000000000000.log", SLICE_EMPTY);
    fixture_open(&f, d, false, 0);
    assert_int_equal(commitlog_assigned_end(&f.log), 0);
    fixture_close(&f);
    disk_free(d);
}

static void
the_first_segments_missing_is_a_hole_in_front(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    make_log(&f, d);
    rob(d, "orders-0/00000000000000000000.log");
    rob(d, "orders-0/00000000000000000000.index");
    rob(d, "orders-0/00000000000000000000.timeindex");
    fixture_open(&f, d, true, 12);
    check_hole(&f, 0, 3);
    fixture_close(&f);
    disk_free(d);
}

static void
what_retention_took_is_no_hole(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    struct log_hole hole;
    make_log(&f, d);
    f.config.retention_bytes = 400;
    fixture_open(&f, d, true, 12);
    commitlog_sweep(&f.log, 12);
    body_run(&f.body);
    assert_true(commitlog_start(&f.log) > 0);
    fixture_close(&f);
    fixture_open(&f, d, true, 12);
    assert_false(commitlog_first_hole(&f.log, &hole));
    fixture_close(&f);
    disk_free(d);
}

static void
names_that_are_left_tell_where_the_log_had_ended(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    make_log(&f, d);
    rob(d, "orders-0/00000000000000000009.log");
    fixture_open(&f, d, true, 12);
    assert_int_equal(commitlog_assigned_end(&f.log), 9);
    assert_int_equal(f.log.known_to, 12);
    assert_true(f.log.stopped_in_order);
    fixture_close(&f);
    disk_free(d);
}

static void
copy_all(struct fixture *from, struct fixture *to)
{
    while (commitlog_assigned_end(&to->log) < commitlog_assigned_end(&from->log)) {
        struct loader l;
        load(from, &l, commitlog_assigned_end(&to->log), INT64_MAX, 1 << 20);
        struct seg seg = {.buf = l.load.buf, .bytes = buf_slice(l.load.buf)};
        assert_int_equal(commitlog_append_fetched(&to->log, &seg, 1, 9), LOG_OK);
        body_run(&to->body);
        buf_unref(l.load.buf);
    }
}

static void
offsets_that_vanished_are_filled_with_nothing_and_readers_pass_on(void **state)
{
    (void)state;
    struct disk *d = disk_new(1), *e = disk_new(2);
    struct fixture f = {0}, follower = {0};
    struct loader l;
    make_log(&f, d);
    fixture_open(&f, d, true, 12);
    assert_int_equal(commitlog_append_nothing(&f.log, 20, 2), LOG_OK);
    assert_int_equal(commitlog_append_nothing(&f.log, 20, 2), LOG_OK); /* nothing more */
    append_plain(&f, 2, 20);
    body_run(&f.body);
    assert_int_equal(commitlog_assigned_end(&f.log), 21);
    load(&f, &l, 15, INT64_MAX, 1);
    struct batch_header h;
    assert_int_equal(batch_check(CRC32C_PORTABLE, buf_slice(l.load.buf), &h), BATCH_OK);
    assert_int_equal(h.base_offset, 12);
    assert_int_equal(h.records_n, 0);
    assert_int_equal(l.load.next_offset, 20);
    buf_unref(l.load.buf);
    fixture_open(&follower, e, false, 0);
    copy_all(&f, &follower);
    assert_int_equal(commitlog_assigned_end(&follower.log), 21);
    fixture_close(&follower);
    fixture_close(&f);
    fixture_open(&f, d, false, 0);
    assert_int_equal(commitlog_assigned_end(&f.log), 21);
    fixture_close(&f);
    disk_free(d);
    disk_free(e);
}

/* The leader's log has a hole: its copy gets the same one, and keeps it through a crash. */
static void
a_follower_takes_what_its_leader_has_behind_a_hole(void **state)
{
    (void)state;
    struct disk *d = disk_new(1), *e = disk_new(2);
    struct fixture f = {0}, follower = {0};
    make_log(&f, d);
    rob(d, "orders-0/00000000000000000003.log");
    fixture_open(&f, d, true, 12);
    follower.config = f.config;
    fixture_open(&follower, e, false, 0);
    copy_all(&f, &follower);
    commitlog_sync(&follower.log, NULL);
    body_run(&follower.body);
    body_end(&follower.body);
    fixture_open(&follower, e, false, 12);
    assert_int_equal(commitlog_assigned_end(&follower.log), 12);
    assert_int_equal(base_offset_from(&follower, 3), 6);
    fixture_close(&follower);
    fixture_close(&f);
    disk_free(d);
    disk_free(e);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_gap_that_a_power_loss_can_have_made_ends_the_log),
        cmocka_unit_test(what_follows_a_missing_segment_is_kept_and_the_hole_is_known),
        cmocka_unit_test(an_emptied_segment_is_as_a_missing_one),
        cmocka_unit_test(a_hole_is_known_without_any_file_of_it),
        cmocka_unit_test(after_a_crash_what_was_synced_behind_the_hole_is_kept),
        cmocka_unit_test(after_a_power_loss_the_log_ends_where_something_unsynced_is_missing),
        cmocka_unit_test(the_first_segments_missing_is_a_hole_in_front),
        cmocka_unit_test(what_retention_took_is_no_hole),
        cmocka_unit_test(names_that_are_left_tell_where_the_log_had_ended),
        cmocka_unit_test(offsets_that_vanished_are_filled_with_nothing_and_readers_pass_on),
        cmocka_unit_test(a_follower_takes_what_its_leader_has_behind_a_hole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
