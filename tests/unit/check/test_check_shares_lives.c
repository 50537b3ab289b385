/* A topic is deleted and made again under a share group: what it was given and said of the one is not of the other. */
#define GIVEN "3.100 = w1 given orders-0 0=p1:2/1 1=p1:3/1 asked=3050000000 of=g by=2 life=2"
#define ACCEPTED "3.200 3.300 w1 acknowledge orders-0 ok @0 to=1 of=g accept life=2"

/* Lines are altered by their number. */
static const char *const good[] = {
    /*  0 */ "0.100 0.101 p1 send orders-0 p1:1 ok @0",
    /*  1 */ "0.200 = w1 begin - of=g",
    /*  2 */ "1.000 = w1 given orders-0 0=p1:1/1 asked=900000000 of=g by=1",
    /*  3 */ "1.100 1.200 w1 acknowledge orders-0 ok @0 to=0 of=g accept",
    /*  4 */ "1.300 = w1 start orders-0 @1 asked=1250000000 of=g",
    /*  5 */ "3.000 3.001 p1 send orders-0 p1:2 ok @0 life=2",
    /*  6 */ "3.000 3.001 p1 send orders-0 p1:3 ok @1 life=2",
    /*  7 */ GIVEN "\n3.150 = w1 start orders-0 @0 asked=3120000000 of=g life=2\n" ACCEPTED,
    /*  8 */ "6.000 = - healed -",
    /*  9 */ "9.000 = f assign orders-0 @0 final life=2",
    /* 10 */ "9.000 = f poll orders-0 0=p1:2 1=p1:3 final life=2",
    /* 11 */ "9.100 = f final-end orders-0 @2 final life=2",
};
/* Behind the lines. */
#include "tests/unit/check/altered.h"

static struct happening
share_life(enum happening_kind kind, int64_t at_ms, int32_t life, int32_t leader)
{
    struct happening one = happening_new(kind, at_ms * 1000000);
    one.topic = S("orders");
    one.life = life;
    one.leader = leader;
    one.partition = kind == HAPPENED_PLACED ? 0 : -1;
    return one;
}

/* In the former topic b1 led, and then b2; the next is led by `first`, and then by b2. */
static void
lives_of_shares_give(int at, const char *instead, int64_t earliest_ms, int32_t first,
                     enum rule rule, int64_t n, bool allowed)
{
    struct happening all[] = {
        share_life(HAPPENED_PLACED, 0, 0, 1),        share_life(HAPPENED_PLACED, 1500, 0, 2),
        share_life(HAPPENED_DELETED, 2000, 1, -1),   share_life(HAPPENED_MADE, 2500, 2, -1),
        share_life(HAPPENED_PLACED, 2500, 0, first), share_life(HAPPENED_PLACED, 2800, 0, 2)};
    struct chronicle c = {.v = {.v = all, .n = ARRAY_LEN(all)}};
    int64_t since_ns = earliest_ms * 1000000;
    struct check_facts facts = {.chronicle = &c,
                                .share_deliveries_max = 5,
                                .share_lock_ns = 100000000,
                                .earliest_since_ns = &since_ns,
                                .earliest_since_n = 1};
    gives(at, instead, &facts, rule, n, allowed);
}

static void
nothing_of_the_former_topic_is_asked_of_the_next(void **state)
{
    (void)state;
    lives_of_shares_give(-1, NULL, 100, 2, RULE_GIVEN_AGAIN, 0, false);
    /* Of one it is. */
    lives_of_shares_give(7,
                         GIVEN
                         "\n3.150 = w1 start orders-0 @0 asked=3120000000 of=g life=2\n"
                         "3.160 = w1 start orders-0 @2 asked=3155000000 of=g life=2\n" ACCEPTED,
                         100, 2, RULE_START_PASSED, 2, false);
}

static void
a_group_that_begins_with_the_earliest_is_given_all_of_the_next(void **state)
{
    const char *second = "3.100 = w1 given orders-0 1=p1:3/1 asked=3050000000 of=g by=2 life=2\n"
                         "3.110 3.300 w1 acknowledge orders-0 ok @1 to=1 of=g accept life=2";
    (void)state;
    lives_of_shares_give(7, second, 100, 2, RULE_UNGIVEN, 1, false);
    lives_of_shares_give(7, NULL, 100, 2, RULE_UNGIVEN, 2, false);
    /* It was not to begin so when the topic was made, or never; or nobody of it is there any more. */
    lives_of_shares_give(7, second, 2600, 2, RULE_UNGIVEN, 0, false);
    lives_of_shares_give(7, NULL, 0, 2, RULE_UNGIVEN, 0, false);
    lives_of_shares_give(7, "2.900 = w1 leave - of=g", 100, 2, RULE_UNGIVEN, 0, false);
}

/* b1 may have stood still since it led the next topic; that it led the former one is no excuse. */
static void
who_led_the_former_topic_is_not_superseded_in_the_next(void **state)
{
    const char *again = GIVEN
        "\n" ACCEPTED "\n3.500 = w1 given orders-0 0=p1:2/2 asked=3400000000 of=g by=1 life=2\n"
        "3.550 3.560 w1 acknowledge orders-0 ok @0 to=0 of=g accept life=2";
    (void)state;
    lives_of_shares_give(7, again, 100, 1, RULE_GIVEN_AGAIN, 1, true);
    lives_of_shares_give(7, again, 100, 2, RULE_GIVEN_AGAIN, 1, false);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_of_the_former_topic_is_asked_of_the_next),
        cmocka_unit_test(a_group_that_begins_with_the_earliest_is_given_all_of_the_next),
        cmocka_unit_test(who_led_the_former_topic_is_not_superseded_in_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
