/* The parts of a node, for the files of this folder. */
#ifndef NODE_INTERNAL_H
#define NODE_INTERNAL_H

#include "broker/api/forwarder.h"
#include "broker/txn/producer_ids.h"
#include "broker/api/server.h"
#include "broker/api/txn_markers.h"
#include "broker/controller/controller.h"
#include "broker/group/groups.h"
#include "broker/env/wait.h"
#include "broker/log/file_replace.h"
#include "broker/node/clean_end.h"
#include "broker/node/node.h"
#include "broker/protocol/config.h"
#include "broker/raft/raft.h"
#include "broker/replica/replicas.h"
#include "broker/security/sasl_login.h"
#include "broker/security/sasl_settings.h"
#include "broker/txn/verify.h"

/* A directory of this node's: log.dirs, and metadata.log.dir if that is another one. */
struct node_dir {
    struct slice path;
    struct uuid id;
    bool is_formatted; /* it has meta.properties … */
    bool is_version_0; /* … as they were at the time of ZooKeeper */
};

/* Who this node is, as meta.properties says. */
struct identity {
    struct slice cluster_id;
    int32_t node_id;
    struct node_dir dirs[2]; /* the log directory first … */
    int32_t dirs_n, dir_i;   /* … and the one that is being looked at */
    struct slice making;     /* this part of its path */
    bool going_down;         /* what is missing above it has been made */
};

/* The marker of a clean shutdown (clean_end.h). */
struct clean_marker {
    bool was_there, is_there;     /* at the start; now */
    int64_t shown_epoch;          /* in it at the start; -1: none */
    bool is_busy;                 /* being removed; … */
    void (*done)(struct node *n); /* … then this */
    bool all_closed;
    void (*ended)(struct node *n);
    struct file_slurp slurp;
    struct op op;
    struct file_replace replace;
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
    bool asking, fenced, has_asked_to_serve;
    /* Whoever waits for long says so. */
    struct wait register_wait, serve_wait, leave_wait;
    int16_t refused_with; /* by the last answer to a registration */
    int64_t leaving_since_ns;
    struct timer leave_timer, initial_timer;
    void (*left)(struct node *n);
};

/* A setting for one listener: the two limits that have such a form. */
struct listener_limit {
    struct slice listener; /* as given */
    int32_t id;
    int64_t value;
};

/* A setting of SASL for one listener, and perhaps for one mechanism there. */
struct listener_sasl {
    struct slice listener;         /* as given */
    enum sasl_mechanism mechanism; /* SASL_MECHANISMS_N: for all of them */
    int32_t id;
    struct slice value, origin;
};

struct node {
    struct env *env;
    struct config config;
    VEC(struct listener_limit) listener_limits;
    VEC(struct listener_sasl) listener_sasl;
    struct slice cluster_id_wanted, version;
    int64_t open_files_max;
    struct slice log_dir, metadata_dir; /* the same, if metadata.log.dir is not set */
    struct identity identity;
    struct clean_marker marker;
    bool is_broker, is_controller;
    struct server server;
    struct slice inter_broker_listener, controller_listener;
    struct sasl_login *inter_broker_login, *controller_login; /* NULL: PLAINTEXT */
    struct raft *raft;
    struct image image;
    struct controller *controller;
    struct replicas *replicas;
    struct lifecycle lifecycle;
    bool raft_open, replicas_open, listening, announced, started, stopping;
    bool applied; /* the replicas have been given the image; from then on they get deltas */
    int32_t listeners_waiting;

    /* Booting and shutting down. */
    struct wait wait;
    struct op op;
    struct file_slurp slurp;
    struct file_replace replace;
    /* A controller says where it is (KIP-919). */
    struct controller_link registration_link;
    struct link_call registration_call;
    struct arena registration_arena;
};

/* settings.c: false after having said why. */
bool node_read_settings(struct node *n, const struct node_params *p);
/* sasl.c: "listener.name.internal.plain.sasl.jaas.config", whose part from `dot` on is the setting `id`. False: why not,
 * in errors, which has the setting's name already. */
bool node_takes_sasl_for_listener(int32_t id);
bool node_take_sasl(struct node *n, const struct node_setting *s, int64_t dot, int32_t id,
                    struct writer *errors);
/* What is set for a listener that is SASL_PLAINTEXT; NULL after having said what is missing. */
const struct sasl_settings *node_sasl_of(struct node *n, struct slice listener);
/* As whom this node comes to others' listener of that name, by the mechanism that the setting names; NULL after having said
 * what is missing. */
struct sasl_login *node_sasl_login(struct node *n, struct slice listener, int32_t mechanism_id);
/* listeners.c */
bool node_make_listeners(struct node *n);
void node_listen(struct node *n);
/* The port that a listener is bound to; 0: none yet. */
int32_t node_port_of(struct node *n, struct slice listener);
int32_t node_listener_count(const struct node *n, enum listener_kind kind);
bool node_parse_voters(struct node *n, struct raft_config *rc);
/* identity.c: locks the directory, reads or makes meta.properties, then node_identified(). */
void identity_open(struct node *n);
/* Of the directory with __cluster_metadata-0: a voter's name has it (KIP-853). */
struct uuid identity_metadata_dir_id(const struct node *n);
/* clean_marker.c: done() comes when what was asked for is durable. */
void clean_marker_read(struct node *n, void (*done)(struct node *n));
/* Before the first log is opened. done() may come at once. An orderly end that comes meanwhile takes over: then
 * done() does not come. */
void clean_marker_remove(struct node *n, void (*done)(struct node *n));
/* An orderly end: writes the marker if it tells the truth. */
void clean_marker_end(struct node *n, bool all_closed, void (*done)(struct node *n));
/* quorum.c */
/* What its settings make of a controller. */
struct controller_options node_controller_options(const struct node *n);
void quorum_open(struct node *n);
/* lifecycle.c */
void lifecycle_start(struct node *n);
void lifecycle_metadata_advanced(struct node *n);
void lifecycle_leave(struct node *n, void (*left)(struct node *n));
void controller_registration_start(struct node *n);
/* node.c */
void node_identified(struct node *n);
void node_go_on(struct node *n);
void node_open_logs(struct node *n);

/* Ends the node with a message put together from up to four texts. */
void node_fail(struct node *n, const char *a, struct slice b, const char *c, struct slice d);
/* "cannot read data/meta.properties: input/output error" */
void node_fail_on_path(struct node *n, const char *doing, struct slice path, enum env_err err);
/* "log_dir/name" */
struct slice node_path(struct node *n, const char *name);
struct slice node_path_in(struct node *n, struct slice dir, const char *name);
void node_say(struct node *n, int64_t level, struct slice what);

#endif
