/* A share group's view of one partition, on the broker that leads the partition: which of its records are out, who
 * holds them and for how long (flight.h), and the writing down of what became of them (persister.h).
 *
 *                  a session names it              read
 *       (none) ──────────────────────► LOADING ─────────► READY
 *                                         │                  │
 *          leadership goes, a coordinator refuses, no session │of the group is left
 *                                         ▼                  ▼
 *                                         (gone; whoever waits is told why)
 *
 * Nothing that a client decides is said to be so before the share coordinator has it. */
#ifndef SHARE_SHARE_PARTITION_H
#define SHARE_SHARE_PARTITION_H

#include "broker/replica/replicas.h"
#include "broker/share/dead_letters.h"
#include "broker/share/flight.h"
#include "broker/share/persister.h"
#include "broker/share/shard.h"

struct share_parts_params {
    struct env *env;
    const struct coordinator *settings; /* any of this broker: for groups' settings */
    const struct image *image;
    struct replicas *replicas;
    struct persister *persister;
    struct dead_letters *dead_letters;
};

struct share_parts {
    struct share_parts_params params;
    struct map by_id;
};

/* Somebody who waits for records; linked until he is told or cancels. err 0: look again; else it is gone. */
struct share_waiter {
    struct list node;
    void (*hear)(struct share_waiter *w, int16_t err); /* must not answer at once */
};
void share_waiter_cancel(struct share_waiter *w);

/* Somebody who acknowledges. */
struct share_ack {
    struct list node;
    void (*done)(struct share_ack *a, int16_t err); /* must not answer at once */
};

/* Reads records to give them out: one at a time, or two would be given the same. sp NULL: it is gone. */
struct share_reader {
    struct share_partition *sp;
};

enum share_partition_state { SHARE_LOADING, SHARE_READY };

struct share_partition {
    struct map_node by_id;
    struct share_parts *owner;
    struct share_id id;
    struct partition *partition;
    int32_t leader_epoch;
    enum share_partition_state state;
    int32_t state_epoch;
    struct flight flight;
    bool start_is_news; /* where it begins was decided here */
    struct persist reading, writing;
    struct arena write_arena; /* of what is being written */
    bool is_writing;
    struct dead_letter_job letters; /* of records that nobody wanted */
    struct arena letters_arena;     /* while they are being written */
    bool has_letters;
    struct list deciding, decided; /* share_acks: of the next write, of the one under way */
    struct list waiters;
    struct share_reader *reader;
    struct fetch_waiter log_waiter;
    struct log_lookup lookup; /* of where it begins */
    struct timer lock_timer, write_timer;
    struct task tell;
};

void share_parts_init(struct share_parts *sps, const struct share_parts_params *p);
/* Leadership is gone, or of another epoch. */
void share_parts_role_changed(struct share_parts *sps, struct partition *p);
/* No session of the group is left here. */
void share_parts_leave_group(struct share_parts *sps, struct slice group);
void share_parts_stop(struct share_parts *sps);

/* Begins it if need be. NULL with UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION, NOT_LEADER_OR_FOLLOWER. */
struct share_partition *share_partition_get(struct share_parts *sps, const struct share_id *id,
                                            int16_t *ret_err);
/* Why this broker cannot serve it: one of those, or 0. */
int16_t share_partition_leads(struct share_parts *sps, const struct share_id *id);
struct share_partition *share_partition_find(struct share_parts *sps, const struct share_id *id);
void share_partition_wait(struct share_partition *sp, struct share_waiter *w);

/* Where the next record to be given out is; -1: there is none now, or somebody reads, or there may be no more under
 * way. */
int64_t share_partition_next(struct share_partition *sp);
/* Largest offset that the group may see, exclusive. */
int64_t share_partition_limit(const struct share_partition *sp);
bool share_partition_reads_committed(const struct share_partition *sp);
void share_partition_begin_read(struct share_partition *sp, struct share_reader *r);
/* Harmless when it is gone. */
void share_reader_end(struct share_reader *r);

/* What was read: a's limits and lock are filled in here. */
int32_t share_partition_acquire(struct share_partition *sp, struct acquire *a, struct arena *arena,
                                struct acquired **ret);
/* True: w->done() comes, with an error that a client may be told. False: *ret_err, 0 or an error. */
bool share_partition_acknowledge(struct share_partition *sp, const struct ack_batch *v, int32_t n,
                                 struct slice member_id, struct share_ack *w, int16_t *ret_err);
/* The member has gone: what it held is there for others. */
void share_parts_take_from(struct share_parts *sps, struct slice group, struct slice member_id);

#endif
