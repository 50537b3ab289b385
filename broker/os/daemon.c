#include "broker/os/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/fmt.h"
#include "broker/os/log.h"
#include "broker/os/log_limit.h"
#include "broker/os/machine.h"
#include "broker/os/memory.h"
#include "broker/os/settings.h"
#include "broker/os/socket.h"

#define VERSION "0.1.0"
#define POOL_THREADS 4 /* for the disk, and as many for computations */
#define FILE_MAX_BYTES (4 << 20)
#define FILES_LEAST 64 /* may be open: the process must be allowed so many … */
#define FILES_FEW 4096 /* … and is told that more are better */
#define OPEN_FILES_MIN 8
#define OPEN_FILES_MAX 4096
#define AGAIN_NS NS_PER_S

struct daemon {
    const struct os_daemon_ops *ops;
    struct mem mem; /* of options and settings */
    struct os_options options;
    struct os_settings settings;
    struct slice cluster_id;
    struct os_loop *loop;
    struct os_machine *m;
    void *machine;
    struct os_watch signals;
    struct os_log_limit log_limit;
    int64_t started_ns;
    int64_t asked_ns; /* to stop; 0: not yet */
    int status;
};

/* ---- messages ---- */

static void
say_error(struct slice text)
{
    fprintf(stderr, "gregord: %.*s\n", (int)text.n, (const char *)text.p);
}

static int
fail_with_errno(const char *what)
{
    fprintf(stderr, "gregord: %s: %s\n", what, strerror(errno));
    return OS_EXIT_FATAL;
}

/* ---- settings ---- */

static bool
read_whole_file(int fd, struct writer *w)
{
    for (;;) {
        uint8_t *room = writer_room(w, 65536);
        if (!room) {
            errno = EFBIG;
            return false;
        }
        w->n -= 65536;
        ssize_t n = read(fd, room, 65536);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n == 0;
        w->n += n;
    }
}

