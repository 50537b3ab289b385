/* Cleaning a log: what stays, what readers see meanwhile, what else goes on, and what stops it. */
#include "tests/unit/log/clean_fixture.h"

static void
of_each_key_the_last_record_stays(void **state)
{
    (void)state;
    int horizons = 0;
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct run r;
        struct seen seen;
        begin(&r, seed);
        for (int i = 0; i < 3; i++) {
            fill(&r, 60);
            assert_true(clean(&r));
            see(&r, &seen);
            check_last_values(&r, &seen, false);
            check_is_clean(&r, &seen);
            horizons += seen.horizons;
        }
        assert_false(clean(&r)); /* nothing is dirty */
        end(&r);
    }
    assert_true(horizons > 0);
}

static void
tombstones_and_markers_go_after_their_horizon(void **state)
{
    (void)state;
    struct run r;
    struct seen before, after;
    begin(&r, 7);
    fill(&r, 80);
    assert_true(clean(&r));
    fill(&r, 30);
    wait_ms(&r, r.f.config.delete_retention_ms - 1000);
    assert_true(clean(&r));
    see(&r, &before);
    check_last_values(&r, &before, false);
    fill(&r, 30);
    wait_ms(&r, 2000);
    assert_true(clean(&r));
    see(&r, &after);
    check_last_values(&r, &after, true);
    int gone = 0;
    for (int k = 0; k < KEYS; k++) {
        int last = last_of(&r, k, r.n);
        gone += last >= 0 && !after.there[last]; /* of some keys there was never a record */
    }
    assert_true(gone > 0 || after.records < before.records);
    end(&r);
}

/* A map that has room for a few keys only. */
static void
a_round_goes_as_far_as_the_map_does(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct run r;
        struct seen seen;
        struct cleaning x;
        begin(&r, seed);
        fill(&r, 100);
        int rounds = 0;
        for (; clean_begin(&r, &x, 7 * OFFSET_SLOT_BYTES); rounds++) {
            int64_t from = x.clean.range.first_dirty;
            body_run(&r.f.body);
            assert_int_equal(x.clean.err, LOG_OK);
            assert_true(x.clean.round_end > from);
            assert_int_equal(commitlog_cleaned_to(&r.f.log), x.clean.round_end);
            see(&r, &seen);
            check_last_values(&r, &seen, false);
        }
        assert_true(rounds > 2);
        end(&r);
    }
}

/* Both passes read it: segments of 9000 bytes do not make it any faster. */
static void
it_keeps_to_its_rate_in_small_segments(void **state)
{
    (void)state;
    struct run r;
    struct cleaning x;
    begin(&r, 1);
    r.f.config.segment_bytes = 9000;
    for (int i = 0; i < 1300; i++) {
        append_keyed(&r, 0, 3, false, 0);
        body_run(&r.f.body);
    }
    r.bytes_per_second = 10000;
    int64_t began_ns = r.f.body.now_ns;
    assert_true(clean_begin(&r, &x, 1 << 20));
    body_run(&r.f.body);
    assert_true(x.is_done);
    int64_t took_ms = (r.f.body.now_ns - began_ns) / NS_PER_MS;
    int64_t at_least = 2 * x.clean.bytes_before - (64 << 10); /* after which it rests */
    assert_true(at_least > 100000);
    assert_true(took_ms >= at_least / 10);
    end(&r);
}

/* What is known of producers is the same when it is made anew from what was left. */
static void
sequences_survive(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct run r;
        begin(&r, seed);
        append_keyed(&r, 0, 2, false, 0); /* and never again */
        fill(&r, 100);
        assert_true(clean(&r));
        body_end(&r.f.body); /* no closing: no snapshot of the end */
        for (int i = r.disk->now.n - 1; i >= 0; i--)
            if (strstr(r.disk->now.v[i].path, ".snapshot"))
                names_remove(&r.disk->now, r.disk->now.v[i].path);
        fixture_open(&r.f, r.disk, false, 0);
        assert_int_equal(commitlog_assigned_end(&r.f.log), r.n);
        for (int who = 0; who < 3; who++) {
            struct producer *p = producer_find(r.f.log.producers, 1000 + who);
            if (!p) assert_int_equal(r.sequence[who], 0);
            else
                assert_int_equal(p->window.batch[p->window.n - 1].last_sequence,
                                 r.sequence[who] - 1);
        }
        end(&r);
    }
}

