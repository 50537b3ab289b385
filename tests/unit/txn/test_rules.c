/* Who may begin, add, end; and what is made of errors. */
#include "tests/lib/test.h"

#include "broker/txn/add_rule.h"
#include "broker/txn/end_rule.h"
#include "broker/txn/init_rule.h"
#include "broker/txn/marker_answer.h"
#include "broker/txn/verify_error.h"
#include "errors.h"

static struct txn_data
data(enum txn_state state, int16_t epoch)
{
    struct txn_data d = txn_data_new(7, 60000, 100);
    d.state = state;
    d.epoch = epoch;
    d.started_ms = state == TXN_EMPTY ? -1 : 200;
    return d;
}

/* ---- InitProducerId ---- */

static const struct init_request anew = {-1, -1, 60000};

static void
a_new_instance_takes_the_next_epoch(void **state)
{
    (void)state;
    for (int s = TXN_EMPTY; s < TXN_DEAD; s++) {
        struct txn_data now = data((enum txn_state)s, 3);
        struct init_decision d = txn_init(&now, &anew, 500);
        if (s == TXN_ONGOING) {
            assert_int_equal(d.verdict, INIT_ABORT_FIRST);
        } else if (s == TXN_PREPARE_COMMIT || s == TXN_PREPARE_ABORT) {
            assert_int_equal(d.err, K_ERR_CONCURRENT_TRANSACTIONS);
        } else {
            assert_int_equal(d.verdict, INIT_READY);
            assert_int_equal(d.next.epoch, 4);
            assert_int_equal(d.next.last_epoch, NO_PRODUCER_EPOCH);
            assert_int_equal(d.next.state, TXN_EMPTY);
        }
    }
    struct txn_data never = data(TXN_EMPTY, -1);
    assert_int_equal(txn_init(&never, &anew, 500).next.epoch, 0);
}

static void
one_that_goes_on_is_raised_once_and_told_again(void **state)
{
    (void)state;
    struct txn_data now = data(TXN_COMPLETE_ABORT, 3);
    struct init_request q = {7, 3, 60000};
    struct init_decision d = txn_init(&now, &q, 500);
    assert_int_equal(d.verdict, INIT_READY);
    assert_int_equal(d.next.epoch, 4);
    assert_int_equal(d.next.last_epoch, 3);
    struct init_decision again = txn_init(&d.next, &q, 600);
    assert_int_equal(again.verdict, INIT_READY);
    assert_int_equal(again.next.epoch, 4);
}

static void
one_that_was_replaced_is_fenced(void **state)
{
    (void)state;
    struct txn_data now = data(TXN_EMPTY, 3);
    struct init_request q = {7, 3, 60000}, other = {8, 3, 60000};
    struct init_decision successor = txn_init(&now, &anew, 500);
    assert_int_equal(txn_init(&successor.next, &q, 600).err, K_ERR_PRODUCER_FENCED);
    assert_int_equal(txn_init(&now, &other, 600).err, K_ERR_PRODUCER_FENCED);
    struct txn_data ongoing = data(TXN_ONGOING, 3);
    assert_int_equal(txn_init(&ongoing, &other, 600).err, K_ERR_PRODUCER_FENCED);
}

static void
an_exhausted_epoch_asks_for_another_id(void **state)
{
    (void)state;
    struct txn_data now = data(TXN_EMPTY, INT16_MAX - 1);
    struct init_request q = {7, INT16_MAX - 1, 60000};
    assert_int_equal(txn_init(&now, &anew, 500).verdict, INIT_NEW_ID);
    assert_int_equal(txn_init(&now, &q, 500).verdict, INIT_NEW_ID);
    struct txn_data next = txn_init_with_id(&now, &q, 99, 500);
    assert_int_equal(next.producer_id, 99);
    assert_int_equal(next.epoch, 0);
    assert_int_equal(next.last_epoch, INT16_MAX - 1);
    /* It did not hear of that, and asks again. */
    struct init_decision d = txn_init(&next, &q, 600);
    assert_int_equal(d.verdict, INIT_READY);
    assert_int_equal(d.next.producer_id, 99);
    assert_int_equal(d.next.epoch, 0);
}

/* ---- adding ---- */

static void
adding_needs_the_present_epoch_exactly(void **state)
{
    (void)state;
    struct txn_data now = data(TXN_ONGOING, 3);
    struct add_request q = {.producer_id = 7, .epoch = 3};
    assert_int_equal(txn_may_add(&now, &q), K_ERR_NONE);
    q.epoch = 2;
    assert_int_equal(txn_may_add(&now, &q), K_ERR_PRODUCER_FENCED);
    q.epoch = 4;
    assert_int_equal(txn_may_add(&now, &q), K_ERR_PRODUCER_FENCED);
    q = (struct add_request){.producer_id = 8, .epoch = 3};
    assert_int_equal(txn_may_add(&now, &q), K_ERR_INVALID_PRODUCER_ID_MAPPING);
    assert_int_equal(txn_may_add(NULL, &q), K_ERR_INVALID_PRODUCER_ID_MAPPING);
}

