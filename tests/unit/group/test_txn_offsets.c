/* Offsets that are committed with a transaction: pending until its marker is committed. */
#include "tests/unit/group/fixture.h"

#include "broker/group/txn_commit_check.h"
#include "broker/record/control.h"

#define PRODUCER 77

static struct k_txn_offset_commit_request request;
static struct k_txn_offset_commit_request_txn_offset_commit_request_topic request_topic;
static struct k_txn_offset_commit_request_txn_offset_commit_request_partition request_partition;

static struct call *
commit_in_txn(int64_t producer_id, int64_t offset, int32_t generation, struct slice member)
{
    codec_default(K_MSG_TXN_OFFSET_COMMIT_REQUEST, &request);
    request_partition = (struct k_txn_offset_commit_request_txn_offset_commit_request_partition){
        .partition_index = w.at_partition,
        .committed_offset = offset,
        .committed_leader_epoch = -1,
        .committed_metadata = S("m")};
    request_topic = (struct k_txn_offset_commit_request_txn_offset_commit_request_topic){
        .name = S("orders"), .partitions = &request_partition, .partitions_n = 1};
    request.transactional_id = S("t");
    request.group_id = S("g");
    request.producer_id = producer_id;
    request.producer_epoch = 3;
    request.generation_id_or_member_epoch = generation;
    request.member_id = member;
    request.topics = &request_topic;
    request.topics_n = 1;
    struct call *c = call_new(5);
    groups_commit_in_txn(w.gs, &request, 0, false, &c->c);
    settle();
    return c;
}

static int16_t
txn_error(struct call *c)
{
    const struct k_txn_offset_commit_response *res = answer(c);
    return res->topics[0].partitions[0].error_code;
}

static const struct k_offset_fetch_response_offset_fetch_response_partitions *
fetch_stable(void)
{
    static struct k_offset_fetch_response_offset_fetch_response_group res;
    int32_t partition = 3;
    struct k_offset_fetch_request_offset_fetch_request_topics t = {
        .name = S("orders"), .partition_indexes = &partition, .partition_indexes_n = 1};
    struct k_offset_fetch_request_offset_fetch_request_group q = {
        .group_id = S("g"), .topics = &t, .topics_n = 1};
    res = (struct k_offset_fetch_response_offset_fetch_response_group){.error_code = 0};
    groups_fetch(w.gs, &q, 9, OFFSETS_STABLE, &w.arena, &res);
    return &res.topics[0].partitions[0];
}

/* By the id of the topic that there is now (version 10). */
static const struct k_offset_fetch_response_offset_fetch_response_partitions *
fetch_stable_by_id(void)
{
    static struct k_offset_fetch_response_offset_fetch_response_group res;
    int32_t partition = 3;
    struct k_offset_fetch_request_offset_fetch_request_topics t = {
        .topic_id = image_topic(w.gs->base.image, S("orders"))->id,
        .partition_indexes = &partition,
        .partition_indexes_n = 1};
    struct k_offset_fetch_request_offset_fetch_request_group q = {
        .group_id = S("g"), .topics = &t, .topics_n = 1};
    res = (struct k_offset_fetch_response_offset_fetch_response_group){.error_code = 0};
    groups_fetch(w.gs, &q, 10, OFFSETS_STABLE, &w.arena, &res);
    return &res.topics[0].partitions[0];
}

static void
marker(int64_t producer_id, bool commit_it)
{
    groups_end_txn(w.gs, 0, producer_id, commit_it, groups_number_marker(w.gs));
}

/* As in the log, where the records of both stand one behind the other. */
static void
of_an_offset_that_is_named_twice_the_last_counts(void **state)
{
    (void)state;
    struct k_txn_offset_commit_request_txn_offset_commit_request_partition twice[2];
    (void)commit_in_txn(PRODUCER, 9, -1, SLICE_EMPTY);
    commit();
    twice[0] = twice[1] = request_partition;
    twice[0].committed_offset = 7, twice[1].committed_offset = 6;
    request_topic.partitions = twice, request_topic.partitions_n = 2;
    struct call *c = call_new(5);
    groups_commit_in_txn(w.gs, &request, 0, false, &c->c);
    settle();
    commit();
    marker(PRODUCER, true);
    assert_int_equal(fetch_offset(), 6);
}

