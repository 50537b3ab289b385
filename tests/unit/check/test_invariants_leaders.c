/* Who leads instead, as brokers tell those that came to the wrong one (KIP-951), against what the quorum has decided. */
#include "tests/unit/check/wired.h"

#include "apis.h"
#include "errors.h"
#include "messages.h"

enum { FETCH = 17, PRODUCE = 12, SHARE = 1 };

static const struct uuid topic_id = {{1, 2, 3}};

static void
partition(struct tale *s)
{
    static int32_t replicas[] = {1, 2, 3};
    struct k_topic_record t;
    struct k_partition_record p;
    codec_default(K_MSG_TOPIC_RECORD, &t);
    t.name = S("orders");
    t.topic_id = topic_id;
    add_metadata(s, K_MSG_TOPIC_RECORD, 0, &t);
    codec_default(K_MSG_PARTITION_RECORD, &p);
    p.topic_id = topic_id;
    p.partition_id = 0;
    p.replicas = replicas, p.replicas_n = 3;
    p.isr = replicas, p.isr_n = 3;
    p.leader = 2;
    p.leader_epoch = p.partition_epoch = 4;
    add_metadata(s, K_MSG_PARTITION_RECORD, 2, &p);
}

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

static void
applied(struct tale *s)
{
    say(s, NOTE_METADATA_APPLIED, METADATA, written_log(s, METADATA)->next - 1, 1, 0, 0, 0);
}

/* 2 leads in epoch 4. */
static void
begin(struct tale *s)
{
    wired_begin(s);
    for (int32_t id = 1; id <= 3; id++) broker(s, id);
    partition(s);
    tale_commit(s, METADATA);
    applied(s);
}

#define BEGIN \
    (void)state; \
    struct tale s; \
    begin(&s)

