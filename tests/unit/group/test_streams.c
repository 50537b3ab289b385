/* Streams groups: how members come to their tasks and go, what they are told, and what the next coordinator knows. */
#include <stdio.h>

#include "broker/coordinator/group_setting.h"
#include "broker/group/streams_group.h"
#include "broker/protocol/record_frame.h"
#include "tests/unit/group/fixture.h"

typedef struct k_streams_group_heartbeat_request request;
typedef struct k_streams_group_heartbeat_response response;
typedef struct k_streams_group_heartbeat_request_task_ids asked_tasks;
typedef struct k_streams_group_heartbeat_request_subtopology asked_sub;

/* Topics that somebody was asked to make. */
static struct {
    char name[8][32];
    int32_t partitions[8];
    int n;
} made;

static void
make_topic(void *owner, const struct internal_topic *t)
{
    (void)owner;
    for (int i = 0; i < made.n; i++)
        if (slice_eq(slice_cstr(made.name[i]), t->name)) return;
    memcpy(made.name[made.n], t->name.p, (size_t)t->name.n);
    made.name[made.n][t->name.n] = 0;
    made.partitions[made.n++] = t->partitions;
}

static int
streams_world(void **state)
{
    world_start(state);
    memset(&made, 0, sizeof made);
    groups_set_topic_maker(w.gs, make_topic, NULL);
    assert_true(
        config_set(&w.config, K_CFG_GROUP_STREAMS_INITIAL_REBALANCE_DELAY_MS, S("0"), NULL));
    assert_true(config_set(&w.config, K_CFG_GROUP_STREAMS_ASSIGNMENT_INTERVAL_MS, S("0"), NULL));
    return 0;
}

/* Reads "orders", which has four partitions, and keeps a store. */
static struct k_streams_group_heartbeat_request_topology *
count_topology(int32_t epoch)
{
    struct k_streams_group_heartbeat_request_topology *t =
        ARENA_NEW(&w.arena, struct k_streams_group_heartbeat_request_topology);
    asked_sub *s = ARENA_NEW(&w.arena, asked_sub);
    s->subtopology_id = S("0");
    s->source_topics = ARENA_NEW(&w.arena, struct slice);
    s->source_topics[0] = S("orders");
    s->source_topics_n = 1;
    s->state_changelog_topics =
        ARENA_NEW(&w.arena, struct k_streams_group_heartbeat_request_topic_info);
    s->state_changelog_topics[0].name = S("app-changelog");
    s->state_changelog_topics_n = 1;
    *t = (struct k_streams_group_heartbeat_request_topology){epoch, s, 1};
    return t;
}

static request *
new_request(struct slice member, int32_t epoch)
{
    request *q = ARENA_NEW(&w.arena, request);
    codec_default(K_MSG_STREAMS_GROUP_HEARTBEAT_REQUEST, q);
    q->group_id = S("g");
    q->member_id = member;
    q->member_epoch = epoch;
    q->endpoint_information_epoch = -1;
    if (epoch != 0) return q;
    q->rebalance_timeout_ms = REBALANCE_MS;
    q->topology = count_topology(0);
    q->process_id = member;
    q->active_tasks_n = q->standby_tasks_n = q->warmup_tasks_n = 0;
    return q;
}

/* Tasks of subtopology 0, by their partitions' digits. */
static void
owns(request *q, const char *active, const char *standby)
{
    q->active_tasks = ARENA_NEW(&w.arena, asked_tasks);
    q->standby_tasks = ARENA_NEW(&w.arena, asked_tasks);
    q->active_tasks_n = q->standby_tasks_n = 1;
    q->warmup_tasks_n = 0;
    const char *texts[] = {active, standby};
    for (int r = 0; r < 2; r++) {
        asked_tasks *to = r ? q->standby_tasks : q->active_tasks;
        to->subtopology_id = S("0");
        to->partitions = ARENA_ARRAY(&w.arena, int32_t, 8);
        for (const char *at = texts[r]; *at; at++) to->partitions[to->partitions_n++] = *at - '0';
    }
}

static const response *
send(request *q)
{
    struct call *c = call_new(1);
    groups_streams_heartbeat(w.gs, q, &c->c);
    settle();
    commit();
    return answer(c);
}

static const response *
join_streams(struct slice member)
{
    return send(new_request(member, 0));
}

static const response *
beat(struct slice member, int32_t epoch)
{
    return send(new_request(member, epoch));
}

static const response *
beat_with(struct slice member, int32_t epoch, const char *active, const char *standby)
{
    request *q = new_request(member, epoch);
    owns(q, active, standby);
    return send(q);
}

static struct streams_member *
member_of(struct slice id)
{
    return streams_member(group_find(w.shard, S("g")), id);
}

