/* What may be sent before it is known who sends it. */
#include "tests/lib/test.h"

#include "broker/base/check.h"
#include "broker/env/env.h"
#include "broker/security/sasl_state.h"
#include "broker/security/session_life.h"

#include "apis.h"

static void
only_the_drawn_moves_are_made(void **state)
{
    (void)state;
    static const bool may[SASL_STATES_N][SASL_STATES_N] = {
        [SASL_BEGUN] = {[SASL_VERSIONS_TOLD] = true, [SASL_TOKENS] = true, [SASL_FAILED] = true},
        [SASL_VERSIONS_TOLD] = {[SASL_TOKENS] = true, [SASL_FAILED] = true},
        [SASL_TOKENS] = {[SASL_COMPLETE] = true, [SASL_FAILED] = true},
        [SASL_OTHER_MECHANISM] = {[SASL_FAILED] = true},
        [SASL_COMPLETE] =
            {[SASL_TOKENS] = true, [SASL_OTHER_MECHANISM] = true, [SASL_FAILED] = true},
    };
    for (int from = 0; from < SASL_STATES_N; from++)
        for (int to = 0; to < SASL_STATES_N; to++)
            assert_int_equal(sasl_state_may_move(from, to), may[from][to]);
}

/* Kafka 4.4 was asked with the same (tests/interop/claims/sasl.py has the bytes). */
static void
what_comes_is_served_or_cuts_the_connection(void **state)
{
    (void)state;
    static const struct {
        enum sasl_state at;
        bool is_request;
        int16_t api_key;
        enum sasl_verdict verdict;
    } rows[] = {
        {SASL_BEGUN, true, K_API_API_VERSIONS, SASL_SERVED},
        {SASL_BEGUN, true, K_API_SASL_HANDSHAKE, SASL_SERVED},
        {SASL_BEGUN, true, K_API_SASL_AUTHENTICATE, SASL_CUT_NOW},
        {SASL_BEGUN, true, K_API_METADATA, SASL_CUT_NOW},
        {SASL_BEGUN, false, 0, SASL_CUT_NOW},
        {SASL_VERSIONS_TOLD, true, K_API_API_VERSIONS, SASL_CUT_NOW},
        {SASL_VERSIONS_TOLD, true, K_API_SASL_HANDSHAKE, SASL_SERVED},
        {SASL_VERSIONS_TOLD, true, K_API_PRODUCE, SASL_CUT_NOW},
        {SASL_VERSIONS_TOLD, false, 0, SASL_CUT_NOW},
        {SASL_TOKENS, true, K_API_SASL_AUTHENTICATE, SASL_SERVED},
        {SASL_TOKENS, true, K_API_SASL_HANDSHAKE, SASL_ANSWERED_AND_CUT},
        {SASL_TOKENS, true, K_API_API_VERSIONS, SASL_ANSWERED_AND_CUT},
        {SASL_TOKENS, true, K_API_METADATA, SASL_CUT_LATER},
        {SASL_TOKENS, false, 0, SASL_CUT_NOW},
        {SASL_OTHER_MECHANISM, true, K_API_SASL_AUTHENTICATE, SASL_CUT_LATER},
        {SASL_OTHER_MECHANISM, true, K_API_SASL_HANDSHAKE, SASL_CUT_LATER},
        {SASL_COMPLETE, true, K_API_PRODUCE, SASL_SERVED},
        {SASL_FAILED, true, K_API_SASL_HANDSHAKE, SASL_CUT_NOW},
    };
    for (int i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(sasl_admit(rows[i].at, rows[i].is_request, rows[i].api_key),
                         rows[i].verdict);
}

/* ---- session_life.h ---- */

static void
a_session_ends_when_it_was_told_to(void **state)
{
    (void)state;
    struct session_life l = {0};
    session_life_begin(&l, 1000, 5 * NS_PER_S);
    assert_false(session_life_is_over(&l, 6 * NS_PER_S));
    assert_true(session_life_is_over(&l, 6 * NS_PER_S + 1));
    session_life_begin(&l, 1000, 6 * NS_PER_S);
    assert_false(session_life_is_over(&l, 7 * NS_PER_S));
}

static void
without_a_limit_it_never_ends(void **state)
{
    (void)state;
    struct session_life l = {0};
    static const int64_t limits[] = {0, -1};
    for (int i = 0; i < ARRAY_LEN(limits); i++) {
        session_life_begin(&l, limits[i], NS_PER_S);
        assert_false(session_life_is_over(&l, INT64_MAX));
        assert_false(session_life_begin_again(&l, 2 * NS_PER_S));
    }
    session_life_begin(&l, INT64_MAX, NS_PER_S);
    assert_false(session_life_is_over(&l, NS_PER_S));
}

static void
it_is_renewed_at_most_once_a_second(void **state)
{
    (void)state;
    struct session_life l = {0};
    session_life_begin(&l, 60000, 0);
    assert_true(session_life_begin_again(&l, NS_PER_S));
    assert_false(session_life_begin_again(&l, 2 * NS_PER_S - 1));
    assert_true(session_life_begin_again(&l, 2 * NS_PER_S));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_drawn_moves_are_made),
        cmocka_unit_test(what_comes_is_served_or_cuts_the_connection),
        cmocka_unit_test(a_session_ends_when_it_was_told_to),
        cmocka_unit_test(without_a_limit_it_never_ends),
        cmocka_unit_test(it_is_renewed_at_most_once_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
