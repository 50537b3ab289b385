/* Members that copy in transactions: a correct history raises no alarm; altered in one place it gives exactly the anomaly that it
 * was altered for. */
#include <string.h>

#include "tests/unit/check/commits.h"

/* Two members in turn copy a partition of four records to another one, and a final read of both. */
static const char *const good[] = {
    /*  0 */ "0.100 0.101 p1 send in-0 p1:1 ok @0",
    /*  1 */ "0.100 0.101 p1 send in-0 p1:2 ok @1",
    /*  2 */ "0.100 0.101 p1 send in-0 p1:3 ok @2",
    /*  3 */ "0.100 0.101 p1 send in-0 p1:4 ok @3",
    /*  4 */ "1.000 = w1 begin - of=g",
    /*  5 */ "1.010 = w2 begin - of=g",
    /*  6 */ "1.100 = w1 own in-0 g1 of=g",
    /*  7 */ "1.110 1.120 w1 committed in-0 ok g1 of=g",
    /*  8 */ "1.200 1.300 w1 send out-0 w1:1 ok @0 0=p1:1 e1",
    /*  9 */ "1.200 1.300 w1 send out-0 w1:2 ok @1 1=p1:2 e1",
    /* 10 */ "1.210 1.300 w1 commit in-0 ok @2 g1 of=g txn",
    /* 11 */ "1.300 = w1 process in-0 0=p1:1 1=p1:2 g1 of=g txn",
    /* 12 */ "1.400 - w1 send out-0 w1:3 2=p1:3 e2",
    /* 13 */ "1.410 - w1 commit in-0 @3 g1 of=g txn",
    /* 14 */ "1.600 = w1 disown in-0 g1 of=g",
    /* 15 */ "1.700 = w2 own in-0 g2 of=g",
    /* 16 */ "1.710 1.720 w2 committed in-0 ok @2 g2 of=g",
    /* 17 */ "1.800 1.900 w2 send out-0 w2:1 ok @4 2=p1:3 e1",
    /* 18 */ "1.800 1.900 w2 send out-0 w2:2 ok @5 3=p1:4 e1",
    /* 19 */ "1.810 1.900 w2 commit in-0 ok @4 g2 of=g txn",
    /* 20 */ "1.900 = w2 process in-0 2=p1:3 3=p1:4 g2 of=g txn",
    /* 21 */ "2.000 = - healed -",
    /* 22 */ "9.000 = f assign in-0 @0 final",
    /* 23 */ "9.000 = f poll in-0 0=p1:1 1=p1:2 2=p1:3 3=p1:4 final",
    /* 24 */ "9.100 = f final-end in-0 @4 final",
    /* 25 */ "9.000 = f assign out-0 @0 final",
    /* 26 */ "9.000 = f poll out-0 0=w1:1 1=w1:2 4=w2:1 5=w2:2 final",
    /* 27 */ "9.100 = f final-end out-0 @7 final",
};
/* Behind the lines. */
#include "tests/unit/check/altered.h"

static void
one_copy_of_each_record_raises_no_alarm(void **state)
{
    (void)state;
    gives_besides(-1, NULL, NULL, RULE_COPIED_TWICE, 0, false, NULL);
}

/* The first member's transaction was not as lost as it seemed. */
static void
two_copies_are_told(void **state)
{
    (void)state;
    const char *both = "9.000 = f poll out-0 0=w1:1 1=w1:2 2=w1:3 4=w2:1 5=w2:2 final";
    gives_besides(26, both, NULL, RULE_COPIED_TWICE, 1, false, NULL);
    /* What the first one had committed was destroyed with its copies. */
    struct mem mem;
    test_mem_init(&mem);
    struct chronicle c = wiped_at(&mem, coordinator_partition(S("g"), 2), 1500);
    const struct check_facts facts = {
        .chronicle = &c, .offsets = {.replicas = 2, .min_isr = 1}, .offsets_partitions = 2};
    gives_besides(26, both, &facts, RULE_COPIED_TWICE, 1, true, NULL);
    mem_release(&mem);
}

/* Its producer had sent p1:1 once more: that is another record, and has a copy of its own. (p1:4 has none.) */
static void
a_record_that_stands_twice_is_copied_twice(void **state)
{
    (void)state;
    const char *another = "1.800 1.900 w2 send out-0 w2:2 ok @5 9=p1:1 e1",
               *the_same = "1.800 1.900 w2 send out-0 w2:2 ok @5 0=p1:1 e1";
    static const enum rule missing = RULE_NOT_COPIED;
    gives_besides(18, another, NULL, RULE_COPIED_TWICE, 0, false, &missing);
    gives_besides(18, the_same, NULL, RULE_COPIED_TWICE, 1, false, &missing);
}

/* An offset was committed without the copies. */
static void
a_record_without_copy_is_told(void **state)
{
    (void)state;
    const char *less = "1.800 1.900 w2 send out-0 w2:1 ok @4 3=p1:4 e1";
    gives_besides(17, less, NULL, RULE_NOT_COPIED, 1, false, &(enum rule){RULE_COPIED_TWICE});
}

/* The copies at 0 and 1 were removed, and nothing else was. */
static void
a_copy_that_was_removed_was_there(void **state)
{
    (void)state;
    static const int64_t removed_to[] = {2}, none_removed[] = {0};
    const struct check_topic topics[] = {{.removed_to = none_removed, .removed_n = 1},
                                         {.removed_to = removed_to, .removed_n = 1}};
    const struct check_facts facts = {.topics = topics, .topics_n = 2};
    gives_besides(26, "9.000 = f poll out-0 4=w2:1 5=w2:2 final", &facts, RULE_NOT_COPIED, 0, false,
                  NULL);
}

/* Where the copies cannot be read, nothing is known of them. */
static void
what_was_not_read_to_the_end_is_not_missed(void **state)
{
    (void)state;
    gives_besides(27, NULL, NULL, RULE_NOT_COPIED, 0, false, &(enum rule){RULE_UNREADABLE});
}

/* Work that is committed with its output is done once, also by the letter of what members were told. */
static void
work_in_a_transaction_is_not_done_again(void **state)
{
    (void)state;
    gives_besides(20, "1.900 = w2 process in-0 1=p1:2 2=p1:3 3=p1:4 g2 of=g txn", NULL,
                  RULE_PROCESSED_TWICE, 1, false, NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_copy_of_each_record_raises_no_alarm),
        cmocka_unit_test(two_copies_are_told),
        cmocka_unit_test(a_record_that_stands_twice_is_copied_twice),
        cmocka_unit_test(a_record_without_copy_is_told),
        cmocka_unit_test(a_copy_that_was_removed_was_there),
        cmocka_unit_test(what_was_not_read_to_the_end_is_not_missed),
        cmocka_unit_test(work_in_a_transaction_is_not_done_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
