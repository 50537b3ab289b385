#include "tests/lib/test.h"

#include "broker/node/clean_end.h"

struct row {
    const char *says;
    struct clean_end end;
    bool is_true, writes;
    int64_t epoch;
};

static const struct row rows[] = {
    {"stopped before it registered: all stands as it was",
     {.was_clean = true, .marker_is_left = true, .shown_epoch = 7, .broker_epoch = -1},
     true,
     false,
     7},
    {"stopped before it opened a log, but registered: with the new epoch",
     {.was_clean = true, .marker_is_left = true, .shown_epoch = 7, .broker_epoch = 12},
     true,
     true,
     12},
    {"stopped when the marker had just gone: it comes back",
     {.was_clean = true, .shown_epoch = 7, .broker_epoch = 12},
     true,
     true,
     12},
    {"an unclean end stays one as long as no log was recovered",
     {.shown_epoch = -1, .broker_epoch = 12},
     false,
     false,
     12},
    {"logs opened and closed in order, after whatever end",
     {.shown_epoch = -1, .broker_epoch = 12, .logs_were_opened = true, .all_closed = true},
     true,
     true,
     12},
    {"a log that was not closed in order spoils it",
     {.was_clean = true, .shown_epoch = 7, .broker_epoch = 12, .logs_were_opened = true},
     false,
     false,
     12},
};

static void
the_marker_tells_the_truth_at_each_end(void **state)
{
    (void)state;
    for (int i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row *r = &rows[i];
        if (clean_end_is_true(&r->end) != r->is_true ||
            clean_end_writes_marker(&r->end) != r->writes || clean_end_epoch(&r->end) != r->epoch)
            fail_msg("%s", r->says);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_marker_tells_the_truth_at_each_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