/* The end of a log lives in its last batch (KAFKA-17076). */
static void
the_end_does_not_go_back(void **state)
{
    (void)state;
    struct run r;
    begin(&r, 3);
    fill(&r, 60);
    int64_t end_offset = commitlog_assigned_end(&r.f.log);
    log_roll(&r.f.log, end_offset);
    r.f.log.cleaned_to = -1;
    wait_ms(&r, 0); /* until it is synced */
    assert_true(clean(&r));
    assert_int_equal(commitlog_cleaned_to(&r.f.log), end_offset);
    body_end(&r.f.body);
    names_remove(&r.disk->now, "orders-0/leader-epoch-checkpoint");
    fixture_open(&r.f, r.disk, false, 0);
    assert_int_equal(commitlog_assigned_end(&r.f.log), end_offset);
    append_keyed(&r, -1, 1, false, 0);
    end(&r);
}

static void
what_is_aborted_goes_and_is_told_of_no_more(void **state)
{
    (void)state;
    struct run r;
    struct seen seen;
    begin(&r, 5);
    append_txn(&r, 2, false);
    int64_t marker = r.n - 1;
    append_txn(&r, 2, true);
    fill(&r, 40);
    assert_int_equal(r.f.log.aborted.v.v[0].last_offset, marker);
    assert_true(clean(&r));
    see(&r, &seen);
    for (int i = 0; i < commitlog_cleaned_to(&r.f.log); i++)
        if (r.v[i].aborted) assert_false(seen.there[i]);
    assert_true(seen.there[marker]); /* a copy may still have the data */
    assert_int_equal(r.f.log.aborted.v.v[0].last_offset, marker);
    fill(&r, 20);
    assert_true(clean(&r)); /* nothing of it is left: the horizon is set */
    if (r.f.log.aborted.v.n) assert_true(r.f.log.aborted.v.v[0].last_offset > marker);
    see(&r, &seen);
    assert_true(seen.there[marker]);
    wait_ms(&r, r.f.config.delete_retention_ms + 1);
    fill(&r, 20);
    assert_true(clean(&r));
    see(&r, &seen);
    assert_false(seen.there[marker]);
    end(&r);
}

/* ---- what else goes on ---- */

/* Of steps of both, mixed by the dice. */
static void
reads_and_appends_go_on(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct run r;
        struct seen seen;
        struct cleaning x;
        begin(&r, seed);
        r.f.open_files_max = 0;
        fill(&r, 80);
        struct loader l[8] = {{.is_done = true}, {.is_done = true}, {.is_done = true},
                              {.is_done = true}, {.is_done = true}, {.is_done = true},
                              {.is_done = true}, {.is_done = true}};
        int64_t old_end = commitlog_written_end(&r.f.log);
        assert_true(clean_begin(&r, &x, 1 << 20));
        for (int i = 0; i < 40000 && !x.is_done; i++) {
            struct loader *one = &l[roll_dice(&r, 8)];
            if (one->is_done) {
                assert_int_equal(one->load.read.err, LOG_OK);
                if (one->load.buf) {
                    struct batch_header h;
                    assert_int_equal(batch_check(CRC32C_PORTABLE, buf_slice(one->load.buf), &h),
                                     BATCH_OK);
                    assert_true(batch_last_offset(&h) >= one->load.read.offset);
                }
                buf_unref(one->load.buf);
                *one = (struct loader){.load = {.done = loader_done}};
                one->load.read.offset = roll_dice(&r, (int)old_end);
                one->load.read.limit = INT64_MAX;
                one->load.read.max_bytes = 300;
                one->load.read.min_one = true;
                commitlog_load(&r.f.log, &one->load);
            }
            if (i % 50 == 0) append_keyed(&r, -1, 1, false, 0);
            (void)body_step(&r.f.body);
        }
        assert_true(x.is_done);
        body_run(&r.f.body);
        for (int i = 0; i < 8; i++) {
            assert_true(l[i].is_done);
            assert_int_equal(l[i].load.read.err, LOG_OK);
            buf_unref(l[i].load.buf);
        }
        see(&r, &seen);
        check_last_values(&r, &seen, false);
        end(&r);
    }
}

