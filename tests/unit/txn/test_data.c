#include "tests/lib/test.h"

#include "broker/txn/data.h"
#include "broker/txn/time_rule.h"

static struct txn_data
ongoing(int16_t epoch, int16_t version)
{
    struct txn_data d = txn_data_new(7, 60000, 100);
    d.epoch = epoch;
    return txn_moved_on(&d, version, 200);
}

static void
what_is_decided_is_carried_out_before_anything_else(void **state)
{
    (void)state;
    for (int to = 0; to < TXN_STATES_N; to++) {
        assert_int_equal(txn_state_may_move(TXN_PREPARE_COMMIT, (enum txn_state)to),
                         to == TXN_COMPLETE_COMMIT);
        assert_int_equal(txn_state_may_move(TXN_PREPARE_ABORT, (enum txn_state)to),
                         to == TXN_COMPLETE_ABORT);
        assert_false(txn_state_may_move(TXN_DEAD, (enum txn_state)to));
    }
    assert_false(txn_state_may_move(TXN_ONGOING, TXN_EMPTY));
    assert_false(txn_state_may_move(TXN_ONGOING, TXN_DEAD));
}

static void
a_transaction_begins_with_its_first_partition(void **state)
{
    (void)state;
    struct txn_data first = ongoing(3, 2), second = txn_moved_on(&first, 2, 300);
    assert_int_equal(first.started_ms, 200);
    assert_int_equal(second.started_ms, 200);
    assert_int_equal(second.updated_ms, 300);
}

static void
each_end_raises_the_epoch_under_version_2_and_no_end_does_before(void **state)
{
    (void)state;
    struct txn_data now = ongoing(3, 2), old = ongoing(3, 1);
    struct txn_data next = txn_prepared(&now, true, 2, NO_PRODUCER_ID, 300);
    assert_int_equal(next.state, TXN_PREPARE_COMMIT);
    assert_int_equal(next.epoch, 4);
    assert_int_equal(next.last_epoch, 3);
    next = txn_prepared(&old, false, 1, NO_PRODUCER_ID, 300);
    assert_int_equal(next.state, TXN_PREPARE_ABORT);
    assert_int_equal(next.epoch, 3);
}

static void
an_exhausted_producer_id_is_replaced_at_the_end(void **state)
{
    (void)state;
    assert_true(txn_epoch_is_exhausted(INT16_MAX - 1));
    assert_false(txn_epoch_is_exhausted(INT16_MAX - 2));
    struct txn_data now = ongoing(INT16_MAX - 1, 2);
    struct txn_data prepared = txn_prepared(&now, true, 2, 99, 300);
    assert_int_equal(prepared.producer_id, 7); /* its markers are of the old one */
    assert_int_equal(prepared.epoch, INT16_MAX);
    struct txn_data done = txn_completed(&prepared, 400);
    assert_int_equal(done.producer_id, 99);
    assert_int_equal(done.previous_producer_id, 7);
    assert_int_equal(done.epoch, 0);
    assert_int_equal(done.next_producer_id, NO_PRODUCER_ID);
    assert_int_equal(done.state, TXN_COMPLETE_COMMIT);
}

static void
an_abort_by_the_coordinator_fences_the_producer(void **state)
{
    (void)state;
    struct txn_data now = ongoing(3, 1), v1 = txn_fenced(&now, 1, 300),
                    v2 = txn_fenced(&now, 2, 300);
    assert_int_equal(v1.state, TXN_PREPARE_ABORT);
    assert_int_equal(v1.epoch, 4);
    assert_int_equal(v1.last_epoch, NO_PRODUCER_EPOCH);
    /* The epoch that its markers need above that of the records, and no more (KAFKA-19367). */
    assert_int_equal(v2.epoch, 4);
    assert_int_equal(v2.last_epoch, 3);
    now.epoch = INT16_MAX;
    assert_int_equal(txn_fenced(&now, 2, 300).epoch, INT16_MAX);
}

static void
a_transaction_is_over_time_only_while_it_is_ongoing(void **state)
{
    (void)state;
    struct txn_data now = ongoing(3, 2);
    assert_false(txn_is_over_time(&now, 200 + 60000));
    assert_true(txn_is_over_time(&now, 200 + 60001));
    struct txn_data prepared = txn_prepared(&now, true, 2, NO_PRODUCER_ID, 300);
    assert_false(txn_is_over_time(&prepared, INT64_MAX));
}

static void
an_id_is_forgotten_only_when_nothing_is_under_way(void **state)
{
    (void)state;
    struct txn_data now = ongoing(3, 2), empty = txn_data_new(7, 60000, 100);
    assert_false(txn_is_forgotten(&now, 1000, 100000));
    struct txn_data prepared = txn_prepared(&now, true, 2, NO_PRODUCER_ID, 300);
    assert_false(txn_is_forgotten(&prepared, 1000, 100000));
    struct txn_data done = txn_completed(&prepared, 400);
    assert_true(txn_is_forgotten(&done, 1000, 1400));
    assert_false(txn_is_forgotten(&done, 1000, 1399));
    assert_true(txn_is_forgotten(&empty, 1000, 1100));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_decided_is_carried_out_before_anything_else),
        cmocka_unit_test(a_transaction_begins_with_its_first_partition),
        cmocka_unit_test(each_end_raises_the_epoch_under_version_2_and_no_end_does_before),
        cmocka_unit_test(an_exhausted_producer_id_is_replaced_at_the_end),
        cmocka_unit_test(an_abort_by_the_coordinator_fences_the_producer),
        cmocka_unit_test(a_transaction_is_over_time_only_while_it_is_ongoing),
        cmocka_unit_test(an_id_is_forgotten_only_when_nothing_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
