#include "tests/unit/client/scripted.h"

/* One call, begun by the client's machine. */
static struct script script;
static struct admin_op op;
static int done_n;
static void (*call)(struct client *c);
static char message[64];
static int32_t partitions_n;

static void
ended(struct admin_op *o)
{
    done_n++;
    assert_int_equal(o->message.n < (int64_t)sizeof message, 1);
    if (o->message.n) memcpy(message, o->message.p, (size_t)o->message.n);
    if (call && o->response && !o->error && script.asked[K_API_CREATE_TOPICS])
        partitions_n =
            ((const struct k_create_topics_response *)o->response)->topics->num_partitions;
}

static void
begin(struct script *s, struct env *env)
{
    (void)s;
    struct client_params cp = client_params_default();
    cp.bootstrap = S("s1:9092,s2:9092");
    cp.request_timeout_ms = 500;
    op.done = ended;
    call(client_new(env, &cp));
}

static int
set_up(void **state)
{
    (void)state;
    script_init(&script, begin);
    memset(&op, 0, sizeof op);
    memset(message, 0, sizeof message);
    op.timeout_ms = 3000;
    done_n = partitions_n = 0;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    script_release(&script);
    return 0;
}

/* ---- creating ---- */

static void
create(struct client *c)
{
    static const struct topic_setting setting = {{(const uint8_t *)"retention.ms", 12},
                                                 {(const uint8_t *)"5", 1}};
    static const int32_t placement[] = {2, 1};
    admin_create_topic(c, &op,
                       &(struct new_topic){.name = S("made"),
                                           .settings = &setting,
                                           .settings_n = 1,
                                           .placement = placement,
                                           .partitions_placed = 1,
                                           .replicas_placed = 2});
}

static int16_t
created(struct script *s, int32_t node, int16_t version, const void *request, void *response,
        struct arena *a)
{
    (void)s, (void)node, (void)version;
    const struct k_create_topics_request *q = request;
    struct k_create_topics_response *r = response;
    assert_slice(q->topics->name, "made");
    assert_int_equal(q->topics->num_partitions, -1);
    assert_int_equal(q->topics->assignments_n, 1);
    assert_int_equal(q->topics->assignments->broker_ids[0], 2);
    assert_slice(q->topics->configs->name, "retention.ms");
    r->topics_n = 1;
    r->topics = codec_array(a, K_STRUCT_CREATE_TOPICS_RESPONSE_CREATABLE_TOPIC_RESULT, 1);
    r->topics->name = S("made");
    r->topics->num_partitions = 7;
    return K_ERR_NONE;
}

static void
a_topic_is_created_as_asked(void **state)
{
    (void)state;
    call = create;
    script.other = created;
    script_run(&script, 300);
    assert_int_equal(done_n, 1);
    assert_int_equal(op.error, K_ERR_NONE);
    assert_int_equal(op.attempts, 1);
    assert_int_equal(partitions_n, 7);
}

static int16_t
exists(struct script *s, int32_t node, int16_t version, const void *request, void *response,
       struct arena *a)
{
    struct k_create_topics_response *r = response;
    (void)created(s, node, version, request, response, a);
    r->topics->error_code = K_ERR_TOPIC_ALREADY_EXISTS;
    r->topics->error_message = S("it is there");
    return K_ERR_NONE;
}

static void
what_is_refused_for_good_is_told_at_once(void **state)
{
    (void)state;
    call = create;
    script.other = exists;
    script_run(&script, 300);
    assert_int_equal(done_n, 1);
    assert_int_equal(op.error, K_ERR_TOPIC_ALREADY_EXISTS);
    assert_string_equal(message, "it is there");
    assert_int_equal(script.asked[K_API_CREATE_TOPICS], 1);
}

/* Whoever is asked first does not find the controller; the other one does. */
static int16_t
the_second_knows(struct script *s, int32_t node, int16_t version, const void *request,
                 void *response, struct arena *a)
{
    static int32_t first;
    struct k_create_topics_response *r = response;
    if (s->asked[K_API_CREATE_TOPICS] == 1) first = node;
    (void)created(s, node, version, request, response, a);
    if (node == first) r->topics->error_code = K_ERR_NOT_CONTROLLER;
    return K_ERR_NONE;
}

static void
another_broker_is_asked_when_one_cannot(void **state)
{
    (void)state;
    call = create;
    script.other = the_second_knows;
    script_run(&script, 1000);
    assert_int_equal(op.error, K_ERR_NONE);
    assert_int_equal(op.attempts, 2);
}

static int16_t
silent(struct script *s, int32_t node, int16_t version, const void *request, void *response,
       struct arena *a)
{
    (void)s, (void)node, (void)version, (void)request, (void)response, (void)a;
    return SCRIPT_NO_ANSWER;
}

