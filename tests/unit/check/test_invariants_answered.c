/* What controllers answer to brokers and to other controllers, against what is committed by then; and what is not judged. */
#include "tests/unit/check/answered.h"

/* ---- brokers ---- */

static void
registers(struct tale *s, struct uuid incarnation, int64_t epoch, int16_t err)
{
    struct k_broker_registration_request q;
    struct k_broker_registration_response p;
    codec_default(K_MSG_BROKER_REGISTRATION_REQUEST, &q);
    codec_default(K_MSG_BROKER_REGISTRATION_RESPONSE, &p);
    q.broker_id = 3;
    q.incarnation_id = incarnation;
    p.broker_epoch = epoch;
    p.error_code = err;
    talk(s, K_API_BROKER_REGISTRATION, 3, &q, &p);
}

static void
a_registration_that_is_committed(void **state)
{
    BEGIN;
    registers(&s, process, 17, 0);
    silent(&s);
}

static void
a_registration_that_is_not_committed(void **state)
{
    BEGIN;
    registers(&s, process, 18, 0);
    early(&s,
          "b1: answered BrokerRegistration; not committed is: broker 3 is registered in epoch 18, "
          "its incarnation is BwAAAAAAAAAAAAAAAAAAAA");
}

static void
a_registration_of_another_process(void **state)
{
    BEGIN;
    registers(&s, (struct uuid){{8}}, 17, 0);
    early(&s,
          "b1: answered BrokerRegistration; not committed is: broker 3 is registered in epoch 17, "
          "its incarnation is CAAAAAAAAAAAAAAAAAAAAA");
}

static void
who_is_refused_is_told_nothing(void **state)
{
    BEGIN;
    registers(&s, process, 18, K_ERR_NOT_CONTROLLER);
    silent(&s);
}

static void
what_the_same_step_commits_is_in_time(void **state)
{
    (void)state;
    struct tale s;
    struct k_broker_registration_request q;
    struct k_broker_registration_response p;
    codec_default(K_MSG_BROKER_REGISTRATION_REQUEST, &q);
    codec_default(K_MSG_BROKER_REGISTRATION_RESPONSE, &p);
    q.broker_id = 3;
    q.incarnation_id = process;
    p.broker_epoch = 17;
    wired_begin(&s);
    ask(&s, K_API_BROKER_REGISTRATION, 3, &q);
    answer(&s, K_API_BROKER_REGISTRATION, 3, &p);
    broker(&s);
    tale_commit(&s, METADATA);
    judge(&s);
    silent(&s);
}

/* A snapshot has what came before: then it is not known what is committed. */
static void
where_records_are_missing_nothing_is_judged(void **state)
{
    BEGIN;
    cluster_unsure(s.v);
    registers(&s, process, 18, 0);
    silent(&s);
}

static void
beats(struct tale *s, bool is_fenced, bool may_stop)
{
    struct k_broker_heartbeat_request q;
    struct k_broker_heartbeat_response p;
    codec_default(K_MSG_BROKER_HEARTBEAT_REQUEST, &q);
    codec_default(K_MSG_BROKER_HEARTBEAT_RESPONSE, &p);
    q.broker_id = 3;
    q.broker_epoch = 17;
    p.is_fenced = is_fenced;
    p.should_shut_down = may_stop;
    talk(s, K_API_BROKER_HEARTBEAT, 1, &q, &p);
}

static void
who_serves_is_told_so(void **state)
{
    BEGIN;
    beats(&s, false, false);
    silent(&s);
}

static void
who_is_fenced_is_not_told_that_it_serves(void **state)
{
    (void)state;
    struct tale s;
    wired_begin(&s);
    broker(&s);
    tale_commit(&s, METADATA);
    beats(&s, true, false);
    beats(&s, false, false);
    early(&s, "b1: answered BrokerHeartbeat; not committed is: broker 3 of epoch 17 is not fenced");
}

static void
who_serves_may_not_stop(void **state)
{
    BEGIN;
    beats(&s, true, true);
    early(&s, "b1: answered BrokerHeartbeat; not committed is: broker 3 of epoch 17 is fenced");
}

static void
who_was_fenced_may_stop(void **state)
{
    (void)state;
    struct tale s;
    wired_begin(&s);
    broker(&s);
    unfence(&s);
    fence(&s);
    beats(&s, true, true);
    silent(&s);
}

static void
who_has_never_served_may_stop(void **state)
{
    (void)state;
    struct tale s;
    wired_begin(&s);
    broker(&s);
    tale_commit(&s, METADATA);
    beats(&s, true, true);
    silent(&s);
}

