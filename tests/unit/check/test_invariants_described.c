/* What nodes tell of groups, transactions and producers, against the logs from which they know it. */
#include "broker/base/arena.h"
#include "broker/protocol/frame.h"
#include "broker/record/control.h"
#include "sim/check/invariants_own.h"
#include "tests/unit/check/written.h"

#include "apis.h"
#include "errors.h"
#include "messages.h"

#define TXNS S("__transaction_state-0")
#define GROUP S("__consumer_offsets-0")
#define ORDERS S("orders-0")
enum { ONGOING = 1, PREPARE_COMMIT = 2, PRODUCER = 7, EPOCH = 3, COORDINATOR_EPOCH = 5 };
enum { LATER_NS = 1000 };

#define BEGIN \
    (void)state; \
    struct tale s; \
    tale_begin(&s, S("b1")); \
    (void)written_log(&s, ORDERS); \
    s.v->node = s.m->index

/* ---- producers ---- */

typedef struct k_describe_producers_response_producer_state producer_state;

static void
writes(struct tale *s, int32_t sequence)
{
    s->batch.h.producer_id = PRODUCER;
    s->batch.h.producer_epoch = EPOCH;
    s->batch.h.base_sequence = sequence;
    s->batch.h.attributes = BATCH_TRANSACTIONAL;
    assert_true(builder_add(&s->batch, 0, SLICE_NULL, S("value"), NULL, 0));
    tale_commit(s, ORDERS);
}

static void
ends(struct tale *s)
{
    uint8_t value[END_TXN_BYTES] = {0};
    store_be32(value + 2, COORDINATOR_EPOCH);
    s->batch.h.producer_id = PRODUCER;
    s->batch.h.producer_epoch = EPOCH;
    s->batch.h.base_sequence = -1;
    s->batch.h.attributes = BATCH_TRANSACTIONAL;
    builder_add_control(&s->batch, CONTROL_COMMIT, 0, slice(value, sizeof value));
    tale_commit(s, ORDERS);
}

/* All that a test does not change is as in this log: a transaction that has ended, and another one since. */
static producer_state
two_transactions(struct tale *s)
{
    invariants_unverified(s->v);
    txns_written_by_hand(s->v);
    writes(s, 0);
    ends(s);
    writes(s, 1);
    return (producer_state){.producer_id = PRODUCER,
                            .producer_epoch = EPOCH,
                            .last_sequence = 1,
                            .coordinator_epoch = COORDINATOR_EPOCH,
                            .current_txn_start_offset = 2};
}

static void
tells_of(struct tale *s, producer_state *p, int32_t n)
{
    struct k_describe_producers_response_partition_response one;
    memset(&one, 0, sizeof one);
    one.active_producers = p;
    one.active_producers_n = n;
    truth_described(s->v, s->m->index, model_find_subject(&s->v->model, ORDERS), &one);
}

static void
a_producer_as_its_log_has_it(void **state)
{
    BEGIN;
    producer_state p = two_transactions(&s);
    tells_of(&s, &p, 1);
    assert_silent(&s);
}

static void
another_epoch_of_a_producer(void **state)
{
    BEGIN;
    producer_state p = two_transactions(&s);
    p.producer_epoch--;
    tells_of(&s, &p, 1);
    assert_told(&s, RULE_STATE_TOLD, "b1: told that a producer is in epoch 2; its log has epoch 3");
}

static void
an_open_transaction_of_nobody(void **state)
{
    BEGIN;
    producer_state p = two_transactions(&s);
    p.current_txn_start_offset = -1;
    tells_of(&s, &p, 1);
    assert_told(&s, RULE_STATE_TOLD,
                "b1: told that a transaction is open from offset -1 on; by its log it is from 2");
}

static void
another_last_sequence(void **state)
{
    BEGIN;
    producer_state p = two_transactions(&s);
    p.last_sequence = 0;
    tells_of(&s, &p, 1);
    assert_told(&s, RULE_STATE_TOLD,
                "b1: told that 0 was the last sequence of a producer; in its log it is 1");
}

static void
no_coordinator_of_the_last_marker(void **state)
{
    BEGIN;
    producer_state p = two_transactions(&s);
    p.coordinator_epoch = -1;
    tells_of(&s, &p, 1);
    assert_told(&s, RULE_STATE_TOLD,
                "b1: told of a marker of coordinator epoch -1; in its log it is of 5");
}

