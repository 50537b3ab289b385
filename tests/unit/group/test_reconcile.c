/* How a member moves towards what it shall have, and what it may say with which epoch. */
#include "broker/group/member_epoch.h"
#include "broker/group/reconcile.h"
#include "errors.h"
#include "tests/lib/test.h"

static struct mem mem;
static struct arena arena;
static const struct uuid topic_a = {{1}}, topic_b = {{2}};
static struct uuid subscribed[2];
static struct tp_set owned_by_others;
static struct reconcile_input in;
static struct reconcile_member out;

static int
begin(void **state)
{
    (void)state;
    mem_init(&mem, test_mem_source(), 1LL << 30);
    arena_init(&arena, &mem, 0);
    subscribed[0] = topic_a;
    subscribed[1] = topic_b;
    return 0;
}

static int
end(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

/* Partitions of topic a by number, ended by -1, assigned at epoch `epoch`. */
static struct tp_set
set(int32_t epoch, const int32_t *v)
{
    struct tp_set s = {ARENA_ARRAY(&arena, struct tp, 16), 0};
    for (; *v >= 0; v++) s.v[s.n++] = (struct tp){topic_a, *v, epoch};
    return s;
}
#define SET(epoch, ...) set(epoch, (const int32_t[]){__VA_ARGS__, -1})
#define NOTHING set(0, (const int32_t[]){-1})

static bool
others_own(const void *ctx, const struct tp *tp)
{
    (void)ctx;
    return tp_set_find(&owned_by_others, tp->topic, tp->index) != NULL;
}

static bool
go(enum member_state state, int32_t epoch, struct tp_set assigned, struct tp_set revoking,
   int32_t target_epoch, struct tp_set target, const struct tp_set *owned)
{
    static struct tp_set kept_target, kept_owned;
    kept_target = target;
    if (owned) kept_owned = *owned;
    in = (struct reconcile_input){.arena = &arena,
                                  .now = {state, epoch, epoch - 1, assigned, revoking},
                                  .target_epoch = target_epoch,
                                  .target = &kept_target,
                                  .topics = subscribed,
                                  .topics_n = 2,
                                  .topics_changed = in.topics_changed,
                                  .owned = owned ? &kept_owned : NULL,
                                  .is_owned = others_own};
    return reconcile(&in, &out);
}

static void
check(enum member_state state, int32_t epoch, struct tp_set assigned, struct tp_set revoking)
{
    assert_int_equal(out.state, state);
    assert_int_equal(out.epoch, epoch);
    assert_true(tp_set_same(&out.assigned, &assigned));
    assert_true(tp_set_eq(&out.revoking, &revoking));
}

static int
fresh(void **state)
{
    owned_by_others = (struct tp_set){NULL, 0};
    in.topics_changed = false;
    return begin(state);
}

/* ---- reconcile ---- */

static void
a_member_in_step_stays_as_it_is(void **state)
{
    (void)state;
    assert_true(go(MEMBER_STABLE, 5, SET(4, 0, 1), NOTHING, 5, SET(0, 0, 1), NULL));
    check(MEMBER_STABLE, 5, SET(4, 0, 1), NOTHING);
}

static void
what_is_free_is_given_at_the_new_epoch(void **state)
{
    (void)state;
    struct tp_set none = NOTHING;
    assert_true(go(MEMBER_STABLE, 0, NOTHING, NOTHING, 3, SET(0, 0, 1), &none));
    check(MEMBER_STABLE, 3, SET(3, 0, 1), NOTHING);
    assert_int_equal(out.previous_epoch, 0);
}

static void
what_it_keeps_keeps_its_epoch(void **state)
{
    (void)state;
    assert_true(go(MEMBER_STABLE, 3, SET(3, 0), NOTHING, 4, SET(0, 0, 1), NULL));
    assert_int_equal(tp_set_find(&out.assigned, topic_a, 0)->epoch, 3);
    assert_int_equal(tp_set_find(&out.assigned, topic_a, 1)->epoch, 4);
}

static void
what_must_go_goes_before_the_epoch_changes(void **state)
{
    (void)state;
    assert_true(go(MEMBER_STABLE, 3, SET(3, 0, 1), NOTHING, 4, SET(0, 0, 2), NULL));
    check(MEMBER_REVOKING, 3, SET(3, 0), SET(3, 1));
}

static void
silence_is_no_proof_that_it_was_given_up(void **state)
{
    (void)state;
    assert_true(go(MEMBER_REVOKING, 3, SET(3, 0), SET(3, 1), 4, SET(0, 0, 2), NULL));
    check(MEMBER_REVOKING, 3, SET(3, 0), SET(3, 1));
    struct tp_set both = SET(0, 0, 1);
    assert_true(go(MEMBER_REVOKING, 3, SET(3, 0), SET(3, 1), 4, SET(0, 0, 2), &both));
    check(MEMBER_REVOKING, 3, SET(3, 0), SET(3, 1));
}

static void
what_is_given_up_makes_room_for_the_new(void **state)
{
    (void)state;
    struct tp_set rest = SET(0, 0);
    assert_true(go(MEMBER_REVOKING, 3, SET(3, 0), SET(3, 1), 4, SET(0, 0, 2), &rest));
    assert_int_equal(out.state, MEMBER_STABLE);
    assert_int_equal(out.epoch, 4);
    assert_non_null(tp_set_find(&out.assigned, topic_a, 2));
    assert_int_equal(out.revoking.n, 0);
}

static void
what_another_has_is_waited_for(void **state)
{
    (void)state;
    owned_by_others = SET(0, 1);
    struct tp_set none = NOTHING;
    assert_true(go(MEMBER_STABLE, 0, NOTHING, NOTHING, 4, SET(0, 0, 1), &none));
    check(MEMBER_WAITING, 4, SET(4, 0), NOTHING);
    assert_true(go(MEMBER_WAITING, 4, SET(4, 0), NOTHING, 4, SET(0, 0, 1), NULL));
    check(MEMBER_WAITING, 4, SET(4, 0), NOTHING);
    owned_by_others = NOTHING;
    assert_true(go(MEMBER_WAITING, 4, SET(4, 0), NOTHING, 4, SET(0, 0, 1), NULL));
    check(MEMBER_STABLE, 4, SET(4, 0, 1), NOTHING);
}

static void
what_it_gives_up_and_gets_back_is_not_anothers(void **state)
{
    (void)state;
    struct tp_set rest = SET(0, 0);
    owned_by_others = SET(0, 1); /* that is its own, which it was to give up */
    assert_true(go(MEMBER_REVOKING, 3, SET(3, 0), SET(3, 1), 5, SET(0, 0, 1), &rest));
    assert_int_equal(out.state, MEMBER_STABLE);
    assert_int_equal(out.assigned.n, 2);
}

static void
an_older_target_does_not_give_what_is_not_wanted_any_more(void **state)
{
    (void)state;
    subscribed[0] = topic_b;
    in.topics_changed = true;
    struct tp_set has = SET(0, 0);
    go(MEMBER_STABLE, 3, SET(3, 0), NOTHING, 3, SET(0, 0), &has);
    in.topics_n = 1;
    in.topics = &topic_b;
    in.topics_changed = true;
    assert_true(reconcile(&in, &out));
    check(MEMBER_REVOKING, 3, NOTHING, SET(3, 0));
}

static void
a_state_from_the_future_begins_anew(void **state)
{
    (void)state;
    struct tp_set none = NOTHING, some = SET(0, 0);
    assert_false(go(MEMBER_UNKNOWN, 3, SET(3, 0), NOTHING, 4, SET(0, 0), NULL));
    assert_false(go(MEMBER_UNKNOWN, 3, SET(3, 0), NOTHING, 4, SET(0, 0), &some));
    assert_true(go(MEMBER_UNKNOWN, 3, SET(3, 0), NOTHING, 4, SET(0, 0), &none));
    check(MEMBER_STABLE, 4, SET(3, 0), NOTHING);
}

/* ---- epochs ---- */

static void
a_heartbeat_is_heeded_with_the_present_epoch(void **state)
{
    (void)state;
    struct tp_set assigned = SET(4, 0, 1), none = NOTHING;
    struct epoch_of_member m = {5, 4, &assigned, &none};
    assert_int_equal(heartbeat_epoch_check(&m, 5, NULL), 0);
    assert_int_equal(heartbeat_epoch_check(&m, 6, NULL), K_ERR_FENCED_MEMBER_EPOCH);
    assert_int_equal(heartbeat_epoch_check(&m, 3, &none), K_ERR_FENCED_MEMBER_EPOCH);
    assert_int_equal(heartbeat_epoch_check(&m, 0, &none), K_ERR_FENCED_MEMBER_EPOCH);
}

static void
the_epoch_before_is_heeded_from_who_owns_nothing_else(void **state)
{
    (void)state;
    struct tp_set assigned = SET(4, 0, 1), none = NOTHING, other = SET(0, 2), part = SET(0, 1);
    struct epoch_of_member m = {5, 4, &assigned, &none};
    assert_int_equal(heartbeat_epoch_check(&m, 4, &part), 0);
    assert_int_equal(heartbeat_epoch_check(&m, 4, &other), K_ERR_FENCED_MEMBER_EPOCH);
    assert_int_equal(heartbeat_epoch_check(&m, 4, NULL), K_ERR_FENCED_MEMBER_EPOCH);
}

static void
a_commit_needs_the_epoch_of_its_partition(void **state)
{
    (void)state;
    struct tp_set assigned = SET(4, 0), revoking = SET(3, 1);
    struct epoch_of_member m = {6, 5, &assigned, &revoking};
    assert_int_equal(commit_epoch_check(&m, 6, topic_a, 7), 0);
    assert_int_equal(commit_epoch_check(&m, 7, topic_a, 0), K_ERR_STALE_MEMBER_EPOCH);
    assert_int_equal(commit_epoch_check(&m, 4, topic_a, 0), 0);
    assert_int_equal(commit_epoch_check(&m, 3, topic_a, 0), K_ERR_STALE_MEMBER_EPOCH);
    assert_int_equal(commit_epoch_check(&m, 3, topic_a, 1), 0);
    assert_int_equal(commit_epoch_check(&m, 5, topic_b, 0), K_ERR_STALE_MEMBER_EPOCH);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, fresh, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_member_in_step_stays_as_it_is),
        CASE(what_is_free_is_given_at_the_new_epoch),
        CASE(what_it_keeps_keeps_its_epoch),
        CASE(what_must_go_goes_before_the_epoch_changes),
        CASE(silence_is_no_proof_that_it_was_given_up),
        CASE(what_is_given_up_makes_room_for_the_new),
        CASE(what_another_has_is_waited_for),
        CASE(what_it_gives_up_and_gets_back_is_not_anothers),
        CASE(an_older_target_does_not_give_what_is_not_wanted_any_more),
        CASE(a_state_from_the_future_begins_anew),
        CASE(a_heartbeat_is_heeded_with_the_present_epoch),
        CASE(the_epoch_before_is_heeded_from_who_owns_nothing_else),
        CASE(a_commit_needs_the_epoch_of_its_partition),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
