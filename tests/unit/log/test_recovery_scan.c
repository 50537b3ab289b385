#include "tests/lib/test.h"

#include "broker/log/recovery_scan.h"

static struct recovery_facts
good(void)
{
    struct recovery_facts f = {
        .parsed = BATCH_OK,
        .h = {.base_offset = 10,
              .length = 88,
              .last_offset_delta = 2,
              .leader_epoch = 4,
              .magic = 2},
        .bytes_left = 100,
        .crc_is_right = true,
        .expected_offset = 10,
    };
    return f;
}

static void
a_whole_batch_that_follows_is_kept(void **state)
{
    (void)state;
    struct recovery_facts f = good();
    assert_true(recovery_keeps(&f));
}

static void
a_batch_with_a_wrong_sum_or_header_is_not(void **state)
{
    (void)state;
    struct recovery_facts f = good();
    f.crc_is_right = false;
    assert_false(recovery_keeps(&f));
    f = good();
    f.parsed = BATCH_BAD_MAGIC;
    assert_false(recovery_keeps(&f));
}

static void
a_batch_that_ends_behind_the_file_is_not(void **state)
{
    (void)state;
    struct recovery_facts f = good();
    f.bytes_left = 99;
    assert_false(recovery_keeps(&f));
}

static void
offsets_go_on_without_a_gap_unless_compacted(void **state)
{
    (void)state;
    struct recovery_facts f = good();
    f.expected_offset = 9;
    assert_false(recovery_keeps(&f));
    f.gaps_are_allowed = true;
    assert_true(recovery_keeps(&f));
    f.expected_offset = 11;
    assert_false(recovery_keeps(&f));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_batch_that_follows_is_kept),
        cmocka_unit_test(a_batch_with_a_wrong_sum_or_header_is_not),
        cmocka_unit_test(a_batch_that_ends_behind_the_file_is_not),
        cmocka_unit_test(offsets_go_on_without_a_gap_unless_compacted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