static bool
read_config(struct daemon *d, struct writer *why)
{
    struct writer text = writer_mem(&d->mem);
    text.ceiling_bytes = FILE_MAX_BYTES;
    int fd = open((const char *)d->options.config.p, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && read_whole_file(fd, &text);
    int err = errno;
    if (fd >= 0) close(fd);
    if (ok) return os_properties_parse(&d->settings, d->options.config, writer_slice(&text), why);
    fmt_slice(why, d->options.config);
    fmt_str(why, ": ");
    fmt_str(why, strerror(err));
    return false;
}

static bool
gather_settings(struct daemon *d, const char *const *environment, struct writer *why)
{
    const struct os_settings *overrides = &d->options.overrides;
    bool has_file = d->options.config.p != NULL;
    d->settings.mem = &d->mem;
    if (!has_file) os_settings_add_defaults(&d->settings);
    if (has_file && !read_config(d, why)) return false;
    os_environment_parse(&d->settings, environment, &d->cluster_id);
    for (int64_t i = 0; i < overrides->v.n; i++) {
        const struct node_setting *o = &overrides->v.v[i];
        os_settings_add(&d->settings, o->name, o->value, o->origin);
    }
    os_settings_add_implied(&d->settings, !has_file);
    return true;
}

/* ---- signals ---- */

/* Some send one request twice: timeout(1) to its child and then to the child's group, a terminal and
 * the shell that ran in it. Who means it, asks again later. */
static void
asked_again(const struct daemon *d, int signal)
{
    if (os_now_ns() - d->asked_ns < AGAIN_NS) return;
    os_log(OS_WARN, S("asked to stop again: it ends at once"));
    _exit(128 + signal);
}

static void
shut_down(struct daemon *d)
{
    d->asked_ns = os_now_ns();
    os_log(OS_INFO, S("asked to stop: it shuts down in order"));
    if (d->m->env.dead) return;
    os_machine_enter(d->m);
    d->ops->shut_down(d->machine);
    os_machine_carry_out(d->m);
}

static void
signals_ready(struct os_watch *w, uint32_t epoll_events)
{
    (void)epoll_events;
    struct daemon *d = CONTAINER_OF(w, struct daemon, signals);
    struct signalfd_siginfo info;
    while (read(w->fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (d->asked_ns) asked_again(d, (int)info.ssi_signo);
        else shut_down(d);
    }
}

/* What nohup or a script's & has turned off stays off, as with Java's signals. */
static bool
is_ignored(int signal)
{
    struct sigaction now;
    return sigaction(signal, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

static bool
watch_signals(struct daemon *d)
{
    static const int ends[] = {SIGTERM, SIGINT, SIGHUP};
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < ARRAY_LEN(ends); i++)
        if (!is_ignored(ends[i])) sigaddset(&set, ends[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    d->signals = (struct os_watch){signals_ready, fd};
    return fd >= 0 && os_loop_watch(d->loop, &d->signals, EPOLLIN);
}

/* ---- the machine ---- */

static void
machine_note(void *ctx, const struct os_machine *m, const struct note *note)
{
    (void)m;
    struct daemon *d = ctx;
    os_log_note(&d->log_limit, note, d->started_ns);
}

static void
machine_fatal(void *ctx, struct os_machine *m, struct slice why)
{
    (void)m;
    struct daemon *d = ctx;
    d->status = why.n ? OS_EXIT_FATAL : OS_EXIT_OK;
    if (why.n) say_error(why);
    os_loop_stop(d->loop);
}

static void
say_left_out(void *ctx, enum os_level level, struct slice line)
{
    (void)ctx;
    os_log(level, line);
}

static const struct os_machine_ops machine_ops = {machine_note, machine_fatal};

/* Every connection and every open segment is a descriptor. Those of partitions get an eighth of them, at
 * most OPEN_FILES_MAX; connections leave a quarter to all files (listener.c). */
static int64_t
open_files_max(const struct rlimit *limit)
{
    return (int64_t)MIN(MAX(limit->rlim_cur / 8, OPEN_FILES_MIN), OPEN_FILES_MAX);
}

static void
warn_of_few_files(const struct rlimit *limit)
{
    char text[240];
    struct writer w = writer_fixed(text, sizeof text);
    fmt_str(&w, "only ");
    fmt_i64(&w, (int64_t)limit->rlim_cur);
    fmt_str(&w, " files may be open at a time: ");
    fmt_i64(&w, os_connections_max(limit->rlim_cur));
    fmt_str(&w, " connections and ");
    fmt_i64(&w, open_files_max(limit));
    fmt_str(&w,
            " segments of partitions; more make it faster (ulimit -Hn, LimitNOFILE of systemd)");
    os_log(OS_WARN, writer_slice(&w));
}

/* False: so few that it cannot work. */
static bool
raise_file_limit(struct rlimit *ret_limit)
{
    if (getrlimit(RLIMIT_NOFILE, ret_limit) < 0) return true;
    ret_limit->rlim_cur = ret_limit->rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, ret_limit);
    if (ret_limit->rlim_max >= FILES_FEW) return true;
    if (ret_limit->rlim_max >= FILES_LEAST) warn_of_few_files(ret_limit);
    return ret_limit->rlim_max >= FILES_LEAST;
}

static bool
start_machine(struct daemon *d, const struct rlimit *files)
{
    struct os_machine_params p = {
        .ops = &machine_ops,
        .ctx = d,
        .memory_ceiling_bytes = d->options.memory_bytes,
        .notes_on = true,
        .notes_left_out = os_log_left_out(),
    };
    d->m = os_machine_new(d->loop, &p);
    if (!d->m) return false;
    struct node_params params = {
        .settings = d->settings.v.v,
        .settings_n = (int32_t)d->settings.v.n,
        .cluster_id = d->cluster_id,
        .version = S(VERSION),
        .open_files_max = open_files_max(files),
    };
    d->machine = d->ops->make(&d->m->env, &params);
    return true;
}

static int
daemon_serve(struct daemon *d)
{
    struct rlimit files = {0};
    os_memory_tune();
    d->log_limit.say = say_left_out;
    if (!raise_file_limit(&files)) {
        say_error(
            S("fewer than 64 files may be open at a time: raise the hard limit (ulimit -Hn)"));
        return OS_EXIT_FATAL;
    }
    d->loop = os_loop_new(POOL_THREADS);
    if (!d->loop || !watch_signals(d)) return fail_with_errno("the event loop cannot start");
    if (!start_machine(d, &files)) return fail_with_errno("the node cannot start");
    mem_release(&d->mem);
    d->loop->stop = false;
    os_machine_carry_out(d->m);
    while (!d->loop->stop) {
        int64_t now_ns = os_now_ns(), until_ns = os_log_limit_tell(&d->log_limit, now_ns);
        os_loop_turn(d->loop, until_ns == TIME_NEVER ? TIME_NEVER : until_ns - now_ns);
    }
    os_log_limit_end(&d->log_limit, os_now_ns());
    os_machine_free(d->m);
    os_loop_free(d->loop);
    close(d->signals.fd);
    return d->status;
}

/* The processor time that was used before now stands for the time since exec: nothing else ran. */
static int64_t
program_start_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return os_now_ns() - (used.tv_sec * NS_PER_S + used.tv_nsec);
}

static int
usage_error(struct daemon *d, struct writer *why)
{
    say_error(writer_slice(why));
    mem_release(&d->mem);
    return OS_EXIT_USAGE;
}

static int
daemon_print_help(struct daemon *d)
{
    struct writer w = writer_mem(&d->mem);
    os_options_help(&w);
    fwrite(w.p, 1, (size_t)w.n, stdout);
    mem_release(&d->mem);
    return OS_EXIT_OK;
}

static int
print_version(struct daemon *d)
{
    puts("gregord " VERSION);
    mem_release(&d->mem);
    return OS_EXIT_OK;
}

int
os_daemon_run(const struct os_daemon_ops *ops, int argc, const char *const *argv,
              const char *const *environment)
{
    struct daemon d = {.ops = ops, .started_ns = program_start_ns()};
    char text[1024];
    struct writer why = writer_fixed(text, sizeof text);
    mem_init(&d.mem, os_memory(), 64 << 20);
    if (!os_options_parse(&d.options, &d.mem, argc, argv, &why)) return usage_error(&d, &why);
    if (d.options.help) return daemon_print_help(&d);
    if (d.options.version) return print_version(&d);
    if (!gather_settings(&d, environment, &why)) return usage_error(&d, &why);
    return daemon_serve(&d);
}