static void
a_controller_registers(struct tale *s)
{
    struct k_controller_registration_request q;
    struct k_controller_registration_response p;
    codec_default(K_MSG_CONTROLLER_REGISTRATION_REQUEST, &q);
    codec_default(K_MSG_CONTROLLER_REGISTRATION_RESPONSE, &p);
    q.controller_id = 101;
    q.incarnation_id = process;
    talk(s, K_API_CONTROLLER_REGISTRATION, 0, &q, &p);
}

static void
a_controller_that_is_registered(void **state)
{
    BEGIN;
    struct k_register_controller_record r;
    codec_default(K_MSG_REGISTER_CONTROLLER_RECORD, &r);
    r.controller_id = 101;
    r.incarnation_id = process;
    add_metadata(&s, K_MSG_REGISTER_CONTROLLER_RECORD, 0, &r);
    tale_commit(&s, METADATA);
    a_controller_registers(&s);
    silent(&s);
}

static void
a_controller_that_is_not_registered(void **state)
{
    BEGIN;
    a_controller_registers(&s);
    early(&s,
          "b1: answered ControllerRegistration; not committed is: controller 101 is registered, "
          "its incarnation is BwAAAAAAAAAAAAAAAAAAAA");
}

static void
ids(struct tale *s, int64_t start)
{
    struct k_allocate_producer_ids_request q;
    struct k_allocate_producer_ids_response p;
    struct k_producer_ids_record r;
    codec_default(K_MSG_PRODUCER_IDS_RECORD, &r);
    r.next_producer_id = 1000;
    add_metadata(s, K_MSG_PRODUCER_IDS_RECORD, 0, &r);
    tale_commit(s, METADATA);
    codec_default(K_MSG_ALLOCATE_PRODUCER_IDS_REQUEST, &q);
    codec_default(K_MSG_ALLOCATE_PRODUCER_IDS_RESPONSE, &p);
    p.producer_id_start = start;
    p.producer_id_len = 1000;
    talk(s, K_API_ALLOCATE_PRODUCER_IDS, 0, &q, &p);
}

static void
ids_that_are_committed(void **state)
{
    BEGIN;
    ids(&s, 0);
    silent(&s);
}

static void
ids_that_are_not_committed(void **state)
{
    BEGIN;
    ids(&s, 1000);
    early(&s, "b1: answered AllocateProducerIds; not committed is: all producer ids below 2000 are "
              "given");
}

/* ---- passed on ---- */

/* A broker has passed the request on in an envelope. */
static void
what_a_client_is_told_through_a_broker(void **state)
{
    BEGIN;
    struct k_delete_topics_request inner;
    struct k_delete_topics_response told;
    struct k_delete_topics_response_deletable_topic_result t;
    struct k_envelope_request q;
    struct k_envelope_response p;
    struct request_head head = {.api_key = K_API_DELETE_TOPICS, .version = 6};
    struct writer asked = writer_mem(&s.mem), answered = writer_mem(&s.mem);
    codec_default(K_MSG_DELETE_TOPICS_REQUEST, &inner);
    codec_default(K_MSG_DELETE_TOPICS_RESPONSE, &told);
    codec_default(K_MSG_ENVELOPE_REQUEST, &q);
    codec_default(K_MSG_ENVELOPE_RESPONSE, &p);
    memset(&t, 0, sizeof t);
    t.topic_id = topic_id;
    told.responses = &t, told.responses_n = 1;
    assert_true(request_write(&asked, &head, &inner, NULL));
    assert_true(response_write(&answered, K_API_DELETE_TOPICS, 6, 0, &told, NULL));
    q.request_data = writer_slice(&asked);
    q.client_host_address = S("\x7f\0\0\1");
    p.response_data = writer_slice(&answered);
    talk(&s, K_API_ENVELOPE, 0, &q, &p);
    writer_release(&asked), writer_release(&answered);
    early(&s, "b1: answered DeleteTopics; not committed is: the topic with the id "
              "AQIDAAAAAAAAAAAAAAAAAA is gone");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_registration_that_is_committed),
        cmocka_unit_test(a_registration_that_is_not_committed),
        cmocka_unit_test(a_registration_of_another_process),
        cmocka_unit_test(who_is_refused_is_told_nothing),
        cmocka_unit_test(what_the_same_step_commits_is_in_time),
        cmocka_unit_test(where_records_are_missing_nothing_is_judged),
        cmocka_unit_test(who_serves_is_told_so),
        cmocka_unit_test(who_is_fenced_is_not_told_that_it_serves),
        cmocka_unit_test(who_serves_may_not_stop),
        cmocka_unit_test(who_was_fenced_may_stop),
        cmocka_unit_test(who_has_never_served_may_stop),
        cmocka_unit_test(a_controller_that_is_registered),
        cmocka_unit_test(a_controller_that_is_not_registered),
        cmocka_unit_test(ids_that_are_committed),
        cmocka_unit_test(ids_that_are_not_committed),
        cmocka_unit_test(what_a_client_is_told_through_a_broker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
