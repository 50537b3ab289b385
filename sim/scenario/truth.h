/* What the cluster is like in truth: who leads, who is in sync, who is fenced, who is the active
 * controller, learned from the notes that nodes leave. Steps that name roles, conditions and the story of
 * a run ask here. */
#ifndef SIM_SCENARIO_TRUTH_H
#define SIM_SCENARIO_TRUTH_H

#include "sim/scenario/scenario.h"

#define TRUTH_NODES 128
#define TRUTH_REPLICAS 16
#define TRUTH_MACHINES 1024 /* of which it is counted what they send */

struct ids_few {
    int32_t v[TRUTH_REPLICAS];
    int32_t n;
};

struct truth_partition {
    struct slice name, topic;
    int32_t partition;
    int32_t leader; /* -1: nobody */
    int64_t leader_epoch, partition_epoch, high_watermark;
    int64_t offset;    /* of what was decided last, in the quorum's log */
    int64_t elections; /* how often somebody came to lead it */
    struct ids_few replicas, isr, elr;
};

/* Until this place in the quorum's log a topic of this name was deleted. */
struct truth_deletion {
    struct slice topic;
    int64_t offset;
};

struct truth {
    struct arena *a;
    VEC(struct truth_partition *) partitions;
    VEC(struct truth_deletion) deletions; /* of each name the last */
    bool unfenced[TRUTH_NODES];           /* by broker id */
    bool stopping[TRUTH_NODES]; /* in order: it leads nothing, and is fenced when it has gone */
    int64_t broker_epoch[TRUTH_NODES], standing_offset[TRUTH_NODES]; /* where that was decided */
    /* Its process ended and has not served since. While no controller knows of it the broker still stands in
     * ISRs that it will leave: as soon as it registers, if it died (KIP-966); if it stopped in order, as soon as its old
     * session ends, and that may leave the partition to somebody outside the core. A registration that a controller
     * tells of may be the one before the end: who takes over tells of what it finds. */
    bool has_ended[TRUTH_NODES];
    bool is_over;       /* the story: what the end of a run does is not counted */
    int32_t controller; /* node id; -1 */
    int64_t controller_epoch;
    int32_t quorum_leader; /* node id of who was elected last; -1 */
    int64_t quorum_epoch;
    /* Told after each change that people want to hear of; may be NULL. */
    void (*told)(void *ctx, int64_t at_ns, struct slice line);
    /* Told of each decision of a partition's place; may be NULL. */
    void (*placed)(void *ctx, int64_t at_ns, const struct truth_partition *p);
    void *ctx;
};

void truth_init(struct truth *t, struct arena *a);
void truth_see(struct truth *t, const struct world_event *e);
void truth_ended(struct truth *t, int32_t id);
/* The quorum has committed that the topic is deleted, with the record at this offset. Its controllers need not have told: one that
 * loses its office before it hears that its decision is committed drops what it meant to tell, and who takes over tells of
 * what there is. */
void truth_topic_deleted(struct truth *t, struct slice topic, int64_t offset);
/* Stands in the partition's ISR, and will when it is heard of again. */
bool truth_may_lead(const struct truth *t, const struct truth_partition *p, int32_t id);
/* NULL: no such partition (yet). */
struct truth_partition *truth_partition(struct truth *t, struct partition_ref p);
bool ids_few_has(const struct ids_few *s, int32_t id);

#endif
