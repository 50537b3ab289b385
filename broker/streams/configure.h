/* What a topology comes to with the topics that there are: how many tasks each subtopology has, how many partitions
 * the topics need that the application makes for itself, and which of them are missing. Pure: where partitions are
 * counted is a parameter.
 *
 *      source topics ──► repartition topics ──► copartitioned ones are made equal ──► changelogs ──► tasks
 *      (are there)       (as many as what       (KIP-221: a fixed number holds)       (as many as    (as many as the
 *                         feeds them has)                                              the sources)   sources)
 */
#ifndef STREAMS_CONFIGURE_H
#define STREAMS_CONFIGURE_H

#include "broker/streams/topology.h"

/* As members read them in a heartbeat's answer. */
enum streams_status {
    STREAMS_READY = -1, /* is not said */
    STREAMS_STALE_TOPOLOGY = 0,
    STREAMS_MISSING_SOURCE_TOPICS = 1,
    STREAMS_INCORRECTLY_PARTITIONED_TOPICS = 2,
    STREAMS_MISSING_INTERNAL_TOPICS = 3,
    STREAMS_SHUTDOWN_APPLICATION = 4,
    STREAMS_ASSIGNMENT_DELAYED = 5,
    STREAMS_MISSING_CLIENT_TAGS = 6,
};

/* A topic that the application wants for itself. */
struct internal_topic {
    struct slice name;
    int32_t partitions;
    int16_t replication_factor; /* 0: the default */
    const topology_topic_config *configs;
    int32_t configs_n;
};

struct configured_subtopology {
    struct slice id;
    const subtopology *from;
    int32_t tasks_n;
    bool is_stateful; /* has changelogs: standbys make sense */
};

struct configured {
    int16_t err;                /* STREAMS_INVALID_TOPOLOGY: nothing can be made of it */
    enum streams_status status; /* … or what is in the way */
    struct slice why;           /* in words */
    struct configured_subtopology *subtopologies; /* by id; none before the sources are there */
    int32_t subtopologies_n;
    struct internal_topic *missing; /* by name */
    int32_t missing_n;
};

/* How many partitions the topic has; 0: there is no such topic. */
typedef int32_t topic_partitions(const void *ctx, struct slice topic);

/* The topology has been checked. What is returned lies in the arena, and refers to the topology. */
void topology_configure(const topology *t, topic_partitions *partitions_of, const void *ctx,
                        struct arena *a, struct configured *ret);

/* NULL: there is none. */
const struct configured_subtopology *configured_find(const struct configured *c,
                                                     struct slice subtopology_id);

#endif
