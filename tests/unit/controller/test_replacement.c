#include "tests/lib/test.h"

#include "broker/controller/replacement.h"

static const struct {
    const char *says;
    struct replacement r;
    bool may;
} rows[] = {
    {"two processes of one id are one too many", {.has_session = true}, false},
    {"the same process may register again", {.is_same = true, .has_session = true}, true},
    {"one that is leaving may be replaced", {.was_stopping = true, .has_session = true}, true},
    {"one whose session is over is gone", {0}, true},
    {"the controller's own process holds the lock of the one before",
     {.has_session = true, .is_own = true, .holds_same_dirs = true},
     true},
    {"but not of another directory", {.has_session = true, .is_own = true}, false},
    {"the same directory elsewhere may be a copy",
     {.has_session = true, .holds_same_dirs = true},
     false},
    {"who was heard from lives",
     {.has_session = true, .was_heard = true, .is_own = true, .holds_same_dirs = true},
     false},
};

static void
a_process_is_replaced_only_when_it_is_gone(void **state)
{
    (void)state;
    for (int i = 0; i < ARRAY_LEN(rows); i++)
        if (may_replace(&rows[i].r) != rows[i].may) fail_msg("%s", rows[i].says);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_is_replaced_only_when_it_is_gone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
