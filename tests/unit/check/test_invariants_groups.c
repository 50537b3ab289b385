/* What nodes tell of share groups, of streams groups, and of all groups and transactions, against what is committed. */
#include "broker/base/arena.h"
#include "broker/protocol/frame.h"
#include "sim/check/invariants_own.h"
#include "tests/unit/check/written.h"

#include "apis.h"
#include "errors.h"
#include "messages.h"

#define GROUP S("__consumer_offsets-0")
#define TXNS S("__transaction_state-0")
#define LATER_NS (1000 * NS_PER_S)
enum { PRODUCER = 7, ONGOING = 1 };

/* Of a topic that there is. */
static const struct uuid topic_id = {{1, 2, 3}};

static void
begin(struct tale *s)
{
    tale_begin(s, S("b1"));
    struct k_topic_record t;
    struct k_partition_record p;
    static int32_t replicas[] = {1};
    codec_default(K_MSG_TOPIC_RECORD, &t);
    t.name = S("orders");
    t.topic_id = topic_id;
    add_metadata(s, K_MSG_TOPIC_RECORD, 0, &t);
    codec_default(K_MSG_PARTITION_RECORD, &p);
    p.topic_id = topic_id;
    p.partition_id = 0;
    p.replicas = p.isr = replicas, p.replicas_n = p.isr_n = 1;
    p.leader = 1;
    struct k_register_broker_record b;
    codec_default(K_MSG_REGISTER_BROKER_RECORD, &b);
    b.broker_id = 1;
    b.broker_epoch = 10;
    b.fenced = false;
    add_metadata(s, K_MSG_REGISTER_BROKER_RECORD, 1, &b);
    add_metadata(s, K_MSG_PARTITION_RECORD, 2, &p);
    tale_commit(s, METADATA);
}

#define BEGIN \
    (void)state; \
    struct tale s; \
    begin(&s)

/* ---- share groups ---- */

static int32_t zero[] = {0}, one[] = {1};

static void
share_epoch(struct tale *s, int32_t epoch)
{
    struct k_share_group_metadata_key k = {S("seats")};
    struct k_share_group_metadata_value r;
    codec_default(K_MSG_SHARE_GROUP_METADATA_VALUE, &r);
    r.epoch = epoch;
    add_coordinator(s, K_MSG_SHARE_GROUP_METADATA_KEY, &k, K_MSG_SHARE_GROUP_METADATA_VALUE, 0,
                    epoch < 0 ? NULL : &r);
}

static void
share_member(struct tale *s, struct slice id, int32_t epoch)
{
    struct k_share_group_current_member_assignment_key k = {S("seats"), id};
    struct k_share_group_current_member_assignment_value_topic_partitions p = {
        .topic_id = topic_id, .partitions = zero, .partitions_n = 1};
    struct k_share_group_current_member_assignment_value r;
    codec_default(K_MSG_SHARE_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE, &r);
    r.member_epoch = epoch;
    r.assigned_partitions = &p, r.assigned_partitions_n = 1;
    add_coordinator(s, K_MSG_SHARE_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY, &k,
                    K_MSG_SHARE_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE, 0, epoch < 0 ? NULL : &r);
}

static void
share_assigned(struct tale *s, int32_t epoch)
{
    struct k_share_group_target_assignment_metadata_key k = {S("seats")};
    struct k_share_group_target_assignment_metadata_value r;
    codec_default(K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_METADATA_VALUE, &r);
    r.assignment_epoch = epoch;
    add_coordinator(s, K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_METADATA_KEY, &k,
                    K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_METADATA_VALUE, 0, &r);
}

static void
share_subscribes(struct tale *s, struct slice id, struct slice topic)
{
    struct k_share_group_member_metadata_key k = {S("seats"), id};
    struct k_share_group_member_metadata_value r;
    codec_default(K_MSG_SHARE_GROUP_MEMBER_METADATA_VALUE, &r);
    r.subscribed_topic_names = &topic, r.subscribed_topic_names_n = 1;
    add_coordinator(s, K_MSG_SHARE_GROUP_MEMBER_METADATA_KEY, &k,
                    K_MSG_SHARE_GROUP_MEMBER_METADATA_VALUE, 0, topic.n ? &r : NULL);
}

