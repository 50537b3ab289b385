/* Groups of the consumer protocol (KIP-848), heartbeat by heartbeat. */
#include <stdlib.h>

#include "broker/group/consumer.h"
#include "broker/protocol/record_frame.h"
#include "broker/work/work.h"
#include "tests/unit/group/fixture.h"

typedef struct k_consumer_group_heartbeat_request request;
typedef struct k_consumer_group_heartbeat_response response;
typedef struct k_consumer_group_heartbeat_request_topic_partitions owned_topic;

#define ORDERS ((struct uuid){{2}})

struct beat {
    const char *id, *instance;
    int32_t epoch;
    const int32_t *owned; /* of "orders", ended by -1; NULL: not said */
    bool keeps;           /* says nothing but its id and epoch */
    struct slice topic, assignor, regex;
    int16_t version;
};
#define OWNS(...) ((const int32_t[]){__VA_ARGS__, -1})
#define OWNS_NONE ((const int32_t[]){-1})

static struct call *
beat_call(struct beat b)
{
    struct call *c = call_new(b.version ? b.version : 1);
    request *q = ARENA_NEW(&w.arena, request);
    codec_default(K_MSG_CONSUMER_GROUP_HEARTBEAT_REQUEST, q);
    q->group_id = S("g");
    q->member_id = slice_cstr(b.id);
    q->member_epoch = b.epoch;
    q->instance_id = b.instance ? slice_cstr(b.instance) : SLICE_NULL;
    if (b.owned) {
        int32_t n = 0;
        while (b.owned[n] >= 0) n++;
        q->topic_partitions = ARENA_NEW(&w.arena, owned_topic);
        q->topic_partitions_n = n ? 1 : 0;
        q->topic_partitions->topic_id = ORDERS;
        q->topic_partitions->partitions = ARENA_ARRAY(&w.arena, int32_t, n);
        for (int32_t i = 0; i < n; i++) q->topic_partitions->partitions[i] = b.owned[i];
        q->topic_partitions->partitions_n = n;
    }
    if (!b.keeps && b.epoch >= 0) {
        q->rebalance_timeout_ms = REBALANCE_MS;
        q->server_assignor = b.assignor;
        q->subscribed_topic_regex = b.regex;
        if (!b.regex.p) {
            q->subscribed_topic_names = ARENA_NEW(&w.arena, struct slice);
            *q->subscribed_topic_names = b.topic.p ? b.topic : S("orders");
            q->subscribed_topic_names_n = 1;
        }
    }
    groups_consumer_heartbeat(w.gs, q, &c->c);
    return c;
}

static const response *
beat(struct beat b)
{
    struct call *c = beat_call(b);
    settle();
    commit();
    return answer(c);
}

static const response *
joins(const char *id)
{
    return beat((struct beat){.id = id, .owned = OWNS_NONE});
}

static const response *
goes_on(const char *id, int32_t epoch, const int32_t *owned)
{
    return beat((struct beat){.id = id, .epoch = epoch, .owned = owned, .keeps = true});
}

static int32_t
given(const response *r)
{
    int32_t n = 0;
    assert_int_equal(r->error_code, 0);
    if (!r->assignment) return -1;
    for (int32_t i = 0; i < r->assignment->topic_partitions_n; i++)
        n += r->assignment->topic_partitions[i].partitions_n;
    return n;
}

/* The interval between two assignments, and a bit. */
static void
pause(void)
{
    pass_ms(1100);
}

static const struct k_consumer_group_describe_response_described_group *
described(void)
{
    struct k_consumer_group_describe_response_described_group *d =
        codec_array(&w.arena, K_STRUCT_CONSUMER_GROUP_DESCRIBE_RESPONSE_DESCRIBED_GROUP, 1);
    groups_consumer_describe(w.gs, S("g"), &w.arena, d);
    return d;
}
#define assert_consumer_state(text) assert_slice(described()->group_state, text)

static struct group *
the_group(void)
{
    return group_find(w.shard, S("g"));
}

/* Two members, each with two of the four partitions. */
static void
settle_two(void)
{
    assert_int_equal(given(joins("a")), 4);
    pause();
    const response *b = joins("b");
    assert_int_equal(b->error_code, 0);
    int32_t epoch = b->member_epoch;
    const response *a = goes_on("a", epoch - 1, OWNS(0, 1, 2, 3));
    assert_int_equal(given(a), 2);
    assert_int_equal(a->member_epoch, epoch - 1);
    a = goes_on("a", epoch - 1, OWNS(0, 1));
    assert_int_equal(a->member_epoch, epoch);
    b = goes_on("b", epoch, NULL);
    assert_int_equal(given(b), 2);
    assert_consumer_state("Stable");
}

/* ---- joining ---- */