/* At any moment. */
static void
a_truncation_ends_it_and_it_begins_anew(void **state)
{
    (void)state;
    for (int after = 0; after < 120; after += 3) {
        struct run r;
        struct seen seen;
        struct cleaning x;
        begin(&r, (uint64_t)after);
        fill(&r, 60);
        assert_true(clean(&r));
        fill(&r, 40);
        assert_true(clean_begin(&r, &x, 1 << 20));
        for (int i = 0; i < after; i++) (void)body_step(&r.f.body);
        int64_t cut = commitlog_cleaned_to(&r.f.log) - 5;
        struct waiter w = {.op.done = waiter_done};
        commitlog_truncate(&r.f.log, cut, &w.op);
        body_run(&r.f.body);
        assert_true(w.is_done && x.is_done);
        assert_int_equal(w.err, LOG_OK);
        assert_true(commitlog_cleaned_to(&r.f.log) <= cut);
        check_nothing_is_left_over(&r);
        r.n = (int)commitlog_assigned_end(&r.f.log);
        for (int i = 0; i < 3; i++) {
            struct producer *p = producer_find(r.f.log.producers, 1000 + i);
            r.sequence[i] =
                p && p->window.n ? p->window.batch[p->window.n - 1].last_sequence + 1 : 0;
        }
        fill(&r, 40);
        assert_true(clean(&r));
        see(&r, &seen);
        check_is_clean(&r, &seen);
        end(&r);
    }
}

static void
a_close_ends_it(void **state)
{
    (void)state;
    for (int after = 0; after < 120; after += 3) {
        struct run r;
        struct seen seen;
        struct cleaning x;
        begin(&r, (uint64_t)after);
        fill(&r, 80);
        assert_true(clean_begin(&r, &x, 1 << 20));
        for (int i = 0; i < after; i++) (void)body_step(&r.f.body);
        fixture_close(&r.f);
        assert_true(x.is_done);
        check_nothing_is_left_over(&r);
        fixture_open(&r.f, r.disk, true, 0);
        see(&r, &seen);
        check_last_values(&r, &seen, false);
        end(&r);
    }
}

static void
retention_waits_for_its_end(void **state)
{
    (void)state;
    struct run r;
    struct cleaning x;
    begin(&r, 1);
    r.f.config.delete = true;
    r.f.config.retention_bytes = 1000;
    fill(&r, 80);
    assert_true(clean_begin(&r, &x, 1 << 20));
    for (int i = 0; i < 30; i++) (void)body_step(&r.f.body);
    commitlog_sweep(&r.f.log, commitlog_written_end(&r.f.log));
    body_run(&r.f.body);
    assert_int_equal(x.clean.err, LOG_OK);
    assert_int_equal(commitlog_start(&r.f.log), 0);
    commitlog_sweep(&r.f.log, commitlog_written_end(&r.f.log));
    assert_int_equal(commitlog_clean(&r.f.log, &x.clean), LOG_E_BUSY); /* nor the other way round */
    body_run(&r.f.body);
    end(&r);
}

