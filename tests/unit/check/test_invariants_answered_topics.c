/* What controllers answer to administrators, and to leaders of partitions, against what is committed by then. */
#include "tests/unit/check/answered.h"

/* ---- topics ---- */

static void
creates(struct tale *s, int32_t partitions, bool validate_only, int16_t err)
{
    struct k_create_topics_request q;
    struct k_create_topics_response p;
    struct k_create_topics_response_creatable_topic_result t;
    codec_default(K_MSG_CREATE_TOPICS_REQUEST, &q);
    codec_default(K_MSG_CREATE_TOPICS_RESPONSE, &p);
    memset(&t, 0, sizeof t);
    q.validate_only = validate_only;
    t.name = S("orders");
    t.topic_id = topic_id;
    t.num_partitions = partitions;
    t.error_code = err;
    p.topics = &t, p.topics_n = 1;
    talk(s, K_API_CREATE_TOPICS, 7, &q, &p);
}

static void
a_topic_that_is_there(void **state)
{
    BEGIN;
    creates(&s, 1, false, 0);
    silent(&s);
}

static void
a_topic_that_is_not_there_yet(void **state)
{
    (void)state;
    struct tale s;
    wired_begin(&s);
    broker(&s);
    tale_commit(&s, METADATA);
    creates(&s, -1, false, 0);
    early(&s, "b1: answered CreateTopics; not committed is: topic orders is there, its id is "
              "AQIDAAAAAAAAAAAAAAAAAA");
}

static void
a_topic_of_which_a_partition_is_not_there_yet(void **state)
{
    BEGIN;
    creates(&s, 2, false, 0);
    early(&s, "b1: answered CreateTopics; not committed is: the topic with the id "
              "AQIDAAAAAAAAAAAAAAAAAA has partition 1");
}

static void
a_topic_that_was_not_to_be_made(void **state)
{
    BEGIN;
    creates(&s, 2, true, 0);
    creates(&s, 2, false, K_ERR_TOPIC_ALREADY_EXISTS);
    silent(&s);
}

static void
deletes(struct tale *s)
{
    struct k_delete_topics_request q;
    struct k_delete_topics_response p;
    struct k_delete_topics_response_deletable_topic_result t;
    codec_default(K_MSG_DELETE_TOPICS_REQUEST, &q);
    codec_default(K_MSG_DELETE_TOPICS_RESPONSE, &p);
    memset(&t, 0, sizeof t);
    t.name = S("orders");
    t.topic_id = topic_id;
    p.responses = &t, p.responses_n = 1;
    talk(s, K_API_DELETE_TOPICS, 6, &q, &p);
}

static void
a_topic_that_is_gone(void **state)
{
    BEGIN;
    struct k_remove_topic_record r;
    codec_default(K_MSG_REMOVE_TOPIC_RECORD, &r);
    r.topic_id = topic_id;
    add_metadata(&s, K_MSG_REMOVE_TOPIC_RECORD, 0, &r);
    tale_commit(&s, METADATA);
    deletes(&s);
    silent(&s);
}

static void
a_topic_that_is_not_gone_yet(void **state)
{
    BEGIN;
    deletes(&s);
    early(&s, "b1: answered DeleteTopics; not committed is: the topic with the id "
              "AQIDAAAAAAAAAAAAAAAAAA is gone");
}

static void
grows(struct tale *s, int32_t count)
{
    struct k_create_partitions_request q;
    struct k_create_partitions_response p;
    struct k_create_partitions_request_create_partitions_topic t;
    struct k_create_partitions_response_create_partitions_topic_result r;
    codec_default(K_MSG_CREATE_PARTITIONS_REQUEST, &q);
    codec_default(K_MSG_CREATE_PARTITIONS_RESPONSE, &p);
    memset(&t, 0, sizeof t);
    memset(&r, 0, sizeof r);
    t.name = r.name = S("orders");
    t.count = count;
    t.assignments_n = -1;
    q.topics = &t, q.topics_n = 1;
    p.results = &r, p.results_n = 1;
    talk(s, K_API_CREATE_PARTITIONS, 3, &q, &p);
}

static void
more_partitions_that_are_there(void **state)
{
    BEGIN;
    partition(&s, 1);
    tale_commit(&s, METADATA);
    grows(&s, 2);
    silent(&s);
}

static void
more_partitions_that_are_not_there_yet(void **state)
{
    BEGIN;
    grows(&s, 2);
    early(&s, "b1: answered CreatePartitions; not committed is: a topic orders has partition 1");
}

/* ---- partitions ---- */

