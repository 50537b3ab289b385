/* The coordinator: what is answered when, what is carried out, what a successor makes of it. */
#include "tests/unit/txn/fixture.h"

#include "configs.h"

#define T S("t")
#define TIMEOUT_MS 60000

/* An ongoing transaction of partitions 0 and 1: producer id 1000, epoch 0. */
static void
begin_txn(void)
{
    (void)inited(init(T, -1, -1, TIMEOUT_MS));
    assert_int_equal(added(add(T, 1000, 0, 0, false)), 0);
    assert_int_equal(added(add(T, 1000, 0, 1, false)), 0);
}

static void
nothing_is_answered_before_it_is_committed(void **state)
{
    (void)state;
    struct asked *c = init(T, -1, -1, TIMEOUT_MS);
    assert_int_equal(c->count, 0);
    assert_int_equal(inited(c)->producer_id, 1000);
    assert_int_equal(inited(c)->producer_epoch, 0);
    struct adding *ad = add(T, 1000, 0, 0, false);
    assert_int_equal(ad->count, 0);
    assert_int_equal(added(ad), 0);
    struct asked *e = end(T, 1000, 0, true, 5);
    assert_int_equal(e->count, 0);
    assert_int_equal(w.markers.n, 0);
    const struct k_end_txn_response *res = ended(e);
    assert_int_equal(res->error_code, 0);
    assert_int_equal(res->producer_epoch, 1);
}

static void
each_partition_gets_its_marker_under_the_coordinators_epoch(void **state)
{
    (void)state;
    begin_txn();
    (void)ended(end(T, 1000, 0, true, 5));
    const struct k_write_txn_markers_request_writable_txn_marker *m = marker_sent();
    assert_int_equal(m->producer_id, 1000);
    assert_int_equal(m->producer_epoch, 1);
    assert_true(m->transaction_result);
    assert_int_equal(m->coordinator_epoch, 5);
    assert_int_equal(m->transaction_version, 2);
    assert_int_equal(m->topics_n, 1);
    assert_int_equal(m->topics[0].partition_indexes_n, 2);
    answer_markers(0);
    commit();
    assert_int_equal(state_of(T), TXN_COMPLETE_COMMIT);
}

static void
a_marker_that_failed_is_sent_again_and_nothing_begins_before(void **state)
{
    (void)state;
    begin_txn();
    (void)ended(end(T, 1000, 0, true, 5));
    for (int i = 0; i < 3; i++) {
        answer_markers(K_ERR_NOT_LEADER_OR_FOLLOWER);
        commit();
        assert_int_equal(state_of(T), TXN_PREPARE_COMMIT);
        assert_int_equal(added(add(T, 1000, 1, 2, false)), K_ERR_CONCURRENT_TRANSACTIONS);
        pass_ms(100);
    }
    answer_markers(0);
    commit();
    assert_int_equal(state_of(T), TXN_COMPLETE_COMMIT);
    assert_int_equal(added(add(T, 1000, 1, 2, false)), 0);
}

static void
a_partition_that_was_deleted_is_not_waited_for(void **state)
{
    (void)state;
    begin_txn();
    topic_remove(&w.image, image_topic(&w.image, S("orders")));
    (void)ended(end(T, 1000, 0, true, 5));
    commit();
    assert_int_equal(w.markers.n, 0);
    assert_int_equal(state_of(T), TXN_COMPLETE_COMMIT);
}

static void
a_successor_carries_out_what_was_decided(void **state)
{
    (void)state;
    begin_txn();
    (void)ended(end(T, 1000, 0, false, 5));
    change_leader();
    answer_markers(0); /* to the one before */
    commit();
    assert_int_equal(state_of(T), TXN_PREPARE_ABORT);
    assert_false(marker_sent()->transaction_result);
    assert_int_equal(marker_sent()->coordinator_epoch, 6);
    answer_markers(0);
    commit();
    assert_int_equal(state_of(T), TXN_COMPLETE_ABORT);
}

