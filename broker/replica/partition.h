/* One partition on one broker: its log, and the role that the metadata log gives this broker in it.
 *
 *        metadata ──► partition_apply() ──┬─► LEADER    appends; sees followers fetch; advances the high
 *                                         │             watermark; asks the controller to change the ISR
 *                                         └─► FOLLOWER  a fetcher copies from the leader (fetcher.h)
 *
 * The rules stand alone: hw_advance.c, isr_decision.c, low_watermark.c, truncation.c, becoming_follower.c,
 * fetch_backoff.c.
 * What waits for a partition (delayed produce, fetch, deletion) is bound to the leader epoch under which it began: when
 * leadership goes and returns, "high watermark ≥ offset" may speak of another record. */
#ifndef REPLICA_PARTITION_H
#define REPLICA_PARTITION_H

#include "broker/log/commitlog.h"
#include "broker/metadata/image.h"
#include "broker/replica/hw_advance.h"
#include "broker/replica/isr_decision.h"
#include "broker/replica/low_watermark.h"
#include "broker/replica/partition_life.h"
#include "broker/replica/truncation.h"

struct replicas;
struct fetcher;
struct topic_config;

struct follower {
    int32_t broker_id;
    struct follower_progress progress;
};

/* A set of broker ids small enough to be copied around. */
#define REPLICAS_MAX 32
struct isr {
    int32_t n;
    int32_t v[REPLICAS_MAX];
};
bool isr_has(const struct isr *s, int32_t id);

enum isr_state {
    ISR_COMMITTED,
    ISR_PENDING, /* `isr_pending` was asked for; whether the controller did it is not known */
};

/* Somebody who waits for records to be committed (acks=all) or settled here (acks=1). done() is called
 * once: 0, NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS_AFTER_APPEND or KAFKA_STORAGE_ERROR. */
struct append_waiter {
    struct list node;
    void (*done)(struct append_waiter *w, int16_t err);
    int64_t required; /* the end that must be reached */
    bool all;
};
void append_waiter_cancel(struct append_waiter *w);

/* Somebody who reads, and is told of what may be new for him until he cancels. */
enum fetch_news {
    FETCH_NEWS_WRITTEN,
    FETCH_NEWS_COMMITTED,
    FETCH_NEWS_STANDING, /* the ISR, the log's start: to be told or looked at, nothing to wake for */
    FETCH_NEWS_ASKED,    /* nothing new, but somebody wants to know whether his followers follow */
    FETCH_NEWS_ROLE,     /* another role or epoch, a cut; the partition may be gone after this */
};
struct fetch_waiter {
    struct list node;
    void (*hear)(struct fetch_waiter *w, enum fetch_news news); /* must not answer at once */
    bool is_follower;
};
void fetch_waiter_cancel(struct fetch_waiter *w);

/* Somebody who waits until the records below `required` are deleted on every live replica. done() is called
 * once: 0, NOT_LEADER_OR_FOLLOWER or KAFKA_STORAGE_ERROR. */
struct deletion_waiter {
    struct list node, among_all;
    struct partition *partition;
    void (*done)(struct deletion_waiter *w, int16_t err);
    int64_t required;
};
void deletion_waiter_cancel(struct deletion_waiter *w);

/* What a partition waits for after a cut, when it is made or deleted: the checkpoints on disk say what is so now. */
struct partition;
struct checkpoint_waiter {
    struct list node;
    void (*done)(struct checkpoint_waiter *w);
};

/* Who closes the log waits for a cut that is under way. */
struct cut_waiter {
    void (*done)(struct cut_waiter *w);
};

/* Somebody who waits for a partition's log to be open: the metadata log names a leader before the
 * leader has made the directory. ready() is called once, also when that failed. */
struct ready_waiter {
    struct list node;
    void (*ready)(struct ready_waiter *w);
};

struct partition {
    struct map_node by_id;
    struct replicas *owner;
    struct env *env;
    struct slice topic, label; /* "orders", "orders-0" */
    struct uuid topic_id;
    int32_t index;
    struct topic_config *config;
    struct commitlog log;
    enum partition_life life;
    int64_t
        vanished_end; /* of records that were here and are no more (missing_records.h); else 0 */
    struct op aside_op;
    struct list to_open;  /* waits for its log to be opened */
    struct list dropping; /* deleted, and no longer among the owner's partitions */
    struct log_op log_op;

    enum partition_role role;
    int32_t leader_id, leader_epoch, partition_epoch;
    int64_t high_watermark;
    struct list append_waiters, fetch_waiters, ready_waiters, deletion_waiters;

    /* Leader. */
    int64_t epoch_start;
    struct isr replicas, isr, isr_wanted;
    enum isr_state isr_state;
    struct list alter; /* among those whose change is to be sent */
    bool alter_sent;
    int32_t alter_leader_epoch, alter_partition_epoch; /* of the request that is under way */
    VEC(struct follower) followers;

