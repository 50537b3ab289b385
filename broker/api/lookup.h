/* What several handlers look up the same way. */
#ifndef API_LOOKUP_H
#define API_LOOKUP_H

#include "broker/api/server.h"
#include "broker/replica/replicas.h"

/* A partition named by its topic's name or, where topic is SLICE_NULL, by its id. NULL with *ret_err:
 * UNKNOWN_TOPIC_ID, UNKNOWN_TOPIC_OR_PARTITION, or NOT_LEADER_OR_FOLLOWER when it exists elsewhere. */
struct partition *lookup_partition(struct server *s, struct uuid topic_id, struct slice topic,
                                   int32_t index, int16_t *ret_err);
/* As the metadata log tells it; NULL when unknown. */
const struct image_partition *lookup_image_partition(struct server *s, struct uuid topic_id,
                                                     struct slice topic, int32_t index);
/* The endpoint of a broker on the listener that a request came by; NULL when it has none there. */
const struct image_endpoint *lookup_endpoint(struct request *r, int32_t broker_id);
/* The broker and that endpoint, unless it is fenced. */
const struct image_broker *lookup_living(struct request *r, int32_t broker_id,
                                         const struct image_endpoint **ret);
/* Kafka's rule for topic names: 1 to 249 of [a-zA-Z0-9._-], not "." or "..". */
bool lookup_is_valid_topic(struct slice topic);

/* Nobody is denied anything here, so whoever asks what it may do is told: all that there is to do. Bits
 * are the codes of Kafka's operations: read 3, write, create, delete, alter, describe, cluster action,
 * describe configs 10, alter configs, idempotent write. */
enum {
    LOOKUP_TOPIC_OPS = 0x0df8,
    LOOKUP_CLUSTER_OPS = 0x1fa0,
};

#endif
