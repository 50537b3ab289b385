/* Share groups: a correct history raises no alarm; altered in one place it gives exactly the anomaly that it was altered for. */
#include <stdio.h>
#include <string.h>

/* Two members are given records of one partition. Lines are altered by their number. */
static const char *const good[] = {
    /*  0 */ "0.100 0.101 p1 send orders-0 p1:1 ok @0",
    /*  1 */ "0.100 0.101 p1 send orders-0 p1:2 ok @1",
    /*  2 */ "0.100 0.101 p1 send orders-0 p1:3 ok @2",
    /*  3 */ "1.000 = w1 given orders-0 0=p1:1/1 1=p1:2/1 asked=900000000 of=g",
    /*  4 */ "1.100 1.200 w1 acknowledge orders-0 ok @0 to=0 of=g accept",
    /*  5 */ "1.100 1.200 w1 acknowledge orders-0 ok @1 to=1 of=g release",
    /*  6 */ "1.500 = w2 given orders-0 1=p1:2/2 2=p1:3/1 asked=1300000000 of=g",
    /*  7 */ "1.600 1.700 w2 acknowledge orders-0 ok @1 to=1 of=g accept",
    /*  8 */ "1.600 1.700 w2 acknowledge orders-0 ok @2 to=2 of=g reject",
    /*  9 */ "1.900 = - healed -",
    /* 10 */ "9.000 = f assign orders-0 @0 final",
    /* 11 */ "9.000 = f poll orders-0 0=p1:1 1=p1:2 2=p1:3 final",
    /* 12 */ "9.100 = f final-end orders-0 @3 final",
};
/* Behind the lines. */
#include "tests/unit/check/altered.h"

static const struct check_facts strict = {.share_deliveries_max = 5, .share_lock_ns = 2000000000};

static void
a_correct_history_raises_no_alarm(void **state)
{
    (void)state;
    struct judged j;
    judge(&j, -1, NULL, &strict);
    assert_int_equal(j.r.anomalies.v.n, 0);
    done(&j);
}

static void
what_was_acknowledged_is_not_given_again(void **state)
{
    (void)state;
    gives(6, "1.500 = w2 given orders-0 0=p1:1/2 1=p1:2/2 2=p1:3/1 asked=1300000000 of=g", &strict,
          RULE_GIVEN_AGAIN, 1, false);
    /* It had asked before, and the answer came late. */
    gives(6, "1.500 = w2 given orders-0 0=p1:1/2 1=p1:2/2 2=p1:3/1 asked=1150000000 of=g", &strict,
          RULE_GIVEN_AGAIN, 0, false);
    /* Another record lies there by now. */
    gives(6, "1.500 = w2 given orders-0 0=p1:9/1 1=p1:2/2 2=p1:3/1 asked=1300000000 of=g", &strict,
          RULE_GIVEN_AGAIN, 0, false);
    static const struct check_facts risky = {.shares_at_risk = "its copies are gone"};
    gives(6, "1.500 = w2 given orders-0 0=p1:1/2 1=p1:2/2 2=p1:3/1 asked=1300000000 of=g", &risky,
          RULE_GIVEN_AGAIN, 1, true);
}

static void
nobody_is_given_what_another_holds(void **state)
{
    (void)state;
    gives(5, NULL, &strict, RULE_HELD_BY_TWO, 1, false);
    /* Its lock may have run out. */
    static const struct check_facts brief = {.share_lock_ns = 500000000};
    gives(5, NULL, &brief, RULE_HELD_BY_TWO, 0, false);
    gives(5, "1.050 = w1 begin - of=g", &strict, RULE_HELD_BY_TWO, 0, false);
    /* The other one's is a later delivery: this one was long on its way. */
    gives(5, "1.350 = w1 given orders-0 1=p1:2/3 asked=1300000000 of=g", &strict, RULE_HELD_BY_TWO,
          0, false);
    gives(5, "1.350 = w1 given orders-0 1=p1:2/2 asked=1300000000 of=g", &strict, RULE_HELD_BY_TWO,
          1, false);
}

