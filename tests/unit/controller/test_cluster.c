#include "tests/unit/controller/fixture.h"

/* ---- producer ids ------------------------------------------------------------------------------ */

static const struct k_allocate_producer_ids_response *
allocate(int32_t id, int64_t epoch)
{
    struct k_allocate_producer_ids_request r;
    codec_default(K_MSG_ALLOCATE_PRODUCER_IDS_REQUEST, &r);
    r.broker_id = id;
    r.broker_epoch = epoch;
    return answer_to(K_API_ALLOCATE_PRODUCER_IDS, 0, &r);
}

static int64_t
epoch_of(int32_t id)
{
    return image_broker(controller_image(w.c), id)->epoch;
}

static void
producer_ids_come_in_blocks_that_never_overlap(void **state)
{
    (void)state;
    start_brokers(2);
    assert_int_equal(allocate(1, epoch_of(1))->producer_id_start, 0);
    assert_int_equal(allocate(2, epoch_of(2))->producer_id_start, 1000);
    controller_resign(w.c);
    activate();
    const struct k_allocate_producer_ids_response *r = allocate(1, epoch_of(1));
    assert_int_equal(r->producer_id_start, 2000);
    assert_int_equal(r->producer_id_len, 1000);
    assert_int_equal(w.committed.next_producer_id, 3000);
    assert_int_equal(allocate(1, epoch_of(1) - 1)->error_code, K_ERR_STALE_BROKER_EPOCH);
    assert_int_equal(allocate(7, 0)->error_code, K_ERR_STALE_BROKER_EPOCH);
}

/* ---- controllers ------------------------------------------------------------------------------- */

static void
a_controller_registers_its_endpoints(void **state)
{
    (void)state;
    activate();
    struct k_controller_registration_request r;
    struct k_controller_registration_request_listener l = {S("CONTROLLER"), S("k1"), 9093, 0};
    struct k_controller_registration_request_feature f[] = {
        {S("metadata.version"), 7, 33}, {S("eligible.leader.replicas.version"), 0, 1}};
    codec_default(K_MSG_CONTROLLER_REGISTRATION_REQUEST, &r);
    r.controller_id = 101;
    r.listeners = &l, r.listeners_n = 1;
    r.features = f, r.features_n = 2;
    const struct k_controller_registration_response *resp =
        answer_to(K_API_CONTROLLER_REGISTRATION, 0, &r);
    assert_int_equal(resp->error_code, K_ERR_NONE);
    assert_slice(image_controller(&w.committed, 101)->endpoints[0].host, "k1");
    r.features_n = 1;
    resp = answer_to(K_API_CONTROLLER_REGISTRATION, 0, &r);
    assert_int_equal(resp->error_code, K_ERR_UNSUPPORTED_VERSION);
    assert_slice(resp->error_message,
                 "eligible.leader.replicas.version is finalised at level 1, it supports none");
}

/* ---- features ---------------------------------------------------------------------------------- */

static const struct k_update_features_response *
update(struct slice name, int16_t level, int8_t type, bool validate_only)
{
    struct k_update_features_request r;
    struct k_update_features_request_feature_update_key u;
    codec_default(K_MSG_UPDATE_FEATURES_REQUEST, &r);
    codec_default_struct(K_STRUCT_UPDATE_FEATURES_REQUEST_FEATURE_UPDATE_KEY, &u);
    u.feature = name;
    u.max_version_level = level;
    u.upgrade_type = type;
    r.feature_updates = &u, r.feature_updates_n = 1;
    r.validate_only = validate_only;
    return answer_to(K_API_UPDATE_FEATURES, 1, &r);
}

static void
features_move_within_what_everybody_can(void **state)
{
    (void)state;
    start_brokers(1);
    struct slice elr = S("eligible.leader.replicas.version");
    assert_int_equal(update(S("metadata.version"), 34, 1, false)->error_code,
                     K_ERR_INVALID_UPDATE_VERSION);
    assert_int_equal(update(S("no.such"), 1, 1, false)->error_code, K_ERR_INVALID_UPDATE_VERSION);
    assert_int_equal(update(elr, -1, 1, false)->error_code, K_ERR_INVALID_UPDATE_VERSION);
    const struct k_update_features_response *r = update(elr, 0, 1, false);
    assert_int_equal(r->error_code, K_ERR_INVALID_UPDATE_VERSION);
    assert_int_equal(r->results[0].error_code, K_ERR_INVALID_UPDATE_VERSION);
    assert_int_equal(update(elr, 0, 2, true)->error_code, K_ERR_NONE);
    assert_int_equal(image_feature_level(&w.committed, elr), 1);
    assert_int_equal(update(elr, 0, 2, false)->error_code, K_ERR_NONE);
    assert_int_equal(image_feature_level(&w.committed, elr), 0);
    assert_int_equal(update(elr, 1, 1, false)->error_code, K_ERR_NONE);
    assert_int_equal(image_feature_level(&w.committed, elr), 1);
}