/* The first n of these partitions. */
static void
share_wants(struct tale *s, struct slice id, int32_t *partitions, int32_t n)
{
    struct k_share_group_target_assignment_member_key k = {S("seats"), id};
    struct k_share_group_target_assignment_member_value_topic_partition p = {
        .topic_id = topic_id, .partitions = partitions, .partitions_n = n};
    struct k_share_group_target_assignment_member_value r;
    codec_default(K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE, &r);
    r.topic_partitions = &p, r.topic_partitions_n = n > 0;
    add_coordinator(s, K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY, &k,
                    K_MSG_SHARE_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE, 0, &r);
}

/* A group in epoch 3, of "a" and "b", who share a partition; and an answer that says so. */
struct shares {
    struct k_share_group_describe_response_described_group g;
    struct k_share_group_describe_response_member members[2];
    struct k_share_group_describe_response_topic_partitions p[2];
};

static struct shares *
shares(struct tale *s)
{
    static struct shares t;
    memset(&t, 0, sizeof t);
    share_epoch(s, 3);
    share_assigned(s, 3);
    share_member(s, S("a"), 3);
    share_member(s, S("b"), 2);
    tale_commit(s, GROUP);
    for (int i = 0; i < 2; i++) {
        t.p[i] = (struct k_share_group_describe_response_topic_partitions){
            .topic_id = topic_id, .partitions = zero, .partitions_n = 1};
        t.members[i].member_id = i ? S("b") : S("a");
        t.members[i].member_epoch = 3 - i;
        t.members[i].assignment.topic_partitions = &t.p[i];
        t.members[i].assignment.topic_partitions_n = 1;
    }
    t.g.group_id = S("seats");
    t.g.group_epoch = t.g.assignment_epoch = 3;
    t.g.members = t.members, t.g.members_n = 2;
    return &t;
}

static void
told_shares(struct tale *s, const struct shares *t)
{
    share_described(s->v, s->m->index, LATER_NS, &t->g);
}

static void
a_share_group_as_it_is_committed(void **state)
{
    BEGIN;
    told_shares(&s, shares(&s));
    assert_silent(&s);
}

/* ---- who is to have what ---- */

static int32_t parts[] = {0, 1, 2, 3};

/* "a", "b" and "c" subscribe, and are to have so many of the four partitions, from these on. */
static void
given(struct tale *s, struct slice topic_of_c, int32_t group_epoch, int32_t from_b, int32_t from_c,
      int32_t a_n, int32_t b_n, int32_t c_n)
{
    share_epoch(s, group_epoch);
    share_subscribes(s, S("a"), S("orders"));
    share_subscribes(s, S("b"), S("orders"));
    share_subscribes(s, S("c"), topic_of_c);
    share_wants(s, S("a"), parts, a_n);
    share_wants(s, S("b"), parts + from_b, b_n);
    share_wants(s, S("c"), parts + from_c, c_n);
    share_assigned(s, 3);
    tale_commit(s, GROUP);
}

static void
who_wants_the_same_has_equally_much(void **state)
{
    BEGIN;
    given(&s, S("orders"), 3, 2, 3, 2, 1, 1);
    assert_silent(&s);
}

static void
more_than_one_more_than_another(void **state)
{
    BEGIN;
    given(&s, S("orders"), 3, 2, 0, 2, 2, 0);
    assert_told(&s, RULE_GROUP_STATE,
                "b1: gave one member of a share group 2 partitions, and another one 0");
}

static void
a_partition_of_two_where_each_could_have_its_own(void **state)
{
    BEGIN;
    given(&s, S("orders"), 3, 2, 0, 2, 2, 1);
    assert_told(&s, RULE_GROUP_STATE,
                "b1: gave partitions of a share group to several members, 5 where each of 3 could "
                "have its own");
}

static void
more_members_than_partitions_share_them(void **state)
{
    BEGIN;
    given(&s, S("orders"), 3, 0, 1, 1, 1, 1);
    assert_silent(&s);
}

static void
who_wants_other_topics_is_not_compared(void **state)
{
    BEGIN;
    given(&s, S("bills"), 3, 2, 0, 2, 2, 0);
    assert_silent(&s);
}

static void
who_is_no_member_any_more_is_not_compared(void **state)
{
    BEGIN;
    given(&s, SLICE_NULL, 3, 2, 0, 2, 2, 0);
    assert_silent(&s);
}

