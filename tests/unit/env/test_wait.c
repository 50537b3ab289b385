#include "tests/lib/test.h"

#include "broker/env/wait.h"

static struct env env;
static struct wait w;
static bool has_reason;
static int lines;
static char last[200];

static bool
why(struct wait *wait, struct writer *ret)
{
    (void)wait;
    fmt_str(ret, "nobody listens");
    return has_reason;
}

static void
take_lines(void)
{
    for (int64_t i = 0; i < env.notes.n; i++) {
        const struct note *note = env.notes.v[i];
        assert_int_equal(note->kind, NOTE_LOG_MESSAGE);
        lines++;
        memcpy(last, note->text.p, (size_t)note->text.n);
        last[note->text.n] = '\0';
    }
    env_effects_clear(&env);
}

static void
pass(int64_t s)
{
    int64_t until = env_now_ns(&env) + s * NS_PER_S;
    while (env_next_deadline_ns(&env) <= until) {
        struct event ev = {.kind = EV_TIMER, .now_ns = env_next_deadline_ns(&env)};
        env_deliver(&env, &ev);
        take_lines();
    }
    env.now_ns = until;
}

static int
set_up(void **state)
{
    (void)state;
    struct env_params p = {.source = test_mem_source(),
                           .memory_ceiling_bytes = 1 << 26,
                           .seed = {1, 2},
                           .now_ns = 1000,
                           .notes_on = true,
                           .hostname = S("host")};
    env_init(&env, &p);
    wait_init(&w, &env, "a friend", why);
    has_reason = true;
    lines = 0;
    last[0] = '\0';
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    env_release(&env);
    return 0;
}

static void
a_short_wait_says_nothing(void **state)
{
    (void)state;
    wait_begin(&w);
    pass(4);
    wait_end(&w);
    take_lines();
    pass(100);
    assert_int_equal(lines, 0);
}

static void
a_long_wait_says_for_whom_and_why_then_more_rarely(void **state)
{
    (void)state;
    wait_begin(&w);
    pass(5);
    assert_int_equal(lines, 1);
    assert_string_equal(last, "waits for a friend (5 s): nobody listens");
    wait_begin(&w);
    pass(9);
    assert_int_equal(lines, 1);
    pass(1);
    assert_int_equal(lines, 2);
    assert_string_equal(last, "waits for a friend (15 s): nobody listens");
    pass(24 * 3600);
    assert_in_range(lines, 140, 160); /* every ten minutes */
}

static void
the_end_of_a_wait_is_told_only_when_the_wait_was(void **state)
{
    (void)state;
    wait_begin(&w);
    pass(7);
    wait_end(&w);
    take_lines();
    assert_int_equal(lines, 2);
    assert_string_equal(last, "has a friend, after 7 s");
    wait_end(&w);
    wait_begin(&w);
    pass(1);
    wait_end(&w);
    take_lines();
    assert_int_equal(lines, 2);
}

static void
what_somebody_else_tells_is_not_told_twice(void **state)
{
    (void)state;
    has_reason = false;
    wait_begin(&w);
    pass(60);
    assert_int_equal(lines, 0);
    has_reason = true;
    pass(1);
    assert_int_equal(lines, 1);
}

static void
a_wait_that_is_known_to_be_long_is_told_at_once(void **state)
{
    (void)state;
    wait_begin_told(&w);
    pass(0);
    assert_string_equal(last, "waits for a friend: nobody listens");
}

static void
one_that_is_given_up_says_no_more(void **state)
{
    (void)state;
    wait_begin(&w);
    pass(6);
    wait_cancel(&w);
    pass(100);
    assert_int_equal(lines, 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_short_wait_says_nothing),
        CASE(a_long_wait_says_for_whom_and_why_then_more_rarely),
        CASE(the_end_of_a_wait_is_told_only_when_the_wait_was),
        CASE(what_somebody_else_tells_is_not_told_twice),
        CASE(a_wait_that_is_known_to_be_long_is_told_at_once),
        CASE(one_that_is_given_up_says_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
