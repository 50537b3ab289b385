/* A transactional producer (KIP-98, 360, 890): what is sent between begin and finish becomes visible together,
 * or not at all.
 *
 *      txn_session_init ──► READY ── txn_begin ──► IN_TXN ── txn_finish ──► READY
 *       an id and    ▲                      producer_send on            committed, aborted, or not known
 *       an epoch     └───────────────────── txn_session_producer()
 *
 * Another instance with the same transactional id fences this one: from then on nothing succeeds any more.
 *
 * By version 2, if the cluster has finalised it, brokers add partitions to the transaction as they are written to,
 * and each end gives the producer its next epoch. By version 1 partitions are added before the first batch goes
 * there. One call at a time. */
#ifndef CLIENT_TXN_SESSION_H
#define CLIENT_TXN_SESSION_H

#include "broker/client/membership.h"
#include "broker/client/producer.h"

struct txn_session;

struct txn_params {
    struct slice transactional_id;
    int64_t timeout_ms;  /* transaction.timeout.ms: 60,000 */
    int64_t give_up_ms;  /* of one call: 60,000 */
    int16_t version_max; /* 2 */
};
struct txn_params txn_params_default(void);

/* producer: idempotent, acks all. NULL: parameters that contradict each other. */
struct txn_session *txn_session_new(struct client *c, const struct producer_params *producer,
                                    const struct txn_params *p);
struct producer *txn_session_producer(struct txn_session *t);

enum txn_end {
    TXN_COMMITTED,
    TXN_ABORTED, /* surely nothing of it will be seen */
    TXN_UNKNOWN, /* a commit was asked for, and no answer came */
};

/* The owner's, pending until done(), which comes in a later step. */
struct txn_op {
    void (*done)(struct txn_op *op);
    int16_t error;    /* K_ERR_NONE, or why it did not come out as asked for */
    enum txn_end end; /* of txn_session_finish() */
};

/* An id, and an epoch that fences every instance before. With an error it may be tried again, unless this one is
 * fenced. */
void txn_session_init(struct txn_session *t, struct txn_op *op);
/* After txn_session_init() was done without error, and between transactions. */
void txn_session_begin(struct txn_session *t);

/* What a member of a group has read, as committed with the transaction: offset is the next to be read. */
struct txn_offsets {
    struct slice group_id, member_id, instance_id; /* the last two null: of no member */
    int32_t generation;                            /* or member epoch; -1 */
    const struct group_offset *v;
    int32_t n; /* at least 1 */
};
/* Within a transaction; *o stays until done(). After an error the transaction can only be aborted: of a member that was
 * replaced the coordinator takes nothing (KIP-447). Its end is in vain until txn_session_finish(). */
void txn_session_send_offsets(struct txn_session *t, struct txn_op *op,
                              const struct txn_offsets *o);

/* Waits for what was sent, then commits or aborts. If a send failed, or the transaction cannot be committed for
 * another reason, it is aborted, and error says so. After TXN_UNKNOWN, and after some errors, only txn_session_init() can
 * follow: txn_session_must_init(). */
void txn_session_finish(struct txn_session *t, struct txn_op *op, bool commit);
bool txn_session_must_init(const struct txn_session *t);
bool txn_session_is_fenced(const struct txn_session *t);

#endif
