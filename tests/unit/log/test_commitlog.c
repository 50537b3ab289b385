#include <stdio.h>
#include <stdlib.h>

#include "broker/record/control.h"
#include "tests/unit/log/fixture.h"

static void
what_was_appended_is_read_back(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    fixture_open(&f, d, false, 0);
    assert_int_equal(commitlog_assigned_end(&f.log), 0);
    for (int i = 0; i < 10; i++) append_plain(&f, 3, i);
    assert_int_equal(commitlog_assigned_end(&f.log), 10);
    assert_int_equal(commitlog_written_end(&f.log), 0);
    body_run(&f.body);
    assert_int_equal(commitlog_written_end(&f.log), 10);
    struct loader l;
    load(&f, &l, 4, INT64_MAX, 1 << 20);
    assert_int_equal(l.load.read.err, LOG_OK);
    assert_int_equal(l.load.next_offset, 10);
    struct batch_header h;
    assert_int_equal(batch_check(CRC32C_PORTABLE, buf_slice(l.load.buf), &h), BATCH_OK);
    assert_int_equal(h.base_offset, 4);
    assert_int_equal(h.leader_epoch, 3);
    buf_unref(l.load.buf);
    fixture_close(&f);
    disk_free(d);
}

static void
a_read_stops_at_its_limit_and_at_max_bytes_but_gives_one_batch(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    fixture_open(&f, d, false, 0);
    for (int i = 0; i < 100; i++) append_plain(&f, 3, i);
    body_run(&f.body);
    for (int reopened = 0; reopened < 2; reopened++) {
        struct loader l;
        load(&f, &l, 10, 15, 1 << 20);
        assert_int_equal(l.load.next_offset, 15);
        buf_unref(l.load.buf);
        load(&f, &l, 10, INT64_MAX, 300);
        assert_int_equal(l.load.next_offset, 13);
        buf_unref(l.load.buf);
        load(&f, &l, 10, INT64_MAX, 1);
        assert_int_equal(l.load.next_offset, 11);
        buf_unref(l.load.buf);
        load(&f, &l, 100, INT64_MAX, 1);
        assert_int_equal(l.load.read.err, LOG_OK);
        assert_null(l.load.buf);
        load(&f, &l, 101, INT64_MAX, 1);
        assert_int_equal(l.load.read.err, LOG_E_OUT_OF_RANGE);
        fixture_close(&f);
        if (!reopened) fixture_open(&f, d, true, 100);
    }
    disk_free(d);
}

static struct batch_spec
from_producer(int32_t sequence)
{
    struct batch_spec s = PLAIN;
    s.producer_id = 7;
    s.producer_epoch = 0;
    s.sequence = sequence;
    s.records = 2;
    return s;
}

static void
a_batch_sent_twice_is_told_its_first_offset_also_after_a_restart(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    struct log_append a;
    fixture_open(&f, d, false, 0);
    append_plain(&f, 0, 1);
    for (int32_t i = 0; i < 3; i++) {
        struct batch_spec s = from_producer(i * 2);
        assert_int_equal(append_spec(&f, &s, 0, i, &a), LOG_OK);
    }
    struct batch_spec second = from_producer(2), gap = from_producer(8);
    assert_int_equal(append_spec(&f, &second, 0, 1, &a), LOG_E_DUPLICATE);
    assert_int_equal(a.base_offset, 3);
    assert_int_equal(a.last_offset, 4);
    assert_int_equal(append_spec(&f, &gap, 0, 1, &a), LOG_E_OUT_OF_ORDER);
    assert_int_equal(commitlog_assigned_end(&f.log), 7);
    body_run(&f.body);
    fixture_close(&f);
    fixture_open(&f, d, true, 7);
    struct batch_spec last = from_producer(4);
    assert_int_equal(append_spec(&f, &last, 0, 1, &a), LOG_E_DUPLICATE);
    assert_int_equal(a.base_offset, 5);
    fixture_close(&f);
    disk_free(d);
}