static void
the_first_member_gets_everything_with_its_first_heartbeat(void **state)
{
    (void)state;
    const response *r = joins("a");
    assert_int_equal(given(r), 4);
    assert_int_equal(r->member_epoch, 2);
    assert_int_equal(r->heartbeat_interval_ms, 5000);
    assert_slice(r->member_id, "a");
    assert_null(described()->members[0].instance_id.p);
    assert_null(described()->members[0].rack_id.p);
    assert_consumer_state("Stable");
}

static void
nothing_is_answered_before_it_is_committed(void **state)
{
    (void)state;
    struct call *c = beat_call((struct beat){.id = "a", .owned = OWNS_NONE});
    assert_true(is_waiting(c));
    /* Nor is what rests on it. */
    struct call *again = beat_call((struct beat){.id = "a", .epoch = 2, .keeps = true});
    assert_true(is_waiting(again));
    commit();
    assert_int_equal(((const response *)answer(c))->member_epoch, 2);
    assert_int_equal(((const response *)answer(again))->error_code, 0);
}

static void
a_second_member_waits_until_the_first_has_given_up(void **state)
{
    (void)state;
    settle_two();
}

static void
nobody_gets_what_another_still_has(void **state)
{
    (void)state;
    (void)joins("a");
    pause();
    const response *b = joins("b");
    assert_int_equal(given(b), 0);
    assert_int_equal(given(goes_on("b", b->member_epoch, NULL)), -1);
    assert_consumer_state("Reconciling");
}

static void
a_burst_of_members_is_assigned_at_once(void **state)
{
    (void)state;
    (void)joins("a");
    (void)joins("b"); /* at once: too early for another assignment */
    (void)joins("c");
    assert_consumer_state("Assigning");
    assert_int_equal(described()->assignment_epoch, 2);
    assert_int_equal(described()->group_epoch, 4);
    pause();
    (void)goes_on("a", 2, NULL);
    assert_int_equal(described()->assignment_epoch, 4);
}

static void
the_refusals_of_a_first_heartbeat_are_kafkas(void **state)
{
    (void)state;
    assert_int_equal(beat((struct beat){.id = "", .owned = OWNS_NONE})->error_code,
                     K_ERR_INVALID_REQUEST);
    assert_int_equal(beat((struct beat){.id = "a"})->error_code, K_ERR_INVALID_REQUEST);
    assert_int_equal(beat((struct beat){.id = "a", .owned = OWNS(0)})->error_code,
                     K_ERR_INVALID_REQUEST);
    assert_int_equal(beat((struct beat){.id = "a", .owned = OWNS_NONE, .keeps = true})->error_code,
                     K_ERR_INVALID_REQUEST);
    assert_int_equal(beat((struct beat){.id = "a", .epoch = -3})->error_code,
                     K_ERR_INVALID_REQUEST);
    assert_int_equal(beat((struct beat){.id = "a", .epoch = -2})->error_code,
                     K_ERR_INVALID_REQUEST);
    assert_int_equal(beat((struct beat){.id = "a", .instance = "", .owned = OWNS_NONE})->error_code,
                     K_ERR_INVALID_REQUEST);
    assert_int_equal(
        beat((struct beat){.id = "a", .owned = OWNS_NONE, .assignor = S("best")})->error_code,
        K_ERR_UNSUPPORTED_ASSIGNOR);
    assert_int_equal(goes_on("a", 2, NULL)->error_code, K_ERR_GROUP_ID_NOT_FOUND);
    assert_null(the_group());
}

static void
a_group_that_is_full_turns_members_away(void **state)
{
    (void)state;
    assert_true(config_set(&w.config, K_CFG_GROUP_CONSUMER_MAX_SIZE, S("1"), NULL));
    (void)joins("a");
    assert_int_equal(joins("b")->error_code, K_ERR_GROUP_MAX_SIZE_REACHED);
    assert_int_equal(goes_on("a", 2, NULL)->error_code, 0);
}

static void
a_join_that_cannot_be_written_leaves_nothing(void **state)
{
    (void)state;
    w.refuses = K_ERR_NOT_ENOUGH_REPLICAS;
    struct call *c = beat_call((struct beat){.id = "a", .owned = OWNS_NONE});
    assert_int_equal(((const response *)answer(c))->error_code, K_ERR_COORDINATOR_NOT_AVAILABLE);
    assert_null(the_group());
    w.refuses = 0;
    assert_int_equal(given(joins("a")), 4);
}

static void
a_write_that_takes_too_long_is_told(void **state)
{
    (void)state;
    struct call *c = beat_call((struct beat){.id = "a", .owned = OWNS_NONE});
    pass_ms(6000);
    assert_int_equal(((const response *)answer(c))->error_code, K_ERR_COORDINATOR_NOT_AVAILABLE);
    commit();
    assert_int_equal(c->count, 1);
}

/* ---- epochs ---- */

