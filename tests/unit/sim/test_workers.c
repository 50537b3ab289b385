/* Processes for tasks: what each prints is its own, and one that ends takes no other with it. */
#include "tests/lib/test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/check.h"
#include "sim/cli/workers.h"
#include "sim/world/pool.h"

enum { TASK_PLAIN, TASK_LOUD = 100, TASK_KILLED = 200, TASK_SPENT = 300, TASK_EXITS = 400 };

#define LOUD_BYTES 300000 /* more than a pipe holds */

struct crew {
    struct pool pool;
    struct mem mem;
    struct workers w;
};

/* Its exit code is the task's number, and what it prints the process. */
static int
carry_out(void *ctx, int64_t task, FILE *beside, bool *is_spent)
{
    (void)ctx;
    printf("%d", (int)getpid());
    fprintf(beside, "%d", (int)task);
    if (task == TASK_KILLED) {
        fflush(stdout);
        raise(SIGKILL);
    }
    if (task == TASK_EXITS) _exit(3);
    if (task == TASK_LOUD)
        for (int i = 0; i < LOUD_BYTES; i++) putchar('.');
    *is_spent = task == TASK_SPENT;
    return (int)task;
}

static void
crew_init(struct crew *c)
{
    *c = (struct crew){0};
    mem_init(&c->mem, pool_source(&c->pool), 1 << 30);
    c->w = (struct workers){.mem = &c->mem, .carry_out = carry_out};
}

static void
crew_release(struct crew *c)
{
    workers_dismiss(&c->w);
    mem_release(&c->mem);
    pool_release(&c->pool);
}

/* Gives it one task and returns the process that did it; 0: none is known. */
static int64_t
process_of(struct crew *c, int64_t task, struct task_end *ret)
{
    int64_t pid = 0;
    assert_true(workers_give(&c->w, task));
    assert_true(workers_wait(&c->w, ret));
    assert_int_equal(ret->task, task);
    int64_t n = 0;
    while (n < ret->output.n && ret->output.p[n] != '.') n++;
    (void)slice_to_i64(slice_sub(ret->output, 0, n), &pid);
    mem_free_slice(&c->mem, ret->output);
    mem_free_slice(&c->mem, ret->beside);
    return pid;
}

static void
one_process_carries_out_one_task_after_the_other(void **state)
{
    (void)state;
    struct crew c;
    struct task_end e;
    crew_init(&c);
    int64_t pid = process_of(&c, 2, &e);
    assert_int_equal(e.exit_code, 2);
    assert_true(pid > 0 && pid != getpid());
    assert_int_equal(process_of(&c, 4, &e), pid);
    assert_int_equal(e.exit_code, 4);
    crew_release(&c);
}

static void
what_a_task_prints_is_its_own_however_long(void **state)
{
    (void)state;
    struct crew c;
    struct task_end e;
    crew_init(&c);
    assert_true(workers_give(&c.w, TASK_LOUD));
    assert_true(workers_wait(&c.w, &e));
    assert_true(e.output.n > LOUD_BYTES);
    assert_true(slice_eq(e.beside, S("100")));
    mem_free_slice(&c.mem, e.output);
    mem_free_slice(&c.mem, e.beside);
    assert_true(workers_give(&c.w, 2));
    assert_true(workers_wait(&c.w, &e));
    assert_true(e.output.n < 20);
    assert_true(slice_eq(e.beside, S("2")));
    mem_free_slice(&c.mem, e.output);
    mem_free_slice(&c.mem, e.beside);
    crew_release(&c);
}

static void
a_task_that_ends_its_process_ends_no_other(void **state)
{
    (void)state;
    struct crew c;
    struct task_end e;
    crew_init(&c);
    int64_t pid = process_of(&c, 2, &e);
    assert_int_equal(process_of(&c, TASK_KILLED, &e), pid); /* what it had printed is there */
    assert_int_equal(e.signal, SIGKILL);
    assert_int_not_equal(process_of(&c, 4, &e), pid);
    assert_int_equal(e.signal, 0);
    (void)process_of(&c, TASK_EXITS, &e);
    assert_int_equal(e.exit_code, -1); /* without a word: no pass */
    assert_int_equal(e.signal, 0);
    int64_t spent = process_of(&c, TASK_SPENT, &e);
    assert_int_equal(e.exit_code, TASK_SPENT);
    assert_int_not_equal(process_of(&c, 6, &e), spent);
    crew_release(&c);
}

static void
several_are_under_way_at_a_time(void **state)
{
    (void)state;
    struct crew c;
    struct task_end e;
    int64_t done = 0;
    crew_init(&c);
    for (int64_t i = 0; i < 8; i++) assert_true(workers_give(&c.w, i));
    assert_int_equal(c.w.busy_n, 8);
    for (int i = 0; i < 8; i++) {
        assert_true(workers_wait(&c.w, &e));
        assert_int_equal(e.exit_code, e.task);
        done |= 1 << e.task;
        mem_free_slice(&c.mem, e.output);
        mem_free_slice(&c.mem, e.beside);
    }
    assert_int_equal(done, 255);
    assert_false(workers_wait(&c.w, &e)); /* nobody is busy */
    crew_release(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_process_carries_out_one_task_after_the_other),
        cmocka_unit_test(what_a_task_prints_is_its_own_however_long),
        cmocka_unit_test(a_task_that_ends_its_process_ends_no_other),
        cmocka_unit_test(several_are_under_way_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
