/* A topic is deleted and made again under a group that says by ids what it commits: what is of the one is not of the other. */

/* Lines are altered by their number. */
static const char *const good[] = {
    /*  0 */ "0.100 0.101 p1 send orders-0 p1:1 ok @0",
    /*  1 */ "0.100 0.101 p1 send orders-0 p1:2 ok @1",
    /*  2 */ "1.000 = c1 begin - of=g",
    /*  3 */ "1.010 = c2 begin - of=g",
    /*  4 */ "1.100 = c1 own orders-0 g1 of=g",
    /*  5 */ "1.110 1.120 c1 committed orders-0 ok g1 of=g",
    /*  6 */ "1.200 = c1 process orders-0 0=p1:1 1=p1:2 g1 of=g after",
    /*  7 */ "1.210 1.220 c1 commit orders-0 ok @2 g1 of=g after",
    /*  8 */ "3.000 3.001 p1 send orders-0 p1:3 ok @0 life=2",
    /*  9 */ "3.000 3.001 p1 send orders-0 p1:4 ok @1 life=2",
    /* 10 */ "3.000 3.001 p1 send orders-0 p1:5 ok @2 life=2",
    /* 11 */ "3.100 = c2 own orders-0 g1 of=g life=2",
    /* 12 */ "3.110 3.120 c2 committed orders-0 ok g1 of=g life=2",
    /* 13 */ "3.200 = c2 process orders-0 0=p1:3 1=p1:4 2=p1:5 g1 of=g after life=2",
    /* 14 */ "3.210 3.220 c2 commit orders-0 ok @3 g1 of=g after life=2",
    /* 15 */ "3.300 = c1 disown orders-0 g1 of=g",
    /* 16 */ "6.000 = - healed -",
    /* 17 */ "9.000 = f assign orders-0 @0 final life=2",
    /* 18 */ "9.000 = f poll orders-0 0=p1:3 1=p1:4 2=p1:5 final life=2",
    /* 19 */ "9.100 = f final-end orders-0 @3 final life=2",
};
/* Behind the lines. */
#include "tests/unit/check/altered.h"

static void
lives_of_groups_give(int at, const char *instead, enum rule rule, int64_t n)
{
    struct mem mem;
    struct chronicle c;
    test_mem_init(&mem);
    chronicle_init(&c, &mem);
    struct happening deleted = happening_new(HAPPENED_DELETED, 2000000000),
                     made = happening_new(HAPPENED_MADE, 2500000000);
    deleted.topic = made.topic = S("orders");
    deleted.life = 1;
    made.life = 2;
    chronicle_add(&c, &deleted);
    chronicle_add(&c, &made);
    struct check_facts facts = {.chronicle = &c, .owned_within_ns = 1000000000};
    gives(at, instead, &facts, rule, n, false);
    chronicle_release(&c);
    mem_release(&mem);
}

/* c2 has the next topic's partition in the generation in which c1 has the former's, of which it has not yet heard that it is gone; and
 * nothing of what was committed is owed by the next. */
static void
a_group_has_partitions_of_both(void **state)
{
    (void)state;
    lives_of_groups_give(-1, NULL, RULE_TWO_OWNERS, 0);
    lives_of_groups_give(15, "3.300 = c1 own orders-0 g1 of=g life=2", RULE_TWO_OWNERS, 1);
}

static void
an_offset_of_the_former_topic_is_none_of_the_next(void **state)
{
    (void)state;
    lives_of_groups_give(12, "3.110 3.120 c2 committed orders-0 ok @2 g1 of=g life=2",
                         RULE_FOREIGN_OFFSET, 1);
    /* Whoever asks by name is told of whichever had it; so is whoever was committed for by name. */
    lives_of_groups_give(12, "3.110 3.120 c2 committed orders-0 ok @2 g1 of=g life=2 any-life",
                         RULE_FOREIGN_OFFSET, 0);
    lives_of_groups_give(12,
                         "2.600 2.700 c1 commit orders-0 ok @2 g1 of=g after any-life\n"
                         "3.110 3.120 c2 committed orders-0 ok @2 g1 of=g life=2",
                         RULE_FOREIGN_OFFSET, 0);
    /* Of this number somebody has committed for this topic, too. */
    lives_of_groups_give(12,
                         "3.105 3.108 c2 commit orders-0 info @2 g1 of=g after life=2\n"
                         "3.110 3.120 c2 committed orders-0 ok @2 g1 of=g life=2",
                         RULE_FOREIGN_OFFSET, 0);
    lives_of_groups_give(12,
                         "3.105 3.108 c2 commit orders-0 fail !5 @2 g1 of=g after life=2\n"
                         "3.110 3.120 c2 committed orders-0 ok @2 g1 of=g life=2 any-life",
                         RULE_FAILED_COMMIT, 0);
}

static void
what_was_committed_for_the_next_topic_stays(void **state)
{
    (void)state;
    lives_of_groups_give(16,
                         "3.400 3.500 c2 committed orders-0 ok @1 g1 of=g life=2\n"
                         "6.000 = - healed -",
                         RULE_OFFSET_WENT_BACK, 1);
    /* By name it may have been taken for the former, by a coordinator that had not heard of its end. */
    lives_of_groups_give(14,
                         "2.400 3.220 c2 commit orders-0 ok @3 g1 of=g after life=2 any-life\n"
                         "3.400 3.500 c2 committed orders-0 ok g1 of=g life=2",
                         RULE_OFFSET_WENT_BACK, 0);
}

/* Who had a partition of the former gets that of the next. */
static void
a_partition_of_the_next_topic_has_an_owner(void **state)
{
    (void)state;
    lives_of_groups_give(11, NULL, RULE_UNOWNED, 1);
    /* All have left. */
    lives_of_groups_give(11, "3.100 = c1 leave - of=g\n3.100 = c2 leave - of=g", RULE_UNOWNED, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_has_partitions_of_both),
        cmocka_unit_test(an_offset_of_the_former_topic_is_none_of_the_next),
        cmocka_unit_test(what_was_committed_for_the_next_topic_stays),
        cmocka_unit_test(a_partition_of_the_next_topic_has_an_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