static void
a_member_with_another_epoch_is_fenced(void **state)
{
    (void)state;
    settle_two();
    int32_t epoch = described()->group_epoch;
    assert_int_equal(goes_on("a", epoch + 1, NULL)->error_code, K_ERR_FENCED_MEMBER_EPOCH);
    assert_int_equal(goes_on("a", epoch - 1, OWNS(3))->error_code, K_ERR_FENCED_MEMBER_EPOCH);
    assert_int_equal(goes_on("c", epoch, NULL)->error_code, K_ERR_UNKNOWN_MEMBER_ID);
}

static void
an_answer_that_was_lost_is_given_again(void **state)
{
    (void)state;
    (void)joins("a");
    pause();
    (void)joins("b");
    (void)goes_on("a", 2, OWNS(0, 1, 2, 3));
    const response *r = goes_on("a", 2, OWNS(0, 1));
    assert_int_equal(r->member_epoch, 3);
    r = beat((struct beat){.id = "a", .epoch = 2, .owned = OWNS(0, 1)});
    assert_int_equal(r->error_code, 0);
    assert_int_equal(r->member_epoch, 3);
    assert_int_equal(given(r), 2);
}

/* ---- time-outs and leaving ---- */

static void
a_member_that_is_silent_loses_its_place(void **state)
{
    (void)state;
    (void)joins("a");
    pass_ms(46000);
    commit();
    assert_consumer_state("Empty");
    assert_int_equal(goes_on("a", 2, NULL)->error_code, K_ERR_UNKNOWN_MEMBER_ID);
}