/* What was found in a log is not true of it any more when it was cut. */
static void
a_log_that_was_cut_is_looked_at_again(void **state)
{
    (void)state;
    struct run r;
    struct cleaning x;
    begin(&r, 1);
    fill(&r, 80);
    x = (struct cleaning){.look = {.done = looked}};
    x.look.stable_offset = commitlog_written_end(&r.f.log);
    assert_true(commitlog_look_cleanable(&r.f.log, &x.look));
    body_run(&r.f.body);
    x.clean = (struct log_clean){.done = cleaned, .range = x.look.found, .map_bytes = 1 << 20};
    struct waiter w = {.op.done = waiter_done};
    commitlog_truncate(&r.f.log, x.look.found.first_uncleanable / 2, &w.op);
    body_run(&r.f.body);
    assert_int_equal(commitlog_clean(&r.f.log, &x.clean), LOG_E_BUSY);
    end(&r);
}

/* A follower far behind: its leader's high watermark is above all that it has written. */
static void
what_is_not_written_yet_is_left(void **state)
{
    (void)state;
    struct run r;
    struct cleaning x;
    begin(&r, 1);
    for (int i = 0; i < 40; i++) append_keyed(&r, 0, 3, false, i % 5);
    x = (struct cleaning){.look = {.done = looked}};
    x.look.stable_offset = r.f.log.assigned_end;
    int64_t written = commitlog_written_end(&r.f.log);
    assert_true(written < r.f.log.assigned_end);
    if (commitlog_look_cleanable(&r.f.log, &x.look)) {
        while (!x.has_looked) assert_true(body_step(&r.f.body));
        assert_true(x.look.found.first_uncleanable <= commitlog_written_end(&r.f.log));
    }
    body_run(&r.f.body);
    end(&r);
}

static void
looked_in_time(struct run *r, struct cleaning *x)
{
    x->has_looked = false;
    x->look.stable_offset = commitlog_written_end(&r->f.log);
    if (!commitlog_look_cleanable(&r->f.log, &x->look)) return;
    while (!x->has_looked) assert_true(body_step(&r->f.body));
}

/* A cleaning is durable at once: it must not take the value before if a power loss may still take the one that replaced it. */
static void
what_is_not_synced_yet_removes_nothing(void **state)
{
    (void)state;
    struct run r;
    struct cleaning x = {.look = {.done = looked}};
    int looks = 0, behind = 0;
    begin(&r, 1);
    for (int i = 0; i < 40; i++) {
        append_keyed(&r, 0, 3, false, i % 5);
        while (commitlog_written_end(&r.f.log) < r.f.log.assigned_end)
            assert_true(body_step(&r.f.body));
        looked_in_time(&r, &x);
        looks += x.has_looked;
        behind += x.has_looked && commitlog_synced_end(&r.f.log) <
                                      r.f.log.segments.v[r.f.log.segments.n - 1]->base_offset;
        if (x.has_looked)
            assert_true(x.look.found.first_uncleanable <= commitlog_synced_end(&r.f.log));
    }
    assert_true(looks > 0 && behind > 0);
    body_run(&r.f.body);
    end(&r);
}

/* ---- failures ---- */

static void
a_broken_batch_makes_it_uncleanable_and_harms_nothing(void **state)
{
    (void)state;
    struct run r;
    struct cleaning x;
    begin(&r, 1);
    fill(&r, 80);
    struct name *f = names_find(&r.disk->now, "orders-0/00000000000000000000.log");
    assert_non_null(f);
    if (!f) return;
    f->inode->now[BATCH_HEADER_BYTES + 2] ^= 1;
    assert_true(clean_begin(&r, &x, 1 << 20));
    body_run(&r.f.body);
    assert_true(x.is_done);
    assert_int_equal(x.clean.err, LOG_E_CORRUPT);
    assert_string_equal(x.why, "checksum differs");
    check_nothing_is_left_over(&r);
    assert_false(r.f.failed);
    fill(&r, 10);
    assert_false(clean_begin(&r, &x, 1 << 20)); /* not tried again */
    f->inode->now[BATCH_HEADER_BYTES + 2] ^= 1;
    end(&r);
}

