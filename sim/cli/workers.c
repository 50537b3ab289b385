#include "sim/cli/workers.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "broker/base/check.h"

/* What a worker says when a task has ended. */
struct task_report {
    int32_t exit_code;
    bool is_spent;
};

/* False: nobody is there any more. */
static bool
read_whole(int fd, void *to, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t got = read(fd, (char *)to + at, n - at);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        at += (size_t)got;
    }
    return true;
}

/* So few bytes go as a whole. To somebody who is not there any more they go without a signal. */
static bool
write_whole(int fd, const void *from, size_t n)
{
    ssize_t put;
    do put = send(fd, from, n, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    return put == (ssize_t)n;
}

/* ---- in a worker ---- */

static void
empty(FILE *f)
{
    rewind(f);
    if (ftruncate(fileno(f), 0) < 0) _exit(EXIT_FAILURE);
}

static void
carry_out_orders(const struct workers *w, const struct work_process *p)
{
    int64_t task;
    struct task_report r = {0};
    dup2(fileno(p->output), STDOUT_FILENO);
    while (!r.is_spent && read_whole(p->talk, &task, sizeof task)) {
        empty(stdout);
        empty(p->beside);
        r.exit_code = w->carry_out(w->ctx, task, p->beside, &r.is_spent);
        fflush(stdout);
        fflush(p->beside);
        if (!write_whole(p->talk, &r, sizeof r)) break;
    }
    _exit(EXIT_SUCCESS);
}

/* ---- processes ---- */

static void
process_forget(struct work_process *p)
{
    if (p->talk >= 0) close(p->talk);
    if (p->output) fclose(p->output);
    if (p->beside) fclose(p->beside);
    *p = (struct work_process){.talk = -1};
}

/* What belongs to the others would keep them from seeing that there are no orders any more. */
static void
leave_others(struct workers *w, const struct work_process *me)
{
    for (int i = 0; i < WORKERS_MAX; i++)
        if (w->v[i].pid && &w->v[i] != me) close(w->v[i].talk);
}

static bool
process_start(struct workers *w, struct work_process *p)
{
    int ends[2] = {-1, -1};
    pid_t parent = getpid();
    *p = (struct work_process){.output = tmpfile(), .beside = tmpfile(), .task = -1};
    fflush(NULL); /* or the child would write it once more */
    bool ok = p->output && p->beside && socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0;
    p->pid = ok ? fork() : -1;
    p->talk = ends[0];
    if (p->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody would read what it says */
        if (getppid() != parent) _exit(EXIT_FAILURE);
        leave_others(w, p);
        close(ends[0]);
        p->talk = ends[1];
        carry_out_orders(w, p);
    }
    int why = errno;
    bool is_there = p->pid > 0;
    if (ends[1] >= 0) close(ends[1]);
    if (!is_there) process_forget(p);
    errno = why;
    return is_there;
}

/* It has no task, or has ended; returns how. */
static int
process_end(struct work_process *p)
{
    int status = 0;
    close(p->talk);
    p->talk = -1;
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

void
workers_dismiss(struct workers *w)
{
    for (int i = 0; i < WORKERS_MAX; i++) {
        if (!w->v[i].pid) continue;
        CHECK(w->v[i].task < 0);
        (void)process_end(&w->v[i]);
        process_forget(&w->v[i]);
    }
}

/* ---- tasks ---- */

bool
workers_give(struct workers *w, int64_t task)
{
    struct work_process *p = NULL;
    for (int i = 0; i < WORKERS_MAX; i++) {
        struct work_process *one = &w->v[i];
        if (one->pid && one->task >= 0) continue;
        if (!p || (one->pid && !p->pid)) p = one;
    }
    CHECK(p);
    if (!p->pid && !process_start(w, p)) return false;
    p->task = task;
    w->busy_n++;
    /* If it has been ended meanwhile, that is seen when it is waited for. */
    (void)write_whole(p->talk, &task, sizeof task);
    return true;
}

static struct slice
all_of(struct workers *w, FILE *f)
{
    struct stat st;
    if (fstat(fileno(f), &st) < 0 || st.st_size == 0) return SLICE_NULL;
    uint8_t *to = mem_alloc(w->mem, st.st_size + 1); /* as mem_free_slice() has it */
    int64_t at = 0;
    while (at < st.st_size) {
        ssize_t got = pread(fileno(f), to + at, (size_t)(st.st_size - at), at);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        at += got;
    }
    return slice(to, st.st_size);
}

static void
task_take(struct workers *w, struct work_process *p, struct task_end *ret)
{
    struct task_report r;
    bool is_there = read_whole(p->talk, &r, sizeof r);
    *ret = (struct task_end){
        .task = p->task, .output = all_of(w, p->output), .beside = all_of(w, p->beside)};
    p->task = -1;
    w->busy_n--;
    if (is_there) ret->exit_code = r.exit_code;
    if (is_there && !r.is_spent) return;
    int status = process_end(p);
    if (!is_there) ret->exit_code = -1;
    if (!is_there && WIFSIGNALED(status)) ret->signal = WTERMSIG(status);
    process_forget(p);
}

bool
workers_wait(struct workers *w, struct task_end *ret)
{
    struct pollfd fds[WORKERS_MAX];
    struct work_process *of[WORKERS_MAX];
    nfds_t n = 0;
    for (int i = 0; i < WORKERS_MAX; i++) {
        if (!w->v[i].pid || w->v[i].task < 0) continue;
        of[n] = &w->v[i];
        fds[n++] = (struct pollfd){.fd = w->v[i].talk, .events = POLLIN};
    }
    if (!n || poll(fds, n, -1) <= 0) return false;
    for (nfds_t i = 0; i < n; i++) {
        if (!fds[i].revents) continue;
        task_take(w, of[i], ret);
        return true;
    }
    return false;
}

void
workers_signal(struct workers *w, int signal_number)
{
    for (int i = 0; i < WORKERS_MAX; i++)
        if (w->v[i].pid && w->v[i].task >= 0) kill(w->v[i].pid, signal_number);
}
