/* What the controller does by itself: preferred leaders come back, unclean elections are held. */
#include "tests/unit/controller/fixture.h"

#define REBALANCE_MS 60000
#define UNCLEAN_MS 50000

static int
begin_with_duties(void **state)
{
    (void)state;
    struct controller_options o = usual_options;
    o.rebalance_interval_ms = REBALANCE_MS;
    o.unclean_interval_ms = UNCLEAN_MS;
    return world_begin_with(&o, false);
}

#define DUTY(name) cmocka_unit_test_setup_teardown(name, begin_with_duties, world_end)

/* Time passes while brokers 1 to n that are not fenced send their heartbeats. */
static void
live(int64_t ms, int32_t n)
{
    for (int64_t left = ms; left > 0; left -= 2000) {
        pass(left < 2000 ? left : 2000);
        for (int32_t id = 1; id <= n; id++) {
            const struct image_broker *b = image_broker(controller_image(w.c), id);
            if (b && !b->is_fenced) (void)beat(id);
        }
    }
    commit();
}

static void
join_isr(const struct image_partition *p, int32_t id)
{
    struct k_alter_partition_request r;
    struct k_alter_partition_request_topic_data topic = {.topic_id = p->topic->id};
    struct k_alter_partition_request_partition_data part;
    struct k_alter_partition_request_broker_state members[8];
    codec_default(K_MSG_ALTER_PARTITION_REQUEST, &r);
    codec_default_struct(K_STRUCT_ALTER_PARTITION_REQUEST_PARTITION_DATA, &part);
    r.broker_id = p->leader;
    r.broker_epoch = image_broker(controller_image(w.c), p->leader)->epoch;
    r.topics = &topic, r.topics_n = 1;
    topic.partitions = &part, topic.partitions_n = 1;
    part.partition_index = p->index;
    part.leader_epoch = p->leader_epoch;
    part.partition_epoch = p->partition_epoch;
    part.new_isr_with_epochs = members;
    for (int32_t i = 0; i <= p->isr.n; i++) {
        int32_t member = i < p->isr.n ? p->isr.v[i] : id;
        members[part.new_isr_with_epochs_n++] = (struct k_alter_partition_request_broker_state){
            member, image_broker(controller_image(w.c), member)->epoch};
    }
    const struct k_alter_partition_response *resp = answer_to(K_API_ALTER_PARTITION, 3, &r);
    assert_int_equal(resp->topics[0].partitions[0].error_code, K_ERR_NONE);
}

static int16_t
set_config(int8_t type, struct slice resource, const char *name, struct slice value)
{
    struct k_incremental_alter_configs_request r;
    struct k_incremental_alter_configs_request_alterable_config c = {slice_cstr(name), 0, value};
    struct k_incremental_alter_configs_request_alter_configs_resource res = {type, resource, &c, 1};
    codec_default(K_MSG_INCREMENTAL_ALTER_CONFIGS_REQUEST, &r);
    r.resources = &res, r.resources_n = 1;
    const struct k_incremental_alter_configs_response *resp =
        answer_to(K_API_INCREMENTAL_ALTER_CONFIGS, 1, &r);
    return resp->responses[0].error_code;
}

/* ---- preferred leaders ------------------------------------------------------------------------- */

/* Broker 1, the first replica, crashes, comes back, and is in sync again. */
static const struct image_partition *
led_by_another(void)
{
    start_brokers(3);
    const struct image_partition *p = create_t(S("1"), S("false"));
    assert_int_equal(p->leader, 1);
    lose(1, 3);
    assert_int_equal(p->leader, 2);
    start_broker(1);
    join_isr(p, 1);
    return p;
}

static void
a_leader_that_is_in_sync_again_leads_again(void **state)
{
    (void)state;
    const struct image_partition *p = led_by_another();
    int32_t epoch = p->leader_epoch;
    live(REBALANCE_MS, 3);
    assert_int_equal(p->leader, 1);
    assert_int_equal(p->leader_epoch, epoch + 1);
    assert_ids(p->isr, 2, 3, 1);
    int64_t end = w.log.n;
    live(3 * REBALANCE_MS, 3);
    assert_int_equal(w.log.n, end); /* nothing is done where nothing is to be done */
}

static void
it_takes_the_interval(void **state)
{
    (void)state;
    const struct image_partition *p = led_by_another();
    live(REBALANCE_MS - 45000, 3);
    assert_int_equal(p->leader, 2);
}

