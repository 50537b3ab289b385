#include "tests/unit/controller/fixture.h"

static const struct image_broker *
broker(int32_t id)
{
    return image_broker(controller_image(w.c), id);
}

/* ---- registration ------------------------------------------------------------------------------ */

static struct k_broker_registration_request
request_of(int32_t id)
{
    static struct k_broker_registration_request_listener listener;
    static struct k_broker_registration_request_feature features[2];
    static struct uuid dirs[2];
    struct k_broker_registration_request r;
    codec_default(K_MSG_BROKER_REGISTRATION_REQUEST, &r);
    listener = (struct k_broker_registration_request_listener){S("PLAINTEXT"), S("h"), 9092, 0};
    features[0] = (struct k_broker_registration_request_feature){S("metadata.version"), 7, 33};
    features[1] =
        (struct k_broker_registration_request_feature){S("eligible.leader.replicas.version"), 0, 1};
    dirs[0] = (struct uuid){{(uint8_t)id, 1}}, dirs[1] = (struct uuid){{(uint8_t)id, 2}};
    r.broker_id = id;
    r.cluster_id = S("cluster");
    r.incarnation_id = (struct uuid){{77}};
    r.listeners = &listener, r.listeners_n = 1;
    r.features = features, r.features_n = 2;
    r.log_dirs = dirs, r.log_dirs_n = 1;
    return r;
}

static int16_t
error_of(const struct k_broker_registration_request *r)
{
    const struct k_broker_registration_response *resp = answer_to(K_API_BROKER_REGISTRATION, 4, r);
    return resp->error_code;
}

static void
a_new_broker_is_fenced_under_the_offset_of_its_record(void **state)
{
    (void)state;
    activate();
    commit();
    int64_t end = w.log.n;
    assert_int_equal(register_as(1, 10, -1)->broker_epoch, end);
    assert_int_equal(broker(1)->epoch, end);
    assert_true(broker(1)->is_fenced);
    assert_int_equal(broker(1)->endpoints[0].port, 9092);
}

static void
registrations_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    start_brokers(1);
    struct k_broker_registration_request r = request_of(2);
    r.cluster_id = S("other");
    assert_int_equal(error_of(&r), K_ERR_INCONSISTENT_CLUSTER_ID);
    r = request_of(2);
    r.is_migrating_zk_broker = true;
    assert_int_equal(error_of(&r), K_ERR_BROKER_ID_NOT_REGISTERED);
    r = request_of(2);
    r.features_n = 1;
    assert_int_equal(error_of(&r), K_ERR_UNSUPPORTED_VERSION);
    r = request_of(2);
    r.features[0].max_supported_version = 32;
    assert_int_equal(error_of(&r), K_ERR_UNSUPPORTED_VERSION);
    assert_null(broker(2));
    r = request_of(2);
    assert_int_equal(error_of(&r), K_ERR_NONE);
}

static int
begin_with_notes(void **state)
{
    (void)state;
    return world_begin_with(&usual_options, true);
}

static bool
is_told(struct slice text)
{
    for (int64_t i = 0; i < w.env.notes.n; i++) {
        const struct note *n = w.env.notes.v[i];
        if (n->kind == NOTE_LOG_MESSAGE && slice_eq(n->text, text)) return true;
    }
    return false;
}

/* The answer has a code only: whoever starts an old broker finds the reason in the controller's log. */
static void
a_refusal_names_the_feature_that_does_not_fit(void **state)
{
    (void)state;
    start_brokers(1);
    struct k_broker_registration_request r = request_of(2);
    r.features[0].max_supported_version = 32;
    assert_int_equal(error_of(&r), K_ERR_UNSUPPORTED_VERSION);
    assert_true(
        is_told(S("the registration of broker 2 is refused: metadata.version is finalised at "
                  "level 33, it supports 7 to 32")));
    r = request_of(3);
    r.features_n = 1;
    assert_int_equal(error_of(&r), K_ERR_UNSUPPORTED_VERSION);
    assert_true(
        is_told(S("the registration of broker 3 is refused: eligible.leader.replicas.version "
                  "is finalised at level 1, it supports none")));
}

static void
log_directories_are_named_uniquely(void **state)
{
    (void)state;
    start_brokers(1);
    struct k_broker_registration_request r = request_of(2);
    r.log_dirs_n = 0;
    assert_int_equal(error_of(&r), K_ERR_INVALID_REGISTRATION);
    r = request_of(2);
    r.log_dirs[0] = UUID_ZERO;
    assert_int_equal(error_of(&r), K_ERR_INVALID_REGISTRATION);
    r = request_of(2);
    r.log_dirs[1] = r.log_dirs[0], r.log_dirs_n = 2;
    assert_int_equal(error_of(&r), K_ERR_INVALID_REGISTRATION);
    r = request_of(2);
    r.log_dirs[0] = broker(1)->log_dirs[0];
    assert_int_equal(error_of(&r), K_ERR_INVALID_REGISTRATION);
}