static void
who_is_in_a_transaction_is_forgotten(void **state)
{
    BEGIN;
    (void)two_transactions(&s);
    tells_of(&s, NULL, 0);
    assert_told(&s, RULE_STATE_TOLD,
                "b1: told of no producer 7, whose transaction is open from offset 2 on");
}

static void
who_is_in_none_may_be_forgotten(void **state)
{
    BEGIN;
    (void)two_transactions(&s);
    ends(&s);
    tells_of(&s, NULL, 0);
    assert_silent(&s);
}

/* By way of the wire. */
static void
an_answer_is_heard(void **state)
{
    BEGIN;
    struct arena a;
    struct frame f;
    struct k_describe_producers_response res;
    struct k_describe_producers_response_topic_response topic = {.name = S("orders"),
                                                                 .partitions_n = 1};
    struct k_describe_producers_response_partition_response one;
    (void)two_transactions(&s);
    memset(&one, 0, sizeof one);
    topic.partitions = &one;
    codec_default(K_MSG_DESCRIBE_PRODUCERS_RESPONSE, &res);
    res.topics = &topic, res.topics_n = 1;
    arena_init(&a, &s.mem, 0);
    assert_true(frame_response(&s.mem, &a, K_API_DESCRIBE_PRODUCERS, 0, 0, &res, &f));
    struct writer w = writer_mem(&s.mem);
    for (int32_t i = 0; i < f.segs_n; i++) writer_bytes(&w, f.segs[i].bytes);
    struct world_frame wf = {.id = 1, .to = s.m, .from = s.m, .api = K_API_DESCRIBE_PRODUCERS};
    descriptions_hear(s.v, &wf, S("a question"));
    wf.id = 2, wf.answers = 1, wf.is_answer = true;
    descriptions_hear(s.v, &wf, writer_slice(&w));
    descriptions_judge(s.v, s.m->index + 1);
    assert_int_equal(invariants_anomalies(s.v)->v.n, 0);
    descriptions_judge(s.v, s.m->index);
    writer_release(&w);
    frame_release(&f);
    arena_release(&a);
    assert_told(&s, RULE_STATE_TOLD,
                "b1: told of no producer 7, whose transaction is open from offset 2 on");
}

/* ---- transactions ---- */

typedef struct k_describe_transactions_response_transaction_state txn_state;

static void
txn(struct tale *s, int8_t status)
{
    int32_t partition = 0;
    struct k_transaction_log_key k = {.transactional_id = S("t1")};
    struct k_transaction_log_value_partitions_schema orders = {
        .topic = S("orders"), .partition_ids = &partition, .partition_ids_n = 1};
    struct k_transaction_log_value r;
    codec_default(K_MSG_TRANSACTION_LOG_VALUE, &r);
    r.producer_id = PRODUCER;
    r.producer_epoch = EPOCH;
    r.transaction_status = status;
    r.transaction_timeout_ms = 1000;
    r.transaction_partitions = &orders;
    r.transaction_partitions_n = 1;
    add_coordinator(s, K_MSG_TRANSACTION_LOG_KEY, &k, K_MSG_TRANSACTION_LOG_VALUE, 0, &r);
    tale_commit(s, TXNS);
}

static txn_state
ongoing(struct tale *s)
{
    txn(s, ONGOING);
    return (txn_state){.transactional_id = S("t1"),
                       .transaction_state = S("Ongoing"),
                       .transaction_timeout_ms = 1000,
                       .producer_id = PRODUCER,
                       .producer_epoch = EPOCH};
}

static struct k_describe_transactions_response_topic_data *
orders_of(int32_t *partition)
{
    static struct k_describe_transactions_response_topic_data topic;
    topic.topic = S("orders");
    topic.partitions = partition;
    topic.partitions_n = 1;
    return &topic;
}

static void
a_transaction_as_it_is_committed(void **state)
{
    BEGIN;
    int32_t partition = 0;
    txn_state t = ongoing(&s);
    t.topics = orders_of(&partition), t.topics_n = 1;
    txn_described(s.v, s.m->index, LATER_NS, &t);
    assert_silent(&s);
}

static void
a_transaction_without_its_partition(void **state)
{
    BEGIN;
    txn_state t = ongoing(&s);
    txn_described(s.v, s.m->index, LATER_NS, &t);
    assert_told(&s, RULE_STATE_TOLD, "b1: told of a transaction of producer 7 without partition 0");
}

