/* What a quorum answers to whoever asks about it, and to those it refuses. */
#include "tests/unit/raft/cluster.h"

static void
described(struct raft_answer *a, const void *response)
{
    const struct k_describe_quorum_response *p = response;
    struct k_describe_quorum_response_partition_data *d = &p->topics[0].partitions[0];
    int64_t *ret = a->held;
    ret[0] = d->error_code;
    ret[1] = d->current_voters_n;
    ret[2] = d->observers_n;
    for (int32_t i = 0; i < d->current_voters_n; i++) {
        ret[3] += d->current_voters[i].log_end_offset >= d->high_watermark - 10;
        /* With kraft.version 0 no voter has a directory, not even the one that answers. */
        assert_true(uuid_is_zero(d->current_voters[i].replica_directory_id));
    }
}

static void
describe(struct env *env, void *ctx)
{
    struct node *n = env->machine;
    struct k_describe_quorum_request_partition_data d = {.partition_index = 0};
    struct k_describe_quorum_request_topic_data t = {
        .topic_name = RAFT_TOPIC, .partitions = &d, .partitions_n = 1};
    struct k_describe_quorum_request q = {.topics = &t, .topics_n = 1};
    struct raft_answer a = {.done = described, .held = ctx};
    raft_handle_describe_quorum(n->raft, &a, &q, 2);
}

struct voter_update {
    int32_t voter_id, epoch_off;
    struct slice listener;
    int16_t least, most;
    int16_t err;
};

static void
updated(struct raft_answer *a, const void *response)
{
    const struct k_update_raft_voter_response *p = response;
    ((struct voter_update *)a->held)->err = p->error_code;
}

static void
update_voter(struct env *env, void *ctx)
{
    struct node *n = env->machine;
    struct voter_update *u = ctx;
    struct k_update_raft_voter_request_listener at = {
        .name = u->listener, .host = S("elsewhere"), .port = 1};
    struct k_update_raft_voter_request q = {.current_leader_epoch =
                                                raft_epoch(n->raft) + u->epoch_off,
                                            .voter_id = u->voter_id,
                                            .voter_directory_id = {{7}},
                                            .listeners = &at,
                                            .listeners_n = 1,
                                            .k_raft_version_feature = {u->least, u->most}};
    struct raft_answer a = {.done = updated, .held = u};
    raft_handle_update_voter(n->raft, &a, &q);
}

static int16_t
update_answer(struct machine *m, struct voter_update u)
{
    machine_poke(m, update_voter, &u);
    return u.err;
}