/* No checksum covers a batch's offset: one that rotted, or two segments with the same offsets that an older build left. */
static void
offsets_out_of_order_make_it_uncleanable(void **state)
{
    (void)state;
    static const struct {
        int byte;
        uint8_t becomes;
    } rots[] = {{7, 0}, {6, 0xff}, {0, 0x7f}}; /* back, beyond the next segment, far beyond */
    for (int i = 0; i < ARRAY_LEN(rots); i++) {
        struct run r;
        struct cleaning x;
        begin(&r, 1);
        fill(&r, 80);
        struct name *f = names_find(&r.disk->now, "orders-0/00000000000000000000.log");
        assert_non_null(f);
        if (!f) return;
        struct batch_header first;
        assert_int_equal(batch_parse(slice(f->inode->now, BATCH_HEADER_BYTES), &first), BATCH_OK);
        uint8_t *rotten = &f->inode->now[batch_size_bytes(&first) + rots[i].byte], was = *rotten;
        *rotten = rots[i].becomes;
        assert_true(clean_begin(&r, &x, 1 << 20));
        body_run(&r.f.body);
        assert_true(x.is_done);
        assert_int_equal(x.clean.err, LOG_E_CORRUPT);
        assert_string_equal(x.why, "a batch's offsets are not between those of its neighbours");
        check_nothing_is_left_over(&r);
        assert_false(r.f.failed);
        fill(&r, 10);
        assert_false(clean_begin(&r, &x, 1 << 20)); /* not tried again */
        *rotten = was;
        end(&r);
    }
}

static void
a_full_disk_ends_it_and_harms_nothing(void **state)
{
    (void)state;
    for (int after = 0; after < 200; after += 10) {
        struct run r;
        struct seen seen;
        struct cleaning x;
        begin(&r, 1);
        fill(&r, 80);
        assert_true(clean_begin(&r, &x, 1 << 20));
        for (int i = 0; i < after; i++) (void)body_step(&r.f.body);
        r.f.body.fail_writes = ENV_ENOSPC;
        body_run(&r.f.body);
        r.f.body.fail_writes = ENV_OK;
        assert_true(x.is_done);
        assert_false(r.f.failed);
        if (x.clean.err) assert_int_equal(x.clean.err, LOG_E_BUSY);
        check_nothing_is_left_over(&r);
        fill(&r, 5);
        (void)clean(&r);
        see(&r, &seen);
        check_last_values(&r, &seen, false);
        end(&r);
    }
}

static void
a_broken_disk_takes_the_log_offline(void **state)
{
    (void)state;
    struct run r;
    struct cleaning x;
    begin(&r, 1);
    fill(&r, 80);
    assert_true(clean_begin(&r, &x, 1 << 20));
    r.f.body.fail_writes = ENV_EIO;
    body_run(&r.f.body);
    assert_true(x.is_done);
    assert_int_equal(x.clean.err, LOG_E_OFFLINE);
    assert_true(r.f.failed);
    end(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_each_key_the_last_record_stays),
        cmocka_unit_test(tombstones_and_markers_go_after_their_horizon),
        cmocka_unit_test(a_round_goes_as_far_as_the_map_does),
        cmocka_unit_test(it_keeps_to_its_rate_in_small_segments),
        cmocka_unit_test(sequences_survive),
        cmocka_unit_test(the_end_does_not_go_back),
        cmocka_unit_test(what_is_aborted_goes_and_is_told_of_no_more),
        cmocka_unit_test(reads_and_appends_go_on),
        cmocka_unit_test(a_truncation_ends_it_and_it_begins_anew),
        cmocka_unit_test(a_close_ends_it),
        cmocka_unit_test(retention_waits_for_its_end),
        cmocka_unit_test(a_log_that_was_cut_is_looked_at_again),
        cmocka_unit_test(what_is_not_written_yet_is_left),
        cmocka_unit_test(what_is_not_synced_yet_removes_nothing),
        cmocka_unit_test(a_broken_batch_makes_it_uncleanable_and_harms_nothing),
        cmocka_unit_test(offsets_out_of_order_make_it_uncleanable),
        cmocka_unit_test(a_full_disk_ends_it_and_harms_nothing),
        cmocka_unit_test(a_broken_disk_takes_the_log_offline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
