/* Faults: everything that can go wrong. Each happens at the moment of the call. A fault that lasts has a number,
 * by which just this one can be healed. All of them go into the trace. */
#ifndef SIM_WORLD_FAULT_H
#define SIM_WORLD_FAULT_H

#include "sim/world/world.h"

/* ---- processes and hosts ---------------------------------------------------------------------- */

/* kill -9. Writes and sends under way take effect in part; the page cache stays; the kernel closes
 * the connections. Harmless on a machine that is down. */
void fault_crash(struct machine *m);
/* The host loses power: all machines on it. Kept is what was synced and a drawn part of the rest;
 * other ends of connections hear nothing. */
void fault_power(struct machine *m);
/* The process stops running, its kernel goes on. */
void fault_pause(struct machine *m);
void fault_resume(struct machine *m);
/* Empties the disk of the machine's host; every machine on it is down. */
void fault_wipe(struct machine *m);
/* At the n-th disk operation counted over all its lives (world_disk_op.ordinal), as it is about to
 * complete: it takes effect in part. One at a time; n = 0 disarms. */
void fault_at_disk_op(struct machine *m, int64_t n, bool power);
/* Disk operations that it has begun so far. */
int64_t machine_disk_ops(const struct machine *m);
/* The one at which it is to end; 0: none, or it has come. */
int64_t machine_armed_op(const struct machine *m);

/* ---- network ---------------------------------------------------------------------------------- */

/* A number for what lasts; 0 is none. */
typedef int32_t fault_id;

/* Machines by their hosts. */
struct machines {
    struct machine *const *v;
    int32_t n;
};

/* Bytes from any of `from` to any of `to` stop, and both ways if asked. One way: the other way's
 * acknowledgements stall too, so that it goes on only as long as TCP does without any. */
fault_id fault_cut(struct world *w, struct machines from, struct machines to, bool both_ways);
/* Like a cut that comes and goes: up for up_ns, down for down_ns, beginning with down. */
fault_id fault_flap(struct world *w, struct machines from, struct machines to, bool both_ways,
                    int64_t down_ns, int64_t up_ns);
/* Latency and bandwidth (0: as it was) of a direction; loss of segments shows as delay, as in TCP. */
struct slow {
    struct delay latency; /* all zero: as it was */
    int64_t bandwidth_bytes_per_s;
    int64_t loss_permille;
};
fault_id fault_slow_link(struct world *w, struct machines from, struct machines to, bool both_ways,
                         struct slow slow);
/* Ends a cut, flap, slow link or hold. Harmless when it has ended. */
void fault_heal(struct world *w, fault_id id);
/* It has not ended. */
bool fault_lasts(struct world *w, fault_id id);
/* Ends all of them. */
void fault_heal_all(struct world *w);

/* Breaks all connections between the two (either NULL: any): both ends see a reset. */
void fault_reset(struct world *w, struct machine *a, struct machine *b);
/* b's ends of its connections with a break; a hears nothing of it until it sends. */
void fault_half_open(struct world *w, struct machine *a, struct machine *b);

/* Frames by what they are. */
enum { ANY_API = -1 };
enum which { WHICH_REQUEST, WHICH_ANSWER, WHICH_ANY };
struct frame_filter {
    int16_t api; /* ANY_API */
    enum which which;
    struct machine *from, *to; /* of this frame; NULL: any */
    int32_t port;              /* of the listener; 0: any */
    /* null: any. By name or, in versions that name it so, by its id. An answer is about
     * what its request named; answers to requests from before the filter was set do not match, nor do
     * frames that name no topics. */
    struct slice topic;
    struct uuid topic_id; /* zero: as net_know_topics() says */
    int32_t partition;    /* -1: any. Counts in what is about partitions */
    /* null: any. What the request (of an answer: that it answers) says of who asks. */
    struct slice client_id, group, transactional_id;
    struct slice principal; /* "alice": of connections that are his (net_follow_principals()) */
    bool of_clients;        /* not of nodes to each other */
    /* NULL, or a last word: bytes are the frame, but for what comes from files. */
    bool (*also)(void *ctx, const struct world_frame *f, struct slice bytes);
    void *ctx;
};
struct frame_filter frame_filter_any(void);
/* Frames that match wait at the sender, and what is behind them on their connection too, until
 * fault_heal(). Nothing is lost. skip: so many are let through first; count: at most so many are
 * held (0: all). */
fault_id fault_hold(struct world *w, const struct frame_filter *filter, int32_t skip,
                    int32_t count);

/* What else may become of frames that match. */
enum deed {
    DEED_HOLD,
    DEED_DELAY, /* it waits so long, and what is behind it on its connection too */
    /* Neither it nor anything behind it ever comes: a connection through which nothing passes any more, until
     * somebody gives it up. (One frame alone cannot be missing from a stream.) */
    DEED_LOSE,
    DEED_BREAK,  /* its connection breaks instead: both ends see a reset */
    DEED_REPEAT, /* a request comes twice; its second answer is kept from who asked */
    /* A request is answered with an error, without the broker's seeing what is so answered; what else it is about is
     * asked and answered as ever. With is_done it is done, and the error takes the place of what the broker said. */
    DEED_ANSWER,
};
struct meddling {
    enum deed deed;
    int32_t skip;     /* so many are let through first */
    int32_t count;    /* it happens so often at most; 0: always */
    int64_t permille; /* with this chance; 0: surely */
    struct delay delay;
    int16_t error; /* K_ERR_…, of those that answer.h has for filter.api */
    bool is_done;
    int32_t *met; /* where it is counted how often it happened; may be NULL */
};
fault_id fault_meddle(struct world *w, const struct frame_filter *filter, const struct meddling *m);
/* Who knows the topics' ids; false: there is no such topic (yet). */
void net_know_topics(struct world *w, bool (*id)(void *ctx, struct slice name, struct uuid *ret),
                     void *ctx);
