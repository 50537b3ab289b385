/* Groups of the consumer protocol (KIP-848), heartbeat by heartbeat: who joins, what epochs say, who is out. */
#include "tests/unit/group/consumer_fixture.h"

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
    gather();
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
    gather();
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

/* Nobody who is away gives anything up: its place is kept until its session ends (45 s), also by the coordinator that takes over. */
static void
a_static_member_that_was_asked_to_give_up_may_leave_for_a_while(void **state)
{
    (void)state;
    assert_int_equal(given(beat((struct beat){.id = "a", .instance = "i", .owned = OWNS_NONE})), 4);
    pause();
    int32_t epoch = joins("b")->member_epoch;
    struct beat asked = {
        .id = "a", .instance = "i", .epoch = epoch - 1, .owned = OWNS(0, 1, 2, 3), .keeps = true};
    assert_int_equal(given(beat(asked)), 2);
    (void)beat((struct beat){.id = "a", .instance = "i", .epoch = EPOCH_LEAVE_STATIC});
    pass_ms(REBALANCE_MS / 2 + 1000);
    (void)goes_on("b", epoch, NULL);
    pass_ms(REBALANCE_MS / 2);
    assert_non_null(consumer_member(the_group(), S("a")));
    lose_leadership();
    take_over();
    pass_ms(REBALANCE_MS + 1000);
    assert_non_null(consumer_member(the_group(), S("a")));
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
        CASE(a_static_member_that_was_asked_to_give_up_may_leave_for_a_while),
        CASE(a_static_member_that_stays_away_is_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
