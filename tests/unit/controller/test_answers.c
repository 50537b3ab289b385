/* Said before it is so? No answer of the controller goes out before a majority has its records; and what
 * it says in the answer is what the committed image then has. One row for each API. */
#include "tests/unit/controller/fixture.h"

static int64_t
epoch_of(int32_t id)
{
    return image_broker(controller_image(w.c), id)->epoch;
}

/* Each asks for something that takes a record. */
struct row {
    const char *name;
    struct reply *(*ask)(void);
    bool (*is_so)(void); /* in what is committed */
};

static const struct image_partition *
committed_t(void)
{
    return image_partition(&w.committed, S("t"), 0);
}

/* ---- brokers and controllers ---- */

static struct reply *
ask_registration(void)
{
    static struct uuid dir = {{9, 9}};
    struct k_broker_registration_request r;
    struct k_broker_registration_request_listener listener = {S("PLAINTEXT"), S("host"), 9092, 0};
    struct k_broker_registration_request_feature features[] = {
        {S("metadata.version"), 7, 33},
        {S("eligible.leader.replicas.version"), 0, 1},
    };
    codec_default(K_MSG_BROKER_REGISTRATION_REQUEST, &r);
    r.broker_id = 9;
    r.cluster_id = S("cluster");
    r.incarnation_id = (struct uuid){{99}};
    r.listeners = &listener, r.listeners_n = 1;
    r.features = features, r.features_n = 2;
    r.log_dirs = &dir, r.log_dirs_n = 1;
    return ask(K_API_BROKER_REGISTRATION, 4, &r);
}

static bool
is_registered(void)
{
    return image_broker(&w.committed, 9) != NULL;
}

static struct reply *
ask_fence(void)
{
    struct k_broker_heartbeat_request r;
    codec_default(K_MSG_BROKER_HEARTBEAT_REQUEST, &r);
    r.broker_id = 3;
    r.broker_epoch = epoch_of(3);
    r.current_metadata_offset = w.log.n - 1;
    r.want_fence = true;
    return ask(K_API_BROKER_HEARTBEAT, 2, &r);
}

static bool
is_fenced(void)
{
    return image_broker(&w.committed, 3)->is_fenced;
}

static struct reply *
ask_unregister(void)
{
    struct k_unregister_broker_request r;
    codec_default(K_MSG_UNREGISTER_BROKER_REQUEST, &r);
    r.broker_id = 3;
    return ask(K_API_UNREGISTER_BROKER, 0, &r);
}

static bool
is_unregistered(void)
{
    return image_broker(&w.committed, 3) == NULL && !ids_has(committed_t()->isr, 3);
}

static struct reply *
ask_controller(void)
{
    struct k_controller_registration_request r;
    struct k_controller_registration_request_feature features[] = {
        {S("metadata.version"), 7, 33},
        {S("eligible.leader.replicas.version"), 0, 1},
    };
    codec_default(K_MSG_CONTROLLER_REGISTRATION_REQUEST, &r);
    r.controller_id = 102;
    r.features = features, r.features_n = 2;
    return ask(K_API_CONTROLLER_REGISTRATION, 0, &r);
}

static bool
has_controller(void)
{
    return image_controller(&w.committed, 102) != NULL;
}

static struct reply *
ask_producer_ids(void)
{
    struct k_allocate_producer_ids_request r;
    codec_default(K_MSG_ALLOCATE_PRODUCER_IDS_REQUEST, &r);
    r.broker_id = 1;
    r.broker_epoch = epoch_of(1);
    return ask(K_API_ALLOCATE_PRODUCER_IDS, 0, &r);
}

static bool
are_taken(void)
{
    return w.committed.next_producer_id == 1000;
}

static struct reply *
ask_features(void)
{
    struct k_update_features_request r;
    struct k_update_features_request_feature_update_key u = {
        .feature = S("eligible.leader.replicas.version"),
        .max_version_level = 0,
        .upgrade_type = 2};
    codec_default(K_MSG_UPDATE_FEATURES_REQUEST, &r);
    r.feature_updates = &u, r.feature_updates_n = 1;
    return ask(K_API_UPDATE_FEATURES, 1, &r);
}

static bool
is_downgraded(void)
{
    return image_feature_level(&w.committed, S("eligible.leader.replicas.version")) == 0;
}

/* ---- topics ---- */

static struct reply *
ask_create(void)
{
    struct k_create_topics_request r;
    struct k_create_topics_request_creatable_topic t = topic_named(S("new"), 2, 3);
    codec_default(K_MSG_CREATE_TOPICS_REQUEST, &r);
    r.topics = &t, r.topics_n = 1;
    return ask(K_API_CREATE_TOPICS, 7, &r);
}