/* 2 is fenced, and 3 leads. */
static void
leads_now(struct tale *s)
{
    static int32_t isr[] = {1, 3};
    struct k_fence_broker_record f;
    struct k_partition_change_record r;
    codec_default(K_MSG_FENCE_BROKER_RECORD, &f);
    f.id = 2;
    f.epoch = 12;
    add_metadata(s, K_MSG_FENCE_BROKER_RECORD, 0, &f);
    codec_default(K_MSG_PARTITION_CHANGE_RECORD, &r);
    r.topic_id = topic_id;
    r.partition_id = 0;
    r.leader = 3;
    r.isr = isr, r.isr_n = 2;
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

static void
told(struct tale *s, const char *story)
{
    told_as(s, RULE_CLUSTER_TOLD, story);
}

/* ---- the wire ---- */

static void
asked(struct tale *s)
{
    struct k_fetch_request q;
    struct frame f;
    struct request_head head = {.api_key = K_API_FETCH, .version = FETCH};
    codec_default(K_MSG_FETCH_REQUEST, &q);
    assert_true(frame_request(&s->mem, &arena, &head, &q, &f));
    wired_hear(s, K_API_FETCH, FETCH, false, &f, leaders_hear);
}

static void
judged(struct tale *s)
{
    leaders_judge(s->v, 5, s->m->index + 1);
    assert_int_equal(invariants_anomalies(s->v)->v.n, 0);
    leaders_judge(s->v, 5, s->m->index);
}

/* endpoint: of whom; -1: of nobody. */
static void
answers(struct tale *s, int16_t err, int32_t leader, int32_t epoch, int32_t endpoint)
{
    struct k_fetch_response p;
    struct k_fetch_response_fetchable_topic_response t;
    struct k_fetch_response_partition_data d;
    struct k_fetch_response_node_endpoint e = {.node_id = endpoint, .host = S("h")};
    struct frame f;
    codec_default(K_MSG_FETCH_RESPONSE, &p);
    codec_default_struct(K_STRUCT_FETCH_RESPONSE_FETCHABLE_TOPIC_RESPONSE, &t);
    codec_default_struct(K_STRUCT_FETCH_RESPONSE_PARTITION_DATA, &d);
    p.responses = &t, p.responses_n = 1;
    t.topic_id = topic_id;
    t.partitions = &d, t.partitions_n = 1;
    d.error_code = err;
    d.records.bytes = SLICE_EMPTY;
    d.current_leader.leader_id = leader;
    d.current_leader.leader_epoch = epoch;
    if (endpoint >= 0) p.node_endpoints = &e, p.node_endpoints_n = 1;
    assert_true(frame_response(&s->mem, &arena, K_API_FETCH, FETCH, 0, &p, &f));
    wired_hear(s, K_API_FETCH, FETCH, true, &f, leaders_hear);
    judged(s);
}

static void
tells(struct tale *s, int32_t leader, int32_t epoch, int32_t endpoint)
{
    asked(s);
    answers(s, K_ERR_NOT_LEADER_OR_FOLLOWER, leader, epoch, endpoint);
}

/* ---- who leads ---- */

static void
the_leader_that_was_decided(void **state)
{
    BEGIN;
    tells(&s, 2, 4, 2);
    silent(&s);
}

static void
another_leader(void **state)
{
    BEGIN;
    tells(&s, 3, 4, 3);
    told(&s, "b1: told who came to the wrong leader that 3 leads in epoch 4: not decided, or over "
             "before it was asked");
}

static void
another_epoch(void **state)
{
    BEGIN;
    tells(&s, 2, 3, 2);
    told(&s, "b1: told who came to the wrong leader that 2 leads in epoch 3: not decided, or over "
             "before it was asked");
}

static void
nobody_although_there_is_one(void **state)
{
    BEGIN;
    tells(&s, -1, -1, -1);
    told(&s,
         "b1: told who came to the wrong leader that -1 leads in epoch -1: not decided, or over "
         "before it was asked");
}

static void
a_leader_is_told_with_no_other_error(void **state)
{
    BEGIN;
    asked(&s);
    answers(&s, K_ERR_OFFSET_OUT_OF_RANGE, -1, -1, -1);
    silent(&s);
}

static void
a_fenced_epoch_names_the_leader_too(void **state)
{
    BEGIN;
    asked(&s);
    answers(&s, K_ERR_FENCED_LEADER_EPOCH, 1, 4, 1);
    told(&s, "b1: told who came to the wrong leader that 1 leads in epoch 4: not decided, or over "
             "before it was asked");
}

/* ---- the moment ---- */

static void
who_had_led_when_it_was_asked_may_be_told(void **state)
{
    BEGIN;
    asked(&s);
    leads_now(&s);
    applied(&s);
    answers(&s, K_ERR_NOT_LEADER_OR_FOLLOWER, 2, 4, 2);
    silent(&s);
}

static void
who_had_led_before_may_not(void **state)
{
    BEGIN;
    leads_now(&s);
    applied(&s);
    tells(&s, 2, 4, 2);
    told(&s, "b1: told who came to the wrong leader that 2 leads in epoch 4: not decided, or over "
             "before it was asked");
}

static void
of_a_topic_that_is_gone_nobody_need_be_told(void **state)
{
    BEGIN;
    topic_gone(&s);
    tells(&s, -1, -1, -1);
    applied(&s);
    tells(&s, -1, -1, -1);
    silent(&s);
}

static void
of_a_topic_that_is_gone_broker_zero_is_told(void **state)
{
    BEGIN;
    topic_gone(&s);
    applied(&s);
    tells(&s, 0, 0, -1);
    told(&s, "b1: told who came to the wrong leader that 0 leads in epoch 0: not decided, or over "
             "before it was asked");
}

static void
who_begins_anew_is_not_judged(void **state)
{
    BEGIN;
    invariants_life(s.v, 2, s.m->index, LIFE_START);
    tells(&s, 3, 4, 3);
    silent(&s);
}

/* ---- where it listens ---- */

static void
an_endpoint_that_is_missing(void **state)
{
    BEGIN;
    tells(&s, 2, 4, 3);
    told(&s,
         "b1: told who came to the wrong leader that 2 leads in epoch 4, and not where that one "
         "listens");
}

static void
of_a_fenced_leader_none_is_told(void **state)
{
    BEGIN;
    asked(&s);
    leads_now(&s);
    answers(&s, K_ERR_NOT_LEADER_OR_FOLLOWER, 2, 4, -1);
    silent(&s);
}

/* ---- other requests ---- */

static void
a_produce_answer(void **state)
{
    BEGIN;
    struct k_produce_request q;
    struct k_produce_response p;
    struct k_produce_response_topic_produce_response t;
    struct k_produce_response_partition_produce_response d;
    struct request_head head = {.api_key = K_API_PRODUCE, .version = PRODUCE};
    struct world_frame answer = {.from = s.m,
                                 .to = client,
                                 .id = 2,
                                 .answers = 1,
                                 .is_answer = true,
                                 .api = K_API_PRODUCE,
                                 .version = PRODUCE};
    struct frame f;
    codec_default(K_MSG_PRODUCE_REQUEST, &q);
    assert_true(frame_request(&s.mem, &arena, &head, &q, &f));
    wired_hear(&s, K_API_PRODUCE, PRODUCE, false, &f, leaders_hear);
    codec_default(K_MSG_PRODUCE_RESPONSE, &p);
    codec_default_struct(K_STRUCT_PRODUCE_RESPONSE_TOPIC_PRODUCE_RESPONSE, &t);
    codec_default_struct(K_STRUCT_PRODUCE_RESPONSE_PARTITION_PRODUCE_RESPONSE, &d);
    p.responses = &t, p.responses_n = 1;
    t.name = S("orders");
    t.partition_responses = &d, t.partition_responses_n = 1;
    d.error_code = K_ERR_NOT_LEADER_OR_FOLLOWER;
    d.current_leader.leader_id = 2;
    d.current_leader.leader_epoch = 5;
    leaders_hear_produced(s.v, &answer, &p);
    judged(&s);
    told(&s, "b1: told who came to the wrong leader that 2 leads in epoch 5: not decided, or over "
             "before it was asked");
}

static void
a_share_of_a_topic(void **state)
{
    BEGIN;
    struct k_share_fetch_request q;
    struct k_share_fetch_response p;
    struct k_share_fetch_response_share_fetchable_topic_response t;
    struct k_share_fetch_response_partition_data d;
    struct request_head head = {.api_key = K_API_SHARE_FETCH, .version = SHARE};
    struct frame f;
    codec_default(K_MSG_SHARE_FETCH_REQUEST, &q);
    assert_true(frame_request(&s.mem, &arena, &head, &q, &f));
    wired_hear(&s, K_API_SHARE_FETCH, SHARE, false, &f, leaders_hear);
    codec_default(K_MSG_SHARE_FETCH_RESPONSE, &p);
    codec_default_struct(K_STRUCT_SHARE_FETCH_RESPONSE_SHARE_FETCHABLE_TOPIC_RESPONSE, &t);
    codec_default_struct(K_STRUCT_SHARE_FETCH_RESPONSE_PARTITION_DATA, &d);
    p.responses = &t, p.responses_n = 1;
    t.topic_id = topic_id;
    t.partitions = &d, t.partitions_n = 1;
    d.acknowledge_error_code = K_ERR_NOT_LEADER_OR_FOLLOWER;
    d.records.bytes = SLICE_EMPTY;
    d.current_leader.leader_id = 3;
    d.current_leader.leader_epoch = 4;
    assert_true(frame_response(&s.mem, &arena, K_API_SHARE_FETCH, SHARE, 0, &p, &f));
    wired_hear(&s, K_API_SHARE_FETCH, SHARE, true, &f, leaders_hear);
    judged(&s);
    told(&s, "b1: told who came to the wrong leader that 3 leads in epoch 4: not decided, or over "
             "before it was asked");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_leader_that_was_decided),
        cmocka_unit_test(another_leader),
        cmocka_unit_test(another_epoch),
        cmocka_unit_test(nobody_although_there_is_one),
        cmocka_unit_test(a_leader_is_told_with_no_other_error),
        cmocka_unit_test(a_fenced_epoch_names_the_leader_too),
        cmocka_unit_test(who_had_led_when_it_was_asked_may_be_told),
        cmocka_unit_test(who_had_led_before_may_not),
        cmocka_unit_test(of_a_topic_that_is_gone_nobody_need_be_told),
        cmocka_unit_test(of_a_topic_that_is_gone_broker_zero_is_told),
        cmocka_unit_test(who_begins_anew_is_not_judged),
        cmocka_unit_test(an_endpoint_that_is_missing),
        cmocka_unit_test(of_a_fenced_leader_none_is_told),
        cmocka_unit_test(a_produce_answer),
        cmocka_unit_test(a_share_of_a_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
