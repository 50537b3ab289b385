/* From the command line, the environment and a file to the settings of a node: text pairs, each with
 * the place where it was given. Later ones win:
 *
 *     built-in defaults (without --config) < --config FILE < KAFKA_… variables < --override NAME=VALUE
 *
 * These are pure functions of text; what a setting means, the node knows. */
#ifndef OS_SETTINGS_H
#define OS_SETTINGS_H

#include "broker/base/fmt.h"
#include "broker/node/node.h"

struct os_settings {
    struct mem *mem; /* of all text in here; released as a whole */
    VEC(struct node_setting) v;
};

struct os_options {
    bool help, version;
    struct slice config; /* null: none */
    int64_t memory_bytes;
    struct os_settings overrides;
};

/* false: what is wrong with the arguments is in `why`. argv[0] is not looked at. */
bool os_options_parse(struct os_options *o, struct mem *mem, int argc, const char *const *argv,
                      struct writer *why);
void os_options_help(struct writer *w);

/* The text of a file in the syntax of Java's properties. false: "FILE:LINE:COLUMN: …" in `why`. */
bool os_properties_parse(struct os_settings *s, struct slice file, struct slice text,
                         struct writer *why);

/* KAFKA_A_B=v is a.b=v; __ stands for _ and ___ for -, as in Kafka's container images. CLUSTER_ID goes
 * to *ret_cluster_id. The images' variables for Java itself (KAFKA_HEAP_OPTS …) are left out. */
void os_environment_parse(struct os_settings *s, const char *const *environment,
                          struct slice *ret_cluster_id);

/* What Kafka ships for one node that is broker and controller. */
void os_settings_add_defaults(struct os_settings *s);
/* After all others: what follows from them. A listener named CONTROLLER is the controllers'. A node
 * that was started without a file is a quorum of its own unless it is told of others, is reached as
 * localhost where it listens on all addresses, and keeps as many copies of internal topics as there are
 * nodes, if these are fewer than Kafka's default; also_defaults says that it was. */
void os_settings_add_implied(struct os_settings *s, bool also_defaults);

void os_settings_add(struct os_settings *s, struct slice name, struct slice value,
                     struct slice origin);
/* The last one of that name; NULL: never given. */
const struct node_setting *os_settings_find(const struct os_settings *s, struct slice name);

#endif