static void
what_was_not_committed_is_not_known_to_a_successor(void **state)
{
    (void)state;
    begin_txn();
    struct asked *e = end(T, 1000, 0, true, 5);
    struct buf *lost = w.log.v[--w.log.n];
    buf_unref(lost);
    change_leader();
    assert_int_equal(e->count, 1);
    assert_int_equal(((const struct k_end_txn_response *)e->response)->error_code,
                     K_ERR_NOT_COORDINATOR);
    assert_int_equal(state_of(T), TXN_ONGOING);
    assert_int_equal(w.markers.n, 0);
}

/* request.timeout.ms: 30 s. What becomes of it is not known, so nothing else is begun. */
static void
what_takes_too_long_is_answered_and_keeps_the_transaction_busy(void **state)
{
    (void)state;
    begin_txn();
    struct asked *e = end(T, 1000, 0, true, 5);
    pass_ms(30001);
    assert_int_equal(e->count, 1);
    assert_int_equal(((const struct k_end_txn_response *)e->response)->error_code,
                     K_ERR_COORDINATOR_NOT_AVAILABLE);
    struct asked *again = end(T, 1000, 0, true, 5);
    assert_int_equal(again->count, 1);
    assert_int_equal(((const struct k_end_txn_response *)again->response)->error_code,
                     K_ERR_CONCURRENT_TRANSACTIONS);
    commit();
    assert_int_equal(e->count, 1);
    assert_int_equal(state_of(T), TXN_PREPARE_COMMIT);
}

/* That all markers are there is written, and takes long. */
static void
begin_late_completion(void)
{
    begin_txn();
    (void)ended(end(T, 1000, 0, true, 5));
    answer_markers(0);
    settle();
    assert_int_equal(w.pending.n, 1);
    pass_ms(30001);
    assert_int_equal(state_of(T), TXN_PREPARE_COMMIT);
}

static void
a_late_completion_is_made_once(void **state)
{
    (void)state;
    begin_late_completion();
    commit();
    assert_int_equal(state_of(T), TXN_COMPLETE_COMMIT);
    pass_ms(1000);
    assert_int_equal(w.pending.n, 0);
    assert_int_equal(state_of(T), TXN_COMPLETE_COMMIT);
}

static void
a_late_completion_that_fails_is_tried_again(void **state)
{
    (void)state;
    begin_late_completion();
    pass_ms(1000);
    finish_writes(K_ERR_NOT_ENOUGH_REPLICAS);
    assert_int_equal(state_of(T), TXN_PREPARE_COMMIT);
    pass_ms(200);
    commit();
    assert_int_equal(state_of(T), TXN_COMPLETE_COMMIT);
}

/* KAFKA-9666: each try must not raise the epoch anew. */
static void
a_fence_that_cannot_be_written_is_no_fence(void **state)
{
    (void)state;
    begin_txn();
    w.refuses = K_ERR_NOT_ENOUGH_REPLICAS;
    for (int i = 0; i < 10; i++)
        assert_int_equal(inited(init(T, -1, -1, TIMEOUT_MS))->error_code,
                         K_ERR_COORDINATOR_NOT_AVAILABLE);
    w.refuses = 0;
    assert_int_equal(txn_find(w.shard, T)->data.epoch, 0);
    assert_int_equal(inited(init(T, -1, -1, TIMEOUT_MS))->error_code,
                     K_ERR_CONCURRENT_TRANSACTIONS);
    assert_int_equal(txn_find(w.shard, T)->data.epoch, 1);
}

static void
a_new_instance_aborts_its_predecessors_transaction_first(void **state)
{
    (void)state;
    begin_txn();
    assert_int_equal(inited(init(T, -1, -1, TIMEOUT_MS))->error_code,
                     K_ERR_CONCURRENT_TRANSACTIONS);
    assert_false(marker_sent()->transaction_result);
    assert_int_equal(ended(end(T, 1000, 0, true, 5))->error_code, K_ERR_INVALID_TXN_STATE);
    answer_markers(0);
    commit();
    assert_int_equal(inited(init(T, -1, -1, TIMEOUT_MS))->producer_epoch, 2);
    assert_int_equal(ended(end(T, 1000, 0, true, 5))->error_code, K_ERR_PRODUCER_FENCED);
}

