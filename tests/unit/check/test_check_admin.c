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
judge(struct made *m)
{
    static const struct check_facts none;
    struct check_result r;
    check_history(&m->mem, &m->h, &none, &r);
    return r;
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_deleted_record_in_the_final_read_is_undeleted),
        cmocka_unit_test(what_nobody_said_to_be_deleted_may_stay),
        cmocka_unit_test(a_topic_that_was_made_again_may_have_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