/* From now on it is known what fetch sessions are about, so that filters by topic meet requests in them, which name
 * only what has changed (KIP-227). To be called before any begins. */
void net_follow_sessions(struct world *w);
/* From now on it is followed who shows on his connections who he is. */
void net_follow_principals(struct world *w);
/* The machine has a connection on which it has shown that it is this user. */
bool net_machine_is_of(struct world *w, const struct machine *m, struct slice principal);
/* How often it has been believed who it is, each time anew that it shows that. */
int64_t net_logins(const struct machine *m);
/* "User:alice", of a machine's own end of a connection; null: not shown. */
struct slice net_principal_of(struct world *w, const struct machine *m, uint64_t conn);
/* Frames waiting now. */
int32_t fault_held(struct world *w, fault_id id);

/* Calls fn once, right after the step in which the nth frame that matches is sent (n from 1). */
void world_when_frame(struct world *w, const struct frame_filter *filter, int32_t nth,
                      void (*fn)(struct world *w, void *ctx), void *ctx);

/* True if bytes now get from a to b. */
bool net_is_open(struct world *w, struct machine *a, struct machine *b);

/* ---- disk ------------------------------------------------------------------------------------- */

enum { DISK_FAIL_READ = 1, DISK_FAIL_WRITE = 2, DISK_FAIL_SYNC = 4 };

/* Operations on paths that contain `path` (null: all) fail with EIO; count: so many (0: until
 * disk_heal). A failed sync drops what it should have kept and poisons the file. */
void fault_disk_fail(struct machine *m, int32_t which, struct slice path, int32_t count);
/* Nothing more can be written: free bytes beyond those used. -1 takes it back. */
void fault_disk_full(struct machine *m, int64_t free_bytes);
/* Operations take longer: in hundredths; 100 is as it was. */
void fault_disk_slow(struct machine *m, int64_t percent);
/* The same of syncs alone; both multiply. */
void fault_disk_slow_sync(struct machine *m, int64_t percent);
/* Reads give less than was asked for, with this chance. */
void fault_disk_short_reads(struct machine *m, int64_t permille);
/* Flips one bit in each of `count` drawn places of files whose path contains `path`; returns how many
 * were hit. offset >= 0: in this place of the first such file. */
int32_t fault_disk_rot(struct machine *m, struct slice path, int64_t offset, int32_t count);
/* Files whose path contains `path` are gone, or only their first bytes are left, on the medium too. A node
 * that runs sees it as the medium's doing; returns how many were hit. */
int32_t fault_disk_erase(struct machine *m, struct slice path);
int32_t fault_disk_shorten(struct machine *m, struct slice path, int64_t bytes);
/* The next write to such a file lands one to eight pages further on; when it comes, that is told as a fault of its own,
 * with machine and file. */
#define FAULT_ASTRAY "write gone astray"
void fault_disk_misdirect(struct machine *m, struct slice path);
/* Takes back fail, full, slow, slow syncs, short reads, and a misdirection that has not come. */
void fault_disk_heal(struct machine *m);

/* The truth about a disk, for whoever judges: what a file holds, read from the page cache or from
 * what a power loss would surely leave. -1: no such file. */
enum disk_image { IMAGE_CACHED, IMAGE_DURABLE };
int64_t disk_peek_size(struct machine *m, struct slice path, enum disk_image image);
int64_t disk_peek(struct machine *m, struct slice path, enum disk_image image, int64_t offset,
                  void *ret, int64_t n);
/* Would a power loss surely leave of the file's name and of these bytes what is in the cache? */
bool disk_is_settled(struct machine *m, struct slice path, int64_t offset, int64_t n);
/* Calls fn for every file, sorted by path. */
void disk_peek_all(struct machine *m, enum disk_image image,
                   void (*fn)(void *ctx, struct slice path, int64_t size), void *ctx);
/* Only those of one directory. */
void disk_peek_dir(struct machine *m, struct slice dir, enum disk_image image,
                   void (*fn)(void *ctx, struct slice path, int64_t size), void *ctx);
/* Puts a file there as if it had always been: input for tests. */
void disk_put(struct machine *m, struct slice path, struct slice bytes);

/* ---- clocks ----------------------------------------------------------------------------------- */

/* The wall clock of the machine's host jumps by this (also back). */
void fault_clock_step(struct machine *m, int64_t ms);
/* Monotonic and wall clock run faster (or slower) by so many millionths. */
void fault_clock_drift(struct machine *m, int64_t ppm);
/* Both run evenly again, and the wall clock shows the true time; the monotonic one keeps what it has gained. */
void fault_clock_heal(struct machine *m);

#endif
