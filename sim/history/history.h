/* The history: what clients asked for and what they were told, and nothing else. The checker reads only
 * this, so that it can also judge a cluster that it knows nothing of.
 *
 *      t=1.002s  p1   send  orders-0  p1:17          invoke ─┐
 *      t=1.006s  c1   poll  orders-0  @40 p1:16              │
 *      t=1.009s  p1                                  ok @41 ◄┘
 *
 * An operation is invoked once and completed at most once; one that was never completed (its client
 * crashed) may have happened: it counts as info. Every value is unique and names its writer. The history
 * outlives the machines that write it, and is no part of their memory: it decides nothing.
 *
 * A topic that is deleted and made again has the name of the former one and another id. Each is a topic of its own here: its
 * second life, its third. What is known of its id belongs to that; what is known of its name alone, to the first: sends of
 * which nobody knows what became of them may be in any.
 *
 * Reading: h->ops in the order of invocation, h->events in the order in which things happened (an
 * invocation and a completion are one event each), the records of a poll in h->reads. */
#ifndef SIM_HISTORY_HISTORY_H
#define SIM_HISTORY_HISTORY_H

#include "broker/base/fmt.h"
#include "broker/base/mem.h"
#include "broker/base/uuid.h"

enum history_kind {
    HISTORY_SEND, /* value, key; partition and offset when known; reads: what it was made from, node: of
                         * which group's work */
    HISTORY_POLL,       /* reads; complete at once, always ok */
    HISTORY_ASSIGN,     /* offset: where reading begins or goes on (after a seek, or a reset) */
    HISTORY_END,        /* ListOffsets(latest): offset */
    HISTORY_TRUNCATION, /* the client was told that the log diverged: offset, first that is gone */
    HISTORY_OUT_OF_RANGE, /* offset: the position that was refused */
    HISTORY_CORRUPT,      /* a batch or value that is none: offset */
    HISTORY_FINAL_END, /* this reading of the final read has come to the stable end: offset, node */
    HISTORY_ADMIN, /* an administrator's call: key is its enum history_admin; offset: DeleteRecords, asked for
                        * (-1: the high watermark), then as answered; node: a broker that it names */
    /* Of members of groups: node is the group, key the generation; value: see there. */
    HISTORY_BEGIN,  /* its process starts, partition -1: what it had before it has no more */
    HISTORY_OWN,    /* the member has this partition in this generation, from now on */
    HISTORY_DISOWN, /* it has given it up; error: it learned that it had lost it */
    HISTORY_STANDBY, /* of a streams group: it keeps a copy of what is worked on of this partition, from now on */
    HISTORY_STANDBY_OVER, /* it keeps it no more */
    HISTORY_COMMIT,       /* offset: what it has done, or (acks COMMIT_BEFORE) is about to do */
    HISTORY_COMMITTED,    /* a look at what is committed: offset; -1: nothing */
    HISTORY_PROCESS,      /* reads: what it has done; complete at once. acks: how it commits */
    HISTORY_LEAVE,        /* it leaves the group in order, partition -1 */
    /* Of members of share groups: node is the group. */
    HISTORY_GIVEN, /* reads: what it was given, with the delivery count for an epoch; key: when it asked; leader_epoch: whom,
                    * the broker that gave it */
    HISTORY_ACKNOWLEDGE, /* records from offset to key; acks: 1 accept, 2 release, 3 reject */
    /* A dead letter of the group, found in the final read: of the record at offset; reads: its copy, if it has one; key: the
     * delivery count; acks: 2 it was released too often, 3 it was rejected */
    HISTORY_LETTER,
    HISTORY_START, /* the group's start offset, as a member was told: all below offset is done with. key: when it asked */
    HISTORY_HEALED, /* no client's: all faults are over (process, topic, partition: -1) */
    HISTORY_KINDS_N
};

enum history_admin {
    ADMIN_CREATE,
    ADMIN_DELETE,
    ADMIN_ADD_PARTITIONS,
    ADMIN_ALTER,
    ADMIN_ALTER_BROKER,
    ADMIN_ALTER_GROUP,
    ADMIN_DELETE_RECORDS,
    ADMIN_ELECT,
    ADMIN_ELECT_UNCLEANLY,
    ADMIN_REASSIGN,
    HISTORY_ADMINS_N
};