static void
what_is_not_acknowledged_is_given_again(void **state)
{
    (void)state;
    gives(7, NULL, &strict, RULE_UNGIVEN, 1, false);
    gives(7, "1.600 1.700 w2 acknowledge orders-0 fail !121 @1 to=1 of=g accept", &strict,
          RULE_UNGIVEN, 1, false);
    /* Nobody knows. */
    gives(7, "1.600 1.700 w2 acknowledge orders-0 info !15 @1 to=1 of=g accept", &strict,
          RULE_UNGIVEN, 0, false);
    /* All that there can be: it is done in no time. */
    gives(7, "1.600 1.700 w2 acknowledge orders-0 ok @1 to=1000000000000000 of=g accept", &strict,
          RULE_UNGIVEN, 0, false);
    /* As often as it may be: it is archived. */
    gives(6,
          "1.500 = w2 given orders-0 1=p1:2/5 2=p1:3/1 asked=1300000000 of=g\n"
          "1.550 1.560 w2 acknowledge orders-0 ok @1 to=1 of=g release",
          &strict, RULE_UNGIVEN, 0, false);
    /* Behind the first that was given, to nobody. */
    gives(6, "1.500 = w2 given orders-0 1=p1:2/2 asked=1300000000 of=g", &strict, RULE_UNGIVEN, 0,
          false);
    gives(8, NULL, &strict, RULE_UNGIVEN, 1, false);
}

/* In another group: w1 is given the first record by b1, and the last one by whom it is said. */
static void
begins_anew(const char *between, const char *broker, int64_t ungiven)
{
    char lines[600];
    snprintf(lines, sizeof lines,
             "1.800 = w1 given orders-0 0=p1:1/1 asked=1700000000 of=h by=1\n%s"
             "1.850 = w1 given orders-0 2=p1:3/1 asked=1840000000 of=h%s\n"
             "1.860 1.870 w1 acknowledge orders-0 ok @2 to=2 of=h accept\n"
             "1.900 = - healed -",
             between, broker);
    gives(9, lines, &strict, RULE_UNGIVEN, ungiven, false);
}

/* Where a group begins (share.auto.offset.reset) is kept with what is acknowledged first: until then a new leader begins anew. */
static void
a_group_begins_where_something_was_acknowledged_first(void **state)
{
    static const char refused[] =
        "1.810 1.820 w1 acknowledge orders-0 fail !6 @0 to=0 of=h accept\n",
                      accepted[] = "1.810 1.820 w1 acknowledge orders-0 ok @0 to=0 of=h accept\n";
    (void)state;
    begins_anew("", " by=2", 0);
    begins_anew(refused, " by=2", 0);
    begins_anew(accepted, " by=2", 1);
    begins_anew("", " by=1", 2);
    begins_anew("", "", 2); /* nobody knows who gave it */
    /* Where it began anew nothing comes: its start says where that is. */
    static const char *const given =
                                 "1.800 = w1 given orders-0 0=p1:1/1 asked=1700000000 of=h by=1\n",
                             *const start = "1.850 = w1 start orders-0 @3 asked=1840000000 of=h\n"
                                            "1.900 = - healed -";
    char lines[600];
    snprintf(lines, sizeof lines, "%s%s", given, start);
    gives(9, lines, &strict, RULE_UNGIVEN, 0, false);
    snprintf(lines, sizeof lines, "%s1.900 = - healed -", given);
    gives(9, lines, &strict, RULE_UNGIVEN, 3, false);
}

static struct happening
placed_at(int64_t at_ms, int32_t leader)
{
    struct happening one = happening_new(HAPPENED_PLACED, at_ms * 1000000);
    one.topic = S("orders");
    one.partition = 0;
    one.leader = leader;
    return one;
}

/* w1 was told at 1.2 s that p1:1 is accepted, and w2 is given it by somebody. b1 led until then_ms, then b2. */
static void
given_again_by(const char *broker, int64_t then_ms, int64_t back_ms, bool allowed)
{
    struct happening all[] = {placed_at(0, 1), placed_at(then_ms, 2), placed_at(back_ms, 1)};
    struct chronicle c = {.v = {.v = all, .n = back_ms ? 3 : 2}};
    struct check_facts facts = strict;
    char given[200];
    facts.chronicle = &c;
    snprintf(given, sizeof given,
             "1.500 = w2 given orders-0 0=p1:1/2 1=p1:2/2 2=p1:3/1 asked=1300000000 of=g%s",
             broker);
    gives(6, given, &facts, RULE_GIVEN_AGAIN, 1, allowed);
}

