#include "tests/lib/test.h"

#include "broker/log/marker_check.h"

static const struct marker_view open_5 = {.epoch = 5, .coordinator_epoch = 3, .is_open = true};
static const struct marker_view closed_5 = {.epoch = 5, .coordinator_epoch = 3};
static const struct marker_view unknown = {.epoch = -1, .coordinator_epoch = -1};

static void
under_version_1_a_marker_has_the_epoch_of_the_records(void **state)
{
    (void)state;
    for (int8_t version = 0; version < 2; version++) {
        assert_int_equal(marker_check(&open_5, 5, 3, version), MARKER_APPEND);
        assert_int_equal(marker_check(&open_5, 6, 3, version), MARKER_APPEND); /* it fences */
        assert_int_equal(marker_check(&open_5, 4, 3, version), MARKER_OLD_PRODUCER);
        assert_int_equal(marker_check(&closed_5, 5, 3, version), MARKER_APPEND);
    }
}

static void
under_version_2_a_marker_has_a_later_epoch_than_the_records(void **state)
{
    (void)state;
    assert_int_equal(marker_check(&open_5, 6, 3, 2), MARKER_APPEND);
    assert_int_equal(marker_check(&open_5, 5, 3, 2), MARKER_OLD_PRODUCER);
    assert_int_equal(marker_check(&open_5, 4, 3, 2), MARKER_OLD_PRODUCER);
}

static void
a_marker_sent_again_is_taken_again(void **state)
{
    (void)state;
    assert_int_equal(marker_check(&closed_5, 5, 3, 2), MARKER_APPEND);
    assert_int_equal(marker_check(&closed_5, 4, 3, 2), MARKER_OLD_PRODUCER);
}

static void
a_coordinator_with_a_successor_is_refused_and_the_same_one_is_not(void **state)
{
    (void)state;
    assert_int_equal(marker_check(&open_5, 6, 2, 2), MARKER_OLD_COORDINATOR);
    assert_int_equal(marker_check(&open_5, 5, 2, 1), MARKER_OLD_COORDINATOR);
    assert_int_equal(marker_check(&open_5, 6, 4, 2), MARKER_APPEND);
}

static void
of_a_producer_that_is_not_known_every_marker_is_taken(void **state)
{
    (void)state;
    assert_int_equal(marker_check(&unknown, 0, 0, 1), MARKER_APPEND);
    assert_int_equal(marker_check(&unknown, 0, 0, 2), MARKER_APPEND);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(under_version_1_a_marker_has_the_epoch_of_the_records),
        cmocka_unit_test(under_version_2_a_marker_has_a_later_epoch_than_the_records),
        cmocka_unit_test(a_marker_sent_again_is_taken_again),
        cmocka_unit_test(a_coordinator_with_a_successor_is_refused_and_the_same_one_is_not),
        cmocka_unit_test(of_a_producer_that_is_not_known_every_marker_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
