/* Inside the client: peers (addresses that we may talk to), links (a connection to a peer for one purpose,
 * and what its other end can speak), asks (one request on a link), and the metadata cache. */
#ifndef CLIENT_INTERNAL_H
#define CLIENT_INTERNAL_H

#include "broker/client/client.h"
#include "broker/protocol/channel.h"

#include "apis.h"
#include "errors.h"

/* A fetch that waits for data, or a join that waits for others, must not hold up the rest: answers come in order. */
enum purpose { FOR_CONTROL, FOR_PRODUCE, FOR_FETCH, FOR_FETCH_BESIDE, FOR_GROUP, PURPOSES_N };

struct link;

/* One request. It is written when the link knows which version both ends speak. */
struct ask {
    /* Set by the owner. */
    int16_t api_key, version_min, version_max;
    bool no_answer;
    int64_t timeout_ms;
    /* The request in this version, in scratch memory. */
    const void *(*build)(struct ask *a, int16_t version);
    /* response: decoded, in scratch memory; NULL if err or no_answer. Never called within ask_send. `sent`
     * tells whether the other end may have seen the request. */
    void (*done)(struct ask *a, enum env_err err, const void *response, struct buf *from);
    /* The link's. */
    struct link *link;
    struct call call;
    struct list node;  /* among those that wait for the versions, or that failed at once */
    struct timer late; /* while it waits for them */
    int16_t version;
    int64_t asked_ns; /* when ask_send() was called last */
    bool pending, sent;
};

enum link_state { LINK_NEW, LINK_ASKING, LINK_READY };

struct api_range {
    int16_t min, max;
};

struct link {
    struct client *c;
    struct channel ch;
    enum link_state state;
    struct call hello; /* ApiVersions */
    int16_t hello_version;
    struct list waiting;
    bool is_wanted; /* the watchers are told when it is ready, or when that has failed */
    struct api_range ranges[K_APIS_N]; /* of the other end; max -1: not served */
    int16_t txn_level;                 /* transaction.version, as the cluster has finalised it */
};

/* A broker, or an address from the bootstrap list (id -1). Never freed. */
struct peer {
    struct list node;
    int32_t id;
    bool listed; /* in the latest metadata, or bootstrap */
    struct slice host;
    int32_t port;
    struct link *links[PURPOSES_N];
};

struct part {
    int32_t leader, leader_epoch;
    struct peer *peer; /* the leader's, once it was looked for and known */
};

/* A topic that somebody wanted. Never freed: whoever asks often keeps it instead of its name. */
struct topic {
    struct list node;
    struct slice name;
    struct uuid id;
    int16_t error; /* of the latest answer */
    struct part *parts;
    int32_t parts_n;
};

struct client {
    struct env *env;
    struct client_params params;
    struct list peers, topics, watchers;
    struct peer *current; /* for what any broker can answer */
    struct ask metadata;
    struct timer refresh;
    int64_t answered_ns;          /* the latest metadata */
    int32_t failures;             /* in a row, of metadata */
    bool again;                   /* something was wanted after the request had been sent */
    bool is_doubtful;             /* what was told turned out wrong: ask another one next */
    struct peer *asked, *told_by; /* who was asked for metadata last, and who answered last */
    struct list failed;           /* asks to be told so */
    struct task tell;
};

/* ---- links.c ---- */

struct peer *client_peer(struct client *c, int32_t id);
/* A broker's address, as metadata or an answer has it. */
struct peer *client_learn_peer(struct client *c, int32_t id, struct slice host, int32_t port);
struct peer *client_add_bootstrap(struct client *c, struct slice host, int32_t port);
/* For what any broker can answer: not one with which there should be a connection and is none, if there is another. */
struct peer *client_any_peer(struct client *c);
/* The one in use did not answer. */
void client_next_peer(struct client *c);
void ask_send(struct client *c, struct peer *p, enum purpose purpose, struct ask *a);
/* A request would go out at once. If not, a connection is made: the watchers are told when it is there; when that
 * fails, too, and then metadata is asked for. */
bool client_reaches(struct client *c, struct peer *p, enum purpose purpose);
void client_tell_failed(struct task *t);

/* ---- find_coordinator.c ---- */

/* key_type: 0 of a group, 1 of a transactional id. For the version that an ask's build() is told. */
const void *client_find_build(struct client *c, int8_t key_type, const struct slice *key,
                              int16_t version);
/* For an ask's done(). NULL: nobody for now; where nobody answered another broker is asked next. */
struct peer *client_found_peer(struct client *c, const struct ask *a, enum env_err err,
                               const void *response);

/* ---- metadata.c ---- */

void client_metadata_init(struct client *c);
struct topic *client_topic(struct client *c, struct slice name); /* NULL: never wanted */
struct topic *client_topic_by_id(struct client *c, struct uuid id);
void client_tell_watchers(struct client *c);
/* Whom to ask about a partition; NULL: not known. */
struct peer *topic_leader(struct client *c, struct topic *t, int32_t partition);
/* NULL: not known. */
struct part *client_part(struct client *c, struct slice topic, int32_t partition);
/* From an answer (KIP-951). True: that was news. */
bool client_learn_leader(struct client *c, struct slice topic, int32_t partition, int32_t leader,
                         int32_t leader_epoch);
/* Somebody has led the partition under this epoch: whoever leads it under an older one is not asked any more. */
void client_see_epoch(struct client *c, struct slice topic, int32_t partition,
                      int32_t leader_epoch);
/* retry.backoff.ms doubled with each attempt after the first, a fifth more or less. */
int64_t client_backoff_ns(struct client *c, int32_t attempts);

#endif
