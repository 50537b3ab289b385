/* Transactions in a partition's log: which batch may open one, which marker may end it, and what is known of
 * them after a restart, a crash and a cut. */
#include "tests/unit/log/fixture.h"

#include "broker/log/internal.h"
#include "broker/log/producer_state.h"
#include "broker/record/control.h"
#include "tests/lib/test.h"

static struct batch_spec
of_txn(int64_t producer_id, int16_t epoch, int32_t sequence)
{
    struct batch_spec s = PLAIN;
    s.producer_id = producer_id;
    s.producer_epoch = epoch;
    s.sequence = sequence;
    s.records = 2;
    s.attributes = BATCH_TRANSACTIONAL;
    return s;
}

/* What a leader does with a client's batch: the guard, then the append. */
static enum log_err
verify(struct fixture *f, const struct batch_spec *spec, bool raises_epochs, uint64_t *ret_guard)
{
    struct buf *b = make_batch(&f->body.env, spec, 0);
    struct batch_header h;
    assert_int_equal(batch_parse(buf_slice(b), &h), BATCH_OK);
    enum log_err err = commitlog_verify_txn(&f->log, &h, raises_epochs, ret_guard);
    buf_unref(b);
    return err;
}

static enum log_err
append_guarded(struct fixture *f, const struct batch_spec *spec, uint64_t guard)
{
    struct buf *b = make_batch(&f->body.env, spec, 0);
    struct seg seg = {.buf = b, .bytes = buf_slice(b)};
    struct log_append a = {.segs = &seg, .segs_n = 1, .origin = APPEND_CLIENT, .guard = guard};
    enum log_err err = commitlog_append(&f->log, &a);
    buf_unref(b);
    return err;
}

static enum log_err
end_txn(struct fixture *f, bool commit, int64_t producer_id, int16_t epoch, int32_t coordinator,
        int8_t version)
{
    struct buf *b = end_txn_batch(CRC32C_PORTABLE, &f->body.env.mem, commit, 1700000000000,
                                  producer_id, epoch, coordinator);
    struct seg seg = {.buf = b, .bytes = buf_slice(b)};
    struct log_append a = {
        .segs = &seg, .segs_n = 1, .origin = APPEND_COORDINATOR, .txn_version = version};
    enum log_err err = commitlog_append(&f->log, &a);
    buf_unref(b);
    return err;
}

/* A whole transaction of one batch of two records and its marker. */
static void
run_txn(struct fixture *f, bool commit, int64_t producer_id, int32_t sequence)
{
    struct batch_spec s = of_txn(producer_id, 0, sequence);
    uint64_t guard;
    assert_int_equal(verify(f, &s, false, &guard), LOG_OK);
    assert_int_equal(append_guarded(f, &s, guard), LOG_OK);
    assert_int_equal(end_txn(f, commit, producer_id, 0, 1, 1), LOG_OK);
}

static struct disk *disk;
static struct fixture f;

static int
set_up(void **state)
{
    (void)state;
    f = (struct fixture){0};
    disk = disk_new(1);
    fixture_open(&f, disk, false, 0);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    body_run(&f.body);
    fixture_close(&f);
    disk_free(disk);
    return 0;
}

static void
a_transaction_is_opened_with_the_guard_of_its_verification_only(void **state)
{
    (void)state;
    struct batch_spec first = of_txn(7, 0, 0), second = of_txn(7, 0, 2);
    uint64_t guard, none;
    assert_int_equal(append_guarded(&f, &first, 0), LOG_E_TXN_STATE);
    assert_int_equal(verify(&f, &first, false, &guard), LOG_OK);
    assert_true(guard > 0);
    assert_int_equal(append_guarded(&f, &first, guard + 1), LOG_E_TXN_STATE);
    assert_int_equal(append_guarded(&f, &first, guard), LOG_OK);
    /* It is open: what follows needs none. */
    assert_int_equal(verify(&f, &second, false, &none), LOG_OK);
    assert_int_equal(none, 0);
    assert_int_equal(append_guarded(&f, &second, 0), LOG_OK);
}

/* The batch was on its way when its transaction was aborted: it must not open one that no marker ends. */
static void
a_marker_voids_the_guard_of_a_batch_that_is_late(void **state)
{
    (void)state;
    struct batch_spec late = of_txn(7, 0, 0);
    uint64_t guard, next;
    assert_int_equal(verify(&f, &late, false, &guard), LOG_OK);
    assert_int_equal(end_txn(&f, false, 7, 0, 1, 1), LOG_OK);
    assert_int_equal(append_guarded(&f, &late, guard), LOG_E_TXN_STATE);
    assert_int_equal(verify(&f, &late, false, &next), LOG_OK);
    assert_true(next != guard);
    assert_int_equal(append_guarded(&f, &late, guard), LOG_E_TXN_STATE);
    assert_int_equal(commitlog_stable_offset(&f.log, 1), 1);
}

