#include "tests/lib/test.h"

#include "broker/controller/session.h"

static void
a_session_lasts_until_its_timeout(void **state)
{
    (void)state;
    assert_true(session_is_valid(100, 100, 10));
    assert_true(session_is_valid(100, 109, 10));
    assert_false(session_is_valid(100, 110, 10));
    assert_false(session_is_valid(SESSION_NONE, 0, 10));
}

struct row {
    const char *says;
    struct heartbeat h;
    enum broker_state wants;
};

static const struct row rows[] = {
    {"fenced until it knows its registration",
     {BROKER_FENCED, 0, 0, .metadata_offset = 9, .registered_offset = 10},
     BROKER_FENCED},
    {"then active",
     {BROKER_FENCED, 0, 0, .metadata_offset = 10, .registered_offset = 10},
     BROKER_ACTIVE},
    {"unless it wants to stay fenced",
     {BROKER_FENCED, 1, 0, .metadata_offset = 10, .registered_offset = 10},
     BROKER_FENCED},
    {"not back from a shutdown",
     {BROKER_FENCED, 0, 0, .was_stopping = 1, .metadata_offset = 10, .registered_offset = 10},
     BROKER_FENCED},
    {"a fenced one may go at once", {BROKER_FENCED, 0, 1, .metadata_offset = 0}, BROKER_SHUT_DOWN},
    {"an active one stays active even if it lags",
     {BROKER_ACTIVE, 0, 0, .metadata_offset = 1, .registered_offset = 10},
     BROKER_ACTIVE},
    {"or is fenced as it wants", {BROKER_ACTIVE, 1, 0, .metadata_offset = 0}, BROKER_FENCED},
    {"or goes at once when it wants both",
     {BROKER_ACTIVE, 1, 1, .metadata_offset = 0},
     BROKER_SHUT_DOWN},
    {"or hands over first", {BROKER_ACTIVE, 0, 1, .has_leaderships = 1}, BROKER_STOPPING},
    {"or has nothing to hand over", {BROKER_ACTIVE, 0, 1, .metadata_offset = 0}, BROKER_SHUT_DOWN},
    {"a stopping one waits while it leads",
     {BROKER_STOPPING, 0, 1, .has_leaderships = 1, .lowest_active_offset = 9},
     BROKER_STOPPING},
    {"and until all know who leads instead",
     {BROKER_STOPPING, 0, 1, .stopping_offset = 9, .lowest_active_offset = 8},
     BROKER_STOPPING},
    {"then it may go",
     {BROKER_STOPPING, 0, 1, .stopping_offset = 9, .lowest_active_offset = 9},
     BROKER_SHUT_DOWN},
};

static void
each_heartbeat_leads_where_it_says(void **state)
{
    (void)state;
    for (int64_t i = 0; i < ARRAY_LEN(rows); i++)
        if (heartbeat_next(&rows[i].h) != rows[i].wants)
            fail_msg("%s: %d", rows[i].says, (int)heartbeat_next(&rows[i].h));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_lasts_until_its_timeout),
        cmocka_unit_test(each_heartbeat_leads_where_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