static void
an_open_transaction_holds_the_stable_offset_until_its_marker_is_visible(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    struct log_append a;
    struct aborted_txn *aborted;
    fixture_open(&f, d, false, 0);
    append_plain(&f, 0, 1);
    struct batch_spec s = from_producer(0);
    s.attributes = BATCH_TRANSACTIONAL;
    assert_int_equal(append_spec(&f, &s, 0, 1, &a), LOG_OK);
    assert_int_equal(commitlog_stable_offset(&f.log, 3), 1);
    struct buf *marker =
        end_txn_batch(CRC32C_PORTABLE, &f.body.env.mem, false, 1700000000000, 7, 0, 3);
    struct seg seg = {.buf = marker, .bytes = buf_slice(marker)};
    a = (struct log_append){.segs = &seg, .segs_n = 1, .origin = APPEND_COORDINATOR};
    assert_int_equal(commitlog_append(&f.log, &a), LOG_OK);
    buf_unref(marker);
    assert_int_equal(commitlog_stable_offset(&f.log, 3), 1);
    assert_int_equal(commitlog_stable_offset(&f.log, 4), 4);
    body_run(&f.body);
    assert_int_equal(commitlog_aborted(&f.log, 0, 4, &f.body.env.scratch, &aborted), 1);
    assert_int_equal(aborted[0].first_offset, 1);
    assert_int_equal(aborted[0].last_offset, 3);
    assert_int_equal(aborted[0].producer_id, 7);
    fixture_close(&f);
    fixture_open(&f, d, true, 0);
    assert_int_equal(commitlog_aborted(&f.log, 3, 4, &f.body.env.scratch, &aborted), 1);
    assert_int_equal(commitlog_aborted(&f.log, 4, 5, &f.body.env.scratch, &aborted), 0);
    fixture_close(&f);
    disk_free(d);
}

static void
a_failed_write_takes_the_log_offline_for_good(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    fixture_open(&f, d, false, 0);
    append_plain(&f, 0, 1);
    body_run(&f.body);
    f.body.fail_writes = ENV_ENOSPC;
    append_plain(&f, 0, 2);
    struct waiter w = {.op.done = waiter_done};
    commitlog_sync(&f.log, &w.op);
    body_run(&f.body);
    f.body.fail_writes = ENV_OK;
    assert_true(f.failed);
    assert_int_equal(commitlog_error(&f.log), ENV_ENOSPC);
    assert_int_equal(commitlog_written_end(&f.log), 1);
    struct batch_spec s = PLAIN;
    struct log_append a;
    assert_int_equal(append_spec(&f, &s, 0, 3, &a), LOG_E_OFFLINE);
    w = (struct waiter){.op.done = waiter_done};
    commitlog_sync(&f.log, &w.op);
    assert_false(w.is_done);
    body_run(&f.body);
    assert_int_equal(w.err, LOG_E_OFFLINE);
    fixture_close(&f);
    fixture_open(&f, d, false, 0);
    assert_int_equal(commitlog_assigned_end(&f.log), 1);
    fixture_close(&f);
    disk_free(d);
}

static void
syncs_are_joined_and_cover_what_was_written_before(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    fixture_open(&f, d, false, 0);
    append_plain(&f, 0, 1);
    body_run(&f.body);
    struct waiter w[3] = {0};
    int64_t before = f.body.ops;
    for (int i = 0; i < 3; i++) {
        w[i].op.done = waiter_done;
        commitlog_sync(&f.log, &w[i].op);
    }
    body_run(&f.body);
    for (int i = 0; i < 3; i++) assert_true(w[i].is_done && w[i].err == LOG_OK);
    assert_int_equal(commitlog_synced_end(&f.log), 1);
    assert_true(f.body.ops - before <= 12);
    fixture_close(&f);
    disk_free(d);
}

