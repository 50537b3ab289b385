/* A member of the consumer protocol (KIP-848), whose topic is deleted and made again: what it has and commits is of the one or of the
 * other, by their ids. */
#include "broker/client/membership.h"
#include "tests/unit/client/scripted.h"

#define FORMER 9 /* the last byte of an id */
#define LATTER 10

static struct script script;
static struct membership *membership;
static struct env *env;
static struct group_op commit, look;
static struct timer given_up;
static struct topic_partition has, lost;
static int32_t has_n, added, revoked_n;
static int16_t beat_error; /* once: then all is said again */
/* What the group's coordinator hears, and says. */
static int32_t given_id, given_partition, said_id, said_n, committed_id, looked_id;

/* ---- the owner: commits as it gives up, and looks where it begins ---- */

static void
nothing_done(struct group_op *op)
{
    (void)op;
}

static void
on_revoked(void *owner, const struct topic_partition *v, int32_t n)
{
    (void)owner;
    struct group_offset at = {v->topic, v->partition, 3, -1, v->topic_id};
    revoked_n += n;
    lost = *v;
    commit = (struct group_op){.done = nothing_done};
    membership_commit(membership, &commit, &at, 1);
    timer_arm(env, &given_up, env_now_ns(env) + 50 * NS_PER_MS);
}

static void
rejoin(struct timer *t)
{
    (void)t;
    membership_rejoin(membership);
}

static void
on_lost(void *owner, const struct topic_partition *v, int32_t n)
{
    (void)owner, (void)v, (void)n;
}

static void
on_assigned(void *owner, int32_t generation, const struct topic_partition *owned, int32_t owned_n,
            const struct topic_partition *new, int32_t new_n)
{
    (void)owner, (void)generation;
    has_n = owned_n;
    added += new_n;
    if (!owned_n) return;
    has = *owned;
    look = (struct group_op){.done = nothing_done};
    if (new_n) membership_committed(membership, &look, new, new_n);
}

static void
on_refused(void *owner, int16_t error)
{
    (void)owner;
    fail_msg("refused with %d", error);
}

static void
on_wants_poll(void *owner)
{
    (void)owner;
    membership_poll(membership);
}

static void
on_left(void *owner)
{
    (void)owner;
}

static void
be_member(struct script *s, struct env *of_client)
{
    static const struct membership_ops ops = {.revoked = on_revoked,
                                              .lost = on_lost,
                                              .assigned = on_assigned,
                                              .refused = on_refused,
                                              .wants_poll = on_wants_poll,
                                              .left = on_left};
    static struct slice topic;
    (void)s;
    env = of_client;
    given_up = (struct timer){.due = rejoin};
    struct client_params cp = client_params_default();
    cp.bootstrap = S("s1:9092");
    cp.metadata_max_age_ms = 300;
    struct membership_params p = membership_params_default();
    topic = S("t");
    p.group_id = S("g");
    p.topics = &topic;
    p.topics_n = 1;
    p.protocol = GROUP_PROTOCOL_CONSUMER;
    p.ops = &ops;
    membership = membership_new(client_new(env, &cp), &p);
    membership_poll(membership);
}

/* ---- the group's coordinator ---- */

static void
beat(const struct k_consumer_group_heartbeat_request *q,
     struct k_consumer_group_heartbeat_response *r, struct arena *a)
{
    typedef struct k_consumer_group_heartbeat_response_assignment assignment;
    typedef struct k_consumer_group_heartbeat_response_topic_partitions given;
    if (q->topic_partitions_n > 0) {
        said_n = q->topic_partitions_n;
        said_id = q->topic_partitions->topic_id.b[15];
    }
    r->error_code = beat_error;
    beat_error = K_ERR_NONE;
    r->member_id = q->member_id;
    r->member_epoch = given_id == FORMER ? 1 : 2;
    r->heartbeat_interval_ms = 100;
    r->assignment = ARENA_NEW(a, assignment);
    r->assignment->topic_partitions_n = 1;
    r->assignment->topic_partitions = ARENA_NEW(a, given);
    r->assignment->topic_partitions->topic_id.b[15] = (uint8_t)given_id;
    r->assignment->topic_partitions->partitions_n = 1;
    r->assignment->topic_partitions->partitions = &given_partition;
}

