/* What the logs hold in the end, and what is committed: the last lines of the history. */
#include "sim/scenario/guests_own.h"

#include "broker/base/check.h"
#include "broker/record/control.h"

struct found_record {
    struct history_read read;
    int64_t producer_id; /* of a transaction that has not ended yet; -1 */
    bool is_aborted;
};

struct reading_back {
    int32_t topic, partition, process;
    int64_t start, end;
    VEC(struct found_record) found;
};

void
guests_log_begin(struct guests *g, struct slice topic, int32_t partition, int64_t start)
{
    g->back = MEM_NEW(g->mem, struct reading_back);
    *g->back = (struct reading_back){.topic = history_topic(&g->h, topic),
                                     .partition = partition,
                                     .start = start,
                                     .end = start,
                                     .process = history_process(&g->h, S("reader"))};
}

static void
transaction_ends(struct reading_back *b, int64_t producer_id, bool is_committed)
{
    for (int64_t i = b->found.n; i-- > 0;) {
        struct found_record *f = &b->found.v[i];
        if (f->producer_id != producer_id) continue;
        f->producer_id = -1;
        f->is_aborted = !is_committed;
    }
}

void
guests_log_batch(struct guests *g, struct slice batch)
{
    struct reading_back *b = g->back;
    struct batch_header h;
    struct marker m;
    if (batch_parse(batch, &h) != BATCH_OK) return;
    b->end = MAX(b->end, batch_next_offset(&h));
    if (marker_parse(&h, batch, &m)) transaction_ends(b, h.producer_id, m.commit);
    struct goods *goods = batch_is_control(&h) ? NULL : goods_of(g, &h, batch);
    for (int32_t i = 0; goods && i < goods->h.records_n; i++) {
        const struct parcel *of;
        int64_t offset = h.base_offset + goods_delta(goods, i);
        uint64_t value = value_of(g, goods, i, b->topic, b->partition, offset, &of);
        struct found_record one = {.read = {offset, value, h.leader_epoch},
                                   .producer_id = batch_is_transactional(&h) ? h.producer_id : -1};
        if (value && offset >= b->start) VEC_PUSH(g->mem, &b->found, one);
    }
    arena_reset(&g->scratch);
}

static struct history_op
final_op(const struct reading_back *b, enum history_kind kind)
{
    struct history_op op = history_op_new(kind, b->process, b->topic, b->partition);
    op.is_final = true;
    op.offset = b->end;
    return op;
}

void
guests_log_end(struct guests *g)
{
    struct reading_back *b = g->back;
    VEC(struct history_read) reads = {0};
    for (int64_t i = 0; i < b->found.n; i++)
        if (b->found.v[i].producer_id < 0 && !b->found.v[i].is_aborted)
            VEC_PUSH(g->mem, &reads, b->found.v[i].read);
    struct history_op op = final_op(b, HISTORY_ASSIGN);
    op.offset = b->start;
    history_add(&g->h, &op, HISTORY_OK, NULL, 0);
    op = final_op(b, HISTORY_END);
    history_complete(&g->h, history_invoke(&g->h, &op), HISTORY_OK, 0, b->partition, b->end);
    op = final_op(b, HISTORY_POLL);
    op.read_committed = true;
    if (reads.n) history_add(&g->h, &op, HISTORY_OK, reads.v, reads.n);
    op = final_op(b, HISTORY_FINAL_END);
    history_add(&g->h, &op, HISTORY_OK, NULL, 0);
    VEC_RELEASE(g->mem, &reads);
    VEC_RELEASE(g->mem, &b->found);
    MEM_DELETE(g->mem, b);
    g->back = NULL;
}

static bool
was_committed_by_guests(const struct guests *g, int32_t group, int32_t topic, int32_t partition)
{
    for (int64_t i = 0; i < g->h.ops.n; i++) {
        const struct history_op *op = &g->h.ops.v[i];
        if (op->kind == HISTORY_COMMIT && op->node == group && op->topic == topic &&
            op->partition == partition)
            return true;
    }
    return false;
}

void
guests_committed(struct guests *g, struct slice group, struct slice topic, int32_t partition,
                 int64_t offset)
{
    int32_t of = history_group(&g->h, guests_group(g, group)), t = history_topic(&g->h, topic);
    if (!was_committed_by_guests(g, of, t, partition)) return;
    struct history_op op =
        history_op_new(HISTORY_COMMITTED, history_process(&g->h, S("reader")), t, partition);
    op.node = of;
    op.is_final = true;
    history_complete(&g->h, history_invoke(&g->h, &op), HISTORY_OK, 0, partition, offset);
}
