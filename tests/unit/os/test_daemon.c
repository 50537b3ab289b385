#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/test.h"

#include "broker/os/daemon.h"

/* A machine in place of a node: says that it serves, prints a setting, stops a while after it was asked,
 * or never. */
struct stub {
    struct env *env;
    struct timer timer;
    bool is_stubborn;
};

static struct slice
setting(const struct node_params *p, struct slice name)
{
    struct slice value = SLICE_NULL;
    for (int32_t i = 0; i < p->settings_n; i++)
        if (slice_eq(p->settings[i].name, name)) value = p->settings[i].value;
    return value;
}

static void
stub_stopped(struct timer *t)
{
    struct stub *s = CONTAINER_OF(t, struct stub, timer);
    NOTE(s->env, NOTE_NODE_STOPPED, S(""), S(""), 1);
    env_fatal(s->env, S(""));
}

static void *
stub_make(struct env *env, const struct node_params *p)
{
    struct stub *s = MEM_NEW(&env->mem, struct stub);
    s->env = env;
    s->timer.due = stub_stopped;
    s->is_stubborn = slice_eq(setting(p, S("stub")), S("stubborn"));
    NOTE(env, NOTE_LOG_MESSAGE, S("log.dirs"), setting(p, S("log.dirs")), 1);
    NOTE(env, NOTE_LOG_MESSAGE, S("id"), p->cluster_id, 1);
    if (slice_eq(setting(p, S("stub")), S("sick")))
        env_fatal(env, S("the directory ./gregor-data is locked by another process"));
    else NOTE(env, NOTE_NODE_SERVING, S(""), S(""), 1, 9092);
    return s;
}

static void
stub_shut_down(void *machine)
{
    struct stub *s = machine;
    if (!s->is_stubborn) timer_arm(s->env, &s->timer, env_now_ns(s->env) + NS_PER_MS);
}

static const struct os_daemon_ops stub_ops = {stub_make, stub_shut_down};

struct run {
    pid_t pid;
    int fd;
    int64_t n;
    char text[8192]; /* what it printed */
};

static void
child(int fd, const char *const *argv, const char *const *environment)
{
    int argc = 0;
    while (argv[argc]) argc++;
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    int status = os_daemon_run(&stub_ops, argc, argv, environment);
    fflush(NULL);
    _exit(status);
}

static void
start(struct run *r, const char *const *argv, const char *const *environment)
{
    int fds[2];
    memset(r, 0, sizeof *r);
    assert_int_equal(pipe(fds), 0);
    fflush(NULL);
    r->pid = fork();
    if (r->pid == 0) child(fds[1], argv, environment);
    close(fds[1]);
    r->fd = fds[0];
}

/* Until text was printed, or the end. */
static bool
await(struct run *r, const char *text)
{
    struct pollfd p = {.fd = r->fd, .events = POLLIN};
    while (!text || !strstr(r->text, text)) {
        if (poll(&p, 1, 10000) != 1) return false;
        ssize_t n = read(r->fd, r->text + r->n, sizeof r->text - 1 - (size_t)r->n);
        if (n <= 0) return !text;
        r->n += n;
    }
    return true;
}