/* transaction.max.timeout.ms */
static void
a_time_out_above_the_greatest_is_refused(void **state)
{
    (void)state;
    world_set(K_CFG_TRANSACTION_MAX_TIMEOUT_MS, "5000");
    assert_int_equal(inited(init(T, -1, -1, 5001))->error_code, K_ERR_INVALID_TRANSACTION_TIMEOUT);
    assert_int_equal(inited(init(T, -1, -1, 0))->error_code, K_ERR_INVALID_TRANSACTION_TIMEOUT);
    assert_int_equal(inited(init(T, -1, -1, 5000))->error_code, 0);
    assert_int_equal(inited(init(SLICE_EMPTY, -1, -1, 5000))->error_code, K_ERR_INVALID_REQUEST);
}

/* transaction.abort.timed.out.transaction.cleanup.interval.ms: 10 s */
static void
a_transaction_that_goes_on_for_too_long_is_aborted_and_fenced(void **state)
{
    (void)state;
    (void)inited(init(T, -1, -1, 3000));
    (void)added(add(T, 1000, 0, 0, false));
    pass_ms(9900);
    assert_int_equal(state_of(T), TXN_ONGOING);
    pass_ms(200);
    commit();
    assert_int_equal(state_of(T), TXN_PREPARE_ABORT);
    assert_int_equal(ended(end(T, 1000, 0, true, 5))->error_code, K_ERR_INVALID_TXN_STATE);
    answer_markers(0);
    commit();
    assert_int_equal(state_of(T), TXN_COMPLETE_ABORT);
    /* KIP-360: its own producer hears of the epoch, and goes on. */
    assert_int_equal(inited(init(T, 1000, 0, 3000))->producer_epoch, 1);
}

/* transactional.id.expiration.ms, transaction.remove.expired.transaction.cleanup.interval.ms: 1 h */
static void
an_id_that_nobody_uses_is_forgotten_by_successors_too(void **state)
{
    (void)state;
    world_set(K_CFG_TRANSACTIONAL_ID_EXPIRATION_MS, "5000");
    (void)inited(init(T, -1, -1, TIMEOUT_MS));
    pass_ms(3590000);
    assert_int_equal(state_of(T), TXN_EMPTY);
    pass_ms(20000);
    assert_int_equal(state_of(T), TXN_DEAD);
    assert_int_equal(inited(init(T, -1, -1, TIMEOUT_MS))->error_code,
                     K_ERR_CONCURRENT_TRANSACTIONS); /* not before that is committed */
    assert_int_equal(inited(init(T, -1, -1, TIMEOUT_MS))->error_code, 0);
    assert_int_equal(w.ids_given, 2);
    change_leader();
    assert_int_equal(txn_find(w.shard, T)->data.producer_id, 1001);
}

static void
verification_says_which_partitions_were_added(void **state)
{
    (void)state;
    begin_txn();
    assert_int_equal(added(add(T, 1000, 0, 1, true)), 0);
    assert_int_equal(added(add(T, 1000, 0, 2, true)), K_ERR_TRANSACTION_ABORTABLE);
    assert_int_equal(added(add(T, 1000, 1, 1, true)), K_ERR_PRODUCER_FENCED);
    assert_int_equal(added(add(S("other"), 1000, 0, 1, true)), K_ERR_INVALID_PRODUCER_ID_MAPPING);
}

/* ---- leaders that ask (verify.h) ---- */

struct check {
    struct txn_check c;
    int count;
    int16_t err;
};

static void
check_done(struct txn_check *c, int16_t err)
{
    struct check *k = CONTAINER_OF(c, struct check, c);
    k->count++;
    k->err = err;
}

static struct check *
ask(int32_t partition, int16_t epoch, enum txn_client client)
{
    struct check *k = ARENA_NEW(&w.arena, struct check);
    k->c = (struct txn_check){.done = check_done,
                              .transactional_id = T,
                              .topic = S("orders"),
                              .partition = partition,
                              .producer_id = 1000,
                              .producer_epoch = epoch,
                              .client = client};
    txn_verify(w.verifier, &k->c);
    return k;
}