/* Under version 2 the marker that ends a transaction has the epoch of the next one, whose first batch may be waiting already. */
static void
the_marker_of_the_transaction_before_voids_no_guard(void **state)
{
    (void)state;
    struct batch_spec before = of_txn(7, 0, 0), next = of_txn(7, 1, 0), late = of_txn(7, 2, 0);
    uint64_t guard;
    assert_int_equal(verify(&f, &before, true, &guard), LOG_OK);
    assert_int_equal(append_guarded(&f, &before, guard), LOG_OK);
    assert_int_equal(verify(&f, &next, true, &guard), LOG_OK);
    assert_true(guard > 0);
    assert_int_equal(end_txn(&f, true, 7, 1, 1, 2), LOG_OK);
    assert_int_equal(append_guarded(&f, &next, guard), LOG_OK);
    /* But the one that ends it does. */
    assert_int_equal(end_txn(&f, true, 7, 2, 1, 2), LOG_OK);
    assert_int_equal(verify(&f, &late, true, &guard), LOG_OK);
    assert_int_equal(end_txn(&f, false, 7, 3, 1, 2), LOG_OK);
    assert_int_equal(append_guarded(&f, &late, guard), LOG_E_FENCED);
}

/* A producer of version 2 asked and never came back; another client goes on with its id, by version 1. */
static void
a_later_client_of_version_1_is_not_taken_for_one_of_version_2(void **state)
{
    (void)state;
    struct batch_spec first = of_txn(7, 1, 0), late = of_txn(7, 2, 0);
    uint64_t guard;
    assert_int_equal(verify(&f, &first, true, &guard), LOG_OK);
    assert_int_equal(verify(&f, &late, false, &guard), LOG_OK);
    assert_int_equal(end_txn(&f, false, 7, 2, 1, 1), LOG_OK);
    assert_int_equal(append_guarded(&f, &late, guard), LOG_E_TXN_STATE);
}

static void
a_cut_voids_guards_too(void **state)
{
    (void)state;
    struct batch_spec s = of_txn(7, 0, 0), other = of_txn(8, 0, 0);
    uint64_t guard, again;
    assert_int_equal(verify(&f, &other, false, &again), LOG_OK);
    assert_int_equal(append_guarded(&f, &other, again), LOG_OK);
    assert_int_equal(verify(&f, &s, false, &guard), LOG_OK);
    body_run(&f.body);
    struct waiter w = {.op.done = waiter_done};
    commitlog_truncate(&f.log, 0, &w.op);
    body_run(&f.body);
    assert_true(w.is_done);
    assert_int_equal(append_guarded(&f, &s, guard), LOG_E_TXN_STATE);
    assert_int_equal(verify(&f, &s, false, &again), LOG_OK);
    assert_true(again != guard);
}

static void
a_later_batch_does_not_open_the_transaction_before_the_first(void **state)
{
    (void)state;
    struct batch_spec first = of_txn(7, 0, 4), second = of_txn(7, 0, 6);
    uint64_t guard, same;
    assert_int_equal(verify(&f, &second, false, &guard), LOG_OK);
    assert_int_equal(verify(&f, &first, false, &same), LOG_OK);
    assert_int_equal(same, guard);
    assert_int_equal(append_guarded(&f, &second, guard), LOG_E_OUT_OF_ORDER);
    assert_int_equal(append_guarded(&f, &first, guard), LOG_OK);
    assert_int_equal(append_guarded(&f, &second, 0), LOG_OK);
}

static void
under_version_2_a_transaction_begins_with_sequence_0(void **state)
{
    (void)state;
    struct batch_spec first = of_txn(7, 0, 0), second = of_txn(7, 0, 2);
    uint64_t guard;
    assert_int_equal(verify(&f, &second, true, &guard), LOG_OK);
    assert_int_equal(append_guarded(&f, &second, guard), LOG_E_OUT_OF_ORDER);
    assert_int_equal(verify(&f, &first, true, &guard), LOG_OK);
    assert_int_equal(append_guarded(&f, &first, guard), LOG_OK);
}

static void
a_batch_of_an_older_epoch_is_fenced_before_anybody_is_asked(void **state)
{
    (void)state;
    uint64_t guard;
    assert_int_equal(end_txn(&f, false, 7, 3, 1, 2), LOG_OK);
    struct batch_spec old = of_txn(7, 2, 0), present = of_txn(7, 3, 0);
    assert_int_equal(verify(&f, &old, true, &guard), LOG_E_FENCED);
    assert_int_equal(verify(&f, &present, true, &guard), LOG_OK);
}

