/* What brokers tell of the cluster, against what the quorum has decided. */
#include "tests/unit/check/wired.h"

#include "apis.h"
#include "errors.h"
#include "messages.h"

enum { VERSION = 13 };

static const struct uuid topic_id = {{1, 2, 3}};

static void
broker(struct tale *s, int32_t id)
{
    struct k_register_broker_record r;
    codec_default(K_MSG_REGISTER_BROKER_RECORD, &r);
    r.broker_id = id;
    r.broker_epoch = 10 + id;
    r.incarnation_id.b[0] = (uint8_t)id;
    r.fenced = false;
    add_metadata(s, K_MSG_REGISTER_BROKER_RECORD, 1, &r);
}

/* What is committed so far, the node has applied. */
static void
applied(struct tale *s)
{
    say(s, NOTE_METADATA_APPLIED, METADATA, written_log(s, METADATA)->next - 1, 1, 0, 0, 0);
}

static void
topic(struct tale *s)
{
    struct k_topic_record t;
    codec_default(K_MSG_TOPIC_RECORD, &t);
    t.name = S("orders");
    t.topic_id = topic_id;
    add_metadata(s, K_MSG_TOPIC_RECORD, 0, &t);
}

static void
partition(struct tale *s, int32_t index)
{
    static int32_t replicas[] = {1, 2, 3}, isr[] = {2, 3};
    struct k_partition_record p;
    codec_default(K_MSG_PARTITION_RECORD, &p);
    p.topic_id = topic_id;
    p.partition_id = index;
    p.replicas = replicas, p.replicas_n = 3;
    p.isr = isr, p.isr_n = 2;
    p.leader = 2;
    p.leader_epoch = p.partition_epoch = 4;
    add_metadata(s, K_MSG_PARTITION_RECORD, 2, &p);
}

/* Replicas 1, 2 and 3, led by 2; 1 has fallen out of the ISR. */
static void
begin(struct tale *s)
{
    wired_begin(s);
    for (int32_t id = 1; id <= 3; id++) broker(s, id);
    topic(s);
    partition(s, 0);
    tale_commit(s, METADATA);
    applied(s);
}

#define BEGIN \
    (void)state; \
    struct tale s; \
    begin(&s)

static void
told(struct tale *s, const char *story)
{
    told_as(s, RULE_CLUSTER_TOLD, story);
}

static void
isr_is_all(struct tale *s)
{
    static int32_t isr[] = {1, 2, 3};
    struct k_partition_change_record r;
    codec_default(K_MSG_PARTITION_CHANGE_RECORD, &r);
    r.topic_id = topic_id;
    r.partition_id = 0;
    r.isr = isr, r.isr_n = 3;
    add_metadata(s, K_MSG_PARTITION_CHANGE_RECORD, 2, &r);
    tale_commit(s, METADATA);
}

static void
leads_no_more(struct tale *s, int32_t leader)
{
    static int32_t isr[] = {3};
    struct k_fence_broker_record f;
    struct k_partition_change_record r;
    codec_default(K_MSG_FENCE_BROKER_RECORD, &f);
    f.id = 2;
    f.epoch = 12;
    add_metadata(s, K_MSG_FENCE_BROKER_RECORD, 0, &f);
    codec_default(K_MSG_PARTITION_CHANGE_RECORD, &r);
    r.topic_id = topic_id;
    r.partition_id = 0;
    r.leader = leader;
    r.isr = isr, r.isr_n = 1;
    add_metadata(s, K_MSG_PARTITION_CHANGE_RECORD, 2, &r);
    tale_commit(s, METADATA);
}

static void
topic_gone(struct tale *s)
{
    struct k_remove_topic_record r;
    codec_default(K_MSG_REMOVE_TOPIC_RECORD, &r);
    r.topic_id = topic_id;
    add_metadata(s, K_MSG_REMOVE_TOPIC_RECORD, 0, &r);
    tale_commit(s, METADATA);
}

/* ---- the wire ---- */

static void
hear(struct tale *s, int16_t api, int16_t version, bool is_answer, struct frame *f)
{
    wired_hear(s, api, version, is_answer, f, cluster_hear);
}

static void
asked(struct tale *s, bool all)
{
    struct k_metadata_request q;
    struct frame f;
    struct request_head head = {.api_key = K_API_METADATA, .version = VERSION};
    codec_default(K_MSG_METADATA_REQUEST, &q);
    q.topics_n = all ? -1 : 0;
    assert_true(frame_request(&s->mem, &arena, &head, &q, &f));
    hear(s, K_API_METADATA, VERSION, false, &f);
}