static void
the_leader_takes_what_a_voter_says_of_itself(void **state)
{
    (void)state;
    struct node_args args[NODES];
    struct cluster *c = cluster_new(9, args, NODES, VOTERS, false);
    must_progress(c, NODES, 40, 10 * NS_PER_S);
    struct machine *leader = c->machines[active(c)];
    struct machine *other = c->machines[(active(c) + 1) % VOTERS];
    struct slice name = S("CONTROLLER");
    assert_int_equal(update_answer(leader, (struct voter_update){2, 0, name, 0, 1, -1}),
                     K_ERR_NONE);
    assert_int_equal(update_answer(other, (struct voter_update){2, 0, name, 0, 1, -1}),
                     K_ERR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(update_answer(leader, (struct voter_update){2, -1, name, 0, 1, -1}),
                     K_ERR_FENCED_LEADER_EPOCH);
    assert_int_equal(update_answer(leader, (struct voter_update){2, 1, name, 0, 1, -1}),
                     K_ERR_UNKNOWN_LEADER_EPOCH);
    assert_int_equal(update_answer(leader, (struct voter_update){NODES, 0, name, 0, 1, -1}),
                     K_ERR_VOTER_NOT_FOUND);
    assert_int_equal(update_answer(leader, (struct voter_update){2, 0, S("PLAIN"), 0, 1, -1}),
                     K_ERR_INVALID_REQUEST);
    assert_int_equal(update_answer(leader, (struct voter_update){2, 0, name, 1, 1, -1}),
                     K_ERR_INVALID_REQUEST);
    assert_int_equal(update_answer(leader, (struct voter_update){2, 0, name, 1, 0, -1}),
                     K_ERR_INVALID_REQUEST);
    cluster_free(c);
}

static void
the_leader_describes_the_quorum_others_refuse(void **state)
{
    (void)state;
    struct node_args args[NODES];
    struct cluster *c = cluster_new(7, args, NODES, VOTERS, false);
    must_progress(c, NODES, 40, 10 * NS_PER_S);
    int64_t leader[4] = {0}, other[4] = {0};
    machine_poke(c->machines[active(c)], describe, leader);
    machine_poke(c->machines[(active(c) + 1) % VOTERS], describe, other);
    assert_int_equal(leader[0], K_ERR_NONE);
    assert_int_equal(leader[1], VOTERS);
    assert_int_equal(leader[2], 1);
    assert_int_equal(leader[3], VOTERS);
    assert_int_equal(other[0], K_ERR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(other[1], 0);
    cluster_free(c);
}

struct snapshot_question {
    struct slice cluster, topic;
    int32_t epoch_more; /* than the node's own */
    int16_t err, top_err;
    int32_t leader_id;
};

static void
snapshot_told(struct raft_answer *a, const void *response)
{
    const struct k_fetch_snapshot_response *p = response;
    struct snapshot_question *s = a->held;
    s->top_err = p->error_code;
    if (p->topics_n != 1) return;
    s->err = p->topics[0].partitions[0].error_code;
    s->leader_id = p->topics[0].partitions[0].current_leader.leader_id;
}

static void
ask_for_snapshot(struct env *env, void *ctx)
{
    struct node *n = env->machine;
    struct snapshot_question *s = ctx;
    struct k_fetch_snapshot_request_partition_snapshot d = {
        .current_leader_epoch = raft_epoch(n->raft) + s->epoch_more};
    struct k_fetch_snapshot_request_topic_snapshot t = {
        .name = s->topic, .partitions = &d, .partitions_n = 1};
    struct k_fetch_snapshot_request q = {.cluster_id = s->cluster, .topics = &t, .topics_n = 1};
    struct raft_answer a = {.done = snapshot_told, .held = s};
    raft_handle_fetch_snapshot(n->raft, &a, &q);
}

static struct snapshot_question
asked_for_snapshot(struct cluster *c, int32_t i, struct slice cluster, struct slice topic,
                   int32_t epoch_more)
{
    struct snapshot_question s = {cluster, topic, epoch_more, K_ERR_NONE, K_ERR_NONE, -2};
    machine_poke(c->machines[i], ask_for_snapshot, &s);
    return s;
}

static void
a_snapshot_is_refused_with_the_reason(void **state)
{
    (void)state;
    struct node_args args[NODES];
    struct cluster *c = cluster_new(7, args, NODES, VOTERS, false);
    must_progress(c, NODES, 40, 10 * NS_PER_S);
    int32_t leader = active(c), other = (leader + 1) % VOTERS;
    struct snapshot_question s = asked_for_snapshot(c, leader, SLICE_NULL, RAFT_TOPIC, 0);
    assert_int_equal(s.err, K_ERR_SNAPSHOT_NOT_FOUND);
    assert_int_equal(s.leader_id, leader + 1);
    s = asked_for_snapshot(c, other, SLICE_NULL, RAFT_TOPIC, 0);
    assert_int_equal(s.err, K_ERR_NOT_LEADER_OR_FOLLOWER);
    assert_int_equal(s.leader_id, leader + 1);
    s = asked_for_snapshot(c, leader, SLICE_NULL, RAFT_TOPIC, -1);
    assert_int_equal(s.err, K_ERR_FENCED_LEADER_EPOCH);
    s = asked_for_snapshot(c, leader, SLICE_NULL, RAFT_TOPIC, 1);
    assert_int_equal(s.err, K_ERR_UNKNOWN_LEADER_EPOCH);
    s = asked_for_snapshot(c, leader, SLICE_NULL, S("orders"), 0);
    assert_int_equal(s.err, K_ERR_UNKNOWN_TOPIC_OR_PARTITION);
    s = asked_for_snapshot(c, leader, S("another-cluster"), RAFT_TOPIC, 0);
    assert_int_equal(s.top_err, K_ERR_INCONSISTENT_CLUSTER_ID);
    cluster_free(c);
}

struct vote_question {
    int32_t voter_id, epoch_more, last_epoch_more; /* than the node's own epoch */
    int32_t replica_id;
    int16_t err;
};

static void
vote_told(struct raft_answer *a, const void *response)
{
    const struct k_vote_response *p = response;
    struct vote_question *v = a->held;
    v->err = p->topics_n == 1 ? p->topics[0].partitions[0].error_code : p->error_code;
}

static void
ask_for_vote(struct env *env, void *ctx)
{
    struct node *n = env->machine;
    struct vote_question *v = ctx;
    int32_t epoch = raft_epoch(n->raft);
    struct k_vote_request_partition_data d = {.replica_epoch = epoch + v->epoch_more,
                                              .replica_id = v->replica_id,
                                              .last_offset_epoch = epoch + v->last_epoch_more};
    struct k_vote_request_topic_data t = {
        .topic_name = RAFT_TOPIC, .partitions = &d, .partitions_n = 1};
    struct k_vote_request q = {.voter_id = v->voter_id, .topics = &t, .topics_n = 1};
    struct raft_answer a = {.done = vote_told, .held = v};
    raft_handle_vote(n->raft, &a, &q);
}

static int16_t
vote_error(struct cluster *c, int32_t voter_id, int32_t epoch_more, int32_t last_epoch_more,
           int32_t replica_id)
{
    struct vote_question v = {voter_id, epoch_more, last_epoch_more, replica_id, K_ERR_NONE};
    machine_poke(c->machines[0], ask_for_vote, &v);
    return v.err;
}

/* What cannot be, then what is past, then what is not for us: in the order in which Kafka says it. */
static void
a_request_for_votes_is_refused_with_the_first_reason(void **state)
{
    (void)state;
    struct node_args args[NODES];
    struct cluster *c = cluster_new(7, args, NODES, VOTERS, false);
    must_progress(c, NODES, 40, 10 * NS_PER_S);
    assert_int_equal(vote_error(c, 9, -1, 0, 2), K_ERR_INVALID_REQUEST);
    assert_int_equal(vote_error(c, 1, 0, 0, 2),
                     K_ERR_INVALID_REQUEST); /* an epoch of its own log */
    assert_int_equal(vote_error(c, 9, -1, -2, 2), K_ERR_INVALID_REQUEST);
    assert_int_equal(vote_error(c, 9, -1, -1, 2), K_ERR_INVALID_REQUEST);
    assert_int_equal(vote_error(c, 9, 0, -1, -1), K_ERR_INVALID_REQUEST);
    assert_int_equal(vote_error(c, 9, 0, -1, 2), K_ERR_INVALID_VOTER_KEY);
    assert_int_equal(vote_error(c, 1, 0, -1, 2), K_ERR_NONE);
    cluster_free(c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_leader_describes_the_quorum_others_refuse),
        cmocka_unit_test(the_leader_takes_what_a_voter_says_of_itself),
        cmocka_unit_test(a_snapshot_is_refused_with_the_reason),
        cmocka_unit_test(a_request_for_votes_is_refused_with_the_first_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