/* How a member of a group commits: before it works on records, after it, now and then by itself, in one transaction with
 * what it makes of them; or nobody knows, and it may well commit less than before. */
enum history_commits {
    COMMIT_BEFORE,
    COMMIT_AFTER,
    COMMIT_AUTO,
    COMMIT_IN_TXN,
    COMMIT_AT_WILL,
    HISTORY_COMMITS_N
};

enum history_outcome {
    HISTORY_OPEN, /* not completed: read it as info */
    HISTORY_OK,
    HISTORY_FAIL, /* surely did not happen */
    HISTORY_INFO, /* may have happened, or may yet happen */
    HISTORY_OUTCOMES_N
};

/* A value: who wrote it, and the how many-th of its values it is, from 1. 0 is no value. */
static inline uint64_t
history_value(int32_t process, int64_t n)
{
    return (uint64_t)(process + 1) << 40 | (uint64_t)n;
}
static inline int32_t
history_value_process(uint64_t value)
{
    return (int32_t)(value >> 40) - 1;
}
static inline int64_t
history_value_n(uint64_t value)
{
    return (int64_t)(value & ((1ULL << 40) - 1));
}

struct history_read {
    int64_t offset;
    uint64_t value;
    int32_t leader_epoch; /* of its batch */
};

/* Small: a run of a minute has hundreds of thousands. */
struct history_op {
    enum history_kind kind : 8;
    enum history_outcome outcome : 8;
    bool idempotent : 1;
    bool is_final : 1; /* of the final read, or a send at the end that must succeed */
    bool read_committed : 1;
    bool is_tombstone : 1; /* a send without value: it deletes its key */
    bool was_retried : 1;  /* a commit: an attempt before the last may take effect yet */
    /* Done, and nobody knows to which topic of this name; a commit, or a look: by name. */
    bool is_of_any_life : 1;
    int16_t error;          /* K_ERR_… */
    int16_t acks;           /* sends: what was asked for */
    int32_t process, topic; /* see history_process_name(), history_topic_name() */
    int32_t partition;      /* -1: not known */
    int32_t
        node; /* polls: the replica asked, -1 the leader; sends: who answered, -1; members: the group */
    int32_t
        leader_epoch; /* of HISTORY_END and HISTORY_TRUNCATION; -1: not known. Of a send: which of its
                           * process's transactions it belongs to, from 1; -1: none. Of HISTORY_GIVEN: a broker */
    int32_t reads_n;
    int64_t first_read;
    int64_t invoke_ns;
    int64_t complete_ns; /* -1: never */
    uint64_t
        value; /* of a member's operation: when it came to its generation, if it had not heard for a session that it is a
                     * member: it may have been put out by then; 0: it had, or this is not known */
    int64_t key;    /* number of the key; -1: none */
    int64_t offset; /* -1: not known */
};
_Static_assert(sizeof(struct history_op) == 80, "no holes");

/* At its operation's invoke_ns or complete_ns. */
struct history_event {
    uint32_t op_and_which; /* index in ops; the top bit: completed */
};

static inline struct history_event
history_event(int64_t op, bool is_complete)
{
    return (struct history_event){(uint32_t)op | (uint32_t)is_complete << 31};
}
static inline int64_t
history_event_op(struct history_event e)
{
    return e.op_and_which & INT32_MAX;
}
static inline bool
history_event_is_complete(struct history_event e)
{
    return e.op_and_which >> 31;
}

struct history_name {
    struct slice name;
    int64_t values;     /* of a process: given out so far */
    int32_t partitions; /* of a topic: as far as they were seen in operations */
    int32_t life,
        first; /* of a topic: the how many-th of its name, from 1; which of them is the first */
    struct uuid id; /* of a topic; zero: not known */
};

