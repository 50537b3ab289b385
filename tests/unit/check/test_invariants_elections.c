/* Who may lead a partition, and what a controller may decide: correct decisions raise no alarm, each wrong one the alarm for it. */
#include "tests/unit/check/tales.h"

static void
a_leader_without_committed_records(void **state)
{
    BEGIN;
    life(&s, 1, LIFE_CRASH);
    life(&s, 1, LIFE_START);
    recovered(&s, 1, 7);
    decide(&s, 2, 1, 1, false, S("replicas=1,2,3 isr=2,3 elr= last="));
    role(&s, 1, LEADER, 2, 1);
    assert_told(&s, RULE_LEADER_COMPLETENESS);
}

static void
an_unclean_leader_without_committed_records_is_no_breach(void **state)
{
    BEGIN;
    invariants_unclean_is(s.v, S("orders"), true);
    life(&s, 1, LIFE_CRASH);
    life(&s, 1, LIFE_START);
    recovered(&s, 1, 7);
    uncleanly_elected(&s);
    assert_silent(&s);
}

/* b1 died with all, and comes back when b2, which had lost its tail, has committed others. */
static void
come_back_with_what_was_given_up(struct tale *s, bool is_permitted)
{
    invariants_unclean_is(s->v, S("orders"), is_permitted);
    life(s, 0, LIFE_CRASH);
    life(s, 1, LIFE_CRASH);
    life(s, 1, LIFE_START);
    recovered(s, 1, 7);
    uncleanly_elected(s);
    for (int64_t i = 8; i < 12; i++)
        append(s, 1, i, 1, (uint32_t)(700 + i), true), high_watermark(s, 1, i + 1, 1, true);
    life(s, 0, LIFE_START);
    recovered(s, 0, 10);
    high_watermark(s, 0, 10, 0, false);
}

static void
a_follower_comes_back_with_what_was_given_up(void **state)
{
    BEGIN;
    come_back_with_what_was_given_up(&s, true);
    assert_silent(&s);
}

static void
a_follower_comes_back_after_an_election_that_nobody_permitted(void **state)
{
    BEGIN;
    come_back_with_what_was_given_up(&s, false);
    assert_true(
        anomalies_count(invariants_anomalies(s.v), RULE_COMMITTED_CHANGED, WITNESS_INVARIANT) > 0);
    tale_end(&s);
}

static void
that_a_controller_calls_it_unclean_excuses_nothing(void **state)
{
    BEGIN;
    decide(&s, 1, 0, 1, false, S("replicas=1,2,3 isr=1,3 elr= last="));
    decide(&s, 2, 1, 2, true, S("replicas=1,2,3 isr=2 elr= last="));
    assert_told(&s, RULE_LEADER_ELIGIBLE);
}

/* Nobody is eligible any more, and the last known leader has lost its tail: what it lacks others have. */
static void
a_last_known_leader_without_what_another_has_is_a_breach(void **state)
{
    BEGIN;
    decide(&s, -1, 1, 1, false, S("replicas=1,2,3 isr= elr=1,2 last="));
    life(&s, 1, LIFE_CRASH);
    life(&s, 1, LIFE_START);
    recovered(&s, 1, 7);
    decide(&s, -1, 1, 2, false, S("replicas=1,2,3 isr= elr= last=2"));
    decide(&s, 2, 2, 3, true, S("replicas=1,2,3 isr=2 elr= last="));
    role(&s, 1, LEADER, 2, 2);
    assert_told(&s, RULE_LEADER_COMPLETENESS);
}

/* b2 was eligible until it came back from its death; b1 led last. Nobody is eligible, and b2 is the first to be there. */
static void
chooses_who_was_eligible_before(struct tale *s, bool is_permitted, int64_t end)
{
    invariants_unclean_is(s->v, S("orders"), is_permitted);
    decide(s, -1, 1, 1, false, S("replicas=1,2,3 isr= elr=1,2 last="));
    life(s, 0, LIFE_CRASH);
    life(s, 1, LIFE_CRASH);
    life(s, 1, LIFE_START);
    recovered(s, 1, end);
    decide(s, -1, 1, 2, false, S("replicas=1,2,3 isr= elr= last=1"));
    decide(s, 2, 2, 3, true, S("replicas=1,2,3 isr=2 elr= last="));
}

static void
an_unclean_election_may_choose_who_was_eligible_before(void **state)
{
    BEGIN;
    chooses_who_was_eligible_before(&s, true, 10);
    assert_silent(&s);
}

/* b1 has all, and may come back: that makes no promise of what b2 lacks. */
static void
what_an_unclean_election_costs_is_given_up(void **state)
{
    BEGIN;
    chooses_who_was_eligible_before(&s, true, 7);
    role(&s, 1, LEADER, 2, 2);
    high_watermark(&s, 1, 7, 2, true);
    append(&s, 1, 7, 2, 4711, true);
    high_watermark(&s, 1, 8, 2, true);
    assert_silent(&s);
}

static void
without_permission_only_the_last_known_leader_may_be_chosen(void **state)
{
    BEGIN;
    chooses_who_was_eligible_before(&s, false, 10);
    assert_told(&s, RULE_LEADER_ELIGIBLE);
}