static void
without_an_answer_it_ends_when_its_time_is_over(void **state)
{
    (void)state;
    call = create;
    script.other = silent;
    script_run(&script, 2900);
    assert_int_equal(done_n, 0);
    script_run(&script, 300);
    assert_int_equal(done_n, 1);
    assert_int_equal(op.error, K_ERR_NETWORK_EXCEPTION);
    assert_true(op.attempts > 2);
    assert_null(op.response);
}

static void
without_a_broker_it_ends_as_well(void **state)
{
    (void)state;
    call = create;
    fault_crash(script.nodes[0]);
    fault_crash(script.nodes[1]);
    script_run(&script, 3300);
    assert_int_equal(done_n, 1);
    assert_int_equal(op.error, K_ERR_NETWORK_EXCEPTION);
    assert_int_equal(op.attempts, 0); /* it was never sent: nothing can have come of it */
}

static void
a_broker_that_is_too_old_is_told_of(void **state)
{
    (void)state;
    call = create;
    script.other = created;
    script.other_max = 3; /* -1 for defaults needs 4 */
    script_run(&script, 300);
    assert_int_equal(done_n, 1);
    assert_int_equal(op.error, K_ERR_UNSUPPORTED_VERSION);
    assert_int_equal(script.asked[K_API_CREATE_TOPICS], 0);
}

/* ---- the others ---- */

static void
delete_it(struct client *c)
{
    admin_delete_topic(c, &op, S("made"));
}

static int16_t
deleted(struct script *s, int32_t node, int16_t version, const void *request, void *response,
        struct arena *a)
{
    (void)s, (void)node;
    const struct k_delete_topics_request *q = request;
    struct k_delete_topics_response *r = response;
    assert_slice(version < 6 ? q->topic_names[0] : q->topics->name, "made");
    r->responses_n = 1;
    r->responses = codec_array(a, K_STRUCT_DELETE_TOPICS_RESPONSE_DELETABLE_TOPIC_RESULT, 1);
    r->responses->error_code = K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
    return K_ERR_NONE;
}

static void
deletion_is_asked_for_by_name_in_all_versions(void **state)
{
    (void)state;
    call = delete_it;
    script.other = deleted;
    op.timeout_ms = 50;
    script_run(&script, 300);
    assert_int_equal(done_n, 1);
    assert_int_equal(op.version, 6);
    assert_int_equal(op.error, K_ERR_UNKNOWN_TOPIC_OR_PARTITION);
    (void)tear_down(NULL);
    (void)set_up(NULL);
    script.other = deleted;
    script.other_max = 5;
    op.timeout_ms = 50;
    script_run(&script, 300);
    assert_int_equal(done_n, 1);
    assert_int_equal(op.version, 5);
}

static void
elect_it(struct client *c)
{
    admin_elect_leader(c, &op, true, S("t"), 1);
}

static int16_t
elected(struct script *s, int32_t node, int16_t version, const void *request, void *response,
        struct arena *a)
{
    (void)s, (void)node, (void)version;
    const struct k_elect_leaders_request *q = request;
    struct k_elect_leaders_response *r = response;
    assert_int_equal(q->election_type, 1);
    assert_int_equal(q->topic_partitions->partitions[0], 1);
    r->replica_election_results_n = 1;
    r->replica_election_results =
        codec_array(a, K_STRUCT_ELECT_LEADERS_RESPONSE_REPLICA_ELECTION_RESULT, 1);
    r->replica_election_results->partition_result_n = 1;
    r->replica_election_results->partition_result =
        codec_array(a, K_STRUCT_ELECT_LEADERS_RESPONSE_PARTITION_RESULT, 1);
    r->replica_election_results->partition_result->error_code = K_ERR_ELECTION_NOT_NEEDED;
    return K_ERR_NONE;
}

static void
the_partition_of_an_election_has_its_error(void **state)
{
    (void)state;
    call = elect_it;
    script.other = elected;
    script_run(&script, 300);
    assert_int_equal(op.error, K_ERR_ELECTION_NOT_NEEDED);
}

static void
ask_about_all(struct client *c)
{
    admin_metadata(c, &op, SLICE_NULL);
}

static void
metadata_is_an_answer_in_itself(void **state)
{
    (void)state;
    call = ask_about_all;
    script_run(&script, 300);
    assert_int_equal(done_n, 1);
    assert_int_equal(op.error, K_ERR_NONE);
}

/* ---- what changes the cluster while it runs ---- */

static int32_t asked_node;

static void
trim_it(struct client *c)
{
    admin_delete_records(c, &op, S("t"), 1, 40);
}

