#include "broker/protocol/duration.h"
#include "tests/lib/test.h"

static void
durations_are_read_as_java_reads_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"PT1H", 3600000},  {"P1DT2H3M4.5S", 93784500}, {"pt1h", 3600000}, {"PT0S", 0},
        {"P2D", 172800000}, {"-PT1S", -1000},           {"PT-1S", -1000},  {"P1DT-1H", 82800000},
        {"+PT+1M", 60000},  {"PT1.0019S", 1001},        {"PT1,25S", 1250}, {"PT1.S", 1000},
        {"PT-1.5S", -1500},
    };
    for (int64_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = 99;
        assert_true(duration_parse_ms(slice_cstr(rows[i].text), &ms));
        assert_int_equal(ms, rows[i].ms);
    }
}

static void
what_is_no_duration_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {"",
                                       "P",
                                       "PT",
                                       "T1H",
                                       "1h",
                                       "PT1",
                                       "P1W",
                                       "P1Y",
                                       "PT1M1H",
                                       "PT1H1H",
                                       "P1H",
                                       "PT1D",
                                       "PT1.5H",
                                       "PT1..5S",
                                       "PT 1H",
                                       "PT1H ",
                                       "PTH",
                                       "P1DT",
                                       "P-T1H",
                                       "PT1.1234567890S",
                                       "P99999999999999999999D",
                                       "P999999999999999999D"};
    for (int64_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t ms = 99;
        assert_false(duration_parse_ms(slice_cstr(rows[i]), &ms));
        assert_int_equal(ms, 99);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_read_as_java_reads_them),
        cmocka_unit_test(what_is_no_duration_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
