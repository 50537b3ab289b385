/* The parts of a node, for the files of this folder. */
#ifndef NODE_INTERNAL_H
#define NODE_INTERNAL_H

#include "broker/api/forwarder.h"
#include "broker/api/producer_ids.h"
#include "broker/api/server.h"
#include "broker/controller/controller.h"
#include "broker/group/coordinator.h"
#include "broker/log/file_replace.h"
#include "broker/node/node.h"
#include "broker/protocol/config.h"
#include "broker/raft/raft.h"
#include "broker/replica/replicas.h"

/* Who this node is, as meta.properties says. */
struct identity {
    struct slice cluster_id;
    int32_t node_id;
    struct uuid directory_id;
    int64_t previous_broker_epoch; /* of the clean shutdown before; -1: it was not clean */
    bool clean;
};

enum lifecycle_state {
    LIFECYCLE_STOPPED,
    LIFECYCLE_REGISTERING,
    LIFECYCLE_STARTING, /* registered and fenced, until metadata and logs are there */
    LIFECYCLE_RUNNING,
    LIFECYCLE_LEAVING, /* controlled shutdown */
};

/* The broker's standing with the controller: registration, then heartbeats (KIP-631). */
struct lifecycle {
    struct node *node;
    enum lifecycle_state state;
    struct controller_link link;
    struct link_call call;
    struct arena arena;
    void *request;
    struct timer timer;
    struct uuid incarnation;
    int64_t broker_epoch, registered_offset;
    bool logs_ready, asking, fenced;
    int64_t leave_deadline_ns;
    struct timer leave_timer;
    void (*left)(struct node *n);
};

struct node {
    struct env *env;
    struct config config;
    struct slice cluster_id_wanted, version;
    int64_t open_files_max;
    struct slice log_dir;
    struct identity identity;
    bool is_broker, is_controller;
    struct server server;
    struct slice inter_broker_listener, controller_listener;
    struct raft *raft;
    struct image image;
    struct controller *controller;
    struct replicas *replicas;
    struct lifecycle lifecycle;
    bool raft_open, replicas_open, listening, announced, started, stopping;
    bool applied; /* the replicas have been given the image; from then on they get deltas */
    int32_t listeners_waiting;

    /* Booting and shutting down. */
    struct op op;
    struct file_slurp slurp;
    struct file_replace replace;
    void (*marker_written)(struct node *n);
    /* A controller says where it is (KIP-919). */
    struct controller_link registration_link;
    struct link_call registration_call;
    struct arena registration_arena;
};

/* settings.c: false after having said why. */
bool node_read_settings(struct node *n, const struct node_params *p);
/* listeners.c */
bool node_make_listeners(struct node *n);
void node_listen(struct node *n);
int32_t node_listener_count(const struct node *n, enum listener_kind kind);
bool node_parse_voters(struct node *n, struct raft_config *rc);
/* identity.c: locks the directory, reads or makes meta.properties, then node_identified(). */
void identity_open(struct node *n);
void identity_write_clean_marker(struct node *n, void (*done)(struct node *n));
/* quorum.c */
void quorum_open(struct node *n);
/* lifecycle.c */
void lifecycle_start(struct node *n);
void lifecycle_metadata_advanced(struct node *n);
void lifecycle_leave(struct node *n, void (*left)(struct node *n));
void controller_registration_start(struct node *n);
/* node.c */
void node_identified(struct node *n);
void node_go_on(struct node *n);
void node_apply_all(struct node *n);

/* Ends the node with a message put together from up to four texts. */
void node_fail(struct node *n, const char *a, struct slice b, const char *c, struct slice d);
struct slice node_path(struct node *n, const char *name);
void node_say(struct node *n, int64_t level, struct slice what);

#endif