static void
who_was_superseded_and_has_not_heard_of_it_may_give_again(void **state)
{
    (void)state;
    given_again_by(" by=1", 1050, 0, true);
    given_again_by("", 1050, 0, false);      /* nobody knows who gave it */
    given_again_by(" by=2", 1050, 0, false); /* who leads knows */
    given_again_by(" by=3", 1050, 0, false); /* who never led has nothing to give */
    given_again_by(" by=1", 1150, 0, false); /* it may have been b1 that was asked to accept it */
    given_again_by(" by=1", 1050, 1400, false); /* it has led since, and read what is settled */
}

static void
a_delivery_that_nobody_saw_may_be_the_last(void **state)
{
    (void)state;
    struct happening died = {.kind = HAPPENED_ENDED, .at_ns = 1800000000};
    struct chronicle c = {.v = {.v = &died, .n = 1}};
    struct check_facts troubled = strict;
    const char *fourth = "1.560 = w2 given orders-0 1=p1:2/4 asked=1510000000 of=g\n"
                         "1.600 1.700 w2 acknowledge orders-0 ok @1 to=1 of=g release";
    const char *third = "1.560 = w2 given orders-0 1=p1:2/3 asked=1510000000 of=g\n"
                        "1.600 1.700 w2 acknowledge orders-0 ok @1 to=1 of=g release";
    troubled.chronicle = &c;
    gives(7, fourth, &strict, RULE_UNGIVEN, 1, false);
    gives(7, fourth, &troubled, RULE_UNGIVEN, 0, false);
    gives(7, third, &troubled, RULE_UNGIVEN, 1, false);
    died.at_ns = 8000000000; /* long after */
    gives(7, fourth, &troubled, RULE_UNGIVEN, 1, false);
}

static void
there_is_a_limit_on_deliveries(void **state)
{
    (void)state;
    gives(6, "1.500 = w2 given orders-0 1=p1:2/6 2=p1:3/1 asked=1300000000 of=g", &strict,
          RULE_GIVEN_TOO_OFTEN, 1, false);
}

/* Of p1:3, which w2 rejected. */
#define LETTER "9.050 = f letter orders-0 @2 2=p1:3 count=1 of=g reject"

static void
what_was_rejected_has_a_dead_letter(void **state)
{
    (void)state;
    static const int64_t since[] = {500000000}, late[] = {1650000000};
    struct check_facts facts = strict;
    facts.letters_since_ns = since;
    facts.letters_since_n = 1;
    gives(-1, NULL, &facts, RULE_NO_LETTER, 1, false);
    gives(12, "9.100 = f final-end orders-0 @3 final\n" LETTER, &facts, RULE_NO_LETTER, 0, false);
    /* Twice is not too often: its writer may have died before it knew. */
    gives(12, "9.100 = f final-end orders-0 @3 final\n" LETTER "\n" LETTER, &facts, RULE_NO_LETTER,
          0, false);
    /* It was rejected before there were any. */
    facts.letters_since_ns = late;
    gives(-1, NULL, &facts, RULE_NO_LETTER, 0, false);
    /* Nobody knows whether it was: a release that came to nothing, a member that was killed. */
    facts.letters_since_ns = since;
    gives(8, "1.600 1.700 w2 acknowledge orders-0 info @2 to=2 of=g reject", &facts, RULE_NO_LETTER,
          0, false);
    facts.shares_at_risk = "its copies are gone";
    gives(-1, NULL, &facts, RULE_NO_LETTER, 1, true);
}

static void
what_nobody_took_in_the_end_has_a_dead_letter(void **state)
{
    (void)state;
    static const int64_t since[] = {500000000};
    struct check_facts facts = {
        .share_deliveries_max = 2, .letters_since_ns = since, .letters_since_n = 1};
    static const char released[] = "1.600 1.700 w2 acknowledge orders-0 ok @1 to=1 of=g release";
    /* p1:2 was given out twice; and p1:3 has no letter either. */
    gives(7, released, &facts, RULE_NO_LETTER, 2, false);
}

