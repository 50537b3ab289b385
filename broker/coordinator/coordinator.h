/* The coordinator runtime: what a coordinator of groups and one of transactions have in common.
 *
 * A coordinator keeps its state in a topic of its own. What it coordinates belongs to one of the topic's
 * partitions, by its id's hash; the broker that leads the partition coordinates it. What must outlive the
 * broker is a record in that partition, and the state in memory is the fold of those records. A partition's
 * share of it all is a shard, which lives as long as the partition is led here:
 *
 *              leads                    all is read
 *      NONE ─────────► LOADING ──────────────────────────► ACTIVE
 *                       │   ▲
 *           cannot read │   │ tries again, after 0.1 to 10 s
 *                       ▼   │
 *                       FAILED        the role goes: each of them back to NONE
 *
 * Who asks while it is LOADING is told to wait, who asks while it has FAILED that this is not the coordinator
 * (as Kafka does): another one may be able to read.
 *
 * What is coordinated is a state machine on top (struct coordinator_kind): it folds records, decides what to
 * write when somebody asks, and answers when that is committed. The runtime loads and forgets shards, writes,
 * watches over what takes too long, calls duties, and gives answers. README.md shows how one is made. */
#ifndef COORDINATOR_COORDINATOR_H
#define COORDINATOR_COORDINATOR_H

#include "broker/base/arena.h"
#include "broker/protocol/config.h"
#include "broker/protocol/record_frame.h"
#include "broker/record/control.h"
#include "broker/replica/partition.h"

struct coordinator;
struct coordinator_write;

enum shard_state { SHARD_NONE, SHARD_LOADING, SHARD_FAILED, SHARD_ACTIVE };

/* The state machine's own shard begins with one. */
struct coordinator_shard {
    struct coordinator *owner;
    int32_t index;
    enum shard_state state;
    struct partition *partition;
    int32_t leader_epoch;
    struct coordinator_load *load; /* while LOADING or FAILED */
    struct list writes;
    int64_t written_end; /* of the last write */
};

/* What is done in each ACTIVE shard now and then. */
struct coordinator_duty {
    int32_t interval_ms; /* K_CFG_… */
    void (*run)(struct coordinator_shard *s);
};
#define COORDINATOR_DUTIES_MAX 2

/* A state machine, as the runtime sees it. */
struct coordinator_kind {
    const char *topic;        /* that its records are in */
    enum purse purse;         /* that its state is kept in */
    int32_t write_timeout_ms; /* K_CFG_… */
    /* Makes an empty shard; the runtime fills in the part that is its own. */
    struct coordinator_shard *(*shard_new)(struct coordinator *c);
    /* One record of the log, in a batch with that header. Whatever is in it: it must not be trusted. */
    void (*fold)(struct coordinator_shard *s, const struct batch_header *h,
                 const struct record *rec);
    /* A transaction with records in this partition was ended; NULL when there are none. */
    void (*fold_marker)(struct coordinator_shard *s, const struct batch_header *h,
                        const struct marker *m);
    /* Everything is folded in: the time-outs of what is there begin. */
    void (*activate)(struct coordinator_shard *s);
    /* The role is gone: whoever waits hears NOT_COORDINATOR, and all that was folded is forgotten. Writes
     * have been told before. */
    void (*unload)(struct coordinator_shard *s);
    struct coordinator_duty duties[COORDINATOR_DUTIES_MAX]; /* run NULL: none */
};

/* Where records go: the partition, or what a test has in its place. Returns 0 or the protocol's error;
 * 0: coordinator_write_done() follows, later. batch NULL: w waits for what was written before. */
typedef int16_t coordinator_store(struct coordinator_shard *s, struct buf *batch,
                                  struct coordinator_write *w);

struct coordinator_timer {
    struct timer timer;
    struct coordinator *owner;
    const struct coordinator_duty *duty;
};

/* The state machine's own coordinator begins with one. */
struct coordinator {
    const struct coordinator_kind *kind;
    struct slice topic;
    struct env *env;
    const struct config *config;
    const struct image *image;
    coordinator_store *store;
    VEC(struct coordinator_shard *) shards; /* by index */
    struct list answers;                    /* calls to be answered */
    struct task answer_task;
    struct coordinator_timer timers[COORDINATOR_DUTIES_MAX];
    bool stopped;
};

