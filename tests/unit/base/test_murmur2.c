#include "tests/lib/test.h"

#include "broker/base/murmur2.h"

static void
it_is_the_hash_of_the_java_partitioner(void **state)
{
    (void)state;
    assert_int_equal(murmur2(S("")), 275646681);
    assert_int_equal(murmur2(S("\x47")), 1500881955);
    assert_int_equal(murmur2(S("\x03")), 595382058);
    assert_int_equal(murmur2(S("21")), -973932308);
    assert_int_equal(murmur2(S("foobar")), -790332482);
}

static void
a_key_goes_where_the_java_client_puts_it(void **state)
{
    (void)state;
    assert_int_equal(partition_of_key(S("\x2e\x74"), 3), 2); /* a hash below 0 */
    assert_int_equal(partition_of_key(S("\x2e\x74"), 12), 5);
    assert_int_equal(partition_of_key(S("\x47"), 12), 3);
    assert_int_equal(partition_of_key(S(""), 12), 9);
    assert_int_equal(partition_of_key(S("anything"), 1), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_the_hash_of_the_java_partitioner),
        cmocka_unit_test(a_key_goes_where_the_java_client_puts_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
