/* What a transactional producer does otherwise: its id and epochs are given to it (txn_session.c), and what it sends belongs to
 * the transaction of now. */
#include "broker/client/producer_internal.h"

void
producer_make_transactional(struct producer *p, struct slice transactional_id,
                            void (*wants_parts)(void *owner), void *owner)
{
    p->transactional_id = transactional_id;
    p->wants_parts = wants_parts;
    p->txn_owner = owner;
}

void
producer_set_identity(struct producer *p, int64_t pid, int16_t epoch, int16_t txn_version)
{
    p->txn_version = txn_version;
    if (p->pid == pid && p->epoch == epoch) return;
    p->pid = pid;
    p->epoch = epoch;
    LIST_EACH(&p->parts, part, struct ppart, node) {
        CHECK(part->in_flight == 0 && list_is_empty(&part->batches));
        part->pid = BATCH_NO_PRODUCER;
        part->next_sequence = part->acked_next = 0;
        part->hole = part->bump = false;
    }
}

void
producer_begin_txn(struct producer *p)
{
    p->in_txn = true;
    p->txn_touched = p->txn_must_abort = false;
    LIST_EACH(&p->parts, part, struct ppart, node) part->txn = PART_IS_OUT;
}

bool
part_is_in_txn(struct producer *p, struct ppart *part)
{
    if (!producer_is_transactional(p)) return true;
    if (p->txn_must_abort || !p->in_txn) return false;
    if (p->txn_version >= 2 || part->txn == PART_IS_ADDED) return true;
    if (part->txn == PART_IS_OUT) part->txn = PART_IS_WANTED;
    return false;
}

void
producer_abandon(struct producer *p)
{
    LIST_EACH(&p->parts, part, struct ppart, node) {
        part->bump = part->hole = false;
        LIST_EACH(&part->batches, b, struct pbatch, node) {
            if (b->state == BATCH_IS_SENT || b->state == BATCH_IS_COMPRESSING) continue;
            if (!b->ended)
                batch_end(p, b, b->maybe_stored ? SEND_UNKNOWN : SEND_FAILED,
                          b->error ? b->error : K_ERR_TRANSACTION_ABORTABLE, -1, -1);
            batch_free(p, b);
        }
    }
}
