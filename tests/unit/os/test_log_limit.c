#include "tests/lib/test.h"

#include <stdio.h>

#include "broker/os/log_limit.h"

static struct os_log_limit limit;
static char said[4096];
static int64_t now_ns, said_n;

static void
hear(void *ctx, enum os_level level, struct slice line)
{
    (void)ctx;
    assert_int_equal(level, OS_WARN);
    assert_true(said_n + line.n + 1 < (int64_t)sizeof said);
    memcpy(said + said_n, line.p, (size_t)line.n);
    said_n += line.n;
    said[said_n++] = '\n';
    said[said_n] = 0;
}

static int
begin(void **state)
{
    (void)state;
    limit = (struct os_log_limit){.say = hear};
    now_ns = 5 * NS_PER_S;
    said_n = 0;
    said[0] = 0;
    return 0;
}

static int
admitted(int n, const char *about, const char *text)
{
    int yes = 0;
    for (int i = 0; i < n; i++)
        yes += os_log_limit_admits(&limit, now_ns, OS_WARN, slice_cstr(about), slice_cstr(text));
    return yes;
}

static void
a_flood_of_one_peer_is_ten_lines_and_a_count(void **state)
{
    (void)state;
    int yes = 0;
    for (int i = 0; i < 1214; i++) {
        char about[32], text[64];
        snprintf(about, sizeof about, "127.0.0.1:%d", 40000 + i);
        snprintf(text, sizeof text, "a request of %d bytes is refused", i);
        yes += admitted(1, about, text);
    }
    assert_int_equal(yes, 10);
    assert_int_equal(os_log_limit_tell(&limit, now_ns), now_ns + LOG_WINDOW_NS);
    assert_string_equal(said, "");
    now_ns += LOG_WINDOW_NS;
    assert_int_equal(os_log_limit_tell(&limit, now_ns), TIME_NEVER);
    assert_string_equal(said, "127.0.0.1: a request of 0 bytes is refused … 1,204 more of these "
                              "in the last 10 s\n");
    assert_int_equal(admitted(20, "127.0.0.1:1", "a request of 1 bytes is refused"), 10);
}

static void
another_peer_and_another_kind_are_heard(void **state)
{
    (void)state;
    (void)admitted(5000, "127.0.0.1:40312", "unknown api or version");
    assert_int_equal(admitted(11, "[::1]:40312", "unknown api or version"), 10);
    assert_int_equal(admitted(1, "127.0.0.1:40312", "malformed request header"), 1);
}

static void
a_flood_of_many_peers_is_a_hundred_lines_and_a_count(void **state)
{
    (void)state;
    int yes = 0;
    for (int i = 0; i < 60; i++) {
        char about[32];
        snprintf(about, sizeof about, "10.0.0.%d:40312", i);
        yes += admitted(3, about, "unknown api or version");
    }
    assert_int_equal(yes, 100);
    os_log_limit_end(&limit, now_ns + 3 * NS_PER_S);
    assert_string_equal(said, "unknown api or version … 80 more of these in the last 3 s\n");
}

static void
a_flood_of_many_kinds_is_three_hundred_lines_and_a_count(void **state)
{
    (void)state;
    int yes = 0;
    for (int i = 0; i < 1000; i++) {
        char text[32] = "kind ";
        text[5] = (char)('a' + i % 26);
        text[6] = (char)('a' + i / 26 % 26);
        text[7] = (char)('a' + i / 676);
        yes += admitted(1, "a", text);
    }
    assert_true(yes >= 300 && yes < 310);
    os_log_limit_end(&limit, now_ns + 10 * NS_PER_S);
    assert_non_null(strstr(said, "lines of other kinds … "));
}

static void
a_count_that_makes_room_for_another_is_told(void **state)
{
    (void)state;
    (void)admitted(17, "a", "first");
    now_ns++;
    for (int i = 0; i < LOG_COUNTED_MAX; i++) {
        char about[32];
        snprintf(about, sizeof about, "peer %d", i);
        (void)admitted(1, about, i % 2 ? "second" : "third");
    }
    assert_string_equal(said, "a: first … 7 more of these in the last 1 s\n");
}

#define CASE(f) cmocka_unit_test_setup(f, begin)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_flood_of_one_peer_is_ten_lines_and_a_count),
        CASE(another_peer_and_another_kind_are_heard),
        CASE(a_flood_of_many_peers_is_a_hundred_lines_and_a_count),
        CASE(a_flood_of_many_kinds_is_three_hundred_lines_and_a_count),
        CASE(a_count_that_makes_room_for_another_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