static void
is_in_sync(struct tale *s, int32_t also, int32_t partition_epoch)
{
    struct k_alter_partition_request q;
    struct k_alter_partition_response p;
    struct k_alter_partition_response_topic_data t;
    struct k_alter_partition_response_partition_data d;
    int32_t isr[] = {3, also};
    codec_default(K_MSG_ALTER_PARTITION_REQUEST, &q);
    codec_default(K_MSG_ALTER_PARTITION_RESPONSE, &p);
    memset(&t, 0, sizeof t);
    memset(&d, 0, sizeof d);
    t.topic_id = topic_id;
    t.partitions = &d, t.partitions_n = 1;
    p.topics = &t, p.topics_n = 1;
    d.leader_id = 3;
    d.leader_epoch = 4;
    d.partition_epoch = partition_epoch;
    d.isr = isr, d.isr_n = also ? 2 : 1;
    talk(s, K_API_ALTER_PARTITION, 3, &q, &p);
}

static void
an_isr_that_is_committed(void **state)
{
    BEGIN;
    static int32_t isr[] = {3, 4};
    struct k_partition_change_record r;
    codec_default(K_MSG_PARTITION_CHANGE_RECORD, &r);
    r.topic_id = topic_id;
    r.partition_id = 0;
    r.isr = isr, r.isr_n = 2;
    add_metadata(&s, K_MSG_PARTITION_CHANGE_RECORD, 2, &r);
    tale_commit(&s, METADATA);
    is_in_sync(&s, 0, 4);
    is_in_sync(&s, 4, 5);
    silent(&s);
}

static void
an_isr_that_is_not_committed(void **state)
{
    BEGIN;
    is_in_sync(&s, 4, 5);
    early(&s,
          "b1: answered AlterPartition; not committed is: partition 0, of the topic with the id "
          "AQIDAAAAAAAAAAAAAAAAAA, is led by 3 in epoch 4, its own epoch is 5, in sync are 3 4");
}

static void
moves(struct tale *s, int32_t to)
{
    struct k_alter_partition_reassignments_request q;
    struct k_alter_partition_reassignments_response p;
    struct k_alter_partition_reassignments_request_reassignable_topic t;
    struct k_alter_partition_reassignments_request_reassignable_partition d;
    struct k_alter_partition_reassignments_response_reassignable_topic_response rt;
    struct k_alter_partition_reassignments_response_reassignable_partition_response rd;
    int32_t replicas[] = {3, to};
    codec_default(K_MSG_ALTER_PARTITION_REASSIGNMENTS_REQUEST, &q);
    codec_default(K_MSG_ALTER_PARTITION_REASSIGNMENTS_RESPONSE, &p);
    memset(&t, 0, sizeof t), memset(&d, 0, sizeof d);
    memset(&rt, 0, sizeof rt), memset(&rd, 0, sizeof rd);
    t.name = rt.name = S("orders");
    d.replicas = replicas, d.replicas_n = 2;
    t.partitions = &d, t.partitions_n = 1;
    q.topics = &t, q.topics_n = 1;
    rt.partitions = &rd, rt.partitions_n = 1;
    p.responses = &rt, p.responses_n = 1;
    talk(s, K_API_ALTER_PARTITION_REASSIGNMENTS, 0, &q, &p);
}

static void
replicas_that_are_committed(void **state)
{
    BEGIN;
    moves(&s, 4);
    silent(&s);
}

static void
a_replica_that_is_not_committed(void **state)
{
    BEGIN;
    moves(&s, 5);
    early(&s, "b1: answered AlterPartitionReassignments; not committed is: partition 0 of a topic "
              "orders has replica 5");
}

/* ---- settings ---- */

static void
is_set(struct tale *s, struct slice value)
{
    struct k_config_record r;
    codec_default(K_MSG_CONFIG_RECORD, &r);
    r.resource_type = 2;
    r.resource_name = S("orders");
    r.name = S("retention.ms");
    r.value = value;
    add_metadata(s, K_MSG_CONFIG_RECORD, 0, &r);
    tale_commit(s, METADATA);
}

static void
sets(struct tale *s, int8_t operation, int16_t err)
{
    struct k_incremental_alter_configs_request q;
    struct k_incremental_alter_configs_response p;
    struct k_incremental_alter_configs_request_alter_configs_resource resource;
    struct k_incremental_alter_configs_request_alterable_config one;
    struct k_incremental_alter_configs_response_alter_configs_resource_response r;
    codec_default(K_MSG_INCREMENTAL_ALTER_CONFIGS_REQUEST, &q);
    codec_default(K_MSG_INCREMENTAL_ALTER_CONFIGS_RESPONSE, &p);
    memset(&resource, 0, sizeof resource), memset(&one, 0, sizeof one), memset(&r, 0, sizeof r);
    resource.resource_type = 2;
    resource.resource_name = r.resource_name = S("orders");
    one.name = S("retention.ms");
    one.value = S("1000");
    one.config_operation = operation;
    r.error_code = err;
    resource.configs = &one, resource.configs_n = 1;
    q.resources = &resource, q.resources_n = 1;
    p.responses = &r, p.responses_n = 1;
    talk(s, K_API_INCREMENTAL_ALTER_CONFIGS, 1, &q, &p);
}