/* The follower's log gets the leader's bytes. */
static void
a_follower_takes_batches_that_follow_its_end_and_no_others(void **state)
{
    (void)state;
    struct disk *d = disk_new(1), *e = disk_new(2);
    struct fixture leader = {0}, f = {0};
    fixture_open(&leader, d, false, 0);
    for (int i = 0; i < 4; i++) append_plain(&leader, 2 + i / 2, i);
    body_run(&leader.body);
    struct loader l;
    load(&leader, &l, 0, INT64_MAX, 1 << 20);
    fixture_open(&f, e, false, 0);
    struct buf *copy = buf_copy(&f.body.env.mem, buf_slice(l.load.buf));
    int64_t one = copy->n / 4;
    struct seg seg = {.buf = copy, .bytes = slice(copy->data, one + 20)};
    assert_int_equal(commitlog_append_fetched(&f.log, &seg, 1, 3), LOG_OK);
    assert_int_equal(commitlog_assigned_end(&f.log), 1);
    assert_int_equal(commitlog_append_fetched(&f.log, &seg, 1, 3), LOG_E_NOT_CONTIGUOUS);
    seg.bytes = slice(copy->data + one, copy->n - one);
    assert_int_equal(commitlog_append_fetched(&f.log, &seg, 1, 2), LOG_OK);
    assert_int_equal(commitlog_assigned_end(&f.log), 2); /* epoch 3 is not known yet */
    copy->data[copy->n - 1] ^= 1;
    seg.bytes = slice(copy->data + 2 * one, copy->n - 2 * one);
    assert_int_equal(commitlog_append_fetched(&f.log, &seg, 1, 3), LOG_E_CORRUPT);
    assert_int_equal(commitlog_assigned_end(&f.log), 3);
    assert_int_equal(commitlog_epoch_at(&f.log, 1), 2);
    assert_int_equal(commitlog_epoch_at(&f.log, 2), 3);
    /* Epochs never go back in a log; only one that has no records yet gives way (KAFKA-10706). */
    copy->data[copy->n - 1] ^= 1;
    seg.bytes = slice(copy->data + 3 * one, copy->n - 3 * one);
    uint8_t *leader_epoch = copy->data + 3 * one + 12; /* no checksum covers it */
    store_be32(leader_epoch, 2);
    assert_int_equal(commitlog_append_fetched(&f.log, &seg, 1, 9), LOG_E_CORRUPT);
    store_be32(leader_epoch, 3);
    commitlog_begin_epoch(&f.log, 7);
    assert_int_equal(commitlog_append_fetched(&f.log, &seg, 1, 9), LOG_OK);
    assert_int_equal(commitlog_latest_epoch(&f.log), 3);
    body_run(&f.body);
    buf_unref(copy);
    buf_unref(l.load.buf);
    fixture_close(&f);
    fixture_close(&leader);
    disk_free(d);
    disk_free(e);
}

/* It came to lead and wrote nothing; what its next leader has above its end begins behind what compaction took. */
static void
an_epoch_without_records_gives_way_to_what_begins_above_the_end(void **state)
{
    (void)state;
    struct disk *d = disk_new(1), *e = disk_new(2);
    struct fixture leader = {0}, f = {0};
    fixture_open(&leader, d, false, 0);
    for (int i = 0; i < 4; i++) append_plain(&leader, 2, i);
    body_run(&leader.body);
    struct loader l;
    load(&leader, &l, 0, INT64_MAX, 1 << 20);
    fixture_open(&f, e, false, 0);
    struct buf *copy = buf_copy(&f.body.env.mem, buf_slice(l.load.buf));
    int64_t one = copy->n / 4;
    struct seg seg = {.buf = copy, .bytes = slice(copy->data, one)};
    assert_int_equal(commitlog_append_fetched(&f.log, &seg, 1, 2), LOG_OK);
    body_run(&f.body);
    commitlog_begin_epoch(&f.log, 3);
    seg.bytes = slice(copy->data + 2 * one, one);
    assert_int_equal(commitlog_append_fetched(&f.log, &seg, 1, 4), LOG_OK);
    assert_int_equal(commitlog_assigned_end(&f.log), 3);
    assert_int_equal(commitlog_latest_epoch(&f.log), 2);
    /* One that has records stays. */
    body_run(&f.body);
    seg.bytes = slice(copy->data + 3 * one, one);
    store_be32(copy->data + 3 * one + 12, 1); /* the leader epoch: no checksum covers it */
    assert_int_equal(commitlog_append_fetched(&f.log, &seg, 1, 4), LOG_E_CORRUPT);
    assert_int_equal(commitlog_latest_epoch(&f.log), 2);
    body_run(&f.body);
    buf_unref(copy);
    buf_unref(l.load.buf);
    fixture_close(&f);
    fixture_close(&leader);
    disk_free(d);
    disk_free(e);
}

