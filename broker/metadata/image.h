/* The cluster as the metadata log tells it: brokers, topics, partitions, configs, features. Whoever
 * applies the same records gets the same image (KIP-631), so it is a fold: image = apply(image, record).
 *
 *     committed batch ──► image_apply() per record ──► image_batch_end() ──► ops.changed(delta)
 *
 * Records between BeginTransaction and EndTransaction (KIP-868) are kept aside and applied at the
 * end, or forgotten at AbortTransaction: nobody sees half of a transaction.
 *
 * Every list that decides anything is sorted by key: brokers by id, topics by name, partitions by
 * index. Objects do not move while they exist; strings and lists belong to the image. */
#ifndef METADATA_IMAGE_H
#define METADATA_IMAGE_H

#include "broker/base/map.h"
#include "broker/base/uuid.h"

struct arena;

#define NO_LEADER (-1)
#define NO_BROKER_EPOCH (-1)

/* A list of broker ids. */
struct ids {
    int32_t *v;
    int32_t n;
};

bool ids_has(struct ids a, int32_t id);
/* Same members in the same order. */
bool ids_eq(struct ids a, struct ids b);

struct image_endpoint {
    struct slice name, host; /* "PLAINTEXT" */
    int32_t port;
    int16_t security_protocol;
};

struct image_feature_range {
    struct slice name;
    int16_t min, max;
};

/* Also of a controller (KIP-919); then the broker's fields are zero. */
struct image_broker {
    int32_t id;
    int64_t epoch;
    int64_t registered_offset; /* of its last registration record */
    struct uuid incarnation;
    bool is_fenced, in_controlled_shutdown;
    int64_t served_epoch; /* the last one under which it was unfenced, or NO_BROKER_EPOCH */
    struct slice rack;    /* may be null */
    struct image_endpoint *endpoints;
    int32_t endpoints_n;
    struct image_feature_range *features;
    int32_t features_n;
    struct uuid *log_dirs;
    int32_t log_dirs_n;
    struct uuid *cordoned_log_dirs; /* KIP-1066 */
    int32_t cordoned_log_dirs_n;    /* -1: null */
    bool is_changed;                /* stands in the delta */
};

enum { RECOVERY_RECOVERED = 0, RECOVERY_RECOVERING = 1 };

struct image_partition {
    struct image_topic *topic;
    int32_t index;
    int32_t leader; /* or NO_LEADER */
    int32_t leader_epoch, partition_epoch;
    int8_t recovery_state;
    bool is_changed;
    struct ids replicas, isr, adding, removing;
    struct ids elr, last_known_elr; /* KIP-966 */
    struct uuid *directories;       /* as many as replicas, or NULL */
};

struct image_topic {
    struct map_node by_id;
    struct uuid id;
    struct slice name;
    struct image_partition **partitions; /* by index; NULL where the log told of none */
    int32_t partitions_n;
    bool is_created; /* in the delta */
};

enum {
    RESOURCE_TOPIC = 2,
    RESOURCE_BROKER = 4,
    RESOURCE_BROKER_LOGGER = 8,
    RESOURCE_CLIENT_METRICS = 16,
    RESOURCE_GROUP = 32,
};

/* The dynamic settings of one resource; name "" of a broker: of all brokers. */
struct image_config_value {
    struct slice name, value;
};
struct image_config {
    int8_t type;
    struct slice name;
    VEC(struct image_config_value) values; /* by name */
    bool is_changed;
};

struct image_feature {
    struct slice name;
    int16_t level;
};

/* What a user of SCRAM shows that he knows (KIP-554): not the password, but what tells that somebody has it. */
struct image_scram {
    struct slice user;
    int8_t mechanism; /* 1: SCRAM-SHA-256, 2: SCRAM-SHA-512 */
    struct slice salt, stored_key, server_key;
    int32_t iterations;
};

/* What one committed batch (or transaction) changed; pointers are good during the call. */
struct image_deleted_topic {
    struct uuid id;
    struct slice name;
    int32_t partitions_n;
};
struct image_config_key {
    int8_t type;
    struct slice name;
};
struct image_delta {
    int64_t offset; /* of the last record applied */
    int32_t epoch;
    VEC(struct image_topic *) created_topics;
    VEC(struct image_deleted_topic) deleted_topics;
    VEC(struct image_partition *)
    partitions;                         /* changed or new, each once; none of deleted topics */
    VEC(struct image_broker *) brokers; /* changed or new, each once */
    VEC(int32_t) gone_brokers;
    VEC(struct image_config_key) configs;
    bool features_changed;
};