static int
finish(struct run *r)
{
    int status = -1;
    assert_true(await(r, NULL));
    close(r->fd);
    assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#define ARGV(...) ((const char *const[]){"gregord", __VA_ARGS__, NULL})
static const char *const nothing[] = {NULL};

static void
it_serves_and_stops_in_order(void **state)
{
    (void)state;
    struct run r;
    start(&r, ARGV("--override", "log.dirs=here"), (const char *const[]){"CLUSTER_ID=abc", NULL});
    assert_true(await(&r, "info  node 1 serves on port 9092, "));
    kill(r.pid, SIGTERM);
    assert_int_equal(finish(&r), 0);
    assert_non_null(strstr(r.text, "info  log.dirs: here\n"));
    assert_non_null(strstr(r.text, "info  id: abc\n"));
    assert_non_null(strstr(r.text, "info  node 1 has stopped in order\n"));
}

/* A request that comes twice, as timeout(1) sends it, is one. */
static void
a_second_signal_ends_it_at_once_unless_it_comes_with_the_first(void **state)
{
    (void)state;
    struct run r;
    start(&r, ARGV("--override", "stub=stubborn"), nothing);
    assert_true(await(&r, "serves"));
    kill(r.pid, SIGINT);
    assert_true(await(&r, "shuts down in order"));
    kill(r.pid, SIGTERM);
    usleep(1100000);
    kill(r.pid, SIGINT);
    assert_int_equal(finish(&r), 128 + SIGINT);
}

static void
a_terminal_that_goes_stops_it_in_order(void **state)
{
    (void)state;
    struct run r;
    start(&r, ARGV("--override", "log.dirs=here"), nothing);
    assert_true(await(&r, "serves"));
    kill(r.pid, SIGHUP);
    assert_int_equal(finish(&r), 0);
}

static void
a_signal_that_was_turned_off_stays_off(void **state)
{
    (void)state;
    struct run r;
    signal(SIGINT, SIG_IGN);
    start(&r, ARGV("--override", "stub=stubborn"), nothing);
    signal(SIGINT, SIG_DFL);
    assert_true(await(&r, "serves"));
    kill(r.pid, SIGINT);
    usleep(1100000);
    kill(r.pid, SIGTERM);
    assert_true(await(&r, "shuts down in order"));
    usleep(1100000);
    kill(r.pid, SIGINT);
    usleep(100000);
    kill(r.pid, SIGTERM);
    assert_int_equal(finish(&r), 128 + SIGTERM);
}

static void
what_makes_it_give_up_is_said(void **state)
{
    (void)state;
    struct run r;
    start(&r, ARGV("--override", "stub=sick"), nothing);
    assert_int_equal(finish(&r), 1);
    assert_non_null(
        strstr(r.text, "gregord: the directory ./gregor-data is locked by another process\n"));
}

static void
wrong_usage_is_status_3(void **state)
{
    (void)state;
    struct run r;
    start(&r, ARGV("--overide", "x=y"), nothing);
    assert_int_equal(finish(&r), 3);
    assert_string_equal(r.text,
                        "gregord: unknown option \"--overide\"; did you mean \"--override\"?\n");
    start(&r, ARGV("--config", "no/such/file"), nothing);
    assert_int_equal(finish(&r), 3);
    assert_string_equal(r.text, "gregord: no/such/file: No such file or directory\n");
    start(&r, ARGV("--config", "/"), nothing);
    assert_int_equal(finish(&r), 3);
    assert_string_equal(r.text, "gregord: /: Is a directory\n");
}

static void
a_file_replaces_the_defaults_and_variables_win_over_it(void **state)
{
    (void)state;
    struct run r;
    char path[] = "/tmp/gregord-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "log.dirs=a\nstub=sick\n", 21), 21);
    start(&r, ARGV("--config", path), (const char *const[]){"KAFKA_LOG_DIRS=b", NULL});
    assert_int_equal(finish(&r), 1);
    assert_non_null(strstr(r.text, "log.dirs: b\n"));
    start(&r, ARGV("--config", path, "--override", "log.dirs=c"),
          (const char *const[]){"KAFKA_LOG_DIRS=b", NULL});
    assert_int_equal(finish(&r), 1);
    assert_non_null(strstr(r.text, "log.dirs: c\n"));
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd, "\nlog.dirs\n", 10, 0), 10);
    start(&r, ARGV("--config", path), nothing);
    assert_int_equal(finish(&r), 3);
    assert_non_null(strstr(r.text, ":2:9: expected \"=\" and a value after the name\n"));
    close(fd);
    unlink(path);
}

static void
help_and_version_go_to_standard_output(void **state)
{
    (void)state;
    struct run r;
    start(&r, ARGV("--help"), nothing);
    assert_int_equal(finish(&r), 0);
    assert_non_null(strstr(r.text, "usage: gregord"));
    start(&r, ARGV("--version"), nothing);
    assert_int_equal(finish(&r), 0);
    assert_memory_equal(r.text, "gregord ", 8);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_serves_and_stops_in_order),
        cmocka_unit_test(a_second_signal_ends_it_at_once_unless_it_comes_with_the_first),
        cmocka_unit_test(a_terminal_that_goes_stops_it_in_order),
        cmocka_unit_test(a_signal_that_was_turned_off_stays_off),
        cmocka_unit_test(what_makes_it_give_up_is_said),
        cmocka_unit_test(wrong_usage_is_status_3),
        cmocka_unit_test(a_file_replaces_the_defaults_and_variables_win_over_it),
        cmocka_unit_test(help_and_version_go_to_standard_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