struct finder {
    struct log_lookup lookup;
    bool is_done;
};

static void
finder_done(struct log_lookup *l)
{
    CONTAINER_OF(l, struct finder, lookup)->is_done = true;
}

static int64_t
find(struct fixture *f, int64_t timestamp)
{
    struct finder x = {.lookup = {.done = finder_done, .timestamp = timestamp, .limit = INT64_MAX}};
    commitlog_lookup(&f->log, &x.lookup);
    body_run(&f->body);
    assert_true(x.is_done);
    assert_int_equal(x.lookup.err, LOG_OK);
    return x.lookup.offset;
}

static void
offsets_are_found_by_time_although_clocks_jump_back(void **state)
{
    (void)state;
    static const int64_t times[] = {100, 200, 150, 300, 120, 250, 400, 90};
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    f.config = log_config_default();
    f.config.segment_bytes = 300;
    f.config.index_interval_bytes = 10;
    fixture_open(&f, d, false, 0);
    assert_int_equal(find(&f, 0), -1);
    assert_int_equal(find(&f, LOG_TIMESTAMP_MAX), -1);
    for (int i = 0; i < ARRAY_LEN(times); i++) {
        struct batch_spec s = PLAIN;
        struct log_append a;
        s.timestamp = times[i];
        assert_int_equal(append_spec(&f, &s, 0, i, &a), LOG_OK);
        body_run(&f.body);
    }
    for (int reopened = 0; reopened < 2; reopened++) {
        assert_true(f.log.segments.n > 2);
        assert_int_equal(find(&f, 0), 0);
        assert_int_equal(find(&f, 100), 0);
        assert_int_equal(find(&f, 101), 1);
        assert_int_equal(find(&f, 201), 3);
        assert_int_equal(find(&f, 301), 6);
        assert_int_equal(find(&f, 401), -1);
        assert_int_equal(find(&f, LOG_TIMESTAMP_MAX), 6);
        fixture_close(&f);
        if (!reopened) fixture_open(&f, d, true, 8);
    }
    disk_free(d);
}

/* What was deleted within a segment does not count, although the indexes still have it. */
static void
the_greatest_timestamp_is_one_at_or_above_the_log_start(void **state)
{
    (void)state;
    static const int64_t times[] = {500, 900, 300, 700, 700, 100, -1, -1};
    static const int64_t greatest[] = {1, 1, 3, 3, 4, 5, 6, 7, -1}; /* by log start */
    for (int32_t per_batch = 1; per_batch <= ARRAY_LEN(times); per_batch *= 2) {
        struct disk *d = disk_new((uint64_t)per_batch);
        struct fixture f = {.config = log_config_default()};
        f.config.index_interval_bytes = 10;
        fixture_open(&f, d, false, 0);
        for (int32_t i = 0; i < ARRAY_LEN(times); i += per_batch) {
            struct batch_builder b;
            builder_init(&b, &f.body.env.mem, 0);
            for (int32_t k = 0; k < per_batch; k++)
                builder_add(&b, times[i + k], SLICE_NULL, S("v"), NULL, 0);
            struct buf *buf = builder_finish(&b, CRC32C_PORTABLE, &f.body.env.mem);
            struct seg seg = {.buf = buf, .bytes = buf_slice(buf)};
            struct log_append a = {.segs = &seg, .segs_n = 1, .origin = APPEND_CLIENT};
            assert_int_equal(commitlog_append(&f.log, &a), LOG_OK);
            buf_unref(buf);
            builder_release(&b);
        }
        body_run(&f.body);
        for (int32_t start = 0; start < ARRAY_LEN(greatest); start++) {
            assert_true(commitlog_advance_start(&f.log, start));
            assert_int_equal(find(&f, LOG_TIMESTAMP_MAX), greatest[start]);
        }
        fixture_close(&f);
        disk_free(d);
    }
}

