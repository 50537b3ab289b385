/* Streams groups (KIP-1071), heartbeat by heartbeat: topics that are made, tasks that move, who is out. */
#include "tests/unit/group/streams_fixture.h"

static void
internal_topics_are_made_and_then_tasks_given(void **state)
{
    (void)state;
    const response *r = join_streams(S("a"));
    assert_int_equal(r->error_code, 0);
    assert_int_equal(told_active(r), 0);
    assert_true(says(r, STREAMS_MISSING_INTERNAL_TOPICS));
    assert_int_equal(made.n, 1);
    assert_string_equal(made.name[0], "app-changelog");
    assert_int_equal(made.partitions[0], 4);
    assert_int_equal(streams_state(group()), STREAMS_NOT_READY);
    int32_t epoch = r->member_epoch;
    topics_come();
    r = beat(S("a"), epoch);
    assert_int_equal(told_active(r), 4);
    assert_int_equal(r->status_n, 0);
    assert_true(r->member_epoch > epoch);
    assert_int_equal(r->heartbeat_interval_ms, 5000);
    assert_int_equal(r->task_offset_interval_ms, 60000);
    assert_int_equal(r->acceptable_recovery_lag, 10000);
    assert_int_equal(streams_state(group()), STREAMS_STABLE);
    /* Nothing new is not said again. */
    assert_int_equal(told_active(beat(S("a"), r->member_epoch)), -1);
}

/* As long as it is news: an application that waits says why. */
static void
members_hear_why_topics_cannot_be_made(void **state)
{
    (void)state;
    const response *r = join_streams(S("a"));
    int32_t a = r->member_epoch;
    assert_slice(r->status[0].status_detail, "Internal topics are missing: app-changelog");
    groups_topic_asked(w.gs, S("app-changelog"), S("no room"));
    groups_topic_asked(w.gs, S("another"), S("no room either"));
    assert_slice(
        beat(S("a"), a)->status[0].status_detail,
        "Internal topics are missing: app-changelog; Creation failed: app-changelog (no room).");
    groups_topic_asked(w.gs, S("app-changelog"), SLICE_NULL);
    assert_slice(beat(S("a"), a)->status[0].status_detail,
                 "Internal topics are missing: app-changelog");
    groups_topic_asked(w.gs, S("app-changelog"), S("no room"));
    pass_ms(2 * config_i64(&w.config, K_CFG_GROUP_STREAMS_HEARTBEAT_INTERVAL_MS));
    assert_slice(beat(S("a"), a)->status[0].status_detail,
                 "Internal topics are missing: app-changelog");
}

/* Whoever is refused longest ago is forgotten first. */
static void
failures_of_topics_are_counted(void **state)
{
    (void)state;
    char name[16];
    int32_t a = join_streams(S("a"))->member_epoch;
    groups_topic_asked(w.gs, S("app-changelog"), S("no room"));
    for (int i = 0; i < 999; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        groups_topic_asked(w.gs, slice_cstr(name), S("no"));
    }
    assert_true(slice_ends(beat(S("a"), a)->status[0].status_detail, S("(no room).")));
    groups_topic_asked(w.gs, S("one more"), S("no"));
    assert_slice(beat(S("a"), a)->status[0].status_detail,
                 "Internal topics are missing: app-changelog");
}

static void
missing_sources_are_waited_for(void **state)
{
    (void)state;
    request *q = new_request(S("a"), 0);
    q->topology->subtopologies[0].source_topics[0] = S("nothing");
    const response *r = send(q);
    assert_int_equal(r->error_code, 0);
    assert_true(says(r, STREAMS_MISSING_SOURCE_TOPICS));
    assert_int_equal(made.n, 0);
    add_topic(S("nothing"), 8, 2);
    topics_come();
    r = beat(S("a"), r->member_epoch);
    assert_true(says(r, STREAMS_INCORRECTLY_PARTITIONED_TOPICS));
    assert_int_equal(told_active(r), -1);
}