static void
a_second_process_is_refused_while_the_first_has_its_session(void **state)
{
    (void)state;
    start_brokers(1);
    int64_t epoch = broker(1)->epoch;
    pass(SESSION_MS - 1);
    assert_int_equal(register_as(1, 99, -1)->error_code, K_ERR_DUPLICATE_BROKER_REGISTRATION);
    assert_int_equal(broker(1)->epoch, epoch);
    pass(1);
    commit();
    const struct k_broker_registration_response *r = register_as(1, 99, epoch);
    assert_int_equal(r->error_code, K_ERR_NONE);
    assert_true(r->broker_epoch > epoch);
}

static void
the_controllers_own_broker_need_not_wait_for_a_session_that_was_only_granted(void **state)
{
    (void)state;
    start_brokers(1);
    commit();
    int64_t epoch = broker(1)->epoch;
    controller_has_own_broker(w.c, (struct uuid){{99}});
    assert_int_equal(register_as(1, 99, -1)->error_code, K_ERR_DUPLICATE_BROKER_REGISTRATION);
    controller_resign(w.c);
    activate();
    commit();
    assert_int_equal(register_as(1, 98, -1)->error_code, K_ERR_DUPLICATE_BROKER_REGISTRATION);
    assert_int_equal(register_as(1, 99, -1)->error_code, K_ERR_NONE);
    assert_true(broker(1)->epoch > epoch);
}

static void
the_same_process_may_register_again_under_its_epoch(void **state)
{
    (void)state;
    start_brokers(1);
    int64_t epoch = broker(1)->epoch;
    assert_int_equal(register_as(1, 10, -1)->broker_epoch, epoch);
    assert_false(broker(1)->is_fenced);
}

/* ---- heartbeats -------------------------------------------------------------------------------- */

static void
a_heartbeat_under_another_epoch_is_stale(void **state)
{
    (void)state;
    start_brokers(1);
    struct k_broker_heartbeat_request r;
    codec_default(K_MSG_BROKER_HEARTBEAT_REQUEST, &r);
    r.broker_id = 1;
    r.broker_epoch = broker(1)->epoch - 1;
    const struct k_broker_heartbeat_response *resp = answer_to(K_API_BROKER_HEARTBEAT, 2, &r);
    assert_int_equal(resp->error_code, K_ERR_STALE_BROKER_EPOCH);
    r.broker_id = 2;
    resp = answer_to(K_API_BROKER_HEARTBEAT, 2, &r);
    assert_int_equal(resp->error_code, K_ERR_STALE_BROKER_EPOCH);
}

static void
a_broker_is_unfenced_when_it_has_read_its_registration(void **state)
{
    (void)state;
    activate();
    commit();
    (void)register_as(1, 10, -1);
    const struct k_broker_heartbeat_response *r =
        beat_with(1, broker(1)->registered_offset - 1, false, false);
    assert_true(r->is_fenced);
    assert_false(r->is_caught_up);
    r = beat_with(1, broker(1)->registered_offset, true, false);
    assert_true(r->is_fenced);
    assert_true(r->is_caught_up);
    r = beat_with(1, broker(1)->registered_offset, false, false);
    assert_false(r->is_fenced);
    assert_true(image_broker_is_active(&w.committed, 1));
}

static void
a_quiet_broker_is_fenced_after_its_session(void **state)
{
    (void)state;
    start_brokers(2);
    pass(SESSION_MS - 1);
    assert_false(broker(1)->is_fenced);
    (void)beat(2);
    pass(1);
    assert_true(broker(1)->is_fenced);
    assert_false(broker(2)->is_fenced);
    pass(SESSION_MS - 2);
    assert_false(broker(2)->is_fenced);
    pass(1);
    assert_true(broker(2)->is_fenced);
}

static void
a_new_controller_grants_fresh_sessions(void **state)
{
    (void)state;
    start_brokers(1);
    pass(SESSION_MS - 1);
    controller_resign(w.c);
    pass(SESSION_MS);
    activate();
    pass(SESSION_MS - 1);
    assert_false(broker(1)->is_fenced);
    pass(1);
    assert_true(broker(1)->is_fenced);
}

static void
a_log_that_is_full_only_delays_the_fencing(void **state)
{
    (void)state;
    start_brokers(1);
    w.refuses = true;
    pass(SESSION_MS);
    assert_false(broker(1)->is_fenced);
    w.refuses = false;
    pass(SESSION_MS / 5);
    assert_true(broker(1)->is_fenced);
}

/* ---- what it means for partitions -------------------------------------------------------------- */

