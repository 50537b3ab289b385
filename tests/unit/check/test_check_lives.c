/* Topics of one name, one after the other, which histories tell apart: what belongs to which of them, and what is owed. */
#include <stdio.h>

#include "sim/check/check.h"
#include "tests/lib/test.h"

/* The first is deleted, the second is there in the end; what lines tell of them, and how many of this rule that gives. */
static void
lives_give(const char *lines, enum rule rule, int64_t n)
{
    struct mem mem;
    struct history h;
    struct chronicle c;
    struct check_result r;
    char text[2000];
    test_mem_init(&mem);
    history_init(&h, &mem, NULL, NULL);
    chronicle_init(&c, &mem);
    struct happening deleted = happening_new(HAPPENED_DELETED, 2000000000);
    struct happening made = happening_new(HAPPENED_MADE, 3000000000);
    deleted.topic = made.topic = S("orders");
    made.life = 2;
    chronicle_add(&c, &deleted);
    chronicle_add(&c, &made);
    struct writer w = writer_fixed(text, sizeof text);
    fmt_str(&w, "1.0 1.1 p1 send orders-0 p1:1 ok @0 node=1\n"
                "1.0 1.2 p1 send orders-0 p1:2 ok @1 node=1\n"
                "1.3 = c1 poll orders-0 0=p1:1/4 1=p1:2/4\n"
                "4.0 4.1 p1 send orders-0 p1:3 ok @0 node=1 life=2\n"
                "4.1 4.2 p1 send orders-0 p1:4 ok @1 node=1 life=2\n"
                "4.3 = c1 poll orders-0 0=p1:3/0 1=p1:4/0 life=2\n");
    fmt_str(&w, lines);
    assert_int_equal(history_parse(&h, writer_slice(&w)), 0);
    check_history(&mem, &h, &(struct check_facts){.chronicle = &c}, &r);
    assert_int_equal(r.anomalies.v.n, n);
    assert_int_equal(r.anomalies.counts[rule], n);
    check_result_release(&r);
    chronicle_release(&c);
    history_release(&h);
    mem_release(&mem);
}

#define WHOLE \
    "9.0 = f poll orders-0 0=p1:3/0 1=p1:4/0 final life=2\n9.1 = f final-end orders-0 @2 final " \
    "life=2\n"

static void
what_went_with_its_topic_is_not_lost(void **state)
{
    (void)state;
    lives_give(WHOLE, RULE_LOST, 0);
}

static void
what_the_present_topic_acknowledged_is_owed(void **state)
{
    (void)state;
    lives_give("9.0 = f poll orders-0 0=p1:3/0 final life=2\n"
               "9.1 = f final-end orders-0 @1 final life=2\n",
               RULE_LOST, 1);
    lives_give("5.0 5.1 p1 send orders-0 p1:5 ok @2 node=1 life=2\n" WHOLE, RULE_LOST, 1);
}

/* Who had not heard of its end acknowledged it, when there was another one already. */
static void
what_the_former_topic_acknowledged_late_goes_with_it(void **state)
{
    (void)state;
    lives_give("5.0 5.1 p1 send orders-0 p1:5 ok @2 node=1\n" WHOLE, RULE_LOST, 0);
}

static void
what_the_former_topic_acknowledged_is_a_phantom_in_the_next(void **state)
{
    (void)state;
    lives_give("5.0 = c1 poll orders-0 2=p1:2/0 life=2\n" WHOLE, RULE_PHANTOM, 1);
}

/* Its first attempt came to the former one, the next to this one: it is in each of them once. */
static void
a_send_may_have_come_to_both(void **state)
{
    (void)state;
    lives_give(
        "1.4 = c1 poll orders-0 2=p2:1/4\n1.35 5.1 p2 send orders-0 p2:1 ok @2 node=1 life=2\n"
        "9.0 = f poll orders-0 0=p1:3/0 1=p1:4/0 2=p2:1/0 final life=2\n"
        "9.1 = f final-end orders-0 @3 final life=2\n",
        RULE_DUPLICATE, 0);
}

static void
what_nobody_knows_of_may_be_in_any_of_them(void **state)
{
    (void)state;
    const char *end = "9.0 = f poll orders-0 0=p1:3/0 1=p1:4/0 2=p2:1/0 final life=2\n"
                      "9.1 = f final-end orders-0 @3 final life=2\n";
    char lines[600];
    (void)snprintf(lines, sizeof lines, "1.9 6.0 p2 send orders-0 p2:1 info !7\n%s", end);
    lives_give(lines, RULE_PHANTOM, 0);
    (void)snprintf(lines, sizeof lines, "1.9 6.0 p2 send orders-0 p2:1 ok @7 any-life\n%s", end);
    lives_give(lines, RULE_INCONSISTENT_OFFSET, 0);
    lives_give("1.9 6.0 p2 send orders-0 p2:1 ok @7 any-life\n" WHOLE, RULE_LOST, 0);
    /* What surely was not done is nowhere. */
    (void)snprintf(lines, sizeof lines, "1.9 6.0 p2 send orders-0 p2:1 fail !7\n%s", end);
    lives_give(lines, RULE_FAILED_READ, 1);
}

/* Asked for by name it may be told by either. Nobody has used the second. */
static void
ends_of_two_topics_are_not_compared(void **state)
{
    (void)state;
    for (int64_t deleted_ms = 3500; deleted_ms >= 1500; deleted_ms -= 2000) {
        struct mem mem;
        struct history h;
        struct chronicle c;
        struct check_result r;
        test_mem_init(&mem);
        history_init(&h, &mem, NULL, NULL);
        chronicle_init(&c, &mem);
        struct happening deleted = happening_new(HAPPENED_DELETED, deleted_ms * 1000000);
        struct happening made = happening_new(HAPPENED_MADE, deleted_ms * 1000000 + 1);
        deleted.topic = made.topic = S("orders");
        made.life = 2;
        chronicle_add(&c, &deleted);
        chronicle_add(&c, &made);
        assert_int_equal(history_parse(&h, S("1.0 1.1 c1 end orders-0 ok @9 e0\n"
                                             "2.0 3.0 c1 end orders-0 ok @0 e0\n")),
                         0);
        check_history(&mem, &h, &(struct check_facts){.chronicle = &c}, &r);
        assert_int_equal(r.anomalies.counts[RULE_END_WENT_BACK], deleted_ms > 3000);
        check_result_release(&r);
        chronicle_release(&c);
        history_release(&h);
        mem_release(&mem);
    }
}

/* It was read there: of which topic that was its reader knows. */
static void
what_was_read_of_the_present_topic_is_owed_whoever_sent_it(void **state)
{
    (void)state;
    lives_give(
        "3.5 6.0 p1 send orders-0 p1:5 info !7\n5.0 = c1 poll orders-0 2=p1:5/0 life=2\n" WHOLE,
        RULE_READ_LOST, 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_went_with_its_topic_is_not_lost),
        cmocka_unit_test(what_the_present_topic_acknowledged_is_owed),
        cmocka_unit_test(what_the_former_topic_acknowledged_late_goes_with_it),
        cmocka_unit_test(what_the_former_topic_acknowledged_is_a_phantom_in_the_next),
        cmocka_unit_test(a_send_may_have_come_to_both),
        cmocka_unit_test(what_nobody_knows_of_may_be_in_any_of_them),
        cmocka_unit_test(ends_of_two_topics_are_not_compared),
        cmocka_unit_test(what_was_read_of_the_present_topic_is_owed_whoever_sent_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