/* An answer as things stand in the beginning. */
struct answer {
    struct k_metadata_response p;
    struct k_metadata_response_metadata_response_broker brokers[4];
    struct k_metadata_response_metadata_response_topic topic;
    struct k_metadata_response_metadata_response_partition partition;
    int32_t replicas[3], isr[3], offline[3];
};

static struct answer *
as_it_is(void)
{
    static struct answer a;
    memset(&a, 0, sizeof a);
    codec_default(K_MSG_METADATA_RESPONSE, &a.p);
    for (int32_t i = 0; i < 4; i++) {
        a.brokers[i].node_id = i + 1;
        a.brokers[i].host = S("h");
    }
    a.p.brokers = a.brokers, a.p.brokers_n = 3;
    a.p.topics = &a.topic, a.p.topics_n = 1;
    a.topic.name = S("orders");
    a.topic.topic_id = topic_id;
    a.topic.partitions = &a.partition, a.topic.partitions_n = 1;
    for (int32_t i = 0; i < 3; i++) a.replicas[i] = i + 1;
    a.isr[0] = 2, a.isr[1] = 3;
    a.partition.replica_nodes = a.replicas, a.partition.replica_nodes_n = 3;
    a.partition.isr_nodes = a.isr, a.partition.isr_nodes_n = 2;
    a.partition.offline_replicas = a.offline;
    a.partition.leader_id = 2;
    a.partition.leader_epoch = 4;
    return &a;
}

static void
answers(struct tale *s, const struct answer *a)
{
    struct frame f;
    assert_true(frame_response(&s->mem, &arena, K_API_METADATA, VERSION, 0, &a->p, &f));
    hear(s, K_API_METADATA, VERSION, true, &f);
    cluster_judge(s->v, 5, s->m->index + 1);
    assert_int_equal(invariants_anomalies(s->v)->v.n, 0);
    cluster_judge(s->v, 5, s->m->index);
}

static void
tells(struct tale *s, const struct answer *a)
{
    asked(s, true);
    answers(s, a);
}

/* ---- partitions ---- */

static void
a_cluster_as_it_is(void **state)
{
    BEGIN;
    tells(&s, as_it_is());
    silent(&s);
}

static void
another_leader(void **state)
{
    BEGIN;
    struct answer *a = as_it_is();
    a->partition.leader_id = 3;
    tells(&s, a);
    told(&s, "b1: told that 3 leads in epoch 4: not decided, or over before it was asked");
}

static void
another_epoch_of_a_leader(void **state)
{
    BEGIN;
    struct answer *a = as_it_is();
    a->partition.leader_epoch = 5;
    tells(&s, a);
    told(&s, "b1: told that 2 leads in epoch 5: not decided, or over before it was asked");
}

static void
another_isr(void **state)
{
    BEGIN;
    struct answer *a = as_it_is();
    a->isr[0] = 1;
    tells(&s, a);
    told(&s, "b1: told of other replicas in sync, or other replicas, than the 2 of 3 that were "
             "decided");
}

static void
replicas_in_another_order(void **state)
{
    BEGIN;
    struct answer *a = as_it_is();
    a->replicas[0] = 2, a->replicas[1] = 1;
    tells(&s, a);
    told(&s, "b1: told of other replicas in sync, or other replicas, than the 2 of 3 that were "
             "decided");
}

static void
a_partition_too_many(void **state)
{
    BEGIN;
    struct answer *a = as_it_is();
    a->partition.partition_index = 1;
    tells(&s, a);
    told(&s, "b1: told of partition 1, of a topic that has 1");
}

static void
a_partition_too_few(void **state)
{
    BEGIN;
    partition(&s, 1);
    tale_commit(&s, METADATA);
    applied(&s);
    tells(&s, as_it_is());
    told(&s, "b1: told of 1 partitions; there are 2");
}

static void
a_leader_is_kept_back(void **state)
{
    BEGIN;
    struct answer *a = as_it_is();
    a->partition.leader_id = -1;
    a->partition.error_code = K_ERR_LEADER_NOT_AVAILABLE;
    tells(&s, a);
    told(&s, "b1: told that -1 leads in epoch 4: not decided, or over before it was asked");
}

/* ---- the moment ---- */