static void
a_dead_letter_is_of_what_became_of_its_record(void **state)
{
    (void)state;
#define END_AND(letter) "9.100 = f final-end orders-0 @3 final\n" letter
    gives(12, END_AND("9.050 = f letter orders-0 @0 0=p1:1 count=1 of=g reject"), &strict,
          RULE_WRONG_LETTER, 1, false);
    gives(12, END_AND("9.050 = f letter orders-0 @2 2=p1:2 count=1 of=g reject"), &strict,
          RULE_WRONG_LETTER, 1, false);
    gives(12, END_AND("9.050 = f letter orders-0 @2 count=1 of=g reject"), &strict,
          RULE_WRONG_LETTER, 0, false);
    /* w1 had it before w2, and is late: nobody listens. */
#define ACCEPTED_BY(who) \
    "1.600 1.700 " who " acknowledge orders-0 ok @1 to=1 of=g accept\n" \
    "1.800 = f letter orders-0 @1 1=p1:2 count=2 of=g release"
    gives(7, ACCEPTED_BY("w1"), &strict, RULE_WRONG_LETTER, 0, false);
    gives(7, ACCEPTED_BY("w2"), &strict, RULE_WRONG_LETTER, 1, false);
}

/* w1's answer was long on its way: w2 has had p1:2 by then, and has settled it. */
static void
who_is_late_does_not_say_what_became_of_a_record(void **state)
{
    (void)state;
    static const int64_t since[] = {500000000};
    struct check_facts facts = strict;
    facts.letters_since_ns = since;
    facts.letters_since_n = 1;
#define SETTLED(how, word) \
    "1.600 1.700 w2 acknowledge orders-0 " how " @1 to=1 of=g " word "\n" \
    "1.750 = w1 given orders-0 1=p1:2/1 asked=900000000 of=g\n"
#define LATE(word) "1.760 1.800 w1 acknowledge orders-0 ok @1 to=1 of=g " word
#define LETTER_OF_2 "\n1.810 = f letter orders-0 @1 1=p1:2 count=2 of=g reject"
    /* p1:3 has no letter, ever. */
    gives(7, SETTLED("ok", "accept") LATE("reject"), &facts, RULE_NO_LETTER, 1, false);
    gives(7, SETTLED("info", "accept") LATE("reject"), &facts, RULE_NO_LETTER, 1, false);
    gives(7, SETTLED("ok", "reject") LATE("accept"), &facts, RULE_NO_LETTER, 2, false);
    gives(7, SETTLED("ok", "reject") LATE("accept") LETTER_OF_2, &strict, RULE_WRONG_LETTER, 0,
          false);
    /* Who was refused has not settled it. */
    gives(7, SETTLED("fail !121", "accept") LATE("reject"), &facts, RULE_NO_LETTER, 2, false);
    gives(7, SETTLED("fail !121", "reject") LATE("accept") LETTER_OF_2, &strict, RULE_WRONG_LETTER,
          1, false);
}

/* It was taken back after the last delivery: whoever had it is let pass. */
static void
who_is_later_than_the_last_lock_does_not_say_what_became_of_a_record(void **state)
{
    (void)state;
    static const int64_t since[] = {500000000};
    struct happening died = {.kind = HAPPENED_ENDED, .at_ns = 1650000000};
    struct chronicle c = {.v = {.v = &died, .n = 1}};
    struct check_facts facts = {.share_deliveries_max = 2, .share_lock_ns = 500000000};
#define SAYS_UNTIL(end, word) "1.600 " end " w2 acknowledge orders-0 ok @1 to=1 of=g " word
#define WORN_OUT "\n2.900 = f letter orders-0 @1 1=p1:2 count=2 of=g release"
    gives(7, SAYS_UNTIL("1.700", "accept") WORN_OUT, &facts, RULE_WRONG_LETTER, 1, false);
    gives(7, SAYS_UNTIL("1.900", "accept") WORN_OUT, &facts, RULE_WRONG_LETTER, 0, false);
    facts.letters_since_ns = since;
    facts.letters_since_n = 1;
    gives(7, SAYS_UNTIL("1.700", "reject"), &facts, RULE_NO_LETTER, 2, false);
    gives(7, SAYS_UNTIL("1.900", "reject"), &facts, RULE_NO_LETTER, 1, false);
    /* Something has ended its lock, perhaps. */
    facts.letters_since_n = 0;
    facts.chronicle = &c;
    gives(7, SAYS_UNTIL("1.700", "accept") WORN_OUT, &facts, RULE_WRONG_LETTER, 0, false);
    gives(7, SAYS_UNTIL("1.640", "accept") WORN_OUT, &facts, RULE_WRONG_LETTER, 1, false);
}

