#include "broker/client/producer_internal.h"

/* ---- the id ------------------------------------------------------------------------------------- */

static const void *
init_build(struct ask *a, int16_t version)
{
    struct producer *p = CONTAINER_OF(a, struct producer, init_pid);
    struct k_init_producer_id_request *r =
        ARENA_NEW(&p->env->scratch, struct k_init_producer_id_request);
    (void)version;
    codec_default(K_MSG_INIT_PRODUCER_ID_REQUEST, r);
    r->transactional_id = SLICE_NULL;
    r->transaction_timeout_ms = INT32_MAX;
    return r;
}

static void
init_answered(struct ask *a, enum env_err err, const void *response, struct buf *from)
{
    struct producer *p = CONTAINER_OF(a, struct producer, init_pid);
    const struct k_init_producer_id_response *r = response;
    (void)from;
    if (err || r->error_code) {
        p->init_failures++;
        p->init_not_before_ns = env_now_ns(p->env) + client_backoff_ns(p->c, p->init_failures);
        client_next_peer(p->c);
    } else {
        p->init_failures = 0;
        p->pid = r->producer_id;
        p->epoch = r->producer_epoch;
    }
    defer(p->env, &p->pump);
}

void
producer_id_init(struct producer *p)
{
    p->pid = BATCH_NO_PRODUCER;
    p->init_pid = (struct ask){.api_key = K_API_INIT_PRODUCER_ID,
                               .version_max = 5,
                               .timeout_ms = p->params.request_timeout_ms,
                               .build = init_build,
                               .done = init_answered};
}

bool
producer_id_is_there(struct producer *p)
{
    if (p->pid >= 0 || producer_is_transactional(p)) return p->pid >= 0;
    if (!p->init_pid.pending && env_now_ns(p->env) >= p->init_not_before_ns)
        ask_send(p->c, client_any_peer(p->c), FOR_CONTROL, &p->init_pid);
    return false;
}

/* ---- sequences ---------------------------------------------------------------------------------- */

void
batch_give_sequence(struct producer *p, struct pbatch *b)
{
    struct ppart *part = b->part;
    if (part->pid < 0) {
        part->pid = p->pid;
        part->epoch = p->epoch;
    }
    b->has_sequence = true;
    if (producer_is_transactional(p)) {
        b->builder.h.attributes |= BATCH_TRANSACTIONAL;
        p->txn_touched = true;
    }
    b->builder.h.producer_id = part->pid;
    b->builder.h.producer_epoch = part->epoch;
    b->builder.h.base_sequence = part->next_sequence;
    part->next_sequence = sequence_add(part->next_sequence, b->builder.h.records_n);
}

/* Of sequences, which go round. */
static bool
is_at_or_behind(int32_t a, int32_t b)
{
    return (((int64_t)a - b) & INT32_MAX) < INT32_MAX / 2;
}

static int32_t
next_behind(const struct pbatch *b)
{
    return sequence_add(b->builder.h.base_sequence, b->builder.h.records_n);
}

void
part_note_stored(struct ppart *part, const struct pbatch *b)
{
    part->is_new_log = false;
    if (b->has_sequence && is_at_or_behind(next_behind(b), part->acked_next))
        part->acked_next = next_behind(b);
}

/* Is something acknowledged that came behind this one? */
bool
part_has_stored_behind(const struct ppart *part, const struct pbatch *b)
{
    return b->has_sequence && is_at_or_behind(part->acked_next, next_behind(b));
}

/* The broker never saw some sequence and never will, or has forgotten us: what is still queued begins
 * anew under a higher epoch, which also bars whatever of the old one may yet arrive. An epoch counts
 * within a partition, so only this one takes it. */
static void
part_begin_anew(struct producer *p, struct ppart *part)
{
    if (part->pid == p->pid) {
        if (p->epoch == INT16_MAX) {
            p->pid = BATCH_NO_PRODUCER;
            return;
        }
        p->epoch++;
    }
    part->pid = p->pid;
    part->epoch = p->epoch;
    part->next_sequence = part->acked_next = 0;
    part->hole = part->bump = false;
    p->stats.epoch_bumps++;
    LIST_EACH(&part->batches, b, struct pbatch, node) {
        b->has_sequence = false;
        buf_unref(b->bytes);
        b->bytes = NULL;
    }
}

static bool
has_sequenced_batch(const struct ppart *part)
{
    LIST_EACH(&part->batches, b, const struct pbatch, node)
        if (b->has_sequence) return true;
    return false;
}

/* A hole may close by itself: what came behind it was stored, so the numbers go on from there. Only when nothing
 * with a sequence is left is that decided. */
void
part_mend(struct producer *p, struct ppart *part)
{
    if (part->hole && !has_sequenced_batch(part)) {
        if (part->acked_next == part->next_sequence) part->hole = false;
        else part->bump = true;
    }
    /* The epoch is not its own to raise: the transaction is aborted, and with that it gets another one. */
    if (part->bump && producer_is_transactional(p)) p->txn_must_abort = true;
    else if (part->bump && part->in_flight == 0 && producer_id_is_there(p))
        part_begin_anew(p, part);
}
