/* The topology of a streams application (KIP-1071), as its first member says it and as it stands in the log: what each
 * subtopology reads, writes and keeps. What follows from it for topics and tasks is in configure.h. */
#ifndef STREAMS_TOPOLOGY_H
#define STREAMS_TOPOLOGY_H

#include "broker/base/arena.h"

#include "messages.h"

typedef struct k_streams_group_topology_value topology;
typedef struct k_streams_group_topology_value_subtopology subtopology;
typedef struct k_streams_group_topology_value_topic_info topology_topic;
typedef struct k_streams_group_topology_value_copartition_group copartition_group;
typedef struct k_streams_group_topology_value_topic_config topology_topic_config;

/* No application that a person wrote comes near; without them one request could keep the coordinator busy for minutes.
 * Beyond: STREAMS_INVALID_TOPOLOGY. */
#define SUBTOPOLOGIES_MAX 1000
#define TOPOLOGY_TOPICS_MAX 20000 /* mentions of topics, in all places */
#define TOPOLOGY_TASKS_MAX 200000 /* with the topics as they are */

/* 0 or STREAMS_INVALID_TOPOLOGY, and why: what is wrong with it whatever topics there are. */
int16_t topology_check(const topology *t, struct arena *a, struct slice *ret_why);

/* As it is kept: subtopologies sorted by id. Texts and arrays of topics are the request's own. */
void topology_of_request(const struct k_streams_group_heartbeat_request_topology *q,
                         struct arena *a, topology *ret);

/* A copy that lives as long as the arena. */
topology *topology_copy(const topology *t, struct arena *a);

/* The subtopology that reads the topic; NULL: none does. */
const subtopology *topology_reader_of(const topology *t, struct slice topic);

#endif
