/* TxnOffsetCommit: the group's coordinator asks the transaction's first whether the group's partition of
 * __consumer_offsets is part of it (KIP-890), or has it added. */
#include "broker/api/handlers.h"
#include "broker/api/waiting_call.h"
#include "broker/group/groups.h"
#include "broker/protocol/codec.h"
#include "broker/protocol/config.h"
#include "broker/txn/verify.h"
#include "configs.h"

struct offset_commit {
    struct txn_check check;
    struct request *r;
    uint64_t guard;
};

/* What clients of this version know. */
static int16_t
offset_commit_error_for(int16_t version, int16_t err)
{
    if (version < 2 && err == K_ERR_COORDINATOR_LOAD_IN_PROGRESS)
        return K_ERR_COORDINATOR_NOT_AVAILABLE;
    if (version < 6 && err == K_ERR_STALE_MEMBER_EPOCH) return K_ERR_ILLEGAL_GENERATION;
    return err;
}

static void
offset_commit_answer(struct request *r, const struct k_txn_offset_commit_response *res)
{
    for (int32_t i = 0; i < res->topics_n; i++)
        for (int32_t k = 0; k < res->topics[i].partitions_n; k++) {
            int16_t *err = &res->topics[i].partitions[k].error_code;
            *err = offset_commit_error_for(r->version, *err);
        }
    request_answer(r, res);
}

static void
offset_commit_refuse(struct request *r, int16_t err)
{
    offset_commit_answer(r, groups_refuse_in_txn(r->message, err, &r->arena));
}

static void
offset_commit_answered(struct coordinator_call *c, const void *response)
{
    offset_commit_answer(request_of_call(c), response);
}

static void
offset_commit_write(struct request *r, uint64_t guard, bool verified)
{
    struct coordinator_call *c = waiting_call_new(r);
    c->done = offset_commit_answered;
    groups_commit_in_txn(r->server->groups, r->message, guard, verified, c);
}

/* A coordinator that cannot be asked: this error makes old clients try again at the same place. */
static int16_t
offset_commit_error(int16_t err)
{
    return err == K_ERR_NETWORK_EXCEPTION ? K_ERR_COORDINATOR_LOAD_IN_PROGRESS : err;
}

static void
offset_commit_checked(struct txn_check *c, int16_t err)
{
    struct offset_commit *oc = CONTAINER_OF(c, struct offset_commit, check);
    if (err) offset_commit_refuse(oc->r, offset_commit_error(err));
    else offset_commit_write(oc->r, oc->guard, true);
}

static int16_t
begin_verification(struct partition *p, const struct k_txn_offset_commit_request *q, bool adds,
                   uint64_t *ret_guard)
{
    struct batch_header h = {.producer_id = q->producer_id,
                             .producer_epoch = q->producer_epoch,
                             .base_sequence = BATCH_NO_SEQUENCE,
                             .attributes = BATCH_TRANSACTIONAL};
    switch (commitlog_verify_txn(&p->log, &h, adds, ret_guard)) {
    case LOG_OK: return 0;
    case LOG_E_FENCED: return K_ERR_INVALID_PRODUCER_EPOCH;
    default: return K_ERR_COORDINATOR_NOT_AVAILABLE;
    }
}

void
handle_txn_offset_commit(struct server *s, struct request *r)
{
    const struct k_txn_offset_commit_request *q = r->message;
    enum txn_client client = txn_client_of_offset_commit(r->version);
    int16_t err = 0;
    uint64_t guard = 0;
    struct partition *p = groups_partition_of(s->groups, q->group_id, &err);
    bool verifies = config_bool(s->config, K_CFG_TRANSACTION_PARTITION_VERIFICATION_ENABLE);
    if (p && !txn_asks_coordinator(client, verifies)) {
        offset_commit_write(r, 0, false);
        return;
    }
    if (p) err = begin_verification(p, q, client == TXN_CLIENT_ADDS, &guard);
    if (err) {
        offset_commit_refuse(r, err);
    } else if (guard == 0) {
        offset_commit_write(r, 0, true);
    } else {
        struct offset_commit *oc = REQUEST_NEW(r, struct offset_commit);
        *oc = (struct offset_commit){.r = r, .guard = guard};
        oc->check = (struct txn_check){.done = offset_commit_checked,
                                       .transactional_id = q->transactional_id,
                                       .topic = GROUPS_TOPIC,
                                       .partition = p->index,
                                       .producer_id = q->producer_id,
                                       .producer_epoch = q->producer_epoch,
                                       .client = client};
        txn_verify(s->txn_verifier, &oc->check);
    }
}
