/* What producers, consumers and admin calls of one machine share: the way into the cluster, what is
 * known of it, and the connections.
 *
 *      bootstrap ─► Metadata ─► brokers, topics, leaders ─► links: one connection per broker and purpose
 *                     ▲                                       each begins with ApiVersions (KIP-35, 511)
 *                     └── again every metadata.max.age, and soon after an answer that says "not leader"
 *                         (which may name the new one itself: KIP-951)
 *
 * Nothing here blocks: every call is answered by a callback in a later step. A client lives as long as
 * its machine; there is nothing to free.
 *
 *      struct client_params cp = client_params_default();
 *      cp.bootstrap = S("b1:9092,b2:9092");
 *      struct client *c = client_new(env, &cp);
 *      struct producer *p = producer_new(c, &pp);            producer.h
 *      struct consumer *r = consumer_new(c, &rp);            consumer.h
 *      admin_create_topic(c, &op, &topic);                   admin.h */
#ifndef CLIENT_CLIENT_H
#define CLIENT_CLIENT_H

#include "broker/env/env.h"

struct client;
struct login_kind;

struct client_params {
    struct slice bootstrap; /* "b1:9092,b2:9092" */
    struct slice client_id;
    int64_t request_timeout_ms;                     /* 30,000 */
    int64_t connect_timeout_ms;                     /* of connecting and ApiVersions: 10,000 */
    int64_t retry_backoff_ms, retry_backoff_max_ms; /* 100, 1,000 */
    int64_t reconnect_backoff_ms, reconnect_backoff_max_ms; /* 50, 1,000 */
    int64_t metadata_max_age_ms;                            /* 300,000 */
    bool allow_auto_topic_creation;                         /* true */
    const struct login_kind
        *login; /* NULL: brokers do not ask who it is. Stays as long as the client */
};

struct client_params client_params_default(void);
/* NULL: the bootstrap list cannot be understood. The parameters are copied. */
struct client *client_new(struct env *env, const struct client_params *p);
struct env *client_env(struct client *c);

/* ---- what is known of the cluster ------------------------------------------------------------------ */

struct topic_partition {
    struct slice topic;
    int32_t partition;
    struct uuid topic_id; /* of all topics that had this name; zero: whichever has it */
};

static inline bool
topic_partition_eq(const struct topic_partition *a, const struct topic_partition *b)
{
    return a->partition == b->partition && slice_eq(a->topic, b->topic) &&
           uuid_eq(a->topic_id, b->topic_id);
}

/* -1: not known (yet). */
int32_t client_partitions_n(struct client *c, struct slice topic);
int32_t client_leader(struct client *c, struct slice topic, int32_t partition);
/* Of the topic that has this name now, as far as is known here; zero: not known. */
struct uuid client_topic_id(struct client *c, struct slice topic);
/* Asks for the topic's metadata; from now on it belongs to what is refreshed. */
void client_want_topic(struct client *c, struct slice topic);
/* Refreshes soon: at once, or when the backoff since the last refresh is over. */
void client_refresh(struct client *c);

/* Told after each refresh that succeeded, after each hint of a new leader, and when a broker to which something is to be
 * sent can be reached. */
struct client_watcher {
    struct list node;
    void (*changed)(struct client_watcher *w);
};
void client_watch(struct client *c, struct client_watcher *w);

/* ---- offsets ---------------------------------------------------------------------------------------- */

#define OFFSET_LATEST (-1LL)
#define OFFSET_EARLIEST (-2LL)

/* ListOffsets to the partition's leader, tried again until timeout_ms is over. */
struct lookup {
    void (*done)(struct lookup *l); /* set by the owner */
    void *owner;
    /* The answer. K_ERR_NONE, or why the last attempt failed. */
    int16_t error;
    int64_t offset; /* -1: no record is that young */
    int64_t timestamp;
    int32_t leader_epoch;
    struct lookup_state *state; /* NULL unless pending */
};
/* at_ms: OFFSET_LATEST (by isolation: the high watermark or the last stable offset), OFFSET_EARLIEST, or
 * the first record with this timestamp or later. */
void client_list_offsets(struct client *c, struct lookup *l, struct slice topic, int32_t partition,
                         int64_t at_ms, bool read_committed, int64_t timeout_ms);
/* As this replica has it; -1: the leader. */
void client_list_offsets_of(struct client *c, struct lookup *l, struct slice topic,
                            int32_t partition, int32_t node_id, int64_t at_ms, bool read_committed,
                            int64_t timeout_ms);

#endif
