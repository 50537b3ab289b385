#include "broker/client/outcome.h"
#include "tests/lib/test.h"

#include "errors.h"

static void
errors_that_can_follow_an_append_are_unknown(void **state)
{
    (void)state;
    static const int16_t unknown[] = {
        K_ERR_UNKNOWN_SERVER_ERROR, K_ERR_NOT_LEADER_OR_FOLLOWER,
        K_ERR_REQUEST_TIMED_OUT,    K_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        K_ERR_KAFKA_STORAGE_ERROR,  K_ERR_NETWORK_EXCEPTION};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        assert_int_equal(attempt_of(unknown[i]), ATTEMPT_UNKNOWN);
}

static void
codes_that_nobody_knows_are_unknown(void **state)
{
    (void)state;
    for (int i = 200; i < 32767; i += 97) assert_int_equal(attempt_of((int16_t)i), ATTEMPT_UNKNOWN);
}

static void
errors_before_an_append_are_refusals(void **state)
{
    (void)state;
    static const int16_t refused[] = {
        K_ERR_NOT_ENOUGH_REPLICAS,        K_ERR_MESSAGE_TOO_LARGE,
        K_ERR_UNKNOWN_TOPIC_OR_PARTITION, K_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
        K_ERR_INVALID_PRODUCER_EPOCH,     K_ERR_CORRUPT_MESSAGE};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_int_equal(attempt_of(refused[i]), ATTEMPT_REFUSED);
}

static void
a_duplicate_is_stored(void **state)
{
    (void)state;
    assert_int_equal(attempt_of(K_ERR_NONE), ATTEMPT_STORED);
    assert_int_equal(attempt_of(K_ERR_DUPLICATE_SEQUENCE_NUMBER), ATTEMPT_STORED);
}

static void
sequence_errors_are_retried_only_with_idempotence(void **state)
{
    (void)state;
    assert_true(attempt_is_retriable(K_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, true));
    assert_false(attempt_is_retriable(K_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, false));
    assert_true(attempt_is_retriable(K_ERR_NOT_LEADER_OR_FOLLOWER, false));
    assert_false(attempt_is_retriable(K_ERR_MESSAGE_TOO_LARGE, true));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_that_can_follow_an_append_are_unknown),
        cmocka_unit_test(codes_that_nobody_knows_are_unknown),
        cmocka_unit_test(errors_before_an_append_are_refusals),
        cmocka_unit_test(a_duplicate_is_stored),
        cmocka_unit_test(sequence_errors_are_retried_only_with_idempotence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