/* b3 dies outside of the ISR and starts again; what its leader asked for before lets it in. */
static void
dies_and_is_let_in(struct tale *s, bool registers_first)
{
    decide(s, 1, 0, 1, false, S("replicas=1,2,3 isr=1,2 elr= last="));
    life(s, 2, LIFE_CRASH);
    life(s, 2, LIFE_START);
    recovered(s, 2, 10);
    if (registers_first) {
        say(s, 3, NOTE_BROKER_REGISTERED, SLICE_EMPTY, SLICE_EMPTY, 3, 23, 99, 1, 1);
        say(s, 3, NOTE_BROKER_UNFENCED, SLICE_EMPTY, SLICE_EMPTY, 3, 23, 2, 0, 0);
    }
    decide(s, 1, 0, 2, false, S("replicas=1,2,3 isr=1,2,3 elr= last="));
    decide(s, -1, 1, 3, false, S("replicas=1,2,3 isr= elr=3 last=2"));
    decide(s, 2, 2, 4, true, S("replicas=1,2,3 isr=2 elr= last="));
}

static void
whose_new_process_nobody_knew_of_is_not_eligible(void **state)
{
    BEGIN;
    dies_and_is_let_in(&s, false);
    assert_silent(&s);
}

static void
whose_new_process_came_into_the_isr_is_eligible(void **state)
{
    BEGIN;
    dies_and_is_let_in(&s, true);
    assert_told(&s, RULE_LEADER_ELIGIBLE);
}

static void
decide_bills(struct tale *s, int32_t leader, int32_t epoch, struct slice text)
{
    say(s, 3, NOTE_PARTITION_CHANGE, S("bills-0"), text, leader, epoch, epoch, 0, 0);
}

/* b3 dies; a topic is made with it; b2 is the last who leads it. */
static void
dies_before_a_topic_is_made(struct tale *s, bool registers_first)
{
    life(s, 2, LIFE_CRASH);
    life(s, 2, LIFE_START);
    life(s, 2, LIFE_FATAL); /* stopped in order, before it was known again */
    if (registers_first)
        say(s, 3, NOTE_BROKER_REGISTERED, SLICE_EMPTY, SLICE_EMPTY, 3, 23, 99, 1, 1);
    decide_bills(s, 2, 0, S("replicas=1,2,3 isr=1,2,3 elr= last="));
    decide_bills(s, -1, 1, S("replicas=1,2,3 isr= elr=3 last=2"));
    decide_bills(s, 2, 2, S("replicas=1,2,3 isr=2 elr= last="));
}

static void
who_was_dead_unheard_when_a_topic_was_made_is_not_eligible(void **state)
{
    BEGIN;
    dies_before_a_topic_is_made(&s, false);
    assert_silent(&s);
}

static void
who_was_back_when_a_topic_was_made_is_eligible(void **state)
{
    BEGIN;
    dies_before_a_topic_is_made(&s, true);
    assert_told(&s, RULE_LEADER_ELIGIBLE);
}

/* b2 lost its tail with all others, is elected, and hears of it only when it has been elected once more. */
static void
a_leader_that_was_superseded_unheard_changes_nothing_committed(void **state)
{
    BEGIN;
    for (int32_t i = 0; i < 3; i++) life(&s, i, LIFE_POWER), recovered(&s, i, 7);
    life(&s, 1, LIFE_START);
    decide(&s, -1, 1, 1, false, S("replicas=1,2,3 isr= elr= last=2"));
    decide(&s, 2, 2, 2, true, S("replicas=1,2,3 isr=2 elr= last="));
    decide(&s, -1, 3, 3, false, S("replicas=1,2,3 isr= elr=2 last="));
    decide(&s, 2, 4, 4, false, S("replicas=1,2,3 isr=2 elr= last="));
    role(&s, 1, LEADER, 2, 2);
    append(&s, 1, 7, 2, 700, true);
    high_watermark(&s, 1, 8, 2, true);
    role(&s, 1, LEADER, 2, 4);
    high_watermark(&s, 1, 8, 4, true);
    assert_silent(&s);
}

/* b1 alone is in sync, and goes on when b2 has been elected from outside. */
static void
goes_on_after_an_unclean_election(struct tale *s)
{
    invariants_unclean_is(s->v, S("orders"), true);
    decide(s, 1, 0, 1, false, S("replicas=1,2,3 isr=1 elr= last="));
    decide(s, 2, 1, 2, true, S("replicas=1,2,3 isr=2 elr= last="));
    role(s, 1, LEADER, 2, 1);
    append(s, 0, 10, 0, 500, true);
    high_watermark(s, 0, 11, 0, true);
    append(s, 1, 10, 1, 600, true);
    high_watermark(s, 1, 11, 1, true);
}

static void
what_a_leader_commits_that_an_unclean_election_has_deposed_is_given_up(void **state)
{
    BEGIN;
    goes_on_after_an_unclean_election(&s);
    assert_silent(&s);
}