static void
whoever_is_not_in_sync_does_not_lead_again(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("1"), S("false"));
    lose(1, 3);
    start_broker(1);
    live(3 * REBALANCE_MS, 3);
    assert_int_equal(p->leader, 2);
    join_isr(p, 1);
    live(REBALANCE_MS, 3);
    assert_int_equal(p->leader, 1);
}

static void
whoever_is_on_its_way_out_does_not_lead_again(void **state)
{
    (void)state;
    const struct image_partition *p = led_by_another();
    (void)beat_with(1, w.log.n - 1, false, true);
    live(2 * REBALANCE_MS, 3);
    assert_int_equal(p->leader, 2);
}

static int
begin_without_rebalance(void **state)
{
    (void)state;
    struct controller_options o = usual_options;
    o.rebalance_interval_ms = -1;
    return world_begin_with(&o, false);
}

static void
it_can_be_turned_off(void **state)
{
    (void)state;
    const struct image_partition *p = led_by_another();
    live(20 * REBALANCE_MS, 3);
    assert_int_equal(p->leader, 2);
}

static void
a_new_controller_finds_them_too(void **state)
{
    (void)state;
    (void)led_by_another();
    controller_resign(w.c);
    live(2 * REBALANCE_MS, 0);
    activate();
    commit();
    const struct image_partition *p = image_partition(controller_image(w.c), S("t"), 0);
    assert_int_equal(p->leader, 2);
    live(REBALANCE_MS, 3);
    assert_int_equal(p->leader, 1);
}

static void
deleted_partitions_are_left_alone(void **state)
{
    (void)state;
    (void)led_by_another();
    struct k_delete_topics_request r;
    struct slice name = S("t");
    codec_default(K_MSG_DELETE_TOPICS_REQUEST, &r);
    r.timeout_ms = 1000;
    r.topic_names = &name, r.topic_names_n = 1;
    (void)answer_to(K_API_DELETE_TOPICS, 5, &r);
    int64_t end = w.log.n;
    live(2 * REBALANCE_MS, 3);
    assert_int_equal(w.log.n, end);
}

enum { MANY = 2500 };

static int32_t
led_by(int32_t id)
{
    const struct image_topic *t = image_topic(controller_image(w.c), S("many"));
    int32_t n = 0;
    for (int32_t i = 0; i < t->partitions_n; i++) n += t->partitions[i]->leader == id;
    return n;
}

static void
of_many_a_thousand_go_at_a_time(void **state)
{
    (void)state;
    start_brokers(2);
    static int32_t both[] = {1, 2};
    static struct k_create_topics_request_creatable_replica_assignment a[MANY];
    for (int32_t i = 0; i < MANY; i++)
        a[i] = (struct k_create_topics_request_creatable_replica_assignment){i, both, 2};
    struct k_create_topics_request_creatable_topic t = topic_named(S("many"), -1, -1);
    t.assignments = a, t.assignments_n = MANY;
    assert_int_equal(create(&t, 1)->topics[0].error_code, K_ERR_NONE);
    lose(1, 2);
    start_broker(1);
    for (int32_t i = 0; i < MANY; i++)
        join_isr(image_partition(controller_image(w.c), S("many"), i), 1);
    assert_int_equal(led_by(2), MANY);
    int64_t waited = 0;
    for (; led_by(1) == 0; waited += 5) {
        if (waited % 2000 == 0) (void)beat(1), (void)beat(2);
        pass(5);
    }
    assert_true(waited <= REBALANCE_MS);
    assert_int_equal(led_by(1), 1000);
    pass(100); /* the rest does not wait for the next interval */
    assert_int_equal(led_by(1), MANY);
}

/* ---- unclean elections ------------------------------------------------------------------------- */

/* Broker 2 was out of sync when broker 1, the last one in sync, went down; 2 lives. */
static const struct image_partition *
leaderless(void)
{
    start_brokers(3);
    const struct image_partition *p = create_t(S("1"), S("false"));
    lose(3, 3);
    lose(2, 3);
    lose(1, 3);
    assert_int_equal(register_as(2, 22, -1)->error_code, K_ERR_NONE);
    assert_false(beat(2)->is_fenced);
    assert_int_equal(p->leader, NO_LEADER);
    return p;
}

/* Without waiting for the interval. */
static void
leads_at_once(const struct image_partition *p, int32_t id)
{
    pass(1);
    commit();
    assert_int_equal(p->leader, id);
    assert_int_equal(p->recovery_state, RECOVERY_RECOVERING);
    assert_ids(p->isr, id);
}