/* Some have come since. */
static void
an_assignment_of_an_earlier_epoch_is_not_compared(void **state)
{
    BEGIN;
    given(&s, S("orders"), 4, 2, 0, 2, 2, 0);
    assert_silent(&s);
}

static void
another_epoch_of_a_share_group(void **state)
{
    BEGIN;
    struct shares *t = shares(&s);
    t->g.group_epoch = 2;
    told_shares(&s, t);
    assert_told(&s, RULE_STATE_TOLD, "b1: told of a group in epoch 2; it is in epoch 3");
}

static void
an_earlier_assignment(void **state)
{
    BEGIN;
    struct shares *t = shares(&s);
    t->g.assignment_epoch = 2;
    told_shares(&s, t);
    assert_told(&s, RULE_STATE_TOLD,
                "b1: told of the assignment of epoch 2; it is that of epoch 3");
}

static void
a_share_group_without_its_member(void **state)
{
    BEGIN;
    struct shares *t = shares(&s);
    t->g.members_n = 1;
    told_shares(&s, t);
    assert_told(&s, RULE_STATE_TOLD, "b1: told of 1 members; there are 2");
}

static void
a_member_that_has_left(void **state)
{
    BEGIN;
    struct shares *t = shares(&s);
    share_member(&s, S("b"), -1);
    tale_commit(&s, GROUP);
    t->g.members[0] = t->g.members[1];
    t->g.members_n = 1;
    told_shares(&s, t);
    assert_told(&s, RULE_STATE_TOLD,
                "b1: told of a member in epoch 2 that is none, of a group of 2");
}

static void
another_epoch_of_a_member(void **state)
{
    BEGIN;
    struct shares *t = shares(&s);
    t->members[1].member_epoch = 3;
    told_shares(&s, t);
    assert_told(&s, RULE_STATE_TOLD, "b1: told of a member in epoch 3; it has come to epoch 2");
}

static void
another_partition_of_a_member(void **state)
{
    BEGIN;
    struct shares *t = shares(&s);
    t->p[1].partitions = one;
    told_shares(&s, t);
    assert_told(&s, RULE_STATE_TOLD,
                "b1: told that a member in epoch 2 has other partitions than its 1");
}

static void
a_member_without_its_partition(void **state)
{
    BEGIN;
    struct shares *t = shares(&s);
    t->members[0].assignment.topic_partitions_n = 0;
    told_shares(&s, t);
    assert_told(&s, RULE_STATE_TOLD,
                "b1: told that a member in epoch 3 has other partitions than its 1");
}

static void
of_topics_that_are_gone_nothing_is_told(void **state)
{
    BEGIN;
    struct shares *t = shares(&s);
    struct k_remove_topic_record r;
    codec_default(K_MSG_REMOVE_TOPIC_RECORD, &r);
    r.topic_id = topic_id;
    add_metadata(&s, K_MSG_REMOVE_TOPIC_RECORD, 0, &r);
    tale_commit(&s, METADATA);
    for (int i = 0; i < 2; i++) t->members[i].assignment.topic_partitions_n = 0;
    told_shares(&s, t);
    assert_silent(&s);
}

static void
a_share_group_that_is_not_known(void **state)
{
    BEGIN;
    struct shares *t = shares(&s);
    t->g.error_code = K_ERR_GROUP_ID_NOT_FOUND;
    told_shares(&s, t);
    assert_told(&s, RULE_STATE_TOLD, "b1: told of no group, of epoch 3 with 2 members");
}

static void
what_has_changed_since_is_not_judged(void **state)
{
    BEGIN;
    struct shares *t = shares(&s);
    t->g.group_epoch = 2;
    share_described(s.v, s.m->index, 0, &t->g);
    assert_silent(&s);
}

/* ---- streams groups ---- */

/* One member in epoch 2, with an active task and one that stands by. */
struct streams {
    struct k_streams_group_describe_response_described_group g;
    struct k_streams_group_describe_response_member member;
    struct k_streams_group_describe_response_task_ids active, standby, wanted;
};