static struct group *
group(void)
{
    return group_find(w.shard, S("g"));
}

static int64_t
active_n(struct slice id)
{
    return member_of(id)->now.assigned.of[TASK_ACTIVE].n;
}

/* -1: nothing was said. */
static int32_t
told_active(const response *r)
{
    int32_t n = 0;
    for (int32_t i = 0; i < r->active_tasks_n; i++) n += r->active_tasks[i].partitions_n;
    return r->active_tasks_n < 0 ? -1 : n;
}

static bool
says(const response *r, enum streams_status status)
{
    for (int32_t i = 0; i < r->status_n; i++)
        if (r->status[i].status_code == (int8_t)status) return true;
    return false;
}

static void
topics_come(void)
{
    add_topic(S("app-changelog"), 9, 4);
    groups_topics_changed(w.gs, true);
}

/* ---- the claims ---- */

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

/* As the metadata log sets it. */
static void
set_group(struct slice name, struct slice value)
{
    struct writer r = writer_mem(&w.env.mem);
    struct k_config_record rec = {
        .resource_type = RESOURCE_GROUP, .resource_name = S("g"), .name = name, .value = value};
    assert_true(metadata_record_write(&r, K_MSG_CONFIG_RECORD, 0, &rec, NULL));
    assert_null(image_apply(&w.image, writer_slice(&r), w.image.offset + 1, 1, &w.arena));
    writer_release(&r);
}

static void
what_is_set_for_the_broker_and_for_the_group_is_heeded(void **state)
{
    (void)state;
    static const int32_t broker[] = {
        K_CFG_GROUP_STREAMS_HEARTBEAT_INTERVAL_MS, K_CFG_GROUP_STREAMS_TASK_OFFSET_INTERVAL_MS,
        K_CFG_GROUP_STREAMS_ACCEPTABLE_RECOVERY_LAG, K_CFG_GROUP_STREAMS_SESSION_TIMEOUT_MS};
    topics_come();
    for (int i = 0; i < 4; i++) assert_true(config_set(&w.config, broker[i], S("50000"), NULL));
    const response *r = join_streams(S("a"));
    assert_int_equal(r->heartbeat_interval_ms, 50000);
    assert_int_equal(r->task_offset_interval_ms, 50000);
    assert_int_equal(r->acceptable_recovery_lag, 50000);
    pass_ms(49000);
    assert_non_null(member_of(S("a")));
    pass_ms(1000);
    commit();
    assert_null(member_of(S("a")));
    set_group(S("streams.heartbeat.interval.ms"), S("9000"));
    set_group(S("streams.session.timeout.ms"), S("55000"));
    set_group(S("streams.task.offset.interval.ms"), S("70000"));
    set_group(S("streams.acceptable.recovery.lag"), S("7"));
    set_group(S("streams.num.standby.replicas"), S("1"));
    set_group(S("streams.rack.aware.assignment.tags"), S("zone"));
    set_group(S("streams.assignment.interval.ms"), S("2000"));
    set_group(S("streams.initial.rebalance.delay.ms"), S("1500"));
    r = join_streams(S("a"));
    assert_int_equal(r->heartbeat_interval_ms, 9000);
    assert_int_equal(r->task_offset_interval_ms, 70000);
    assert_int_equal(r->acceptable_recovery_lag, 7);
    assert_true(says(r, STREAMS_ASSIGNMENT_DELAYED));
    assert_true(says(r, STREAMS_MISSING_CLIENT_TAGS));
    pass_ms(1500);
    commit();
    assert_int_equal(told_active(beat(S("a"), r->member_epoch)), 4);
    (void)join_streams(S("b"));
    assert_int_equal(streams_state(group()), STREAMS_ASSIGNING);
    pass_ms(2000);
    (void)join_streams(S("b"));
    assert_int_equal(member_of(S("a"))->target.of[TASK_STANDBY].n, 2);
    pass_ms(52000);
    assert_non_null(member_of(S("a")));
    pass_ms(1000);
    commit();
    assert_null(member_of(S("a")));
}

static void
a_group_has_a_largest_size(void **state)
{
    (void)state;
    assert_true(config_set(&w.config, K_CFG_GROUP_STREAMS_MAX_SIZE, S("1"), NULL));
    topics_come();
    int32_t a = join_streams(S("a"))->member_epoch;
    assert_int_equal(join_streams(S("b"))->error_code, K_ERR_GROUP_MAX_SIZE_REACHED);
    assert_int_equal(join_streams(S("a"))->error_code, 0);
    assert_int_equal(beat(S("a"), a)->error_code, 0);
}