static bool
is_created(void)
{
    const struct image_topic *t = image_topic(&w.committed, S("new"));
    return t && t->partitions_n == 2;
}

static struct reply *
ask_delete(void)
{
    struct k_delete_topics_request r;
    struct slice name = S("t");
    codec_default(K_MSG_DELETE_TOPICS_REQUEST, &r);
    r.timeout_ms = 1000;
    r.topic_names = &name, r.topic_names_n = 1;
    return ask(K_API_DELETE_TOPICS, 5, &r);
}

static bool
is_deleted(void)
{
    return image_topic(&w.committed, S("t")) == NULL;
}

static struct reply *
ask_grow(void)
{
    struct k_create_partitions_request r;
    struct k_create_partitions_request_create_partitions_topic t;
    codec_default(K_MSG_CREATE_PARTITIONS_REQUEST, &r);
    codec_default_struct(K_STRUCT_CREATE_PARTITIONS_REQUEST_CREATE_PARTITIONS_TOPIC, &t);
    t.name = S("t");
    t.count = 4;
    t.assignments_n = -1;
    r.timeout_ms = 1000;
    r.topics = &t, r.topics_n = 1;
    return ask(K_API_CREATE_PARTITIONS, 3, &r);
}

static bool
has_grown(void)
{
    return image_topic(&w.committed, S("t"))->partitions_n == 4;
}

static struct reply *
ask_incremental(void)
{
    struct k_incremental_alter_configs_request r;
    struct k_incremental_alter_configs_request_alterable_config c = {S("retention.ms"), 0, S("7")};
    struct k_incremental_alter_configs_request_alter_configs_resource res = {RESOURCE_TOPIC, S("t"),
                                                                             &c, 1};
    codec_default(K_MSG_INCREMENTAL_ALTER_CONFIGS_REQUEST, &r);
    r.resources = &res, r.resources_n = 1;
    return ask(K_API_INCREMENTAL_ALTER_CONFIGS, 1, &r);
}

static struct reply *
ask_alter(void)
{
    struct k_alter_configs_request r;
    struct k_alter_configs_request_alterable_config c = {S("retention.ms"), S("7")};
    struct k_alter_configs_request_alter_configs_resource res = {RESOURCE_TOPIC, S("t"), &c, 1};
    codec_default(K_MSG_ALTER_CONFIGS_REQUEST, &r);
    r.resources = &res, r.resources_n = 1;
    return ask(K_API_ALTER_CONFIGS, 2, &r);
}

static bool
is_set(void)
{
    return slice_eq(image_config_value(&w.committed, RESOURCE_TOPIC, S("t"), S("retention.ms")),
                    S("7"));
}

/* ---- partitions ---- */

static struct reply *
ask_isr(void)
{
    const struct image_partition *p = image_partition(controller_image(w.c), S("t"), 0);
    struct k_alter_partition_request r;
    struct k_alter_partition_request_topic_data topic = {.topic_id = p->topic->id};
    struct k_alter_partition_request_partition_data part;
    struct k_alter_partition_request_broker_state members[] = {{1, epoch_of(1)}, {2, epoch_of(2)}};
    codec_default(K_MSG_ALTER_PARTITION_REQUEST, &r);
    codec_default_struct(K_STRUCT_ALTER_PARTITION_REQUEST_PARTITION_DATA, &part);
    r.broker_id = 1;
    r.broker_epoch = epoch_of(1);
    r.topics = &topic, r.topics_n = 1;
    topic.partitions = &part, topic.partitions_n = 1;
    part.leader_epoch = p->leader_epoch;
    part.partition_epoch = p->partition_epoch;
    part.new_isr_with_epochs = members, part.new_isr_with_epochs_n = 2;
    return ask(K_API_ALTER_PARTITION, 3, &r);
}

static bool
has_left_the_isr(void)
{
    return committed_t()->isr.n == 2 && !ids_has(committed_t()->isr, 3);
}

static struct reply *
ask_order(void)
{
    static int32_t order[] = {2, 1, 3};
    struct k_alter_partition_reassignments_request r;
    struct k_alter_partition_reassignments_request_reassignable_topic t = {.name = S("t")};
    struct k_alter_partition_reassignments_request_reassignable_partition p = {.replicas = order,
                                                                               .replicas_n = 3};
    codec_default(K_MSG_ALTER_PARTITION_REASSIGNMENTS_REQUEST, &r);
    r.topics = &t, r.topics_n = 1;
    t.partitions = &p, t.partitions_n = 1;
    return ask(K_API_ALTER_PARTITION_REASSIGNMENTS, 0, &r);
}

static bool
is_in_order(void)
{
    return committed_t()->replicas.v[0] == 2;
}

