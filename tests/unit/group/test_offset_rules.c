#include "broker/group/offset_rules.h"

#include "errors.h"
#include "tests/lib/test.h"

static const struct commit_view member = {
    .state = GROUP_STABLE, .group_generation = 3, .generation = 3, .has_member_id = true};

static void
a_member_of_this_generation_commits(void **state)
{
    (void)state;
    struct commit_view c = member;
    assert_int_equal(commit_rule(&c), 0);
    c.generation = 2;
    assert_int_equal(commit_rule(&c), K_ERR_ILLEGAL_GENERATION);
    c.member_err = K_ERR_FENCED_INSTANCE_ID;
    assert_int_equal(commit_rule(&c), K_ERR_FENCED_INSTANCE_ID);
    c = member;
    c.state = GROUP_PREPARING;
    assert_int_equal(commit_rule(&c), 0);
    c.state = GROUP_COMPLETING;
    assert_int_equal(commit_rule(&c), K_ERR_REBALANCE_IN_PROGRESS);
}

static void
who_takes_no_part_commits_to_an_empty_group(void **state)
{
    (void)state;
    struct commit_view c = {
        .state = GROUP_EMPTY, .generation = -1, .member_err = K_ERR_UNKNOWN_MEMBER_ID};
    assert_int_equal(commit_rule(&c), 0);
    c.state = GROUP_STABLE;
    assert_int_equal(commit_rule(&c), K_ERR_UNKNOWN_MEMBER_ID);
}

static void
what_is_in_use_does_not_expire(void **state)
{
    (void)state;
    struct offset_view o = {.has_value = true,
                            .state = GROUP_STABLE,
                            .has_protocol_type = true,
                            .is_of_consumers = true,
                            .commit_ms = 1000,
                            .expire_ms = -1,
                            .state_since_ms = 5000};
    assert_true(offset_is_expired(&o, 100, 1100)); /* nobody subscribes to it any more */
    assert_false(offset_is_expired(&o, 100, 1099));
    o.is_subscribed = true;
    assert_false(offset_is_expired(&o, 100, 9999));
    o.is_subscribed = false, o.is_of_consumers = false;
    assert_false(offset_is_expired(&o, 100, 9999));
    o.state = GROUP_EMPTY; /* the last member went at 5000 */
    assert_false(offset_is_expired(&o, 100, 5099));
    assert_true(offset_is_expired(&o, 100, 5100));
    o.expire_ms = 1200;
    assert_true(offset_is_expired(&o, 100, 1200));
    o.has_more = true;
    assert_false(offset_is_expired(&o, 100, 9999));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_of_this_generation_commits),
        cmocka_unit_test(who_takes_no_part_commits_to_an_empty_group),
        cmocka_unit_test(what_is_in_use_does_not_expire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
