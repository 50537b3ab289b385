/* The model: what every node's logs hold and what the controller decided, as the nodes' notes tell it.
 * Invariants and oracle each keep one. Batches are shared: the same batch in two logs is the same object,
 * so two logs agree up to a place if they have the same batch there. */
#ifndef SIM_CHECK_MODEL_H
#define SIM_CHECK_MODEL_H

#include "broker/base/map.h"
#include "broker/base/uuid.h"
#include "broker/env/notes.h"

#define MODEL_IDS_MAX 16

struct model_ids {
    int32_t n, v[MODEL_IDS_MAX];
};
bool model_has(const struct model_ids *ids, int32_t id);

struct batch {
    struct map_node node;
    struct topic_key *key;
    int64_t base, last;
    int32_t epoch;
    uint32_t crc;
    struct batch *prev;     /* before it in the log that had it first; NULL: not known */
    const uint64_t *values; /* NULL: not known */
    /* As its header says, once somebody has looked at it on a disk. */
    bool is_looked_at, is_transactional, is_control;
    bool is_commit; /* a marker that commits; of the coordinator in this epoch: */
    int32_t coordinator_epoch;
    int16_t producer_epoch;
    int32_t sequence;
    int64_t producer; /* -1: none */
    int64_t max_timestamp;
};

/* What the controller decided of a partition. */
struct decision {
    bool known;
    int32_t leader, leader_epoch, partition_epoch;
    bool unclean;
    bool recovers;  /* its leader may lack what was committed, and says so */
    int64_t offset; /* in the metadata log, as far as it is known */
    struct model_ids replicas, isr, elr,
        last; /* last: known to have led, when ISR and ELR are empty */
};

/* A leader that the controller chose, and whether it may lack what is committed. */
struct election {
    int32_t epoch;
    bool is_lossy; /* by the operator's leave, or nobody who might lead had it all */
};

/* All below `end` was committed by the leaders of epochs up to this one. */
struct commits {
    int32_t epoch;
    int64_t end;
};

/* One partition of a topic, or the metadata log. */
/* Up to where a replica said that it has the log, to the leader of this epoch. */
struct heard {
    int32_t id, leader_epoch;
    int64_t end;
    /* What its leader has answered, so that it surely knows of it: the last, and when it was all that there was (-1: never). */
    int64_t answered_end, caught_up_ns;
};

/* How long a leader has waited for a follower to come to where its log ended at some time. */
struct lag {
    int32_t id;
    int64_t end, since_ns;
};

/* What a directory of logs has written down of all of them. */
enum checkpoint {
    CHECKPOINT_OF_SYNCED,
    CHECKPOINT_OF_COMMITTED,
    CHECKPOINT_OF_STARTS,
    CHECKPOINTS_N
};

/* A log, when a checkpoint was written last. */
struct checkpoint_seen {
    bool is_open;
    int64_t start;
};

/* Files of a log that were not all on the medium while a cleaning was under way: where they begin. */
struct unsettled {
    int64_t cleaned_base; /* of the segment that the cleaning has made last */
    int32_t n;
    int64_t v[MODEL_IDS_MAX];
};

struct topic_key {
    struct map_node node; /* the newest of its subject */
    struct topic_key
        *older;     /* of the same name, of a topic that was deleted before this one was made */
    struct uuid id; /* of its topic; zero: not known */
    struct slice subject, topic;
    int32_t partition, index;
    bool is_compacted; /* may lack batches, and have others without some of their records */
    bool is_retired;   /* its topic was deleted */
    struct decision now, before; /* before the last change of leader */
    struct model_ids stood;      /* ISR and ELR; if there is nobody in them, who was so last */
    struct model_ids died;       /* without order, and not in the ISR again since */
    VEC(struct election) elections;
    VEC(struct heard) heard;       /* what replicas have told their leaders */
    int64_t ghost;                 /* the true high watermark */
    int64_t most;                  /* the greatest that any leader ever had */
    VEC(struct commits) commits;   /* metadata: what the leader of each epoch committed */
    VEC(struct batch *) committed; /* up to it */
    VEC(int64_t) leaders;          /* who led an epoch: epoch << 16 | node */
    void *user;
};