static void
what_has_its_marker_is_told_no_more(void **state)
{
    BEGIN;
    txn_state t = ongoing(&s);
    txn(&s, PREPARE_COMMIT);
    t.transaction_state = S("PrepareCommit");
    txn_described(s.v, s.m->index, LATER_NS, &t);
    assert_silent(&s);
}

static void
another_status(void **state)
{
    BEGIN;
    int32_t partition = 0;
    txn_state t = ongoing(&s);
    t.topics = orders_of(&partition), t.topics_n = 1;
    t.transaction_state = S("Empty");
    txn_described(s.v, s.m->index, LATER_NS, &t);
    assert_told(&s, RULE_STATE_TOLD,
                "b1: told of another status of the transaction of producer 7 than 1");
}

static void
a_transaction_that_is_not_known(void **state)
{
    BEGIN;
    txn_state t = ongoing(&s);
    t.error_code = K_ERR_TRANSACTIONAL_ID_NOT_FOUND;
    txn_described(s.v, s.m->index, LATER_NS, &t);
    assert_told(&s, RULE_STATE_TOLD, "b1: told of no transaction of producer 7 in status 1");
}

/* What changed since may not have been so when it was asked. */
static void
what_has_changed_since_is_not_judged(void **state)
{
    BEGIN;
    txn_state t = ongoing(&s);
    t.transaction_state = S("Empty");
    txn_described(s.v, s.m->index, 0, &t);
    assert_silent(&s);
}

/* ---- groups ---- */

typedef struct k_consumer_group_describe_response_described_group described_group;
typedef struct k_consumer_group_describe_response_member described_member;

/* One member in epoch 2, with partition 0. */
static void
group_of_one(struct tale *s, int32_t *partition, described_group *g, described_member *m)
{
    static struct k_consumer_group_describe_response_topic_partitions p;
    group_epoch(s, 2);
    has(s, S("a"), 2, 0, false);
    tale_commit(s, GROUP);
    memset(g, 0, sizeof *g);
    memset(m, 0, sizeof *m);
    p.topic_id = (struct uuid){{1}};
    p.partitions = partition;
    p.partitions_n = 1;
    m->member_id = S("a");
    m->member_epoch = 2;
    m->assignment.topic_partitions = &p;
    m->assignment.topic_partitions_n = 1;
    g->group_id = S("readers");
    g->group_epoch = 2;
    g->members = m;
    g->members_n = 1;
}

#define BEGIN_GROUP \
    BEGIN; \
    int32_t partition = 0; \
    described_group g; \
    described_member m; \
    group_of_one(&s, &partition, &g, &m)

static void
a_group_as_it_is_committed(void **state)
{
    BEGIN_GROUP;
    group_described(s.v, s.m->index, LATER_NS, &g);
    assert_silent(&s);
}

static void
another_epoch_of_a_group(void **state)
{
    BEGIN_GROUP;
    g.group_epoch = 1;
    group_described(s.v, s.m->index, LATER_NS, &g);
    assert_told(&s, RULE_STATE_TOLD, "b1: told of a group in epoch 1; it is in epoch 2");
}

static void
another_epoch_of_a_member(void **state)
{
    BEGIN_GROUP;
    m.member_epoch = 1;
    group_described(s.v, s.m->index, LATER_NS, &g);
    assert_told(&s, RULE_STATE_TOLD, "b1: told of a member in epoch 1; it has come to epoch 2");
}

static void
another_partition_of_a_member(void **state)
{
    BEGIN_GROUP;
    partition = 1;
    group_described(s.v, s.m->index, LATER_NS, &g);
    assert_told(&s, RULE_STATE_TOLD,
                "b1: told that a member in epoch 2 has other partitions than its 1");
}

static void
a_group_without_its_member(void **state)
{
    BEGIN_GROUP;
    g.members_n = 0;
    group_described(s.v, s.m->index, LATER_NS, &g);
    assert_told(&s, RULE_STATE_TOLD, "b1: told of 0 members; there are 1");
}

static void
a_group_that_is_not_known(void **state)
{
    BEGIN_GROUP;
    g.error_code = K_ERR_GROUP_ID_NOT_FOUND;
    group_described(s.v, s.m->index, LATER_NS, &g);
    assert_told(&s, RULE_STATE_TOLD, "b1: told of no group, of epoch 2 with 1 members");
}

/* ---- classic groups ---- */

typedef struct k_describe_groups_response_described_group described_classic;
typedef struct k_describe_groups_response_described_group_member classic_member;

