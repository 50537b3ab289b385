/* The simulated network: TCP as its users see it. A connection is two flows of bytes; a flow keeps
 * order and loses nothing, but may stall, and its end may never be heard of.
 *
 *     conn_send ─► queued ─► taken (by the kernel: send buffer) ─► sent (segments, each with a drawn
 *     latency, never overtaking) ─► arrived (receive buffer) ─► read (EV_BYTES)
 *
 *     A cut drops what arrives while it lasts. The sender notices by silence and repeats, waiting
 *     longer each time; it gives up after give_up_ns.
 *     A process that dies: its kernel sends what it had taken, then the end of the stream (or a reset,
 *     if bytes were left unread). A host without power says nothing; once it is back, it answers what
 *     it does not know with a reset. */
#ifndef SIM_NET_NET_H
#define SIM_NET_NET_H

#include "sim/world/world.h"

struct mach;
struct fault;
struct link;
struct when_frame;

/* Fetch sessions whose connection is no more, the one that ended first first: sessions.c. */
struct sessions_left {
    struct list list;
    int32_t n;
};

struct net {
    struct list faults; /* what lasts */
    int32_t next_fault;
    struct list whens; /* triggers by frames */
    struct list all;   /* connections */
    struct list dead;  /* those to be freed when nobody is within them */
    int64_t next_frame;
    int32_t rewriters; /* faults that last and may change what is sent */
    bool (*topic_id)(void *ctx, struct slice name, struct uuid *ret);
    void *topic_ctx;
    struct sessions_left sessions_left;
    bool follows_principals; /* … or for whom connections are of */
    bool follows_sessions;   /* faults may be meant for what fetch sessions are about */
};

void net_init(struct world *w);
/* Frees what died in the last entry. */
void net_bury(struct world *w);

void net_do_listen(struct mach *m, struct listener *l, int32_t port);
void net_do_unlisten(struct mach *m, void *slot);
void net_do_connect(struct mach *m, struct conn *c, struct slice host, int32_t port);
void net_do_accept(struct mach *m, struct conn *c, uint64_t handle);
void net_do_send(struct mach *m, struct conn *c, const struct seg *segs, int32_t n);
void net_do_pause(struct mach *m, struct conn *c, bool pause);
void net_do_close(struct mach *m, struct conn *c);
void net_do_break_ranges(struct mach *m, struct file *f, int64_t cut);

/* The machine is gone. */
void net_forget(struct mach *m, bool power);
/* All that the host's kernel knew is gone; its machines are forgotten already. */
void net_host_lost(struct world *w, struct host *h);

#endif
