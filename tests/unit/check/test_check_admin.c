/* What administrators were told, against the final read. */
#include "tests/unit/check/histories.h"

static void
made_delete(struct made *m, enum history_outcome outcome, int64_t low_watermark)
{
    struct history_op op =
        history_op_new(HISTORY_ADMIN, history_process(&m->h, S("admin")), m->topic, 0);
    op.key = ADMIN_DELETE_RECORDS;
    int64_t number = history_invoke(&m->h, &op);
    history_complete(&m->h, number, outcome, 0, 0, low_watermark);
}

static struct check_result
judge_by(struct made *m, const struct chronicle *chronicle)
{
    struct check_result r;
    check_history(&m->mem, &m->h, &(struct check_facts){.chronicle = chronicle}, &r);
    return r;
}

static struct check_result
judge(struct made *m)
{
    return judge_by(m, NULL);
}

static void
a_deleted_record_in_the_final_read_is_undeleted(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 1, 300);
    made_delete(&m, HISTORY_OK, 20);
    struct check_result r = judge(&m);
    assert_int_equal(r.anomalies.v.n, 1);
    assert_int_equal(r.anomalies.v.v[0].rule, RULE_UNDELETED);
    assert_int_equal(r.anomalies.v.v[0].offset, 0);
    check_result_release(&r);
    made_release(&m);
}

static void
what_nobody_said_to_be_deleted_may_stay(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 1, 300);
    made_delete(&m, HISTORY_OK, 0);
    made_delete(&m, HISTORY_INFO, 20);
    made_delete(&m, HISTORY_FAIL, 20);
    struct check_result r = judge(&m);
    assert_int_equal(r.anomalies.v.n, 0);
    check_result_release(&r);
    made_release(&m);
}

static void
a_topic_that_was_made_again_may_have_them(void **state)
{
    (void)state;
    struct made m;
    made_init(&m, 1, 300);
    made_delete(&m, HISTORY_OK, 20);
    struct history_op op = history_op_new(HISTORY_ADMIN, 0, 0, -1);
    op.key = ADMIN_DELETE;
    history_complete(&m.h, history_invoke(&m.h, &op), HISTORY_OK, 0, -1, -1);
    struct check_result r = judge(&m);
    assert_int_equal(r.anomalies.v.n, 0);
    check_result_release(&r);
    made_release(&m);
}

static void
placed(struct chronicle *c, int64_t at_ns, int32_t leader, struct chronicle_ids in_sync,
       struct chronicle_ids elr)
{
    struct happening one = happening_new(HAPPENED_PLACED, at_ns);
    one.topic = S("orders");
    one.partition = 0;
    one.leader = leader;
    one.in_sync = in_sync;
    one.elr = elr;
    chronicle_add(c, &one);
}

/* b3 was fenced at the answer, in the ELR, and leads later; in between it was in the ISR, or not. */
static void
who_leads_out_of_the_elr_may_not_have_heard(void **state)
{
    (void)state;
    for (int was_in_isr = 0; was_in_isr <= 1; was_in_isr++) {
        struct made m;
        struct chronicle c;
        made_init(&m, 1, 300);
        chronicle_init(&c, &m.mem);
        placed(&c, 0, 2, (struct chronicle_ids){2, {2, 3}}, (struct chronicle_ids){1, {3}});
        made_delete(&m, HISTORY_OK, 20);
        int64_t later = m.h.ops.v[m.h.ops.n - 1].complete_ns;
        if (was_in_isr)
            placed(&c, later + 1, 2, (struct chronicle_ids){2, {2, 3}}, (struct chronicle_ids){0});
        placed(&c, later + 2, 3, (struct chronicle_ids){2, {2, 3}}, (struct chronicle_ids){1, {2}});
        struct check_result r = judge_by(&m, &c);
        assert_int_equal(r.anomalies.v.n, was_in_isr);
        if (was_in_isr) assert_int_equal(r.anomalies.v.v[0].rule, RULE_UNDELETED);
        check_result_release(&r);
        chronicle_release(&c);
        made_release(&m);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deleted_record_in_the_final_read_is_undeleted),
        cmocka_unit_test(what_nobody_said_to_be_deleted_may_stay),
        cmocka_unit_test(a_topic_that_was_made_again_may_have_them),
        cmocka_unit_test(who_leads_out_of_the_elr_may_not_have_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
