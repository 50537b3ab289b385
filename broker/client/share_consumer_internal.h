/* Inside the share consumer: its membership, its sessions (one with each leader), its partitions. */
#ifndef CLIENT_SHARE_CONSUMER_INTERNAL_H
#define CLIENT_SHARE_CONSUMER_INTERNAL_H

#include "broker/client/internal.h"
#include "broker/client/share_consumer.h"
#include "broker/protocol/codec.h"

struct share_place {
    struct uuid topic_id;
    int32_t index;
};

struct share_part {
    struct share_place at;
    struct share_link *link;   /* in whose session it is; NULL: none */
    bool is_assigned, is_said; /* is_said: the leader knows that it is in the session */
    VEC(struct share_decided) decided, sent;
};

/* A leader, and the session with it. */
struct share_link {
    struct list node;
    struct share_consumer *sc;
    struct peer *peer;
    struct ask ask;
    int32_t epoch;
    int64_t asked_ns;
    VEC(struct share_place)
    left; /* partitions that its session has, and that another leads: to be forgotten */
};

/* What came with an answer, partition by partition, batch by batch. */
struct share_piece {
    struct list node;
    struct share_consumer *sc;
    struct share_place place;
    int32_t broker;
    int64_t asked_ns;
    struct buf *from;
    struct slice batches, batch;
    int64_t at, next; /* next: the first offset that was given and not come to */
    struct batch_header header;
    VEC(struct share_decided) given; /* the runs; user: the delivery count */
    struct op op;
};

struct share_consumer {
    struct client *c;
    struct env *env;
    struct share_consumer_params params;
    struct slice id;                /* the member's */
    int32_t epoch;                  /* the member's; 0: joins */
    bool is_leaving, is_out, wants; /* wants: the owner polls */
    bool has_given;                 /* since it does */
    int32_t failures;
    int64_t interval_ms;
    struct peer *coordinator;
    struct ask find, beat, look;
    int64_t looked_ns; /* when the last look was asked for */
    struct timer beat_due, fetch_again;
    struct list links, pieces;
    VEC(struct share_part) parts;
    struct task unpack;
    struct client_watcher watcher;
};

/* What came by this link. */
void share_unpack_begin(struct share_link *l, struct share_place place,
                        const struct k_share_fetch_response_partition_data *d, struct buf *from);
void share_unpack(struct task *t);
/* Something was given, or nothing is asked; and nothing is being unpacked. */
void share_maybe_fetched(struct share_consumer *sc);

#endif