static void
who_has_a_copy_of_the_state_gets_the_task(void **state)
{
    (void)state;
    struct k_streams_group_heartbeat_request_task_offset on_disk[] = {
        {S("0"), 3, 50}, {S("0"), 9, 50}, {S("x"), 0, 1}, {S("0"), 3, 7}};
    topics_come();
    int32_t a = join_streams(S("a"))->member_epoch;
    (void)join_streams(S("b"));
    request *q = new_request(S("b"), member_of(S("b"))->now.epoch);
    q->task_offsets = on_disk;
    q->task_offsets_n = 4;
    assert_int_equal(send(q)->error_code, 0);
    assert_int_equal(member_of(S("b"))->offsets.n, 1);
    assert_int_equal(member_of(S("b"))->offsets.v[0].offset, 50);
    (void)a;
}

static void
the_next_coordinator_knows_it_all(void **state)
{
    (void)state;
    topics_come();
    int32_t a = join_streams(S("a"))->member_epoch;
    int32_t b = join_streams(S("b"))->member_epoch;
    (void)beat(S("a"), a);
    a = beat_with(S("a"), a, "01", "")->member_epoch;
    b = beat(S("b"), b)->member_epoch;
    int32_t epoch = group()->streams->epoch;
    lose_leadership();
    take_over();
    assert_int_equal(group()->streams->members.n, 2);
    assert_int_equal(group()->streams->topology->subtopologies_n, 1);
    assert_int_equal(streams_state(group()), STREAMS_STABLE);
    assert_int_equal(active_n(S("a")), 2);
    const response *r = beat(S("b"), b);
    assert_int_equal(r->error_code, 0);
    assert_int_equal(r->member_epoch, b);
    assert_int_equal(told_active(r), -1);
    assert_int_equal(group()->streams->epoch, epoch);
    pass_ms(45000);
    commit();
    assert_int_equal(streams_state(group()), STREAMS_EMPTY);
}

static int16_t
commits(struct slice member, int32_t epoch, int32_t partition)
{
    w.at_partition = partition;
    struct call *c = commit_offset(member, epoch, 5);
    settle();
    commit();
    return commit_error(c);
}

static void
only_who_has_the_task_commits(void **state)
{
    (void)state;
    topics_come();
    int32_t a = join_streams(S("a"))->member_epoch;
    assert_int_equal(commits(S("a"), a, 0), 0);
    assert_int_equal(commits(S("a"), a + 1, 0), K_ERR_STALE_MEMBER_EPOCH);
    assert_int_equal(commits(S("x"), a, 0), K_ERR_UNKNOWN_MEMBER_ID);
    (void)join_streams(S("b"));
    (void)beat(S("a"), a);
    /* It is told to close 2 and 3, and may commit what it did to the end. */
    assert_int_equal(commits(S("a"), a, 3), 0);
    int32_t next = beat_with(S("a"), a, "01", "")->member_epoch;
    assert_int_equal(commits(S("a"), a, 3), K_ERR_STALE_MEMBER_EPOCH);
    assert_int_equal(commits(S("a"), a, 0), 0);
    assert_int_equal(commits(S("a"), next, 0), 0);
    assert_int_equal(commits(S(""), -1, 0), K_ERR_UNKNOWN_MEMBER_ID);
}

static void
it_is_described_and_listed(void **state)
{
    (void)state;
    struct k_streams_group_describe_response_described_group d;
    struct k_list_groups_request q;
    struct k_list_groups_response list;
    struct slice type = S("Streams");
    topics_come();
    (void)join_streams(S("a"));
    codec_default_struct(K_STRUCT_STREAMS_GROUP_DESCRIBE_RESPONSE_DESCRIBED_GROUP, &d);
    groups_streams_describe(w.gs, S("g"), false, &w.arena, &d);
    assert_int_equal(d.error_code, 0);
    assert_int_equal(d.topology_description_status, 0);
    assert_slice(d.group_state, "Stable");
    assert_int_equal(d.members_n, 1);
    assert_int_equal(d.members[0].assignment.active_tasks[0].partitions_n, 4);
    assert_int_equal(d.members[0].target_assignment.active_tasks[0].partitions_n, 4);
    assert_slice(d.topology->subtopologies[0].state_changelog_topics[0].name, "app-changelog");
    assert_int_equal(d.topology->subtopologies[0].state_changelog_topics[0].partitions, 4);
    codec_default_struct(K_STRUCT_STREAMS_GROUP_DESCRIBE_RESPONSE_DESCRIBED_GROUP, &d);
    groups_streams_describe(w.gs, S("h"), true, &w.arena, &d);
    assert_int_equal(d.error_code, K_ERR_GROUP_ID_NOT_FOUND);
    assert_int_equal(d.topology_description_status, 0);
    codec_default_struct(K_STRUCT_STREAMS_GROUP_DESCRIBE_RESPONSE_DESCRIBED_GROUP, &d);
    groups_streams_describe(w.gs, S("g"), true, &w.arena, &d);
    assert_int_equal(d.topology_description_status, 1); /* none is stored */
    codec_default(K_MSG_LIST_GROUPS_REQUEST, &q);
    codec_default(K_MSG_LIST_GROUPS_RESPONSE, &list);
    q.types_filter = &type;
    q.types_filter_n = 1;
    groups_list(w.gs, &q, &w.arena, &list);
    assert_int_equal(list.groups_n, 1);
    assert_slice(list.groups[0].group_type, "streams");
    assert_slice(list.groups[0].protocol_type, "streams");
}

