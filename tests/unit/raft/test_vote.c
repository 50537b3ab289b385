/* vote.c, pre_vote.c, vote_persist.c: tables of what a voter knows and what it has to say. */
#include "tests/lib/test.h"

#include "broker/raft/rules.h"

#define A ((struct uuid){{1}})
#define B ((struct uuid){{2}})
#define NO_VOTE ((struct voter_key){RAFT_NOBODY, {{0}}})

static struct vote_facts
unattached(void)
{
    return (struct vote_facts){.state = RAFT_UNATTACHED,
                               .epoch = 5,
                               .leader_id = RAFT_NOBODY,
                               .voted = NO_VOTE,
                               .end = {4, 100},
                               .candidate = {2, A},
                               .candidate_epoch = 5,
                               .candidate_end = {4, 100}};
}

static void
a_free_vote_goes_to_an_equal_log(void **state)
{
    (void)state;
    struct vote_facts f = unattached();
    assert_true(vote(&f));
    assert_true(pre_vote(&f));
}

static void
a_log_that_lacks_something_gets_no_vote(void **state)
{
    (void)state;
    static const struct {
        struct log_end theirs;
        bool granted;
    } rows[] = {
        {{4, 99}, false},  {{4, 100}, true}, {{4, 101}, true},
        {{3, 900}, false}, {{5, 1}, true},   {{0, 0}, false},
    };
    for (int i = 0; i < ARRAY_LEN(rows); i++) {
        struct vote_facts f = unattached();
        f.candidate_end = rows[i].theirs;
        assert_int_equal(vote(&f), rows[i].granted);
        assert_int_equal(pre_vote(&f), rows[i].granted);
        f.candidate_epoch = 6;
        assert_int_equal(vote(&f), rows[i].granted);
    }
}

static void
one_vote_in_an_epoch(void **state)
{
    (void)state;
    struct vote_facts f = unattached();
    f.voted = (struct voter_key){3, B};
    assert_false(vote(&f));
    f.voted = (struct voter_key){2, B};
    assert_false(vote(&f));
    f.voted = (struct voter_key){2, A};
    assert_true(vote(&f));
    f.voted = (struct voter_key){2, UUID_ZERO};
    assert_true(vote(&f));
    f.voted = (struct voter_key){3, B};
    f.candidate_epoch = 6;
    assert_true(vote(&f));
}

static void
an_epoch_that_has_passed_gets_nothing(void **state)
{
    (void)state;
    struct vote_facts f = unattached();
    f.candidate_epoch = 4;
    assert_false(vote(&f));
    assert_false(pre_vote(&f));
}

static void
an_epoch_with_a_leader_gets_no_vote(void **state)
{
    (void)state;
    struct vote_facts f = unattached();
    f.leader_id = 3;
    f.state = RAFT_FOLLOWER;
    assert_false(vote(&f));
    f.leader_id = 1;
    f.state = RAFT_LEADER;
    assert_false(vote(&f));
    assert_false(pre_vote(&f));
    f.state = RAFT_RESIGNED;
    assert_false(vote(&f));
}

static void
a_follower_of_a_live_leader_is_not_disturbed(void **state)
{
    (void)state;
    struct vote_facts f = unattached();
    f.leader_id = 3;
    f.state = RAFT_FOLLOWER;
    f.has_fetched = true;
    assert_false(pre_vote(&f));
    f.has_fetched = false;
    assert_true(pre_vote(&f));
    f.state = RAFT_PROSPECTIVE;
    f.has_fetched = true;
    assert_true(pre_vote(&f));
}

static void
votes_and_epochs_are_durable_first_leaders_later(void **state)
{
    (void)state;
    struct election none = {5, RAFT_NOBODY, NO_VOTE};
    struct election later = {6, RAFT_NOBODY, NO_VOTE};
    struct election voted = {5, RAFT_NOBODY, {2, A}};
    struct election other = {5, RAFT_NOBODY, {2, B}};
    struct election led = {5, 3, NO_VOTE};
    assert_int_equal(vote_persist(&none, &none), PERSIST_NOT);
    assert_int_equal(vote_persist(&none, &later), PERSIST_BEFORE);
    assert_int_equal(vote_persist(&none, &voted), PERSIST_BEFORE);
    assert_int_equal(vote_persist(&voted, &other), PERSIST_BEFORE);
    assert_int_equal(vote_persist(&none, &led), PERSIST_LATER);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_free_vote_goes_to_an_equal_log),
        cmocka_unit_test(a_log_that_lacks_something_gets_no_vote),
        cmocka_unit_test(one_vote_in_an_epoch),
        cmocka_unit_test(an_epoch_that_has_passed_gets_nothing),
        cmocka_unit_test(an_epoch_with_a_leader_gets_no_vote),
        cmocka_unit_test(a_follower_of_a_live_leader_is_not_disturbed),
        cmocka_unit_test(votes_and_epochs_are_durable_first_leaders_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
