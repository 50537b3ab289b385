/* Producer ids: the controller hands them to brokers in blocks of 1,000 (KIP-730); a broker asks for
 * the next block when most of the present one is given. */
#ifndef TXN_PRODUCER_IDS_H
#define TXN_PRODUCER_IDS_H

#include "broker/replica/controller_link.h"

struct k_allocate_producer_ids_request;

struct producer_id_waiter {
    struct list node;
    void (*done)(struct producer_id_waiter *w, int16_t err, int64_t producer_id);
};

struct producer_ids;

/* timeout_ms: of one try to get more from the controller. */
struct producer_ids *producer_ids_new(struct env *env, struct raft *raft, int32_t node_id,
                                      int64_t timeout_ms);
void producer_ids_stop(struct producer_ids *ids);
void producer_ids_kick(struct producer_ids *ids);
void producer_ids_set_epoch(struct producer_ids *ids, int64_t broker_epoch);
/* done() is called at once when there is one, else when a block has come. */
void producer_ids_next(struct producer_ids *ids, struct producer_id_waiter *w);

#endif
