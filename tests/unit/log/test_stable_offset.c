#include "broker/log/stable_offset.h"
#include "tests/lib/test.h"

static void
without_transactions_it_is_the_high_watermark(void **state)
{
    (void)state;
    assert_int_equal(stable_offset(-1, NULL, 0, 0, 90), 90);
}

static void
the_earliest_open_transaction_holds_it_back(void **state)
{
    (void)state;
    assert_int_equal(stable_offset(40, NULL, 0, 0, 90), 40);
    assert_int_equal(stable_offset(95, NULL, 0, 0, 90), 90);
}

static void
a_marker_counts_once_it_is_committed(void **state)
{
    (void)state;
    struct decided_txn v[] = {{7, 30, 80, false}, {9, 20, 90, true}};
    assert_int_equal(stable_offset(-1, v, 2, 0, 90), 20);
    assert_int_equal(stable_offset(-1, v, 2, 0, 91), 91);
    assert_int_equal(stable_offset(-1, v, 2, 0, 80), 20);
    assert_int_equal(stable_offset(10, v, 2, 0, 91), 10);
}

static void
it_is_not_below_the_log(void **state)
{
    (void)state;
    assert_int_equal(stable_offset(40, NULL, 0, 60, 90), 60);
}

static void
aborted_ones_are_found_by_overlap(void **state)
{
    (void)state;
    /* The second began first and was decided last. */
    struct aborted_txn v[] = {{7, 20, 30, 10}, {8, 10, 50, 51}, {9, 60, 70, 71}}, ret[3];
    assert_int_equal(aborted_overlapping(v, 3, 0, 5, ret), 0);
    assert_int_equal(aborted_overlapping(v, 3, 0, 15, ret), 1);
    assert_int_equal(ret[0].producer_id, 8);
    assert_int_equal(aborted_overlapping(v, 3, 0, 25, ret), 2);
    assert_int_equal(aborted_overlapping(v, 3, 31, 60, ret), 1);
    assert_int_equal(aborted_overlapping(v, 3, 30, 61, ret), 3);
    assert_int_equal(aborted_overlapping(v, 3, 71, 100, ret), 0);
    assert_int_equal(aborted_overlapping(v, 3, 30, 61, NULL), 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_transactions_it_is_the_high_watermark),
        cmocka_unit_test(the_earliest_open_transaction_holds_it_back),
        cmocka_unit_test(a_marker_counts_once_it_is_committed),
        cmocka_unit_test(it_is_not_below_the_log),
        cmocka_unit_test(aborted_ones_are_found_by_overlap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
