/* The transactions of one partition of __transaction_state, and what the files that handle them share. */
#ifndef TXN_SHARD_H
#define TXN_SHARD_H

#include "broker/coordinator/broker_channels.h"
#include "broker/txn/data.h"
#include "broker/txn/txns.h"

struct txn_write;

/* A transactional id. */
struct txn {
    struct map_node by_id;
    struct txn_shard *shard;
    struct slice id;
    uint64_t serial; /* tells it from another one of the same id, before or after */
    struct txn_data data;
    enum note_txn_end ended_by;       /* of the move that is under way, or was made */
    struct txn_partitions partitions; /* when prepared: those without marker as yet */
    struct txn_write *writing;        /* data.h's next move, on its way into the log */
    struct list ongoing;              /* among its shard's */
    struct list completing;           /* all markers are written, and that could not be said yet */
};

struct txn_shard {
    struct coordinator_shard base;
    struct txns *owner;
    struct map txns;
    struct list ongoing;
};

struct txns {
    struct coordinator base;
    struct txns_params params;
    uint64_t serials_n;
    struct list added; /* struct txn_adding, to be told */
    struct task added_task;
    struct list destinations; /* markers.c */
    struct broker_channels marker_channels;
    struct list resend, completing;
    struct timer resend_timer;
};

static inline struct txn_shard *
txn_shard_of(struct coordinator_shard *s)
{
    return CONTAINER_OF(s, struct txn_shard, base);
}
static inline struct mem *
txns_mem(struct txns *ts)
{
    return coordinator_mem(&ts->base);
}
static inline struct mem *
txn_mem(const struct txn *t)
{
    return txns_mem(t->shard->owner);
}
static inline int64_t
txns_now_ms(const struct txns *ts)
{
    return env_wall_ms(ts->base.env);
}
/* transaction.version as the cluster has finalised it. */
int16_t txns_version(const struct txns *ts);

/* ---- txns.c ---- */

/* The shard that coordinates the id: NULL with the protocol's error. */
struct txn_shard *txns_shard(struct txns *ts, struct slice id, int16_t *ret_err);
struct txn *txn_find(struct txn_shard *s, struct slice id);
struct txn *txn_new(struct txn_shard *s, struct slice id, const struct txn_data *d);
void txn_free(struct txn *t);
/* As the log says it. */
void txn_set(struct txn *t, const struct txn_data *d);
/* The same, as something that happens now. */
void txn_move(struct txn *t, const struct txn_data *d);

/* ---- write.c ---- */

/* The next state of a transaction, on its way into the log. When it is committed it is taken over, and what follows
 * from it begins. answer() is called once: 0, or the error for a client; it may be NULL. */
struct txn_write {
    struct coordinator_write write;
    struct slice id;
    uint64_t serial;
    struct txn_data next;
    struct txn_partitions partitions; /* of ONGOING: all there will be */
    void (*answer)(struct txn_write *w, int16_t err);
    void *call, *response;
};
/* Nothing else of the transaction is on its way. partitions: NULL, or all that there will be (taken over). */
void txn_write_next(struct txn *t, const struct txn_data *next, struct txn_partitions *partitions,
                    void (*answer)(struct txn_write *w, int16_t err), void *call, void *response);

/* ---- records.c ---- */

void txn_fold(struct coordinator_shard *s, const struct batch_header *h, const struct record *rec);
void record_txn(struct batch_builder *b, struct txns *ts, struct slice id, const struct txn_data *d,
                const struct txn_partitions *partitions);
void record_txn_gone(struct batch_builder *b, struct txns *ts, struct slice id);

/* ---- markers.c ---- */

void markers_init(struct txns *ts);
void markers_stop(struct txns *ts);
/* The transaction is prepared: its partitions are told. */
void markers_begin(struct txn *t);

/* ---- duties.c ---- */

void txns_abort_late(struct coordinator_shard *base);
void txns_expire(struct coordinator_shard *base);

#endif
