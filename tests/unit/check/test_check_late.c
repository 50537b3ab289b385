/* An answer that was long on its way shows a record that is gone since, to somebody who comes after those who read another one at
 * its place. */
#include "tests/unit/check/commits.h"

/* p1:1 was lost at 1.5 s, and p2:1 came to its offset. */
static const char *const good[] = {
    /* 0 */ "1.000 1.010 p1 send orders-0 p1:1 ok @0 acks=1 node=1",
    /* 1 */ "2.000 2.010 p2 send orders-0 p2:1 ok @0 acks=1 node=1",
    /* 2 */ "3.000 = c1 poll orders-0 @1 0=p2:1/1 e1",
    /* 3 */ "3.100 = c2 assign orders-0 @0",
    /* 4 */ "9.000 = f assign orders-0 @0 final",
    /* 5 */ "9.000 = f poll orders-0 @1 0=p2:1/1 e1 final",
    /* 6 */ "9.100 = f final-end orders-0 @1 final",
};
#include "tests/unit/check/altered.h"

static void
reads_late(const char *late, int64_t wiped_ms, bool allowed)
{
    static const enum rule lost = RULE_LOST;
    const struct check_topic orders = {.replicas = 1, .min_isr = 1};
    struct chronicle c;
    struct mem mem;
    test_mem_init(&mem);
    chronicle_init(&c, &mem);
    struct happening placed = happening_new(HAPPENED_PLACED, 0);
    placed.topic = S("orders"), placed.leader = 1, placed.leader_epoch = 0;
    placed.in_sync = (struct chronicle_ids){1, {1}};
    chronicle_add(&c, &placed);
    struct happening gone = happening_new(HAPPENED_COPIES_GONE, wiped_ms * 1000000);
    gone.topic = S("orders"), gone.node = 1, gone.what = S("was wiped");
    chronicle_add(&c, &gone);
    const struct check_facts facts = {.chronicle = &c, .topics = &orders, .topics_n = 1};
    gives_besides(3, late, &facts, RULE_INCONSISTENT_OFFSET, 1, allowed, &lost);
    mem_release(&mem);
}

#define LATE "3.100 = c2 assign orders-0 @0\n3.200 = c2 poll orders-0 @1 "

static void
an_earlier_record_that_was_lost_may_be_read_late(void **state)
{
    (void)state;
    reads_late(LATE "0=p1:1/0 e0", 1500, true);
}

static void
what_took_neither_of_two_excuses_neither(void **state)
{
    (void)state;
    reads_late(LATE "0=p1:1/0 e0", 900, false);
}

/* It has come back: what was read before is missed. */
static void
a_record_in_the_place_of_a_later_one_is_no_late_one(void **state)
{
    (void)state;
    reads_late(LATE "0=p1:1/2 e2", 1500, false);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_earlier_record_that_was_lost_may_be_read_late),
        cmocka_unit_test(what_took_neither_of_two_excuses_neither),
        cmocka_unit_test(a_record_in_the_place_of_a_later_one_is_no_late_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
