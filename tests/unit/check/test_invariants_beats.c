/* What members are told of their epochs by their heartbeats, against what is committed of them. */
#include "tests/unit/check/wired.h"

#include "apis.h"
#include "errors.h"
#include "messages.h"

#define GROUP S("__consumer_offsets-0")
enum { VERSION = 1 };

/* The group is in epoch 3, and so is its member "a". */
static void
begin(struct tale *s)
{
    wired_begin(s);
    group_epoch(s, 3);
    has(s, S("a"), 3, 0, false);
    tale_commit(s, GROUP);
}

#define BEGIN \
    (void)state; \
    struct tale s; \
    begin(&s)

static void
asks_as(struct tale *s, struct slice group, struct slice member, int32_t epoch,
        struct slice instance)
{
    struct k_consumer_group_heartbeat_request q;
    struct request_head head = {.api_key = K_API_CONSUMER_GROUP_HEARTBEAT, .version = VERSION};
    struct frame f;
    codec_default(K_MSG_CONSUMER_GROUP_HEARTBEAT_REQUEST, &q);
    q.group_id = group;
    q.member_id = member;
    q.member_epoch = epoch;
    q.instance_id = instance;
    assert_true(frame_request(&s->mem, &arena, &head, &q, &f));
    wired_hear(s, K_API_CONSUMER_GROUP_HEARTBEAT, VERSION, false, &f, beats_hear);
}

static void
asks(struct tale *s, struct slice group)
{
    asks_as(s, group, S("a"), 0, SLICE_NULL);
}

static void
is_told(struct tale *s, struct slice member, int32_t epoch, int16_t err)
{
    struct k_consumer_group_heartbeat_response p;
    struct frame f;
    codec_default(K_MSG_CONSUMER_GROUP_HEARTBEAT_RESPONSE, &p);
    p.member_id = member;
    p.member_epoch = epoch;
    p.error_code = err;
    assert_true(
        frame_response(&s->mem, &arena, K_API_CONSUMER_GROUP_HEARTBEAT, VERSION, 0, &p, &f));
    wired_hear(s, K_API_CONSUMER_GROUP_HEARTBEAT, VERSION, true, &f, beats_hear);
}

static void
step_ends(struct tale *s)
{
    beats_judge(s->v, 5, s->m->index + 1);
    assert_int_equal(invariants_anomalies(s->v)->v.n, 0);
    beats_judge(s->v, 5, s->m->index);
}

static void
beats(struct tale *s, struct slice member, int32_t epoch)
{
    asks(s, S("readers"));
    is_told(s, member, epoch, 0);
    step_ends(s);
}

static void
the_epoch_that_is_committed_is_told(void **state)
{
    BEGIN;
    beats(&s, S("a"), 3);
    silent(&s);
}

static void
an_epoch_that_is_not_committed(void **state)
{
    BEGIN;
    beats(&s, S("a"), 4);
    told_as(&s, RULE_STATE_TOLD, "b1: told a member that it has come to epoch 4; committed is 3");
}

static void
what_the_same_step_commits_may_be_told(void **state)
{
    BEGIN;
    asks(&s, S("readers"));
    is_told(&s, S("a"), 4, 0);
    group_epoch(&s, 4);
    has(&s, S("a"), 4, 0, false);
    tale_commit(&s, GROUP);
    step_ends(&s);
    silent(&s);
}

static void
a_member_of_which_nothing_is_committed(void **state)
{
    BEGIN;
    beats(&s, S("b"), 3);
    told_as(&s, RULE_STATE_TOLD, "b1: told a member that it has come to epoch 3; committed is -1");
}

static void
a_refusal_tells_of_no_epoch(void **state)
{
    BEGIN;
    asks(&s, S("readers"));
    is_told(&s, S("a"), 4, K_ERR_FENCED_MEMBER_EPOCH);
    step_ends(&s);
    silent(&s);
}

static void
is_refused(struct tale *s, struct slice member, int32_t epoch, struct slice instance, int16_t err)
{
    asks_as(s, S("readers"), member, epoch, instance);
    is_told(s, SLICE_EMPTY, 0, err);
    step_ends(s);
}

static void
a_member_is_refused_as_none(void **state)
{
    BEGIN;
    is_refused(&s, S("a"), 2, SLICE_NULL, K_ERR_UNKNOWN_MEMBER_ID);
    told_as(&s, RULE_STATE_TOLD, "b1: told a member that is in epoch 3 that it is none");
}

static void
a_member_is_fenced_in_its_epoch(void **state)
{
    BEGIN;
    is_refused(&s, S("a"), 3, SLICE_NULL, K_ERR_FENCED_MEMBER_EPOCH);
    told_as(&s, RULE_STATE_TOLD, "b1: fenced a member that is in epoch 3, as it says");
}

