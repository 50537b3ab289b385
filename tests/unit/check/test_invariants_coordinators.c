/* What coordinators have committed: transactions and what logs make of them, members of groups and what they were given. */
#include "broker/record/control.h"
#include "sim/check/invariants_own.h"
#include "tests/unit/check/written.h"

#include "messages.h"

#define TXNS S("__transaction_state-0")
#define GROUP S("__consumer_offsets-0")
#define ORDERS S("orders-0")
enum { EMPTY, ONGOING, PREPARE_COMMIT, PREPARE_ABORT, COMPLETE_COMMIT, COMPLETE_ABORT };
enum { PRODUCER = 7, COORDINATOR_EPOCH = 3 };

static void
begin(struct tale *s)
{
    tale_begin(s, S("b1"));
    (void)written_log(s, ORDERS);
}

#define BEGIN \
    (void)state; \
    struct tale s; \
    begin(&s)

/* ---- transactions ---- */

static int64_t began_ms;

static void
txn_with(struct tale *s, int8_t status, int16_t epoch, int32_t *partitions, int32_t n)
{
    struct k_transaction_log_key k = {.transactional_id = S("t1")};
    struct k_transaction_log_value r;
    struct k_transaction_log_value_partitions_schema orders = {
        .topic = S("orders"), .partition_ids = partitions, .partition_ids_n = n};
    codec_default(K_MSG_TRANSACTION_LOG_VALUE, &r);
    r.producer_id = PRODUCER;
    r.producer_epoch = epoch;
    r.transaction_status = status;
    r.transaction_start_timestamp_ms = began_ms;
    r.transaction_partitions = &orders;
    r.transaction_partitions_n = n ? 1 : 0;
    add_coordinator(s, K_MSG_TRANSACTION_LOG_KEY, &k, K_MSG_TRANSACTION_LOG_VALUE, 0, &r);
    tale_commit(s, TXNS);
}

static void
txn(struct tale *s, int8_t status, int16_t epoch)
{
    int32_t partitions[] = {0};
    bool has = status >= ONGOING && status <= PREPARE_ABORT;
    txn_with(s, status, epoch, partitions, has);
}

static void
written(struct tale *s, int16_t epoch, int32_t sequence)
{
    s->batch.h.producer_id = PRODUCER;
    s->batch.h.producer_epoch = epoch;
    s->batch.h.base_sequence = sequence;
    s->batch.h.attributes = BATCH_TRANSACTIONAL;
    assert_true(builder_add(&s->batch, 0, SLICE_NULL, S("value"), NULL, 0));
    tale_commit(s, ORDERS);
}

static void
marker(struct tale *s, int16_t epoch, bool commit, int32_t coordinator_epoch)
{
    uint8_t value[END_TXN_BYTES] = {0};
    store_be32(value + 2, (uint32_t)coordinator_epoch);
    s->batch.h.producer_id = PRODUCER;
    s->batch.h.producer_epoch = epoch;
    s->batch.h.base_sequence = -1;
    s->batch.h.attributes = BATCH_TRANSACTIONAL;
    builder_add_control(&s->batch, commit ? CONTROL_COMMIT : CONTROL_ABORT, 0,
                        slice(value, sizeof value));
    tale_commit(s, ORDERS);
}

static void
a_transaction_in_order_is_silent(void **state)
{
    BEGIN;
    txn(&s, EMPTY, 0);
    for (int16_t epoch = 0; epoch < 20; epoch += 2) {
        txn(&s, ONGOING, epoch);
        written(&s, epoch, 0);
        txn(&s, PREPARE_COMMIT, (int16_t)(epoch + 1));
        marker(&s, (int16_t)(epoch + 1), true, COORDINATOR_EPOCH);
        txn(&s, COMPLETE_COMMIT, (int16_t)(epoch + 1));
        txn_with(&s, PREPARE_ABORT, (int16_t)(epoch + 2), NULL, 0);
        txn(&s, COMPLETE_ABORT, (int16_t)(epoch + 2));
    }
    assert_silent(&s);
}

