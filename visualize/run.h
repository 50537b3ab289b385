/* A run as it is drawn and told: the trace of it, sorted by what it is about. Loading may stop at any
 * moment, and then the model is what was true at that moment: this is how a frame is drawn.
 *
 *     run ─► actors (machines)      lives, who is controller
 *         ─► partitions ─► replicas    roles, steps of log end and high watermark, batches held and cut
 *                       ─► changes     what the controller decided: leader, epoch, ISR
 *         ─► moments                every single thing worth telling, in order (facts.h tells them)
 *         ─► messages               those worth drawing; the rest is counted by API
 *         ─► calls                  of clients, with their outcomes */
#ifndef VISUALIZE_RUN_H
#define VISUALIZE_RUN_H

#include "broker/base/arena.h"
#include "broker/env/notes.h"
#include "visualize/visualize.h"

#define RUN_FOREVER INT64_MAX
#define NS_PER_SECOND 1000000000LL
#define NEAR_MAX 1000 /* messages of a window that are kept although they are routine */
#define APIS_MAX 128

enum actor_kind { ACTOR_CLIENT, ACTOR_BROKER, ACTOR_CONTROLLER };
enum actor_state { STATE_DOWN, STATE_UP, STATE_PAUSED };

struct life {
    int64_t at_ns;
    enum actor_state state;
};

struct actor {
    struct slice name;
    enum actor_kind kind;
    int32_t node_id; /* -1: none, or not known */
    bool is_fenced;
    VEC(struct life) lives;
};

enum role { ROLE_NONE, ROLE_FOLLOWER, ROLE_LEADER, ROLE_OFFLINE };

struct tenure {
    int64_t at_ns;
    enum role role;
    int64_t epoch;
};

/* Log end and high watermark of a replica, from this time on. */
struct step {
    int64_t at_ns, log_end, high_watermark;
};

/* Where transactions hold back what is read as committed: from this time on; RUN_FOREVER: nothing does. */
struct stable {
    int64_t at_ns, offset;
};

struct offset_mark {
    int64_t at_ns, offset;
};
struct start {
    int64_t at_ns, offset;
    bool is_retention; /* else somebody asked for it, or a follower does as its leader */
};

enum group_kind { GROUP_IS_CLASSIC, GROUP_IS_CONSUMER, GROUP_IS_SHARE, GROUP_IS_STREAMS };

/* Of a group, or of a transaction: its coordinator's word for it from this time on. */
struct stage {
    int64_t at_ns, number,
        members;                /* number: the generation or group epoch, or the producer's epoch */
    int32_t actor;              /* the coordinator */
    enum group_kind kind;       /* of a group */
    enum note_txn_end ended_by; /* of a transaction that is to be aborted */
    struct slice state;
};
struct staged {
    struct slice name;
    VEC(struct stage) stages;
};

struct held {
    int64_t base, end, epoch; /* [base, end) */
    int64_t at_ns, gone_ns;   /* gone: RUN_FOREVER while it is there */
};

struct replica {
    int32_t actor;
    bool is_known;
    int64_t log_start, log_end, high_watermark, synced;
    enum role role;
    int64_t epoch;
    VEC(struct tenure) tenures;
    VEC(struct step) steps;
    VEC(struct held) held;         /* by time; what was cut is marked */
    VEC(struct stable) stable;     /* where it leads: the last stable offset, if below */
    VEC(struct start) starts;      /* where the log begins, from then on */
    VEC(struct offset_mark) rolls; /* a segment begins */
    int64_t fetch_offset, fetch_ns, fetch_lag; /* by the leader's notes; -1: never fetched */
    int32_t fetch_from;                        /* the actor asked */
};

struct change {
    int64_t at_ns, leader_id, epoch, partition_epoch;
    bool unclean;
    struct slice replicas, isr, elr, last; /* "1,2,3"; last: who is known to have led last */
};

struct partition_view {
    struct slice name;
    int64_t min_isr;              /* 0: nobody said it */
    int64_t records;              /* appended by leaders */
    VEC(struct replica) replicas; /* by actor: index in run->actors */
    VEC(struct change) changes;
};

