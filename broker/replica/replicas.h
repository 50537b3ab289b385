/* All partitions of one broker. They are made, led, followed and deleted as the metadata log says; this part also
 * writes their checkpoints, asks the controller for what they need, and starts the fetchers that they follow with. */
#ifndef REPLICA_REPLICAS_H
#define REPLICA_REPLICAS_H

#include "broker/log/open_files.h"
#include "broker/protocol/config.h"
#include "broker/replica/cleaner.h"
#include "broker/replica/controller_link.h"
#include "broker/replica/partition.h"
#include "broker/replica/topic_config.h"

struct replicas_params {
    int32_t node_id;
    struct slice log_dir;
    const struct config *config;
    struct image *image;
    struct raft *raft;
    struct slice listener;          /* inter.broker.listener.name */
    const struct login_kind *login; /* there; NULL: none is needed */
    bool clean;                     /* the clean-shutdown marker was found */
    int64_t open_files_max;         /* of segments (log/open_files.h) */
};

/* The files of a log directory that are written now and then (checkpoints.c). */
enum checkpoint_kind {
    CHECKPOINT_RECOVERY_POINT,
    CHECKPOINT_HIGH_WATERMARK,
    CHECKPOINT_LOG_START,
    CHECKPOINT_CLEANED,
    CHECKPOINT_KINDS,
};

struct replicas {
    struct env *env;
    int32_t node_id;
    int64_t broker_epoch; /* -1 until registered */
    struct slice log_dir, listener;
    const struct login_kind *login; /* of that listener */
    const struct config *config;
    struct image *image;
    bool clean;
    bool is_recovering; /* after an unclean end, until every log has been opened once */
    bool checkpoints_are_read;
    struct open_files open_files;
    struct map partitions; /* by topic id and index */
    struct map topics;     /* struct topic_config by name */
    struct list fetchers;
    int64_t lag_max_ns;
    struct list deletion_waiters; /* of all partitions */
    struct list dropping;         /* partitions whose files are being removed … */
    int64_t deleting;             /* … and how many will be */
    int64_t
        gone_n; /* partitions that were freed: a pointer to one is good while this stands still */

    /* What the checkpoint files said when this node started: "topic partition offset". */
    struct map checkpoints;
    struct buf *checkpoint_texts[CHECKPOINT_KINDS];
    uint64_t checkpoint_digests
        [CHECKPOINT_KINDS]; /* of what the files say that this process wrote; 0: none yet */
    bool leaves_checkpoints;
    struct checkpoint_waiter left;

    struct strays *strays; /* NULL but while they are looked for (strays.c) */

    struct controller_link alter_link;
    struct list to_alter;
    struct alter_batch *alter_batch; /* the request in flight */
    struct task alter_task;

    struct timer sweep_timer, checkpoint_timer, retention_timer, flush_timer;
    struct checkpoint_writer *writer;
    struct cleaner *cleaner;

    /* Tells when every partition that the image gives this broker has been opened (or has failed). */
    int64_t opening;
    int64_t opening_now; /* of them; the others … */
    struct list to_open; /* … wait for their turn */
    void (*idle)(void *owner);
    void *idle_owner;
    bool stopping;

    /* May be NULL. Told of every new role or leader epoch of a partition, after those who waited for
     * the old one. */
    void (*role_changed)(void *owner, struct partition *p);
    void *role_owner;
};

struct replicas *replicas_new(struct env *env, const struct replicas_params *p);
/* Reads the checkpoint files, then done(). */
void replicas_open(struct replicas *r, void (*done)(void *owner, enum env_err err), void *owner);
/* One partition of the image, as replicas_apply() does for a delta's. */
void replicas_apply_partition(struct replicas *r, const struct image_partition *ip);
/* The whole image has been given in this way. */
void replicas_were_applied(struct replicas *r);
/* Takes over what a delta says; later_ops of partitions run on by themselves. */
void replicas_apply(struct replicas *r, const struct image_delta *d);
/* Closes all logs in order and writes the checkpoints; done() when nothing is under way. all_clean: no
 * log has failed or was still being recovered. One that is being opened without need of a recovery is
 * waited for. */
void replicas_close(struct replicas *r, void (*done)(void *owner, bool all_clean), void *owner);

/* Brokers came, went or were fenced: see deletion.c. */
void replicas_look_deleted(struct replicas *r);

/* What a crash left of deleted partitions (leftovers.c). */
void replicas_remove_leftovers(struct replicas *r);
/* What is not this broker's any more (strays.c). */
void replicas_put_strays_aside(struct replicas *r);
bool replicas_is_moving_aside(const struct replicas *r, struct slice topic, int32_t index);
/* Whether a partition of this name is, or will be, in the directory of that name, or on its way out of it. */
bool replicas_need_name(struct replicas *r, struct slice topic, int32_t index);
/* Ends the node: what happened to what. */
void replicas_log_dir_failed(struct replicas *r, struct slice what, struct slice why);

/* NULL: not on this broker. */
struct partition *replicas_find(struct replicas *r, struct uuid topic_id, int32_t index);
struct partition *replicas_find_by_name(struct replicas *r, struct slice topic, int32_t index);
/* Deletes a partition that is marked so; nothing of it is under way. */
void replicas_drop(struct partition *p);

/* Sends the partition's wanted ISR to the controller, with others that wait (alter_partition.c). */
void replicas_alter_partition(struct partition *p);
void replicas_alter_init(struct replicas *r, struct raft *raft);
void replicas_alter_stop(struct replicas *r);

/* Checkpoint files (checkpoints.c). */
/* Writes all of them; w may be NULL. */
void replicas_checkpoint_now(struct replicas *r, struct checkpoint_waiter *w);
/* What the files said of a partition: 0 when nothing. */
int64_t replicas_checkpointed(struct replicas *r, enum checkpoint_kind kind, struct slice topic,
                              int32_t index);
void replicas_load_checkpoints(struct replicas *r, void (*done)(void *owner, enum env_err err),
                               void *owner);
bool replicas_is_checkpointed(struct replicas *r, struct slice topic, int32_t index);
void replicas_forget_checkpoint(struct replicas *r, struct slice topic, int32_t index);
/* What is left then, of partitions that are not this broker's any more, is written no more. It is known until no file says it. */
void replicas_leave_checkpoints(struct replicas *r);

#endif
