#include "tests/unit/controller/fixture.h"

#include "broker/controller/internal.h"

enum { SET = 0, DELETE = 1, APPEND = 2, SUBTRACT = 3 };

static const struct k_incremental_alter_configs_response_alter_configs_resource_response *
alter_all(int8_t type, struct slice resource,
          struct k_incremental_alter_configs_request_alterable_config *ops, int32_t n,
          bool validate_only)
{
    struct k_incremental_alter_configs_request r;
    struct k_incremental_alter_configs_request_alter_configs_resource res = {type, resource, ops,
                                                                             n};
    codec_default(K_MSG_INCREMENTAL_ALTER_CONFIGS_REQUEST, &r);
    r.resources = &res, r.resources_n = 1;
    r.validate_only = validate_only;
    const struct k_incremental_alter_configs_response *resp =
        answer_to(K_API_INCREMENTAL_ALTER_CONFIGS, 1, &r);
    assert_int_equal(resp->responses_n, 1);
    assert_true(slice_eq(resp->responses[0].resource_name, resource));
    return &resp->responses[0];
}

static int16_t
alter(int8_t type, struct slice resource, struct slice name, int8_t op, struct slice value)
{
    struct k_incremental_alter_configs_request_alterable_config c = {name, op, value};
    return alter_all(type, resource, &c, 1, false)->error_code;
}

static struct slice
value_of(int8_t type, struct slice resource, struct slice name)
{
    return image_config_value(&w.committed, type, resource, name);
}

static void
begin_with_topic(void)
{
    start_brokers(3);
    (void)create_t(S("1"), S("false"));
}

static void
a_topics_setting_is_set_and_taken_back(void **state)
{
    (void)state;
    begin_with_topic();
    assert_int_equal(alter(RESOURCE_TOPIC, S("t"), S("retention.ms"), SET, S("7")), K_ERR_NONE);
    assert_slice(value_of(RESOURCE_TOPIC, S("t"), S("retention.ms")), "7");
    int64_t end = w.log.n;
    assert_int_equal(alter(RESOURCE_TOPIC, S("t"), S("retention.ms"), SET, S("7")), K_ERR_NONE);
    assert_int_equal(w.log.n, end);
    assert_int_equal(alter(RESOURCE_TOPIC, S("t"), S("retention.ms"), DELETE, SLICE_NULL),
                     K_ERR_NONE);
    assert_null(value_of(RESOURCE_TOPIC, S("t"), S("retention.ms")).p);
}

static void
lists_are_appended_to_and_subtracted_from(void **state)
{
    (void)state;
    begin_with_topic();
    struct slice policy = S("cleanup.policy");
    assert_int_equal(alter(RESOURCE_TOPIC, S("t"), policy, APPEND, S("compact,delete")),
                     K_ERR_NONE);
    assert_slice(value_of(RESOURCE_TOPIC, S("t"), policy), "delete,compact");
    assert_int_equal(alter(RESOURCE_TOPIC, S("t"), policy, SUBTRACT, S(" delete ")), K_ERR_NONE);
    assert_slice(value_of(RESOURCE_TOPIC, S("t"), policy), "compact");
    assert_int_equal(alter(RESOURCE_TOPIC, S("t"), S("retention.ms"), APPEND, S("1")),
                     K_ERR_INVALID_CONFIG);
}

/* As in a properties file; what the brokers take it for, the controller must. */
static void
spaces_around_a_value_mean_nothing(void **state)
{
    (void)state;
    start_brokers(3);
    (void)create_t(S(" 2 "), S(" True"));
    assert_int_equal(effective_min_isr(w.c, S("t")), 2);
    assert_true(effective_unclean(w.c, S("t")));
}

static void
settings_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    begin_with_topic();
    const struct {
        int8_t type;
        struct slice resource, name;
        int8_t op;
        struct slice value;
        int16_t wants;
    } rows[] = {
        {RESOURCE_TOPIC, S("u"), S("retention.ms"), SET, S("1"), K_ERR_UNKNOWN_TOPIC_OR_PARTITION},
        {RESOURCE_TOPIC, S("t"), S("no.such"), SET, S("1"), K_ERR_INVALID_CONFIG},
        {RESOURCE_TOPIC, S("t"), S("retention.ms"), SET, S("x"), K_ERR_INVALID_CONFIG},
        {RESOURCE_TOPIC, S("t"), S("min.insync.replicas"), SET, S("0"), K_ERR_INVALID_CONFIG},
        {RESOURCE_TOPIC, S("t"), S("retention.ms"), SET, SLICE_NULL, K_ERR_INVALID_REQUEST},
        {RESOURCE_TOPIC, S("t"), S("retention.ms"), 9, S("1"), K_ERR_INVALID_REQUEST},
        {RESOURCE_TOPIC, S("t"), S("retention.ms"), -1, S("1"), K_ERR_INVALID_REQUEST},
        {RESOURCE_BROKER, S("x"), S("num.io.threads"), SET, S("1"), K_ERR_INVALID_REQUEST},
        {RESOURCE_BROKER, S("9"), S("num.io.threads"), SET, S("1"), K_ERR_BROKER_ID_NOT_REGISTERED},
        {RESOURCE_BROKER, S(""), S("log.dirs"), SET, S("/x"), K_ERR_INVALID_REQUEST},
        {8, S("1"), S("x"), SET, S("INFO"), K_ERR_INVALID_REQUEST},
    };
    int64_t end = w.log.n;
    for (int64_t i = 0; i < ARRAY_LEN(rows); i++) {
        int16_t err =
            alter(rows[i].type, rows[i].resource, rows[i].name, rows[i].op, rows[i].value);
        if (err != rows[i].wants) fail_msg("row %d: %d", (int)i, err);
    }
    assert_int_equal(w.log.n, end);
}

