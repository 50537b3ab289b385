/* The simulated world: machines, the network between them, their disks and clocks, one queue of
 * events, and one seed that decides everything.
 *
 *     struct world *w = world_new(seed, &options);
 *     struct machine *b1 = world_add(w, &(struct machine_params){.name = S("b1"), .start = …});
 *     machine_start(b1);
 *     world_run_until(w, 10 * NS_PER_S);
 *     fault_crash(b1);                        (sim/world/fault.h has all faults)
 *     world_run(w, 2 * NS_PER_S);
 *     machine_start(b1);
 *
 * The queue is ordered by (virtual time, sequence) and jumps from event to event. Chance is
 * counter-based: a draw is a function of (seed, stream, ordinal), with one stream for each link, disk,
 * clock and machine, so that taking one fault away leaves unrelated dice as they were.
 *
 * Everything in this header and in fault.h may be called between events: from the callbacks of
 * world_at() and world_when_frame(), and before or after running. Observers only look; one that
 * wants to act asks for a callback with world_at() and the present time: it comes before anything
 * else happens. */
#ifndef SIM_WORLD_WORLD_H
#define SIM_WORLD_WORLD_H

#include "broker/env/env.h"

struct world;
struct host;
struct trace_writer;

/* ---- chance ----------------------------------------------------------------------------------- */

/* One stream of dice. Its name decides its values; drawing from it touches no other. */
struct dice {
    struct siphash_begun stream;
    uint64_t n;
};

/* "scenario" or "nemesis" or "link", "b1>b2": an area and a name. */
struct dice world_dice(const struct world *w, struct slice area, struct slice name);
uint64_t dice_draw(struct dice *d);
/* Evenly in [0, n); n > 0. */
int64_t dice_below(struct dice *d, int64_t n);
/* Evenly in [min, max]. */
int64_t dice_between(struct dice *d, int64_t min, int64_t max);
/* True with this chance in a thousand. */
bool dice_permille(struct dice *d, int64_t permille);

/* How long something takes: evenly between min and max; now and then (tail_permille) up to tail_ns
 * more. All equal: always the same. */
struct delay {
    int64_t min_ns, max_ns;
    int64_t tail_permille, tail_ns;
};

/* ---- options ---------------------------------------------------------------------------------- */

struct net_options {
    struct delay latency;          /* of a segment, one way, between two hosts */
    struct delay loopback;         /* within a host */
    int64_t bandwidth_bytes_per_s; /* of each direction between two hosts; 0: no limit */
    int64_t split_permille;        /* of segments cut in two at a drawn place */
    int64_t send_buffer_bytes;     /* taken from the machine before the other end acknowledged */
    int64_t receive_buffer_bytes;  /* not yet read by the machine */
    int64_t segment_bytes;         /* what goes out at once */
    int64_t connect_timeout_ns;    /* SYNs without an answer: ETIMEDOUT */
    int64_t retry_min_ns, retry_max_ns; /* retransmission: doubles from one to the other */
    int64_t give_up_ns;                 /* unacknowledged for so long: ETIMEDOUT (Linux: ~15 min) */
    int64_t keepalive_ns;               /* an idle connection learns that its other end is gone */
};

struct disk_options {
    struct delay read, write, sync, name; /* name: open, rename, list … */
    int64_t bytes_per_s;                  /* on top, by length; 0: no limit */
    int64_t capacity_bytes;
};

struct world_options {
    struct slice name;            /* of the run, for the trace */
    int64_t wall_ms;              /* at virtual time 0 */
    int64_t memory_ceiling_bytes; /* of each machine */
    enum crc32c_impl crc32c;
    bool notes_on; /* machines leave notes (for observers and trace) */
    bool hash_on;  /* neither changes a run */
    struct net_options net;
    struct disk_options disk;
    struct delay work;        /* compression and the like … */
    int64_t work_bytes_per_s; /* … and this by length */
};

struct world_options world_options_default(void);

/* ---- the world -------------------------------------------------------------------------------- */

/* options may be NULL. */
struct world *world_new(uint64_t seed, const struct world_options *options);
/* Ends everything; what machines held is gone. */
void world_free(struct world *w);
uint64_t world_seed(const struct world *w);
/* Virtual time, from 0. */
int64_t world_now_ns(const struct world *w);
/* The wall clock of a machine whose clock is right. */
int64_t world_wall_ms(const struct world *w);
/* Events delivered to machines so far. */
int64_t world_events(const struct world *w);
/* Over every delivered event and every queued effect so far. */
uint64_t world_hash(const struct world *w);
/* The world's own memory (disks, wires), and the peak of everything with the machines. */
struct mem *world_mem(struct world *w);
int64_t world_peak_bytes(const struct world *w);

/* When something happens next; INT64_MAX: never. */
int64_t world_next_ns(const struct world *w);
/* Everything up to and including this time; the clock then stands there. */
void world_run_until(struct world *w, int64_t until_ns);
void world_run(struct world *w, int64_t for_ns);
/* Until cond is true (asked before the first and after each entry): true; or the time has come or
 * world_stop() was called: false. */
bool world_run_while_not(struct world *w, bool (*cond)(void *ctx), void *ctx, int64_t until_ns);
/* Ends the running function after the current entry. */
void world_stop(struct world *w);

/* Calls fn at this time (or at once, if it is past): between events, never within a step. */
void world_at(struct world *w, int64_t at_ns, void (*fn)(struct world *w, void *ctx), void *ctx);

/* ---- machines --------------------------------------------------------------------------------- */