static void
markers_of_old_coordinators_and_old_epochs_are_refused(void **state)
{
    (void)state;
    struct batch_spec s = of_txn(7, 0, 0);
    uint64_t guard;
    assert_int_equal(verify(&f, &s, true, &guard), LOG_OK);
    assert_int_equal(append_guarded(&f, &s, guard), LOG_OK);
    assert_int_equal(end_txn(&f, true, 7, 0, 4, 2), LOG_E_FENCED);
    assert_int_equal(end_txn(&f, true, 7, 1, 4, 2), LOG_OK);
    assert_int_equal(end_txn(&f, true, 7, 1, 4, 2), LOG_OK); /* sent again */
    assert_int_equal(end_txn(&f, false, 7, 2, 3, 2), LOG_E_COORDINATOR_FENCED);
    assert_int_equal(commitlog_assigned_end(&f.log), 4);
}

static void
the_aborted_are_found_where_they_overlap(void **state)
{
    (void)state;
    struct aborted_txn *found;
    struct arena *a = &f.body.env.scratch;
    for (int32_t i = 0; i < 4; i++) run_txn(&f, i % 2 == 1, 7 + i, 0); /* three offsets each */
    assert_int_equal(commitlog_aborted(&f.log, 0, 12, a, &found), 2);
    assert_int_equal(found[0].producer_id, 7);
    assert_int_equal(found[1].producer_id, 9);
    assert_int_equal(found[1].first_offset, 6);
    assert_int_equal(commitlog_aborted(&f.log, 0, 6, a, &found), 1);
    assert_int_equal(commitlog_aborted(&f.log, 3, 6, a, &found), 0);
    assert_int_equal(commitlog_aborted(&f.log, 3, 7, a, &found), 1);
}

/* An early transaction that is decided late has its entry behind those of later ones. */
static void
an_early_transaction_that_was_decided_late_is_found(void **state)
{
    (void)state;
    struct aborted_txn *found;
    struct batch_spec s = of_txn(5, 0, 0);
    uint64_t guard;
    assert_int_equal(verify(&f, &s, false, &guard), LOG_OK);
    assert_int_equal(append_guarded(&f, &s, guard), LOG_OK);
    for (int32_t i = 0; i < 3; i++) run_txn(&f, false, 7 + i, 0);
    assert_int_equal(end_txn(&f, false, 5, 0, 1, 1), LOG_OK);
    assert_int_equal(commitlog_aborted(&f.log, 0, 1, &f.body.env.scratch, &found), 1);
    assert_int_equal(found[0].producer_id, 5);
    assert_int_equal(commitlog_aborted(&f.log, 3, 4, &f.body.env.scratch, &found), 2);
}

static void
aborted_and_open_ones_are_known_again_after_a_crash(void **state)
{
    (void)state;
    struct aborted_txn *found;
    uint64_t guard;
    f.config.segment_bytes = 400; /* several segments */
    for (int32_t i = 0; i < 6; i++) run_txn(&f, false, 7 + i, 0);
    struct batch_spec open = of_txn(99, 0, 0);
    assert_int_equal(verify(&f, &open, false, &guard), LOG_OK);
    assert_int_equal(append_guarded(&f, &open, guard), LOG_OK);
    commitlog_sync(&f.log, NULL);
    body_run(&f.body);
    body_end(&f.body); /* nothing is closed */
    fixture_open(&f, disk, false, 0);
    assert_int_equal(commitlog_assigned_end(&f.log), 20);
    assert_int_equal(commitlog_aborted(&f.log, 0, 20, &f.body.env.scratch, &found), 6);
    assert_int_equal(commitlog_stable_offset(&f.log, 20), 18);
    assert_true(producer_is_in_txn(f.log.producers, 99, 0));
}

/* As one that is killed before it has saved them. */
static void
lose_lists(struct disk *d)
{
    for (int i = d->now.n - 1; i >= 0; i--)
        if (slice_ends(slice_cstr(d->now.v[i].path), S(".txnindex")))
            disk_change(d, d->now.v[i].path, "", NULL);
}

/* What the first start reads through it saves, and the second one believes it. A list that was saved before it was made would
 * say for ever that nothing was aborted. */
