#include "tests/lib/test.h"

#include "broker/log/sequence_check.h"

/* Batches of three records each, from sequence 0 on, at offsets 100, 110 … */
static struct producer_window
window(int32_t n, int32_t first)
{
    struct producer_window w = {.producer_id = 7, .epoch = 1, .n = n};
    for (int32_t i = 0; i < n; i++)
        w.batch[i] = (struct producer_batch){.last_offset = 102 + i * 10,
                                             .last_sequence = sequence_add(first, i * 3 + 2),
                                             .offset_delta = 2};
    return w;
}

static enum sequence_verdict
check(struct producer_window w, int16_t epoch, int32_t base, int32_t *which)
{
    *which = -1;
    return sequence_check(&w, epoch, base, sequence_add(base, 2), which);
}

static void
the_next_batch_is_appended_and_a_gap_is_not(void **state)
{
    (void)state;
    int32_t which;
    assert_int_equal(check(window(2, 0), 1, 6, &which), SEQUENCE_APPEND);
    assert_int_equal(check(window(2, 0), 1, 7, &which), SEQUENCE_OUT_OF_ORDER);
    assert_int_equal(check(window(2, 0), 1, 5, &which), SEQUENCE_OUT_OF_ORDER);
}

static void
one_of_the_last_five_is_a_duplicate_and_an_older_one_is_not(void **state)
{
    (void)state;
    int32_t which;
    for (int32_t i = 0; i < 5; i++) {
        assert_int_equal(check(window(5, 30), 1, 30 + i * 3, &which), SEQUENCE_DUPLICATE);
        assert_int_equal(which, i);
    }
    assert_int_equal(check(window(5, 30), 1, 27, &which), SEQUENCE_OUT_OF_ORDER);
}

static void
half_of_a_known_batch_is_no_duplicate(void **state)
{
    (void)state;
    struct producer_window w = window(1, 0);
    int32_t which;
    assert_int_equal(sequence_check(&w, 1, 0, 1, &which), SEQUENCE_OUT_OF_ORDER);
}

static void
sequences_wrap_to_zero(void **state)
{
    (void)state;
    int32_t which;
    assert_int_equal(check(window(1, INT32_MAX - 2), 1, 0, &which), SEQUENCE_APPEND);
    assert_int_equal(check(window(1, INT32_MAX - 1), 1, 1, &which), SEQUENCE_APPEND);
    assert_int_equal(check(window(1, INT32_MAX - 1), 1, INT32_MAX - 1, &which), SEQUENCE_DUPLICATE);
}

static void
an_old_epoch_is_fenced_and_a_new_one_begins_at_zero(void **state)
{
    (void)state;
    int32_t which;
    assert_int_equal(check(window(1, 0), 0, 3, &which), SEQUENCE_FENCED);
    assert_int_equal(check(window(1, 0), 2, 0, &which), SEQUENCE_APPEND);
    assert_int_equal(check(window(1, 0), 2, 3, &which), SEQUENCE_OUT_OF_ORDER);
}

static void
an_unknown_producer_may_begin_anywhere(void **state)
{
    (void)state;
    struct producer_window w = {.epoch = -1};
    int32_t which;
    assert_int_equal(check(w, 0, 40, &which), SEQUENCE_APPEND);
}

static void
after_a_marker_its_epoch_begins_at_zero(void **state)
{
    (void)state;
    int32_t which;
    assert_int_equal(check(window(0, 0), 1, 0, &which), SEQUENCE_APPEND);
    assert_int_equal(check(window(0, 0), 1, 3, &which), SEQUENCE_OUT_OF_ORDER);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_batch_is_appended_and_a_gap_is_not),
        cmocka_unit_test(one_of_the_last_five_is_a_duplicate_and_an_older_one_is_not),
        cmocka_unit_test(half_of_a_known_batch_is_no_duplicate),
        cmocka_unit_test(sequences_wrap_to_zero),
        cmocka_unit_test(an_old_epoch_is_fenced_and_a_new_one_begins_at_zero),
        cmocka_unit_test(an_unknown_producer_may_begin_anywhere),
        cmocka_unit_test(after_a_marker_its_epoch_begins_at_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
