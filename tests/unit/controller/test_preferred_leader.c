#include "tests/lib/test.h"

#include "broker/controller/preferred_leader.h"

static bool
is_missing(int32_t leader, int32_t n)
{
    static int32_t replicas[] = {2, 1, 3};
    return preferred_leader_is_missing((struct ids){replicas, n}, leader);
}

static void
the_first_replica_is_preferred(void **state)
{
    (void)state;
    assert_false(is_missing(2, 3));
    assert_true(is_missing(1, 3));
    assert_true(is_missing(3, 3));
}

static void
a_partition_without_leader_misses_it_too(void **state)
{
    (void)state;
    assert_true(is_missing(NO_LEADER, 3));
}

static void
a_partition_without_replicas_prefers_nobody(void **state)
{
    (void)state;
    assert_false(is_missing(NO_LEADER, 0));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_replica_is_preferred),
        cmocka_unit_test(a_partition_without_leader_misses_it_too),
        cmocka_unit_test(a_partition_without_replicas_prefers_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
