/* The active controller (KIP-631): the one place where it is decided who is alive, who leads, who is
 * in an ISR, which topics exist. It decides on an image of its own that runs ahead of the log:
 *
 *   request ─► handler ─► records ─► proposer (raft)           answer waits ──► committed ─► call->done
 *                            └─────► applied to the own image at once ─┘
 *
 * so that the next request sees what the one before it decided. When leadership is lost, everything
 * not committed is answered NOT_CONTROLLER and the image thrown away: the next leader starts from what
 * the log says. Sessions of brokers are not in the log; a new controller grants each a fresh one.
 *
 * The rules stand in files of their own: leader_choice, elr, isr_change,
 * placement, preferred_leader, session, topic_name. */
#ifndef CONTROLLER_CONTROLLER_H
#define CONTROLLER_CONTROLLER_H

#include "broker/env/env.h"
#include "broker/metadata/image.h"

struct controller;
struct handler;
struct writer;
struct config;

/* The log that the decisions go into. */
struct proposer_ops {
    /* The offset that the first record of the next batch will get; asked only while active. */
    int64_t (*next_offset)(void *owner);
    /* All values (framed) in one batch, all or nothing. True: taken; the offsets are next_offset() and
     * on. False: not now or not the leader any more; the controller answers NOT_CONTROLLER to whoever
     * asked, and goes on until it is told to resign. Must not call back within the call. */
    bool (*propose)(void *owner, int32_t epoch, const struct slice *values, int32_t n);
};

struct controller_feature {
    struct slice name;
    int16_t level;    /* finalised at bootstrap; 0: supported, not finalised */
    int16_t min, max; /* what this software can */
};

/* Zero for a number means the default behind it. Copied. */
struct controller_options {
    int32_t node_id;
    struct slice cluster_id;
    int64_t session_timeout_ms; /* 9000 broker.session.timeout.ms */
    int64_t noop_interval_ms;   /* 500 metadata.max.idle.interval.ms; -1: no NoOpRecords */
    /* 300000 leader.imbalance.check.interval.seconds; -1: auto.leader.rebalance.enable is off */
    int64_t rebalance_interval_ms;
    int64_t unclean_interval_ms;  /* 300000 unclean.leader.election.interval.ms */
    int32_t num_partitions;       /* 1 */
    int16_t replication_factor;   /* 1 default.replication.factor */
    int32_t min_insync_replicas;  /* 1; becomes the cluster's setting at bootstrap */
    bool unclean_leader_election; /* static default */
    bool delete_topics_off;       /* delete.topic.enable is false */
    bool elr_off;                 /* do not finalise eligible.leader.replicas.version */
    const struct config
        *config; /* of the node, which outlives us: bounds of groups' settings; NULL: defaults */
    const struct controller_feature *features; /* NULL: metadata.version 33 and ELR 1 */
    int32_t features_n;
};

/* One request. The caller embeds it and keeps it until done(), which is called once: within
 * controller_request() when there is nothing to wait for, or later. */
struct controller_call {
    /* response: the API's struct k_…_response, complete, error codes included; it lives until done()
     * returns. err is K_ERR_NOT_CONTROLLER when the whole request came to the wrong node (an Envelope
     * says so on the outside), else 0. */
    void (*done)(struct controller_call *call, int16_t err, const void *response);

    /* The controller's. */
    struct controller *controller;
    struct list node;
    struct arena arena;
    void *response;
    const struct handler *handler;
    int16_t version;
    int64_t offset; /* answered when committed */
};

/* Opens nothing, decides nothing until controller_activate(). */
struct controller *controller_new(struct env *env, const struct controller_options *options,
                                  const struct proposer_ops *ops, void *owner);
void controller_free(struct controller *c);

/* This node leads the quorum in `epoch`, and `committed` has every record before that epoch: the
 * controller copies it and begins to decide. An empty log is given its bootstrap records; an open
 * metadata transaction is aborted. */
void controller_activate(struct controller *c, int32_t epoch, const struct image *committed);
/* The broker in the controller's own process, if this node is the quorum's only voter (replacement.h). */
void controller_has_own_broker(struct controller *c, struct uuid incarnation);
/* Not the leader any more. Harmless when not active. */
void controller_resign(struct controller *c);
bool controller_is_active(const struct controller *c);
/* Every record below high_watermark is committed: answers go out. */
void controller_committed(struct controller *c, int64_t high_watermark);

/* Whether there is a handler for the API. BrokerRegistration, BrokerHeartbeat, UnregisterBroker,
 * ControllerRegistration, CreateTopics, DeleteTopics, CreatePartitions, AlterPartition, ElectLeaders,
 * AllocateProducerIds, IncrementalAlterConfigs, AlterConfigs, UpdateFeatures, AssignReplicasToDirs,
 * AlterPartitionReassignments, ListPartitionReassignments, AlterUserScramCredentials (with keys in place of
 * salted passwords). */
bool controller_serves(int16_t api_key);
/* request: the decoded struct k_…_request of this API in this version; needed only during the call.
 * Also while not active: then the answer says so. */
void controller_request(struct controller *c, int16_t api_key, int16_t version, const void *request,
                        struct controller_call *call);
/* The requester has gone: done() will not be called (what was proposed stays proposed). Harmless
 * after done(). */
void controller_call_cancel(struct controller_call *call);

/* "metadata.version is finalised at level 33, it supports 7 to 25": why a node is refused. */
void feature_tell(struct writer *w, struct slice name, int16_t level, int16_t min, int16_t max);

/* The image on which it decides; NULL while not active. For tests and pictures. */
const struct image *controller_image(const struct controller *c);

#endif