/* Broker 2 is the first now, and 1 leads. */
static struct reply *
ask_election(void)
{
    struct k_elect_leaders_request r;
    int32_t index = 0;
    struct k_elect_leaders_request_topic_partitions t = {S("t"), &index, 1};
    (void)ask_order();
    commit();
    codec_default(K_MSG_ELECT_LEADERS_REQUEST, &r);
    r.topic_partitions = &t, r.topic_partitions_n = 1;
    return ask(K_API_ELECT_LEADERS, 2, &r);
}

static bool
is_elected(void)
{
    return committed_t()->leader == 2;
}

static struct reply *
ask_password(void)
{
    struct k_alter_user_scram_credentials_request r;
    struct k_alter_user_scram_credentials_request_scram_credential_upsertion u = {
        .name = S("alice"),
        .mechanism = 1,
        .iterations = 4096,
        .salt = S("salt"),
        .salted_password = S("storedserver")};
    codec_default(K_MSG_ALTER_USER_SCRAM_CREDENTIALS_REQUEST, &r);
    r.upsertions = &u, r.upsertions_n = 1;
    return ask(K_API_ALTER_USER_SCRAM_CREDENTIALS, 0, &r);
}

static bool
has_password(void)
{
    return image_scram(&w.committed, S("alice"), 1) != NULL;
}

/* ---- all of them ---- */

static const struct row rows[] = {
    {"BrokerRegistration", ask_registration, is_registered},
    {"BrokerHeartbeat", ask_fence, is_fenced},
    {"UnregisterBroker", ask_unregister, is_unregistered},
    {"ControllerRegistration", ask_controller, has_controller},
    {"AllocateProducerIds", ask_producer_ids, are_taken},
    {"UpdateFeatures", ask_features, is_downgraded},
    {"CreateTopics", ask_create, is_created},
    {"DeleteTopics", ask_delete, is_deleted},
    {"CreatePartitions", ask_grow, has_grown},
    {"IncrementalAlterConfigs", ask_incremental, is_set},
    {"AlterConfigs", ask_alter, is_set},
    {"AlterPartition", ask_isr, has_left_the_isr},
    {"AlterPartitionReassignments", ask_order, is_in_order},
    {"ElectLeaders", ask_election, is_elected},
    {"AlterUserScramCredentials", ask_password, has_password},
};

static void
no_answer_goes_out_before_it_is_so(void **state)
{
    for (int i = 0; i < ARRAY_LEN(rows); i++) {
        print_message("           %s\n", rows[i].name);
        (void)world_begin(state);
        start_brokers(3);
        (void)create_t(S("1"), S("false"));
        assert_false(rows[i].is_so());
        struct reply *r = rows[i].ask();
        int64_t end = w.log.n;
        assert_true(end > w.high_watermark);
        assert_false(rows[i].is_so());
        while (w.high_watermark < end) {
            assert_int_equal(r->count, 0);
            commit_to(end - 1 > w.high_watermark ? end - 1 : end);
        }
        assert_int_equal(r->count, 1);
        assert_int_equal(r->err, K_ERR_NONE);
        assert_true(rows[i].is_so());
        (void)world_end(state);
    }
}

/* Two have a test of their own below; a new one belongs into the rows. */
static void
no_answer_was_forgotten(void **state)
{
    (void)state;
    int served = 0;
    for (int16_t key = 0; key < 200; key++) served += controller_serves(key);
    assert_int_equal(served, ARRAY_LEN(rows) + 2);
}

/* These need no record: what they say may rest on one. */
static void
who_says_what_is_waits_for_what_it_rests_on(void **state)
{
    (void)state;
    start_brokers(3);
    (void)create_t(S("1"), S("false"));
    struct k_list_partition_reassignments_request l;
    struct k_assign_replicas_to_dirs_request a;
    codec_default(K_MSG_LIST_PARTITION_REASSIGNMENTS_REQUEST, &l);
    codec_default(K_MSG_ASSIGN_REPLICAS_TO_DIRS_REQUEST, &a);
    a.broker_id = 1;
    a.broker_epoch = epoch_of(1);
    struct reply *order = ask_order();
    struct reply *list = ask(K_API_LIST_PARTITION_REASSIGNMENTS, 0, &l);
    struct reply *dirs = ask(K_API_ASSIGN_REPLICAS_TO_DIRS, 0, &a);
    assert_int_equal(order->count + list->count + dirs->count, 0);
    commit();
    assert_int_equal(order->count + list->count + dirs->count, 3);
}

int
main(void)
{
    fixture_use();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_answer_goes_out_before_it_is_so),
        cmocka_unit_test(no_answer_was_forgotten),
        TEST(who_says_what_is_waits_for_what_it_rests_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
