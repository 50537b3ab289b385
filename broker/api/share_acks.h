/* What a member acknowledges with one request, of several partitions; for ShareFetch and ShareAcknowledge. */
#ifndef API_SHARE_ACKS_H
#define API_SHARE_ACKS_H

#include "broker/api/named_parts.h"
#include "broker/api/request.h"
#include "broker/share/share_partition.h"

struct share_acks;

struct share_acks_part {
    struct share_ack ack;
    struct share_acks *of;
    struct uuid topic;
    int32_t partition;
    struct ack_batch *batches;
    int32_t batches_n;
    int16_t err; /* what came of it */
};

struct share_acks {
    void (*done)(struct share_acks *a); /* the last one is known; must not answer at once */
    struct share_acks_part *parts;
    int32_t parts_n;
    int32_t left;
    struct named_parts named; /* while it is filled in */
};

/* Room for what a request says of n partitions, and when all of it is there. */
void share_acks_init(struct share_acks *acks, struct request *r, int32_t n);
void share_acks_gathered(struct share_acks *acks);
/* What it says of this partition, to be filled in. Of one that it names twice, what it says last counts, as in Kafka. */
struct share_acks_part *share_acks_add(struct share_acks *acks, const struct uuid *topic,
                                       int32_t partition);
/* Of the request's; those without batches are left out by whoever fills this in. */
void share_acks_begin(struct share_acks *acks, struct share_parts *sps, struct slice group,
                      struct slice member, bool may_renew);
/* NULL: it acknowledges nothing of that partition. */
struct share_acks_part *share_acks_of(struct share_acks *acks, struct uuid topic,
                                      int32_t partition);

#endif
