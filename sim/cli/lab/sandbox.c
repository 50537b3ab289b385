/* Runs what students wrote: in a process group of its own, with limits on time, memory and files. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "broker/base/check.h"
#include "sim/cli/lab/drill.h"

#define FILES_OPEN_MAX 256
#define STACK_BYTES (64LL << 20)
#define LOOK_EVERY_MS 5

static int64_t
clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
limit(int what, int64_t value)
{
    struct rlimit r = {(rlim_t)value, (rlim_t)value + (what == RLIMIT_CPU)}; /* SIGXCPU first */
    setrlimit(what, &r);
}

/* ---- files: the kernel's Landlock, where it has it ---- */

#define MAY_WRITE \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR)
#define MAY_NEVER \
    (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

static void
allow(int rules, const char *path, uint64_t access)
{
    struct landlock_path_beneath_attr a = {.allowed_access = access};
    a.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (a.parent_fd < 0) return;
    syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &a, 0);
    close(a.parent_fd);
}

static void
write_only_below(const char *folder)
{
    struct landlock_ruleset_attr a = {.handled_access_fs = MAY_WRITE | MAY_NEVER};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &a, sizeof a, 0);
    if (rules < 0) return;
    allow(rules, folder, MAY_WRITE);
    allow(rules, "/tmp",
          LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
              LANDLOCK_ACCESS_FS_REMOVE_FILE);
    allow(rules, "/dev/null", LANDLOCK_ACCESS_FS_WRITE_FILE);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    syscall(SYS_landlock_restrict_self, rules, 0);
    close(rules);
}

/* ---- the child ---- */

static void
redirect(const char *path, int to)
{
    int fd = open(path ? path : "/dev/null", O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0 || dup2(fd, to) < 0) _exit(126);
    close(fd);
}

static void
become(const char *const *argv, const char *const *env, const struct limits *l, const char *out,
       const char *err)
{
    enum { ENV_MAX = 16 };
    char path[4096], *own_env[ENV_MAX + 2], *args[1024];
    int n = 0, args_n = 0, in = open(l->in ? l->in : "/dev/null", O_RDONLY);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (in < 0 || dup2(in, STDIN_FILENO) < 0) _exit(126);
    redirect(out, STDOUT_FILENO);
    redirect(err, STDERR_FILENO);
    if (l->cwd && chdir(l->cwd) != 0) _exit(126);
    limit(RLIMIT_CPU, l->cpu_s);
    limit(RLIMIT_FSIZE, l->file_bytes);
    limit(RLIMIT_NOFILE, FILES_OPEN_MAX);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_STACK, STACK_BYTES);
    if (l->memory_bytes) limit(RLIMIT_AS, l->memory_bytes);
    if (l->writes) write_only_below(l->writes);
    (void)snprintf(path, sizeof path, "PATH=%s", getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin");
    own_env[n++] = path;
    /* execve() changes neither. */
    for (int i = 0; env && env[i] && n < ENV_MAX; i++)
        memcpy(&own_env[n++], &env[i], sizeof env[i]);
    own_env[n] = NULL;
    for (; argv[args_n] && args_n + 1 < (int)ARRAY_LEN(args); args_n++)
        memcpy(&args[args_n], &argv[args_n], sizeof argv[0]);
    args[args_n] = NULL;
    execvpe(args[0], args, own_env);
    _exit(127);
}

struct ended
sandbox_run(const char *const *argv, const char *const *env, const struct limits *l,
            const char *out, const char *err)
{
    int64_t until = clock_ms() + l->wall_ms;
    int status;
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) return (struct ended){END_NOT_STARTED, errno};
    if (pid == 0) become(argv, env, l, out, err);
    setpgid(pid, pid);
    for (;;) {
        pid_t done = waitpid(pid, &status, WNOHANG);
        if (done == pid) break;
        if (clock_ms() > until) {
            kill(-pid, SIGKILL);
            while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
            return (struct ended){END_TIME, 0};
        }
        struct timespec pause = {0, LOOK_EVERY_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
    kill(-pid, SIGKILL); /* whatever it left behind */
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU) return (struct ended){END_TIME, 0};
    if (WIFSIGNALED(status)) return (struct ended){END_SIGNAL, WTERMSIG(status)};
    if (WEXITSTATUS(status) == 127) return (struct ended){END_NOT_STARTED, ENOENT};
    return (struct ended){END_EXIT, WEXITSTATUS(status)};
}
