#include "tests/unit/controller/fixture.h"

#include "broker/controller/internal.h"
#include "broker/protocol/config.h"

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

/* ---- settings that make no difference, or cannot be had ------------------------------------------ */

static bool
is_other(enum config_scope scope, int32_t id, struct slice text)
{
    return config_check(scope, id, text, NULL) && !config_is_default(scope, id, text);
}

/* A value that may be given and is not the default. */
static struct slice
other_value(enum config_scope scope, int32_t id)
{
    static const char *const tries[] = {
        "true",    "false",   "1",        "5",    "5000",      "2000000",       "x",   "0:1",
        "compact", "classic", "required", "gzip", "PLAINTEXT", "LogAppendTime", "0.25"};
    for (int i = 0; i < ARRAY_LEN(tries); i++)
        if (is_other(scope, id, slice_cstr(tries[i]))) return slice_cstr(tries[i]);
    fail_msg("no other value for configuration %d", id);
    return SLICE_NULL;
}

/* How often the log has been told that this makes no difference. */
static int
told_of(struct slice name)
{
    int n = 0;
    for (int64_t i = 0; i < w.env.notes.n; i++) {
        if (w.env.notes.v[i]->kind != NOTE_LOG_MESSAGE) continue;
        struct slice text = w.env.notes.v[i]->text;
        int64_t at = 0;
        while (at < text.n && !slice_starts(slice_sub(text, at, text.n), S(": "))) at++;
        struct slice rest = slice_sub(text, at + 2, text.n);
        n += slice_starts(rest, name) &&
             slice_starts(slice_sub(rest, name.n, rest.n), S(" makes no difference: "));
    }
    return n;
}

static void
check_state(int8_t type, struct slice resource, enum config_scope scope, int32_t id)
{
    const struct k_config *k = scope == CONFIG_TOPIC ? &k_topic_configs[id] : &k_broker_configs[id];
    struct slice name = k_text(k->name), value = other_value(scope, id);
    const struct k_incremental_alter_configs_response_alter_configs_resource_response *r;
    struct k_incremental_alter_configs_request_alterable_config c = {name, SET, value};
    r = alter_all(type, resource, &c, 1, true);
    if (k->state == K_CS_REFUSED) {
        assert_int_equal(r->error_code,
                         scope == CONFIG_TOPIC ? K_ERR_INVALID_CONFIG : K_ERR_INVALID_REQUEST);
        assert_true(slice_starts(slice_sub(r->error_message, name.n, r->error_message.n),
                                 S(" cannot be had: ")));
        return;
    }
    assert_int_equal(r->error_code, K_ERR_NONE);
    assert_int_equal(told_of(name), 0); /* it was only asked whether it may be set */
    assert_int_equal(alter(type, resource, name, SET, value), K_ERR_NONE);
    assert_int_equal(alter(type, resource, name, SET, value), K_ERR_NONE);
    assert_int_equal(told_of(name), k->state == K_CS_WARNED);
}

static void
groups_and_metrics_have_settings_of_their_own(void **state)
{
    (void)state;
    struct slice session = S("consumer.session.timeout.ms");
    begin_with_topic();
    assert_int_equal(alter(RESOURCE_GROUP, S("g"), session, SET, S("50000")), K_ERR_NONE);
    assert_slice(value_of(RESOURCE_GROUP, S("g"), session), "50000");
    assert_int_equal(alter(RESOURCE_GROUP, S("g"), session, SET, S("1")), K_ERR_INVALID_CONFIG);
    assert_int_equal(alter(RESOURCE_GROUP, S("g"), session, SET, S("x")), K_ERR_INVALID_CONFIG);
    assert_int_equal(alter(RESOURCE_GROUP, S("g"), S("no"), SET, S("1")), K_ERR_INVALID_CONFIG);
    assert_int_equal(alter(RESOURCE_GROUP, S(""), session, SET, S("50000")), K_ERR_INVALID_REQUEST);
    assert_int_equal(
        alter(RESOURCE_GROUP, S("g"), S("streams.rack.aware.assignment.tags"), APPEND, S("a")),
        K_ERR_INVALID_CONFIG);
    assert_slice(value_of(RESOURCE_GROUP, S("g"), session), "50000");
    assert_int_equal(alter(RESOURCE_GROUP, S("g"), session, DELETE, SLICE_NULL), K_ERR_NONE);
    assert_null(value_of(RESOURCE_GROUP, S("g"), session).p);

    int8_t metrics = RESOURCE_CLIENT_METRICS;
    assert_int_equal(alter(metrics, S("m"), S("interval.ms"), SET, S("100")), K_ERR_NONE);
    assert_int_equal(alter(metrics, S("m"), S("interval.ms"), SET, S("99")), K_ERR_INVALID_REQUEST);
    assert_int_equal(alter(metrics, S("m"), S("interval.ms"), SET, S("x")), K_ERR_INVALID_CONFIG);
    assert_int_equal(alter(metrics, S("m"), S("no"), SET, S("1")), K_ERR_INVALID_REQUEST);
    assert_int_equal(alter(metrics, S("m"), S("match"), SET, S("client_id=a")), K_ERR_NONE);
    assert_int_equal(alter(metrics, S("m"), S("match"), SET, S("x=a")), K_ERR_INVALID_CONFIG);
    assert_slice(value_of(metrics, S("m"), S("match")), "client_id=a");
}

