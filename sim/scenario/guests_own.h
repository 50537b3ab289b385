/* What the files about guests share. */
#ifndef SIM_SCENARIO_GUESTS_OWN_H
#define SIM_SCENARIO_GUESTS_OWN_H

#include "broker/base/map.h"
#include "broker/record/record.h"
#include "sim/scenario/guests.h"

/* A record that a guest sent. */
struct gift {
    struct map_node by_sequence, by_content, by_offset;
    /* Sent later, with the same content to the same partition; of the first such one also the last, and the first that
     * may not have been found: there can be a hundred thousand of one content. */
    struct gift *same, *last, *unfound;
    int64_t op;
    int32_t topic, partition;
    int64_t producer_id; /* -1: without a sequence */
    int16_t producer_epoch;
    int32_t sequence;
    uint64_t content;
    uint64_t value;
    int64_t offset; /* at which it was acknowledged; -1 */
    bool is_found;
    struct slice key; /* its beginning; null: none */
};

/* Of a produce request, for one partition. */
struct offer {
    int32_t topic, partition;
    struct gift **v;
    int32_t n;
};

struct produce {
    struct list node;
    int32_t machine, correlation;
    uint64_t conn;
    int16_t version;
    struct offer *v;
    int32_t n;
};

/* An answer under way. */
struct told_frame {
    struct list node;
    int64_t frame;
    int32_t broker;
    struct produce *asked;
    struct slice bytes;
};

struct guest_counts {
    int64_t acknowledged, errors;
    int16_t last_error;
    VEC(struct gift *) sent; /* the n-th value of its process is the n-th of these */
};

struct guests {
    struct run *r;
    struct mem *mem;
    struct history h;
    struct map by_sequence, by_content, by_offset;
    struct list asked, answers;
    VEC(struct guest_counts) counts; /* by process */
    VEC(struct slice) gone; /* topics that guests deleted, or compact: their records may go */
};

/* NULL: nobody sent it. */
struct gift *gift_of_sequence(const struct guests *g, const struct gift *key);
/* That was acknowledged at key->offset. */
struct gift *gift_of_offset(const struct guests *g, const struct gift *key);
/* The first of those with this content. */
struct gift *gift_of_content(const struct guests *g, const struct gift *key);
uint64_t content_of(const struct record *rec);
/* Calls fn for each record of a batch, compressed or not. */
void each_record(struct guests *g, const struct batch_header *h, struct slice batch,
                 void (*fn)(struct guests *g, void *ctx, const struct record *rec), void *ctx);

#endif