static void
what_it_has_not_applied_may_be_untold(void **state)
{
    BEGIN;
    isr_is_all(&s);
    tells(&s, as_it_is());
    silent(&s);
}

static void
what_it_had_applied_when_it_was_asked_is_told(void **state)
{
    BEGIN;
    isr_is_all(&s);
    applied(&s);
    tells(&s, as_it_is());
    told(&s, "b1: told of other replicas in sync, or other replicas, than the 3 of 3 that were "
             "decided");
}

static void
what_held_when_it_was_asked_may_be_told(void **state)
{
    BEGIN;
    asked(&s, true);
    isr_is_all(&s);
    applied(&s);
    answers(&s, as_it_is());
    silent(&s);
}

static void
what_came_while_it_was_asked_may_be_told(void **state)
{
    BEGIN;
    struct answer *a = as_it_is();
    a->partition.isr_nodes_n = 3;
    for (int32_t i = 0; i < 3; i++) a->isr[i] = i + 1;
    asked(&s, true);
    isr_is_all(&s);
    answers(&s, a);
    silent(&s);
}

/* What it has read before may be gone from its disk. */
static void
who_begins_anew_knows_nothing(void **state)
{
    BEGIN;
    isr_is_all(&s);
    applied(&s);
    invariants_life(s.v, 2, s.m->index, LIFE_START);
    tells(&s, as_it_is());
    silent(&s);
}

static void
a_quorum_that_lost_what_it_decided_proves_nothing(void **state)
{
    BEGIN;
    struct answer *a = as_it_is();
    a->partition.leader_id = 3;
    cluster_unsure(s.v);
    tells(&s, a);
    silent(&s);
}

/* ---- brokers ---- */

static void
who_is_fenced_leads_nobody(void **state)
{
    BEGIN;
    struct answer *a = as_it_is();
    leads_no_more(&s, -1);
    applied(&s);
    a->partition.leader_id = -1;
    a->partition.error_code = K_ERR_LEADER_NOT_AVAILABLE;
    a->partition.leader_epoch = 5;
    a->partition.isr_nodes_n = 1;
    a->isr[0] = 3;
    a->partition.offline_replicas_n = 1;
    a->offline[0] = 2;
    a->brokers[1] = a->brokers[2];
    a->p.brokers_n = 2;
    tells(&s, a);
    silent(&s);
}

static void
who_is_fenced_is_told_as_online(void **state)
{
    BEGIN;
    struct answer *a = as_it_is();
    leads_no_more(&s, 3);
    applied(&s);
    a->partition.leader_id = 3;
    a->partition.leader_epoch = 5;
    a->partition.isr_nodes_n = 1;
    a->isr[0] = 3;
    a->brokers[1] = a->brokers[2];
    a->p.brokers_n = 2;
    tells(&s, a);
    told(&s, "b1: told of replica 2 of 3, and not that it is offline; its broker is fenced");
}

static void
who_lives_is_told_as_offline(void **state)
{
    BEGIN;
    struct answer *a = as_it_is();
    a->partition.offline_replicas_n = 1;
    a->offline[0] = 1;
    tells(&s, a);
    told(&s, "b1: told that replica 1 of 3 is offline; its broker is not fenced");
}

static void
a_broker_is_left_out(void **state)
{
    BEGIN;
    struct answer *a = as_it_is();
    a->p.brokers_n = 2;
    tells(&s, a);
    told(&s, "b1: did not tell of broker 3, but of 2 others");
}

static void
a_broker_that_is_none(void **state)
{
    BEGIN;
    struct answer *a = as_it_is();
    a->p.brokers_n = 4;
    tells(&s, a);
    told(&s, "b1: told of broker 4, one of 4, which is fenced or not known");
}

/* ---- topics ---- */

static void
a_topic_is_left_out(void **state)
{
    BEGIN;
    struct answer *a = as_it_is();
    a->p.topics_n = 0;
    tells(&s, a);
    told(&s, "b1: told of 0 topics, and not of this one, made at offset 3");
}

static void
who_did_not_ask_for_all_is_not_told_all(void **state)
{
    BEGIN;
    struct answer *a = as_it_is();
    a->p.topics_n = 0;
    asked(&s, false);
    answers(&s, a);
    silent(&s);
}

static void
a_topic_that_is_not_known(void **state)
{
    BEGIN;
    struct answer *a = as_it_is();
    a->topic.error_code = K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
    a->topic.topic_id = UUID_ZERO;
    a->topic.partitions_n = 0;
    tells(&s, a);
    told(&s, "b1: told that there is no such topic; it was made at offset 3 and has 1 partitions");
}