static void
one_bad_setting_refuses_all_of_its_resource(void **state)
{
    (void)state;
    begin_with_topic();
    int64_t end = w.log.n;
    struct k_incremental_alter_configs_request_alterable_config ops[] = {
        {S("retention.ms"), SET, S("7")}, {S("no.such"), SET, S("7")}};
    assert_int_equal(alter_all(RESOURCE_TOPIC, S("t"), ops, 2, false)->error_code,
                     K_ERR_INVALID_CONFIG);
    ops[1].name = S("retention.ms");
    assert_int_equal(alter_all(RESOURCE_TOPIC, S("t"), ops, 2, false)->error_code,
                     K_ERR_INVALID_REQUEST);
    assert_int_equal(w.log.n, end);
}

static void
validation_alone_sets_nothing(void **state)
{
    (void)state;
    begin_with_topic();
    int64_t end = w.log.n;
    struct k_incremental_alter_configs_request_alterable_config op = {S("retention.ms"), SET,
                                                                      S("7")};
    assert_int_equal(alter_all(RESOURCE_TOPIC, S("t"), &op, 1, true)->error_code, K_ERR_NONE);
    assert_int_equal(w.log.n, end);
}

static void
a_new_minimum_clears_the_elr(void **state)
{
    (void)state;
    start_brokers(3);
    const struct image_partition *p = create_t(S("2"), S("false"));
    lose(3, 3), lose(2, 3);
    assert_ids(p->elr, 2);
    assert_int_equal(alter(RESOURCE_TOPIC, S("t"), S("min.insync.replicas"), SET, S("1")),
                     K_ERR_NONE);
    assert_no_ids(p->elr);
    assert_ids(p->isr, 1);
}

static void
the_clusters_minimum_holds_for_topics_without_their_own(void **state)
{
    (void)state;
    start_brokers(3);
    struct k_create_topics_request_creatable_topic t = topic_named(S("u"), 1, 3);
    (void)create(&t, 1);
    assert_int_equal(effective_min_isr(w.c, S("u")), 1);
    assert_int_equal(alter(RESOURCE_BROKER, S(""), S("min.insync.replicas"), SET, S("2")),
                     K_ERR_NONE);
    assert_int_equal(effective_min_isr(w.c, S("u")), 2);
    assert_int_equal(alter(RESOURCE_TOPIC, S("u"), S("min.insync.replicas"), SET, S("3")),
                     K_ERR_NONE);
    assert_int_equal(effective_min_isr(w.c, S("u")), 3);
}

static void
the_clusters_minimum_may_change_but_not_go(void **state)
{
    (void)state;
    start_brokers(1);
    struct slice min = S("min.insync.replicas");
    assert_int_equal(alter(RESOURCE_BROKER, S(""), min, DELETE, SLICE_NULL), K_ERR_INVALID_CONFIG);
    assert_int_equal(alter(RESOURCE_BROKER, S("1"), min, SET, S("2")), K_ERR_INVALID_CONFIG);
    assert_slice(value_of(RESOURCE_BROKER, S(""), min), "1");
}

static void
alter_configs_takes_back_what_it_does_not_name(void **state)
{
    (void)state;
    begin_with_topic();
    struct k_alter_configs_request r;
    struct k_alter_configs_request_alterable_config c = {S("retention.ms"), S("7")};
    struct k_alter_configs_request_alter_configs_resource res = {RESOURCE_TOPIC, S("t"), &c, 1};
    codec_default(K_MSG_ALTER_CONFIGS_REQUEST, &r);
    r.resources = &res, r.resources_n = 1;
    const struct k_alter_configs_response *resp = answer_to(K_API_ALTER_CONFIGS, 2, &r);
    assert_int_equal(resp->responses[0].error_code, K_ERR_NONE);
    assert_slice(value_of(RESOURCE_TOPIC, S("t"), S("retention.ms")), "7");
    assert_null(value_of(RESOURCE_TOPIC, S("t"), S("unclean.leader.election.enable")).p);
    assert_null(value_of(RESOURCE_TOPIC, S("t"), S("min.insync.replicas")).p);
    res.resource_name = S("u");
    resp = answer_to(K_API_ALTER_CONFIGS, 2, &r);
    assert_int_equal(resp->responses[0].error_code, K_ERR_UNKNOWN_TOPIC_OR_PARTITION);
}

int
main(void)
{
    fixture_use();
    const struct CMUnitTest tests[] = {
        TEST(a_topics_setting_is_set_and_taken_back),
        TEST(lists_are_appended_to_and_subtracted_from),
        TEST(spaces_around_a_value_mean_nothing),
        TEST(settings_that_make_no_sense_are_refused),
        TEST(one_bad_setting_refuses_all_of_its_resource),
        TEST(validation_alone_sets_nothing),
        TEST(a_new_minimum_clears_the_elr),
        TEST(the_clusters_minimum_holds_for_topics_without_their_own),
        TEST(the_clusters_minimum_may_change_but_not_go),
        TEST(alter_configs_takes_back_what_it_does_not_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
