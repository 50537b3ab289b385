/* Threads for what may wait: disk operations, name resolution, long computations. A job goes out in a
 * batch, is run by one thread, and comes back through a list that the loop empties. A descriptor wakes
 * the loop if it waits, and only once for all that comes back meanwhile. Threads are made when they
 * are first needed.
 *
 * To wake a thread costs more than most writes, which only fill the kernel's memory: those of a batch share one thread. If
 * it gets stuck in one of them, the loop notices (os_pool_lags()) and wakes another. */
#ifndef OS_POOL_H
#define OS_POOL_H

#include <stdbool.h>
#include <stdint.h>

struct os_pool;

struct os_job {
    struct os_job *next;
    void (*run)(struct os_job *job);  /* in a thread of the pool */
    void (*done)(struct os_job *job); /* on the loop's thread */
    bool is_quick;                    /* as a rule: not worth a thread of its own */
};

struct os_jobs {
    struct os_job *first, *last;
    int32_t n, quick_n;
};

void os_jobs_push(struct os_jobs *jobs, struct os_job *job);
struct os_job *os_jobs_pop(struct os_jobs *jobs);

/* wake_fd: an eventfd. */
struct os_pool *os_pool_new(int threads_max, int wake_fd);
/* What was submitted is run to its end, and is then still to be collected. */
void os_pool_stop(struct os_pool *p);
/* It has been stopped. */
void os_pool_free(struct os_pool *p);
/* Empties jobs. */
void os_pool_submit(struct os_pool *p, struct os_jobs *jobs);
/* The loop is about to wait: from now on, and until it collects, what comes back wakes it. false:
 * something is back already. */
bool os_pool_await(struct os_pool *p);
/* Something still waits for a thread. If that has been so for long: os_pool_help(). */
bool os_pool_lags(struct os_pool *p);
void os_pool_help(struct os_pool *p);
/* Appends what is done, in the order in which it was. */
void os_pool_collect(struct os_pool *p, struct os_jobs *jobs);

#endif