static void
a_topic_that_allows_it_from_now_on_gets_a_leader(void **state)
{
    (void)state;
    const struct image_partition *p = leaderless();
    assert_int_equal(
        set_config(RESOURCE_TOPIC, S("t"), "unclean.leader.election.enable", S("true")), 0);
    leads_at_once(p, 2);
}

/* create_t() gives the topic a word of its own; taken back, the cluster's holds. */
static void
take_topics_word_back(void)
{
    struct k_incremental_alter_configs_request r;
    struct k_incremental_alter_configs_request_alterable_config c = {
        S("unclean.leader.election.enable"), 1, SLICE_NULL};
    struct k_incremental_alter_configs_request_alter_configs_resource res = {RESOURCE_TOPIC, S("t"),
                                                                             &c, 1};
    codec_default(K_MSG_INCREMENTAL_ALTER_CONFIGS_REQUEST, &r);
    r.resources = &res, r.resources_n = 1;
    (void)answer_to(K_API_INCREMENTAL_ALTER_CONFIGS, 1, &r);
}

static void
a_cluster_that_allows_it_from_now_on_gets_leaders(void **state)
{
    (void)state;
    const struct image_partition *p = leaderless();
    take_topics_word_back();
    pass(1);
    assert_int_equal(p->leader, NO_LEADER);
    assert_int_equal(
        set_config(RESOURCE_BROKER, SLICE_EMPTY, "unclean.leader.election.enable", S(" TRUE ")), 0);
    leads_at_once(p, 2);
}

static void
the_controllers_own_setting_counts_before_the_clusters(void **state)
{
    (void)state;
    const struct image_partition *p = leaderless();
    take_topics_word_back();
    struct k_controller_registration_request r;
    struct k_controller_registration_request_feature features[] = {
        {S("metadata.version"), 7, 33}, {S("eligible.leader.replicas.version"), 0, 1}};
    codec_default(K_MSG_CONTROLLER_REGISTRATION_REQUEST, &r);
    r.controller_id = usual_options.node_id;
    r.features = features, r.features_n = 2;
    (void)answer_to(K_API_CONTROLLER_REGISTRATION, 0, &r);
    const char *name = "unclean.leader.election.enable";
    assert_int_equal(set_config(RESOURCE_BROKER, S("101"), name, S("false")), 0);
    assert_int_equal(set_config(RESOURCE_BROKER, SLICE_EMPTY, name, S("true")), 0);
    live(2 * UNCLEAN_MS, 3);
    assert_int_equal(p->leader, NO_LEADER);
    assert_int_equal(set_config(RESOURCE_BROKER, S("101"), name, S("true")), 0);
    leads_at_once(p, 2);
}

static void
who_does_not_allow_it_waits(void **state)
{
    (void)state;
    const struct image_partition *p = leaderless();
    assert_int_equal(set_config(RESOURCE_TOPIC, S("t"), "retention.ms", S("7")), 0);
    live(3 * UNCLEAN_MS, 3);
    assert_int_equal(p->leader, NO_LEADER);
}

/* The static setting of a controller that has just become active is no change; the interval finds it. */
static void
the_interval_finds_what_no_change_told(void **state)
{
    (void)state;
    (void)leaderless();
    take_topics_word_back();
    controller_free(w.c);
    w.options.unclean_leader_election = true;
    w.c = controller_new(&w.env, &w.options, &world_ops, &w);
    activate();
    commit();
    const struct image_partition *p = image_partition(controller_image(w.c), S("t"), 0);
    live(UNCLEAN_MS - 5000, 3);
    assert_int_equal(p->leader, NO_LEADER);
    live(5000, 3);
    assert_int_equal(p->leader, 2);
}

int
main(void)
{
    fixture_use();
    const struct CMUnitTest tests[] = {
        DUTY(a_leader_that_is_in_sync_again_leads_again),
        DUTY(it_takes_the_interval),
        DUTY(whoever_is_not_in_sync_does_not_lead_again),
        DUTY(whoever_is_on_its_way_out_does_not_lead_again),
        cmocka_unit_test_setup_teardown(it_can_be_turned_off, begin_without_rebalance, world_end),
        DUTY(a_new_controller_finds_them_too),
        DUTY(deleted_partitions_are_left_alone),
        DUTY(of_many_a_thousand_go_at_a_time),
        DUTY(a_topic_that_allows_it_from_now_on_gets_a_leader),
        DUTY(a_cluster_that_allows_it_from_now_on_gets_leaders),
        DUTY(the_controllers_own_setting_counts_before_the_clusters),
        DUTY(who_does_not_allow_it_waits),
        DUTY(the_interval_finds_what_no_change_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
