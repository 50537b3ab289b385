#include "tests/lib/test.h"

#include "broker/api/fetch_session_rule.h"
#include "errors.h"

#define S_NS 1000000000LL

static void
the_epoch_says_what_a_fetch_wants(void **state)
{
    (void)state;
    assert_int_equal(fetch_kind_of(-1), FETCH_ALONE);
    assert_int_equal(fetch_kind_of(0), FETCH_BEGINS);
    assert_int_equal(fetch_kind_of(1), FETCH_GOES_ON);
    assert_int_equal(fetch_kind_of(-2), FETCH_GOES_ON); /* and finds that it is no session's */
    assert_int_equal(fetch_kind_of(INT32_MAX), FETCH_GOES_ON);
}

static void
only_the_next_fetch_goes_on(void **state)
{
    (void)state;
    assert_int_equal(fetch_session_check(5, true, 5, true), 0);
    assert_int_equal(fetch_session_check(5, true, 4, true), K_ERR_INVALID_FETCH_SESSION_EPOCH);
    assert_int_equal(fetch_session_check(5, true, 6, true), K_ERR_INVALID_FETCH_SESSION_EPOCH);
    assert_int_equal(fetch_session_check(-1, false, 5, true), K_ERR_FETCH_SESSION_ID_NOT_FOUND);
    assert_int_equal(fetch_session_next_epoch(1), 2);
    assert_int_equal(fetch_session_next_epoch(INT32_MAX), 1);
}

static void
topics_are_named_in_one_way(void **state)
{
    (void)state;
    assert_int_equal(fetch_session_check(5, true, 5, false), K_ERR_FETCH_SESSION_TOPIC_ID_ERROR);
    assert_int_equal(fetch_session_check(5, false, 5, true), K_ERR_FETCH_SESSION_TOPIC_ID_ERROR);
    assert_int_equal(fetch_session_check(5, false, 5, false), 0);
    assert_int_equal(fetch_session_check(5, false, 4, true), K_ERR_INVALID_FETCH_SESSION_EPOCH);
}

static void
what_differs_from_what_was_told_is_news(void **state)
{
    (void)state;
    struct fetch_told never = {-1, -1}, told = {10, 3};
    assert_true(fetch_has_news(&never, 0, 0));
    assert_false(fetch_has_news(&told, 10, 3));
    assert_true(fetch_has_news(&told, 11, 3));
    assert_true(fetch_has_news(&told, 9, 3)); /* a new leader may know a lower one */
    assert_true(fetch_has_news(&told, 10, 4));
}

static struct fetch_session_standing
standing(bool is_follower, int32_t parts_n, int64_t created_s, int64_t used_s)
{
    return (struct fetch_session_standing){is_follower, parts_n, created_s * S_NS, used_s * S_NS};
}

static bool
gives_way(struct fetch_session_standing s, bool newcomer_is_follower, int32_t newcomer_parts)
{
    struct fetch_session_standing newcomer = standing(newcomer_is_follower, newcomer_parts, 0, 0);
    return fetch_session_gives_way(&s, &newcomer, 1000 * S_NS);
}

static void
a_session_that_rests_goes_whoever_comes(void **state)
{
    (void)state;
    assert_true(gives_way(standing(true, 9, 0, 879), false, 1));
    assert_false(gives_way(standing(true, 9, 0, 880), false, 1)); /* 120 s are not too long */
}

static void
crowds_do_not_push_each_other_out(void **state)
{
    (void)state;
    assert_false(gives_way(standing(false, 1, 900, 999), false, 100));
    assert_true(gives_way(standing(false, 1, 800, 999), false, 100));
    assert_true(gives_way(standing(false, 5, 800, 999), false, 5));
    assert_false(gives_way(standing(false, 6, 800, 999), false, 5)); /* a larger one saves more */
}

static void
followers_go_before_clients(void **state)
{
    (void)state;
    assert_true(gives_way(standing(false, 100, 999, 999), true, 1));
    assert_false(gives_way(standing(true, 1, 0, 999), false, 100));
    assert_false(gives_way(standing(true, 1, 900, 999), true, 100));
    assert_true(gives_way(standing(true, 1, 0, 999), true, 100));
    assert_false(gives_way(standing(true, 101, 0, 999), true, 100));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_epoch_says_what_a_fetch_wants),
        cmocka_unit_test(only_the_next_fetch_goes_on),
        cmocka_unit_test(topics_are_named_in_one_way),
        cmocka_unit_test(what_differs_from_what_was_told_is_news),
        cmocka_unit_test(a_session_that_rests_goes_whoever_comes),
        cmocka_unit_test(crowds_do_not_push_each_other_out),
        cmocka_unit_test(followers_go_before_clients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
