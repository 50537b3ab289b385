#include "tests/lib/test.h"

#include "broker/log/batch_retention.h"

#define NOW 5000

static struct batch_header
header(int16_t attributes)
{
    return (struct batch_header){.base_offset = 10,
                                 .last_offset_delta = 4,
                                 .attributes = attributes,
                                 .base_timestamp = -1,
                                 .producer_id = -1,
                                 .producer_epoch = -1,
                                 .base_sequence = -1,
                                 .records_n = 3};
}

static struct batch_retention
judge(struct batch_retention_facts f)
{
    f.now_ms = NOW;
    if (!f.group_end) f.group_end = 100;
    return batch_retention(&f);
}

static void
a_batch_goes_with_its_last_record(void **state)
{
    (void)state;
    struct batch_retention r = judge((struct batch_retention_facts){.h = header(0)});
    assert_int_equal(r.fate, BATCH_GOES_EMPTY);
    assert_false(r.drops_records);
}

static void
aborted_data_goes_at_once(void **state)
{
    (void)state;
    struct batch_retention r =
        judge((struct batch_retention_facts){.h = header(BATCH_TRANSACTIONAL), .is_void = true});
    assert_int_equal(r.fate, BATCH_GOES);
    assert_true(r.drops_records);
}

static void
the_last_batch_of_a_producer_stays(void **state)
{
    (void)state;
    struct batch_retention_facts f = {.h = header(BATCH_TRANSACTIONAL), .is_producers_last = true};
    f.h.producer_id = 7;
    assert_int_equal(judge(f).fate, BATCH_STAYS);
    f.is_void = true; /* without its records */
    assert_int_equal(judge(f).fate, BATCH_STAYS);
    assert_true(judge(f).drops_records);
}

static void
the_last_batch_of_a_segment_stays(void **state)
{
    (void)state;
    struct batch_retention_facts f = {.h = header(0), .group_end = 15};
    assert_int_equal(judge(f).fate, BATCH_STAYS);
    f.is_void = true;
    assert_int_equal(judge(f).fate, BATCH_STAYS);
    f.group_end = 16;
    assert_int_equal(judge(f).fate, BATCH_GOES);
}

static void
a_marker_goes_only_after_its_horizon(void **state)
{
    (void)state;
    struct batch_retention_facts f = {.h = header(BATCH_CONTROL)};
    assert_false(judge(f).drops_records); /* something of its transaction is left */
    assert_false(judge(f).wants_horizon);
    f.is_void = true; /* from now on its time runs */
    assert_false(judge(f).drops_records);
    assert_true(judge(f).wants_horizon);
    f.h.attributes |= BATCH_DELETE_HORIZON;
    f.h.base_timestamp = NOW + 1;
    assert_false(judge(f).drops_records);
    assert_false(judge(f).wants_horizon);
    f.h.base_timestamp = NOW;
    assert_true(judge(f).drops_records);
    assert_int_equal(judge(f).fate, BATCH_GOES);
    f.is_void = false; /* what is not void stays, whatever the horizon */
    assert_false(judge(f).drops_records);
}

static void
a_producers_last_is_its_last_data_or_else_a_marker_of_its_epoch(void **state)
{
    (void)state;
    struct batch_header h = header(0), marker = header(BATCH_CONTROL);
    struct producer p = {.window = {.producer_id = 7, .epoch = 2, .n = 2}};
    p.window.batch[0].last_offset = 14;
    p.window.batch[1].last_offset = 20;
    marker.producer_epoch = 2;
    assert_false(batch_is_producers_last(&h, NULL));
    assert_false(batch_is_producers_last(&h, &p));
    p.window.batch[1].last_offset = 14;
    assert_true(batch_is_producers_last(&h, &p));
    marker.base_offset = 15;
    assert_false(batch_is_producers_last(&marker, &p));
    p.window.n = 0;
    assert_true(batch_is_producers_last(&marker, &p));
    assert_false(batch_is_producers_last(&h, &p));
    marker.producer_epoch = 1;
    assert_false(batch_is_producers_last(&marker, &p));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_goes_with_its_last_record),
        cmocka_unit_test(aborted_data_goes_at_once),
        cmocka_unit_test(the_last_batch_of_a_producer_stays),
        cmocka_unit_test(the_last_batch_of_a_segment_stays),
        cmocka_unit_test(a_marker_goes_only_after_its_horizon),
        cmocka_unit_test(a_producers_last_is_its_last_data_or_else_a_marker_of_its_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
