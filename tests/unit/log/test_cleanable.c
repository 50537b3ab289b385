#include "tests/lib/test.h"

#include "broker/log/cleanable.h"

#define NOW 1000000

/* Segments of 100 offsets and 1000 bytes; the fourth is active. */
static struct cleanable_segment segments[] = {
    {0, 1000, NOW - 400, NOW - 450},
    {100, 1000, NOW - 300, NOW - 350},
    {200, 1000, NOW - 200, NOW - 250},
    {300, 1000, NOW - 100, NOW - 150},
};

static struct cleanable_facts
facts(int64_t cleaned_to)
{
    return (struct cleanable_facts){.segments = segments,
                                    .segments_n = 4,
                                    .end_offset = 400,
                                    .cleaned_to = cleaned_to,
                                    .stable_offset = 400,
                                    .now_ms = NOW,
                                    .lag_max_ms = INT64_MAX};
}

static void
everything_below_the_active_segment_is_cleanable(void **state)
{
    (void)state;
    struct cleanable_facts f = facts(-1);
    struct cleanable c;
    cleanable_find(&f, &c);
    assert_int_equal(c.first_dirty, 0);
    assert_int_equal(c.first_uncleanable, 300);
    assert_int_equal(c.clean_bytes, 0);
    assert_int_equal(c.dirty_bytes, 3000);
    assert_false(c.is_reset);
    f = facts(200);
    cleanable_find(&f, &c);
    assert_int_equal(c.first_dirty, 200);
    assert_int_equal(c.clean_bytes, 2000);
    assert_int_equal(c.dirty_bytes, 1000);
}

static void
the_segment_with_the_stable_offset_is_not(void **state)
{
    (void)state;
    struct cleanable_facts f = facts(-1);
    struct cleanable c;
    f.stable_offset = 299;
    cleanable_find(&f, &c);
    assert_int_equal(c.first_uncleanable, 200);
    f.stable_offset = 300;
    cleanable_find(&f, &c);
    assert_int_equal(c.first_uncleanable, 300);
    f.stable_offset = 0;
    cleanable_find(&f, &c);
    assert_int_equal(c.first_uncleanable, 0);
    assert_int_equal(c.dirty_bytes, 0);
    f = facts(250); /* what was clean stays so */
    f.stable_offset = 120;
    cleanable_find(&f, &c);
    assert_int_equal(c.first_uncleanable, 250);
    assert_int_equal(c.dirty_bytes, 0); /* also of the segment that is clean in part */
}

static void
what_is_younger_than_the_minimum_lag_is_not(void **state)
{
    (void)state;
    struct cleanable_facts f = facts(-1);
    struct cleanable c;
    f.lag_min_ms = 250;
    cleanable_find(&f, &c);
    assert_int_equal(c.first_uncleanable, 200);
    f.lag_min_ms = 200; /* exactly as old is old enough */
    cleanable_find(&f, &c);
    assert_int_equal(c.first_uncleanable, 300);
    f.cleaned_to = 100; /* a young segment that is clean already is in nobody's way */
    f.lag_min_ms = 350;
    segments[0].newest_ms = NOW;
    cleanable_find(&f, &c);
    segments[0].newest_ms = NOW - 400;
    assert_int_equal(c.first_uncleanable, 100);
}

static void
a_checkpoint_outside_the_log_begins_anew(void **state)
{
    (void)state;
    struct cleanable_facts f = facts(401);
    struct cleanable c;
    f.start_offset = 50;
    cleanable_find(&f, &c);
    assert_true(c.is_reset);
    assert_int_equal(c.first_dirty, 50);
    f.cleaned_to = 49;
    cleanable_find(&f, &c);
    assert_true(c.is_reset);
    assert_int_equal(c.first_dirty, 50);
    f.cleaned_to = 400;
    cleanable_find(&f, &c);
    assert_false(c.is_reset);
    assert_int_equal(c.dirty_bytes, 0);
}

static void
it_is_due_above_the_ratio_or_when_overdue(void **state)
{
    (void)state;
    struct cleanable c = {.clean_bytes = 500, .dirty_bytes = 500};
    assert_false(cleanable_is_due(&c, 500000));
    assert_true(cleanable_is_due(&c, 499999));
    c.clean_bytes = c.dirty_bytes = 1LL << 60;
    assert_false(cleanable_is_due(&c, 500000));
    assert_true(cleanable_is_due(&c, 499000));
    c = (struct cleanable){.clean_bytes = 999, .dirty_bytes = 1, .is_overdue = true};
    assert_true(cleanable_is_due(&c, 500000));
    c = (struct cleanable){.clean_bytes = 999, .is_overdue = true};
    assert_false(cleanable_is_due(&c, 0)); /* there is nothing to be done */
}

static void
what_waited_beyond_the_maximum_lag_is_overdue(void **state)
{
    (void)state;
    struct cleanable_facts f = facts(100);
    struct cleanable c;
    f.lag_max_ms = 350;
    cleanable_find(&f, &c);
    assert_false(c.is_overdue); /* exactly so long is not longer, and the first segment is clean */
    f.lag_max_ms = 349;
    cleanable_find(&f, &c);
    assert_true(c.is_overdue);
}

static void
the_dirtier_one_has_the_larger_share(void **state)
{
    (void)state;
    struct cleanable a = {.clean_bytes = 10, .dirty_bytes = 90};
    struct cleanable b = {.clean_bytes = 1000, .dirty_bytes = 1000}, none = {0};
    assert_true(cleanable_is_dirtier(&a, &b));
    assert_false(cleanable_is_dirtier(&b, &a));
    assert_false(cleanable_is_dirtier(&a, &a));
    assert_true(cleanable_is_dirtier(&a, &none));
    assert_false(cleanable_is_dirtier(&none, &a));
}

/* The log begins within a segment (DeleteRecords), and nothing in it above that is stable. */
static void
there_is_nothing_between_a_start_and_a_stable_offset_in_one_segment(void **state)
{
    (void)state;
    struct cleanable_facts f = facts(-1);
    struct cleanable c;
    f.start_offset = 250;
    f.stable_offset = 250;
    cleanable_find(&f, &c);
    assert_int_equal(c.first_dirty, 250);
    assert_int_equal(c.first_uncleanable, 250);
    assert_int_equal(c.dirty_bytes, 0);
    assert_false(cleanable_is_due(&c, 0));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_below_the_active_segment_is_cleanable),
        cmocka_unit_test(the_segment_with_the_stable_offset_is_not),
        cmocka_unit_test(what_is_younger_than_the_minimum_lag_is_not),
        cmocka_unit_test(a_checkpoint_outside_the_log_begins_anew),
        cmocka_unit_test(it_is_due_above_the_ratio_or_when_overdue),
        cmocka_unit_test(what_waited_beyond_the_maximum_lag_is_overdue),
        cmocka_unit_test(the_dirtier_one_has_the_larger_share),
        cmocka_unit_test(there_is_nothing_between_a_start_and_a_stable_offset_in_one_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