static void
a_transaction_that_becomes_younger(void **state)
{
    BEGIN;
    began_ms = 5;
    txn(&s, ONGOING, 0);
    began_ms = 6;
    txn(&s, ONGOING, 0);
    began_ms = 0;
    assert_told(&s, RULE_TRANSACTION_STATE,
                "b1: a transaction that had begun at 5 says that it began at 6");
}

static void
a_marker_of_a_coordinator_of_before_it_was_decided(void **state)
{
    BEGIN;
    txn(&s, ONGOING, 0);
    written(&s, 0, 0);
    txn(&s, PREPARE_COMMIT, 0);
    marker(&s, 0, true, 0);
    assert_told(&s, RULE_TRANSACTION_STATE,
                "b1: has a marker of a coordinator of epoch 0; it was decided in epoch 1");
}

/* It may be the one before that comes so late. */
static void
a_marker_of_one_of_several_transactions(void **state)
{
    BEGIN;
    for (int i = 0; i < 2; i++) {
        txn(&s, ONGOING, 0);
        written(&s, 0, i);
        txn(&s, PREPARE_COMMIT, 0);
        if (i == 0) marker(&s, 0, true, 1);
        if (i == 0) txn(&s, COMPLETE_COMMIT, 0);
        s.batch.h.leader_epoch = 2;
    }
    marker(&s, 0, true, 1);
    assert_silent(&s);
}

/* What it had decided is read when another leads already. */
static void
a_marker_of_a_coordinator_that_led_then(void **state)
{
    BEGIN;
    txn(&s, ONGOING, 0);
    written(&s, 0, 0);
    model_log(&s.v->model, s.m->index, model_key(&s.v->model, TXNS))->epoch = 5;
    txn(&s, PREPARE_COMMIT, 0);
    marker(&s, 0, true, 1);
    assert_silent(&s);
}

static void
the_next_transaction_begins_later(void **state)
{
    BEGIN;
    began_ms = 5;
    txn(&s, ONGOING, 0);
    txn_with(&s, PREPARE_ABORT, 0, (int32_t[]){0}, 1);
    marker(&s, 0, false, COORDINATOR_EPOCH);
    txn_with(&s, COMPLETE_ABORT, 0, NULL, 0);
    began_ms = 6;
    txn(&s, ONGOING, 0);
    began_ms = 0;
    assert_silent(&s);
}

static void
a_state_is_left_out(void **state)
{
    BEGIN;
    txn(&s, ONGOING, 0);
    txn_with(&s, COMPLETE_COMMIT, 0, NULL, 0);
    const struct anomalies *a = invariants_anomalies(s.v);
    assert_int_equal(a->v.n, 2);
    assert_true(slice_eq(a->v.v[0].story, S("b1: a transaction went from status 1 to status 4")));
    tale_end(&s);
}

static void
an_epoch_goes_back(void **state)
{
    BEGIN;
    txn(&s, EMPTY, 5);
    txn(&s, ONGOING, 4);
    assert_told(&s, RULE_TRANSACTION_STATE, "b1: a producer's epoch went from 5 to 4");
}

static void
a_partition_twice(void **state)
{
    BEGIN;
    int32_t partitions[] = {0, 0};
    txn_with(&s, ONGOING, 0, partitions, 2);
    assert_told(&s, RULE_TRANSACTION_STATE,
                "b1: partition 0 is twice in one transaction of producer 7");
}

static void
a_partition_is_forgotten(void **state)
{
    BEGIN;
    txn(&s, ONGOING, 0);
    txn_with(&s, PREPARE_ABORT, 0, NULL, 0);
    assert_told(&s, RULE_TRANSACTION_STATE,
                "b1: a transaction of producer 7 has lost a partition that it had");
}

static void
complete_without_its_marker(void **state)
{
    BEGIN;
    txn(&s, ONGOING, 0);
    written(&s, 0, 0);
    txn(&s, PREPARE_COMMIT, 0);
    txn(&s, COMPLETE_COMMIT, 0);
    assert_told(
        &s, RULE_TRANSACTION_STATE,
        "b1: said that a transaction of producer 7 is complete, and partition 0 has no marker");
}

/* The topic is deleted and made again: another log has its name. */
static struct topic_key *
made_again(struct tale *s)
{
    struct topic_key *former = model_find_key(&s->v->model, S("orders"), 0);
    former->id.b[0] = 1;
    model_forget_id(&s->v->model, former->id);
    return model_key_of(&s->v->model, former->subject, (struct uuid){{2}});
}

