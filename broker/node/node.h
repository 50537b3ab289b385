/* A node: a broker, a controller, or both in one. It puts the parts together: configuration,
 * identity on disk, the quorum, the controller, replicas, groups, listeners. A body makes one with
 * node_new() on a fresh env and from then on only delivers events.
 *
 * What a node does when it starts:
 *
 *     lock the log directory ─ meta.properties (or format) ─ quorum opens ─ controller listener
 *       ─ metadata caught up ─ broker registers ─ logs of its partitions recover ─ unfenced ─ serving */
#ifndef NODE_NODE_H
#define NODE_NODE_H

#include "broker/env/env.h"

struct node;

/* One line of configuration, in the order in which it was given; later ones win. origin is for
 * messages: "server.properties:12:1", "--override", "KAFKA_NODE_ID". */
struct node_setting {
    struct slice name, value, origin;
};

struct node_params {
    const struct node_setting *settings;
    int32_t settings_n;
    struct slice cluster_id; /* null: the one on disk, or a new one when this node formats itself */
    struct slice version;    /* of the software, for people */
    int64_t open_files_max;  /* files of partitions' segments that are open at once; 0: 1000 */
};

/* What was wrong with the settings is said by env_fatal(). The settings are copied. */
struct node *node_new(struct env *env, const struct node_params *p);

/* In order: hands leadership over (controlled shutdown), closes logs cleanly, then says
 * NOTE_NODE_STOPPED and env_fatal() with an empty reason. Harmless when under way. */
void node_shutdown(struct node *n);

#endif
