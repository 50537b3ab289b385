#include "tests/unit/controller/fixture.h"

static const struct k_create_topics_response_creatable_topic_result *
create_one(struct k_create_topics_request_creatable_topic t)
{
    return &create(&t, 1)->topics[0];
}

static const struct image_topic *
topic(struct slice name)
{
    return image_topic(&w.committed, name);
}

static void
assert_text(struct slice got, const char *want)
{
    struct slice s = slice_cstr(want);
    if (!slice_eq(got, s)) fail_msg("got \"%.*s\"", (int)got.n, (const char *)got.p);
}

/* ---- CreateTopics ------------------------------------------------------------------------------ */

static void
a_topic_is_created_and_spread(void **state)
{
    (void)state;
    start_brokers(3);
    const struct k_create_topics_response_creatable_topic_result *r =
        create_one(topic_named(S("a"), 3, 2));
    assert_int_equal(r->error_code, K_ERR_NONE);
    assert_null(r->error_message.p);
    assert_int_equal(r->num_partitions, 3);
    assert_int_equal(r->replication_factor, 2);
    assert_true(uuid_eq(r->topic_id, topic(S("a"))->id));
    int leads[4] = {0};
    for (int i = 0; i < 3; i++) {
        const struct image_partition *p = image_topic_partition(topic(S("a")), i);
        assert_int_equal(p->replicas.n, 2);
        assert_true(ids_eq(p->isr, p->replicas));
        assert_int_equal(p->leader, p->replicas.v[0]);
        assert_int_equal(p->leader_epoch, 0);
        assert_int_equal(p->partition_epoch, 0);
        assert_int_equal(image_partition_directory(p, p->leader).b[0], p->leader);
        leads[p->leader]++;
    }
    for (int id = 1; id <= 3; id++) assert_int_equal(leads[id], 1);
}

static void
the_answer_tells_the_settings(void **state)
{
    (void)state;
    start_brokers(1);
    struct k_create_topics_request_creatable_topic t = topic_named(S("a"), 1, 1);
    struct k_create_topics_request_creatable_topic_config config = {S("retention.ms"), S("5")};
    t.configs = &config, t.configs_n = 1;
    const struct k_create_topics_response_creatable_topic_result *r = create_one(t);
    int found = 0;
    for (int32_t i = 0; i < r->configs_n; i++) {
        if (slice_eq(r->configs[i].name, S("retention.ms"))) {
            assert_slice(r->configs[i].value, "5");
            assert_int_equal(r->configs[i].config_source, 1);
            found++;
        }
        if (slice_eq(r->configs[i].name, S("cleanup.policy"))) {
            assert_slice(r->configs[i].value, "delete");
            assert_int_equal(r->configs[i].config_source, 5);
            found++;
        }
    }
    assert_int_equal(found, 2);
    assert_slice(image_config_value(&w.committed, RESOURCE_TOPIC, S("a"), S("retention.ms")), "5");
}

static void
minus_one_means_the_default(void **state)
{
    (void)state;
    controller_free(w.c);
    w.options.num_partitions = 4;
    w.options.replication_factor = 2;
    w.c = controller_new(&w.env, &w.options, &world_ops, &w);
    start_brokers(2);
    const struct k_create_topics_response_creatable_topic_result *r =
        create_one(topic_named(S("a"), -1, -1));
    assert_int_equal(r->num_partitions, 4);
    assert_int_equal(r->replication_factor, 2);
}

static void
bad_names_are_refused(void **state)
{
    (void)state;
    start_brokers(1);
    const struct k_create_topics_response_creatable_topic_result *r;
    r = create_one(topic_named(S(""), 1, 1));
    assert_int_equal(r->error_code, K_ERR_INVALID_TOPIC_EXCEPTION);
    assert_text(r->error_message, "Topic name is invalid: the empty string is not allowed");
    r = create_one(topic_named(S("__cluster_metadata"), 1, 1));
    assert_int_equal(r->error_code, K_ERR_INVALID_REQUEST);
    (void)create_one(topic_named(S("a.b"), 1, 1));
    r = create_one(topic_named(S("a.b"), 1, 1));
    assert_int_equal(r->error_code, K_ERR_TOPIC_ALREADY_EXISTS);
    assert_text(r->error_message, "Topic 'a.b' already exists.");
    r = create_one(topic_named(S("a_b"), 1, 1));
    assert_int_equal(r->error_code, K_ERR_INVALID_TOPIC_EXCEPTION);
    assert_text(r->error_message, "Topic 'a_b' collides with existing topic: a.b");
}