static void
retention_deletes_whole_segments_below_the_high_watermark(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    f.config = log_config_default();
    f.config.segment_bytes = 300;
    f.config.retention_bytes = 400;
    f.config.retention_ms = -1;
    fixture_open(&f, d, false, 0);
    for (int i = 0; i < 20; i++) append_plain(&f, 0, i);
    body_run(&f.body);
    int64_t before = commitlog_size_bytes(&f.log);
    commitlog_sweep(&f.log, 5);
    body_run(&f.body);
    int64_t start = commitlog_start(&f.log);
    assert_true(start > 0 && start <= 5);
    commitlog_sweep(&f.log, 20);
    body_run(&f.body);
    assert_true(commitlog_size_bytes(&f.log) < before);
    assert_true(commitlog_size_bytes(&f.log) >= 400 && commitlog_size_bytes(&f.log) < 800);
    assert_non_null(disk_file(d, "orders-0/00000000000000000000.log.deleted").p);
    f.body.wall_ms += 100000;
    f.body.now_ns += 100000 * NS_PER_MS;
    append_plain(&f, 0, 20);
    body_run(&f.body); /* time passes with an event */
    commitlog_sweep(&f.log, 20);
    body_run(&f.body);
    assert_null(disk_file(d, "orders-0/00000000000000000000.log.deleted").p);
    start = commitlog_start(&f.log);
    fixture_close(&f);
    fixture_open(&f, d, true, 0);
    assert_int_equal(commitlog_start(&f.log), start);
    assert_int_equal(commitlog_assigned_end(&f.log), 21);
    fixture_close(&f);
    disk_free(d);
}

static void
an_old_log_that_is_not_written_to_empties_and_keeps_its_end(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    f.config = log_config_default();
    f.config.retention_ms = 1000;
    f.config.file_delete_delay_ms = 0;
    fixture_open(&f, d, false, 0);
    for (int i = 0; i < 5; i++) append_plain(&f, 0, i);
    body_run(&f.body);
    f.body.wall_ms += 10000;
    for (int i = 0; i < 4; i++) {
        commitlog_sync(&f.log, NULL);
        body_run(&f.body);
        commitlog_sweep(&f.log, 5);
        body_run(&f.body);
    }
    assert_int_equal(commitlog_start(&f.log), 5);
    body_end(&f.body);
    disk_power(d);
    fixture_open(&f, d, false, 5);
    assert_int_equal(commitlog_start(&f.log), 5);
    assert_int_equal(commitlog_assigned_end(&f.log), 5);
    fixture_close(&f);
    disk_free(d);
}