static void
what_is_asked_at_one_time_is_one_move(void **state)
{
    (void)state;
    (void)inited(init(T, -1, -1, TIMEOUT_MS));
    struct check *a = ask(0, 0, TXN_CLIENT_ADDS), *b = ask(3, 0, TXN_CLIENT_ADDS);
    int64_t before = w.log.n;
    settle();
    assert_int_equal(w.log.n, before + 1);
    commit();
    assert_int_equal(a->count + b->count, 2);
    assert_int_equal(a->err, 0);
    assert_int_equal(b->err, 0);
    assert_int_equal(txn_find(w.shard, T)->partitions.v.n, 2);
}

static void
an_old_client_that_did_not_add_is_refused(void **state)
{
    (void)state;
    begin_txn();
    struct check *yes = ask(1, 0, TXN_CLIENT_OLD), *no = ask(2, 0, TXN_CLIENT_OLD);
    commit();
    assert_int_equal(yes->err, 0);
    assert_int_equal(no->err, K_ERR_INVALID_TXN_STATE);
    assert_int_equal(no->count, 1);
}

/* add.partitions.to.txn.retry.backoff.ms (20), add.partitions.to.txn.retry.backoff.max.ms (100) */
static void
the_end_of_the_last_transaction_is_waited_for_a_while(void **state)
{
    (void)state;
    begin_txn();
    (void)ended(end(T, 1000, 0, true, 5));
    struct check *k = ask(2, 1, TXN_CLIENT_ADDS);
    pass_ms(50);
    assert_int_equal(k->count, 0);
    answer_markers(0);
    commit();
    pass_ms(20);
    commit();
    assert_int_equal(k->count, 1);
    assert_int_equal(k->err, 0);
    (void)ended(end(T, 1000, 1, true, 5));
    struct check *late = ask(2, 2, TXN_CLIENT_ADDS);
    pass_ms(130);
    assert_int_equal(late->count, 1);
    assert_int_equal(late->err, K_ERR_CONCURRENT_TRANSACTIONS);
}

static void
records_that_make_no_sense_are_passed_over(void **state)
{
    (void)state;
    struct batch_header h = {.producer_id = -1};
    struct record broken[] = {
        {.key = SLICE_NULL, .value = S("x")},
        {.key = S("\0\0"), .value = S("x")},
        {.key = S("\0\0\0\1t"), .value = S("\0\1garbage")},
        {.key = S("\0\0\0\1t"), .value = S("\0\x63garbage")},
    };
    for (int64_t i = 0; i < ARRAY_LEN(broken); i++) txn_fold(&w.shard->base, &h, &broken[i]);
    assert_int_equal(w.shard->txns.n, 0);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, world_start, world_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_answered_before_it_is_committed),
        TEST(each_partition_gets_its_marker_under_the_coordinators_epoch),
        TEST(a_marker_that_failed_is_sent_again_and_nothing_begins_before),
        TEST(a_partition_that_was_deleted_is_not_waited_for),
        TEST(a_successor_carries_out_what_was_decided),
        TEST(what_was_not_committed_is_not_known_to_a_successor),
        TEST(what_takes_too_long_is_answered_and_keeps_the_transaction_busy),
        TEST(a_late_completion_is_made_once),
        TEST(a_late_completion_that_fails_is_tried_again),
        TEST(a_fence_that_cannot_be_written_is_no_fence),
        TEST(a_new_instance_aborts_its_predecessors_transaction_first),
        TEST(a_time_out_above_the_greatest_is_refused),
        TEST(a_transaction_that_goes_on_for_too_long_is_aborted_and_fenced),
        TEST(an_id_that_nobody_uses_is_forgotten_by_successors_too),
        TEST(verification_says_which_partitions_were_added),
        TEST(what_is_asked_at_one_time_is_one_move),
        TEST(an_old_client_that_did_not_add_is_refused),
        TEST(the_end_of_the_last_transaction_is_waited_for_a_while),
        TEST(records_that_make_no_sense_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