static void
topics_of_one_request_are_judged_one_by_one(void **state)
{
    (void)state;
    start_brokers(1);
    struct k_create_topics_request_creatable_topic t[] = {
        topic_named(S("c.d"), 1, 1), topic_named(S("c_d"), 1, 1), topic_named(S("e"), 1, 1),
        topic_named(S("e"), 1, 1),   topic_named(S("f"), 1, 1),
    };
    const struct k_create_topics_response *r = create(t, 5);
    assert_int_equal(r->topics[0].error_code, K_ERR_NONE);
    assert_int_equal(r->topics[1].error_code, K_ERR_INVALID_TOPIC_EXCEPTION);
    assert_int_equal(r->topics[2].error_code, K_ERR_INVALID_REQUEST);
    assert_text(r->topics[2].error_message, "Duplicate topic name.");
    assert_int_equal(r->topics[3].error_code, K_ERR_NONE);
    assert_int_equal(r->topics_n, 4); /* what stands twice is told of once */
    assert_int_equal(w.committed.topics.n, 2);
}

static void
impossible_sizes_are_refused(void **state)
{
    (void)state;
    start_brokers(1);
    const struct k_create_topics_response_creatable_topic_result *r;
    r = create_one(topic_named(S("a"), 1, 3));
    assert_int_equal(r->error_code, K_ERR_INVALID_REPLICATION_FACTOR);
    assert_text(r->error_message,
                "Unable to replicate the partition 3 time(s): The target replication factor of 3 "
                "cannot be reached because only 1 broker(s) are registered.");
    r = create_one(topic_named(S("a"), 1, 0));
    assert_int_equal(r->error_code, K_ERR_INVALID_REPLICATION_FACTOR);
    r = create_one(topic_named(S("a"), 0, 1));
    assert_int_equal(r->error_code, K_ERR_INVALID_PARTITIONS);
    r = create_one(topic_named(S("a"), -2, 1));
    assert_int_equal(r->error_code, K_ERR_INVALID_PARTITIONS);
    r = create_one(topic_named(S("a"), INT32_MAX, 1));
    assert_int_equal(r->error_code, K_ERR_POLICY_VIOLATION);
    r = create_one(topic_named(S("a"), 1, 32767));
    assert_int_equal(r->error_code, K_ERR_INVALID_REPLICATION_FACTOR);
    lose(1, 1);
    r = create_one(topic_named(S("a"), 1, 1));
    assert_int_equal(r->error_code, K_ERR_INVALID_REPLICATION_FACTOR);
    assert_text(r->error_message, "Unable to replicate the partition 1 time(s): All brokers are "
                                  "currently fenced.");
    assert_null(topic(S("a")));
}

static void
bad_settings_are_refused(void **state)
{
    (void)state;
    start_brokers(1);
    struct k_create_topics_request_creatable_topic t = topic_named(S("a"), 1, 1);
    struct k_create_topics_request_creatable_topic_config config = {S("no.such"), S("5")};
    t.configs = &config, t.configs_n = 1;
    const struct k_create_topics_response_creatable_topic_result *r = create_one(t);
    assert_int_equal(r->error_code, K_ERR_INVALID_CONFIG);
    assert_text(r->error_message, "Unknown topic config name: no.such");
    config = (struct k_create_topics_request_creatable_topic_config){S("retention.ms"), S("x")};
    r = create_one(t);
    assert_int_equal(r->error_code, K_ERR_INVALID_CONFIG);
    assert_true(r->error_message.n > 0);
    config.value = SLICE_NULL;
    assert_int_equal(create_one(t)->error_code, K_ERR_INVALID_CONFIG);
    assert_null(topic(S("a")));
}

static void
replicas_may_be_given_by_hand(void **state)
{
    (void)state;
    start_brokers(3);
    lose(3, 3);
    int32_t a0[] = {3, 2}, a1[] = {1, 3};
    struct k_create_topics_request_creatable_replica_assignment a[] = {{1, a1, 2}, {0, a0, 2}};
    struct k_create_topics_request_creatable_topic t = topic_named(S("a"), -1, -1);
    t.assignments = a, t.assignments_n = 2;
    assert_int_equal(create_one(t)->error_code, K_ERR_NONE);
    const struct image_partition *p = image_partition(&w.committed, S("a"), 0);
    assert_ids(p->replicas, 3, 2);
    assert_ids(p->isr, 2);
    assert_int_equal(p->leader, 2);
    assert_ids(image_partition(&w.committed, S("a"), 1)->replicas, 1, 3);
}