/* ---- coordinator.c ---- */

void coordinator_init(struct coordinator *c, const struct coordinator_kind *kind, struct env *env,
                      const struct config *config, const struct image *image);
/* Nothing is served any more; duties end. */
void coordinator_stop(struct coordinator *c);
/* Of all that is coordinated. */
struct mem *coordinator_mem(struct coordinator *c);
/* The partition of its topic that an id belongs to; n > 0. */
int32_t coordinator_partition(struct slice id, int32_t n);
/* The shard that an id belongs to. NULL with NOT_COORDINATOR or COORDINATOR_LOAD_IN_PROGRESS. */
struct coordinator_shard *coordinator_shard_of(struct coordinator *c, struct slice id,
                                               int16_t *ret_err);
/* Makes it, if this broker has not led the partition yet. */
struct coordinator_shard *coordinator_shard_at(struct coordinator *c, int32_t index);

/* A request, decoded, whose arena lives until it is answered. The answer comes once, always in a later task,
 * so that nothing is changed while it is being walked over. */
struct coordinator_call {
    void (*done)(struct coordinator_call *call, const void *response);
    struct arena *arena;
    int16_t version;
    struct slice client_id, client_host; /* "/127.0.0.1" */
    /* Private. */
    struct list node;
    void *response;
};
void coordinator_answer(struct coordinator *c, struct coordinator_call *call, void *response);

/* ---- shard.c ---- */

/* This broker's role in the partition, or the epoch of it, is another; called for partitions of every topic,
 * after everybody who waited for one has been told. */
void coordinator_role_changed(struct coordinator *c, struct partition *p);
void shard_begin_load(struct coordinator_shard *s);
void shard_unload(struct coordinator_shard *s);
/* All is read. */
void shard_activate(struct coordinator_shard *s);

static inline struct env *
shard_env(const struct coordinator_shard *s)
{
    return s->owner->env;
}

/* ---- load.c ---- */

void shard_cancel_load(struct coordinator_shard *s);

/* ---- write.c ---- */

/* Records on their way into the log. done() is called once: 0, when they are committed; or the
 * protocol's error when they will not be (leadership is gone then, and with it the shard's state).
 * late() is called once when that takes too long (may be NULL): nothing is known yet. */
struct coordinator_write {
    struct append_waiter waiter;
    struct list node;
    struct coordinator_shard *shard;
    struct timer timer;
    void (*done)(struct coordinator_write *w, int16_t err);
    void (*late)(struct coordinator_write *w);
    /* Of records that belong to a producer's transaction: see struct log_append. */
    uint64_t guard;
    bool unverified;
};

/* No client has honest use for more; what would be larger is refused. */
#define COORDINATOR_BATCH_BYTES_MAX (64 << 20)

void shard_builder(struct coordinator_shard *s, struct batch_builder *b);
/* Adds a record, with the present time. Key and value are ours: they can always be written. value NULL: a
 * tombstone. */
void coordinator_add_record(struct batch_builder *b, struct env *env, enum k_msg key_msg,
                            const void *key, enum k_msg value_msg, const void *value);
/* Writes what was gathered (and empties it). Nothing gathered, or too much: RECORD_LIST_TOO_LARGE. With an
 * error nothing was written, and w is not kept. */
int16_t shard_write(struct coordinator_shard *s, struct batch_builder *b,
                    struct coordinator_write *w);
/* The same for a state machine that changes by its fold alone: what is written is folded in before this returns. */
int16_t shard_write_folded(struct coordinator_shard *s, struct batch_builder *b,
                           struct coordinator_write *w);
/* An answer from a state that is not committed could be undone: w->done() comes when all that was written so
 * far is. False: it is so already, and w is not kept. */
bool shard_wait_written(struct coordinator_shard *s, struct coordinator_write *w);
/* A write that nobody waits for. */
int16_t shard_write_silently(struct coordinator_shard *s, struct batch_builder *b);
int16_t shard_write_silently_folded(struct coordinator_shard *s, struct batch_builder *b);
void coordinator_write_done(struct coordinator_write *w, int16_t err);
/* What a client is told when records cannot be stored. */
int16_t coordinator_store_error(int16_t err);

#endif