struct history {
    struct mem *mem;
    int64_t (*now)(void *ctx);
    void *ctx;
    int64_t begin_ns; /* when the scenario's time began: what is told to people counts from there */
    VEC(struct history_op) ops;
    VEC(struct history_read) reads;
    VEC(struct history_event) events;
    VEC(struct history_name) processes, topics, groups;
    /* Told of each event as it happens (an op that is added at once: of its completion); may be NULL. */
    void (*listener)(void *ctx, const struct history_op *op, bool is_complete);
    void *listener_ctx;
    /* The how many-th topic of its name it is; 0: not known. NULL: they count as they are met. */
    int32_t (*life_of)(void *ctx, struct slice name, struct uuid id);
    void *life_ctx;
};

/* now: the true time, which no client's clock need show. */
void history_init(struct history *h, struct mem *mem, int64_t (*now)(void *ctx), void *ctx);
void history_release(struct history *h);

/* How much it holds. Runs one after the other are alike: with the room that the last one took, the next grows no more, for to grow
 * is to copy all. */
struct history_room {
    int64_t ops, reads, events;
};
struct history_room history_room(const struct history *h);
void history_make_room(struct history *h, struct history_room room);

/* ---- writing ---- */

/* The number of this name; a new one if need be. */
int32_t history_process(struct history *h, struct slice name);
int32_t history_topic(struct history *h, struct slice name); /* the first of this name */
/* The one with this id (zero: the first). */
int32_t history_topic_of(struct history *h, struct slice name, struct uuid id);
/* The how many-th of its name, from 1. */
int32_t history_topic_life(struct history *h, struct slice name, int32_t life);
int32_t history_group(struct history *h, struct slice name);
uint64_t history_next_value(struct history *h, int32_t process);
/* Whether that is a value that was given out: any eight bytes of somebody else's look like one. */
bool history_gave_value(const struct history *h, uint64_t value);
/* A blank operation of this kind: numbers unknown, nothing read. */
struct history_op history_op_new(enum history_kind kind, int32_t process, int32_t topic,
                                 int32_t partition);
/* Copies the operation and says its number. Outcome and times are set here. */
int64_t history_invoke(struct history *h, const struct history_op *op);
/* A send that is made from what was read. */
int64_t history_invoke_made(struct history *h, const struct history_op *op,
                            const struct history_read *from);
/* Before it is completed: this is the topic, of those of its name, to which it was done. */
void history_note_topic(struct history *h, int64_t number, struct uuid id);
void history_complete(struct history *h, int64_t number, enum history_outcome outcome,
                      int16_t error, int32_t partition, int64_t offset);
/* Before it is completed: an attempt of it may yet take effect. */
void history_note_retry(struct history *h, int64_t number);
/* The process died: what it had asked for may have happened, and it will hear nothing of it. */
void history_abandon(struct history *h, int32_t process);
/* Invoked and completed in one: polls (with their records) and what a client is told unasked. */
int64_t history_add(struct history *h, const struct history_op *op, enum history_outcome outcome,
                    const struct history_read *reads, int64_t reads_n);

/* ---- reading ---- */