/* a has all; b joins; what b shall have a closes first. */
static void
a_task_is_closed_before_another_opens_it(void **state)
{
    (void)state;
    topics_come();
    const response *r = join_streams(S("a"));
    assert_int_equal(told_active(r), 4);
    int32_t a = r->member_epoch;
    r = join_streams(S("b"));
    int32_t b = r->member_epoch;
    assert_int_equal(told_active(r), 0);
    assert_int_equal(streams_state(group()), STREAMS_RECONCILING);
    r = beat(S("a"), a);
    assert_int_equal(told_active(r), 2);
    assert_int_equal(r->member_epoch, a);
    r = beat(S("b"), b);
    assert_int_equal(told_active(r), -1);
    r = beat_with(S("a"), a, "01", "");
    assert_int_equal(active_n(S("a")), 2);
    assert_true(r->member_epoch > a);
    r = beat(S("b"), b);
    assert_int_equal(told_active(r), 2);
    assert_int_equal(streams_state(group()), STREAMS_STABLE);
}

static void
who_does_not_close_in_time_is_out(void **state)
{
    (void)state;
    topics_come();
    int32_t a = join_streams(S("a"))->member_epoch;
    int32_t b = join_streams(S("b"))->member_epoch;
    (void)beat(S("a"), a);
    for (int i = 0; i < 3; i++) {
        pass_ms(REBALANCE_MS / 3 - 1);
        commit();
        assert_int_equal(beat(S("a"), a)->error_code, 0);
        assert_int_equal(beat(S("b"), b)->error_code, 0);
    }
    pass_ms(1000);
    commit();
    assert_null(member_of(S("a")));
    assert_int_equal(beat(S("a"), a)->error_code, K_ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(told_active(beat(S("b"), b)), 4);
}

static void
who_leaves_and_who_is_silent_goes(void **state)
{
    (void)state;
    topics_come();
    int32_t a = join_streams(S("a"))->member_epoch;
    int32_t b = join_streams(S("b"))->member_epoch;
    (void)a;
    const response *r = beat(S("a"), EPOCH_LEAVE);
    assert_int_equal(r->error_code, 0);
    assert_int_equal(r->member_epoch, EPOCH_LEAVE);
    assert_int_equal(told_active(beat(S("b"), b)), 4);
    assert_int_equal(beat(S("a"), EPOCH_LEAVE)->error_code, K_ERR_UNKNOWN_MEMBER_ID);
    pass_ms(44000);
    assert_non_null(member_of(S("b")));
    pass_ms(1000);
    commit();
    assert_null(member_of(S("b")));
    assert_int_equal(streams_state(group()), STREAMS_EMPTY);
}

static void
wrong_epochs_members_and_words_are_refused(void **state)
{
    (void)state;
    topics_come();
    assert_int_equal(beat(S("a"), 1)->error_code, K_ERR_GROUP_ID_NOT_FOUND);
    int32_t a = join_streams(S("a"))->member_epoch;
    assert_int_equal(beat(S("b"), a)->error_code, K_ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(beat(S("a"), a + 1)->error_code, K_ERR_FENCED_MEMBER_EPOCH);
    assert_int_equal(beat(S("a"), a - 1)->error_code, K_ERR_FENCED_MEMBER_EPOCH);
    assert_int_equal(beat(S(""), 0)->error_code, K_ERR_INVALID_REQUEST);
    assert_int_equal(beat(S("a"), -3)->error_code, K_ERR_INVALID_REQUEST);
    assert_int_equal(beat(S("a"), EPOCH_LEAVE_STATIC)->error_code, K_ERR_INVALID_REQUEST);
    /* A task that there is not. */
    assert_int_equal(beat_with(S("a"), a, "7", "")->error_code, K_ERR_INVALID_REQUEST);
    request *q = new_request(S("a"), a);
    q->active_tasks_n = 0;
    assert_int_equal(send(q)->error_code, K_ERR_INVALID_REQUEST);
    q = new_request(S("a"), a);
    q->topology = count_topology(0);
    assert_int_equal(send(q)->error_code, K_ERR_INVALID_REQUEST);
    q = new_request(S("b"), 0);
    q->topology = NULL;
    assert_int_equal(send(q)->error_code, K_ERR_INVALID_REQUEST);
    q = new_request(S("b"), 0);
    q->rebalance_timeout_ms = -1;
    assert_int_equal(send(q)->error_code, K_ERR_INVALID_REQUEST);
    q = new_request(S("b"), 0);
    q->topology->subtopologies[0].source_topic_regex = q->topology->subtopologies[0].source_topics;
    q->topology->subtopologies[0].source_topic_regex_n = 1;
    assert_int_equal(send(q)->error_code, K_ERR_INVALID_REQUEST);
    q = new_request(S("b"), 0);
    q->topology->subtopologies[0].source_topics[0] = S("__transaction_state");
    assert_int_equal(send(q)->error_code, K_ERR_STREAMS_INVALID_TOPOLOGY);
    assert_int_equal(group()->streams->members.n, 1);
}

/* Nothing of a group that was refused is left. */
static void
a_refused_first_member_leaves_nothing(void **state)
{
    (void)state;
    request *q = new_request(S("a"), 0);
    asked_sub *s = &q->topology->subtopologies[0];
    s->source_topics_n = 0;
    s->repartition_source_topics = s->state_changelog_topics;
    s->repartition_source_topics_n = 1;
    s->state_changelog_topics_n = 0;
    assert_int_equal(send(q)->error_code, K_ERR_STREAMS_INVALID_TOPOLOGY);
    assert_null(group());
    assert_int_equal(w.log.n, 0);
}

static void
the_epoch_before_is_heeded_when_the_answer_was_lost(void **state)
{
    (void)state;
    topics_come();
    int32_t a = join_streams(S("a"))->member_epoch;
    (void)join_streams(S("b"));
    (void)beat(S("a"), a);
    assert_true(beat_with(S("a"), a, "01", "")->member_epoch > a);
    assert_int_equal(beat_with(S("a"), a, "01", "")->error_code, 0);
    assert_int_equal(beat_with(S("a"), a, "012", "")->error_code, K_ERR_FENCED_MEMBER_EPOCH);
    assert_int_equal(beat(S("a"), a)->error_code, K_ERR_FENCED_MEMBER_EPOCH);
}

/* Otherwise it would wait for what it has, and the task would be at nobody. */
static void
what_was_lost_is_said_again(void **state)
{
    (void)state;
    topics_come();
    int32_t a = join_streams(S("a"))->member_epoch;
    int32_t b = join_streams(S("b"))->member_epoch;
    (void)beat(S("a"), a);
    (void)beat_with(S("a"), a, "01", "");
    const response *lost = beat(S("b"), b);
    assert_int_equal(told_active(lost), 2);
    assert_int_equal(lost->member_epoch, b);
    /* Its epoch is the same: that it has none of its tasks is all that tells. */
    request *q = new_request(S("b"), b);
    q->active_tasks_n = q->standby_tasks_n = q->warmup_tasks_n = 0;
    assert_int_equal(told_active(send(q)), 2);
    assert_int_equal(told_active(beat_with(S("b"), b, "23", "")), -1);
    /* The answer with the next epoch is lost. */
    (void)beat(S("a"), EPOCH_LEAVE);
    assert_int_equal(told_active(beat(S("b"), b)), 4);
    assert_int_equal(told_active(beat_with(S("b"), b, "23", "")), 4);
}

static void
an_application_has_one_topology(void **state)
{
    (void)state;
    topics_come();
    request *q = new_request(S("a"), 0);
    q->topology->epoch = 3;
    int32_t a = send(q)->member_epoch;
    /* An older version of it may help, and is told so. */
    const response *r = join_streams(S("b"));
    assert_int_equal(r->error_code, 0);
    assert_true(says(r, STREAMS_STALE_TOPOLOGY));
    assert_int_equal(group()->streams->topology->epoch, 3);
    q = new_request(S("c"), 0);
    q->topology->epoch = 4;
    assert_int_equal(send(q)->error_code, K_ERR_INVALID_REQUEST);
    q = new_request(S("c"), 0);
    q->topology->epoch = 3;
    q->topology->subtopologies[0].subtopology_id = S("1");
    assert_int_equal(send(q)->error_code, K_ERR_INVALID_REQUEST);
    assert_int_equal(beat(S("a"), a)->error_code, 0);
}

/* As with consumers: who comes back has what it had, and nobody takes its place while it is there. */
static void
an_instance_comes_back_to_its_tasks(void **state)
{
    (void)state;
    topics_come();
    request *q = new_request(S("a"), 0);
    q->instance_id = S("one");
    int32_t a = send(q)->member_epoch;
    q = new_request(S("b"), 0);
    q->instance_id = S("one");
    assert_int_equal(send(q)->error_code, K_ERR_UNRELEASED_INSTANCE_ID);
    q = new_request(S("b"), a);
    q->instance_id = S("one");
    assert_int_equal(send(q)->error_code, K_ERR_FENCED_INSTANCE_ID);
    q = new_request(S("a"), EPOCH_LEAVE_STATIC);
    q->instance_id = S("one");
    assert_int_equal(send(q)->member_epoch, EPOCH_LEAVE_STATIC);
    q = new_request(S("b"), 0);
    q->instance_id = S("one");
    const response *r = send(q);
    assert_int_equal(r->error_code, 0);
    assert_int_equal(told_active(r), 4);
    assert_null(member_of(S("a")));
    assert_int_equal(group()->streams->members.n, 1);
}

/* As with consumers: who is away closes nothing. */
static void
an_instance_that_was_asked_to_close_tasks_may_leave_for_a_while(void **state)
{
    (void)state;
    topics_come();
    request *q = new_request(S("a"), 0);
    q->instance_id = S("one");
    int32_t a = send(q)->member_epoch;
    int32_t b = join_streams(S("b"))->member_epoch;
    q = new_request(S("a"), a);
    q->instance_id = S("one");
    (void)send(q);
    assert_int_equal(member_of(S("a"))->now.state, STREAMS_MEMBER_REVOKING);
    q = new_request(S("a"), EPOCH_LEAVE_STATIC);
    q->instance_id = S("one");
    assert_int_equal(send(q)->member_epoch, EPOCH_LEAVE_STATIC);
    pass_ms(REBALANCE_MS / 2 + 1000);
    (void)beat(S("b"), b);
    pass_ms(REBALANCE_MS / 2);
    assert_non_null(member_of(S("a")));
}

static void
standbys_are_on_other_processes(void **state)
{
    (void)state;
    assert_true(config_set(&w.config, K_CFG_GROUP_STREAMS_NUM_STANDBY_REPLICAS, S("1"), NULL));
    topics_come();
    int32_t a = join_streams(S("a"))->member_epoch;
    int32_t b = join_streams(S("b"))->member_epoch;
    (void)beat(S("a"), a);
    a = beat_with(S("a"), a, "01", "")->member_epoch;
    b = beat(S("b"), b)->member_epoch;
    a = beat(S("a"), a)->member_epoch;
    const struct tasks *ta = &member_of(S("a"))->now.assigned;
    const struct tasks *tb = &member_of(S("b"))->now.assigned;
    assert_int_equal(ta->of[TASK_ACTIVE].n, 2);
    assert_int_equal(ta->of[TASK_STANDBY].n, 2);
    assert_true(task_set_eq(&ta->of[TASK_ACTIVE], &tb->of[TASK_STANDBY]));
    assert_true(task_set_eq(&tb->of[TASK_ACTIVE], &ta->of[TASK_STANDBY]));
    /* The other one's copies are what it takes over. */
    (void)beat(S("b"), EPOCH_LEAVE);
    (void)beat(S("a"), a);
    a = beat_with(S("a"), a, "01", "")->member_epoch;
    assert_int_equal(active_n(S("a")), 4);
}

static void
settings_of_the_group_assign_anew(void **state)
{
    (void)state;
    topics_come();
    int32_t a = join_streams(S("a"))->member_epoch;
    int32_t epoch = group()->streams->epoch;
    assert_int_equal(beat(S("a"), a)->error_code, 0);
    assert_int_equal(group()->streams->epoch, epoch);
    assert_true(config_set(&w.config, K_CFG_GROUP_STREAMS_NUM_STANDBY_REPLICAS, S("1"), NULL));
    assert_int_equal(beat(S("a"), a)->error_code, 0);
    assert_int_equal(group()->streams->epoch, epoch + 1);
}

static void
who_comes_first_waits_for_the_others(void **state)
{
    (void)state;
    assert_true(
        config_set(&w.config, K_CFG_GROUP_STREAMS_INITIAL_REBALANCE_DELAY_MS, S("3000"), NULL));
    topics_come();
    const response *r = join_streams(S("a"));
    int32_t a = r->member_epoch;
    assert_int_equal(told_active(r), 0);
    assert_true(says(r, STREAMS_ASSIGNMENT_DELAYED));
    pass_ms(2000);
    int32_t b = join_streams(S("b"))->member_epoch;
    pass_ms(1000);
    commit();
    assert_int_equal(told_active(beat(S("a"), a)), 2);
    assert_int_equal(told_active(beat(S("b"), b)), 2);
    assert_int_equal(streams_state(group()), STREAMS_STABLE);
}

static void
a_burst_is_assigned_together(void **state)
{
    (void)state;
    assert_true(config_set(&w.config, K_CFG_GROUP_STREAMS_ASSIGNMENT_INTERVAL_MS, S("1000"), NULL));
    topics_come();
    int32_t a = join_streams(S("a"))->member_epoch;
    const response *r = join_streams(S("b"));
    assert_true(says(r, STREAMS_ASSIGNMENT_DELAYED));
    assert_int_equal(told_active(r), 0);
    assert_int_equal(streams_state(group()), STREAMS_ASSIGNING);
    pass_ms(1000);
    assert_int_equal(told_active(beat(S("a"), a)), 2);
}

static void
one_can_end_the_application(void **state)
{
    (void)state;
    topics_come();
    int32_t a = join_streams(S("a"))->member_epoch;
    int32_t b = join_streams(S("b"))->member_epoch;
    request *q = new_request(S("a"), a);
    q->shutdown_application = true;
    assert_true(says(send(q), STREAMS_SHUTDOWN_APPLICATION));
    (void)beat(S("a"), EPOCH_LEAVE);
    assert_true(says(beat(S("b"), b), STREAMS_SHUTDOWN_APPLICATION));
    (void)beat(S("b"), EPOCH_LEAVE);
    assert_false(says(join_streams(S("c")), STREAMS_SHUTDOWN_APPLICATION));
}

static void
members_hear_where_state_can_be_asked_for(void **state)
{
    (void)state;
    struct k_streams_group_heartbeat_request_endpoint at = {S("host"), 8080};
    topics_come();
    request *q = new_request(S("a"), 0);
    q->user_endpoint = &at;
    q->endpoint_information_epoch = 0; /* as a member begins, and as the group does */
    const response *r = send(q);
    assert_int_equal(r->partitions_by_user_endpoint_n, 1);
    assert_slice(r->partitions_by_user_endpoint[0].user_endpoint.host, "host");
    assert_slice(r->partitions_by_user_endpoint[0].active_partitions[0].topic, "orders");
    assert_int_equal(r->partitions_by_user_endpoint[0].active_partitions[0].partitions_n, 4);
    q = new_request(S("a"), r->member_epoch);
    q->endpoint_information_epoch = r->endpoint_information_epoch;
    assert_int_equal(send(q)->partitions_by_user_endpoint_n, -1);
    q = new_request(S("b"), 0);
    q->endpoint_information_epoch = r->endpoint_information_epoch - 1;
    assert_int_equal(send(q)->partitions_by_user_endpoint_n, 1);
}

/* Whatever it is, as in Kafka 4.4; but where state is to be asked for changes with an endpoint and with tasks alone. */
static void
who_says_something_new_has_a_new_epoch(void **state)
{
    (void)state;
    struct k_streams_group_heartbeat_request_endpoint at = {S("host"), 8080};
    topics_come();
    const response *r = join_streams(S("a"));
    int32_t epoch = r->member_epoch, told = r->endpoint_information_epoch;
    request *q = new_request(S("a"), epoch);
    q->user_endpoint = &at;
    r = send(q);
    assert_int_equal(r->member_epoch, epoch + 1);
    assert_int_equal(r->endpoint_information_epoch, told + 1);
    assert_int_equal(r->active_tasks_n, -1);
    q = new_request(S("a"), epoch + 1);
    q->rebalance_timeout_ms = REBALANCE_MS / 2;
    r = send(q);
    assert_int_equal(r->member_epoch, epoch + 2);
    assert_int_equal(r->endpoint_information_epoch, told + 1);
    q = new_request(S("a"), 0);
    q->rebalance_timeout_ms = REBALANCE_MS / 2;
    q->user_endpoint = &at;
    r = send(q);
    assert_int_equal(r->member_epoch, epoch + 2);
    assert_int_equal(r->endpoint_information_epoch, told + 1);
    assert_int_equal(told_active(r), 4);
}

static void
racks_need_their_tags(void **state)
{
    (void)state;
    struct k_streams_group_heartbeat_request_key_value zone = {S("zone"), S("a")};
    assert_true(config_set(&w.config, K_CFG_GROUP_STREAMS_NUM_STANDBY_REPLICAS, S("1"), NULL));
    assert_true(
        config_set(&w.config, K_CFG_GROUP_STREAMS_RACK_AWARE_ASSIGNMENT_TAGS, S("zone"), NULL));
    topics_come();
    const response *r = join_streams(S("a"));
    assert_true(says(r, STREAMS_MISSING_CLIENT_TAGS));
    request *q = new_request(S("b"), 0);
    q->client_tags = &zone;
    q->client_tags_n = 1;
    assert_false(says(send(q), STREAMS_MISSING_CLIENT_TAGS));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(internal_topics_are_made_and_then_tasks_given),
        CLAIM(members_hear_why_topics_cannot_be_made),
        CLAIM(failures_of_topics_are_counted),
        CLAIM(missing_sources_are_waited_for),
        CLAIM(a_task_is_closed_before_another_opens_it),
        CLAIM(who_does_not_close_in_time_is_out),
        CLAIM(who_leaves_and_who_is_silent_goes),
        CLAIM(wrong_epochs_members_and_words_are_refused),
        CLAIM(a_refused_first_member_leaves_nothing),
        CLAIM(the_epoch_before_is_heeded_when_the_answer_was_lost),
        CLAIM(what_was_lost_is_said_again),
        CLAIM(an_application_has_one_topology),
        CLAIM(an_instance_comes_back_to_its_tasks),
        CLAIM(an_instance_that_was_asked_to_close_tasks_may_leave_for_a_while),
        CLAIM(standbys_are_on_other_processes),
        CLAIM(settings_of_the_group_assign_anew),
        CLAIM(who_comes_first_waits_for_the_others),
        CLAIM(a_burst_is_assigned_together),
        CLAIM(one_can_end_the_application),
        CLAIM(members_hear_where_state_can_be_asked_for),
        CLAIM(who_says_something_new_has_a_new_epoch),
        CLAIM(racks_need_their_tags),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
