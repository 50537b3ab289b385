#include "tests/unit/controller/fixture.h"

static const char *
kind_at(int64_t offset)
{
    uint8_t type = w.log.v[offset].p[1];
    for (int m = 0; m < K_MSGS_N; m++)
        if (k_messages[m].kind == K_KIND_METADATA && k_messages[m].api_key == type)
            return k_names + k_messages[m].name;
    return "?";
}

static void
an_empty_log_gets_its_bootstrap_in_one_transaction(void **state)
{
    (void)state;
    activate();
    assert_int_equal(w.proposals, 1);
    assert_int_equal(w.log.n, 5);
    assert_string_equal(kind_at(0), "BeginTransactionRecord");
    assert_string_equal(kind_at(1), "FeatureLevelRecord");
    assert_string_equal(kind_at(2), "FeatureLevelRecord");
    assert_string_equal(kind_at(3), "ConfigRecord");
    assert_string_equal(kind_at(4), "EndTransactionRecord");
    commit();
    assert_int_equal(image_feature_level(&w.committed, S("metadata.version")), 33);
    assert_int_equal(image_feature_level(&w.committed, S("eligible.leader.replicas.version")), 1);
    assert_int_equal(image_feature_level(&w.committed, S("transaction.version")), 0);
    assert_slice(
        image_config_value(&w.committed, RESOURCE_BROKER, SLICE_EMPTY, S("min.insync.replicas")),
        "1");
}

static void
a_log_with_history_gets_no_bootstrap(void **state)
{
    (void)state;
    activate();
    commit();
    controller_resign(w.c);
    activate();
    assert_int_equal(w.proposals, 1);
}

static void
the_checkpoint_of_a_format_does_not_spare_the_bootstrap(void **state)
{
    (void)state;
    struct k_feature_level_record r;
    codec_default(K_MSG_FEATURE_LEVEL_RECORD, &r);
    uint8_t value[64] = {1, K_REC_FEATURE_LEVEL_RECORD, 0};
    struct writer out = writer_fixed(value + 3, 61);
    r.name = S("metadata.version");
    r.feature_level = 33;
    assert_true(codec_write(K_MSG_FEATURE_LEVEL_RECORD, 0, &r, &out, NULL));
    image_snapshot_begin(&w.committed);
    assert_null(image_apply(&w.committed, slice(value, 3 + out.n), 3, 0, &w.arena));
    image_snapshot_end(&w.committed, 0, 0);
    activate();
    assert_int_equal(w.proposals, 1);
    assert_string_equal(kind_at(0), "BeginTransactionRecord");
}

static void
a_transaction_left_open_is_aborted(void **state)
{
    (void)state;
    activate();
    commit_to(3);
    controller_resign(w.c);
    /* The rest of the bootstrap never made it. */
    while (w.log.n > 3) mem_free_slice(&w.env.mem, w.log.v[--w.log.n]);
    activate();
    assert_string_equal(kind_at(3), "AbortTransactionRecord");
    assert_string_equal(kind_at(4), "BeginTransactionRecord");
    commit();
    assert_int_equal(image_feature_level(&w.committed, S("metadata.version")), 33);
}

static struct reply *
ask_producer_ids(int32_t broker, int64_t epoch)
{
    struct k_allocate_producer_ids_request r;
    codec_default(K_MSG_ALLOCATE_PRODUCER_IDS_REQUEST, &r);
    r.broker_id = broker;
    r.broker_epoch = epoch;
    return ask(K_API_ALLOCATE_PRODUCER_IDS, 0, &r);
}

static int64_t
epoch_of(int32_t id)
{
    return image_broker(controller_image(w.c), id)->epoch;
}

static void
an_answer_waits_until_its_records_are_committed(void **state)
{
    (void)state;
    start_brokers(1);
    struct reply *a = ask_producer_ids(1, epoch_of(1)), *b = ask_producer_ids(1, epoch_of(1));
    assert_int_equal(a->count, 0);
    commit_to(w.log.n - 1);
    assert_int_equal(a->count, 1);
    assert_int_equal(b->count, 0);
    commit();
    assert_int_equal(b->count, 1);
    const struct k_allocate_producer_ids_response *ra = a->response, *rb = b->response;
    assert_int_equal(rb->producer_id_start, ra->producer_id_start + 1000);
}

