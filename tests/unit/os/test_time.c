#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/unit/os/body.h"

#ifndef __NR_epoll_pwait2
#define __NR_epoll_pwait2 441
#endif

#define TIMERS 5000

struct alarm {
    struct timer timer;
    struct task task;
    int64_t at_ns, rang_ns;
    int order;
};

static int rung;
static struct env *env;

static void
ring(struct timer *t)
{
    struct alarm *a = CONTAINER_OF(t, struct alarm, timer);
    a->rang_ns = env_now_ns(env);
    a->order = ++rung;
}

static void
run_task(struct task *t)
{
    CONTAINER_OF(t, struct alarm, task)->order = ++rung;
}

static void
start(struct body *b)
{
    body_init(b);
    rung = 0;
    env = &b->m->env;
}

static void
timers_ring_in_order_and_never_early(void **state)
{
    (void)state;
    struct body b;
    start(&b);
    struct alarm a[20] = {0};
    os_machine_enter(b.m);
    for (int i = 0; i < 20; i++) {
        a[i].timer.due = ring;
        a[i].at_ns = env_now_ns(env) + (int64_t)((i * 7) % 20) * NS_PER_MS;
        timer_arm(env, &a[i].timer, a[i].at_ns);
    }
    os_machine_carry_out(b.m);
    BODY_UNTIL(&b, rung == 20);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(a[i].order, (i * 7) % 20 + 1);
        assert_true(a[i].rang_ns >= a[i].at_ns);
    }
    body_release(&b);
}

static void
cancelled_timers_never_ring(void **state)
{
    (void)state;
    struct body b;
    start(&b);
    static struct alarm a[TIMERS];
    os_machine_enter(b.m);
    for (int i = 0; i < TIMERS; i++) {
        a[i].timer.due = ring;
        timer_arm(env, &a[i].timer, env_now_ns(env) + (i * 31 % 50) * NS_PER_MS / 10);
    }
    for (int i = 0; i < TIMERS; i++)
        if (i % 100) timer_cancel(env, &a[i].timer);
    os_machine_carry_out(b.m);
    BODY_UNTIL(&b, rung == TIMERS / 100);
    for (int i = 0; i < 10; i++) os_loop_turn(b.loop, NS_PER_MS);
    assert_int_equal(rung, TIMERS / 100);
    assert_int_equal(env_next_deadline_ns(env), TIME_NEVER);
    body_release(&b);
}

static void
deferred_tasks_run_in_order(void **state)
{
    (void)state;
    struct body b;
    start(&b);
    static struct alarm a[1000];
    os_machine_enter(b.m);
    for (int i = 0; i < 1000; i++) {
        a[i].task.run = run_task;
        defer(env, &a[i].task);
    }
    defer_cancel(&a[500].task);
    os_machine_carry_out(b.m);
    assert_int_equal(rung, 0);
    BODY_UNTIL(&b, rung == 999);
    assert_int_equal(a[500].order, 0);
    assert_int_equal(a[999].order, 999);
    body_release(&b);
}

static void
a_wait_ends_at_the_first_timer(void **state)
{
    (void)state;
    struct body b;
    start(&b);
    struct alarm a = {.timer.due = ring};
    BODY_DO(b.m, timer_arm(env, &a.timer, env_now_ns(env) + NS_PER_MS / 2));
    int64_t before_ns = os_now_ns();
    while (!rung) os_loop_turn(b.loop, TIME_NEVER);
    assert_in_range(os_now_ns() - before_ns, 0, NS_PER_S);
    body_release(&b);
}

/* From now on, in this process. */
static bool
forbid(uint32_t call)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {ARRAY_LEN(filter), filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* Older container engines forbid what they do not know, where a kernel would say that it is not there. */
static void
a_call_that_is_forbidden_is_done_without(void **state)
{
    (void)state;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (!forbid(__NR_epoll_pwait2)) _exit(77);
        a_wait_ends_at_the_first_timer(NULL);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) skip();
    assert_int_equal(status, 0);
}

static void
fatal(struct timer *t)
{
    (void)t;
    rung++;
    env_fatal(env, S("the cat is out"));
}

static void
after_fatal_no_event_comes(void **state)
{
    (void)state;
    struct body b;
    start(&b);
    struct alarm a = {.timer.due = fatal}, later = {.timer.due = ring};
    BODY_DO(b.m, timer_arm(env, &a.timer, 0), timer_arm(env, &later.timer, 1));
    BODY_UNTIL(&b, b.fatals == 1);
    assert_string_equal(b.why, "the cat is out");
    for (int i = 0; i < 5; i++) os_loop_turn(b.loop, NS_PER_MS);
    assert_int_equal(rung, 1);
    body_release(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_ring_in_order_and_never_early),
        cmocka_unit_test(cancelled_timers_never_ring),
        cmocka_unit_test(deferred_tasks_run_in_order),
        cmocka_unit_test(a_wait_ends_at_the_first_timer),
        cmocka_unit_test(a_call_that_is_forbidden_is_done_without),
        cmocka_unit_test(after_fatal_no_event_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