static void
takes_record(struct tale *s, struct topic_key *k)
{
    const struct batch b = {
        .key = k, .is_looked_at = true, .is_transactional = true, .producer = 7};
    txn_batch_written(s->v, k, &b);
}

/* Who coordinates it knows it by its name. If he has not heard that there is another one, he takes it for gone. */
static void
complete_without_a_marker_in_a_topic_that_was_made_again(void **state)
{
    BEGIN;
    txn(&s, ONGOING, 0);
    (void)made_again(&s);
    txn(&s, PREPARE_COMMIT, 0);
    txn(&s, COMPLETE_COMMIT, 0);
    assert_silent(&s);
}

static void
a_record_hangs_in_a_topic_that_was_made_again(void **state)
{
    BEGIN;
    txn(&s, ONGOING, 0);
    takes_record(&s, made_again(&s)); /* it has this partition, by its name */
    txn(&s, PREPARE_COMMIT, 0);
    txn(&s, COMPLETE_COMMIT, 0);
    assert_told(
        &s, RULE_TRANSACTION_STATE,
        "b1: said that a transaction of producer 7 is complete, and partition 0 has no marker");
}

static void
the_marker_of_the_transaction_before_does_not_count(void **state)
{
    BEGIN;
    for (int i = 0; i < 2; i++) {
        txn(&s, ONGOING, 0);
        txn(&s, PREPARE_COMMIT, 0);
        if (i == 0) marker(&s, 0, true, COORDINATOR_EPOCH);
        txn(&s, COMPLETE_COMMIT, 0);
    }
    assert_told(
        &s, RULE_TRANSACTION_STATE,
        "b1: said that a transaction of producer 7 is complete, and partition 0 has no marker");
}

static void
a_marker_before_the_decision(void **state)
{
    BEGIN;
    txn(&s, ONGOING, 0);
    marker(&s, 0, true, COORDINATOR_EPOCH);
    assert_told(&s, RULE_TRANSACTION_STATE,
                "b1: has a marker that producer 7 commits in epoch 0, which nobody decided");
}

static void
a_marker_of_the_other_decision(void **state)
{
    BEGIN;
    txn(&s, ONGOING, 0);
    txn(&s, PREPARE_COMMIT, 0);
    marker(&s, 0, false, COORDINATOR_EPOCH);
    assert_told(&s, RULE_TRANSACTION_STATE,
                "b1: has a marker that producer 7 aborts in epoch 0, which nobody decided");
}

static void
a_marker_of_a_coordinator_that_was_replaced(void **state)
{
    BEGIN;
    txn(&s, ONGOING, 0);
    txn(&s, PREPARE_COMMIT, 0);
    marker(&s, 0, true, COORDINATOR_EPOCH);
    marker(&s, 0, true, COORDINATOR_EPOCH - 1);
    assert_told(&s, RULE_TRANSACTION_STATE,
                "b1: took a marker of coordinator epoch 2 after one of epoch 3");
}

static void
a_record_of_a_partition_that_was_not_added(void **state)
{
    BEGIN;
    txn_with(&s, ONGOING, 0, NULL, 0);
    written(&s, 0, 0);
    assert_told(
        &s, RULE_TRANSACTION_STATE,
        "b1: took a record of a transaction of producer 7 (epoch 0) that does not have this "
        "partition");
}

static void
who_does_not_verify_takes_it(void **state)
{
    BEGIN;
    invariants_unverified(s.v);
    txn_with(&s, ONGOING, 0, NULL, 0);
    written(&s, 0, 0);
    assert_silent(&s);
}

static void
forgotten_in_the_middle(void **state)
{
    BEGIN;
    struct k_transaction_log_key k = {.transactional_id = S("t1")};
    txn(&s, ONGOING, 0);
    add_coordinator(&s, K_MSG_TRANSACTION_LOG_KEY, &k, K_MSG_TRANSACTION_LOG_VALUE, 0, NULL);
    tale_commit(&s, TXNS);
    assert_told(&s, RULE_TRANSACTION_STATE,
                "b1: forgot a transactional id of producer 7 in status 1");
}

/* ---- members ---- */