static void
a_leader_epoch_goes_back(void **state)
{
    BEGIN;
    role(&s, 1, FOLLOWER, 3, 4);
    role(&s, 1, FOLLOWER, 1, 3);
    assert_told(&s, RULE_EPOCH_WENT_BACK);
}

static void
decisions_that_must_not_be(void **state)
{
    static const struct {
        enum rule rule;
        int32_t leader, epoch, partition_epoch;
        const char *text;
    } cases[] = {
        {RULE_LEADER_IN_ISR, 2, 1, 1, "replicas=1,2,3 isr=1,3 elr= last="},
        {RULE_ISR_ELR, 1, 0, 1, "replicas=1,2,3 isr=1,2,4 elr= last="},
        {RULE_ISR_ELR, 1, 0, 1, "replicas=1,2,3 isr=1,2 elr=2 last="},
        {RULE_ISR_ELR, 1, 0, 1, "replicas=1,2,3 isr=1,2 elr=3 last="},
        {RULE_PARTITION_EPOCH_INCREASES, 2, 0, 1, "replicas=1,2,3 isr=1,2,3 elr= last="},
        {RULE_PARTITION_EPOCH_INCREASES, 1, 1, 0, "replicas=1,2,3 isr=1,2,3 elr= last="},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tale s;
        settle(&s);
        decide(&s, cases[i].leader, cases[i].epoch, cases[i].partition_epoch, false,
               slice_cstr(cases[i].text));
        assert_told(&s, cases[i].rule);
    }
}

static void
a_leader_from_outside_isr_and_elr(void **state)
{
    BEGIN;
    decide(&s, 1, 0, 1, false, S("replicas=1,2,3 isr=1 elr=2 last="));
    decide(&s, 3, 1, 2, false, S("replicas=1,2,3 isr=3 elr= last="));
    assert_told(&s, RULE_LEADER_ELIGIBLE);
}

/* The decision in between, by which 3 came into the ISR, was not told by the one who took it. */
static void
a_new_controller_tells_two_decisions_at_once(void **state)
{
    BEGIN;
    decide(&s, 1, 0, 1, false, S("replicas=1,2,3 isr=1 elr=2 last="));
    decide(&s, 3, 1, 3, false, S("replicas=1,2,3 isr=1,3 elr= last="));
    assert_silent(&s);
}

static void
a_fenced_broker_comes_into_the_isr(void **state)
{
    BEGIN;
    say(&s, 3, NOTE_BROKER_FENCED, SLICE_EMPTY, SLICE_EMPTY, 3, 13, 0, 0, 0);
    decide(&s, 1, 0, 1, false, S("replicas=1,2,3 isr=1,2 elr= last="));
    decide(&s, 1, 0, 2, false, S("replicas=1,2,3 isr=1,2,3 elr= last="));
    assert_told(&s, RULE_ISR_FENCED);
}

static void
a_broker_epoch_given_twice(void **state)
{
    BEGIN;
    say(&s, 3, NOTE_BROKER_REGISTERED, SLICE_EMPTY, SLICE_EMPTY, 3, 13, 22, 1, 0);
    assert_told(&s, RULE_BROKER_EPOCH_INCREASES);
}

static void
a_process_that_registers_again_keeps_its_epoch(void **state)
{
    BEGIN;
    say(&s, 3, NOTE_BROKER_REGISTERED, SLICE_EMPTY, SLICE_EMPTY, 3, 13, 21, 1, 0);
    assert_silent(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leader_without_committed_records),
        cmocka_unit_test(an_unclean_leader_without_committed_records_is_no_breach),
        cmocka_unit_test(a_follower_comes_back_with_what_was_given_up),
        cmocka_unit_test(a_follower_comes_back_after_an_election_that_nobody_permitted),
        cmocka_unit_test(that_a_controller_calls_it_unclean_excuses_nothing),
        cmocka_unit_test(a_last_known_leader_without_what_another_has_is_a_breach),
        cmocka_unit_test(an_unclean_election_may_choose_who_was_eligible_before),
        cmocka_unit_test(what_an_unclean_election_costs_is_given_up),
        cmocka_unit_test(without_permission_only_the_last_known_leader_may_be_chosen),
        cmocka_unit_test(whose_new_process_nobody_knew_of_is_not_eligible),
        cmocka_unit_test(whose_new_process_came_into_the_isr_is_eligible),
        cmocka_unit_test(who_was_dead_unheard_when_a_topic_was_made_is_not_eligible),
        cmocka_unit_test(who_was_back_when_a_topic_was_made_is_eligible),
        cmocka_unit_test(a_leader_that_was_superseded_unheard_changes_nothing_committed),
        cmocka_unit_test(what_a_leader_commits_that_an_unclean_election_has_deposed_is_given_up),
        cmocka_unit_test(a_leader_epoch_goes_back),
        cmocka_unit_test(decisions_that_must_not_be),
        cmocka_unit_test(a_leader_from_outside_isr_and_elr),
        cmocka_unit_test(a_new_controller_tells_two_decisions_at_once),
        cmocka_unit_test(a_fenced_broker_comes_into_the_isr),
        cmocka_unit_test(a_broker_epoch_given_twice),
        cmocka_unit_test(a_process_that_registers_again_keeps_its_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