static void
fencing_moves_leaders_and_shrinks_isrs(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("1"), S("false"));
    assert_int_equal(p->leader, 1);
    lose(1, 3);
    assert_int_equal(p->leader, 2);
    assert_int_equal(p->leader_epoch, 1);
    assert_ids(p->isr, 2, 3);
    assert_ids(p->replicas, 1, 2, 3);
    assert_no_ids(p->elr);
    lose(3, 3);
    assert_int_equal(p->leader, 2);
    assert_int_equal(p->leader_epoch, 1);
    assert_ids(p->isr, 2);
}

static void
the_elr_keeps_who_left_below_the_minimum(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("2"), S("false"));
    lose(3, 3);
    assert_ids(p->isr, 1, 2);
    assert_no_ids(p->elr);
    lose(2, 3);
    assert_ids(p->isr, 1);
    assert_ids(p->elr, 2);
    lose(1, 3);
    assert_no_ids(p->isr);
    assert_ids(p->elr, 1, 2);
    assert_ids(p->last_known_elr, 1);
    assert_int_equal(p->leader, NO_LEADER);
    /* Broker 3 was out of sync before: it may not lead. */
    (void)register_as(3, 93, -1);
    (void)beat(3);
    assert_int_equal(p->leader, NO_LEADER);
    /* Broker 2 ended in order: it had everything. */
    (void)register_as(2, 92, broker(2)->epoch);
    assert_ids(p->elr, 1, 2);
    (void)beat(2);
    assert_int_equal(p->leader, 2);
    assert_ids(p->isr, 2);
    assert_ids(p->elr, 1);
    assert_no_ids(p->last_known_elr);
    assert_int_equal(p->recovery_state, RECOVERY_RECOVERED);
}

static void
an_unclean_restart_leaves_the_elr(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("2"), S("false"));
    lose(3, 3), lose(2, 3), lose(1, 3);
    assert_ids(p->elr, 1, 2);
    (void)register_as(1, 91, -1);
    assert_ids(p->elr, 2);
    (void)beat(1);
    assert_int_equal(p->leader, NO_LEADER);
    (void)register_as(2, 92, -1);
    assert_no_ids(p->elr);
    /* Nobody is complete any more; the last leader comes nearest, and it is alive. */
    assert_int_equal(p->leader, 1);
    assert_ids(p->isr, 1);
    assert_int_equal(p->recovery_state, RECOVERY_RECOVERING);
}

static void
a_single_node_leads_again_after_a_kill(void **state)
{
    (void)state;
    start_brokers(1);
    struct k_create_topics_request_creatable_topic t = topic_named(S("t"), 1, 1);
    (void)create(&t, 1);
    const struct image_partition *p = image_partition(controller_image(w.c), S("t"), 0);
    lose(1, 1);
    assert_no_ids(p->isr);
    assert_ids(p->elr, 1);
    (void)register_as(1, 11, -1);
    assert_no_ids(p->elr);
    (void)beat(1);
    assert_int_equal(p->leader, 1);
    assert_ids(p->isr, 1);
    assert_no_ids(p->last_known_elr);
}

static int
begin_without_elr(void **state)
{
    (void)state;
    struct controller_options o = usual_options;
    o.elr_off = true;
    return world_begin_with(&o, false);
}

static void
without_elr_the_last_replica_stays_in_the_isr(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("2"), S("false"));
    lose(3, 3), lose(2, 3), lose(1, 3);
    assert_ids(p->isr, 1);
    assert_no_ids(p->elr);
    assert_int_equal(p->leader, NO_LEADER);
    (void)register_as(1, 91, -1);
    (void)beat(1);
    assert_int_equal(p->leader, 1);
}

static void
unclean_election_takes_whoever_lives(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("1"), S("true"));
    lose(3, 3), lose(2, 3);
    (void)register_as(3, 93, broker(3)->epoch);
    (void)beat(3);
    assert_ids(p->isr, 1);
    lose(1, 3);
    assert_int_equal(p->leader, 3);
    assert_ids(p->isr, 3);
    assert_no_ids(p->elr);
    assert_int_equal(p->recovery_state, RECOVERY_RECOVERING);
}

/* What was eligible had more than this leader; it is no leader for its log any more. */
static void
unclean_election_empties_the_elr(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("2"), S("true"));
    lose(3, 3), lose(2, 3);
    (void)register_as(3, 93, broker(3)->epoch);
    (void)beat(3);
    assert_ids(p->elr, 2);
    lose(1, 3);
    assert_int_equal(p->leader, 3);
    assert_ids(p->isr, 3);
    assert_no_ids(p->elr);
    assert_no_ids(p->last_known_elr);
}

/* ---- controlled shutdown ----------------------------------------------------------------------- */