static void
a_level_that_a_broker_cannot_is_refused(void **state)
{
    (void)state;
    controller_free(w.c);
    const struct controller_feature features[] = {
        {S("metadata.version"), 33, 7, 33},
        {S("eligible.leader.replicas.version"), 1, 0, 1},
        {S("group.version"), 0, 0, 1},
    };
    w.options.features = features;
    w.options.features_n = 3;
    w.c = controller_new(&w.env, &w.options, &world_ops, &w);
    start_brokers(1);
    assert_int_equal(image_feature_level(&w.committed, S("group.version")), 0);
    assert_int_equal(update(S("group.version"), 1, 1, false)->error_code,
                     K_ERR_INVALID_UPDATE_VERSION);
}

static void
without_elr_nothing_is_eligible_any_more(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("2"), S("false"));
    lose(3, 3), lose(2, 3);
    assert_ids(p->elr, 2);
    (void)update(S("eligible.leader.replicas.version"), 0, 2, false);
    assert_no_ids(p->elr);
    lose(1, 3);
    assert_ids(p->isr, 1);
}

/* ---- failover ---------------------------------------------------------------------------------- */

/* Whatever the first had decided and committed, the second goes on from. */
static void
a_successor_decides_on_what_was_committed(void **state)
{
    (void)state;
    start_brokers(3);
    (void)create_t(S("2"), S("false"));
    lose(3, 3);
    /* The first fences broker 1; this does not reach a majority. */
    int64_t end = w.log.n;
    pass(SESSION_MS / 2);
    (void)beat(2);
    pass(SESSION_MS / 2 + 1);
    assert_true(w.log.n > end);
    assert_int_equal(image_partition(controller_image(w.c), S("t"), 0)->leader, 2);
    controller_resign(w.c);
    while (w.log.n > end) mem_free_slice(&w.env.mem, w.log.v[--w.log.n]);
    activate();
    const struct image_partition *p = image_partition(controller_image(w.c), S("t"), 0);
    assert_int_equal(p->leader, 1);
    assert_ids(p->isr, 1, 2);
    assert_false(image_broker(controller_image(w.c), 1)->is_fenced);
    (void)beat(1);
    (void)beat(2);
    lose(1, 3);
    assert_int_equal(p->leader, 2);
    assert_ids(p->isr, 2);
    assert_ids(p->elr, 1);
}

/* What was in flight when leadership was lost may come to be committed all the same. */
static void
a_successor_takes_over_what_was_in_flight(void **state)
{
    (void)state;
    start_brokers(3);
    (void)create_t(S("2"), S("false"));
    pass(SESSION_MS);
    assert_int_equal(image_partition(controller_image(w.c), S("t"), 0)->leader, NO_LEADER);
    controller_resign(w.c);
    commit();
    activate();
    const struct image_partition *p = image_partition(controller_image(w.c), S("t"), 0);
    assert_int_equal(p->leader, NO_LEADER);
    assert_int_equal(p->elr.n, 2);
    (void)register_as(2, 92, epoch_of(2));
    (void)beat(2);
    (void)register_as(3, 93, epoch_of(3));
    (void)beat(3);
    assert_true(p->leader == 2 || p->leader == 3);
}

int
main(void)
{
    fixture_use();
    const struct CMUnitTest tests[] = {
        TEST(producer_ids_come_in_blocks_that_never_overlap),
        TEST(a_controller_registers_its_endpoints),
        TEST(features_move_within_what_everybody_can),
        TEST(a_level_that_a_broker_cannot_is_refused),
        TEST(without_elr_nothing_is_eligible_any_more),
        TEST(a_successor_decides_on_what_was_committed),
        TEST(a_successor_takes_over_what_was_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
