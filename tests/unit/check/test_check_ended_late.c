/* A transaction that was ended by what its producer had asked for the one before (KAFKA-17754): what that excuses, by the chronicle's
 * word, and that it excuses nothing of another transaction, nor of another producer. */
#include <string.h>

#include "sim/check/check.h"
#include "tests/lib/test.h"

/* Three transactions of one producer; the second was aborted. */
static const char *const good[] = {
    /*  0 */ "0.100 0.200 p1 send o-0 p1:1 ok @0 e1",
    /*  1 */ "0.100 0.200 p1 send o-0 p1:2 ok @1 e1",
    /*  2 */ "0.300 0.400 p1 send o-0 p1:3 fail !48 e2",
    /*  3 */ "0.310 0.400 p1 send o-0 p1:4 fail !48 e2",
    /*  4 */ "0.500 0.600 p1 send o-0 p1:5 ok @7 e3",
    /*  5 */ "0.500 0.600 p1 send o-0 p1:6 ok @8 e3",
    /*  6 */ "1.200 1.300 w1 send o-0 w1:1 ok @9 e1",
    /*  7 */ "2.000 = - healed -",
    /*  8 */ "9.000 = f assign o-0 @0 final committed",
    /*  9 */ "9.000 = f poll o-0 0=p1:1 1=p1:2 7=p1:5 8=p1:6 9=w1:1 final committed",
    /* 10 */ "9.100 = f final-end o-0 @11 final committed",
};
/* Behind the lines. */
#include "tests/unit/check/altered.h"

#define FAILED_IS_READ \
    "9.000 = f poll o-0 0=p1:1 1=p1:2 3=p1:3 7=p1:5 8=p1:6 9=w1:1 final committed"
#define ONE_IS_MISSING "9.000 = f poll o-0 0=p1:1 1=p1:2 8=p1:6 9=w1:1 final committed"

/* Of the transaction that began at this time. */
static void
ended_late_gives(const char *process, int64_t begun_ms, const char *final, enum rule rule,
                 bool allowed, const enum rule *other)
{
    struct mem mem;
    struct chronicle c;
    test_mem_init(&mem);
    chronicle_init(&c, &mem);
    struct happening late = happening_new(HAPPENED_ENDED_LATE, (begun_ms + 10) * 1000000);
    late.what = slice_cstr(process);
    late.sent_ns = 150 * 1000000;
    late.begun_ns = begun_ms * 1000000;
    chronicle_add(&c, &late);
    const struct check_facts facts = {.chronicle = &c};
    gives_besides(9, final, &facts, rule, 1, allowed, other);
    mem_release(&mem);
}

static void
transactions_that_end_as_told_raise_no_alarm(void **state)
{
    (void)state;
    gives_besides(-1, NULL, NULL, RULE_FAILED_READ, 0, false, NULL);
}

static void
what_was_committed_by_a_late_request_may_be_read(void **state)
{
    static const enum rule torn = RULE_TORN;
    (void)state;
    ended_late_gives("p1", 320, FAILED_IS_READ, RULE_FAILED_READ, true, &torn);
    ended_late_gives("p1", 320, FAILED_IS_READ, RULE_TORN, true, &(enum rule){RULE_FAILED_READ});
}

static void
what_was_aborted_by_a_late_request_may_be_missing(void **state)
{
    (void)state;
    ended_late_gives("p1", 520, ONE_IS_MISSING, RULE_UNSEEN, true, &(enum rule){RULE_TORN});
    ended_late_gives("p1", 520, ONE_IS_MISSING, RULE_TORN, true, &(enum rule){RULE_UNSEEN});
}

static void
a_late_end_of_another_transaction_excuses_nothing(void **state)
{
    static const enum rule torn = RULE_TORN, unseen = RULE_UNSEEN;
    (void)state;
    ended_late_gives("p1", 120, FAILED_IS_READ, RULE_FAILED_READ, false, &torn);
    ended_late_gives("p1", 520, FAILED_IS_READ, RULE_FAILED_READ, false, &torn);
    ended_late_gives("p1", 320, ONE_IS_MISSING, RULE_UNSEEN, false, &torn);
    ended_late_gives("p1", 320, ONE_IS_MISSING, RULE_TORN, false, &unseen);
}

static void
a_late_end_of_another_producer_excuses_nothing(void **state)
{
    (void)state;
    ended_late_gives("w1", 1220, FAILED_IS_READ, RULE_FAILED_READ, false, &(enum rule){RULE_TORN});
    ended_late_gives("w1", 1220, ONE_IS_MISSING, RULE_UNSEEN, false, &(enum rule){RULE_TORN});
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transactions_that_end_as_told_raise_no_alarm),
        cmocka_unit_test(what_was_committed_by_a_late_request_may_be_read),
        cmocka_unit_test(what_was_aborted_by_a_late_request_may_be_missing),
        cmocka_unit_test(a_late_end_of_another_transaction_excuses_nothing),
        cmocka_unit_test(a_late_end_of_another_producer_excuses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