static void
an_answer_without_records_waits_for_what_it_rests_on(void **state)
{
    (void)state;
    start_brokers(1);
    struct reply *a = ask_producer_ids(1, epoch_of(1));
    struct reply *b = ask_producer_ids(1, epoch_of(1) + 1);
    assert_int_equal(b->count, 0);
    commit();
    assert_int_equal(a->count, 1);
    assert_int_equal(b->count, 1);
    struct reply *c = ask_producer_ids(1, epoch_of(1) + 1);
    assert_int_equal(c->count, 1);
    const struct k_allocate_producer_ids_response *rc = c->response;
    assert_int_equal(rc->error_code, K_ERR_STALE_BROKER_EPOCH);
}

static void
a_passive_controller_answers_that_it_is_not_the_one(void **state)
{
    (void)state;
    struct k_create_topics_request_creatable_topic t = topic_named(S("a"), 1, 1);
    struct k_create_topics_request r;
    codec_default(K_MSG_CREATE_TOPICS_REQUEST, &r);
    r.topics = &t, r.topics_n = 1;
    struct reply *a = ask(K_API_CREATE_TOPICS, 7, &r);
    assert_int_equal(a->count, 1);
    assert_int_equal(a->err, K_ERR_NOT_CONTROLLER);
    const struct k_create_topics_response *resp = a->response;
    assert_slice(resp->topics[0].name, "a");
    assert_int_equal(resp->topics[0].error_code, K_ERR_NOT_CONTROLLER);
    assert_null(controller_image(w.c));
}

static void
resignation_answers_everything_that_waits(void **state)
{
    (void)state;
    start_brokers(1);
    struct reply *a = ask_producer_ids(1, epoch_of(1));
    struct k_create_topics_request_creatable_topic t = topic_named(S("a"), 1, 1);
    struct k_create_topics_request r;
    codec_default(K_MSG_CREATE_TOPICS_REQUEST, &r);
    r.topics = &t, r.topics_n = 1;
    struct reply *b = ask(K_API_CREATE_TOPICS, 7, &r);
    controller_resign(w.c);
    assert_int_equal(a->count, 1);
    assert_int_equal(a->err, K_ERR_NOT_CONTROLLER);
    assert_int_equal(b->err, K_ERR_NOT_CONTROLLER);
    const struct k_create_topics_response *resp = b->response;
    assert_int_equal(resp->topics[0].error_code, K_ERR_NOT_CONTROLLER);
    assert_true(uuid_is_zero(resp->topics[0].topic_id));
    assert_false(controller_is_active(w.c));
    controller_resign(w.c);
}

static void
what_was_not_committed_is_not_there_for_the_next(void **state)
{
    (void)state;
    start_brokers(1);
    int64_t end = w.log.n;
    (void)ask_producer_ids(1, epoch_of(1));
    assert_int_equal(controller_image(w.c)->next_producer_id, 1000);
    controller_resign(w.c);
    while (w.log.n > end) mem_free_slice(&w.env.mem, w.log.v[--w.log.n]);
    activate();
    assert_int_equal(controller_image(w.c)->next_producer_id, 0);
    assert_non_null(image_broker(controller_image(w.c), 1));
}

static void
a_log_that_takes_nothing_changes_nothing(void **state)
{
    (void)state;
    start_brokers(1);
    int64_t epoch = epoch_of(1);
    w.refuses = true;
    struct reply *a = ask_producer_ids(1, epoch);
    assert_int_equal(a->err, K_ERR_NOT_CONTROLLER);
    assert_int_equal(controller_image(w.c)->next_producer_id, 0);
    w.refuses = false;
    struct reply *b = ask_producer_ids(1, epoch);
    commit();
    const struct k_allocate_producer_ids_response *resp = b->response;
    assert_int_equal(resp->producer_id_start, 0);
    assert_int_equal(resp->producer_id_len, 1000);
}

static void
a_cancelled_call_hears_nothing(void **state)
{
    (void)state;
    start_brokers(1);
    struct reply *a = ask_producer_ids(1, epoch_of(1));
    controller_call_cancel(&a->call);
    commit();
    assert_int_equal(a->count, 0);
    controller_call_cancel(&a->call);
}