static void
bad_assignments_are_refused(void **state)
{
    (void)state;
    start_brokers(3);
    lose(3, 3);
    int32_t good[] = {1, 2}, twice[] = {1, 1}, unknown[] = {1, 9}, fenced[] = {3}, one[] = {1};
    struct k_create_topics_request_creatable_replica_assignment a[2] = {{0, good, 2}, {1, good, 2}};
    struct k_create_topics_request_creatable_topic t = topic_named(S("a"), -1, -1);
    t.assignments = a, t.assignments_n = 2;
    t.replication_factor = 2;
    assert_int_equal(create_one(t)->error_code, K_ERR_INVALID_REQUEST);
    t.replication_factor = -1, t.num_partitions = 2;
    assert_int_equal(create_one(t)->error_code, K_ERR_INVALID_REQUEST);
    t.num_partitions = -1;
    const struct {
        int32_t index, *ids, n;
        const char *text;
    } rows[] = {
        {0, good, 2, "Found multiple manual partition assignments for partition 0"},
        {2, good, 2, "partitions should be a consecutive 0-based integer sequence"},
        {-1, good, 2, "partitions should be a consecutive 0-based integer sequence"},
        {1, twice, 2, "The manual partition assignment includes the broker 1 more than once."},
        {1, unknown, 2,
         "The manual partition assignment includes broker 9, but no such broker is registered."},
        {1, good, 0, "The manual partition assignment includes an empty replica list."},
        {1, one, 1,
         "The manual partition assignment includes a partition with 1 replica(s), but this is not "
         "consistent with previous partitions, which have 2 replica(s)."},
    };
    for (int64_t i = 0; i < ARRAY_LEN(rows); i++) {
        a[1] = (struct k_create_topics_request_creatable_replica_assignment){
            rows[i].index, rows[i].ids, rows[i].n};
        const struct k_create_topics_response_creatable_topic_result *r = create_one(t);
        assert_int_equal(r->error_code, K_ERR_INVALID_REPLICA_ASSIGNMENT);
        assert_text(r->error_message, rows[i].text);
    }
    a[0] = (struct k_create_topics_request_creatable_replica_assignment){0, fenced, 1};
    t.assignments_n = 1;
    assert_text(create_one(t)->error_message,
                "All brokers specified in the manual partition assignment for partition 0 are "
                "fenced or in controlled shutdown.");
    assert_null(topic(S("a")));
}

static void
validation_alone_creates_nothing(void **state)
{
    (void)state;
    start_brokers(1);
    int64_t end = w.log.n;
    struct k_create_topics_request_creatable_topic t = topic_named(S("a"), 2, 1);
    struct k_create_topics_request r;
    codec_default(K_MSG_CREATE_TOPICS_REQUEST, &r);
    r.topics = &t, r.topics_n = 1;
    r.validate_only = true;
    const struct k_create_topics_response *resp = answer_to(K_API_CREATE_TOPICS, 7, &r);
    assert_int_equal(resp->topics[0].error_code, K_ERR_NONE);
    assert_int_equal(resp->topics[0].num_partitions, 2);
    assert_int_equal(w.log.n, end);
}

/* Kafka's controller looks at the time before it looks at the request. */
static void
who_gives_no_time_gets_nothing(void **state)
{
    (void)state;
    start_brokers(1);
    struct k_create_topics_request_creatable_topic t = topic_named(S("a"), 2, 1);
    struct k_create_topics_request r;
    codec_default(K_MSG_CREATE_TOPICS_REQUEST, &r);
    r.topics = &t, r.topics_n = 1;
    r.timeout_ms = 0;
    const struct k_create_topics_response *resp = answer_to(K_API_CREATE_TOPICS, 7, &r);
    assert_int_equal(resp->topics[0].error_code, K_ERR_REQUEST_TIMED_OUT);
    assert_null(topic(S("a")));
}

/* ---- DeleteTopics ------------------------------------------------------------------------------ */

static const struct k_delete_topics_response *
delete_names(const struct slice *names, int32_t n)
{
    struct k_delete_topics_request r;
    codec_default(K_MSG_DELETE_TOPICS_REQUEST, &r);
    r.timeout_ms = 1000;
    struct slice copy[4];
    memcpy(copy, names, (size_t)n * sizeof *names);
    r.topic_names = copy;
    r.topic_names_n = n;
    return answer_to(K_API_DELETE_TOPICS, 5, &r);
}

