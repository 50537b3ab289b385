/* Where guests' transactions begin and end, as far as they know. */
#include "sim/scenario/guests_own.h"

#include "apis.h"
#include "broker/base/check.h"

static struct maker *
maker_of_producer(const struct guests *g, int64_t producer_id)
{
    for (int64_t i = g->makers.n; i-- > 0;)
        if (g->makers.v[i].producer_id == producer_id) return &g->makers.v[i];
    return NULL;
}

static struct maker *
maker_of_id(const struct guests *g, struct slice id)
{
    for (int64_t i = g->makers.n; i-- > 0;)
        if (slice_eq(g->makers.v[i].id, id)) return &g->makers.v[i];
    return NULL;
}

static struct txn *
new_txn(struct guests *g, int32_t process)
{
    struct txn *t = ARENA_NEW(&g->a, struct txn);
    *t = (struct txn){
        .process = process, .number = ++author_of_process(g, process)->txns, .commit_asked_ns = -1};
    VEC_PUSH(g->mem, &g->txns, t);
    return t;
}

/* An older epoch's is a zombie's: what it does belongs to nothing that will be committed. */
struct txn *
txn_now(struct guests *g, int64_t producer_id, int16_t epoch, int32_t process)
{
    struct maker *m = maker_of_producer(g, producer_id);
    if (!m || epoch < m->epoch) return new_txn(g, process);
    if (!m->txn || m->txn->is_asked || m->txn->is_over || m->txn->process != process)
        m->txn = new_txn(g, process);
    return m->txn;
}

static void
txn_is_over(struct guests *g, struct txn *t, bool is_committed)
{
    if (t->is_over) return;
    t->is_over = true;
    t->is_aborted = !is_committed;
    guests_note(g, is_committed ? ENTRY_COMMITTED : ENTRY_ABORTED, t);
}

/* ---- InitProducerId ---- */

void
take_init(struct guests *g, struct visit *v, const struct request_head *head, struct reader *r)
{
    struct k_init_producer_id_request q;
    if (!codec_decode(K_MSG_INIT_PRODUCER_ID_REQUEST, head->version, r, &g->scratch, &q)) return;
    if (!q.transactional_id.n) return;
    guests_ask(g, v, head)->transactional_id = arena_dup(&g->a, q.transactional_id);
}

/* What was under way is aborted, unless somebody had asked for its commit: then nobody knows. */
void
take_inited(struct guests *g, struct visit *v, struct asked *a, struct reader *r)
{
    struct k_init_producer_id_response q;
    (void)v;
    if (!codec_decode(K_MSG_INIT_PRODUCER_ID_RESPONSE, a->version, r, &g->scratch, &q) ||
        q.error_code)
        return;
    struct maker *m = maker_of_id(g, a->transactional_id);
    if (!m) {
        m = VEC_ADD(g->mem, &g->makers);
        m->id = a->transactional_id;
    }
    if (m->txn && m->txn->commit_asked_ns < 0) txn_is_over(g, m->txn, false);
    m->txn = NULL;
    m->producer_id = q.producer_id;
    m->epoch = q.producer_epoch;
}

/* ---- EndTxn ---- */

void
take_end(struct guests *g, struct visit *v, const struct request_head *head, struct reader *r)
{
    struct k_end_txn_request q;
    if (!codec_decode(K_MSG_END_TXN_REQUEST, head->version, r, &g->scratch, &q)) return;
    struct asked *a = guests_ask(g, v, head);
    const struct maker *m = maker_of_id(g, q.transactional_id);
    if (!m || m->producer_id != q.producer_id || !m->txn || m->txn->is_over) return;
    a->txn = m->txn;
    a->commits = q.committed;
    a->txn->is_asked = true;
    if (q.committed && a->txn->commit_asked_ns < 0)
        a->txn->commit_asked_ns = g->params.now(g->params.ctx);
}

void
take_ended(struct guests *g, struct visit *v, struct asked *a, struct reader *r)
{
    struct k_end_txn_response q;
    (void)v;
    if (!a->txn || !codec_decode(K_MSG_END_TXN_RESPONSE, a->version, r, &g->scratch, &q)) return;
    if (!q.error_code) txn_is_over(g, a->txn, a->commits);
    struct maker *m = maker_of_producer(g, q.producer_id);
    /* With version 2 each transaction has an epoch of its own (KIP-890). */
    if (!q.error_code && m && q.producer_epoch > m->epoch) m->epoch = q.producer_epoch;
}