static void
an_offset_holds_when_its_transaction_is_committed(void **state)
{
    (void)state;
    struct call *c = commit_in_txn(PRODUCER, 5, -1, SLICE_EMPTY);
    assert_true(is_waiting(c));
    commit();
    assert_int_equal(txn_error(c), 0);
    assert_int_equal(fetch_offset(), -1);
    assert_int_equal(fetch_stable()->error_code, K_ERR_UNSTABLE_OFFSET_COMMIT);
    marker(PRODUCER, true);
    assert_int_equal(fetch_offset(), 5);
    assert_int_equal(fetch_stable()->error_code, 0);
}

static void
an_offset_is_pending_before_its_record_is_committed(void **state)
{
    (void)state;
    (void)commit_in_txn(PRODUCER, 5, -1, SLICE_EMPTY);
    assert_int_equal(fetch_stable()->error_code, K_ERR_UNSTABLE_OFFSET_COMMIT);
}

static void
an_aborted_one_leaves_nothing(void **state)
{
    (void)state;
    (void)commit_in_txn(PRODUCER, 5, -1, SLICE_EMPTY);
    commit();
    marker(PRODUCER, false);
    assert_int_equal(fetch_offset(), -1);
    assert_int_equal(fetch_stable()->error_code, 0);
    assert_null(group_find(w.shard, S("g")));
    assert_int_equal(w.shard->pending.n, 0);
}

static void
one_transactions_marker_leaves_the_others_alone(void **state)
{
    (void)state;
    (void)commit_in_txn(PRODUCER, 5, -1, SLICE_EMPTY);
    (void)commit_in_txn(PRODUCER + 1, 6, -1, SLICE_EMPTY);
    commit();
    marker(PRODUCER, true);
    assert_int_equal(fetch_offset(), 5);
    assert_int_equal(fetch_stable()->error_code, K_ERR_UNSTABLE_OFFSET_COMMIT);
    marker(PRODUCER + 1, false);
    assert_int_equal(fetch_offset(), 5);
    assert_int_equal(fetch_stable()->error_code, 0);
}

/* The next transaction's offsets were appended before the last one's marker was committed. */
static void
a_marker_does_not_settle_what_came_after_it(void **state)
{
    (void)state;
    (void)commit_in_txn(PRODUCER, 5, -1, SLICE_EMPTY);
    uint64_t number = groups_number_marker(w.gs);
    (void)commit_in_txn(PRODUCER, 9, -1, SLICE_EMPTY);
    commit();
    groups_end_txn(w.gs, 0, PRODUCER, true, number);
    assert_int_equal(fetch_offset(), 5);
    assert_int_equal(fetch_stable()->error_code, K_ERR_UNSTABLE_OFFSET_COMMIT);
}

/* What was committed for a former topic of the name is none for this one; what a transaction is about to commit, by name, may well be. */
static void
what_is_pending_behind_an_offset_of_a_former_topic_is_unstable(void **state)
{
    (void)state;
    (void)commit_offset(SLICE_EMPTY, -1, 8);
    commit();
    group_offset(group_find(w.shard, S("g")), S("orders"), 3)->value.topic_id.b[0] ^= 1;
    assert_int_equal(fetch_stable_by_id()->error_code, 0);
    assert_int_equal(fetch_stable_by_id()->committed_offset, -1);
    (void)commit_in_txn(PRODUCER, 5, -1, SLICE_EMPTY);
    commit();
    assert_int_equal(fetch_stable_by_id()->error_code, K_ERR_UNSTABLE_OFFSET_COMMIT);
    marker(PRODUCER, true);
    assert_int_equal(fetch_stable_by_id()->committed_offset, 5);
}