static void
nothing_joins_a_transaction_that_is_being_ended(void **state)
{
    (void)state;
    for (int s = TXN_EMPTY; s < TXN_STATES_N; s++) {
        struct txn_data now = data((enum txn_state)s, 3);
        struct add_request q = {.producer_id = 7, .epoch = 3};
        bool ending = s == TXN_PREPARE_COMMIT || s == TXN_PREPARE_ABORT || s == TXN_DEAD;
        assert_int_equal(txn_may_add(&now, &q),
                         ending ? K_ERR_CONCURRENT_TRANSACTIONS : K_ERR_NONE);
    }
}

/* ---- ending ---- */

static struct end_decision
end(enum txn_state state, int16_t epoch, int16_t asked, bool commit, int16_t version)
{
    struct txn_data now = data(state, epoch);
    struct end_request q = {.producer_id = 7, .epoch = asked, .commit = commit, .version = version};
    return txn_end(&now, &q);
}

static void
assert_refused(struct end_decision d, int16_t err)
{
    assert_int_equal(d.verdict, END_REFUSED);
    assert_int_equal(d.err, err);
}

static void
version_1_goes_by_the_state_alone(void **state)
{
    (void)state;
    assert_int_equal(end(TXN_ONGOING, 3, 3, true, 0).verdict, END_PREPARE);
    assert_int_equal(end(TXN_COMPLETE_COMMIT, 3, 3, true, 0).verdict, END_IS_DONE);
    assert_int_equal(end(TXN_COMPLETE_ABORT, 3, 3, false, 0).verdict, END_IS_DONE);
    assert_refused(end(TXN_COMPLETE_COMMIT, 3, 3, false, 0), K_ERR_INVALID_TXN_STATE);
    assert_refused(end(TXN_PREPARE_COMMIT, 3, 3, true, 0), K_ERR_CONCURRENT_TRANSACTIONS);
    assert_refused(end(TXN_PREPARE_COMMIT, 3, 3, false, 0), K_ERR_INVALID_TXN_STATE);
    assert_refused(end(TXN_EMPTY, 3, 3, false, 0), K_ERR_INVALID_TXN_STATE);
    assert_refused(end(TXN_ONGOING, 3, 2, true, 0), K_ERR_PRODUCER_FENCED);
    assert_refused(end(TXN_ONGOING, 3, 4, true, 0), K_ERR_PRODUCER_FENCED);
}

/* The rows of KIP-890's table: sent again (the epoch before), or now. */
static void
version_2_tells_a_retry_by_its_epoch(void **state)
{
    (void)state;
    assert_refused(end(TXN_EMPTY, 3, 2, false, 2), K_ERR_PRODUCER_FENCED);
    assert_refused(end(TXN_EMPTY, 3, 2, true, 2), K_ERR_PRODUCER_FENCED);
    assert_int_equal(end(TXN_EMPTY, 3, 3, false, 2).verdict, END_PREPARE);
    assert_refused(end(TXN_EMPTY, 3, 3, true, 2), K_ERR_INVALID_TXN_STATE);

    assert_int_equal(end(TXN_COMPLETE_ABORT, 3, 2, false, 2).verdict, END_IS_DONE);
    assert_refused(end(TXN_COMPLETE_ABORT, 3, 2, true, 2), K_ERR_INVALID_TXN_STATE);
    assert_int_equal(end(TXN_COMPLETE_ABORT, 3, 3, false, 2).verdict, END_PREPARE);
    assert_refused(end(TXN_COMPLETE_ABORT, 3, 3, true, 2), K_ERR_INVALID_TXN_STATE);

    assert_refused(end(TXN_COMPLETE_COMMIT, 3, 2, false, 2), K_ERR_INVALID_TXN_STATE);
    assert_int_equal(end(TXN_COMPLETE_COMMIT, 3, 2, true, 2).verdict, END_IS_DONE);
    assert_int_equal(end(TXN_COMPLETE_COMMIT, 3, 3, false, 2).verdict, END_PREPARE);
    assert_refused(end(TXN_COMPLETE_COMMIT, 3, 3, true, 2), K_ERR_INVALID_TXN_STATE);

    assert_refused(end(TXN_PREPARE_COMMIT, 3, 2, true, 2), K_ERR_CONCURRENT_TRANSACTIONS);
    assert_refused(end(TXN_PREPARE_COMMIT, 3, 2, false, 2), K_ERR_INVALID_TXN_STATE);
    assert_refused(end(TXN_PREPARE_COMMIT, 3, 3, true, 2), K_ERR_PRODUCER_FENCED);
}

/* KAFKA-17754: the commit of the last transaction comes again while the next one is ongoing. */
static void
a_late_end_ends_the_next_transaction_under_version_1_and_not_under_2(void **state)
{
    (void)state;
    assert_int_equal(end(TXN_ONGOING, 3, 3, true, 0).verdict, END_PREPARE);
    assert_refused(end(TXN_ONGOING, 4, 3, true, 2), K_ERR_PRODUCER_FENCED);
    assert_refused(end(TXN_ONGOING, 5, 3, true, 2), K_ERR_PRODUCER_FENCED);
}