static void
sets_all(struct tale *s)
{
    struct k_alter_configs_request q;
    struct k_alter_configs_response p;
    struct k_alter_configs_request_alter_configs_resource resource;
    struct k_alter_configs_request_alterable_config one;
    struct k_alter_configs_response_alter_configs_resource_response r;
    codec_default(K_MSG_ALTER_CONFIGS_REQUEST, &q);
    codec_default(K_MSG_ALTER_CONFIGS_RESPONSE, &p);
    memset(&resource, 0, sizeof resource), memset(&one, 0, sizeof one), memset(&r, 0, sizeof r);
    resource.resource_type = 2;
    resource.resource_name = r.resource_name = S("orders");
    one.name = S("retention.ms");
    one.value = S("1000");
    resource.configs = &one, resource.configs_n = 1;
    q.resources = &resource, q.resources_n = 1;
    p.responses = &r, p.responses_n = 1;
    talk(s, K_API_ALTER_CONFIGS, 2, &q, &p);
}

static void
a_setting_that_is_committed(void **state)
{
    BEGIN;
    is_set(&s, S("1000"));
    sets(&s, 0, 0);
    sets_all(&s);
    silent(&s);
}

static void
a_setting_that_is_not_committed(void **state)
{
    BEGIN;
    is_set(&s, S("2000"));
    sets(&s, 0, 0);
    early(&s, "b1: answered IncrementalAlterConfigs; not committed is: of resource orders (type 2) "
              "retention.ms is 1000");
}

static void
of_all_settings_one_that_is_not_committed(void **state)
{
    BEGIN;
    sets_all(&s);
    early(&s, "b1: answered AlterConfigs; not committed is: of resource orders (type 2) "
              "retention.ms is 1000");
}

/* What becomes of a list to which something is added the answer does not say. */
static void
a_setting_that_is_refused_or_added_to(void **state)
{
    BEGIN;
    sets(&s, 0, K_ERR_INVALID_CONFIG);
    sets(&s, 2, 0);
    silent(&s);
}

static void
feature(struct tale *s, int16_t level)
{
    struct k_update_features_request q;
    struct k_update_features_response p;
    struct k_update_features_request_feature_update_key u;
    struct k_feature_level_record r;
    codec_default(K_MSG_FEATURE_LEVEL_RECORD, &r);
    r.name = S("metadata.version");
    r.feature_level = 25;
    add_metadata(s, K_MSG_FEATURE_LEVEL_RECORD, 0, &r);
    tale_commit(s, METADATA);
    codec_default(K_MSG_UPDATE_FEATURES_REQUEST, &q);
    codec_default(K_MSG_UPDATE_FEATURES_RESPONSE, &p);
    memset(&u, 0, sizeof u);
    u.feature = S("metadata.version");
    u.max_version_level = level;
    u.upgrade_type = 1;
    q.feature_updates = &u, q.feature_updates_n = 1;
    talk(s, K_API_UPDATE_FEATURES, 1, &q, &p);
}

static void
a_level_that_is_committed(void **state)
{
    BEGIN;
    feature(&s, 25);
    silent(&s);
}

static void
a_level_that_is_not_committed(void **state)
{
    BEGIN;
    feature(&s, 26);
    early(&s,
          "b1: answered UpdateFeatures; not committed is: feature metadata.version is at level 26");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_topic_that_is_there),
        cmocka_unit_test(a_topic_that_is_not_there_yet),
        cmocka_unit_test(a_topic_of_which_a_partition_is_not_there_yet),
        cmocka_unit_test(a_topic_that_was_not_to_be_made),
        cmocka_unit_test(a_topic_that_is_gone),
        cmocka_unit_test(a_topic_that_is_not_gone_yet),
        cmocka_unit_test(more_partitions_that_are_there),
        cmocka_unit_test(more_partitions_that_are_not_there_yet),
        cmocka_unit_test(an_isr_that_is_committed),
        cmocka_unit_test(an_isr_that_is_not_committed),
        cmocka_unit_test(replicas_that_are_committed),
        cmocka_unit_test(a_replica_that_is_not_committed),
        cmocka_unit_test(a_setting_that_is_committed),
        cmocka_unit_test(a_setting_that_is_not_committed),
        cmocka_unit_test(of_all_settings_one_that_is_not_committed),
        cmocka_unit_test(a_setting_that_is_refused_or_added_to),
        cmocka_unit_test(a_level_that_is_committed),
        cmocka_unit_test(a_level_that_is_not_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
