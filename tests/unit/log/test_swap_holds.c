#include "tests/lib/test.h"

#include "broker/log/swap_holds.h"

static void
a_swap_holds_once_nothing_is_called_cleaned_any_more(void **state)
{
    (void)state;
    assert_true(swap_holds(0, INT64_MAX));
    assert_false(swap_holds(100, 100)); /* its own indexes */
    assert_false(swap_holds(200, 100)); /* another part of the same segment */
    assert_true(swap_holds(0, 100));    /* of an earlier cleaning */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_swap_holds_once_nothing_is_called_cleaned_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
