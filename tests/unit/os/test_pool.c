/* Threads for what may wait. */
#include <pthread.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/test.h"

#include "broker/os/pool.h"

/* Waits until the gate is open; says on which thread it ran. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_open;
    int begun;
};

struct gated {
    struct os_job job;
    struct gate *gate;
    bool waits;
    pthread_t thread;
    bool is_done;
};

static void
run_gated(struct os_job *job)
{
    struct gated *g = CONTAINER_OF(job, struct gated, job);
    g->thread = pthread_self();
    pthread_mutex_lock(&g->gate->lock);
    g->gate->begun++;
    pthread_cond_broadcast(&g->gate->changed);
    while (g->waits && !g->gate->is_open) pthread_cond_wait(&g->gate->changed, &g->gate->lock);
    pthread_mutex_unlock(&g->gate->lock);
}

static void
gated_done(struct os_job *job)
{
    CONTAINER_OF(job, struct gated, job)->is_done = true;
}

static void
await_begun(struct gate *g, int n)
{
    pthread_mutex_lock(&g->lock);
    while (g->begun < n) pthread_cond_wait(&g->changed, &g->lock);
    pthread_mutex_unlock(&g->lock);
}

static void
open_gate(struct gate *g)
{
    pthread_mutex_lock(&g->lock);
    g->is_open = true;
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->lock);
}

static void
finish(struct os_pool *p, struct gated *v, int n)
{
    struct os_jobs back = {0};
    os_pool_stop(p);
    os_pool_collect(p, &back);
    for (struct os_job *job; (job = os_jobs_pop(&back)) != NULL;) job->done(job);
    for (int i = 0; i < n; i++) assert_true(v[i].is_done);
    os_pool_free(p);
}

static struct gated
gated(struct gate *gate, bool waits, bool is_quick)
{
    return (struct gated){.job = {.run = run_gated, .done = gated_done, .is_quick = is_quick},
                          .gate = gate,
                          .waits = waits};
}

static void
slow_jobs_run_side_by_side(void **state)
{
    (void)state;
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
    struct os_pool *p = os_pool_new(4, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    struct gated v[3];
    struct os_jobs jobs = {0};
    for (int i = 0; i < 3; i++) v[i] = gated(&gate, true, false), os_jobs_push(&jobs, &v[i].job);
    os_pool_submit(p, &jobs);
    await_begun(&gate, 3); /* or this never ends */
    open_gate(&gate);
    finish(p, v, 3);
}

static void
quick_jobs_of_a_batch_share_a_thread(void **state)
{
    (void)state;
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
    struct os_pool *p = os_pool_new(4, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    struct gated v[5];
    struct os_jobs jobs = {0};
    for (int i = 0; i < 5; i++) v[i] = gated(&gate, false, true), os_jobs_push(&jobs, &v[i].job);
    os_pool_submit(p, &jobs);
    await_begun(&gate, 5);
    finish(p, v, 5);
    for (int i = 1; i < 5; i++) assert_true(pthread_equal(v[i].thread, v[0].thread));
}

static void
who_is_stuck_is_helped(void **state)
{
    (void)state;
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0};
    struct os_pool *p = os_pool_new(4, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    struct gated v[2] = {gated(&gate, true, true), gated(&gate, false, true)};
    struct os_jobs jobs = {0};
    for (int i = 0; i < 2; i++) os_jobs_push(&jobs, &v[i].job);
    os_pool_submit(p, &jobs);
    await_begun(&gate, 1);
    assert_true(os_pool_lags(p));
    os_pool_help(p);
    await_begun(&gate, 2); /* or this never ends */
    assert_false(os_pool_lags(p));
    open_gate(&gate);
    finish(p, v, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slow_jobs_run_side_by_side),
        cmocka_unit_test(quick_jobs_of_a_batch_share_a_thread),
        cmocka_unit_test(who_is_stuck_is_helped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
