/* The same of members of share groups outside. */
#include "tests/unit/sim/guests_fixture.h"

static void
what_share_groups_are_given_in_order_is_well(void **state)
{
    (void)state;
    struct scene s;
    send_all(&s);
    is_handed(&s, 3, shares(&s, 3, "one", 0, 0, 0, 0), plain_log, 2, 0, 3, 1, 0);
    is_handed(&s, 4, shares(&s, 4, "two", 0, 0, 0, 0), plain_log + 1, 2, 4, 5, 1, 0);
    /* What is accepted and what comes next are one answer. */
    is_handed(&s, 3, shares(&s, 3, "one", 1, ACCEPT, 0, 2), plain_log + 3, 1, 6, 6, 1, 0);
    is_handed(&s, 3, shares(&s, 3, "one", 2, RELEASE, 3, 3), NULL, 0, -1, -1, 0, 0);
    is_handed(&s, 4, shares(&s, 4, "two", 1, ACCEPT, 4, 5), plain_log + 1, 1, 3, 3, 2, 0);
    guests_left(s.g, 3);
    is_handed(&s, 4, shares(&s, 4, "two", 2, REJECT, 3, 3), plain_log + 3, 1, 6, 6, 2, 0);
    is_handed(&s, 4, shares(&s, 4, "two", -1, ACCEPT, 6, 6), NULL, 0, -1, -1, 0, 0);
    judge(&s, plain_log, PLAIN_N, -2);
    assert_fired(&s, "");
}

static void
what_was_accepted_and_is_given_out_again_is_told(void **state)
{
    (void)state;
    /* Not so: that it was refused, that its answer never came, that it was asked for before that was known. */
    for (int i = 0; i < 4; i++) {
        struct scene s;
        send_all(&s);
        is_handed(&s, 3, shares(&s, 3, "one", 0, 0, 0, 0), plain_log, 1, 0, 1, 1, 0);
        int32_t accepts = shares(&s, 3, "one", 1,
                                 i == 0   ? ACCEPT
                                 : i == 1 ? REJECT
                                          : ACCEPT,
                                 0, 0),
                before = i == 3 ? shares(&s, 4, "two", 0, 0, 0, 0) : 0;
        is_handed(&s, 3, accepts, NULL, 0, -1, -1, 0, i == 2 ? K_ERR_INVALID_RECORD_STATE : 0);
        is_handed(&s, 4, before ? before : shares(&s, 4, "two", 0, 0, 0, 0), plain_log, 1, 0, 0, 2,
                  0);
        judge(&s, plain_log, PLAIN_N, -2);
        assert_fired(&s, i < 2 ? "given-again" : "");
    }
}

static void
what_one_holds_is_for_nobody_else(void **state)
{
    (void)state;
    /* Then: it has gone, it has ended its session, its lock has run out, it said so. */
    for (int i = 0; i < 5; i++) {
        struct scene s;
        send_all(&s);
        is_handed(&s, 3, shares(&s, 3, "one", 0, 0, 0, 0), plain_log, 1, 0, 1, 1, 0);
        if (i == 1) guests_left(s.g, 3);
        if (i == 2) (void)shares(&s, 3, "one", GONE, 0, 0, 0);
        if (i == 3) s.now += 31 * NS_PER_S;
        if (i == 4) (void)shares(&s, 3, "one", 1, RELEASE, 0, 1);
        is_handed(&s, 4, shares(&s, 4, "two", 0, 0, 0, 0), plain_log, 1, 1, 1, 2, 0);
        judge(&s, plain_log, PLAIN_N, -2);
        assert_fired(&s, i == 0 ? "held-by-two" : "");
    }
}

static void
what_is_given_out_too_often_is_told(void **state)
{
    (void)state;
    for (int16_t count = 5; count <= 6; count++) {
        struct scene s;
        send_all(&s);
        is_handed(&s, 3, shares(&s, 3, "one", 0, 0, 0, 0), plain_log, 1, 0, 1, count, 0);
        judge(&s, plain_log, PLAIN_N, -2);
        assert_fired(&s, count > 5 ? "given-too-often" : "");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_share_groups_are_given_in_order_is_well),
        cmocka_unit_test(what_was_accepted_and_is_given_out_again_is_told),
        cmocka_unit_test(what_one_holds_is_for_nobody_else),
        cmocka_unit_test(what_is_given_out_too_often_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