/* One is in another epoch, one no member, one goes by its instance's name, one joins; and one is being put out, as far as its
 * coordinator has written. */
static void
who_may_be_refused(void **state)
{
    BEGIN;
    is_refused(&s, S("a"), 2, SLICE_NULL, K_ERR_FENCED_MEMBER_EPOCH);
    is_refused(&s, S("b"), 3, SLICE_NULL, K_ERR_UNKNOWN_MEMBER_ID);
    is_refused(&s, S("a"), 3, S("one"), K_ERR_UNKNOWN_MEMBER_ID);
    is_refused(&s, S("a"), 0, SLICE_NULL, K_ERR_UNKNOWN_MEMBER_ID);
    is_refused(&s, S("a"), 3, SLICE_NULL, K_ERR_COORDINATOR_LOAD_IN_PROGRESS);
    int64_t end = written_log(&s, GROUP)->next;
    say(&s, NOTE_LOG_APPEND, GROUP, end, end, 1, 77, true);
    is_refused(&s, S("a"), 3, SLICE_NULL, K_ERR_UNKNOWN_MEMBER_ID);
    silent(&s);
}

static void
who_leaves_is_told_of_no_epoch(void **state)
{
    BEGIN;
    beats(&s, S("a"), -1);
    silent(&s);
}

static void
of_a_group_that_is_not_known_nothing_follows(void **state)
{
    BEGIN;
    asks(&s, S("others"));
    is_told(&s, S("a"), 4, 0);
    step_ends(&s);
    silent(&s);
}

static void
leads_anew_with(struct tale *s, int64_t end)
{
    enum { FOLLOWS = 1 };
    say(s, NOTE_PARTITION_ROLE, GROUP, FOLLOWS, 1, 2, 1, 0);
    if (end >= 0) say(s, NOTE_LOG_RECOVERED, GROUP, 0, end, 0, 1, 0);
    say(s, NOTE_PARTITION_ROLE, GROUP, WRITTEN_LEADS, 1, 3, 1, 0);
}

/* What it has committed as its leader is less than what was committed before. */
static void
who_leads_anew_may_not_know_yet_what_is_committed(void **state)
{
    BEGIN;
    leads_anew_with(&s, -1);
    beats(&s, S("a"), 4);
    silent(&s);
}

/* A power loss took the end of the log, and nobody else had it: what it writes there is of another state. */
static void
who_has_lost_it_writes_another_state(void **state)
{
    BEGIN;
    int32_t epoch;
    assert_non_null(member_committed(s.v, S("readers"), S("a"), &epoch));
    leads_anew_with(&s, 0);
    assert_null(member_committed(s.v, S("readers"), S("a"), &epoch));
    silent(&s);
}

/* It knew that something was there, and goes on behind it, or has filled the gap before it leads. */
static void
goes_on_behind(bool fills)
{
    enum { FOLLOWS = 1 };
    struct tale s;
    begin(&s);
    int32_t epoch;
    int64_t end = written_log(&s, GROUP)->next;
    say(&s, NOTE_PARTITION_ROLE, GROUP, FOLLOWS, 1, 2, 1, 0);
    say(&s, NOTE_LOG_RECOVERED, GROUP, fills ? 0 : end, fills ? 0 : end, 0, 1, 0);
    if (fills) say(&s, NOTE_LOG_APPEND, GROUP, 0, end - 1, 3, 99, true);
    say(&s, NOTE_PARTITION_ROLE, GROUP, WRITTEN_LEADS, 1, 3, 1, 0);
    assert_null(member_committed(s.v, S("readers"), S("a"), &epoch));
    silent(&s);
}

static void
who_goes_on_behind_what_is_lost_writes_another_state(void **state)
{
    (void)state;
    goes_on_behind(true);
    goes_on_behind(false);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_epoch_that_is_committed_is_told),
        cmocka_unit_test(an_epoch_that_is_not_committed),
        cmocka_unit_test(what_the_same_step_commits_may_be_told),
        cmocka_unit_test(a_member_of_which_nothing_is_committed),
        cmocka_unit_test(a_refusal_tells_of_no_epoch),
        cmocka_unit_test(a_member_is_refused_as_none),
        cmocka_unit_test(a_member_is_fenced_in_its_epoch),
        cmocka_unit_test(who_may_be_refused),
        cmocka_unit_test(who_leaves_is_told_of_no_epoch),
        cmocka_unit_test(of_a_group_that_is_not_known_nothing_follows),
        cmocka_unit_test(who_leads_anew_may_not_know_yet_what_is_committed),
        cmocka_unit_test(who_has_lost_it_writes_another_state),
        cmocka_unit_test(who_goes_on_behind_what_is_lost_writes_another_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