static void
an_exhausted_epoch_needs_a_new_id_to_end(void **state)
{
    (void)state;
    assert_int_equal(end(TXN_ONGOING, INT16_MAX - 1, INT16_MAX - 1, true, 2).verdict,
                     END_PREPARE_WITH_NEW_ID);
    assert_int_equal(end(TXN_ONGOING, INT16_MAX - 1, INT16_MAX - 1, true, 0).verdict, END_PREPARE);
    /* It did not hear of the new one, and asks again. */
    struct txn_data now = data(TXN_COMPLETE_COMMIT, 0);
    now.producer_id = 99;
    now.previous_producer_id = 7;
    struct end_request q = {.producer_id = 7, .epoch = INT16_MAX - 1, .commit = true, .version = 2};
    assert_int_equal(txn_end(&now, &q).verdict, END_IS_DONE);
    q.epoch--;
    assert_int_equal(txn_end(&now, &q).err, K_ERR_INVALID_PRODUCER_ID_MAPPING);
}

static void
an_unknown_producer_ends_nothing(void **state)
{
    (void)state;
    struct txn_data now = data(TXN_ONGOING, 3);
    struct end_request q = {.producer_id = 8, .epoch = 3, .commit = true, .version = 2};
    assert_refused(txn_end(NULL, &q), K_ERR_INVALID_PRODUCER_ID_MAPPING);
    assert_refused(txn_end(&now, &q), K_ERR_INVALID_PRODUCER_ID_MAPPING);
    q.version = 0;
    assert_refused(txn_end(&now, &q), K_ERR_INVALID_PRODUCER_ID_MAPPING);
}

/* ---- errors ---- */

static void
a_marker_is_sent_again_until_it_is_known_to_be_written(void **state)
{
    (void)state;
    assert_int_equal(marker_answer(K_ERR_NONE), MARKER_IS_WRITTEN);
    assert_int_equal(marker_answer(K_ERR_NOT_LEADER_OR_FOLLOWER), MARKER_AGAIN);
    assert_int_equal(marker_answer(K_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND), MARKER_AGAIN);
    assert_int_equal(marker_answer(K_ERR_UNKNOWN_SERVER_ERROR), MARKER_AGAIN);
    assert_int_equal(marker_answer(K_ERR_TRANSACTION_COORDINATOR_FENCED), MARKER_OBSOLETE);
}

static void
old_producers_are_told_what_they_can_read(void **state)
{
    (void)state;
    enum txn_client old = txn_client_of_produce(10), new = txn_client_of_produce(12);
    assert_int_equal(txn_client_of_produce(11), TXN_CLIENT_KNOWS_ABORTS);
    assert_int_equal(txn_client_of_offset_commit(5), TXN_CLIENT_ADDS);
    assert_int_equal(txn_client_of_offset_commit(4), TXN_CLIENT_KNOWS_ABORTS);
    assert_int_equal(txn_verify_error(K_ERR_TRANSACTION_ABORTABLE, old), K_ERR_INVALID_TXN_STATE);
    assert_int_equal(txn_verify_error(K_ERR_TRANSACTION_ABORTABLE, new),
                     K_ERR_TRANSACTION_ABORTABLE);
    assert_int_equal(txn_verify_error(K_ERR_PRODUCER_FENCED, new), K_ERR_INVALID_PRODUCER_EPOCH);
    assert_int_equal(txn_produce_error(K_ERR_NOT_COORDINATOR, new), K_ERR_NOT_ENOUGH_REPLICAS);
    assert_int_equal(txn_produce_error(K_ERR_CONCURRENT_TRANSACTIONS, old),
                     K_ERR_NOT_ENOUGH_REPLICAS);
    assert_int_equal(txn_produce_error(K_ERR_CONCURRENT_TRANSACTIONS, new),
                     K_ERR_CONCURRENT_TRANSACTIONS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_instance_takes_the_next_epoch),
        cmocka_unit_test(one_that_goes_on_is_raised_once_and_told_again),
        cmocka_unit_test(one_that_was_replaced_is_fenced),
        cmocka_unit_test(an_exhausted_epoch_asks_for_another_id),
        cmocka_unit_test(adding_needs_the_present_epoch_exactly),
        cmocka_unit_test(nothing_joins_a_transaction_that_is_being_ended),
        cmocka_unit_test(version_1_goes_by_the_state_alone),
        cmocka_unit_test(version_2_tells_a_retry_by_its_epoch),
        cmocka_unit_test(a_late_end_ends_the_next_transaction_under_version_1_and_not_under_2),
        cmocka_unit_test(an_exhausted_epoch_needs_a_new_id_to_end),
        cmocka_unit_test(an_unknown_producer_ends_nothing),
        cmocka_unit_test(a_marker_is_sent_again_until_it_is_known_to_be_written),
        cmocka_unit_test(old_producers_are_told_what_they_can_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
