#include "tests/lib/test.h"

#include "broker/controller/placement.h"

static const struct placement_broker five[] = {{1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 0}};
static const struct placement_broker mixed[] = {{1, 1}, {2, 0}, {3, 0}, {4, 1}};

static void
stripes_go_round_and_shift(void **state)
{
    (void)state;
    int32_t ids[21], wants[] = {1, 2, 3, 2, 3, 4, 3, 4, 5, 4, 5, 1, 5, 1, 2, 1, 3, 4, 2, 4, 5};
    assert_int_equal(placement_place(five, 5, 0, 7, 3, ids), PLACEMENT_OK);
    assert_memory_equal(ids, wants, sizeof wants);
}

static void
leaders_and_replicas_spread_evenly_from_any_start(void **state)
{
    (void)state;
    for (int64_t start = 0; start < 9; start++) {
        int32_t ids[60], leads[6] = {0}, holds[6] = {0};
        assert_int_equal(placement_place(five, 5, start, 20, 3, ids), PLACEMENT_OK);
        for (int i = 0; i < 60; i++) holds[ids[i]]++, leads[ids[i]] += i % 3 == 0;
        for (int id = 1; id <= 5; id++) {
            assert_int_equal(leads[id], 4);
            assert_int_equal(holds[id], 12);
        }
    }
}

static void
no_partition_has_a_broker_twice(void **state)
{
    (void)state;
    for (int32_t n = 1; n <= 5; n++)
        for (int32_t factor = 1; factor <= n; factor++) {
            int32_t ids[200];
            assert_int_equal(placement_place(five, n, 3, 40, factor, ids), PLACEMENT_OK);
            for (int32_t p = 0; p < 40; p++)
                for (int32_t i = 0; i < factor; i++)
                    for (int32_t j = 0; j < i; j++)
                        assert_int_not_equal(ids[p * factor + i], ids[p * factor + j]);
        }
}

static void
fenced_brokers_come_last_and_never_lead(void **state)
{
    (void)state;
    int32_t ids[16];
    assert_int_equal(placement_place(mixed, 4, 1, 4, 2, ids), PLACEMENT_OK);
    for (int i = 0; i < 8; i++) assert_true(ids[i] == 2 || ids[i] == 3);
    assert_int_equal(placement_place(mixed, 4, 1, 4, 4, ids), PLACEMENT_OK);
    for (int p = 0; p < 4; p++) {
        assert_true(ids[4 * p] == 2 || ids[4 * p] == 3);
        assert_true(ids[4 * p + 2] == 1 || ids[4 * p + 2] == 4);
        assert_int_not_equal(ids[4 * p + 2], ids[4 * p + 3]);
    }
}

static void
what_cannot_be_placed_is_refused(void **state)
{
    (void)state;
    int32_t ids[8];
    const struct placement_broker fenced[] = {{1, 1}, {2, 1}};
    assert_int_equal(placement_place(five, 2, 0, 1, 3, ids), PLACEMENT_TOO_FEW);
    assert_int_equal(placement_place(five, 0, 0, 1, 1, ids), PLACEMENT_TOO_FEW);
    assert_int_equal(placement_place(fenced, 2, 0, 1, 1, ids), PLACEMENT_ALL_FENCED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stripes_go_round_and_shift),
        cmocka_unit_test(leaders_and_replicas_spread_evenly_from_any_start),
        cmocka_unit_test(no_partition_has_a_broker_twice),
        cmocka_unit_test(fenced_brokers_come_last_and_never_lead),
        cmocka_unit_test(what_cannot_be_placed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