static const struct k_delete_topics_response *
delete_states(struct k_delete_topics_request_delete_topic_state *topics, int32_t n)
{
    struct k_delete_topics_request r;
    codec_default(K_MSG_DELETE_TOPICS_REQUEST, &r);
    r.timeout_ms = 1000;
    r.topics = topics, r.topics_n = n;
    return answer_to(K_API_DELETE_TOPICS, 6, &r);
}

static void
topics_are_deleted_by_name_or_by_id(void **state)
{
    (void)state;
    start_brokers(1);
    (void)create_one(topic_named(S("a"), 1, 1));
    (void)create_one(topic_named(S("b"), 1, 1));
    struct uuid b = topic(S("b"))->id;
    assert_int_equal(delete_names((struct slice[]){S("a")}, 1)->responses[0].error_code, 0);
    assert_null(topic(S("a")));
    struct k_delete_topics_request_delete_topic_state s = {SLICE_NULL, b};
    const struct k_delete_topics_response *r = delete_states(&s, 1);
    assert_int_equal(r->responses[0].error_code, K_ERR_NONE);
    assert_slice(r->responses[0].name, "b");
    assert_null(topic(S("b")));
    assert_int_equal(w.committed.topics.n, 0);
}

static void
what_cannot_be_deleted_is_said(void **state)
{
    (void)state;
    start_brokers(1);
    (void)create_one(topic_named(S("a"), 1, 1));
    struct uuid a = topic(S("a"))->id;
    const struct k_delete_topics_response *r =
        delete_names((struct slice[]){S("nothere"), S("a"), S("a")}, 3);
    assert_int_equal(r->responses[0].error_code, K_ERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(r->responses[1].error_code, K_ERR_INVALID_REQUEST);
    assert_text(r->responses[1].error_message, "Duplicate topic name.");
    assert_int_equal(r->responses_n, 2);
    struct k_delete_topics_request_delete_topic_state s[] = {
        {S("a"), a}, {SLICE_NULL, UUID_ZERO}, {SLICE_NULL, {{1}}}};
    r = delete_states(s, 3);
    assert_text(r->responses[0].error_message, "You may not specify both topic name and topic id.");
    assert_text(r->responses[1].error_message, "Neither topic name nor id were specified.");
    assert_int_equal(r->responses[2].error_code, K_ERR_UNKNOWN_TOPIC_ID);
    assert_non_null(topic(S("a")));
}

static void
a_topic_asked_for_by_name_and_by_id_stays(void **state)
{
    (void)state;
    start_brokers(1);
    (void)create_one(topic_named(S("a"), 1, 1));
    struct k_delete_topics_request_delete_topic_state s[] = {{S("a"), UUID_ZERO},
                                                             {SLICE_NULL, topic(S("a"))->id}};
    const struct k_delete_topics_response *r = delete_states(s, 2);
    assert_int_equal(r->responses_n, 1); /* what stands twice is told of once */
    assert_int_equal(r->responses[0].error_code, K_ERR_INVALID_REQUEST);
    assert_slice(r->responses[0].name, "a");
    assert_non_null(topic(S("a")));
}

/* ---- CreatePartitions -------------------------------------------------------------------------- */

static const struct k_create_partitions_response_create_partitions_topic_result *
grow(struct slice name, int32_t count,
     struct k_create_partitions_request_create_partitions_assignment *a, int32_t n)
{
    struct k_create_partitions_request r;
    struct k_create_partitions_request_create_partitions_topic t = {name, count, a, n};
    codec_default(K_MSG_CREATE_PARTITIONS_REQUEST, &r);
    r.timeout_ms = 1000;
    r.topics = &t, r.topics_n = 1;
    const struct k_create_partitions_response *resp = answer_to(K_API_CREATE_PARTITIONS, 3, &r);
    return &resp->results[0];
}

static int
begin_without_deletion(void **state)
{
    (void)state;
    struct controller_options o = usual_options;
    o.delete_topics_off = true;
    return world_begin_with(&o, false);
}

static void
where_deletion_is_off_nothing_is_deleted(void **state)
{
    (void)state;
    start_brokers(1);
    struct k_create_topics_request_creatable_topic t = topic_named(S("a"), 1, 1);
    (void)create(&t, 1);
    struct k_delete_topics_request r;
    struct slice names[] = {S("a"), S("nothere")};
    codec_default(K_MSG_DELETE_TOPICS_REQUEST, &r);
    r.topic_names = names, r.topic_names_n = 2;
    for (int16_t version = 1; version <= 5; version++) {
        const struct k_delete_topics_response *resp = answer_to(K_API_DELETE_TOPICS, version, &r);
        int16_t err = version < 3 ? K_ERR_INVALID_REQUEST : K_ERR_TOPIC_DELETION_DISABLED;
        assert_int_equal(resp->responses_n, 2);
        assert_int_equal(resp->responses[0].error_code, err);
        assert_int_equal(resp->responses[1].error_code, err);
        assert_slice(resp->responses[0].name, "a");
    }
    struct k_delete_topics_request_delete_topic_state s = {SLICE_NULL, topic(S("a"))->id};
    const struct k_delete_topics_response *resp = delete_states(&s, 1);
    assert_int_equal(resp->responses[0].error_code, K_ERR_TOPIC_DELETION_DISABLED);
    assert_null(resp->responses[0].name.p);
    assert_true(uuid_eq(resp->responses[0].topic_id, s.topic_id));
    assert_non_null(topic(S("a")));
}

static void
a_topic_grows(void **state)
{
    (void)state;
    start_brokers(3);
    (void)create_one(topic_named(S("a"), 1, 2));
    assert_int_equal(grow(S("a"), 3, NULL, -1)->error_code, K_ERR_NONE);
    assert_int_equal(topic(S("a"))->partitions_n, 3);
    assert_int_equal(image_partition(&w.committed, S("a"), 2)->replicas.n, 2);
    int32_t ids[] = {3, 1};
    struct k_create_partitions_request_create_partitions_assignment a = {ids, 2};
    assert_int_equal(grow(S("a"), 4, &a, 1)->error_code, K_ERR_NONE);
    assert_ids(image_partition(&w.committed, S("a"), 3)->replicas, 3, 1);
}

static void
it_does_not_shrink_nor_grow_wrongly(void **state)
{
    (void)state;
    start_brokers(3);
    (void)create_one(topic_named(S("a"), 2, 2));
    assert_int_equal(grow(S("b"), 3, NULL, -1)->error_code, K_ERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_text(grow(S("a"), 2, NULL, -1)->error_message, "Topic already has 2 partition(s).");
    assert_text(grow(S("a"), 1, NULL, -1)->error_message,
                "The topic a currently has 2 partition(s); 1 would not be an increase.");
    assert_int_equal(grow(S("a"), INT32_MIN, NULL, -1)->error_code, K_ERR_INVALID_PARTITIONS);
    assert_int_equal(grow(S("a"), INT32_MAX, NULL, -1)->error_code, K_ERR_POLICY_VIOLATION);
    int32_t ids[] = {3};
    struct k_create_partitions_request_create_partitions_assignment a = {ids, 1};
    assert_text(grow(S("a"), 4, &a, 1)->error_message,
                "Attempted to add 2 additional partition(s), but only 1 assignment(s) were "
                "specified.");
    assert_int_equal(grow(S("a"), 3, &a, 1)->error_code, K_ERR_INVALID_REPLICA_ASSIGNMENT);
    assert_int_equal(topic(S("a"))->partitions_n, 2);
}

int
main(void)
{
    fixture_use();
    const struct CMUnitTest tests[] = {
        TEST(a_topic_is_created_and_spread),
        TEST(the_answer_tells_the_settings),
        TEST(minus_one_means_the_default),
        TEST(bad_names_are_refused),
        TEST(topics_of_one_request_are_judged_one_by_one),
        TEST(impossible_sizes_are_refused),
        TEST(bad_settings_are_refused),
        TEST(replicas_may_be_given_by_hand),
        TEST(bad_assignments_are_refused),
        TEST(validation_alone_creates_nothing),
        TEST(who_gives_no_time_gets_nothing),
        TEST(topics_are_deleted_by_name_or_by_id),
        TEST(what_cannot_be_deleted_is_said),
        TEST(a_topic_asked_for_by_name_and_by_id_stays),
        cmocka_unit_test_setup_teardown(where_deletion_is_off_nothing_is_deleted,
                                        begin_without_deletion, world_end),
        TEST(a_topic_grows),
        TEST(it_does_not_shrink_nor_grow_wrongly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