static struct streams *
streams(struct tale *s)
{
    static struct streams t;
    struct k_streams_group_metadata_key k = {S("flow")};
    struct k_streams_group_metadata_value r;
    struct k_streams_group_current_member_assignment_key ck = {S("flow"), S("a")};
    struct k_streams_group_current_member_assignment_value c;
    struct k_streams_group_current_member_assignment_value_task_ids active, standby;
    struct k_streams_group_target_assignment_member_key wk = {S("flow"), S("a")};
    struct k_streams_group_target_assignment_member_value w;
    struct k_streams_group_target_assignment_member_value_task_ids wanted = {
        .subtopology_id = S("0"), .partitions = zero, .partitions_n = 1};
    memset(&t, 0, sizeof t);
    memset(&active, 0, sizeof active);
    codec_default(K_MSG_STREAMS_GROUP_METADATA_VALUE, &r);
    r.epoch = 2;
    add_coordinator(s, K_MSG_STREAMS_GROUP_METADATA_KEY, &k, K_MSG_STREAMS_GROUP_METADATA_VALUE, 0,
                    &r);
    codec_default(K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE, &w);
    w.active_tasks = &wanted, w.active_tasks_n = 1;
    add_coordinator(s, K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY, &wk,
                    K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE, 0, &w);
    active.subtopology_id = S("0");
    active.partitions = zero, active.partitions_n = 1;
    active.assignment_epochs_n = -1;
    standby = active;
    standby.subtopology_id = S("1");
    codec_default(K_MSG_STREAMS_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE, &c);
    c.member_epoch = 2;
    c.active_tasks = &active, c.active_tasks_n = 1;
    c.standby_tasks = &standby, c.standby_tasks_n = 1;
    add_coordinator(s, K_MSG_STREAMS_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY, &ck,
                    K_MSG_STREAMS_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE, 0, &c);
    tale_commit(s, GROUP);
    t.active.subtopology_id = t.wanted.subtopology_id = S("0");
    t.standby.subtopology_id = S("1");
    t.active.partitions = t.standby.partitions = t.wanted.partitions = zero;
    t.active.partitions_n = t.standby.partitions_n = t.wanted.partitions_n = 1;
    t.member.member_id = S("a");
    t.member.member_epoch = 2;
    t.member.assignment.active_tasks = &t.active, t.member.assignment.active_tasks_n = 1;
    t.member.assignment.standby_tasks = &t.standby, t.member.assignment.standby_tasks_n = 1;
    t.member.target_assignment.active_tasks = &t.wanted;
    t.member.target_assignment.active_tasks_n = 1;
    t.g.group_id = S("flow");
    t.g.group_epoch = 2;
    t.g.members = &t.member, t.g.members_n = 1;
    return &t;
}

static void
a_streams_group_as_it_is_committed(void **state)
{
    BEGIN;
    streams_described(s.v, s.m->index, LATER_NS, &streams(&s)->g);
    assert_silent(&s);
}

static void
a_task_that_stands_by_is_told_as_warming_up(void **state)
{
    BEGIN;
    struct streams *t = streams(&s);
    t->member.assignment.warmup_tasks = t->member.assignment.standby_tasks;
    t->member.assignment.warmup_tasks_n = 1;
    t->member.assignment.standby_tasks_n = 0;
    streams_described(s.v, s.m->index, LATER_NS, &t->g);
    assert_told(&s, RULE_STATE_TOLD,
                "b1: told that a member in epoch 2 has other tasks than its 2");
}

static void
a_task_that_it_is_not_to_have(void **state)
{
    BEGIN;
    struct streams *t = streams(&s);
    t->wanted.subtopology_id = S("1");
    streams_described(s.v, s.m->index, LATER_NS, &t->g);
    assert_told(&s, RULE_STATE_TOLD,
                "b1: told that a member in epoch 2 is to have other tasks than its 1");
}

/* ---- all of them ---- */

struct listing {
    struct k_list_groups_response p;
    struct k_list_groups_response_listed_group groups[3];
};

/* As it is: a share group of two, and a consumer group of one. */
static struct listing *
listing(struct tale *s)
{
    static struct listing t;
    memset(&t, 0, sizeof t);
    (void)shares(s);
    group_epoch(s, 2);
    has(s, S("a"), 2, 0, false);
    tale_commit(s, GROUP);
    t.groups[0].group_id = S("seats");
    t.groups[0].group_type = S("share");
    t.groups[1].group_id = S("readers");
    t.groups[1].group_type = S("consumer");
    t.groups[0].group_state = t.groups[1].group_state = S("Stable");
    t.p.groups = t.groups, t.p.groups_n = 2;
    return &t;
}