static void
classic_led_by(struct tale *s, struct slice leader, int32_t members_n)
{
    struct k_group_metadata_key k = {.group = S("old")};
    struct k_group_metadata_value r;
    struct k_group_metadata_value_member_metadata one;
    codec_default(K_MSG_GROUP_METADATA_VALUE, &r);
    memset(&one, 0, sizeof one);
    one.member_id = S("a");
    one.client_id = one.client_host = S("c");
    one.subscription = S("s");
    one.assignment = S("some");
    r.generation = 4;
    r.protocol_type = S("consumer");
    r.leader = leader;
    r.members = &one, r.members_n = members_n;
    add_coordinator(s, K_MSG_GROUP_METADATA_KEY, &k, K_MSG_GROUP_METADATA_VALUE, 3, &r);
    tale_commit(s, GROUP);
}

static void
classic_of_one(struct tale *s, described_classic *g, classic_member *m)
{
    classic_led_by(s, S("a"), 1);
    memset(g, 0, sizeof *g);
    memset(m, 0, sizeof *m);
    m->member_id = S("a");
    m->member_assignment = S("some");
    g->group_id = S("old");
    g->group_state = S("Stable");
    g->members = m, g->members_n = 1;
}

static void
who_leads_a_classic_group_is_in_it(void **state)
{
    BEGIN;
    classic_led_by(&s, S("b"), 1);
    assert_told(
        &s, RULE_GROUP_STATE,
        "b1: a group of 1 members, in generation 4, is led by somebody who is none of them");
}

static void
an_empty_classic_group_is_led_by_nobody(void **state)
{
    BEGIN;
    classic_led_by(&s, SLICE_NULL, 0);
    assert_int_equal(invariants_anomalies(s.v)->v.n, 0);
    classic_led_by(&s, S("a"), 0);
    assert_told(
        &s, RULE_GROUP_STATE,
        "b1: a group of 0 members, in generation 4, is led by somebody who is none of them");
}

#define BEGIN_CLASSIC \
    BEGIN; \
    described_classic g; \
    classic_member m; \
    classic_of_one(&s, &g, &m)

static void
a_classic_group_as_it_is_committed(void **state)
{
    BEGIN_CLASSIC;
    classic_described(s.v, s.m->index, LATER_NS, &g);
    assert_silent(&s);
}

static void
another_assignment_of_a_classic_member(void **state)
{
    BEGIN_CLASSIC;
    m.member_assignment = S("other");
    classic_described(s.v, s.m->index, LATER_NS, &g);
    assert_told(
        &s, RULE_STATE_TOLD,
        "b1: told of a member of generation 4 that is none, or of what it does not have (0)");
}

static void
while_members_come_and_go_nothing_is_written(void **state)
{
    BEGIN_CLASSIC;
    g.group_state = S("PreparingRebalance");
    g.members_n = 0;
    classic_described(s.v, s.m->index, LATER_NS, &g);
    assert_silent(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_producer_as_its_log_has_it),
        cmocka_unit_test(another_epoch_of_a_producer),
        cmocka_unit_test(an_open_transaction_of_nobody),
        cmocka_unit_test(another_last_sequence),
        cmocka_unit_test(no_coordinator_of_the_last_marker),
        cmocka_unit_test(who_is_in_a_transaction_is_forgotten),
        cmocka_unit_test(who_is_in_none_may_be_forgotten),
        cmocka_unit_test(an_answer_is_heard),
        cmocka_unit_test(a_transaction_as_it_is_committed),
        cmocka_unit_test(a_transaction_without_its_partition),
        cmocka_unit_test(what_has_its_marker_is_told_no_more),
        cmocka_unit_test(another_status),
        cmocka_unit_test(a_transaction_that_is_not_known),
        cmocka_unit_test(what_has_changed_since_is_not_judged),
        cmocka_unit_test(a_group_as_it_is_committed),
        cmocka_unit_test(another_epoch_of_a_group),
        cmocka_unit_test(another_epoch_of_a_member),
        cmocka_unit_test(another_partition_of_a_member),
        cmocka_unit_test(a_group_without_its_member),
        cmocka_unit_test(a_group_that_is_not_known),
        cmocka_unit_test(who_leads_a_classic_group_is_in_it),
        cmocka_unit_test(an_empty_classic_group_is_led_by_nobody),
        cmocka_unit_test(a_classic_group_as_it_is_committed),
        cmocka_unit_test(another_assignment_of_a_classic_member),
        cmocka_unit_test(while_members_come_and_go_nothing_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
