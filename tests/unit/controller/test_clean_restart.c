#include "tests/lib/test.h"

#include "broker/controller/clean_restart.h"

static void
the_last_registration_and_the_last_that_served_count(void **state)
{
    (void)state;
    struct image_broker was = {.epoch = 12, .served_epoch = 7};
    assert_true(restart_is_clean(&was, 12));
    assert_true(restart_is_clean(&was, 7));
    assert_false(restart_is_clean(&was, 5));
    was.served_epoch = 12;
    assert_false(restart_is_clean(&was, 7));
}

static void
who_shows_nothing_or_is_not_known_is_not_clean(void **state)
{
    (void)state;
    struct image_broker was = {.epoch = 12, .served_epoch = NO_BROKER_EPOCH};
    assert_false(restart_is_clean(&was, NO_BROKER_EPOCH));
    assert_false(restart_is_clean(NULL, NO_BROKER_EPOCH));
    assert_false(restart_is_clean(NULL, 12));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_registration_and_the_last_that_served_count),
        cmocka_unit_test(who_shows_nothing_or_is_not_known_is_not_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