static void
told_all(struct tale *s, const struct listing *t)
{
    members_listed(s->v, s->m->index, LATER_NS, &t->p);
    groups_listed(s->v, s->m->index, LATER_NS, &t->p);
}

static void
all_groups_that_there_are(void **state)
{
    BEGIN;
    told_all(&s, listing(&s));
    assert_silent(&s);
}

static void
a_share_group_is_left_out(void **state)
{
    BEGIN;
    struct listing *t = listing(&s);
    t->groups[0] = t->groups[1];
    t->p.groups_n = 1;
    told_all(&s, t);
    assert_told(&s, RULE_STATE_TOLD, "b1: told of 1 groups, and not of one with 2 members");
}

static void
a_consumer_group_is_left_out(void **state)
{
    BEGIN;
    struct listing *t = listing(&s);
    t->p.groups_n = 1;
    told_all(&s, t);
    assert_told(&s, RULE_STATE_TOLD, "b1: told of 1 groups, and not of one with 1 members");
}

static void
a_group_of_another_kind(void **state)
{
    BEGIN;
    struct listing *t = listing(&s);
    t->groups[1].group_type = S("classic");
    told_all(&s, t);
    assert_told(&s, RULE_STATE_TOLD, "b1: told of a group of 1 members as of another kind");
}

static void
a_group_that_is_not_empty(void **state)
{
    BEGIN;
    struct listing *t = listing(&s);
    t->groups[0].group_state = S("Empty");
    told_all(&s, t);
    assert_told(&s, RULE_STATE_TOLD,
                "b1: told that a group is empty, or that it is not: it has 2 members");
}

static void
a_group_that_is_gone(void **state)
{
    BEGIN;
    struct listing *t = listing(&s);
    share_member(&s, S("a"), -1);
    share_member(&s, S("b"), -1);
    share_epoch(&s, -1);
    tale_commit(&s, GROUP);
    told_all(&s, t);
    assert_told(&s, RULE_STATE_TOLD, "b1: told of 2 groups, and of one that is gone");
}

/* ---- all transactions ---- */

static struct k_list_transactions_response *
transactions(struct tale *s)
{
    static struct k_list_transactions_response p;
    static struct k_list_transactions_response_transaction_state t;
    struct k_transaction_log_key k = {.transactional_id = S("t1")};
    struct k_transaction_log_value r;
    codec_default(K_MSG_TRANSACTION_LOG_VALUE, &r);
    r.producer_id = PRODUCER;
    r.transaction_status = ONGOING;
    add_coordinator(s, K_MSG_TRANSACTION_LOG_KEY, &k, K_MSG_TRANSACTION_LOG_VALUE, 0, &r);
    tale_commit(s, TXNS);
    memset(&p, 0, sizeof p);
    t.transactional_id = S("t1");
    t.producer_id = PRODUCER;
    t.transaction_state = S("Ongoing");
    p.transaction_states = &t, p.transaction_states_n = 1;
    return &p;
}

static void
all_transactions_that_there_are(void **state)
{
    BEGIN;
    txns_listed(s.v, s.m->index, LATER_NS, transactions(&s));
    assert_silent(&s);
}

static void
a_transaction_of_another_producer(void **state)
{
    BEGIN;
    struct k_list_transactions_response *p = transactions(&s);
    p->transaction_states->producer_id++;
    txns_listed(s.v, s.m->index, LATER_NS, p);
    assert_told(&s, RULE_STATE_TOLD, "b1: told of producer 8 instead of 7");
}

static void
another_status_of_a_transaction(void **state)
{
    BEGIN;
    struct k_list_transactions_response *p = transactions(&s);
    p->transaction_states->transaction_state = S("Empty");
    txns_listed(s.v, s.m->index, LATER_NS, p);
    assert_told(&s, RULE_STATE_TOLD,
                "b1: told of another status of the transaction of producer 7 than 1");
}

