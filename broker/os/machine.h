/* A machine on a loop: its env, what the body holds for it, and the way from an event to effects.
 *
 *     struct os_machine *m = os_machine_new(loop, &params);
 *     struct node *n = node_new(&m->env, …);
 *     os_machine_carry_out(m);                    what it asked for when it was made
 *     …
 *     os_machine_enter(m); node_shutdown(n); os_machine_carry_out(m);       a call from outside */
#ifndef OS_MACHINE_H
#define OS_MACHINE_H

#include "broker/os/loop.h"

struct os_machine;

struct os_machine_ops {
    /* May be NULL. */
    void (*note)(void *ctx, const struct os_machine *m, const struct note *note);
    /* The machine said that it cannot go on, or (empty) that it is done. No event follows. */
    void (*fatal)(void *ctx, struct os_machine *m, struct slice why);
};

struct os_machine_params {
    const struct os_machine_ops *ops;
    void *ctx;
    const char *root; /* what relative paths begin at; NULL: the working directory */
    int64_t memory_ceiling_bytes;
    bool notes_on;
    uint64_t notes_left_out;
    const struct siphash_key *seed; /* NULL: from the kernel */
};

struct os_machine {
    struct env env;
    struct os_loop *loop;
    const struct os_machine_ops *ops;
    void *ctx;
    struct list node;
    struct list socks, listeners, files, locks;
    uint64_t accepted_handle; /* offered to the machine in this step */
    int accepted_fd;          /* -1: taken, or none */
    int root_fd;
    int32_t jobs_n; /* in flight */
};

/* NULL, with errno: the root cannot be opened. */
struct os_machine *os_machine_new(struct os_loop *l, const struct os_machine_params *p);
/* In any state: closes, waits for its jobs in flight, releases its memory. Not from within a step. */
void os_machine_free(struct os_machine *m);

/* Time goes on, for a call into the machine from outside. */
void os_machine_enter(struct os_machine *m);
/* What the machine queued. */
void os_machine_carry_out(struct os_machine *m);
/* One step and its effects. The event's time is set here. */
void os_machine_deliver(struct os_machine *m, struct event *ev);

#endif