static int16_t
trimmed(struct script *s, int32_t node, int16_t version, const void *request, void *response,
        struct arena *a)
{
    (void)version;
    const struct k_delete_records_request *q = request;
    struct k_delete_records_response *r = response;
    asked_node = node;
    assert_true(slice_eq(q->topics->name, S("t")));
    assert_int_equal(q->topics->partitions->partition_index, 1);
    assert_int_equal(q->topics->partitions->offset, 40);
    r->topics_n = 1;
    r->topics = codec_array(a, K_STRUCT_DELETE_RECORDS_RESPONSE_DELETE_RECORDS_TOPIC_RESULT, 1);
    r->topics->partitions_n = 1;
    r->topics->partitions =
        codec_array(a, K_STRUCT_DELETE_RECORDS_RESPONSE_DELETE_RECORDS_PARTITION_RESULT, 1);
    r->topics->partitions->low_watermark = 40;
    if (node == s->leader[1]) return K_ERR_NONE;
    r->topics->partitions->error_code = K_ERR_NOT_LEADER_OR_FOLLOWER;
    return K_ERR_NONE;
}

static void
records_are_deleted_by_the_leader_of_now(void **state)
{
    (void)state;
    call = trim_it;
    script.other = trimmed;
    script_run(&script, 300);
    assert_int_equal(op.error, K_ERR_NONE);
    assert_int_equal(asked_node, script.leader[1]);
    assert_false(op.in_doubt);
}

static void
grow_it(struct client *c)
{
    admin_create_partitions(c, &op, S("t"), 5);
}

static int16_t
grown(struct script *s, int32_t node, int16_t version, const void *request, void *response,
      struct arena *a)
{
    (void)s, (void)node, (void)version;
    const struct k_create_partitions_request *q = request;
    struct k_create_partitions_response *r = response;
    assert_int_equal(q->topics->count, 5);
    assert_int_equal(q->topics->assignments_n, -1);
    r->results_n = 1;
    r->results =
        codec_array(a, K_STRUCT_CREATE_PARTITIONS_RESPONSE_CREATE_PARTITIONS_TOPIC_RESULT, 1);
    r->results->error_code = K_ERR_INVALID_PARTITIONS;
    return K_ERR_NONE;
}

static void
a_refusal_leaves_no_doubt(void **state)
{
    (void)state;
    call = grow_it;
    script.other = grown;
    script_run(&script, 300);
    assert_int_equal(op.error, K_ERR_INVALID_PARTITIONS);
    assert_false(op.in_doubt);
}

static int16_t
broken(struct script *s, int32_t node, int16_t version, const void *request, void *response,
       struct arena *a)
{
    if (s->asked[K_API_CREATE_PARTITIONS] < 2) return SCRIPT_BREAK;
    return grown(s, node, version, request, response, a);
}

static void
after_a_broken_connection_a_refusal_is_in_doubt(void **state)
{
    (void)state;
    call = grow_it;
    script.other = broken;
    script_run(&script, 2000);
    assert_int_equal(op.error, K_ERR_INVALID_PARTITIONS);
    assert_true(op.in_doubt);
}

static void
alter_it(struct client *c)
{
    static const struct topic_setting settings[] = {
        {{(const uint8_t *)"log.retention.ms", 16}, {(const uint8_t *)"5", 1}},
        {{(const uint8_t *)"log.cleaner.threads", 19}, {NULL, 0}}};
    admin_alter_configs(c, &op, ADMIN_BROKER, S("2"), settings, 2);
}

static int16_t
altered(struct script *s, int32_t node, int16_t version, const void *request, void *response,
        struct arena *a)
{
    (void)s, (void)version;
    const struct k_incremental_alter_configs_request *q = request;
    struct k_incremental_alter_configs_response *r = response;
    asked_node = node;
    assert_int_equal(q->resources->resource_type, ADMIN_BROKER);
    assert_int_equal(q->resources->configs[0].config_operation, 0);
    assert_int_equal(q->resources->configs[1].config_operation, 1);
    assert_null(q->resources->configs[1].value.p);
    r->responses_n = 1;
    r->responses = codec_array(
        a, K_STRUCT_INCREMENTAL_ALTER_CONFIGS_RESPONSE_ALTER_CONFIGS_RESOURCE_RESPONSE, 1);
    return K_ERR_NONE;
}

static void
a_broker_is_asked_itself_for_its_settings(void **state)
{
    (void)state;
    call = alter_it;
    script.other = altered;
    script_run(&script, 300);
    assert_int_equal(op.error, K_ERR_NONE);
    assert_int_equal(asked_node, 2);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_topic_is_created_as_asked),
        CASE(what_is_refused_for_good_is_told_at_once),
        CASE(another_broker_is_asked_when_one_cannot),
        CASE(without_an_answer_it_ends_when_its_time_is_over),
        CASE(without_a_broker_it_ends_as_well),
        CASE(a_broker_that_is_too_old_is_told_of),
        CASE(deletion_is_asked_for_by_name_in_all_versions),
        CASE(the_partition_of_an_election_has_its_error),
        CASE(metadata_is_an_answer_in_itself),
        CASE(records_are_deleted_by_the_leader_of_now),
        CASE(a_refusal_leaves_no_doubt),
        CASE(after_a_broken_connection_a_refusal_is_in_doubt),
        CASE(a_broker_is_asked_itself_for_its_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
