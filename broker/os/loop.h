/* The loop of the real body: one thread that waits for sockets, timers and finished jobs, and steps
 * machines. Any number of machines (nodes, clients) can live on one loop.
 *
 *     epoll ──► sockets ─┐                        ┌──► send queues ──► sendmsg, sendfile
 *     eventfd ► jobs  ───┼─► os_machine_deliver ──┼──► jobs, in one batch ──► pool of threads
 *     clock ──► timers ──┘    (a step, then its   └──► listeners, connections
 *                              effects, at once)
 *
 * Descriptors are watched edge-triggered, so that nothing is registered again and again; who may
 * still have something to read or to send stands in a list. Nothing that can wait for a disk or for a
 * name server runs here. What belongs to the body (slots, queues, jobs) comes from malloc; buffers
 * belong to their machine and are touched by this thread alone, except that a job may fill or read
 * the bytes of one that it holds. */
#ifndef OS_LOOP_H
#define OS_LOOP_H

#include "broker/env/env.h"
#include "broker/os/pool.h"

#define OS_RECV_BYTES (128 << 10) /* what one receive may bring */
#define OS_STAGE_BYTES (64 << 10) /* for ranges that are copied */

struct os_watch {
    void (*ready)(struct os_watch *w, uint32_t epoll_events);
    int fd;
};

/* What is given back after the events at hand are all handled: some may still point to it. */
struct os_grave {
    struct list node;
    void (*bury)(struct os_grave *g);
};

/* A file whose sync failed: what the kernel says of it can no longer be believed. */
struct os_inode {
    uint64_t dev, ino;
    int64_t born_s;
    uint32_t born_ns;
};

struct os_loop {
    int epoll_fd, wake_fd, spare_fd;
    struct os_watch wake;
    /* Each kind of waiting has threads of its own: a batch that blows up, or a name server that does not
     * answer, keeps nobody from the disk. */
    struct os_pool *disk, *work, *names;
    struct os_jobs disk_batch, work_batch; /* to be submitted before the loop waits */
    int64_t disk_lags_ns; /* since when operations wait for a thread; 0: none does */
    struct list machines;
    struct list readable, sending, closing; /* connections with something to do */
    struct list said;                       /* listeners with something to tell */
    struct list resting;                    /* listeners that accept nothing for a moment */
    struct list done;                       /* operations that needed no thread */
    struct list mark;                       /* the end of the round that goes on */
    struct list graves;
    uint8_t *recv, *stage;
    struct os_inode *poisoned;
    int32_t poisoned_n;
    int32_t socks_n; /* descriptors of connections */
    bool stop;
};

/* threads: at most, for the disk, and for computations. NULL, with errno: no descriptors left. */
struct os_loop *os_loop_new(int threads);
/* All machines are gone already. */
void os_loop_free(struct os_loop *l);
/* Handles what is there, waiting for it at most max_wait_ns. */
void os_loop_turn(struct os_loop *l, int64_t max_wait_ns);
void os_loop_stop(struct os_loop *l);

/* EPOLLIN, EPOLLOUT …, with EPOLLET if wanted. false, with errno. */
bool os_loop_watch(struct os_loop *l, struct os_watch *w, uint32_t epoll_events);
void os_loop_unwatch(struct os_loop *l, struct os_watch *w);
void os_loop_bury(struct os_loop *l, struct os_grave *g);
void os_loop_submit(struct os_loop *l, struct os_job *job);
/* Something that computes for a long time. */
void os_loop_submit_work(struct os_loop *l, struct os_job *job);
/* Something that may wait for a name server. */
void os_loop_submit_name(struct os_loop *l, struct os_job *job);

/* A round over a list takes what stands in it now; what comes meanwhile is for the next turn. */
void os_round_begin(struct os_loop *l, struct list *list);
/* NULL: the round is over. */
struct list *os_round_next(struct os_loop *l, struct list *list);

int64_t os_now_ns(void);
int64_t os_wall_ms(void);

#endif
