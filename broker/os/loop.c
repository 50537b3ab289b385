#include "broker/os/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "broker/os/machine.h"
#include "broker/os/memory.h"
#include "broker/os/socket.h"

#define EVENTS_MAX 128
#define DEFERRED_MAX 256         /* of one machine in one turn */
#define STUCK_NS (2 * NS_PER_MS) /* a thread of the disk that does not come to its next job */

int64_t
os_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t
os_wall_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000 + t.tv_nsec / NS_PER_MS;
}

/* ---- made and freed ---- */

/* Each write is an edge: there is no need to read it. */
static void
wake_ready(struct os_watch *w, uint32_t epoll_events)
{
    (void)w, (void)epoll_events;
}

static bool
open_descriptors(struct os_loop *l)
{
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    l->wake = (struct os_watch){wake_ready, l->wake_fd};
    return l->epoll_fd >= 0 && l->wake_fd >= 0 && l->spare_fd >= 0 &&
           os_loop_watch(l, &l->wake, EPOLLIN | EPOLLET);
}

static void
close_descriptors(struct os_loop *l)
{
    if (l->epoll_fd >= 0) close(l->epoll_fd);
    if (l->wake_fd >= 0) close(l->wake_fd);
    if (l->spare_fd >= 0) close(l->spare_fd);
}

struct os_loop *
os_loop_new(int threads)
{
    struct os_loop *l = os_zalloc(sizeof *l);
    list_init(&l->machines);
    list_init(&l->readable);
    list_init(&l->sending);
    list_init(&l->closing);
    list_init(&l->said);
    list_init(&l->resting);
    list_init(&l->done);
    list_init(&l->graves);
    if (!open_descriptors(l)) {
        int why = errno;
        close_descriptors(l);
        free(l);
        errno = why;
        return NULL;
    }
    l->disk = os_pool_new(threads, l->wake_fd);
    l->work = os_pool_new(threads, l->wake_fd);
    l->names = os_pool_new(1, l->wake_fd);
    l->recv = os_alloc(OS_RECV_BYTES);
    l->stage = os_alloc(OS_STAGE_BYTES);
    return l;
}

static void
bury_all(struct os_loop *l)
{
    for (struct list *n; (n = list_pop_front(&l->graves)) != NULL;) {
        struct os_grave *g = LIST_ENTRY(n, struct os_grave, node);
        g->bury(g);
    }
}

static void
run_done_jobs(struct os_loop *l)
{
    struct os_jobs jobs = {0};
    os_pool_collect(l->disk, &jobs);
    os_pool_collect(l->work, &jobs);
    os_pool_collect(l->names, &jobs);
    for (struct os_job *job; (job = os_jobs_pop(&jobs)) != NULL;) job->done(job);
}

static void
submit_batches(struct os_loop *l)
{
    os_pool_submit(l->disk, &l->disk_batch);
    os_pool_submit(l->work, &l->work_batch);
}

/* The jobs that close files, and names that nobody waits for any more, come to their end. */
void
os_loop_free(struct os_loop *l)
{
    CHECK(list_is_empty(&l->machines));
    submit_batches(l);
    bury_all(l);
    os_pool_stop(l->disk);
    os_pool_stop(l->work);
    os_pool_stop(l->names);
    run_done_jobs(l);
    os_pool_free(l->disk);
    os_pool_free(l->work);
    os_pool_free(l->names);
    close_descriptors(l);
    free(l->recv);
    free(l->stage);
    free(l->poisoned);
    free(l);
}

bool
os_loop_watch(struct os_loop *l, struct os_watch *w, uint32_t epoll_events)
{
    struct epoll_event ev = {.events = epoll_events, .data.ptr = w};
    return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, w->fd, &ev) == 0;
}

void
os_loop_unwatch(struct os_loop *l, struct os_watch *w)
{
    epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
}

void
os_loop_bury(struct os_loop *l, struct os_grave *g)
{
    list_push_back(&l->graves, &g->node);
}

void
os_loop_submit(struct os_loop *l, struct os_job *job)
{
    os_jobs_push(&l->disk_batch, job);
}

void
os_loop_submit_work(struct os_loop *l, struct os_job *job)
{
    os_jobs_push(&l->work_batch, job);
}

void
os_loop_submit_name(struct os_loop *l, struct os_job *job)
{
    struct os_jobs one = {0};
    os_jobs_push(&one, job);
    os_pool_submit(l->names, &one);
}

/* ---- a turn ---- */

void
os_round_begin(struct os_loop *l, struct list *list)
{
    CHECK(!list_is_linked(&l->mark));
    list_push_back(list, &l->mark);
}

