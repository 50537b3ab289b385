#include "broker/os/pool.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "broker/base/check.h"

#define STACK_BYTES (256 << 10)

/* The lock is for what is queued. Threads wait at a semaphore: a condition would have each take the lock as one that
 * others wait for, and so call the kernel once more to let go of it. What is finished goes back without it: a thread that has woken the loop would else wait
 * for the lock that the loop has come for, and the other way round. */
struct os_pool {
    pthread_mutex_t lock;
    sem_t more; /* as often as threads were called; one that finds nothing waits again */
    struct os_jobs queued;
    pthread_t *threads;
    int threads_n, threads_max, idle;
    int wake_fd;
    bool stopping;
    _Atomic(struct os_job *) finished; /* the last one first */
    atomic_bool awaited;               /* the loop waits, and was not woken yet */
};

void
os_jobs_push(struct os_jobs *jobs, struct os_job *job)
{
    job->next = NULL;
    if (jobs->last) jobs->last->next = job;
    else jobs->first = job;
    jobs->last = job;
    jobs->n++;
    jobs->quick_n += job->is_quick;
}

struct os_job *
os_jobs_pop(struct os_jobs *jobs)
{
    struct os_job *job = jobs->first;
    if (!job) return NULL;
    jobs->first = job->next;
    if (!jobs->first) jobs->last = NULL;
    jobs->n--;
    jobs->quick_n -= job->is_quick;
    return job;
}

static void
jobs_move(struct os_jobs *to, struct os_jobs *from)
{
    if (!from->first) return;
    if (to->last) to->last->next = from->first;
    else to->first = from->first;
    to->last = from->last;
    to->n += from->n;
    to->quick_n += from->quick_n;
    *from = (struct os_jobs){0};
}

static struct os_job *
take_job(struct os_pool *p)
{
    while (!p->queued.first && !p->stopping) {
        p->idle++;
        pthread_mutex_unlock(&p->lock);
        (void)sem_wait(&p->more);
        pthread_mutex_lock(&p->lock);
        p->idle--;
    }
    return os_jobs_pop(&p->queued);
}

/* The first one that comes back wakes the loop; the others are found with it. Either this sees that the loop waits, or
 * the loop (os_pool_await) sees the job: each writes first, then reads. */
static void
job_finished(struct os_pool *p, struct os_job *job)
{
    uint64_t one = 1;
    job->next = atomic_load(&p->finished);
    while (!atomic_compare_exchange_weak(&p->finished, &job->next, job)) {
    }
    if (!atomic_exchange(&p->awaited, false)) return;
    ssize_t n = write(p->wake_fd, &one, sizeof one);
    (void)n; /* a full counter wakes just as well */
}

static void *
worker(void *arg)
{
    struct os_pool *p = arg;
    pthread_mutex_lock(&p->lock);
    for (struct os_job *job; (job = take_job(p)) != NULL;) {
        pthread_mutex_unlock(&p->lock);
        job->run(job);
        job_finished(p, job);
        pthread_mutex_lock(&p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

struct os_pool *
os_pool_new(int threads_max, int wake_fd)
{
    struct os_pool *p = calloc(1, sizeof *p);
    pthread_t *threads = calloc((size_t)threads_max, sizeof *threads);
    CHECK(p && threads);
    p->threads = threads;
    p->threads_max = threads_max;
    p->wake_fd = wake_fd;
    pthread_mutex_init(&p->lock, NULL);
    sem_init(&p->more, 0, 0);
    return p;
}

/* Signals are the loop's: threads start with all of them blocked. */
static void
add_thread(struct os_pool *p)
{
    pthread_attr_t attr;
    sigset_t all, before;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_BYTES);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    bool ok = pthread_create(&p->threads[p->threads_n], &attr, worker, p) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (ok) p->threads_n++;
    CHECK(p->threads_n > 0);
}

/* All quick ones together count as one. */
static int
threads_for(const struct os_jobs *jobs)
{
    return jobs->n - jobs->quick_n + (jobs->quick_n > 0);
}

void
os_pool_submit(struct os_pool *p, struct os_jobs *jobs)
{
    int wanted = threads_for(jobs);
    if (wanted == 0) return;
    pthread_mutex_lock(&p->lock);
    jobs_move(&p->queued, jobs);
    int wake = MIN(wanted, p->idle), missing = threads_for(&p->queued) - p->idle;
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < wake; i++) sem_post(&p->more);
    while (missing-- > 0 && p->threads_n < p->threads_max) add_thread(p);
}

bool
os_pool_lags(struct os_pool *p)
{
    pthread_mutex_lock(&p->lock);
    bool lags = p->queued.first != NULL;
    pthread_mutex_unlock(&p->lock);
    return lags;
}

void
os_pool_help(struct os_pool *p)
{
    pthread_mutex_lock(&p->lock);
    bool has_idle = p->idle > 0;
    pthread_mutex_unlock(&p->lock);
    if (has_idle) sem_post(&p->more);
    else if (p->threads_n < p->threads_max) add_thread(p);
}

bool
os_pool_await(struct os_pool *p)
{
    atomic_store(&p->awaited, true);
    if (!atomic_load(&p->finished)) return true;
    atomic_store(&p->awaited, false);
    return false;
}

void
os_pool_collect(struct os_pool *p, struct os_jobs *jobs)
{
    atomic_store(&p->awaited, false);
    struct os_job *last = atomic_exchange(&p->finished, NULL), *first = NULL;
    while (last) { /* in the order in which they came */
        struct os_job *before = last->next;
        last->next = first;
        first = last;
        last = before;
    }
    while (first) {
        struct os_job *next = first->next;
        os_jobs_push(jobs, first);
        first = next;
    }
}

void
os_pool_stop(struct os_pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->threads_n; i++) sem_post(&p->more);
    for (int i = 0; i < p->threads_n; i++) pthread_join(p->threads[i], NULL);
    p->threads_n = 0;
}

void
os_pool_free(struct os_pool *p)
{
    pthread_mutex_destroy(&p->lock);
    sem_destroy(&p->more);
    free(p->threads);
    free(p);
}
