/* The server side of a node: listeners, sessions, and what handlers may reach. The node fills in the
 * parts that its roles have; a handler is only reached on a listener that serves its API. */
#ifndef API_SERVER_H
#define API_SERVER_H

#include "broker/api/fetch_session.h"
#include "broker/api/request.h"
#include "broker/api/share_session.h"
#include "broker/api/still_leads.h"
#include "broker/env/limits.h"

struct config;
struct image;
struct raft;
struct controller;
struct replicas;
struct groups;
struct forwarder;
struct producer_ids;
struct txns;
struct txn_verifier;
struct sasl_settings;

enum listener_kind { LISTENER_BROKER, LISTENER_CONTROLLER };

/* Of new connections: when the next one may come. */
struct creation_rate {
    int64_t next_ns;
};

struct server_listener {
    struct listener listener;
    struct list node;
    struct server *server;
    enum listener_kind kind;
    struct slice name;            /* PLAINTEXT, CONTROLLER … */
    struct slice host;            /* to bind; empty: all */
    int32_t port;                 /* to bind, then the one bound */
    struct slice advertised_host; /* what clients are told */
    int32_t advertised_port;
    bool is_advertised; /* to clients and other nodes; else whoever knows its port may use it */
    bool is_named;      /* in advertised.listeners */
    bool is_listening;
    int64_t connections_n;
    int64_t connections_max; /* its own max.connections; -1: none */
    int64_t creations_max;   /* its own max.connection.creation.rate; -1: none */
    struct creation_rate rate;
    bool is_inter_broker;             /* brokers use this one */
    bool is_only_theirs;              /* … and clients have another */
    const struct sasl_settings *sasl; /* NULL: PLAINTEXT, nobody is asked who he is */
};

struct server {
    struct env *env;
    int32_t node_id;
    struct slice cluster_id;
    struct uuid directory_id;
    bool is_broker, is_controller;
    int64_t broker_epoch; /* -1 until registered */
    const struct config *config;
    struct image *image; /* what is committed, as far as this node has it */
    struct raft *raft;
    struct controller *controller; /* NULL without that role */
    struct replicas *replicas;     /* NULL without the broker role */
    struct groups *groups;
    struct forwarder *forwarder;
    struct producer_ids *producer_ids;
    struct txns *txns;
    struct txn_verifier *txn_verifier;
    struct shares *shares;
    struct persister *persister;
    struct dead_letters *dead_letters;
    struct share_parts share_parts;
    struct share_sessions share_sessions;
    struct list listeners, sessions;
    int64_t connections_n, leaving_n; /* let in on listeners of brokers (connections.h) */
    struct creation_rate rate;
    struct list outside; /* sessions that wait to be let in */
    struct timer outside_timer;
    struct fetch_sessions fetch_sessions;
    struct leads_asked leads_asked;
    struct partition *found; /* by the last look-up (lookup.c) … */
    int64_t found_when;      /* … when so many had gone */
    int64_t frame_bytes_max; /* socket.request.max.bytes */
    /* queued.max.request.bytes (0: no limit), what clients' requests take of it, and the sessions that are not read on
     * meanwhile. */
    int64_t queued_max, queued_bytes;
    struct list unread;
    struct task read_on;
    int32_t inflating;      /* batches being decompressed … */
    struct list to_inflate; /* … and those that wait for it (produce.c) */
    int64_t idle_max_ns;    /* connections.max.idle.ms; 0: never */
    bool accepting;         /* requests on broker listeners are taken up */
    void (*listener_ready)(struct server *s, struct server_listener *l, enum env_err err);
};

void server_init(struct server *s, struct env *env);
void server_listen(struct server *s, struct server_listener *l);
/* Takes up what waited for the broker to be ready. */
void server_accept_requests(struct server *s);
/* One listener and its connections. */
void server_close_listener(struct server *s, struct server_listener *l);

/* What a frame, and what a decoded message may take. */
int64_t server_frame_bytes_max(const struct server *s);
/* A request that came within another one (Envelope): runs its handler. */
void server_run(struct server *s, struct request *r);

typedef void api_handler(struct server *s, struct request *r);

/* What this software supports, and finalises when it formats a cluster. */
struct server_feature {
    const char *name;
    int16_t min, max, finalised;
};
const struct server_feature *server_features(int32_t *ret_n);

/* NULL: not served on that kind of listener. */
api_handler *dispatch_find(int16_t api_key, enum listener_kind kind);

#endif