static void
an_id_that_is_not_known(void **state)
{
    BEGIN;
    struct answer *a = as_it_is();
    a->topic.error_code = K_ERR_UNKNOWN_TOPIC_ID;
    a->topic.name = S("");
    a->topic.partitions_n = 0;
    asked(&s, false);
    answers(&s, a);
    told(&s, "b1: told that there is no such topic; it was made at offset 3 and has 1 partitions");
}

static void
a_topic_with_another_id(void **state)
{
    BEGIN;
    struct answer *a = as_it_is();
    a->topic.topic_id.b[0]++;
    tells(&s, a);
    told(&s, "b1: told of a topic that there is not: not yet at offset 4, or no more at 4");
}

static void
a_topic_that_is_gone(void **state)
{
    BEGIN;
    topic_gone(&s);
    applied(&s);
    tells(&s, as_it_is());
    told(&s, "b1: told of a topic that there is not: not yet at offset 5, or no more at 5");
}

static void
a_topic_that_may_be_gone_may_be_told_or_not(void **state)
{
    BEGIN;
    struct answer *a = as_it_is();
    topic_gone(&s);
    tells(&s, a);
    a->topic.error_code = K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
    a->topic.topic_id = UUID_ZERO;
    a->topic.partitions_n = 0;
    tells(&s, a);
    silent(&s);
}

/* ---- descriptions (KIP-966) ---- */

static void
an_elr_that_was_not_decided(void **state)
{
    BEGIN;
    struct answer *a = as_it_is();
    struct frame f;
    struct request_head head = {.api_key = K_API_DESCRIBE_TOPIC_PARTITIONS};
    struct k_describe_topic_partitions_request q;
    struct k_describe_topic_partitions_response p;
    struct k_describe_topic_partitions_response_describe_topic_partitions_response_topic t;
    struct k_describe_topic_partitions_response_describe_topic_partitions_response_partition one;
    codec_default(K_MSG_DESCRIBE_TOPIC_PARTITIONS_REQUEST, &q);
    codec_default(K_MSG_DESCRIBE_TOPIC_PARTITIONS_RESPONSE, &p);
    memset(&t, 0, sizeof t);
    memset(&one, 0, sizeof one);
    t.name = S("orders");
    t.topic_id = topic_id;
    t.partitions = &one, t.partitions_n = 1;
    p.topics = &t, p.topics_n = 1;
    one.leader_id = 2;
    one.leader_epoch = 4;
    one.replica_nodes = a->replicas, one.replica_nodes_n = 3;
    one.isr_nodes = a->isr, one.isr_nodes_n = 2;
    for (int32_t i = 0; i < 2; i++) { /* first as it is */
        one.eligible_leader_replicas = a->replicas, one.eligible_leader_replicas_n = i;
        assert_int_equal(invariants_anomalies(s.v)->v.n, 0);
        assert_true(frame_request(&s.mem, &arena, &head, &q, &f));
        hear(&s, K_API_DESCRIBE_TOPIC_PARTITIONS, 0, false, &f);
        assert_true(frame_response(&s.mem, &arena, K_API_DESCRIBE_TOPIC_PARTITIONS, 0, 0, &p, &f));
        hear(&s, K_API_DESCRIBE_TOPIC_PARTITIONS, 0, true, &f);
        cluster_judge(s.v, 5, s.m->index);
    }
    told(&s, "b1: told of other replicas in sync, or other replicas, than the 2 of 3 that were "
             "decided");
}

/* ---- DescribeCluster ---- */

static void
described(struct tale *s, bool with_fenced, int32_t n, int32_t fenced, int32_t controller)
{
    struct k_describe_cluster_request q;
    struct k_describe_cluster_response p;
    struct k_describe_cluster_response_describe_cluster_broker b[4];
    struct request_head head = {.api_key = K_API_DESCRIBE_CLUSTER, .version = 2};
    struct frame f;
    codec_default(K_MSG_DESCRIBE_CLUSTER_REQUEST, &q);
    codec_default(K_MSG_DESCRIBE_CLUSTER_RESPONSE, &p);
    q.include_fenced_brokers = with_fenced;
    assert_true(frame_request(&s->mem, &arena, &head, &q, &f));
    hear(s, K_API_DESCRIBE_CLUSTER, 2, false, &f);
    for (int32_t i = 0; i < 4; i++) {
        codec_default_struct(K_STRUCT_DESCRIBE_CLUSTER_RESPONSE_DESCRIBE_CLUSTER_BROKER, &b[i]);
        b[i].broker_id = i + 1;
        b[i].host = S("h");
        b[i].is_fenced = b[i].broker_id == fenced;
    }
    p.cluster_id = S("c");
    p.brokers = b, p.brokers_n = n;
    p.controller_id = controller;
    assert_true(frame_response(&s->mem, &arena, K_API_DESCRIBE_CLUSTER, 2, 0, &p, &f));
    hear(s, K_API_DESCRIBE_CLUSTER, 2, true, &f);
    cluster_judge(s->v, 5, s->m->index);
}