enum moment_kind {
    MOMENT_START, /* a process started (again) */
    MOMENT_RECOVERED,
    MOMENT_FATAL,   /* it ended itself; text: why */
    MOMENT_STOPPED, /* in good order */
    MOMENT_FAULT,   /* text: what, text2: whom; or text3: the scenario's words */
    MOMENT_HEALED,
    MOMENT_CONTROLLER,
    MOMENT_RESIGNED,
    MOMENT_CANDIDATE,
    MOMENT_REGISTERED,
    MOMENT_FENCED,
    MOMENT_UNFENCED,
    MOMENT_TOPIC,
    MOMENT_TOPIC_DELETED,
    MOMENT_CHANGE, /* n[0]: index of the change */
    MOMENT_TRUNCATED,
    MOMENT_OFFLINE,
    MOMENT_ANOMALY,
    MOMENT_VERDICT,
};

struct moment {
    enum moment_kind kind;
    int64_t at_ns;
    int32_t actor;     /* -1: none */
    int32_t partition; /* -1: none */
    int64_t n[6];
    struct slice text, text2, text3;
};

struct message {
    uint64_t id;
    int32_t from, to;
    int16_t api;
    bool is_answer, is_lost, is_held, is_delivered, is_control;
    int64_t sent_ns, at_ns; /* at: delivered or lost; RUN_FOREVER: neither */
};

struct call {
    enum view_call kind;
    enum view_outcome outcome;
    int32_t actor, partition; /* partition: -1: not known */
    int64_t offset, invoked_ns, completed_ns, error, acks, records;
    int64_t key; /* of a send; -1: none */
    struct slice value;
};

struct min_isr {
    struct slice topic;
    int64_t n;
};

/* So many cuts stop bytes between these two actors. */
struct cut {
    int32_t from, to, n;
};

struct run {
    struct mem *mem;
    struct arena texts;
    struct slice name, about;
    uint64_t seed, hash;
    int64_t start_ns, end_ns, events; /* start: the first machine came up; 0, or before 0 */
    bool is_damaged, has_verdict;
    struct slice verdict, verdict_text;
    int64_t counts[5];  /* produced, acknowledged, unknown, failed, read */
    int32_t controller; /* active now: an actor; -1 */
    VEC(struct actor) actors;
    VEC(struct partition_view) partitions;
    VEC(struct moment) moments;
    VEC(struct message) messages, in_flight;
    VEC(struct call) calls;
    VEC(struct staged) groups, txns;
    VEC(struct min_isr) min_isrs;
    VEC(struct cut) cuts;
    bool has_window; /* what is kept and counted of messages is what was under way in it */
    int64_t from_ns, to_ns, near_n;
    int64_t counted[APIS_MAX]; /* requests delivered and not kept as messages */
    int64_t lost_n;
    int32_t retains; /* the actor whose retention was seen at work, at … */
    int64_t retains_ns;
};

/* Everything up to and including this time. What authors said at the end is always read: calls that were
 * invoked by then, and the verdict. */
void run_load(struct run *r, struct mem *mem, struct trace_reader *reader, int64_t until_ns);
/* All of it, to be drawn in this window: up to NEAR_MAX messages that are routine are kept, too. */
void run_load_window(struct run *r, struct mem *mem, struct trace_reader *reader, int64_t from_ns,
                     int64_t to_ns);
bool message_is_within(const struct message *m, int64_t from_ns, int64_t to_ns);
void run_release(struct run *r);

/* -1: none. */
int32_t run_actor_named(const struct run *r, struct slice name);
int32_t run_actor_of_node(const struct run *r, int64_t node_id);
int32_t run_partition_named(const struct run *r, struct slice name);
/* The one with most to tell: anomalies, logs that were cut, new leaders, records. None that is internal.
 * -1: there is none. */
int32_t run_main_partition(const struct run *r);
/* "b1", or "node 7". */
void run_node_name(const struct run *r, int64_t node_id, struct writer *w);
bool run_is_cut(const struct run *r, int32_t from, int32_t to);
/* An actor's state at this time. */
enum actor_state actor_state_at(const struct actor *a, int64_t at_ns);
/* NULL: nothing of it was seen. */
const struct replica *run_replica(const struct run *r, int32_t partition, int32_t actor);
/* Keeps what was written, as long as the run; releases the writer. */
struct slice load_words(struct run *r, struct writer *w);
/* "1,2,3" has 2. */
bool list_has(struct slice list, int64_t id);

#endif
