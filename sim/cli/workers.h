/* Processes that carry out tasks by their numbers, each one task after the other: so memory that one run has taken is there
 * for the next, and a task that ends its process, by a failed CHECK or a signal, ends no other.
 *
 *      workers_give(w, 7)  ─► an idle worker, or a new one ─► carry_out(7): what it prints is kept
 *      workers_wait(w, &e) ◄─ task 7 has ended: exit code or signal, and what it printed
 *
 * What a worker prints to standard output belongs to its task; standard error is everybody's. */
#ifndef SIM_CLI_WORKERS_H
#define SIM_CLI_WORKERS_H

#include <stdio.h>
#include <sys/types.h>

#include "broker/base/mem.h"

#define WORKERS_MAX 256

struct task_end {
    int64_t task;
    int exit_code, signal;       /* -1: its process ended, by this signal if it is not 0 */
    struct slice output, beside; /* the caller frees them (mem_free_slice) */
};

struct work_process {
    pid_t pid; /* 0: none */
    int talk;  /* orders go out, reports come in */
    FILE *output, *beside;
    int64_t task; /* -1: it waits for one */
};

struct workers {
    struct mem *mem;
    /* In a worker. `beside`: a second output. is_spent: no further task may be carried out by this process. */
    int (*carry_out)(void *ctx, int64_t task, FILE *beside, bool *ret_is_spent);
    void *ctx;
    struct work_process v[WORKERS_MAX];
    int32_t busy_n;
};

/* False, errno set: there can be no process for it. At most WORKERS_MAX are busy. */
bool workers_give(struct workers *w, int64_t task);
/* Until one of those that are busy has ended; false: a signal came, or none is busy. */
bool workers_wait(struct workers *w, struct task_end *ret);
/* To those that are busy. */
void workers_signal(struct workers *w, int signal_number);
/* They end; none is busy. */
void workers_dismiss(struct workers *w);

#endif
