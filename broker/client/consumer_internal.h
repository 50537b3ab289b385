/* Inside the consumer. A partition is in one of these, as its fields tell:
 *
 *      position < 0        its offset is being looked for (or waits for a seek, RESET_NONE)
 *      fetching            part of a request in flight
 *      from != NULL        what was fetched is being handed out, batch by batch
 *      else                to be fetched, when resume_ns has come */
#ifndef CLIENT_CONSUMER_INTERNAL_H
#define CLIENT_CONSUMER_INTERNAL_H

#include "broker/client/consumer.h"
#include "broker/client/internal.h"

struct aborted {
    int64_t producer_id, first_offset;
};

struct assigned {
    struct list node;
    struct consumer *r;
    struct slice topic;
    int32_t partition, node_id;
    void *user;
    bool paused, gone, fetching;
    int64_t position;
    int32_t epoch; /* of the last record read; -1: none */
    bool
        was_committed; /* nothing was read yet: the epoch is what was committed with the position … */
    int64_t waits_since_ns; /* … and no leader of such an epoch is known since then; 0: one is */
    struct uuid topic_id;   /* in which topic the position is; zero: not known yet */
    bool is_of_one_topic;   /* it goes on in no other one of its name */
    bool is_by_id;          /* what was fetched was asked for so */
    int64_t want;           /* the offset or time looked for, while position < 0 */
    bool wants;             /* false: it waits for a seek */
    int64_t seeks;          /* counts; what was asked under another count is void */
    int64_t lookup_seeks, op_seeks;
    int64_t resume_ns;
    int32_t failed_epoch; /* the leader's, when it last failed */
    int32_t failures;
    int32_t near_id;       /* the replica in our rack, which the leader named (KIP-392) … */
    int64_t near_until_ns; /* … and not asked after that; near_id -1: none */
    struct lookup lookup;
    /* What was fetched. */
    struct buf *from;
    struct slice batches, batch;
    int64_t at, high_watermark;
    struct batch_header header;
    struct op op;
    VEC(struct aborted) aborted; /* of the answer, not begun yet */
    VEC(int64_t) aborting;       /* producer ids */
};

struct fetch_item {
    struct assigned *a;
    int64_t position, seeks;
    int32_t
        leader_epoch; /* by which the broker was chosen, and by none that is heard of while this waits to be sent */
    struct uuid topic_id;
};

/* One request at a time to each broker, but for what is assigned twice. */
struct fetch {
    struct list node;
    enum purpose purpose; /* of its connection */
    struct consumer *r;
    struct peer *peer;
    struct ask ask;
    VEC(struct fetch_item) items;
};

struct consumer {
    struct client *c;
    struct env *env;
    struct consumer_params params;
    struct list assigned, fetches;
    int32_t unpacking; /* batches that are being decompressed */
    struct client_watcher watcher;
    struct task pump;
    struct timer wake;
};

#define CONSUMER_TELL(a, callback, ...) \
    ((a)->r->params.ops->callback \
         ? (a)->r->params.ops->callback((a)->r->params.owner, (a), __VA_ARGS__) \
         : (void)0)

/* ---- consumer.c ---- */

void assigned_move(struct assigned *a, int64_t position);
/* Looks for `want` from now on. */
void assigned_look(struct assigned *a, int64_t want);
void assigned_backoff(struct assigned *a);
/* Its topic is another one than what has its name, as far as is known here; then that is asked for again. */
bool assigned_is_of_another(struct assigned *a);

/* ---- consumer_fetch.c ---- */

/* Asks for what can be asked for; lowers *wake_ns to when more can. */
void consumer_fetch(struct consumer *r, int64_t *wake_ns);

/* ---- consumer_records.c ---- */

/* Takes over what an answer brought, and hands it out. */
void assigned_take(struct assigned *a, const struct k_fetch_response_partition_data *data,
                   struct buf *from);
void assigned_drop(struct assigned *a);

#endif
