#include "tests/lib/test.h"

#include "broker/replica/follower_session.h"
#include "errors.h"

static void
is(const struct follower_session *s, int32_t id, int32_t epoch)
{
    assert_int_equal(s->id, id);
    assert_int_equal(s->epoch, epoch);
}

static void
a_session_begins_and_counts(void **state)
{
    (void)state;
    struct follower_session s = {0};
    assert_true(follower_session_is_full(&s));
    assert_true(follower_session_answered(&s, 0, 77));
    is(&s, 77, 1);
    assert_false(follower_session_is_full(&s));
    assert_true(follower_session_answered(&s, 0, 77));
    is(&s, 77, 2);
    s.epoch = INT32_MAX;
    assert_true(follower_session_answered(&s, 0, 77));
    is(&s, 77, 1); /* 0 would begin anew */
}

static void
a_leader_that_keeps_none_is_always_told_all(void **state)
{
    (void)state;
    struct follower_session s = {0};
    assert_true(follower_session_answered(&s, 0, 0));
    is(&s, 0, 0);
}

static void
what_was_lost_is_not_counted(void **state)
{
    (void)state;
    struct follower_session s = {77, 5};
    follower_session_lost(&s);
    is(&s, 77, 0); /* the old id: the leader ends it */
    assert_true(follower_session_answered(&s, 0, 78));
    is(&s, 78, 1);
}

static void
after_an_error_it_begins_anew(void **state)
{
    (void)state;
    struct follower_session s = {77, 5};
    assert_false(follower_session_answered(&s, K_ERR_INVALID_FETCH_SESSION_EPOCH, 0));
    is(&s, 77, 0);
    s = (struct follower_session){77, 5};
    assert_false(follower_session_answered(&s, K_ERR_FETCH_SESSION_ID_NOT_FOUND, 0));
    is(&s, 0, 0);
    s = (struct follower_session){77, 5};
    assert_false(follower_session_answered(&s, 0, 78)); /* another one's */
    is(&s, 77, 0);
}

static void
an_answer_without_id_was_the_last_one(void **state)
{
    (void)state;
    struct follower_session s = {77, 5};
    assert_true(follower_session_answered(&s, 0, 0));
    is(&s, 0, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_begins_and_counts),
        cmocka_unit_test(a_leader_that_keeps_none_is_always_told_all),
        cmocka_unit_test(what_was_lost_is_not_counted),
        cmocka_unit_test(after_an_error_it_begins_anew),
        cmocka_unit_test(an_answer_without_id_was_the_last_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
