/* The transaction coordinator (KIP-98, 360, 447, 890): which producer a transactional id has, whether it has a
 * transaction, and how that ends.
 *
 * It is a state machine on the coordinator runtime (coordinator/coordinator.h), over __transaction_state. The end of
 * a transaction is decided when the record that prepares it is committed there; then every partition that was
 * written to is told by a marker, again and again until it has it, also by a new coordinator; then a last
 * record says that this is done. What each state is, and what may follow: data.h. */
#ifndef TXN_TXNS_H
#define TXN_TXNS_H

#include "broker/coordinator/coordinator.h"
#include "broker/txn/add_rule.h"
#include "broker/txn/partitions.h"
#include "broker/txn/producer_ids.h"

#include "messages.h"

struct txns;

#define TXNS_TOPIC_NAME "__transaction_state"
#define TXNS_TOPIC S(TXNS_TOPIC_NAME)

/* Markers for partitions that this broker leads: done() comes once, in a later step, with what WriteTxnMarkers
 * would answer (good during the call), or NULL: it must be tried again. */
struct marker_write {
    void (*done)(struct marker_write *w, const struct k_write_txn_markers_response *res);
    const struct k_write_txn_markers_request *request; /* stays until done() */
    struct arena *arena;                               /* the request's */
};

struct txns_params {
    struct env *env;
    const struct config *config;
    const struct image *image;
    int32_t node_id;
    struct slice listener;          /* inter.broker.listener.name */
    const struct login_kind *login; /* there; NULL: none is needed */
    struct producer_ids *ids;
    void (*write_markers)(void *owner, struct marker_write *w);
    void *owner;
};

struct txns *txns_new(const struct txns_params *p);
void txns_role_changed(struct txns *ts, struct partition *p);
void txns_stop(struct txns *ts);

/* Each answers with the response struct of its API; errors are those of its latest version. */
void txns_init_producer(struct txns *ts, const struct k_init_producer_id_request *q,
                        struct coordinator_call *c);
void txns_end(struct txns *ts, const struct k_end_txn_request *q, struct coordinator_call *c);

/* Adds partitions, or says whether they have been added: errs, one for each partition, is filled before done(),
 * which comes once, in a later step. */
struct txn_adding {
    void (*done)(struct txn_adding *a);
    struct slice transactional_id;
    struct add_request q;
    int16_t client_version; /* transaction.version */
    const struct txn_partition *partitions;
    int32_t partitions_n;
    int16_t *errs;
    /* Private. */
    struct list node;
};
void txns_add(struct txns *ts, struct txn_adding *a);

/* These answer at once. */
void txns_list(struct txns *ts, const struct k_list_transactions_request *q, struct arena *a,
               struct k_list_transactions_response *ret);
void txns_describe(struct txns *ts, struct slice transactional_id, struct arena *a,
                   struct k_describe_transactions_response_transaction_state *ret);

#endif