static void
an_idle_log_gets_a_record_now_and_then(void **state)
{
    (void)state;
    controller_free(w.c);
    w.options.noop_interval_ms = 500;
    w.c = controller_new(&w.env, &w.options, &world_ops, &w);
    activate();
    commit();
    int64_t end = w.log.n;
    pass(499);
    assert_int_equal(w.log.n, end);
    pass(1001);
    assert_int_equal(w.log.n, end + 3);
    assert_string_equal(kind_at(end), "NoOpRecord");
    controller_resign(w.c);
    pass(5000);
    assert_int_equal(w.log.n, end + 3);
}

/* ---- notes ------------------------------------------------------------------------------------- */

static int
noted(enum note_kind kind)
{
    int n = 0;
    for (int64_t i = 0; i < w.env.notes.n; i++) n += w.env.notes.v[i]->kind == kind;
    return n;
}

static int
begin_noting(void **state)
{
    (void)state;
    return world_begin_with(&usual_options, true);
}

static void
a_decision_is_noted_when_it_is_committed(void **state)
{
    (void)state;
    start_brokers(1);
    assert_int_equal(noted(NOTE_CONTROLLER_ACTIVE), 1);
    assert_int_equal(noted(NOTE_BROKER_REGISTERED), 1);
    assert_int_equal(noted(NOTE_BROKER_UNFENCED), 1);
    struct k_create_topics_request_creatable_topic t = topic_named(S("a"), 2, 1);
    struct k_create_topics_request r;
    codec_default(K_MSG_CREATE_TOPICS_REQUEST, &r);
    r.topics = &t, r.topics_n = 1;
    (void)ask(K_API_CREATE_TOPICS, 7, &r);
    assert_int_equal(noted(NOTE_TOPIC_CREATED), 0);
    commit();
    assert_int_equal(noted(NOTE_TOPIC_CREATED), 1);
    assert_int_equal(noted(NOTE_PARTITION_CHANGE), 2);
    const struct note *n = w.env.notes.v[w.env.notes.n - 1];
    assert_slice(n->subject, "a-1");
    assert_slice(n->text, "replicas=1 isr=1 elr= last=");
}

static void
a_decision_that_is_lost_is_not_noted(void **state)
{
    (void)state;
    start_brokers(1);
    lose(1, 1);
    assert_int_equal(noted(NOTE_BROKER_FENCED), 1);
    int64_t end = w.log.n;
    struct k_broker_heartbeat_request r;
    codec_default(K_MSG_BROKER_HEARTBEAT_REQUEST, &r);
    r.broker_id = 1;
    r.broker_epoch = epoch_of(1);
    r.current_metadata_offset = end;
    (void)ask(K_API_BROKER_HEARTBEAT, 2, &r);
    assert_int_equal(w.log.n, end + 1);
    controller_resign(w.c);
    assert_int_equal(noted(NOTE_CONTROLLER_RESIGN), 1);
    assert_int_equal(noted(NOTE_BROKER_UNFENCED), 1);
}

#define NOTING_TEST(name) cmocka_unit_test_setup_teardown(name, begin_noting, world_end)

int
main(void)
{
    fixture_use();
    const struct CMUnitTest tests[] = {
        TEST(an_empty_log_gets_its_bootstrap_in_one_transaction),
        TEST(a_log_with_history_gets_no_bootstrap),
        TEST(the_checkpoint_of_a_format_does_not_spare_the_bootstrap),
        TEST(a_transaction_left_open_is_aborted),
        TEST(an_answer_waits_until_its_records_are_committed),
        TEST(an_answer_without_records_waits_for_what_it_rests_on),
        TEST(a_passive_controller_answers_that_it_is_not_the_one),
        TEST(resignation_answers_everything_that_waits),
        TEST(what_was_not_committed_is_not_there_for_the_next),
        TEST(a_log_that_takes_nothing_changes_nothing),
        TEST(a_cancelled_call_hears_nothing),
        TEST(an_idle_log_gets_a_record_now_and_then),
        NOTING_TEST(a_decision_is_noted_when_it_is_committed),
        NOTING_TEST(a_decision_that_is_lost_is_not_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
