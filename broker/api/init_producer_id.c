/* InitProducerId (KIP-98): an idempotent producer gets a fresh id with epoch 0 from whomever it asks, a
 * transactional one what its transactional id's coordinator says. */
#include "broker/api/handlers.h"
#include "broker/api/waiting_call.h"
#include "broker/base/check.h"
#include "broker/protocol/codec.h"
#include "broker/txn/txns.h"

struct wanted {
    struct producer_id_waiter waiter;
    struct request *r;
};

static void
producer_id_answer(struct request *r, int16_t err, int64_t id)
{
    struct k_init_producer_id_response res;
    codec_default(K_MSG_INIT_PRODUCER_ID_RESPONSE, &res);
    res.error_code = err;
    res.producer_id = err ? -1 : id;
    res.producer_epoch = err ? -1 : 0;
    request_answer(r, &res);
}

static void
got_id(struct producer_id_waiter *w, int16_t err, int64_t id)
{
    producer_id_answer(CONTAINER_OF(w, struct wanted, waiter)->r, err, id);
}

static void
init_txn_answered(struct coordinator_call *c, const void *response)
{
    struct request *r = request_of_call(c);
    struct k_init_producer_id_response res = *(const struct k_init_producer_id_response *)response;
    /* Clients up to version 3 do not know PRODUCER_FENCED. */
    if (r->version < 4 && res.error_code == K_ERR_PRODUCER_FENCED)
        res.error_code = K_ERR_INVALID_PRODUCER_EPOCH;
    request_answer(r, &res);
}

void
handle_init_producer_id(struct server *s, struct request *r)
{
    const struct k_init_producer_id_request *q = r->message;
    /* KIP-360: a producer that goes on names both or neither. */
    if ((q->producer_id == -1) != (q->producer_epoch == -1)) {
        producer_id_answer(r, K_ERR_INVALID_REQUEST, -1);
        return;
    }
    if (q->transactional_id.p) {
        struct coordinator_call *c = waiting_call_new(r);
        c->done = init_txn_answered;
        txns_init_producer(s->txns, q, c);
        return;
    }
    struct wanted *w = REQUEST_NEW(r, struct wanted);
    w->r = r;
    w->waiter.done = got_id;
    producer_ids_next(s->producer_ids, &w->waiter);
}
