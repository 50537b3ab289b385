/* A share consumer (KIP-932) whose topic is deleted and made again: partitions are known by their topics' ids. */
#include "broker/client/share_consumer.h"
#include "tests/unit/client/scripted.h"

#define FORMER 9 /* the last byte of an id */
#define LATTER 10

static struct script script;
static struct share_consumer *consumer;
/* What the group's coordinator gives, what the leader hears, and what the owner is told. */
static int32_t given_id, asked_id, left_id, start_id;
static int16_t refusal; /* of what is of the former topic */

static void
on_records(void *owner, const struct share_given *g)
{
    (void)owner, (void)g;
}

static void
on_acknowledged(void *owner, const struct share_decided *d, int16_t error, bool in_doubt)
{
    (void)owner, (void)d, (void)error, (void)in_doubt;
}

static void
on_fetched(void *owner)
{
    (void)owner;
    share_consumer_poll(consumer);
}

static void
on_refused(void *owner, int16_t error)
{
    (void)owner;
    fail_msg("refused with %d", error);
}

static void
on_left(void *owner)
{
    (void)owner;
}

static void
on_start(void *owner, struct uuid topic_id, int32_t partition, int64_t offset, int64_t asked_ns)
{
    (void)owner, (void)partition, (void)offset, (void)asked_ns;
    start_id = topic_id.b[15];
}

static void
share(struct script *s, struct env *env)
{
    static const struct share_consumer_ops ops = {.records = on_records,
                                                  .acknowledged = on_acknowledged,
                                                  .fetched = on_fetched,
                                                  .refused = on_refused,
                                                  .left = on_left,
                                                  .start_offset = on_start};
    (void)s;
    struct client_params cp = client_params_default();
    struct share_consumer_params p = share_consumer_params_default();
    cp.bootstrap = S("s1:9092");
    p.group_id = S("g");
    p.topic = S("t");
    p.ops = &ops;
    consumer = share_consumer_new(client_new(env, &cp), &p);
    share_consumer_poll(consumer);
}

/* ---- brokers ---- */

static void
beat(struct k_share_group_heartbeat_response *r, struct arena *a)
{
    typedef struct k_share_group_heartbeat_response_assignment assignment;
    typedef struct k_share_group_heartbeat_response_topic_partitions given;
    r->member_epoch = given_id == FORMER ? 1 : 2;
    r->heartbeat_interval_ms = 100;
    r->assignment = ARENA_NEW(a, assignment);
    r->assignment->topic_partitions_n = 1;
    r->assignment->topic_partitions = ARENA_NEW(a, given);
    r->assignment->topic_partitions->topic_id.b[15] = (uint8_t)given_id;
    r->assignment->topic_partitions->partitions_n = 1;
    r->assignment->topic_partitions->partitions = ARENA_ARRAY(a, int32_t, 1);
}

static void
lead(const struct k_share_fetch_request *q, struct k_share_fetch_response *r, struct arena *a)
{
    if (q->forgotten_topics_data_n > 0) left_id = q->forgotten_topics_data->topic_id.b[15];
    if (q->topics_n > 0) asked_id = q->topics->topic_id.b[15];
    else if (asked_id != FORMER || !refusal) return;
    r->responses_n = 1;
    r->responses = codec_array(a, K_STRUCT_SHARE_FETCH_RESPONSE_SHARE_FETCHABLE_TOPIC_RESPONSE, 1);
    r->responses->topic_id.b[15] = (uint8_t)asked_id;
    r->responses->partitions_n = 1;
    r->responses->partitions = codec_array(a, K_STRUCT_SHARE_FETCH_RESPONSE_PARTITION_DATA, 1);
    if (asked_id == FORMER) r->responses->partitions->error_code = refusal;
}

static void
tell_start(struct k_describe_share_group_offsets_response *r, struct arena *a)
{
    r->groups_n = 1;
    r->groups = codec_array(
        a,
        K_STRUCT_DESCRIBE_SHARE_GROUP_OFFSETS_RESPONSE_DESCRIBE_SHARE_GROUP_OFFSETS_RESPONSE_GROUP,
        1);
    r->groups->group_id = S("g");
    r->groups->topics_n = 1;
    r->groups->topics = codec_array(
        a,
        K_STRUCT_DESCRIBE_SHARE_GROUP_OFFSETS_RESPONSE_DESCRIBE_SHARE_GROUP_OFFSETS_RESPONSE_TOPIC,
        1);
    r->groups->topics->topic_name = S("t");
    r->groups->topics->topic_id.b[15] = (uint8_t)given_id;
    r->groups->topics->partitions_n = 1;
    r->groups->topics->partitions = codec_array(
        a,
        K_STRUCT_DESCRIBE_SHARE_GROUP_OFFSETS_RESPONSE_DESCRIBE_SHARE_GROUP_OFFSETS_RESPONSE_PARTITION,
        1);
    r->groups->topics->partitions->start_offset = 0;
}

static int16_t
serve(struct script *s, int32_t node, int16_t version, const void *q, void *r, struct arena *a)
{
    (void)node, (void)version;
    switch (s->asked_for) {
    case K_API_FIND_COORDINATOR: {
        struct k_find_coordinator_response *found = r;
        found->coordinators_n = 1;
        found->coordinators = codec_array(a, K_STRUCT_FIND_COORDINATOR_RESPONSE_COORDINATOR, 1);
        found->coordinators->key = S("g");
        found->coordinators->node_id = 1;
        found->coordinators->host = S("s1");
        found->coordinators->port = 9092;
        break;
    }
    case K_API_SHARE_GROUP_HEARTBEAT: beat(r, a); break;
    case K_API_SHARE_FETCH: lead(q, r, a); break;
    case K_API_DESCRIBE_SHARE_GROUP_OFFSETS: tell_start(r, a); break;
    default: fail_msg("api %d was not expected", s->asked_for);
    }
    return K_ERR_NONE;
}

static int
set_up(void **state)
{
    (void)state;
    script_init(&script, share);
    script.other = serve;
    given_id = FORMER;
    refusal = K_ERR_NONE;
    asked_id = left_id = start_id = 0;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    script_release(&script);
    return 0;
}

/* ---- */

/* The coordinator may have heard of it first. */
static void
what_is_given_of_a_topic_not_yet_known_is_fetched_when_it_is(void **state)
{
    (void)state;
    given_id = LATTER;
    script_run(&script, 500);
    assert_int_equal(asked_id, 0);
    script.made_again = 1;
    script_run(&script, 2000);
    assert_int_equal(asked_id, LATTER);
}

static void
what_was_of_the_former_topic_is_forgotten_by_its_id(void **state)
{
    (void)state;
    script_run(&script, 500);
    assert_int_equal(asked_id, FORMER);
    script.made_again = 1;
    given_id = LATTER;
    refusal = K_ERR_UNKNOWN_TOPIC_ID;
    script_run(&script, 3000);
    assert_int_equal(asked_id, LATTER);
    assert_int_equal(left_id, FORMER);
}

static void
a_start_is_told_with_its_topic(void **state)
{
    (void)state;
    script_run(&script, 2000);
    assert_int_equal(start_id, FORMER);
    given_id = LATTER;
    script_run(&script, 2000);
    assert_int_equal(start_id, LATTER);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_is_given_of_a_topic_not_yet_known_is_fetched_when_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_of_the_former_topic_is_forgotten_by_its_id, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_start_is_told_with_its_topic, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
