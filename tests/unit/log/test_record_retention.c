#include "tests/lib/test.h"

#include "broker/log/record_retention.h"

static const struct record_retention_facts last = {.offset = 10,
                                                   .has_key = true,
                                                   .map_latest = 50,
                                                   .key_latest = 10,
                                                   .horizon_ms = -1,
                                                   .now_ms = 1000};

static void
the_last_of_a_key_stays_and_earlier_ones_go(void **state)
{
    (void)state;
    struct record_retention_facts f = last;
    assert_true(record_retention(&f));
    f.key_latest = 11;
    assert_false(record_retention(&f));
    f.key_latest = -1; /* its key was not written again */
    assert_true(record_retention(&f));
}

static void
what_the_map_does_not_reach_stays(void **state)
{
    (void)state;
    struct record_retention_facts f = last;
    f.offset = 51;
    f.key_latest = 60;
    assert_true(record_retention(&f));
    f.has_key = false;
    assert_true(record_retention(&f));
    f.offset = 50;
    assert_false(record_retention(&f)); /* no key */
}

static void
a_tombstone_stays_until_its_horizon(void **state)
{
    (void)state;
    struct record_retention_facts f = last;
    f.is_tombstone = true;
    assert_true(record_retention(&f)); /* no horizon yet: this cleaning gives it one */
    f.horizon_ms = 1001;
    assert_true(record_retention(&f));
    f.horizon_ms = 1000;
    assert_false(record_retention(&f));
    f.is_tombstone = false; /* values in the same batch are not concerned */
    assert_true(record_retention(&f));
    f.is_tombstone = true;
    f.horizon_ms = -1;
    f.key_latest = 20;
    assert_false(record_retention(&f));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_of_a_key_stays_and_earlier_ones_go),
        cmocka_unit_test(what_the_map_does_not_reach_stays),
        cmocka_unit_test(a_tombstone_stays_until_its_horizon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