static void
a_later_commit_without_transaction_holds(void **state)
{
    (void)state;
    (void)commit_in_txn(PRODUCER, 5, -1, SLICE_EMPTY);
    struct call *c = commit_offset(SLICE_EMPTY, -1, 8);
    commit();
    assert_int_equal(commit_error(c), 0);
    marker(PRODUCER, true);
    assert_int_equal(fetch_offset(), 8);
}

static void
what_was_deleted_meanwhile_stays_deleted(void **state)
{
    (void)state;
    (void)commit_in_txn(PRODUCER, 5, -1, SLICE_EMPTY);
    commit();
    assert_int_equal(delete_group(), 0);
    marker(PRODUCER, true);
    assert_int_equal(fetch_offset(), -1);
    assert_null(group_find(w.shard, S("g")));
}

/* KIP-447. */
static void
a_member_of_an_older_generation_is_refused(void **state)
{
    (void)state;
    assert_int_equal(txn_error(commit_in_txn(PRODUCER, 5, 1, S("nobody"))),
                     K_ERR_ILLEGAL_GENERATION);
    struct group *g = group_new(w.shard, S("g"));
    g->generation = 4;
    g->state = GROUP_STABLE;
    (void)group_add_member(g, S("m"), SLICE_NULL, S("c"), S("/h"));
    assert_int_equal(txn_commit_check(g, 4, S("m"), SLICE_NULL), K_ERR_NONE);
    assert_int_equal(txn_commit_check(g, 3, S("m"), SLICE_NULL), K_ERR_ILLEGAL_GENERATION);
    assert_int_equal(txn_commit_check(g, 4, S("other"), SLICE_NULL), K_ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(txn_commit_check(g, -1, SLICE_EMPTY, SLICE_NULL), K_ERR_NONE);
    /* Other than a commit without transaction it may come in the middle of a rebalance. */
    g->state = GROUP_COMPLETING;
    assert_int_equal(txn_commit_check(g, 4, S("m"), SLICE_NULL), K_ERR_NONE);
}

static void
when_nothing_can_be_written_nothing_is_pending(void **state)
{
    (void)state;
    w.refuses = K_ERR_NOT_ENOUGH_REPLICAS;
    assert_int_equal(txn_error(commit_in_txn(PRODUCER, 5, -1, SLICE_EMPTY)),
                     K_ERR_COORDINATOR_NOT_AVAILABLE);
    assert_int_equal(fetch_stable()->error_code, 0);
    assert_null(group_find(w.shard, S("g")));
}

/* A new coordinator reads the records, and then the marker. */
static void
it_is_the_same_for_who_reads_the_log(void **state)
{
    (void)state;
    for (int committed = 0; committed < 2; committed++) {
        (void)commit_in_txn(PRODUCER, 5 + committed, -1, SLICE_EMPTY);
        commit();
        lose_leadership();
        take_over();
        assert_int_equal(fetch_stable()->error_code, K_ERR_UNSTABLE_OFFSET_COMMIT);
        struct batch_header h = {.producer_id = PRODUCER};
        struct marker m = {.commit = committed};
        pending_fold_marker(&w.shard->base, &h, &m);
        assert_int_equal(fetch_stable()->error_code, 0);
        assert_int_equal(fetch_offset(), committed ? 6 : -1);
        while (w.log.n) buf_unref(w.log.v[--w.log.n]);
    }
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, world_start, world_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(of_an_offset_that_is_named_twice_the_last_counts),
        TEST(an_offset_holds_when_its_transaction_is_committed),
        TEST(an_offset_is_pending_before_its_record_is_committed),
        TEST(what_is_pending_behind_an_offset_of_a_former_topic_is_unstable),
        TEST(an_aborted_one_leaves_nothing),
        TEST(one_transactions_marker_leaves_the_others_alone),
        TEST(a_marker_does_not_settle_what_came_after_it),
        TEST(a_later_commit_without_transaction_holds),
        TEST(what_was_deleted_meanwhile_stays_deleted),
        TEST(a_member_of_an_older_generation_is_refused),
        TEST(when_nothing_can_be_written_nothing_is_pending),
        TEST(it_is_the_same_for_who_reads_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