static void
truncating_fully_begins_anew_at_the_given_offset(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    f.config = log_config_default();
    f.config.segment_bytes = 300;
    fixture_open(&f, d, false, 0);
    for (int i = 0; i < 9; i++) append_plain(&f, 0, i);
    body_run(&f.body);
    struct waiter w = {.op.done = waiter_done};
    commitlog_truncate_fully(&f.log, 100, &w.op);
    struct batch_spec s = PLAIN;
    struct log_append a;
    assert_int_equal(append_spec(&f, &s, 1, 1, &a), LOG_E_BUSY);
    body_run(&f.body);
    assert_true(w.is_done && w.err == LOG_OK);
    assert_int_equal(append_spec(&f, &s, 1, 1, &a), LOG_OK);
    assert_int_equal(a.base_offset, 100);
    body_run(&f.body);
    fixture_close(&f);
    fixture_open(&f, d, true, 0);
    assert_int_equal(commitlog_start(&f.log), 100);
    assert_int_equal(commitlog_assigned_end(&f.log), 101);
    assert_int_equal(commitlog_epoch_at(&f.log, 100), 1);
    fixture_close(&f);
    disk_free(d);
}

/* An old metadata log was restored, or an epoch in the log has rotted. As in Kafka the leader's counts from here on. */
static void
a_leader_of_an_earlier_epoch_goes_on_in_its_own(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    struct batch_spec spec = PLAIN;
    struct log_append a;
    fixture_open(&f, d, false, 0);
    append_plain(&f, 1, 1);
    append_plain(&f, 4, 1);
    commitlog_begin_epoch(&f.log, 2);
    assert_int_equal(commitlog_latest_epoch(&f.log), 2);
    assert_int_equal(append_spec(&f, &spec, 2, 2, &a), LOG_OK);
    assert_int_equal(commitlog_assigned_end(&f.log), 3);
    body_run(&f.body);
    assert_slice(disk_file(d, "orders-0/leader-epoch-checkpoint"), "0\n2\n1 0\n2 2\n");
    fixture_close(&f);
    /* Killed: all of it is read, and none is cut. */
    fixture_open(&f, d, false, 0);
    assert_int_equal(commitlog_assigned_end(&f.log), 3);
    assert_int_equal(commitlog_latest_epoch(&f.log), 2);
    fixture_close(&f);
    disk_free(d);
}

static void
an_epoch_that_got_no_records_goes_with_a_truncation_at_the_end(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    fixture_open(&f, d, false, 0);
    append_plain(&f, 1, 1);
    commitlog_begin_epoch(&f.log, 4);
    body_run(&f.body);
    assert_int_equal(commitlog_latest_epoch(&f.log), 4);
    struct waiter w = {.op.done = waiter_done};
    commitlog_truncate(&f.log, 1, &w.op);
    body_run(&f.body);
    assert_true(w.is_done);
    assert_int_equal(commitlog_latest_epoch(&f.log), 1);
    assert_slice(disk_file(d, "orders-0/leader-epoch-checkpoint"), "0\n1\n1 0\n");
    fixture_close(&f);
    disk_free(d);
}

static void
a_truncation_does_not_believe_a_batch_whose_offset_goes_back(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    fixture_open(&f, d, false, 0);
    for (int i = 0; i < 9; i++) append_plain(&f, 0, i);
    body_run(&f.body);
    struct name *file = names_find(&d->now, "orders-0/00000000000000000000.log");
    if (!file || !file->inode) fail();
    uint8_t *batch = file->inode->now + file->inode->n / 9 * 7;
    memset(batch, 0, 8); /* base offset */
    batch[26] = 100;     /* last offset delta */
    struct waiter w = {.op.done = waiter_done};
    commitlog_truncate(&f.log, 7, &w.op);
    body_run(&f.body);
    assert_true(w.is_done && w.err == LOG_OK);
    assert_int_equal(commitlog_assigned_end(&f.log), 7);
    fixture_close(&f);
    disk_free(d);
}

static void
a_truncation_invalidates_ranges_past_it(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    fixture_open(&f, d, false, 0);
    for (int i = 0; i < 9; i++) append_plain(&f, 0, i);
    body_run(&f.body);
    struct log_read r = {.offset = 2, .limit = INT64_MAX, .max_bytes = 1000};
    assert_true(commitlog_read(&f.log, &r));
    assert_true(log_range_is_valid(&r.range));
    struct waiter w = {.op.done = waiter_done};
    commitlog_truncate(&f.log, 4, &w.op);
    body_run(&f.body);
    assert_false(log_range_is_valid(&r.range));
    log_range_release(&r.range);
    fixture_close(&f);
    disk_free(d);
}