    /* Follower. */
    struct fetcher *fetcher, *cut_for; /* cut_for: whose next Fetch waits for the cut */
    struct list fetching;              /* among the fetcher's partitions */
    struct list to_name;               /* among those that its next Fetch has to name */
    bool is_in_session;                /* the leader knows of it what was named last */
    struct checkpoint_waiter checkpointed;
    struct cut_waiter *cut_waiter;
    int64_t cut_to; /* while its life is CUTTING */
    bool is_cut_fully;
    int64_t fetch_not_before_ns;
    int32_t fetch_refusals; /* in a row */
    int32_t fetching_epoch; /* under which it was asked for last … */
    int64_t asked_from;     /* … and where the log ended, or its first hole began, then */
    bool needs_offsets;     /* the leader said that our end is out of its range */
    /* Our log is empty and is to begin with the batch that this offset lies in: the leader, whose log begins there,
     * gives it for this offset only. Else 0. */
    int64_t fetch_from;
    int64_t start_told; /* where the leader says that its log begins, if ours goes there; else 0 */
};

/* Its log is open, or is being cut: it has a start, an end, and checkpoints. */
static inline bool
partition_has_log(const struct partition *p)
{
    return p->life == PARTITION_OPEN || p->life == PARTITION_CUTTING;
}
/* The one way to another life, along partition_life.h. */
void partition_live(struct partition *p, enum partition_life life);

/* Takes over what the metadata log says, if the log is open. */
void partition_apply(struct partition *p, const struct image_partition *ip);
/* The role ends: deleted, moved away, or shutting down. Everything that waits is told. */
void partition_retire(struct partition *p);
/* The log failed. */
void partition_fail(struct partition *p);
void partition_release(struct partition *p);

/* What the metadata log says of it; NULL: there is no such partition any more. */
const struct image_partition *partition_in_image(const struct partition *p);
/* Its log is being opened, and it will lead when that is done. */
bool partition_will_lead(const struct partition *p);
static inline bool
partition_is_leader(const struct partition *p)
{
    return p->role == PARTITION_LEADER;
}
/* 0, or why a request made with `epoch` (-1: not said) cannot be served by a leader here. */
int16_t partition_check_leader(const struct partition *p, int32_t epoch);
/* Largest offset that a reader may see, exclusive. */
int64_t partition_read_limit(const struct partition *p, bool is_follower, bool read_committed);

/* ---- the leader's part (leader.c) ---- */

bool partition_is_under_min_isr(const struct partition *p);
/* It is in the ISR that is committed, or in one that was asked for and is not refused. */
bool partition_counts_on(const struct partition *p, int32_t broker_id);
/* What is appended has its offsets on return; the answer waits for `w` if acks ask for it. Returns 0
 * or the protocol's error. */
int16_t partition_append(struct partition *p, struct log_append *a, int16_t acks);
/* Calls w->done() when it is so, perhaps at once. */
void partition_wait(struct partition *p, struct append_waiter *w);
/* A follower's fetch: learns where it is, perhaps lets it into the ISR, perhaps advances. */
void partition_fetched_by(struct partition *p, int32_t broker_id, int64_t broker_epoch,
                          int64_t fetch_offset, int64_t log_start);
/* It asked for more at that moment and had all that there was, without naming this partition (KIP-227). */
void partition_follower_polled(struct partition *p, int32_t broker_id, int64_t at_ns);
/* Whether that broker is one of the partition's replicas. */
bool partition_has_replica(const struct partition *p, int32_t broker_id);
/* Looks for followers that have fallen behind. */
void partition_sweep_isr(struct partition *p);
/* The log's settled end, the ISR or a follower moved: advance if the rule says so. */
void partition_try_advance(struct partition *p);
/* The controller's answer to the change that was asked for. */
void partition_isr_answered(struct partition *p, int16_t err, int32_t leader_epoch,
                            int32_t partition_epoch, const int32_t *isr, int32_t isr_n);

/* ---- the leader's part: deleting records (deletion.c) ---- */

#define DELETE_UP_TO_HIGH_WATERMARK (-1)
/* The log begins at `offset` from now on, or later. Returns 0 and what the offset stands for, or the
 * protocol's error. */
int16_t partition_delete_records(struct partition *p, int64_t offset, int64_t *ret_offset);
int64_t partition_low_watermark(const struct partition *p);
/* False: it is so already. True: w->done() will be called. */
bool partition_wait_deleted(struct partition *p, struct deletion_waiter *w);
/* The log's start, a follower's or a broker's standing moved: who waited for it is told. */
void partition_look_deleted(struct partition *p);
void partition_fail_deletions(struct partition *p, int16_t err);

/* ---- the follower's part ---- */

/* Makes sure that no checkpoint on disk lies above `offset`, cuts the log there, then follows on. */
void partition_cut(struct partition *p, int64_t offset, bool fully);

/* Watermark and log start that came with a fetch. */
void partition_follow(struct partition *p, int64_t leader_high_watermark, int64_t leader_log_start);
/* More is written: perhaps the log can begin now where the leader's does. */
void partition_follow_start(struct partition *p);

/* ---- shared ---- */
void partition_set_high_watermark(struct partition *p, int64_t hw);
void partition_tell_readers(struct partition *p, enum fetch_news news);

#endif
