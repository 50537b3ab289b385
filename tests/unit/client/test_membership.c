#include "broker/client/membership.h"
#include "tests/unit/client/scripted.h"

#define SESSION_MS 1000

static struct script script;
static struct membership *membership;
static struct group_op commit;
static struct env *env;
static struct timer given_up;
static int32_t assigned_n, revoked_n, commits_n;
static int32_t expected_n; /* partitions that it is given */
static enum group_assignor assigning;
static struct slice instance;

/* ---- the owner: polls at once, and commits before it gives up ---- */

static void
commit_done(struct group_op *op)
{
    (void)op;
    commits_n++;
}

static int16_t
    second_error; /* of the second partition that is committed; none: the first goes alone */

static void
commit_first(void)
{
    struct group_offset at[] = {{.topic = S("t"), .partition = 0, .offset = 3},
                                {.topic = S("t"), .partition = 1, .offset = 4}};
    commit = (struct group_op){.done = commit_done};
    membership_commit(membership, &commit, at, second_error ? 2 : 1);
}

static void
on_revoked(void *owner, const struct topic_partition *v, int32_t n)
{
    (void)owner, (void)v, (void)n;
    revoked_n++;
    commit_first();
    timer_arm(env, &given_up, env_now_ns(env)); /* the commit is on its way then */
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
            const struct topic_partition *added, int32_t added_n)
{
    (void)owner, (void)generation, (void)owned, (void)added, (void)added_n;
    assert_int_equal(owned_n, expected_n);
    assigned_n++;
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
on_copies(void *owner, const struct topic_partition *v, int32_t n)
{
    (void)owner, (void)v, (void)n;
}

static void
on_said(void *owner, struct slice words)
{
    (void)owner, (void)words;
}

static void
be_member(struct script *s, struct env *of_client)
{
    static const struct membership_ops ops = {on_revoked,    on_lost, on_assigned, on_refused,
                                              on_wants_poll, on_left, on_copies,   on_said};
    static struct slice topic;
    (void)s;
    env = of_client;
    given_up = (struct timer){.due = rejoin};
    struct client_params cp = client_params_default();
    cp.bootstrap = S("s1:9092");
    struct membership_params p = membership_params_default();
    topic = S("t");
    p.group_id = S("g");
    p.topics = &topic;
    p.topics_n = 1;
    p.assignor = assigning;
    p.instance_id = instance;
    p.session_timeout_ms = SESSION_MS;
    p.heartbeat_interval_ms = 100;
    p.ops = &ops;
    membership = membership_new(client_new(env, &cp), &p);
    membership_poll(membership);
}

/* ---- the group: one member; the first node coordinates it, then the second ---- */

static int32_t coordinator, rounds_wanted;
static int16_t beat_error, sync_error;    /* once */
static int32_t joined_in[8], given_in[8]; /* at each SyncGroup */
static bool commits_at_sync;              /* at the second of them */
static int32_t committed_in;
static struct {
    int32_t owned_n, generation;
} said[8]; /* by each JoinGroup */
static int32_t
    other_owns_until; /* a second member names all partitions as its own in the joins up to this one */
static bool skips_assignment; /* the member is a leader that is back */

/* Whoever has all does not let go of it: it dies, and is back with nothing in the same round. */
static void
add_other(struct k_join_group_response *r, struct arena *a)
{
    struct k_consumer_protocol_subscription_topic_partition owned = {.topic = S("t")};
    struct k_consumer_protocol_subscription s;
    struct slice topic = S("t");
    struct writer w = writer_mem(&env->mem);
    int32_t all[SCRIPT_PARTITIONS];
    for (int32_t i = 0; i < SCRIPT_PARTITIONS; i++) all[i] = i;
    codec_default(K_MSG_CONSUMER_PROTOCOL_SUBSCRIPTION, &s);
    owned.partitions = all;
    owned.partitions_n = SCRIPT_PARTITIONS;
    s.topics = &topic;
    s.topics_n = 1;
    s.owned_partitions = &owned;
    s.owned_partitions_n = script.asked[K_API_JOIN_GROUP] <= other_owns_until;
    s.generation_id = 1;
    writer_i16(&w, 3);
    assert_true(codec_write(K_MSG_CONSUMER_PROTOCOL_SUBSCRIPTION, 3, &s, &w, NULL));
    r->members_n = 2;
    r->members[1].member_id = S("other");
    r->members[1].metadata = arena_dup(a, writer_slice(&w));
    writer_release(&w);
}

/* The subscription comes back as it was said: the leader gives out by it. */
static void
join(const struct k_join_group_request *q, struct k_join_group_response *r, struct arena *a)
{
    r->generation_id = 1 + script.asked[K_API_SYNC_GROUP];
    r->protocol_type = S("consumer");
    r->protocol_name = q->protocols->name;
    r->leader = r->member_id = S("m");
    r->members_n = 1;
    r->members = codec_array(a, K_STRUCT_JOIN_GROUP_RESPONSE_JOIN_GROUP_RESPONSE_MEMBER, 2);
    r->skip_assignment = skips_assignment;
    r->members->member_id = r->member_id;
    r->members->metadata = q->protocols->metadata;
    if (other_owns_until) add_other(r, a);
    struct k_consumer_protocol_subscription s;
    struct reader in = reader(q->protocols->metadata);
    int32_t n = script.asked[K_API_JOIN_GROUP] - 1;
    assert_true(codec_decode(K_MSG_CONSUMER_PROTOCOL_SUBSCRIPTION, reader_i16(&in), &in, a, &s));
    assert_true(n < (int32_t)ARRAY_LEN(said));
    said[n].generation = s.generation_id;
    for (int32_t i = 0; i < s.owned_partitions_n; i++)
        said[n].owned_n += s.owned_partitions[i].partitions_n;
}

static int16_t
once(int16_t *error)
{
    int16_t e = *error;
    *error = K_ERR_NONE;
    return e;
}

static void
refuse_commit(const struct k_offset_commit_request *q, int16_t error,
              struct k_offset_commit_response *r, struct arena *a)
{
    r->topics_n = 1;
    r->topics = codec_array(a, K_STRUCT_OFFSET_COMMIT_RESPONSE_OFFSET_COMMIT_RESPONSE_TOPIC, 1);
    r->topics->name = q->topics->name;
    r->topics->topic_id = q->topics->topic_id;
    r->topics->partitions_n = q->topics->partitions_n;
    r->topics->partitions =
        codec_array(a, K_STRUCT_OFFSET_COMMIT_RESPONSE_OFFSET_COMMIT_RESPONSE_PARTITION, 2);
    for (int32_t i = 0; i < r->topics->partitions_n; i++) {
        r->topics->partitions[i].partition_index = q->topics->partitions[i].partition_index;
        r->topics->partitions[i].error_code = error || i == 0 ? error : second_error;
    }
}

static int16_t
group(struct script *s, int32_t node, int16_t version, const void *q, void *r, struct arena *a)
{
    bool is_coordinator = node == coordinator;
    switch (s->asked_for) {
    case K_API_FIND_COORDINATOR: {
        struct k_find_coordinator_response *found = r;
        assert_true(version >= 4);
        found->coordinators_n = 1;
        found->coordinators = codec_array(a, K_STRUCT_FIND_COORDINATOR_RESPONSE_COORDINATOR, 1);
        found->coordinators->key = S("g");
        found->coordinators->node_id = coordinator;
        found->coordinators->host = coordinator == 1 ? S("s1") : S("s2");
        found->coordinators->port = 9092;
        break;
    }
    case K_API_JOIN_GROUP: join(q, r, a); break;
    case K_API_SYNC_GROUP: {
        const struct k_sync_group_request *sync = q;
        struct k_sync_group_response *answer = r;
        int32_t n = script.asked[K_API_SYNC_GROUP] - 1;
        joined_in[n] = sync->generation_id;
        given_in[n] = membership_generation(membership);
        if (commits_at_sync && n == 1) commit_first();
        if (sync->assignments_n) answer->assignment = sync->assignments->assignment;
        if (s->asked[K_API_SYNC_GROUP] > 1) answer->error_code = once(&sync_error);
        break;
    }
    case K_API_HEARTBEAT:
        if (rounds_wanted > 0) {
            rounds_wanted--;
            ((struct k_heartbeat_response *)r)->error_code = K_ERR_REBALANCE_IN_PROGRESS;
        } else {
            ((struct k_heartbeat_response *)r)->error_code = once(&beat_error);
        }
        break;
    case K_API_OFFSET_COMMIT:
        if (node == 1) coordinator = 2, is_coordinator = false;
        committed_in = ((const struct k_offset_commit_request *)q)->generation_id_or_member_epoch;
        refuse_commit(q, is_coordinator ? K_ERR_NONE : K_ERR_NOT_COORDINATOR, r, a);
        break;
    default: fail_msg("api %d was not expected", s->asked_for);
    }
    return K_ERR_NONE;
}

static int
set_up(void **state)
{
    (void)state;
    script_init(&script, be_member);
    script.other = group;
    coordinator = 1;
    rounds_wanted = assigned_n = revoked_n = commits_n = 0;
    beat_error = sync_error = second_error = K_ERR_NONE;
    commits_at_sync = false;
    committed_in = -1;
    memset(said, 0, sizeof said);
    assigning = ASSIGNOR_RANGE;
    instance = SLICE_NULL;
    expected_n = SCRIPT_PARTITIONS;
    other_owns_until = 0;
    skips_assignment = false;
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    script_release(&script);
    return 0;
}

static void
a_round_ends_with_all_partitions_owned(void **state)
{
    (void)state;
    script_run(&script, 3000);
    assert_int_equal(assigned_n, 1);
    assert_int_equal(revoked_n, 0);
    assert_true(script.asked[K_API_HEARTBEAT] > 10);
}

/* The commit's answer says that the group has moved while JoinGroup is under way to where it was: the answer to
 * that opens no round, and the member joins where the group is now. */
static void
who_hears_that_the_group_has_moved_joins_there(void **state)
{
    (void)state;
    rounds_wanted = 1;
    script_run(&script, 5000);
    assert_int_equal(revoked_n, 1);
    assert_int_equal(assigned_n, 2);
    assert_int_equal(commits_n, 1);
    assert_int_equal(commit.error, K_ERR_NONE);
    assert_int_equal(script.asked[K_API_JOIN_GROUP], 3);
    assert_int_equal(script.asked[K_API_SYNC_GROUP], 2);
}

/* It has lost all, and joins a round that comes to nothing: it does not name again what it had. Were it given less, it
 * would have nothing to let go of, and what it named would be given to nobody. */
static void
who_has_lost_all_names_nothing(void **state)
{
    (void)state;
    assigning = ASSIGNOR_COOPERATIVE_STICKY;
    beat_error = K_ERR_UNKNOWN_MEMBER_ID;
    sync_error = K_ERR_REBALANCE_IN_PROGRESS;
    script_run(&script, 3000);
    assert_int_equal(script.asked[K_API_JOIN_GROUP], 3);
    for (int i = 0; i < 3; i++) assert_int_equal(said[i].owned_n, 0);
    assert_int_equal(said[2].generation, -1);
    assert_int_equal(assigned_n, 2);
}

/* It kept all the while what it got in the first generation. */
static void
a_round_that_came_to_nothing_gave_nothing(void **state)
{
    (void)state;
    assigning = ASSIGNOR_COOPERATIVE_STICKY;
    rounds_wanted = 1;
    sync_error = K_ERR_REBALANCE_IN_PROGRESS;
    script_run(&script, 3000);
    assert_int_equal(script.asked[K_API_JOIN_GROUP], 3);
    for (int i = 1; i < 3; i++) {
        assert_int_equal(said[i].owned_n, SCRIPT_PARTITIONS);
        assert_int_equal(said[i].generation, said[1].generation);
    }
}

/* Coordinators that follow each other may both count a second generation: who has only joined one owns nothing in it. */
static void
who_waits_for_its_part_owns_by_the_round_before(void **state)
{
    (void)state;
    assigning = ASSIGNOR_COOPERATIVE_STICKY;
    rounds_wanted = 1;
    script_run(&script, 3000);
    assert_int_equal(script.asked[K_API_SYNC_GROUP], 2);
    assert_int_equal(given_in[0], -1);
    assert_int_equal(given_in[1], joined_in[0]);
    assert_int_not_equal(joined_in[1], joined_in[0]);
    assert_int_equal(membership_generation(membership), joined_in[1]);
}

/* What it has done it has done as an owner by the round before: in the new one that may be another's. */
static void
who_waits_for_its_part_commits_by_the_round_before(void **state)
{
    (void)state;
    assigning = ASSIGNOR_COOPERATIVE_STICKY;
    rounds_wanted = 1;
    commits_at_sync = true;
    script_run(&script, 3000);
    assert_int_equal(commits_n, 1);
    assert_int_equal(committed_in, joined_in[0]);
    assert_int_equal(commit.generation, joined_in[0]);
}

/* Of a topic that is deleted nothing can be committed; of the others it is. */
static void
a_commit_that_is_refused_in_part_is_in_doubt(void **state)
{
    (void)state;
    rounds_wanted = 1;
    second_error = K_ERR_UNKNOWN_TOPIC_OR_PARTITION;
    coordinator = 2;
    script_run(&script, 5000);
    assert_int_equal(commits_n, 1);
    assert_int_equal(commit.error, K_ERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_true(commit.in_doubt);
}

/* What it held back for one round is given out, though nobody else asks for the second one; and then no more are asked for. */
static void
who_held_back_asks_for_the_second_round(void **state)
{
    (void)state;
    assigning = ASSIGNOR_COOPERATIVE_STICKY;
    other_owns_until = 1;
    expected_n = 0;
    script_run(&script, SESSION_MS - 200);
    assert_int_equal(script.asked[K_API_JOIN_GROUP], 1);
    assert_int_equal(assigned_n, 1);
    expected_n = SCRIPT_PARTITIONS / 2;
    script_run(&script, 5 * SESSION_MS);
    assert_int_equal(script.asked[K_API_JOIN_GROUP], 2);
    assert_int_equal(assigned_n, 2);
}

/* It does not know what it had held back before it died. */
static void
a_leader_that_is_back_asks_for_a_round(void **state)
{
    (void)state;
    assigning = ASSIGNOR_COOPERATIVE_STICKY;
    instance = S("seat");
    skips_assignment = true;
    expected_n = 0;
    script_run(&script, SESSION_MS - 200);
    assert_int_equal(script.asked[K_API_JOIN_GROUP], 1);
    skips_assignment = false;
    expected_n = SCRIPT_PARTITIONS;
    script_run(&script, 5 * SESSION_MS);
    assert_int_equal(script.asked[K_API_JOIN_GROUP], 2);
}

/* Who gives all out at once is asked for nothing more. */
static void
an_eager_leader_that_is_back_stays(void **state)
{
    (void)state;
    instance = S("seat");
    skips_assignment = true;
    expected_n = 0;
    script_run(&script, 5 * SESSION_MS);
    assert_int_equal(script.asked[K_API_JOIN_GROUP], 1);
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_round_ends_with_all_partitions_owned, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_has_lost_all_names_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_round_that_came_to_nothing_gave_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_waits_for_its_part_owns_by_the_round_before, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_commit_that_is_refused_in_part_is_in_doubt, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_waits_for_its_part_commits_by_the_round_before, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_hears_that_the_group_has_moved_joins_there, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_held_back_asks_for_the_second_round, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_leader_that_is_back_asks_for_a_round, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_eager_leader_that_is_back_stays, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