static void
is_to_have(struct tale *s, struct slice member, int32_t partition)
{
    struct k_consumer_group_target_assignment_member_key k = {S("readers"), member};
    struct k_consumer_group_target_assignment_member_value_topic_partition p = {
        .topic_id = {{1}}, .partitions = &partition, .partitions_n = 1};
    struct k_consumer_group_target_assignment_member_value r;
    codec_default(K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE, &r);
    r.topic_partitions = &p, r.topic_partitions_n = 1;
    add_coordinator(s, K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY, &k,
                    K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE, 0, &r);
}

static void
one_gives_and_another_gets_in_one_breath(void **state)
{
    BEGIN;
    group_epoch(&s, 2);
    has(&s, S("a"), 1, 0, false);
    has(&s, S("b"), 1, 1, false);
    is_to_have(&s, S("a"), 1);
    is_to_have(&s, S("b"), 0);
    tale_commit(&s, GROUP);
    has(&s, S("b"), 2, 0, false);
    has(&s, S("a"), 2, 1, false);
    tale_commit(&s, GROUP);
    assert_silent(&s);
}

static void
one_gets_before_another_has_given(void **state)
{
    BEGIN;
    group_epoch(&s, 2);
    has(&s, S("a"), 1, 0, true);
    tale_commit(&s, GROUP);
    has(&s, S("b"), 2, 0, false);
    tale_commit(&s, GROUP);
    assert_told(&s, RULE_GROUP_STATE, "b1: partition 0 belongs to two members, in epochs up to 2");
}

static void
two_are_to_have_the_same(void **state)
{
    BEGIN;
    is_to_have(&s, S("a"), 0);
    is_to_have(&s, S("b"), 0);
    tale_commit(&s, GROUP);
    assert_told(&s, RULE_GROUP_STATE,
                "b1: partition 0 is to belong to two members, in epochs up to 0");
}

static void
a_member_ahead_of_its_group(void **state)
{
    BEGIN;
    group_epoch(&s, 2);
    has(&s, S("a"), 3, 0, false);
    tale_commit(&s, GROUP);
    assert_told(&s, RULE_GROUP_STATE, "b1: a member has come to epoch 3, and its group to epoch 2");
}

static void
a_group_goes_back(void **state)
{
    BEGIN;
    group_epoch(&s, 3);
    tale_commit(&s, GROUP);
    group_epoch(&s, 2);
    tale_commit(&s, GROUP);
    assert_told(&s, RULE_GROUP_STATE, "b1: a group went from epoch 3 to 2");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transaction_in_order_is_silent),
        cmocka_unit_test(a_transaction_that_becomes_younger),
        cmocka_unit_test(a_marker_of_a_coordinator_of_before_it_was_decided),
        cmocka_unit_test(a_marker_of_one_of_several_transactions),
        cmocka_unit_test(a_marker_of_a_coordinator_that_led_then),
        cmocka_unit_test(the_next_transaction_begins_later),
        cmocka_unit_test(a_state_is_left_out),
        cmocka_unit_test(an_epoch_goes_back),
        cmocka_unit_test(a_partition_twice),
        cmocka_unit_test(a_partition_is_forgotten),
        cmocka_unit_test(complete_without_its_marker),
        cmocka_unit_test(complete_without_a_marker_in_a_topic_that_was_made_again),
        cmocka_unit_test(a_record_hangs_in_a_topic_that_was_made_again),
        cmocka_unit_test(the_marker_of_the_transaction_before_does_not_count),
        cmocka_unit_test(a_marker_before_the_decision),
        cmocka_unit_test(a_marker_of_the_other_decision),
        cmocka_unit_test(a_marker_of_a_coordinator_that_was_replaced),
        cmocka_unit_test(a_record_of_a_partition_that_was_not_added),
        cmocka_unit_test(who_does_not_verify_takes_it),
        cmocka_unit_test(forgotten_in_the_middle),
        cmocka_unit_test(one_gives_and_another_gets_in_one_breath),
        cmocka_unit_test(one_gets_before_another_has_given),
        cmocka_unit_test(two_are_to_have_the_same),
        cmocka_unit_test(a_member_ahead_of_its_group),
        cmocka_unit_test(a_group_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