static void
other_kinds_keep_their_names(void **state)
{
    (void)state;
    topics_come();
    (void)join_streams(S("a"));
    struct call *c = join((struct who){.id = S("")});
    assert_int_equal(((const struct k_join_group_response *)answer(c))->error_code,
                     K_ERR_INCONSISTENT_GROUP_PROTOCOL);
    (void)beat(S("a"), EPOCH_LEAVE);
    /* Nobody is in it any more: the name is free for the classic protocol. */
    c = join((struct who){.id = S("")});
    commit();
    assert_int_equal(((const struct k_join_group_response *)answer(c))->error_code,
                     K_ERR_MEMBER_ID_REQUIRED);
    assert_null(group()->streams);
    lose_leadership();
    take_over();
    assert_true(!group() || !group()->streams);
}

static uint64_t
draw_of(void *ctx)
{
    uint64_t *state = ctx;
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 11;
}

/* What lies in the log is not trusted. */
static void
records_that_cannot_be_are_passed_over(void **state)
{
    (void)state;
    uint64_t dice_state = 3;
    static const enum k_msg kinds[][2] = {
        {K_MSG_STREAMS_GROUP_METADATA_KEY, K_MSG_STREAMS_GROUP_METADATA_VALUE},
        {K_MSG_STREAMS_GROUP_TOPOLOGY_KEY, K_MSG_STREAMS_GROUP_TOPOLOGY_VALUE},
        {K_MSG_STREAMS_GROUP_MEMBER_METADATA_KEY, K_MSG_STREAMS_GROUP_MEMBER_METADATA_VALUE},
        {K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_METADATA_KEY,
         K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_METADATA_VALUE},
        {K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY,
         K_MSG_STREAMS_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE},
        {K_MSG_STREAMS_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY,
         K_MSG_STREAMS_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE},
    };
    for (int i = 0; i < 3000; i++) {
        struct arena a;
        uint8_t key[256], value[4096];
        int kind = i % 6;
        arena_init(&a, &w.env.mem, 0);
        struct codec_dice dice = {.draw = draw_of, .ctx = &dice_state, .arena = &a};
        codec_random(kinds[kind][1], 0, &dice, value);
        struct k_streams_group_member_metadata_key k = {S("g"), i % 4 < 2 ? S("a") : S("b")};
        memset(key, 0, sizeof key);
        memcpy(key, &k, sizeof k);
        struct batch_builder b;
        shard_builder(&w.shard->base, &b);
        bool is_gone = draw_of(&dice_state) % 5 == 0;
        coordinator_add_record(&b, &w.env, kinds[kind][0], key, kinds[kind][1],
                               is_gone ? NULL : value);
        (void)shard_write_silently_folded(&w.shard->base, &b);
        commit();
        if (i % 50 == 0) {
            (void)join_streams(S("a"));
            (void)beat(S("a"), 1);
            (void)beat(S("b"), 1);
        }
        arena_release(&a);
        arena_reset(&w.env.scratch);
    }
    lose_leadership();
    assert_null(group());
}

int
main(void)
{
#define CLAIM(f) cmocka_unit_test_setup_teardown(f, streams_world, world_end)
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
        CLAIM(standbys_are_on_other_processes),
        CLAIM(settings_of_the_group_assign_anew),
        CLAIM(who_comes_first_waits_for_the_others),
        CLAIM(a_burst_is_assigned_together),
        CLAIM(one_can_end_the_application),
        CLAIM(members_hear_where_state_can_be_asked_for),
        CLAIM(who_says_something_new_has_a_new_epoch),
        CLAIM(racks_need_their_tags),
        CLAIM(what_is_set_for_the_broker_and_for_the_group_is_heeded),
        CLAIM(a_group_has_a_largest_size),
        CLAIM(who_has_a_copy_of_the_state_gets_the_task),
        CLAIM(the_next_coordinator_knows_it_all),
        CLAIM(only_who_has_the_task_commits),
        CLAIM(it_is_described_and_listed),
        CLAIM(other_kinds_keep_their_names),
        CLAIM(records_that_cannot_be_are_passed_over),
    };
    return cmocka_run_group_tests_name("streams", tests, NULL, NULL);
}