struct node_log {
    struct topic_key *key;
    VEC(struct batch *) v;
    int64_t start, written, synced, hw;
    int64_t
        cut_end; /* of a compacted log that was cut: it ends there, though its last batch may end before; 0 */
    int64_t
        deleted_to; /* how far the start ever was: a process that dies may not have written it down */
    int64_t
        anew; /* it was cut wholly and begins here: what lay before was given up; 0: never in this life */
    bool is_bound;             /* of the logs of this name the one that its node opened last */
    bool leads, open, hurt;    /* hurt: its node died since it was last read */
    bool by_power;             /* … and its power went */
    bool is_syncing;           /* since the note that it began to */
    int64_t synced_file;       /* the file, by base offset, that was synced since; -1 */
    int32_t epoch;             /* the leader epoch it was told last; -1 */
    int32_t partition_epoch;   /* and the partition epoch that goes with it */
    int32_t checked_epoch;     /* of the last leadership that was looked at */
    int64_t led_from_ns;       /* it leads since … */
    struct model_ids led_with; /* … and these have been in its ISR all the time */
    bool is_asking;            /* as a leader, for another ISR */
    VEC(struct lag) lags;
    int32_t isr_epoch;        /* the leader epoch in which it last told on whom it counts … */
    int32_t counted_epoch;    /* … and the partition epoch … */
    struct model_ids counted; /* … as a leader: the ISR, and what it asked for */
    struct checkpoint_seen checkpoints[CHECKPOINTS_N];
    bool has_hw_file; /* a file of high watermarks got its name since it was opened */
    int64_t cut_to;   /* where the batch ended at which it was cut last since then */
    struct unsettled unsettled;
    void *user;
};

struct model_node {
    struct slice name;
    int32_t id;                  /* node.id */
    bool is_voter, up, current;  /* current: registered and unfenced since its last power loss */
    bool is_unknown;             /* its process has ended, and none has registered since */
    bool has_died;               /* … and it, or one since, ended without order */
    bool is_spoilt;              /* its disk was damaged: what lies there is not what it wrote */
    VEC(struct node_log *) logs; /* by index of the key; may hold NULL */
};

struct model {
    struct mem *mem;
    VEC(struct model_node) nodes;
    VEC(struct topic_key *) keys;
    struct map batches, subjects;
    struct topic_key *found[16]; /* lately, by the last digit of the subject */
    VEC(struct slice) compacted; /* topics */
};

void model_init(struct model *t, struct mem *mem);
void model_release(struct model *t);

/* b1 → 1, k1 → 101. -1: not a node's name. */
int32_t model_id_of(struct slice name);
void model_set_node(struct model *t, int32_t node, struct slice name, int32_t id, bool is_voter);
/* NULL: none such. */
struct model_node *model_node(struct model *t, int32_t node);
struct model_node *model_node_by_id(struct model *t, int32_t id);

/* The topic is, or may be, compacted. Its batches are known by offset and epoch alone: a cleaning makes others of
 * them, with the same places. */
void model_compacted(struct model *t, struct slice topic);
/* The batch at this offset may have gone from a log that goes beyond it. */
bool model_may_lack(const struct node_log *l, int64_t offset);
/* "orders-0", the newest of this name; made if need be. */
struct topic_key *model_key(struct model *t, struct slice subject);
/* That of the topic with this id; made if need be. */
struct topic_key *model_key_of(struct model *t, struct slice subject, struct uuid id);
/* NULL: none such. */
struct topic_key *model_find_subject(struct model *t, struct slice subject);
struct topic_key *model_find_key(struct model *t, struct slice topic, int32_t partition);
bool model_is_metadata(const struct topic_key *k);
struct node_log *model_log(struct model *t, int32_t node, struct topic_key *k);
/* A node opens a log: from now on it means this one when it tells of this name. */
struct node_log *model_bind(struct model *t, int32_t node, struct topic_key *k);
/* What the node means by this name; NULL: nothing. */
struct node_log *model_bound(struct model *t, int32_t node, struct slice subject);
/* Of a broker; NULL: nothing known. */
struct node_log *model_log_of(struct model *t, int32_t id, const struct topic_key *k);

/* Where in the log as the disk has it files may be missing, and what follows counts (disk_log.h). */
static inline int64_t
log_gaps_below(const struct node_log *l)
{
    return l->by_power ? l->synced : INT64_MAX;
}

/* What log-append says. ret_conflict: there is another batch of this offset and epoch. */
struct batch *model_append(struct model *t, struct node_log *l, int64_t base, int64_t last,
                           int32_t epoch, uint32_t crc, bool *ret_conflict);
/* What log-truncate says: with an end beyond the log's own all of it goes, and it begins anew there (a follower
 * that ends before its leader's first record). */
void model_cut(struct node_log *l, int64_t end);
void model_recovered(struct node_log *l, int64_t start, int64_t end);
void model_crash(struct model *t, int32_t node, bool power);
void model_wipe(struct model *t, int32_t node);
/* What partition-change says. False: it was known already, or is older than what is known: a leader of the
 * quorum may learn late that it had won an epoch, and tell what held in it when the next one has gone on. */
bool model_decide(struct topic_key *k, const struct note *n);
struct decision model_decision(const struct note *n);
/* The same, known from elsewhere. */
bool model_decide_as(struct topic_key *k, const struct decision *d);
void model_forget_topic(struct model *t, struct slice topic);
/* The topic with this id is deleted. */
void model_forget_id(struct model *t, struct uuid id);

/* The batch that covers the offset; NULL. */
struct batch *log_at(const struct node_log *l, int64_t offset);
struct batch *log_last(const struct node_log *l);
int64_t log_end(const struct node_log *l);
/* The batch that was committed there; NULL. */
struct batch *committed_at(const struct topic_key *k, int64_t offset);

#endif
