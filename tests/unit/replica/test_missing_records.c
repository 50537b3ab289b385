/* What checkpoints know of records whose files have vanished. */
#include "tests/lib/test.h"

#include "broker/replica/missing_records.h"

static int64_t
end_of(int64_t start, int64_t end, int64_t synced, int64_t high_watermark, int64_t epochs_to)
{
    struct known_of_log k = {true, start, end, synced, high_watermark, epochs_to};
    return missing_records_end(&k);
}

static void
an_empty_log_is_missed_by_whatever_knew_of_records(void **state)
{
    (void)state;
    assert_int_equal(end_of(0, 0, 0, 0, 0), 0);
    assert_int_equal(end_of(0, 0, 50, 0, 0), 50);
    assert_int_equal(end_of(0, 0, 50, 70, 0), 70);
    assert_int_equal(end_of(0, 0, 50, 70, 80), 80);
    assert_int_equal(end_of(30, 30, 30, 30, 30), 0); /* retention took everything */
}

static void
of_a_log_with_records_only_what_was_synced_is_missed(void **state)
{
    (void)state;
    assert_int_equal(end_of(0, 40, 40, 70, 0), 0); /* a power loss took what was not synced */
    assert_int_equal(end_of(0, 40, 50, 0, 0), 50);
}

static void
without_the_directory_the_checkpoints_may_speak_of_another_topic(void **state)
{
    (void)state;
    struct known_of_log k = {false, 0, 0, 50, 50, 50};
    assert_int_equal(missing_records_end(&k), 0);
}

static void
only_an_empty_log_skips(void **state)
{
    (void)state;
    assert_true(missing_records_skip(0, 0, 50));
    assert_false(missing_records_skip(0, 0, 0));
    assert_false(missing_records_skip(0, 40, 50));
    assert_false(missing_records_skip(60, 60, 50));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_log_is_missed_by_whatever_knew_of_records),
        cmocka_unit_test(of_a_log_with_records_only_what_was_synced_is_missed),
        cmocka_unit_test(without_the_directory_the_checkpoints_may_speak_of_another_topic),
        cmocka_unit_test(only_an_empty_log_skips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