static void
a_transaction_is_left_out(void **state)
{
    BEGIN;
    struct k_list_transactions_response *p = transactions(&s);
    p->transaction_states_n = 0;
    txns_listed(s.v, s.m->index, LATER_NS, p);
    assert_told(&s, RULE_STATE_TOLD,
                "b1: told of no transaction of producer 7 in status 1, among all");
}

/* By way of the wire: who asks for some kinds is told of no others. */
static void
only_who_asks_for_all_is_told_all(void **state)
{
    BEGIN;
    struct arena a;
    struct slice kind = S("classic");
    (void)listing(&s);
    arena_init(&a, &s.mem, 0);
    for (int64_t i = 0; i < 2; i++) { /* first for some */
        struct k_list_groups_request q;
        struct k_list_groups_response p;
        struct request_head head = {.api_key = K_API_LIST_GROUPS, .version = 5};
        struct frame f[2];
        codec_default(K_MSG_LIST_GROUPS_REQUEST, &q);
        codec_default(K_MSG_LIST_GROUPS_RESPONSE, &p);
        if (i == 0) q.types_filter = &kind, q.types_filter_n = 1;
        assert_true(frame_request(&s.mem, &a, &head, &q, &f[0]));
        assert_true(frame_response(&s.mem, &a, K_API_LIST_GROUPS, 5, 0, &p, &f[1]));
        assert_int_equal(invariants_anomalies(s.v)->v.n, 0);
        for (int64_t k = 0; k < 2; k++) {
            struct writer w = writer_mem(&s.mem);
            struct world_frame wf = {.id = 2 * i + k + 1,
                                     .answers = k ? 2 * i + 1 : 0,
                                     .to = s.m,
                                     .from = s.m,
                                     .api = K_API_LIST_GROUPS,
                                     .version = 5,
                                     .is_answer = k,
                                     .at_ns = LATER_NS};
            for (int32_t j = 0; j < f[k].segs_n; j++) writer_bytes(&w, f[k].segs[j].bytes);
            descriptions_hear(s.v, &wf, writer_slice(&w));
            writer_release(&w);
            frame_release(&f[k]);
        }
        descriptions_judge(s.v, s.m->index);
    }
    arena_release(&a);
    assert_int_equal(invariants_anomalies(s.v)->v.n, 2); /* neither is told of */
    tale_end(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_group_as_it_is_committed),
        cmocka_unit_test(who_wants_the_same_has_equally_much),
        cmocka_unit_test(more_than_one_more_than_another),
        cmocka_unit_test(a_partition_of_two_where_each_could_have_its_own),
        cmocka_unit_test(more_members_than_partitions_share_them),
        cmocka_unit_test(who_wants_other_topics_is_not_compared),
        cmocka_unit_test(who_is_no_member_any_more_is_not_compared),
        cmocka_unit_test(an_assignment_of_an_earlier_epoch_is_not_compared),
        cmocka_unit_test(another_epoch_of_a_share_group),
        cmocka_unit_test(an_earlier_assignment),
        cmocka_unit_test(a_share_group_without_its_member),
        cmocka_unit_test(a_member_that_has_left),
        cmocka_unit_test(another_epoch_of_a_member),
        cmocka_unit_test(another_partition_of_a_member),
        cmocka_unit_test(a_member_without_its_partition),
        cmocka_unit_test(of_topics_that_are_gone_nothing_is_told),
        cmocka_unit_test(a_share_group_that_is_not_known),
        cmocka_unit_test(what_has_changed_since_is_not_judged),
        cmocka_unit_test(a_streams_group_as_it_is_committed),
        cmocka_unit_test(a_task_that_stands_by_is_told_as_warming_up),
        cmocka_unit_test(a_task_that_it_is_not_to_have),
        cmocka_unit_test(all_groups_that_there_are),
        cmocka_unit_test(a_share_group_is_left_out),
        cmocka_unit_test(a_consumer_group_is_left_out),
        cmocka_unit_test(a_group_of_another_kind),
        cmocka_unit_test(a_group_that_is_not_empty),
        cmocka_unit_test(a_group_that_is_gone),
        cmocka_unit_test(all_transactions_that_there_are),
        cmocka_unit_test(a_transaction_of_another_producer),
        cmocka_unit_test(another_status_of_a_transaction),
        cmocka_unit_test(a_transaction_is_left_out),
        cmocka_unit_test(only_who_asks_for_all_is_told_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