static void
every_topic_setting_has_the_state_that_the_table_says(void **state)
{
    (void)state;
    begin_with_topic();
    for (int32_t i = 0; i < K_TCFGS_N; i++) check_state(RESOURCE_TOPIC, S("t"), CONFIG_TOPIC, i);
}

static void
every_setting_that_changes_at_run_time_has_the_state_that_the_table_says(void **state)
{
    (void)state;
    begin_with_topic();
    for (int32_t i = 0; i < K_CFGS_N; i++) {
        int flags = k_broker_configs[i].flags;
        if (!(flags & (K_CF_PER_BROKER | K_CF_CLUSTER_WIDE)) || flags & K_CF_AT_START) continue;
        if (i == K_CFG_MIN_INSYNC_REPLICAS) continue; /* not for one broker, with ELR */
        check_state(RESOURCE_BROKER, S("1"), CONFIG_BROKER, i);
    }
}

static void
what_holds_from_the_start_on_is_not_changed_at_run_time(void **state)
{
    (void)state;
    begin_with_topic();
    struct k_incremental_alter_configs_request_alterable_config c = {S("listeners"), SET,
                                                                     S("PLAINTEXT://:1")};
    const struct k_incremental_alter_configs_response_alter_configs_resource_response *r =
        alter_all(RESOURCE_BROKER, S("1"), &c, 1, false);
    assert_int_equal(r->error_code, K_ERR_INVALID_REQUEST);
    assert_slice(r->error_message,
                 "listeners holds from a broker's start on: it cannot be changed at run time");
}

static void
only_what_makes_no_difference_is_told_of_when_a_topic_is_made(void **state)
{
    (void)state;
    start_brokers(1);
    struct k_create_topics_request r;
    struct k_create_topics_request_creatable_topic_config c = {S("cleanup.policy"), S("compact")};
    struct k_create_topics_request_creatable_topic t = topic_named(S("__consumer_offsets"), 1, 1);
    t.configs = &c, t.configs_n = 1;
    codec_default(K_MSG_CREATE_TOPICS_REQUEST, &r);
    r.topics = &t, r.topics_n = 1;
    (void)answer_to(K_API_CREATE_TOPICS, 7, &r);
    assert_int_equal(told_of(c.name), 0);
    t.name = S("mine");
    (void)answer_to(K_API_CREATE_TOPICS, 7, &r);
    assert_int_equal(told_of(c.name), 0);
    t.name = S("another");
    c = (struct k_create_topics_request_creatable_topic_config){S("preallocate"), S("true")};
    (void)answer_to(K_API_CREATE_TOPICS, 7, &r);
    assert_int_equal(told_of(c.name), 1);
}

/* Kafka: InvalidConfigurationException. */
static void
a_compaction_lag_beyond_its_maximum_is_refused(void **state)
{
    (void)state;
    begin_with_topic();
    struct slice min = S("min.compaction.lag.ms"), max = S("max.compaction.lag.ms");
    struct k_incremental_alter_configs_request_alterable_config both[] = {{min, SET, S("5")},
                                                                          {max, SET, S("4")}};
    const struct k_incremental_alter_configs_response_alter_configs_resource_response *r =
        alter_all(RESOURCE_TOPIC, S("t"), both, 2, false);
    assert_int_equal(r->error_code, K_ERR_INVALID_CONFIG);
    assert_slice(
        r->error_message,
        "conflict topic config setting min.compaction.lag.ms (5) > max.compaction.lag.ms (4)");
    assert_null(value_of(RESOURCE_TOPIC, S("t"), min).p);
    assert_int_equal(alter(RESOURCE_TOPIC, S("t"), max, SET, S("4")), K_ERR_NONE);
    assert_int_equal(alter(RESOURCE_TOPIC, S("t"), min, SET, S("5")), K_ERR_INVALID_CONFIG);
    assert_int_equal(alter(RESOURCE_TOPIC, S("t"), min, SET, S("4")), K_ERR_NONE);
    assert_int_equal(alter(RESOURCE_TOPIC, S("t"), max, DELETE, SLICE_NULL), K_ERR_NONE);
    struct k_create_topics_request q;
    struct k_create_topics_request_creatable_topic_config c[] = {{min, S("5")}, {max, S("4")}};
    struct k_create_topics_request_creatable_topic t = topic_named(S("u"), 1, 1);
    t.configs = c, t.configs_n = 2;
    codec_default(K_MSG_CREATE_TOPICS_REQUEST, &q);
    q.topics = &t, q.topics_n = 1;
    const struct k_create_topics_response *made = answer_to(K_API_CREATE_TOPICS, 7, &q);
    assert_int_equal(made->topics[0].error_code, K_ERR_INVALID_CONFIG);
}

static int
begin_noting(void **state)
{
    (void)state;
    return world_begin_with(&usual_options, true);
}

#define NOTING_TEST(name) cmocka_unit_test_setup_teardown(name, begin_noting, world_end)

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
        NOTING_TEST(groups_and_metrics_have_settings_of_their_own),
        NOTING_TEST(every_topic_setting_has_the_state_that_the_table_says),
        NOTING_TEST(every_setting_that_changes_at_run_time_has_the_state_that_the_table_says),
        TEST(what_holds_from_the_start_on_is_not_changed_at_run_time),
        NOTING_TEST(only_what_makes_no_difference_is_told_of_when_a_topic_is_made),
        TEST(a_compaction_lag_beyond_its_maximum_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