enum machine_state {
    MACHINE_DOWN, /* never started, crashed, or without power */
    MACHINE_UP,
    MACHINE_PAUSED, /* its kernel lives, the process does not run: the long pause */
};

struct machine_params {
    struct slice name; /* "b1", "k1", "p1": unique */
    struct slice host; /* null: a host of the same name. Hosts have disk, clock and network name */
    struct slice kind; /* "broker", "controller", "client" …: for people and filters */
    /* Makes the machine on a fresh env, in memory of env->mem only. args must outlive the world. */
    void (*start)(struct env *env, void *args);
    void *args;
};

struct machine {
    struct slice name, kind;
    int32_t index; /* from 0, in the order of adding */
    struct host *host;
    struct world *world;
    enum machine_state state;
    int32_t incarnation; /* from 1, with each start */
    struct env env;      /* valid while not down; env.machine is the factory's */
    struct slice fatal;  /* why it ended itself last time; null: it did not. Empty: in good order */
    void *user;          /* whoever runs the world may use this */
};

/* Adds a machine that is down. */
struct machine *world_add(struct world *w, const struct machine_params *p);
/* NULL when unknown. */
struct machine *world_machine(struct world *w, struct slice name);
int32_t world_machines_n(const struct world *w);
struct machine *world_machine_at(struct world *w, int32_t index);
/* Whose step is under way; NULL: nobody's. */
struct machine *world_acting(struct world *w);

/* Starts a process on the machine's host (which gets power again if it had none), with what is on its
 * disk. The machine must be down. */
void machine_start(struct machine *m);
/* Runs fn as a step of this machine, now: orders from outside (shut down in order, send a record).
 * The machine must be up; a paused one gets it when it resumes (ctx must live). */
void machine_poke(struct machine *m, void (*fn)(struct env *env, void *ctx), void *ctx);
static inline bool
machine_is_up(const struct machine *m)
{
    return m->state != MACHINE_DOWN;
}

/* ---- looking ---------------------------------------------------------------------------------- */

/* What happened to a machine beside events. */
enum life {
    LIFE_START,
    LIFE_CRASH, /* the process died; the page cache lives */
    LIFE_POWER, /* the host lost power */
    LIFE_FATAL, /* the machine ended itself; text: why, empty when in good order */
    LIFE_PAUSE,
    LIFE_RESUME,
};

/* One step of one machine. */
struct world_event {
    int64_t ordinal; /* from 1 in the world */
    int64_t at_ns;
    struct machine *machine;
    enum event_kind kind;
    bool is_start, is_poke;          /* then kind is not to be looked at */
    const struct note *const *notes; /* left in this step; valid during the call */
    int32_t notes_n;
};

/* A Kafka frame on a connection. */
enum frame_fate { FRAME_SENT, FRAME_DELIVERED, FRAME_DROPPED, FRAME_HELD, FRAME_RELEASED };

struct world_frame {
    int64_t id;      /* unique in the world: the same in all its fates */
    int64_t answers; /* the id of the request; 0: this is one, or an answer to nothing */
    struct machine *from, *to;
    int32_t port; /* of the listener that the connection goes to */
    uint64_t conn;
    struct slice
        principal; /* of the connection: "User:alice"; null: nobody has shown who he is, or nobody looks */
    bool is_answer;
    int16_t api, version; /* -1: not known (garbage, or an answer to nothing) */
    int32_t correlation;
    int64_t bytes; /* with the size field */
    int64_t sent_ns, at_ns;
};

struct world_disk_op {
    struct machine *machine;
    enum op_kind kind;
    struct slice path; /* of the file at its opening, or of the operation */
    int64_t ordinal;   /* of disk operations on this machine over all its lives, from 1 */
    int64_t offset, n, at_ns;
    enum env_err err;
};

/* Any function may be NULL. They only look; world_at() is what they may call. */
struct world_observer {
    void (*event)(void *ctx, const struct world_event *e);
    void (*frame)(void *ctx, const struct world_frame *f, enum frame_fate fate);
    /* bytes: the whole frame but what comes from files; only with FRAME_SENT. */
    void (*frame_bytes)(void *ctx, const struct world_frame *f, struct slice bytes);
    void (*disk)(void *ctx, const struct world_disk_op *op); /* when it completes */
    void (*life)(void *ctx, struct machine *m, enum life what, struct slice text);
    /* What the disk of this machine's host holds is about to be taken away or spoilt, at this moment. */
    void (*harm)(void *ctx, struct machine *m);
    /* Every call of fault.h, in words: "cut", "b1 > b2". */
    void (*fault)(void *ctx, struct slice verb, struct slice what);
    /* A frame met what fault_meddle() does to its kind; how: "was answered NOT_COORDINATOR". */
    void (*met)(void *ctx, const struct world_frame *f, struct slice how);
    void *ctx;
};

void world_observe(struct world *w, const struct world_observer *o);

/* Writes all of the above into a trace (sim/trace/writer.h), and what the caller adds with
 * world_say(). The writer stays the caller's; NULL stops. */
void world_trace(struct world *w, struct trace_writer *t);
/* A record is being written. */
bool world_is_tracing(const struct world *w);
/* A line of the caller's own in the trace: area "history", "anomaly", "step" …; machine may be NULL;
 * up to eight numbers. */
void world_say(struct world *w, struct slice area, struct slice subject, struct slice text,
               struct machine *about, const int64_t *v, int32_t n);

struct world_stats {
    int64_t events, entries;
    int64_t connections, segments, net_bytes, frames;
    int64_t disk_ops, disk_read_bytes, disk_write_bytes, syncs;
    int64_t crashes, power_losses, resets;
};
const struct world_stats *world_stats(const struct world *w);

#endif