static void
a_member_that_does_not_give_up_in_time_is_out(void **state)
{
    (void)state;
    (void)joins("a");
    pause();
    const response *b = joins("b");
    (void)goes_on("a", 2, OWNS(0, 1, 2, 3));
    for (int i = 0; i < 4; i++) {
        pass_ms(REBALANCE_MS / 4 + 100);
        if (i < 3) (void)goes_on("a", 2, OWNS(0, 1, 2, 3));
        if (i < 3) (void)goes_on("b", b->member_epoch, NULL);
    }
    commit();
    assert_int_equal(goes_on("a", 2, NULL)->error_code, K_ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(given(goes_on("b", b->member_epoch, NULL)), 4);
}

static void
a_member_that_leaves_frees_its_partitions(void **state)
{
    (void)state;
    settle_two();
    int32_t epoch = described()->group_epoch;
    const response *r = beat((struct beat){.id = "a", .epoch = EPOCH_LEAVE});
    assert_int_equal(r->error_code, 0);
    assert_int_equal(r->member_epoch, EPOCH_LEAVE);
    pause();
    assert_int_equal(given(goes_on("b", epoch, NULL)), 4);
}

static void
the_session_survives_its_coordinator(void **state)
{
    (void)state;
    settle_two();
    int32_t epoch = described()->group_epoch;
    lose_leadership();
    take_over();
    assert_consumer_state("Stable");
    assert_int_equal(goes_on("a", epoch, NULL)->error_code, 0);
    pass_ms(46000);
    commit();
    assert_consumer_state("Empty");
}

/* ---- static members ---- */

static void
a_static_member_that_is_away_keeps_its_place(void **state)
{
    (void)state;
    struct beat a = {.id = "a", .instance = "i", .owned = OWNS_NONE};
    assert_int_equal(given(beat(a)), 4);
    struct beat other = {.id = "a2", .instance = "i", .owned = OWNS_NONE};
    assert_int_equal(beat(other)->error_code, K_ERR_UNRELEASED_INSTANCE_ID);
    struct beat away = {.id = "a", .instance = "i", .epoch = EPOCH_LEAVE_STATIC};
    assert_int_equal(beat(away)->member_epoch, EPOCH_LEAVE_STATIC);
    int32_t epoch = described()->group_epoch;
    assert_int_equal(given(beat(other)), 4);
    assert_int_equal(described()->group_epoch, epoch);
    struct beat old = {.id = "a", .instance = "i", .epoch = 2, .keeps = true};
    assert_int_equal(beat(old)->error_code, K_ERR_FENCED_INSTANCE_ID);
    old.instance = "nobody";
    assert_int_equal(beat(old)->error_code, K_ERR_UNKNOWN_MEMBER_ID);
}

static void
a_static_member_that_stays_away_is_out(void **state)
{
    (void)state;
    (void)beat((struct beat){.id = "a", .instance = "i", .owned = OWNS_NONE});
    (void)beat((struct beat){.id = "a", .instance = "i", .epoch = EPOCH_LEAVE_STATIC});
    pass_ms(46000);
    commit();
    assert_consumer_state("Empty");
}

/* ---- subscriptions ---- */

static void
another_subscription_is_another_assignment(void **state)
{
    (void)state;
    add_topic(S("bills"), 7, 3);
    (void)joins("a");
    pause();
    const response *r =
        beat((struct beat){.id = "a", .epoch = 2, .owned = OWNS(0, 1, 2, 3), .topic = S("bills")});
    assert_int_equal(given(r), 0);
    r = goes_on("a", r->member_epoch, OWNS_NONE);
    assert_int_equal(given(r), 3);
}

static void
new_partitions_are_assigned_with_the_next_heartbeat(void **state)
{
    (void)state;
    (void)joins("a");
    pause();
    struct image_topic *t = image_topic(&w.image, S("orders"));
    (void)topic_partition_get(&w.image, t, 4);
    groups_topics_changed(w.gs, false);
    assert_int_equal(given(goes_on("a", 2, NULL)), 5);
    /* And when nothing has changed, nothing is written. */
    groups_topics_changed(w.gs, false);
    int64_t n = w.log.n;
    (void)goes_on("a", 3, NULL);
    assert_int_equal(w.log.n, n);
}

static void
a_topic_that_does_not_exist_is_waited_for(void **state)
{
    (void)state;
    const response *r = beat((struct beat){.id = "a", .owned = OWNS_NONE, .topic = S("later")});
    assert_int_equal(given(r), 0);
    add_topic(S("later"), 9, 2);
    groups_topics_changed(w.gs, true);
    pause();
    assert_int_equal(given(goes_on("a", 2, NULL)), 2);
}

static void
the_assignor_that_most_prefer_is_taken(void **state)
{
    (void)state;
    struct beat b = {.id = "a", .owned = OWNS_NONE, .assignor = S("range")};
    (void)beat(b);
    assert_slice(described()->assignor_name, "range");
    assert_true(config_set(&w.config, K_CFG_GROUP_CONSUMER_ASSIGNORS, S("uniform"), NULL));
    b.id = "b";
    assert_int_equal(beat(b)->error_code, K_ERR_UNSUPPORTED_ASSIGNOR);
}

/* What the other threads would do. */
static void
do_work(void)
{
    for (int64_t i = 0; i < w.env.effects.n; i++) {
        struct op *op = w.env.effects.v[i].op;
        struct work_result r;
        if (w.env.effects.v[i].kind != EF_OP || op->kind != OP_WORK) continue;
        enum env_err err =
            work_run(op->work, op->codec, op->level, op->segs, op->segs_n, op->offset, &r);
        struct event ev = {.kind = EV_DONE,
                           .now_ns = w.env.now_ns,
                           .wall_ms = w.env.wall_ms,
                           .op = op,
                           .err = err,
                           .buf = err ? NULL : buf_copy(&w.env.mem, slice(r.p, r.n))};
        w.env.effects.v[i].kind = EF_PAUSE; /* anything but what it was: it is done */
        free(r.p);
        env_deliver(&w.env, &ev);
        i = -1;
    }
    env_effects_clear(&w.env);
    settle();
    commit();
}

static const response *
subscribes_to(const char *id, int32_t epoch, const char *regex)
{
    struct beat b = {.id = id, .epoch = epoch, .owned = OWNS_NONE, .regex = slice_cstr(regex)};
    struct call *c = beat_call(b);
    do_work();
    return answer(c);
}

static void
an_expression_stands_for_the_topics_that_match_as_a_whole(void **state)
{
    (void)state;
    add_topic(S("orders-eu"), 7, 3);
    add_topic(S("more-orders"), 8, 5);
    assert_int_equal(given(subscribes_to("a", 0, "orders(-eu)?")), 7);
    assert_slice(described()->members[0].subscribed_topic_regex, "orders(-eu)?");
    lose_leadership();
    take_over();
    assert_consumer_state("Stable");
    assert_int_equal(the_group()->consumer->regexes.n, 1);
    (void)beat((struct beat){.id = "a", .epoch = EPOCH_LEAVE});
    assert_int_equal(the_group()->consumer->regexes.n, 0);
}

static void
an_expression_that_is_none_is_refused(void **state)
{
    (void)state;
    assert_int_equal(subscribes_to("a", 0, "orders(")->error_code,
                     K_ERR_INVALID_REGULAR_EXPRESSION);
    assert_int_equal(subscribes_to("a", 0, "(o)\\1")->error_code, K_ERR_INVALID_REGULAR_EXPRESSION);
    assert_null(the_group());
}

static void
new_topics_are_found_with_a_later_heartbeat(void **state)
{
    (void)state;
    assert_int_equal(given(subscribes_to("a", 0, "or.*")), 4);
    add_topic(S("orphans"), 7, 2);
    w.image.offset = 77;
    groups_topics_changed(w.gs, true);
    pass_ms(11000);
    struct call *c = beat_call((struct beat){.id = "a", .epoch = 2, .keeps = true});
    do_work();
    assert_int_equal(given(answer(c)), -1);
    assert_int_equal(given(goes_on("a", 2, NULL)), 6);
}

static void
expressions_are_looked_at_again_now_and_then(void **state)
{
    (void)state;
    assert_true(
        config_set(&w.config, K_CFG_GROUP_CONSUMER_REGEX_REFRESH_INTERVAL_MS, S("20000"), NULL));
    (void)subscribes_to("a", 0, "or.*");
    int64_t first_ms = the_group()->consumer->regexes.v[0].time_ms;
    for (int i = 1; i <= 3; i++) {
        pass_ms(8000);
        (void)beat_call((struct beat){.id = "a", .epoch = 2, .keeps = true});
        do_work();
        assert_int_equal(the_group()->consumer->regexes.v[0].time_ms > first_ms, i == 3);
    }
}

static void
another_expression_takes_the_place_of_the_one_before(void **state)
{
    (void)state;
    add_topic(S("bills"), 7, 3);
    assert_int_equal(given(subscribes_to("a", 0, "orders")), 4);
    pause();
    assert_int_equal(given(subscribes_to("a", 2, "b.*")), 3);
    assert_int_equal(the_group()->consumer->regexes.n, 1);
    /* The empty one stands for nothing. */
    pause();
    assert_int_equal(given(subscribes_to("a", 3, "")), 0);
    assert_int_equal(the_group()->consumer->regexes.n, 0);
}

static void
the_settings_of_consumer_groups_are_heeded(void **state)
{
    (void)state;
    assert_true(config_set(&w.config, K_CFG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS, S("700"), NULL));
    assert_true(config_set(&w.config, K_CFG_GROUP_CONSUMER_SESSION_TIMEOUT_MS, S("2000"), NULL));
    assert_true(config_set(&w.config, K_CFG_GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS, S("0"), NULL));
    assert_int_equal(joins("a")->heartbeat_interval_ms, 700);
    (void)joins("b");
    assert_int_equal(described()->assignment_epoch, 3);
    pass_ms(2100);
    commit();
    assert_consumer_state("Empty");
}

/* KIP-848: what is set for one group holds for it from its next heartbeat on. */
static void
a_groups_own_settings_are_heeded_at_run_time(void **state)
{
    (void)state;
    struct slice beat_ms = S("consumer.heartbeat.interval.ms"),
                 session_ms = S("consumer.session.timeout.ms");
    assert_int_equal(joins("a")->heartbeat_interval_ms, 5000);
    config_set_value(&w.image, RESOURCE_GROUP, S("g"), beat_ms, S("7000"));
    config_set_value(&w.image, RESOURCE_GROUP, S("g"), session_ms, S("50000"));
    config_set_value(&w.image, RESOURCE_GROUP, S("other"), session_ms, S("60000"));
    assert_int_equal(goes_on("a", 2, NULL)->heartbeat_interval_ms, 7000);
    pass_ms(49000);
    assert_consumer_state("Stable");
    pass_ms(1100);
    commit();
    assert_consumer_state("Empty");
    /* Cut to what the broker allows; taken back. */
    config_set_value(&w.image, RESOURCE_GROUP, S("g"), beat_ms, S("99999"));
    assert_int_equal(joins("a")->heartbeat_interval_ms, 15000);
    config_set_value(&w.image, RESOURCE_GROUP, S("g"), beat_ms, SLICE_NULL);
    assert_int_equal(joins("b")->heartbeat_interval_ms, 5000);
}

/* The time between two assignments also for all groups of a broker, and for all brokers. */
static void
a_brokers_setting_is_heeded_at_run_time(void **state)
{
    (void)state;
    struct slice name = S("group.consumer.assignment.interval.ms");
    (void)joins("a");
    config_set_value(&w.image, RESOURCE_BROKER, SLICE_EMPTY, name, S("0"));
    (void)joins("b");
    assert_int_equal(described()->assignment_epoch, 3);
    config_set_value(&w.image, RESOURCE_GROUP, S("g"), S("consumer.assignment.interval.ms"),
                     S("5000"));
    (void)joins("c");
    assert_int_equal(described()->assignment_epoch, 3);
}

/* ---- offsets ---- */

static int16_t
commits(const char *id, int32_t epoch)
{
    struct call *c = commit_offset(slice_cstr(id), epoch, 10);
    settle();
    commit();
    return commit_error(c);
}

static void
only_a_member_in_step_commits(void **state)
{
    (void)state;
    settle_two();
    int32_t epoch = described()->group_epoch;
    /* orders-3, that b has */
    assert_int_equal(commits("b", epoch), 0);
    assert_int_equal(commits("b", epoch + 1), K_ERR_STALE_MEMBER_EPOCH);
    assert_int_equal(commits("b", epoch - 1), K_ERR_STALE_MEMBER_EPOCH);
    assert_int_equal(commits("a", epoch - 1), K_ERR_STALE_MEMBER_EPOCH);
    assert_int_equal(commits("c", epoch), K_ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(commits("", -1), K_ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(fetch_offset(), 10);
}

static void
a_group_without_members_takes_commits_from_outside(void **state)
{
    (void)state;
    (void)joins("a");
    (void)beat((struct beat){.id = "a", .epoch = EPOCH_LEAVE});
    assert_int_equal(commits("", -1), 0);
    assert_int_equal(fetch_offset(), 10);
}

static int16_t
fetches(const char *id, int32_t epoch)
{
    struct k_offset_fetch_request_offset_fetch_request_group q = {
        .group_id = S("g"), .member_id = slice_cstr(id), .member_epoch = epoch, .topics_n = -1};
    struct k_offset_fetch_response_offset_fetch_response_group res = {.error_code = 0};
    groups_fetch(w.gs, &q, 9, OFFSETS_COMMITTED, &w.arena, &res);
    return res.error_code;
}

static void
only_a_member_in_step_is_shown_offsets(void **state)
{
    (void)state;
    (void)joins("a");
    assert_int_equal(fetches("a", 2), 0);
    assert_int_equal(fetches("a", 3), K_ERR_STALE_MEMBER_EPOCH);
    assert_int_equal(fetches("b", 2), K_ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(fetches(NULL, -1), 0);
}

/* ---- the kinds of groups ---- */

static void
a_group_with_members_is_not_of_the_other_kind(void **state)
{
    (void)state;
    (void)joins("a");
    struct call *c = call_new(9);
    struct k_join_group_request q = {.group_id = S("g"), .protocol_type = S("connect")};
    q.session_timeout_ms = SESSION_MS;
    groups_join(w.gs, &q, &c->c);
    assert_int_equal(joined(c)->error_code, K_ERR_INCONSISTENT_GROUP_PROTOCOL);
    assert_state("Dead");
    assert_int_equal(delete_group(), K_ERR_NON_EMPTY_GROUP);
}

static void
a_group_that_was_left_becomes_the_other_kind(void **state)
{
    (void)state;
    (void)joins("a");
    (void)commits("a", 2);
    (void)beat((struct beat){.id = "a", .epoch = EPOCH_LEAVE});
    struct slice id = new_id();
    struct call *c = join((struct who){.id = id});
    pass_ms(10);
    commit();
    assert_int_equal(joined(c)->error_code, 0);
    assert_int_equal(described()->error_code, K_ERR_GROUP_ID_NOT_FOUND);
    c = leave_call(id);
    commit();
    assert_int_equal(left(c), 0);
    assert_int_equal(fetch_offset(), 10);
    assert_int_equal(given(joins("b")), 4);
    assert_int_equal(fetch_offset(), 10);
    lose_leadership();
    take_over();
    assert_consumer_state("Stable");
    assert_int_equal(fetch_offset(), 10);
}

static void
a_group_is_deleted_with_all_its_records(void **state)
{
    (void)state;
    (void)joins("a");
    (void)commits("a", 2);
    (void)beat((struct beat){.id = "a", .epoch = EPOCH_LEAVE});
    assert_int_equal(delete_group(), 0);
    lose_leadership();
    take_over();
    assert_null(the_group());
}

static struct slice
listed(struct slice type, struct slice st, int32_t *ret_n)
{
    struct k_list_groups_request q;
    struct k_list_groups_response res;
    codec_default(K_MSG_LIST_GROUPS_REQUEST, &q);
    codec_default(K_MSG_LIST_GROUPS_RESPONSE, &res);
    q.types_filter = &type;
    q.types_filter_n = type.p ? 1 : 0;
    q.states_filter = &st;
    q.states_filter_n = st.p ? 1 : 0;
    groups_list(w.gs, &q, &w.arena, &res);
    *ret_n = res.groups_n;
    return res.groups_n ? res.groups[0].group_state : SLICE_NULL;
}

static void
groups_are_listed_by_type_and_state(void **state)
{
    (void)state;
    int32_t n;
    (void)joins("a");
    assert_slice(listed(S("Consumer"), S("stable"), &n), "Stable");
    assert_int_equal(n, 1);
    (void)listed(S("classic"), SLICE_NULL, &n);
    assert_int_equal(n, 0);
    (void)listed(SLICE_NULL, S("empty"), &n);
    assert_int_equal(n, 0);
}

/* ---- the log ---- */

static void
add_garbled(struct batch_builder *b, struct slice key, struct slice value)
{
    (void)builder_add(b, 0, key, value, NULL, 0);
}

static void
records_that_make_no_sense_do_no_harm(void **state)
{
    (void)state;
    settle_two();
    struct batch_builder b;
    builder_init(&b, &w.env.mem, 0);
    /* Of a member without a group; of a version that nobody knows; cut short; two owners. */
    add_garbled(&b, S("\0\5\0\1x\0\1m"), S("\0\0"));
    add_garbled(&b, S("\0\3\0\1g"), S("\0\x63zzzz"));
    add_garbled(&b, S("\0\x8\0\1g\0\1a"), S("\0\0\0"));
    add_garbled(&b, S("\0\x8\0\1y\0\1a"), SLICE_NULL);
    add_garbled(&b, S("\0\x10\0\1g\0\2.*"), S("\0\0\x7f"));
    struct tp_set all = {ARENA_ARRAY(&w.arena, struct tp, 4), 4};
    for (int32_t i = 0; i < 4; i++) all.v[i] = (struct tp){ORDERS, i, 1};
    struct reconcile_member two = {.state = MEMBER_STABLE, .epoch = 9, .assigned = all};
    record_consumer_current(&b, the_group(), S("z"), &two);
    struct buf *batch = builder_finish(&b, w.env.crc32c, &w.env.mem);
    builder_release(&b);
    VEC_PUSH(&w.env.mem, &w.log, batch);
    lose_leadership();
    take_over();
    assert_non_null(the_group());
    assert_int_equal(described()->members_n, 3);
    pass_ms(46000);
    commit();
    assert_consumer_state("Empty");
}

/* ---- whatever comes ---- */

static uint64_t chance;

static uint64_t
throw_dice(void *ctx)
{
    (void)ctx;
    chance = chance * 6364136223846793005ull + 1442695040888963407ull;
    return chance >> 20;
}

static struct slice
one_of(const char *const *words, int n)
{
    return slice_cstr(words[throw_dice(NULL) % (uint64_t)n]);
}

/* Arbitrary in all fields, and then likely to meet what is there. */
static void
ask_anything(void)
{
    static const char *const ids[] = {"a", "b", "c", ""};
    static const char *const regexes[] = {"or.*", "", "(", "b"};
    struct codec_dice dice = {throw_dice, NULL, &w.arena};
    struct call *c = call_new((int16_t)(throw_dice(NULL) % 2));
    request *q = ARENA_NEW(&w.arena, request);
    codec_random(K_MSG_CONSUMER_GROUP_HEARTBEAT_REQUEST, 1, &dice, q);
    q->group_id = throw_dice(NULL) % 8 ? S("g") : q->group_id;
    q->member_id = one_of(ids, 4);
    q->member_epoch = (int32_t)(throw_dice(NULL) % 12) - 3;
    q->instance_id = throw_dice(NULL) % 3 ? SLICE_NULL : one_of(ids, 3);
    q->server_assignor = throw_dice(NULL) % 3 ? SLICE_NULL : S("range");
    q->subscribed_topic_regex = throw_dice(NULL) % 3 ? SLICE_NULL : one_of(regexes, 4);
    if (q->member_epoch == 0 && throw_dice(NULL) % 4) q->topic_partitions_n = 0;
    for (int32_t i = 0; i < q->topic_partitions_n; i++)
        if (throw_dice(NULL) % 2) q->topic_partitions[i].topic_id = ORDERS;
    for (int32_t i = 0; i < q->subscribed_topic_names_n; i++)
        if (throw_dice(NULL) % 2) q->subscribed_topic_names[i] = S("orders");
    groups_consumer_heartbeat(w.gs, q, &c->c);
}

/* A record of any kind, of this group or another one, whole or cut short. */
static void
read_anything(void)
{
    static const struct {
        enum k_msg key, value;
    } kinds[] = {
        {K_MSG_CONSUMER_GROUP_METADATA_KEY, K_MSG_CONSUMER_GROUP_METADATA_VALUE},
        {K_MSG_CONSUMER_GROUP_MEMBER_METADATA_KEY, K_MSG_CONSUMER_GROUP_MEMBER_METADATA_VALUE},
        {K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY,
         K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_VALUE},
        {K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_KEY,
         K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_METADATA_VALUE},
        {K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY,
         K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_VALUE},
        {K_MSG_CONSUMER_GROUP_REGULAR_EXPRESSION_KEY,
         K_MSG_CONSUMER_GROUP_REGULAR_EXPRESSION_VALUE},
        {K_MSG_CONSUMER_GROUP_PARTITION_METADATA_KEY,
         K_MSG_CONSUMER_GROUP_PARTITION_METADATA_VALUE},
        {K_MSG_GROUP_METADATA_KEY, K_MSG_GROUP_METADATA_VALUE},
        {K_MSG_OFFSET_COMMIT_KEY, K_MSG_OFFSET_COMMIT_VALUE},
    };
    static const char *const ids[] = {"a", "b", "z"};
    static const struct batch_header plain = {.producer_id = -1};
    uint64_t kind = throw_dice(NULL) % (uint64_t)ARRAY_LEN(kinds);
    struct codec_dice dice = {throw_dice, NULL, &w.arena};
    /* The first two fields of each key are the group and the member, if any. */
    union {
        struct k_consumer_group_member_metadata_key named;
        uint8_t room[256];
    } key;
    void *value = arena_alloc(&w.arena, codec_struct_bytes(kinds[kind].value));
    struct writer k = writer_mem(&w.env.mem), v = writer_mem(&w.env.mem);
    codec_random(kinds[kind].key, 0, &dice, &key);
    codec_random(kinds[kind].value, 0, &dice, value);
    if (throw_dice(NULL) % 4) key.named.group_id = S("g");
    if (kinds[kind].key == K_MSG_CONSUMER_GROUP_MEMBER_METADATA_KEY ||
        kinds[kind].key == K_MSG_CONSUMER_GROUP_CURRENT_MEMBER_ASSIGNMENT_KEY ||
        kinds[kind].key == K_MSG_CONSUMER_GROUP_TARGET_ASSIGNMENT_MEMBER_KEY)
        key.named.member_id = one_of(ids, 3);
    assert_true(coordinator_key_write(&k, kinds[kind].key, &key, NULL));
    assert_true(coordinator_value_write(&v, kinds[kind].value, 0, value, NULL));
    struct record rec = {.key = arena_dup(&w.arena, writer_slice(&k)),
                         .value = arena_dup(&w.arena, writer_slice(&v))};
    if (throw_dice(NULL) % 5 == 0)
        rec.value.n = (int64_t)(throw_dice(NULL) % (uint64_t)(rec.value.n + 1));
    if (throw_dice(NULL) % 5 == 0) rec.value = SLICE_NULL;
    group_fold(&w.shard->base, &plain, &rec);
    writer_release(&k);
    writer_release(&v);
}

static void
no_request_and_no_record_breaks_a_coordinator(void **state)
{
    (void)state;
    for (int round = 0; round < 60; round++) {
        chance = (uint64_t)round * 77 + 1;
        for (int i = 0; i < 100; i++) {
            if (throw_dice(NULL) % 6 == 0) read_anything();
            ask_anything();
            do_work();
            pass_ms((int64_t)(throw_dice(NULL) % 3000));
            commit();
            if (throw_dice(NULL) % 40) continue;
            lose_leadership();
            take_over();
        }
        shard_unload(&w.shard->base);
        while (w.log.n) buf_unref(w.log.v[--w.log.n]);
        shard_activate(&w.shard->base);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_start, world_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_first_member_gets_everything_with_its_first_heartbeat),
        CASE(nothing_is_answered_before_it_is_committed),
        CASE(a_second_member_waits_until_the_first_has_given_up),
        CASE(nobody_gets_what_another_still_has),
        CASE(a_burst_of_members_is_assigned_at_once),
        CASE(the_refusals_of_a_first_heartbeat_are_kafkas),
        CASE(a_group_that_is_full_turns_members_away),
        CASE(a_join_that_cannot_be_written_leaves_nothing),
        CASE(a_write_that_takes_too_long_is_told),
        CASE(a_member_with_another_epoch_is_fenced),
        CASE(an_answer_that_was_lost_is_given_again),
        CASE(a_member_that_is_silent_loses_its_place),
        CASE(a_member_that_does_not_give_up_in_time_is_out),
        CASE(a_member_that_leaves_frees_its_partitions),
        CASE(the_session_survives_its_coordinator),
        CASE(a_static_member_that_is_away_keeps_its_place),
        CASE(a_static_member_that_stays_away_is_out),
        CASE(another_subscription_is_another_assignment),
        CASE(new_partitions_are_assigned_with_the_next_heartbeat),
        CASE(a_topic_that_does_not_exist_is_waited_for),
        CASE(the_assignor_that_most_prefer_is_taken),
        CASE(an_expression_stands_for_the_topics_that_match_as_a_whole),
        CASE(an_expression_that_is_none_is_refused),
        CASE(new_topics_are_found_with_a_later_heartbeat),
        CASE(expressions_are_looked_at_again_now_and_then),
        CASE(another_expression_takes_the_place_of_the_one_before),
        CASE(the_settings_of_consumer_groups_are_heeded),
        CASE(a_groups_own_settings_are_heeded_at_run_time),
        CASE(a_brokers_setting_is_heeded_at_run_time),
        CASE(only_a_member_in_step_commits),
        CASE(a_group_without_members_takes_commits_from_outside),
        CASE(only_a_member_in_step_is_shown_offsets),
        CASE(a_group_with_members_is_not_of_the_other_kind),
        CASE(a_group_that_was_left_becomes_the_other_kind),
        CASE(a_group_is_deleted_with_all_its_records),
        CASE(groups_are_listed_by_type_and_state),
        CASE(records_that_make_no_sense_do_no_harm),
        CASE(no_request_and_no_record_breaks_a_coordinator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