static int16_t
coordinate(struct script *s, int32_t node, int16_t version, const void *q, void *r, struct arena *a)
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
    case K_API_CONSUMER_GROUP_HEARTBEAT: beat(q, r, a); break;
    case K_API_OFFSET_COMMIT:
        committed_id = ((const struct k_offset_commit_request *)q)->topics->topic_id.b[15];
        break;
    case K_API_OFFSET_FETCH: {
        const struct k_offset_fetch_request *of = q;
        struct k_offset_fetch_response *to = r;
        struct k_offset_fetch_response_offset_fetch_response_topics *t;
        looked_id = of->groups->topics->topic_id.b[15];
        to->groups_n = 1;
        to->groups = codec_array(a, K_STRUCT_OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_GROUP, 1);
        to->groups->topics_n = 1;
        t = to->groups->topics =
            codec_array(a, K_STRUCT_OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_TOPICS, 1);
        t->topic_id = of->groups->topics->topic_id;
        t->partitions_n = 1;
        t->partitions =
            codec_array(a, K_STRUCT_OFFSET_FETCH_RESPONSE_OFFSET_FETCH_RESPONSE_PARTITIONS, 1);
        t->partitions->partition_index = given_partition;
        t->partitions->committed_offset = 7;
        break;
    }
    default: fail_msg("api %d was not expected", s->asked_for);
    }
    return K_ERR_NONE;
}

static int
set_up(void **state)
{
    (void)state;
    script_init(&script, be_member);
    script.other = coordinate;
    given_id = FORMER;
    beat_error = K_ERR_NONE;
    given_partition = has_n = added = revoked_n = said_id = said_n = committed_id = looked_id = 0;
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

static void
a_partition_of_the_next_topic_is_another_one(void **state)
{
    (void)state;
    script_run(&script, 1000);
    assert_int_equal(has.topic_id.b[15], FORMER);
    script.made_again = 1;
    given_id = LATTER;
    script_run(&script, 2000);
    assert_int_equal(has_n, 1);
    assert_int_equal(has.topic_id.b[15], LATTER);
    assert_int_equal(added, 2);
    assert_int_equal(revoked_n, 1);
    assert_int_equal(lost.topic_id.b[15], FORMER);
}

/* Others may have been given the new one: it is its own only when the group says so. */
static void
what_it_has_stays_of_the_topic_that_it_was_given_of(void **state)
{
    (void)state;
    script_run(&script, 1000);
    script.made_again = 1; /* it hears of it, its coordinator has not yet */
    script_run(&script, 400);
    beat_error = K_ERR_COORDINATOR_LOAD_IN_PROGRESS;
    script_run(&script, 400);
    assert_int_equal(has_n, 1);
    assert_int_equal(revoked_n, 0);
    assert_int_equal(has.topic_id.b[15], FORMER);
    assert_int_equal(said_id, FORMER);
    assert_int_equal(said_n, 1);
}

static void
offsets_are_those_of_the_topic_with_its_id(void **state)
{
    (void)state;
    script_run(&script, 1000);
    assert_int_equal(script.versions[K_API_OFFSET_FETCH], 10);
    assert_int_equal(looked_id, FORMER);
    assert_int_equal(look.error, K_ERR_NONE);
    script.made_again = 1;
    given_id = LATTER;
    script_run(&script, 2000);
    assert_int_equal(script.versions[K_API_OFFSET_COMMIT], 10);
    assert_int_equal(committed_id, FORMER); /* as it gave it up */
    assert_int_equal(looked_id, LATTER);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_partition_of_the_next_topic_is_another_one, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_it_has_stays_of_the_topic_that_it_was_given_of, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(offsets_are_those_of_the_topic_with_its_id, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