static void
broken_indexes_and_snapshots_are_made_anew(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    struct loader l;
    f.config = log_config_default();
    f.config.segment_bytes = 2000;
    f.config.index_interval_bytes = 100;
    fixture_open(&f, d, false, 0);
    for (int i = 0; i < 60; i++) append_plain(&f, 0, i);
    body_run(&f.body);
    fixture_close(&f);
    disk_put_file(d, "orders-0/00000000000000000000.index", S("nonsense that is no index"));
    disk_put_file(d, "orders-0/00000000000000000060.snapshot", S("broken"));
    disk_put_file(d, "orders-0/leader-epoch-checkpoint", S("broken"));
    disk_put_file(d, "orders-0/00000000000000000005.log.deleted", S("old"));
    fixture_open(&f, d, true, 60);
    assert_int_equal(commitlog_assigned_end(&f.log), 60);
    assert_int_equal(commitlog_latest_epoch(&f.log), 0);
    assert_null(disk_file(d, "orders-0/00000000000000000005.log.deleted").p);
    for (int64_t at = 0; at < 60; at++) {
        struct batch_header h;
        load(&f, &l, at, INT64_MAX, 1);
        assert_int_equal(batch_parse(buf_slice(l.load.buf), &h), BATCH_OK);
        assert_int_equal(h.base_offset, at);
        buf_unref(l.load.buf);
    }
    fixture_close(&f);
    disk_free(d);
}

/* Four records of epoch 1, and beside them this list: it is found to be wrong, and mended. */
static void
list_is_mended(struct slice list)
{
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    fixture_open(&f, d, false, 0);
    for (int i = 0; i < 4; i++) append_plain(&f, 1, i);
    body_run(&f.body);
    fixture_close(&f);
    disk_put_file(d, "orders-0/leader-epoch-checkpoint", list);
    fixture_open(&f, d, false, 0);
    assert_int_equal(commitlog_assigned_end(&f.log), 4);
    assert_int_equal(commitlog_latest_epoch(&f.log), 1);
    assert_slice(disk_file(d, "orders-0/leader-epoch-checkpoint"), "0\n1\n1 0\n");
    fixture_close(&f);
    disk_free(d);
}

/* Killed between the two: the list with an epoch that had no records yet was written down, and then a batch of the
 * leader before came to lie there. Believed, the list would say that the older epoch ended below it. */
static void
an_epoch_without_records_is_not_believed_against_a_batch(void **state)
{
    (void)state;
    list_is_mended(S("0\n2\n1 0\n2 3\n"));
}

/* Killed between the two: the list was cut at a start of the log that no checkpoint has yet, nor the log itself, whose last
 * writes were on their way. Records remain, and their epoch. */
static void
a_list_that_begins_behind_the_log_begins_with_it(void **state)
{
    (void)state;
    list_is_mended(S("0\n1\n1 5\n"));
}

static void
another_topics_directory_is_refused_with_a_clear_word(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    names_put(&d->now, "orders-0", NULL);
    disk_put_file(d, "orders-0/partition.metadata",
                  S("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ"));
    body_start(&f.body, d);
    f.config = log_config_default();
    f.ops = (struct commitlog_ops){.ready = fixture_ready};
    struct commitlog_params p = {.dir = S("orders-0"),
                                 .name = S("orders-0"),
                                 .topic_id = {{1, 2, 3}},
                                 .config = &f.config,
                                 .ops = &f.ops,
                                 .owner = &f};
    commitlog_open(&f.log, &f.body.env, &p);
    body_run(&f.body);
    assert_int_equal(f.ready, LOG_E_OFFLINE);
    assert_non_null(strstr(f.why, "partition.metadata"));
    fixture_close(&f);
    disk_free(d);
}