static void
a_cluster_is_described_as_it_is(void **state)
{
    BEGIN;
    described(&s, false, 3, 0, 1);
    leads_no_more(&s, 3);
    applied(&s);
    described(&s, true, 3, 2, 3);
    silent(&s);
}

static void
a_broker_is_described_that_is_not_known(void **state)
{
    BEGIN;
    described(&s, false, 4, 0, 1);
    told(&s, "b1: told of broker 4, one of 4, as serving: it is fenced or not known");
}

static void
a_broker_is_not_described(void **state)
{
    BEGIN;
    described(&s, false, 2, 0, 1);
    told(&s, "b1: did not tell of broker 3, but of 2 others");
}

static void
a_fenced_broker_is_described_as_serving(void **state)
{
    BEGIN;
    leads_no_more(&s, 3);
    applied(&s);
    described(&s, true, 3, 0, 1);
    told(&s, "b1: told of broker 2, one of 3, as serving: it is fenced or not known");
}

static void
a_fenced_broker_is_described_unasked(void **state)
{
    BEGIN;
    leads_no_more(&s, 3);
    applied(&s);
    described(&s, false, 3, 2, 1);
    told(&s, "b1: told of broker 2, one of 3, as fenced: it is not, or none was asked for");
}

static void
a_fenced_broker_is_described_as_the_controller(void **state)
{
    BEGIN;
    leads_no_more(&s, 3);
    applied(&s);
    described(&s, true, 3, 2, 2);
    told(&s,
         "b1: told that requests for the controller go to broker 2, which is fenced; there are 3");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cluster_as_it_is),
        cmocka_unit_test(another_leader),
        cmocka_unit_test(another_epoch_of_a_leader),
        cmocka_unit_test(another_isr),
        cmocka_unit_test(replicas_in_another_order),
        cmocka_unit_test(a_partition_too_many),
        cmocka_unit_test(a_partition_too_few),
        cmocka_unit_test(a_leader_is_kept_back),
        cmocka_unit_test(what_it_has_not_applied_may_be_untold),
        cmocka_unit_test(what_it_had_applied_when_it_was_asked_is_told),
        cmocka_unit_test(what_held_when_it_was_asked_may_be_told),
        cmocka_unit_test(what_came_while_it_was_asked_may_be_told),
        cmocka_unit_test(who_begins_anew_knows_nothing),
        cmocka_unit_test(a_quorum_that_lost_what_it_decided_proves_nothing),
        cmocka_unit_test(who_is_fenced_leads_nobody),
        cmocka_unit_test(who_is_fenced_is_told_as_online),
        cmocka_unit_test(who_lives_is_told_as_offline),
        cmocka_unit_test(a_broker_is_left_out),
        cmocka_unit_test(a_broker_that_is_none),
        cmocka_unit_test(a_topic_is_left_out),
        cmocka_unit_test(who_did_not_ask_for_all_is_not_told_all),
        cmocka_unit_test(a_topic_that_is_not_known),
        cmocka_unit_test(an_id_that_is_not_known),
        cmocka_unit_test(a_topic_with_another_id),
        cmocka_unit_test(a_topic_that_is_gone),
        cmocka_unit_test(a_topic_that_may_be_gone_may_be_told_or_not),
        cmocka_unit_test(an_elr_that_was_not_decided),
        cmocka_unit_test(a_cluster_is_described_as_it_is),
        cmocka_unit_test(a_broker_is_described_that_is_not_known),
        cmocka_unit_test(a_broker_is_not_described),
        cmocka_unit_test(a_fenced_broker_is_described_as_serving),
        cmocka_unit_test(a_fenced_broker_is_described_unasked),
        cmocka_unit_test(a_fenced_broker_is_described_as_the_controller),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
