/* Consumers that come to an empty group together. */
#include <stdio.h>

#include "tests/unit/group/consumer_fixture.h"

static struct call *
comes(const char *id)
{
    return beat_call((struct beat){.id = id, .owned = OWNS_NONE});
}

static void
all_are_assigned_to_at_once(void **state)
{
    (void)state;
    static const char *const ids[] = {"a", "b", "c", "d"};
    struct call *c[ARRAY_LEN(ids)];
    for (int64_t i = 0; i < ARRAY_LEN(ids); i++) {
        c[i] = comes(ids[i]);
        assert_true(is_waiting(c[0]));
        pass_ms(i == 0 ? GROUP_GATHER_FIRST_MS - 1 : GROUP_GATHER_MS - 1);
        commit();
    }
    gather();
    commit();
    int32_t epoch = ((const response *)answer(c[0]))->member_epoch;
    for (int64_t i = 0; i < ARRAY_LEN(ids); i++) {
        assert_int_equal(given(answer(c[i])), 1);
        assert_int_equal(((const response *)answer(c[i]))->member_epoch, epoch);
    }
    assert_consumer_state("Stable");
    assert_int_equal(w.gs->gatherings.n, 0);
}

static void
nobody_is_answered_before_all_is_committed(void **state)
{
    (void)state;
    struct call *a = comes("a"), *b = comes("b");
    gather();
    assert_true(is_waiting(a));
    assert_true(is_waiting(b));
    commit();
    assert_int_equal(given(answer(a)), 2);
    assert_int_equal(given(answer(b)), 2);
}

static void
who_keeps_coming_keeps_nobody_waiting(void **state)
{
    (void)state;
    struct call *first = comes("first"), *second = comes("second");
    int32_t come_n = 0;
    while (is_waiting(first)) {
        char *id = ARENA_ARRAY(&w.arena, char, 16);
        (void)snprintf(id, 16, "m%d", ++come_n);
        (void)comes(id);
        pass_ms(GROUP_GATHER_MS - 1);
        commit();
    }
    assert_int_equal(second->count, 1);
    assert_true(come_n * (GROUP_GATHER_MS - 1) < 550);
    assert_true(come_n * (GROUP_GATHER_MS - 1) >= 500);
}

static void
who_comes_to_others_does_not_wait(void **state)
{
    (void)state;
    assert_int_equal(given(joins("a")), 4);
    struct call *b = comes("b");
    settle();
    commit();
    assert_int_equal(((const response *)answer(b))->error_code, 0);
    assert_int_equal(w.gs->gatherings.n, 0);
}

/* Each is told what it would have been told alone. */
static void
who_may_not_enter_is_refused(void **state)
{
    (void)state;
    assert_true(config_set(&w.config, K_CFG_GROUP_CONSUMER_MAX_SIZE, S("2"), NULL));
    struct beat i = {.id = "a", .instance = "i", .owned = OWNS_NONE};
    struct call *a = beat_call(i);
    i.id = "again";
    struct call *again = beat_call(i);
    struct call *b = comes("b"), *late = comes("late");
    gather();
    commit();
    assert_int_equal(given(answer(a)), 2);
    assert_int_equal(((const response *)answer(again))->error_code, K_ERR_UNRELEASED_INSTANCE_ID);
    assert_int_equal(given(answer(b)), 2);
    assert_int_equal(((const response *)answer(late))->error_code, K_ERR_GROUP_MAX_SIZE_REACHED);
}

/* A client that heard nothing asks again on another connection. */
static void
one_that_asks_twice_is_one_member(void **state)
{
    (void)state;
    struct call *a = comes("a"), *again = comes("a");
    gather();
    commit();
    assert_int_equal(given(answer(a)), 4);
    assert_int_equal(given(answer(again)), 4);
    assert_int_equal(the_group()->consumer->members.n, 1);
}

static void
the_leadership_may_go_meanwhile(void **state)
{
    (void)state;
    struct call *a = comes("a");
    lose_leadership();
    gather();
    assert_int_equal(((const response *)answer(a))->error_code, K_ERR_NOT_COORDINATOR);
    take_over();
    assert_int_equal(given(joins("a")), 4);
}

/* The log may end between the two halves: they are members with nothing, which join anew. */
static void
the_next_coordinator_knows_who_has_entered(void **state)
{
    (void)state;
    struct call *a = comes("a"), *b = comes("b");
    gather();
    int64_t entered = w.log.n;
    assert_true(entered >= 3);
    lose_leadership();
    assert_int_equal(((const response *)answer(a))->error_code, K_ERR_NOT_COORDINATOR);
    assert_int_equal(((const response *)answer(b))->error_code, K_ERR_NOT_COORDINATOR);
    while (w.log.n > 2) buf_unref(w.log.v[--w.log.n]);
    take_over();
    assert_int_equal(the_group()->consumer->members.n, 2);
    assert_int_equal(given(joins("a")), 2);
    assert_int_equal(given(joins("b")), 2);
}

/* A classic member is quicker: the group is upgraded, as for one that comes alone. */
static void
a_classic_member_may_come_meanwhile(void **state)
{
    (void)state;
    struct slice id = new_id();
    struct call *a = comes("a");
    (void)join((struct who){.id = id});
    gather();
    commit();
    assert_int_equal(((const response *)answer(a))->error_code, 0);
    assert_int_equal(the_group()->consumer->members.n, 2);
}

static void
groups_gather_apart(void **state)
{
    (void)state;
    struct call *a = comes("a");
    pass_ms(GROUP_GATHER_FIRST_MS - 1);
    struct call *other = call_new(1);
    request *q = ARENA_NEW(&w.arena, request);
    codec_default(K_MSG_CONSUMER_GROUP_HEARTBEAT_REQUEST, q);
    q->group_id = S("other");
    q->member_id = S("x");
    q->rebalance_timeout_ms = REBALANCE_MS;
    struct slice topic = S("orders");
    q->subscribed_topic_names = &topic;
    q->subscribed_topic_names_n = 1;
    q->topic_partitions_n = 0;
    groups_consumer_heartbeat(w.gs, q, &other->c);
    pass_ms(1);
    commit();
    assert_int_equal(given(answer(a)), 4);
    assert_true(is_waiting(other));
    gather();
    commit();
    assert_int_equal(given(answer(other)), 4);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_start, world_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(all_are_assigned_to_at_once),
        CASE(nobody_is_answered_before_all_is_committed),
        CASE(who_keeps_coming_keeps_nobody_waiting),
        CASE(who_comes_to_others_does_not_wait),
        CASE(who_may_not_enter_is_refused),
        CASE(one_that_asks_twice_is_one_member),
        CASE(the_leadership_may_go_meanwhile),
        CASE(the_next_coordinator_knows_who_has_entered),
        CASE(a_classic_member_may_come_meanwhile),
        CASE(groups_gather_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