static void
the_aborted_are_known_again_after_two_crashes(void **state)
{
    (void)state;
    struct aborted_txn *found;
    f.config.segment_bytes = 400; /* several segments */
    for (int32_t i = 0; i < 6; i++) run_txn(&f, false, 7 + i, 0);
    body_run(&f.body);
    body_end(&f.body);
    lose_lists(disk);
    fixture_open(&f, disk, false, 0);
    assert_int_equal(commitlog_aborted(&f.log, 0, 18, &f.body.env.scratch, &found), 6);
    int64_t recovery_point = log_active(&f.log)->base_offset;
    body_end(&f.body);
    fixture_open(&f, disk, false, recovery_point);
    assert_int_equal(commitlog_aborted(&f.log, 0, 18, &f.body.env.scratch, &found), 6);
}

/* All of the active segment is synced; then it rolls, and the process dies before its list is saved. */
static void
the_aborted_of_a_segment_that_rolled_when_it_was_synced_are_known_again(void **state)
{
    (void)state;
    struct aborted_txn *found;
    struct waiter w = {.op.done = waiter_done};
    run_txn(&f, false, 7, 0);
    body_run(&f.body);
    commitlog_sync(&f.log, &w.op);
    body_run(&f.body);
    int64_t recovery_point = commitlog_synced_end(&f.log);
    f.config.segment_bytes = 200; /* the next batch goes into another one */
    run_txn(&f, true, 8, 0);
    assert_int_equal(f.log.segments.v[1]->base_offset, recovery_point);
    body_run(&f.body);
    body_end(&f.body);
    lose_lists(disk);
    fixture_open(&f, disk, false, recovery_point);
    assert_int_equal(commitlog_aborted(&f.log, 0, 3, &f.body.env.scratch, &found), 1);
}

static void
a_cut_takes_back_what_was_decided_above_it(void **state)
{
    (void)state;
    struct aborted_txn *found;
    run_txn(&f, false, 7, 0);
    run_txn(&f, false, 8, 0);
    body_run(&f.body);
    struct waiter w = {.op.done = waiter_done};
    commitlog_truncate(&f.log, 5, &w.op);
    body_run(&f.body);
    assert_true(w.is_done);
    assert_int_equal(commitlog_aborted(&f.log, 0, 6, &f.body.env.scratch, &found), 1);
    assert_int_equal(found[0].producer_id, 7);
    assert_int_equal(commitlog_stable_offset(&f.log, 5), 3);
    assert_true(producer_is_in_txn(f.log.producers, 8, 0));
    assert_int_equal(end_txn(&f, true, 8, 0, 1, 1), LOG_OK);
    assert_int_equal(commitlog_stable_offset(&f.log, 6), 6);
}

static void
range_read(struct log_read *r)
{
    (void)r;
}

static void
a_range_tells_the_offset_that_it_ends_before(void **state)
{
    (void)state;
    f.config.index_interval_bytes = 1;
    for (int32_t i = 0; i < 4; i++) run_txn(&f, true, 7 + i, 0);
    body_run(&f.body);
    struct log_read r = {.done = range_read, .offset = 3, .limit = 9, .max_bytes = 1 << 20};
    if (!commitlog_read(&f.log, &r)) body_run(&f.body);
    assert_int_equal(log_range_end_offset(&r.range), 9);
    log_range_release(&r.range);
    fixture_close(&f);
    /* From the index, which has the last offsets of batches. */
    fixture_open(&f, disk, true, 12);
    r.offset = 3;
    if (!commitlog_read(&f.log, &r)) body_run(&f.body);
    assert_int_equal(r.err, LOG_OK);
    assert_true(r.range.n > 0);
    assert_in_range(log_range_end_offset(&r.range), 8, 10);
    log_range_release(&r.range);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_transaction_is_opened_with_the_guard_of_its_verification_only),
        TEST(a_marker_voids_the_guard_of_a_batch_that_is_late),
        TEST(the_marker_of_the_transaction_before_voids_no_guard),
        TEST(a_later_client_of_version_1_is_not_taken_for_one_of_version_2),
        TEST(a_cut_voids_guards_too),
        TEST(a_later_batch_does_not_open_the_transaction_before_the_first),
        TEST(under_version_2_a_transaction_begins_with_sequence_0),
        TEST(a_batch_of_an_older_epoch_is_fenced_before_anybody_is_asked),
        TEST(markers_of_old_coordinators_and_old_epochs_are_refused),
        TEST(the_aborted_are_found_where_they_overlap),
        TEST(an_early_transaction_that_was_decided_late_is_found),
        TEST(aborted_and_open_ones_are_known_again_after_a_crash),
        TEST(the_aborted_are_known_again_after_two_crashes),
        TEST(the_aborted_of_a_segment_that_rolled_when_it_was_synced_are_known_again),
        TEST(a_cut_takes_back_what_was_decided_above_it),
        TEST(a_range_tells_the_offset_that_it_ends_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