/* A name that is given by others may have any bytes, and is one word in a history: a blank is written %20. */
void history_name_write(struct writer *w, struct slice name);
/* The name's own bytes, to room for word.n of them; how many there are. What is not written so stands for itself. */
int64_t history_name_read(struct slice word, uint8_t *ret);
struct slice history_process_name(const struct history *h, int32_t process);
struct slice history_topic_name(const struct history *h, int32_t topic);
/* Of one name. */
static inline bool
history_is_namesake(const struct history *h, int32_t a, int32_t b)
{
    return a == b || (a >= 0 && b >= 0 && h->topics.v[a].first == h->topics.v[b].first);
}
/* There was another one of its name, before or after. */
bool history_has_lives(const struct history *h, int32_t topic);
struct slice history_group_name(const struct history *h, int32_t group);
static inline const struct history_read *
history_reads(const struct history *h, const struct history_op *op)
{
    return op->reads_n ? &h->reads.v[op->first_read] : NULL;
}
static inline int64_t
history_event_ns(const struct history *h, struct history_event e)
{
    const struct history_op *op = &h->ops.v[history_event_op(e)];
    return history_event_is_complete(e) ? op->complete_ns : op->invoke_ns;
}
static inline bool
history_is_info(const struct history_op *op)
{
    return op->outcome == HISTORY_OPEN || op->outcome == HISTORY_INFO;
}
static inline bool
history_is_of_group(enum history_kind kind)
{
    return kind >= HISTORY_BEGIN && kind <= HISTORY_LEAVE;
}
static inline bool
history_is_of_share(enum history_kind kind)
{
    return kind >= HISTORY_GIVEN && kind <= HISTORY_START;
}
/* It says of records that they were accepted, released or rejected. */
static inline bool
history_has_decision(enum history_kind kind)
{
    return kind == HISTORY_ACKNOWLEDGE || kind == HISTORY_LETTER;
}
const char *history_kind_name(enum history_kind kind);
const char *history_outcome_name(enum history_outcome outcome);
/* "p1:17" */
void history_value_print(const struct history *h, uint64_t value, struct writer *w);
/* One line for each operation, in the order of invocation: seconds of invocation and of completion,
 * process, what, partition, and the rest as it applies:
 *
 *      1.002000000 1.009000000 p1 send orders-0 p1:17 ok @41
 *      1.002000000 - p1 send orders-0 p1:18 acks=1 plain            (no answer; not idempotent)
 *      1.002000000 1.009000000 w1 send copies-0 w1:1 ok @4 40=p1:16/3 e1   (made from it; its first transaction)
 *      1.002000000 1.010000000 p1 send orders-0 p1:19 fail !19
 *      1.000000000 = c1 assign orders-0 @0                          (=: at once)
 *      1.006000000 = c1 poll orders-0 40=p1:16/3 41=p1:17/3         (offset=value/leader epoch)
 *      9.000000000 9.001000000 f end orders-0 ok @120 e3 final
 *      9.000000000 = f poll orders-0 0=p1:1/0 final node=2
 *      9.000000000 = f final-end orders-0 @120 final node=2
 *      5.000000000 5.010000000 admin admin orders-0 delete-records ok @900
 *      2.000000000 = c1 own orders-0 g3 of=readers                   (in generation 3)
 *      2.000000000 2.010000000 c1 commit orders-0 ok @40 g3 of=readers after
 *      2.000000000 3.010000000 c1 commit orders-0 ok @50 g3 of=readers after retried
 *      2.000000000 2.010000000 c1 committed orders-0 ok @40 g3 of=readers
 *      2.000000000 = c1 process orders-0 40=p1:16 g3 of=readers after
 *      2.000000000 = w1 given orders-0 40=p1:16/1 asked=1990000000 of=workers     (delivery 1, asked at 1.99 s)
 *      2.000000000 2.010000000 w1 acknowledge orders-0 ok @40 to=44 of=workers accept
 *      8.000000000 = - healed -
 *      9.000000000 9.001000000 p1 send orders-0 p1:90 ok @4 life=2   (to the second topic of this name) */
void history_print(const struct history *h, struct writer *w);
/* Adds what such a text tells; blank lines and those that begin with '#' are skipped. 0, or the number of
 * the first line that cannot be understood. */
int64_t history_parse(struct history *h, struct slice text);
/* The same, line by line: false, and the line says what is wrong with it. Then the end, which puts all in order. */
struct text_line;
bool history_read_line(struct history *h, struct text_line *l);
void history_end_reading(struct history *h);
/* Kinds that ask and are answered; the others are told at once. */
bool history_has_outcome(enum history_kind kind);
extern const char *const history_kind_names[],
    *const history_admin_names[], *const history_commit_names[], *const history_outcome_names[];
#define HISTORY_DECISIONS_N 4
extern const char *const history_decision_names[HISTORY_DECISIONS_N];
/* Before the time at which a member came to its generation that had not heard for a session that it is one. */
#define HISTORY_BACK_MARK "back="
/* Before the broker that gave something. */
#define HISTORY_GIVER_MARK "by="
/* Before the key, of each kind from HISTORY_GIVEN to HISTORY_START. */
extern const char *const history_share_marks[HISTORY_START - HISTORY_GIVEN + 1];

struct history_counts {
    int64_t produced, acknowledged, unknown,
        failed;   /* sends but those of the end; unanswered: unknown */
    int64_t read; /* records, each as often as it was polled */
};
struct history_counts history_counts(const struct history *h);

#endif