static void
a_broker_that_leads_hands_over_before_it_goes(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("1"), S("false"));
    const struct k_broker_heartbeat_response *r = beat_with(1, w.log.n - 1, false, true);
    assert_false(r->should_shut_down);
    assert_false(r->is_fenced);
    assert_int_equal(p->leader, 2);
    assert_ids(p->isr, 2, 3);
    assert_false(image_broker_is_active(&w.committed, 1));
    /* The others do not know yet. */
    assert_false(beat_with(1, w.log.n - 1, false, true)->should_shut_down);
    (void)beat(2);
    assert_false(beat_with(1, w.log.n - 1, false, true)->should_shut_down);
    (void)beat(3);
    r = beat_with(1, w.log.n - 1, false, true);
    assert_true(r->should_shut_down);
    assert_true(broker(1)->is_fenced);
}

static void
a_stopping_broker_may_be_replaced_at_once(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("1"), S("false"));
    int64_t epoch = broker(1)->epoch;
    (void)beat_with(1, w.log.n - 1, false, true);
    assert_int_equal(register_as(1, 91, epoch)->error_code, K_ERR_NONE);
    assert_false(broker(1)->in_controlled_shutdown);
    assert_int_equal(p->leader, 2);
}

static void
the_last_broker_may_go_too(void **state)
{
    (void)state;
    start_brokers(1);
    struct k_create_topics_request_creatable_topic t = topic_named(S("t"), 1, 1);
    (void)create(&t, 1);
    const struct image_partition *p = image_partition(controller_image(w.c), S("t"), 0);
    int64_t epoch = broker(1)->epoch;
    assert_false(beat_with(1, w.log.n - 1, false, true)->should_shut_down);
    assert_ids(p->elr, 1);
    assert_int_equal(p->leader, NO_LEADER);
    assert_true(beat_with(1, w.log.n - 1, false, true)->should_shut_down);
    (void)register_as(1, 91, epoch);
    assert_ids(p->elr, 1);
    (void)beat(1);
    assert_int_equal(p->leader, 1);
    assert_int_equal(p->recovery_state, RECOVERY_RECOVERED);
}

/* ---- the end ----------------------------------------------------------------------------------- */

static void
unregistering_fences_first(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("1"), S("false"));
    struct k_unregister_broker_request r;
    codec_default(K_MSG_UNREGISTER_BROKER_REQUEST, &r);
    r.broker_id = 1;
    const struct k_unregister_broker_response *resp = answer_to(K_API_UNREGISTER_BROKER, 0, &r);
    assert_int_equal(resp->error_code, K_ERR_NONE);
    assert_null(broker(1));
    assert_int_equal(p->leader, 2);
    resp = answer_to(K_API_UNREGISTER_BROKER, 0, &r);
    assert_int_equal(resp->error_code, K_ERR_BROKER_ID_NOT_REGISTERED);
    assert_slice(resp->error_message, "Broker ID 1 is not currently registered");
    pass(3 * SESSION_MS);
}

#define TEST_WITHOUT_ELR(name) cmocka_unit_test_setup_teardown(name, begin_without_elr, world_end)

int
main(void)
{
    fixture_use();
    const struct CMUnitTest tests[] = {
        TEST(a_new_broker_is_fenced_under_the_offset_of_its_record),
        TEST(registrations_that_do_not_fit_are_refused),
        cmocka_unit_test_setup_teardown(a_refusal_names_the_feature_that_does_not_fit,
                                        begin_with_notes, world_end),
        TEST(log_directories_are_named_uniquely),
        TEST(a_second_process_is_refused_while_the_first_has_its_session),
        TEST(the_controllers_own_broker_need_not_wait_for_a_session_that_was_only_granted),
        TEST(the_same_process_may_register_again_under_its_epoch),
        TEST(a_heartbeat_under_another_epoch_is_stale),
        TEST(a_broker_is_unfenced_when_it_has_read_its_registration),
        TEST(a_quiet_broker_is_fenced_after_its_session),
        TEST(a_new_controller_grants_fresh_sessions),
        TEST(a_log_that_is_full_only_delays_the_fencing),
        TEST(fencing_moves_leaders_and_shrinks_isrs),
        TEST(the_elr_keeps_who_left_below_the_minimum),
        TEST(an_unclean_restart_leaves_the_elr),
        TEST(a_single_node_leads_again_after_a_kill),
        TEST_WITHOUT_ELR(without_elr_the_last_replica_stays_in_the_isr),
        TEST(unclean_election_takes_whoever_lives),
        TEST(unclean_election_empties_the_elr),
        TEST(a_broker_that_leads_hands_over_before_it_goes),
        TEST(a_stopping_broker_may_be_replaced_at_once),
        TEST(the_last_broker_may_go_too),
        TEST(unregistering_fences_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