struct list *
os_round_next(struct os_loop *l, struct list *list)
{
    struct list *n = list_pop_front(list);
    return n == &l->mark ? NULL : n;
}

static int64_t
next_deadline_ns(const struct os_loop *l)
{
    int64_t first = TIME_NEVER;
    LIST_EACH(&l->machines, m, struct os_machine, node) {
        if (m->env.dead) continue;
        if (env_has_deferred(&m->env)) return 0;
        first = MIN(first, env_next_deadline_ns(&m->env));
    }
    return first;
}

static int64_t
wait_ns(const struct os_loop *l, int64_t max_wait_ns)
{
    if (!list_is_empty(&l->readable) || !list_is_empty(&l->sending) ||
        !list_is_empty(&l->closing) || !list_is_empty(&l->said) || !list_is_empty(&l->done))
        return 0;
    int64_t deadline = MIN(next_deadline_ns(l), os_listeners_rest_until_ns(l));
    if (deadline == TIME_NEVER) return max_wait_ns;
    int64_t left = MAX(deadline, 0) - os_now_ns();
    return MIN(MAX(left, 0), max_wait_ns);
}

/* Kernels before 5.11 know milliseconds only, and older container engines forbid (EPERM) what they do not
 * know: then a little late rather than a busy loop. */
static int
wait_for_events(struct os_loop *l, struct epoll_event *events, int64_t ns)
{
    if (ns == TIME_NEVER) return epoll_wait(l->epoll_fd, events, EVENTS_MAX, -1);
    struct timespec t = {ns / NS_PER_S, ns % NS_PER_S};
    int n = epoll_pwait2(l->epoll_fd, events, EVENTS_MAX, &t, NULL);
    if (n >= 0 || errno == EINTR) return n;
    int64_t ms = MIN((ns + NS_PER_MS - 1) / NS_PER_MS, INT32_MAX);
    return epoll_wait(l->epoll_fd, events, EVENTS_MAX, (int)ms);
}

/* From now on what comes back wakes the loop. */
static bool
may_wait(struct os_loop *l)
{
    return os_pool_await(l->disk) && os_pool_await(l->work) && os_pool_await(l->names);
}

/* One slow write must not hold up the others for which the same thread was woken. */
static void
help_disk(struct os_loop *l)
{
    if (!os_pool_lags(l->disk)) {
        l->disk_lags_ns = 0;
        return;
    }
    int64_t now_ns = os_now_ns();
    if (!l->disk_lags_ns) l->disk_lags_ns = now_ns;
    if (now_ns - l->disk_lags_ns < STUCK_NS) return;
    os_pool_help(l->disk);
    l->disk_lags_ns = now_ns;
}

static void
handle_events(struct os_loop *l, int64_t max_wait_ns)
{
    struct epoll_event events[EVENTS_MAX];
    int64_t ns = wait_ns(l, max_wait_ns);
    if (ns > 0 && !may_wait(l)) ns = 0;
    if (ns > 0) help_disk(l);
    if (l->disk_lags_ns) ns = MIN(ns, STUCK_NS);
    int n = wait_for_events(l, events, ns);
    CHECK(n >= 0 || errno == EINTR);
    for (int i = 0; i < n; i++) {
        struct os_watch *w = events[i].data.ptr;
        if (w->fd >= 0) w->ready(w, events[i].events);
    }
}

static void
run_timers(struct os_machine *m)
{
    int64_t now_ns = os_now_ns();
    while (!m->env.dead && env_next_deadline_ns(&m->env) <= now_ns)
        os_machine_deliver(m, &(struct event){.kind = EV_TIMER});
}

static void
os_run_deferred(struct os_machine *m)
{
    for (int i = 0; i < DEFERRED_MAX && !m->env.dead && env_has_deferred(&m->env); i++)
        os_machine_deliver(m, &(struct event){.kind = EV_AGAIN});
}

void
os_loop_turn(struct os_loop *l, int64_t max_wait_ns)
{
    os_socks_send(l);
    submit_batches(l);
    handle_events(l, max_wait_ns);
    run_done_jobs(l);
    os_disk_deliver_done(l);
    os_listeners_say(l);
    os_listeners_go_on(l);
    LIST_EACH(&l->machines, m, struct os_machine, node) {
        run_timers(m);
        os_run_deferred(m);
    }
    os_socks_read(l);
    os_socks_close(l);
    bury_all(l);
}

void
os_loop_stop(struct os_loop *l)
{
    l->stop = true;
}