static inline bool
image_delta_is_empty(const struct image_delta *d)
{
    return d->created_topics.n + d->deleted_topics.n + d->partitions.n + d->brokers.n +
                   d->gone_brokers.n + d->configs.n ==
               0 &&
           !d->features_changed;
}

struct image_ops {
    /* May read the image, not change it. */
    void (*changed)(void *owner, const struct image_delta *delta);
};

/* A record of an open transaction, waiting for its end. */
struct image_waiting {
    struct slice value;
    int64_t offset;
};

struct image_brokers {
    struct image_broker **v; /* by id */
    int64_t n, cap;
};

struct image {
    struct mem *mem;
    struct siphash_key key;
    const struct image_ops *ops;
    void *owner;
    struct slice cluster_id; /* the owner's business */
    int64_t offset;          /* of the last record or batch seen; -1 at first */
    int32_t epoch;

    struct image_brokers brokers, controllers;
    VEC(struct image_topic *) topics; /* by name */
    struct map topics_by_id;
    int64_t partitions_n;
    VEC(struct image_config *) configs; /* by type, then name */
    VEC(struct image_feature) features; /* finalised, by name */
    VEC(struct image_scram) scrams;     /* by user, then mechanism */
    int64_t features_epoch;             /* offset of the last change of them; -1 at first */
    int64_t next_producer_id;

    /* Something stands in the log, or in a snapshot made of it (the checkpoint 0-0 of a formatted
     * directory is none): there is no need for bootstrap records. */
    bool has_history;
    bool in_snapshot;
    bool in_transaction;
    VEC(struct image_waiting) waiting;
    struct image_delta delta;
};

/* ops may be NULL. */
void image_init(struct image *im, struct mem *mem, struct siphash_key key,
                const struct image_ops *ops, void *owner);
void image_release(struct image *im);
/* A copy with its own memory, without ops and with an empty delta; ret is not initialised before. */
void image_clone(const struct image *im, struct image *ret);
/* A snapshot takes the place of everything: between the two calls its batches are applied, by
 * image_apply_batch(). The delta at its end names all that is there as changed, as deleted and gone
 * only what is not there any more. end_offset is exclusive. */
void image_snapshot_begin(struct image *im);
void image_snapshot_end(struct image *im, int64_t end_offset, int32_t epoch);

/* One record's value in the metadata log's framing: uvarint 1, type, version, body. Returns NULL, or
 * what is wrong with it: a log that cannot be understood ends the node. */
const char *image_apply(struct image *im, struct slice value, int64_t offset, int32_t epoch,
                        struct arena *scratch);
/* After the last record of a batch (also of one without records for us): tells ops.changed() what has
 * become different, unless a transaction is open. */
void image_batch_end(struct image *im, int64_t last_offset, int32_t epoch);
/* The records of one whole record batch in order, then image_batch_end(). Control batches count as
 * batches without records. */
const char *image_apply_batch(struct image *im, struct slice batch, struct arena *scratch);

/* ---- looking things up ------------------------------------------------------------------------- */

/* NULL when there is none. */
struct image_broker *image_broker(const struct image *im, int32_t id);
struct image_broker *image_controller(const struct image *im, int32_t id);
struct image_topic *image_topic(const struct image *im, struct slice name);
struct image_topic *image_topic_by_id(const struct image *im, struct uuid id);
struct image_partition *image_topic_partition(const struct image_topic *t, int32_t index);
struct image_partition *image_partition(const struct image *im, struct slice topic, int32_t index);
const struct image_endpoint *image_endpoint(const struct image_broker *b, struct slice listener);
/* Registered, not fenced, not shutting down: may lead and may join an ISR (KIP-841). */
bool image_broker_is_active(const struct image *im, int32_t id);
const struct image_config *image_config(const struct image *im, int8_t type, struct slice name);
/* The dynamic value of a setting of exactly this resource; null slice when not set. */
struct slice image_config_value(const struct image *im, int8_t type, struct slice resource,
                                struct slice name);
/* NULL: he has none. */
const struct image_scram *image_scram(const struct image *im, struct slice user, int8_t mechanism);
/* 0 when not finalised. */
int16_t image_feature_level(const struct image *im, struct slice name);
/* The directory in which this broker holds the partition; zero when it is not assigned. */
struct uuid image_partition_directory(const struct image_partition *p, int32_t broker_id);

#endif