static void
a_deleted_log_leaves_nothing(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    fixture_open(&f, d, false, 0);
    append_plain(&f, 0, 1);
    body_run(&f.body);
    struct waiter w = {.op.done = waiter_done};
    commitlog_delete(&f.log, &w.op);
    body_run(&f.body);
    assert_true(w.is_done && w.err == LOG_OK);
    assert_int_equal(d->now.n, 0);
    commitlog_release(&f.log);
    body_end(&f.body);
    disk_free(d);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__clang__)
#define IDLE_MAX_BYTES 1300 /* with what the sanitizer's allocator adds */
#else
#define IDLE_MAX_BYTES 1024
#endif

/* A purse takes a page at a time, for all logs: what of it is used counts. */
static int64_t
memory_used(struct env *env)
{
    struct mem *purse = &env->purses[PURSE_PRODUCERS];
    if (purse->used_bytes == 0) mem_free(purse, mem_alloc(purse, 1), 1);
    return env->mem.used_bytes + purse->used_bytes;
}

static void
an_idle_log_is_small(void **state)
{
    (void)state;
    struct disk *d = disk_new(1);
    struct fixture f = {0};
    fixture_open(&f, d, false, 0);
    append_plain(&f, 0, 1);
    body_run(&f.body);
    fixture_close(&f);
    body_start(&f.body, d);
    int64_t before = memory_used(&f.body.env);
    body_end(&f.body);
    fixture_open(&f, d, true, 1);
    arena_release(&f.body.env.scratch);
    int64_t effects = f.body.env.effects.cap * (int64_t)sizeof(struct effect); /* not the log's */
    int64_t bytes = memory_used(&f.body.env) - before - effects + (int64_t)sizeof f.log;
    assert_in_range(bytes, 0, IDLE_MAX_BYTES);
    fixture_close(&f);
    disk_free(d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_appended_is_read_back),
        cmocka_unit_test(a_read_stops_at_its_limit_and_at_max_bytes_but_gives_one_batch),
        cmocka_unit_test(a_batch_sent_twice_is_told_its_first_offset_also_after_a_restart),
        cmocka_unit_test(an_open_transaction_holds_the_stable_offset_until_its_marker_is_visible),
        cmocka_unit_test(a_failed_write_takes_the_log_offline_for_good),
        cmocka_unit_test(syncs_are_joined_and_cover_what_was_written_before),
        cmocka_unit_test(a_follower_takes_batches_that_follow_its_end_and_no_others),
        cmocka_unit_test(an_epoch_without_records_gives_way_to_what_begins_above_the_end),
        cmocka_unit_test(offsets_are_found_by_time_although_clocks_jump_back),
        cmocka_unit_test(the_greatest_timestamp_is_one_at_or_above_the_log_start),
        cmocka_unit_test(retention_deletes_whole_segments_below_the_high_watermark),
        cmocka_unit_test(an_old_log_that_is_not_written_to_empties_and_keeps_its_end),
        cmocka_unit_test(truncating_fully_begins_anew_at_the_given_offset),
        cmocka_unit_test(a_leader_of_an_earlier_epoch_goes_on_in_its_own),
        cmocka_unit_test(an_epoch_that_got_no_records_goes_with_a_truncation_at_the_end),
        cmocka_unit_test(a_truncation_does_not_believe_a_batch_whose_offset_goes_back),
        cmocka_unit_test(a_truncation_invalidates_ranges_past_it),
        cmocka_unit_test(broken_indexes_and_snapshots_are_made_anew),
        cmocka_unit_test(an_epoch_without_records_is_not_believed_against_a_batch),
        cmocka_unit_test(a_list_that_begins_behind_the_log_begins_with_it),
        cmocka_unit_test(another_topics_directory_is_refused_with_a_clear_word),
        cmocka_unit_test(a_deleted_log_leaves_nothing),
        cmocka_unit_test(an_idle_log_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
