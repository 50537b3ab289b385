#include "broker/log/found_names.h"
#include "tests/lib/test.h"

static void
only_who_ended_in_order_has_synced_its_names(void **state)
{
    (void)state;
    assert_true(found_names_are_durable(true));
    assert_false(found_names_are_durable(false));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_who_ended_in_order_has_synced_its_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
