/* Administration: each call is one request to some broker (which forwards it to the controller where that
 * is needed), to the leader of a partition, or to one broker; it is tried again on broken connections and passing
 * errors until its time is over.
 *
 *      op->done = created;
 *      admin_create_topic(c, op, &(struct new_topic){.name = S("orders"), .partitions = 1, .replicas = 3}); */
#ifndef CLIENT_ADMIN_H
#define CLIENT_ADMIN_H

#include "broker/client/client.h"
#include "broker/protocol/codec.h"

struct admin_op {
    void (*done)(struct admin_op *op); /* set by the owner; the op is the owner's again */
    void *owner;
    int64_t timeout_ms; /* of all attempts; 0: 60,000 */
    /* What came of it. */
    int16_t error;        /* the first that the answer has; K_ERR_NETWORK_EXCEPTION: no answer */
    struct slice message; /* with it; may be null; valid during done() */
    const void *response; /* the decoded answer, valid during done(); NULL without one */
    int16_t version;      /* of the answer */
    int32_t attempts;     /* more than one: an earlier one may have taken effect */
    bool in_doubt;        /* with an error: it may have taken effect all the same, or may yet */
    struct admin_state *state;
};

struct topic_setting {
    struct slice name, value;
};
struct new_topic {
    struct slice name;
    int32_t partitions; /* -1: the cluster's default; with placement: 0 */
    int16_t replicas;   /* likewise */
    const struct topic_setting *settings;
    int32_t settings_n;
    const int32_t
        *placement; /* partitions_placed × replicas_placed broker ids; NULL: the cluster chooses */
    int32_t partitions_placed, replicas_placed;
};

void admin_create_topic(struct client *c, struct admin_op *op, const struct new_topic *t);
void admin_delete_topic(struct client *c, struct admin_op *op, struct slice name);
/* So many in all. */
void admin_create_partitions(struct client *c, struct admin_op *op, struct slice topic,
                             int32_t count);
/* Those before this offset; HIGH_WATERMARK: all that are committed. response: struct k_delete_records_response. */
#define HIGH_WATERMARK (-1)
void admin_delete_records(struct client *c, struct admin_op *op, struct slice topic,
                          int32_t partition, int64_t before);
/* response: struct k_metadata_response. topic null: all topics. */
void admin_metadata(struct client *c, struct admin_op *op, struct slice topic);
/* response: struct k_describe_configs_response. */
enum { ADMIN_TOPIC = 2, ADMIN_BROKER = 4, ADMIN_GROUP = 32 };
/* A value that is null goes back to its default. A broker's settings: name is its id, asked of itself; empty: the
 * default of all brokers. */
void admin_alter_configs(struct client *c, struct admin_op *op, int8_t type, struct slice name,
                         const struct topic_setting *settings, int32_t n);
/* The partition's replicas in this order, the preferred leader first (KIP-455); n < 0: what is under way is taken back. */
void admin_reassign(struct client *c, struct admin_op *op, struct slice topic, int32_t partition,
                    const int32_t *replicas, int32_t n);
void admin_elect_leader(struct client *c, struct admin_op *op, bool unclean, struct slice topic,
                        int32_t partition);

#endif
