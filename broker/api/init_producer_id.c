/* InitProducerId of an idempotent producer (KIP-98): a fresh id with epoch 0. Transactional ids have a
 * coordinator, which is another matter. */
#include "broker/api/handlers.h"
#include "broker/api/producer_ids.h"
#include "broker/base/check.h"
#include "broker/protocol/codec.h"

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
        producer_id_answer(
            r, q->transactional_id.n ? K_ERR_COORDINATOR_NOT_AVAILABLE : K_ERR_INVALID_REQUEST, -1);
        return;
    }
    struct wanted *w = REQUEST_NEW(r, struct wanted);
    w->r = r;
    w->waiter.done = got_id;
    producer_ids_next(s->producer_ids, &w->waiter);
}