static void
the_start_offset_passes_nothing_that_is_not_done_with(void **state)
{
    (void)state;
#define START(at, offset, asked) "\n" at " = w1 start orders-0 @" offset " asked=" asked " of=g"
    static const char given[] = "1.500 = w2 given orders-0 1=p1:2/2 2=p1:3/1 asked=1300000000 of=g";
    char line[400];
    /* p1:2 was released, and is w2's. */
    snprintf(line, sizeof line, "%s%s%s", given, START("1.510", "0", "1505000000"),
             START("1.520", "1", "1515000000"));
    gives(6, line, &strict, RULE_START_PASSED, 0, false);
    snprintf(line, sizeof line, "%s%s%s", given, START("1.510", "0", "1505000000"),
             START("1.520", "2", "1515000000"));
    gives(6, line, &strict, RULE_START_PASSED, 1, false);
    /* It was removed by then, as retention does. */
    static const int64_t removed_to[] = {2}, too_few[] = {1};
    struct check_topic orders = {.removed_to = removed_to, .removed_n = 1};
    const struct check_facts removing = {.topics = &orders, .topics_n = 1};
    gives(6, line, &removing, RULE_START_PASSED, 0, false);
    orders.removed_to = too_few;
    gives(6, line, &removing, RULE_START_PASSED, 1, false);
    /* Its last delivery may have ended. */
    static const struct check_facts two = {.share_deliveries_max = 2, .share_lock_ns = 2000000000};
    gives(6, line, &two, RULE_START_PASSED, 0, false);
    /* Where it was told first it may have begun. */
    snprintf(line, sizeof line, "%s%s", given, START("1.520", "2", "1515000000"));
    gives(6, line, &strict, RULE_START_PASSED, 0, false);
    /* It goes back; unless that was asked for before the other was told. */
    snprintf(line, sizeof line, "%s%s%s", given, START("1.510", "1", "1505000000"),
             START("1.520", "0", "1515000000"));
    gives(6, line, &strict, RULE_START_PASSED, 1, false);
    snprintf(line, sizeof line, "%s%s%s", given, START("1.510", "1", "1505000000"),
             START("1.520", "0", "1509000000"));
    gives(6, line, &strict, RULE_START_PASSED, 0, false);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_start_offset_passes_nothing_that_is_not_done_with),
        cmocka_unit_test(what_was_rejected_has_a_dead_letter),
        cmocka_unit_test(what_nobody_took_in_the_end_has_a_dead_letter),
        cmocka_unit_test(a_dead_letter_is_of_what_became_of_its_record),
        cmocka_unit_test(who_is_late_does_not_say_what_became_of_a_record),
        cmocka_unit_test(who_is_later_than_the_last_lock_does_not_say_what_became_of_a_record),
        cmocka_unit_test(a_correct_history_raises_no_alarm),
        cmocka_unit_test(what_was_acknowledged_is_not_given_again),
        cmocka_unit_test(nobody_is_given_what_another_holds),
        cmocka_unit_test(what_is_not_acknowledged_is_given_again),
        cmocka_unit_test(a_group_begins_where_something_was_acknowledged_first),
        cmocka_unit_test(who_was_superseded_and_has_not_heard_of_it_may_give_again),
        cmocka_unit_test(a_delivery_that_nobody_saw_may_be_the_last),
        cmocka_unit_test(there_is_a_limit_on_deliveries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
