/* A consumer of a share group (KIP-932): is given records, and says of each what became of it. Unlike a member of a
 * consumer group it owns no partition; others are given records of the same one.
 *
 *      share_consumer_poll() ──► ShareFetch to each leader ──► records() ──► share_consumer_acknowledge()
 *              ▲                  (with what was decided)                              │
 *              └───────────────────────────────────────────────────────────────────────┘
 *
 * Like Kafka's it fetches again when all that it was given is decided on. A decision is sent with the next fetch; what
 * came of it is told by acknowledged(). Offsets in which no record lies are decided on here.
 *
 * A partition is known by its topic's id, as its leader and its group know it: one of a topic that was deleted and made again under the same
 * name is another one. */
#ifndef CLIENT_SHARE_CONSUMER_H
#define CLIENT_SHARE_CONSUMER_H

#include "broker/client/client.h"
#include "broker/record/record.h"

struct share_consumer;

enum share_decision {
    SHARE_DECIDE_GAP = 0,
    SHARE_DECIDE_ACCEPT = 1,
    SHARE_DECIDE_RELEASE = 2,
    SHARE_DECIDE_REJECT = 3
};

struct share_given {
    struct uuid topic_id;
    int32_t partition;
    int64_t asked_ns; /* when the fetch that brought them was sent … */
    int32_t broker;   /* … and to whom */
    const struct record *records;
    const int16_t *counts; /* of deliveries, this one included */
    int32_t n;
};

struct share_decided {
    struct uuid topic_id;
    int32_t partition;
    int64_t first, last;
    enum share_decision decision;
    void *user;
};

struct share_consumer_ops {
    void (*records)(void *owner, const struct share_given *g);
    /* in_doubt: with an error; it may have been done, or may yet be. */
    void (*acknowledged)(void *owner, const struct share_decided *d, int16_t error, bool in_doubt);
    /* Nothing more comes of the fetch: the owner should decide on what it has, and poll. */
    void (*fetched)(void *owner);
    /* It will not be a member. */
    void (*refused)(void *owner, int16_t error);
    void (*left)(void *owner);
    /* May be NULL. Else the group is asked now and then (DescribeShareGroupOffsets): all below is done with. */
    void (*start_offset)(void *owner, struct uuid topic_id, int32_t partition, int64_t offset,
                         int64_t asked_ns);
};

struct share_consumer_params {
    struct slice group_id, topic;
    int32_t records_max; /* 500 */
    int32_t max_wait_ms; /* 500 */
    const struct share_consumer_ops *ops;
    void *owner;
};

struct share_consumer_params share_consumer_params_default(void);
struct share_consumer *share_consumer_new(struct client *c, const struct share_consumer_params *p);
/* Of records that it was given. user comes back with acknowledged(). */
void share_consumer_acknowledge(struct share_consumer *sc, const struct share_decided *d);
/* Sends what was decided, and fetches. fetched() follows. */
void share_consumer_poll(struct share_consumer *sc);
/* Sends what was decided; what was not is there for others. left() follows. */
void share_consumer_leave(struct share_consumer *sc);

#endif
